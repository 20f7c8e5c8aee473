//! Names of ports that stay: `/dev/ttyUSB0` becomes `/dev/ttyUSB1` when a converter is plugged out and in again, its link
//! in `/dev/serial/by-id` does not.

use std::fs;
use std::path::{Path, PathBuf};

/// Where udev keeps one link for each serial converter, named after its maker and serial number.
const BY_ID: &str = "/dev/serial/by-id";

/// The path of a port that stays the same when it is plugged out and in again. None for built-in ports, which need none,
/// and on systems without udev.
pub fn stable_path(port: impl AsRef<Path>) -> Option<PathBuf> {
    link_to(Path::new(BY_ID), port.as_ref())
}

/// The serial converters of this machine, by their stable paths.
pub fn converters() -> Vec<PathBuf> {
    links(Path::new(BY_ID))
}

/// What is there in place of a port that is not.
pub(super) fn present() -> String {
    let found: Vec<String> = converters().iter().map(|path| path.display().to_string()).collect();
    match found.is_empty() {
        true => "no serial converter is plugged in; check the cable and the name".to_owned(),
        false => format!("plugged in are: {}", found.join(", ")),
    }
}

fn link_to(folder: &Path, port: &Path) -> Option<PathBuf> {
    let device = fs::canonicalize(port).ok()?;
    links(folder).into_iter().find(|link| fs::canonicalize(link).is_ok_and(|target| target == device))
}

fn links(folder: &Path) -> Vec<PathBuf> {
    let mut links: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    links.sort();
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_converter_is_known_by_its_link_whatever_its_number() {
        let dev = tempfile::tempdir().unwrap();
        let by_id = dev.path().join("by-id");
        fs::create_dir(&by_id).unwrap();
        for number in ["ttyUSB0", "ttyUSB1"] {
            fs::write(dev.path().join(number), "").unwrap();
        }
        symlink("../ttyUSB1", by_id.join("usb-FTDI_A1-if00")).unwrap();
        assert_eq!(link_to(&by_id, &dev.path().join("ttyUSB1")), Some(by_id.join("usb-FTDI_A1-if00")));
        assert_eq!(link_to(&by_id, &dev.path().join("ttyUSB0")), None);
        assert_eq!(link_to(&dev.path().join("absent"), &dev.path().join("ttyUSB1")), None);
    }
}
