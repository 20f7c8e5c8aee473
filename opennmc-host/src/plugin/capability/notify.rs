//! The `notify` interface: notices for people. Who delivers them, and when again, is the host's business.

use wasmtime::component::{HasSelf, Linker};

use super::speech;
use crate::plugin::bindings::wit::{notify, types};
use crate::plugin::instance::InstanceState;
use crate::plugin::messages::{Notice, Said};

/// Bytes of a title, which is one line.
const LONGEST_TITLE: usize = 200;
/// Bytes of a body. Mail can take more, a push message less.
const LONGEST_BODY: usize = 4 << 10;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    notify::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

impl notify::Host for InstanceState {
    fn send(&mut self, notice: types::Notice) -> Result<u64, types::Error> {
        self.tell(notice, None)
    }
}

impl InstanceState {
    /// Has people told by every notifier, or only by the one that is named.
    pub(in crate::plugin) fn tell(
        &mut self,
        notice: types::Notice,
        to: Option<&str>,
    ) -> Result<u64, types::Error> {
        let notice = checked(notice)?;
        let messages = self.speech.messages()?;
        let to = to.map(|name| messages.notifier(name)).transpose().map_err(types::Error::Unavailable)?;
        if messages.is_full() {
            return Err(types::Error::Busy);
        }
        let ticket = messages.number();
        let now = self.clock.now();
        self.speech.say(now, Said::Notice { ticket, notice, to })?;
        Ok(ticket)
    }
}

fn checked(notice: types::Notice) -> Result<Notice, types::Error> {
    let types::Notice { severity, device, title, body, fields } = notice;
    let invalid = |problem: String| Err(types::Error::Invalid(problem));
    if title.trim().is_empty() || title.len() > LONGEST_TITLE || title.chars().any(char::is_control) {
        return invalid(format!("a title is one line of 1 to {LONGEST_TITLE} bytes"));
    }
    if body.len() > LONGEST_BODY {
        return invalid(format!("a body of {} bytes; the most is {LONGEST_BODY}", body.len()));
    }
    speech::check_device(&device)?;
    speech::check_fields(&fields)?;
    Ok(Notice { severity: speech::severity(severity), device, title, body, fields })
}
