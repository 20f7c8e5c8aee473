//! The UPSes of the daemon, in the order of the configuration.
//!
//! Callbacks of the loop find a link by its number, never by its place: a reload adds, removes and reorders links, and
//! whatever was under way for one that is gone finds nothing. Which links a turn has touched is noted here, so that a
//! turn costs as much as what happened in it and not as much as there are UPSes.

use crate::link::{Link, LinkId};

/// All links.
#[derive(Default)]
pub(super) struct Links {
    all: Vec<Link>,
    last: u64,
    touched: Vec<LinkId>,
    arranged: bool,
}

impl Links {
    /// A number that no link ever had.
    pub(super) fn next_id(&mut self) -> LinkId {
        self.last += 1;
        LinkId::from_number(self.last)
    }

    /// Adds one at the end.
    pub(super) fn add(&mut self, link: Link) {
        self.touched.push(link.id());
        self.all.push(link);
    }

    /// Takes one out of the list.
    pub(super) fn remove(&mut self, id: LinkId) -> Option<Link> {
        let place = self.all.iter().position(|link| link.id() == id)?;
        self.touched.push(id);
        Some(self.all.remove(place))
    }

    /// Puts the list into the order of `place`.
    pub(super) fn arrange(&mut self, place: impl Fn(&Link) -> Option<usize>) {
        self.all.sort_by_key(|link| place(link).unwrap_or(usize::MAX));
        self.arranged = true;
    }

    /// Whether the order may be another since this was last asked.
    pub(super) fn take_arranged(&mut self) -> bool {
        std::mem::take(&mut self.arranged)
    }

    /// The link with this number, to be changed: what it shows is looked at when the turn ends.
    pub(super) fn touch(&mut self, id: LinkId) -> Option<&mut Link> {
        let link = self.all.iter_mut().find(|link| link.id() == id)?;
        if self.touched.last() != Some(&id) {
            self.touched.push(id);
        }
        Some(link)
    }

    /// The number of the UPS with this name. NUT compares names without regard to case, and so does this.
    pub(super) fn named(&self, name: &str) -> Option<LinkId> {
        self.iter().find(|link| link.name().eq_ignore_ascii_case(name)).map(Link::id)
    }

    /// The name as it is configured of the UPS that somebody wrote in other letters.
    pub(super) fn configured_name(&self, name: &str) -> String {
        let known = self.iter().find(|link| link.name().eq_ignore_ascii_case(name));
        known.map_or(name, Link::name).to_owned()
    }

    /// In the order of the configuration.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.all.iter()
    }

    /// In the order of the configuration, every one of them to be looked at when the turn ends.
    pub(super) fn touch_all(&mut self) -> impl Iterator<Item = &mut Link> {
        self.touched = self.all.iter().map(Link::id).collect();
        self.all.iter_mut()
    }

    /// Those that were touched since this was last asked, each once.
    pub(super) fn take_touched(&mut self) -> Vec<LinkId> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        touched
    }
}
