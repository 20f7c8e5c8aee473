//! Who may use a port and who does: for error messages alone.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Groups may read and write a device: mode bits.
const GROUP_READS_AND_WRITES: u32 = 0o060;

/// What a user must do who may not open `path`.
pub(super) fn permission_remedy(path: &Path) -> String {
    let Ok(found) = fs::metadata(path) else {
        return "its folder can't be searched by this user".to_owned();
    };
    let group = group_name(found.gid()).unwrap_or_else(|| format!("number {}", found.gid()));
    if found.mode() & GROUP_READS_AND_WRITES != GROUP_READS_AND_WRITES || found.gid() == 0 {
        return format!(
            "its mode {:04o} keeps its group {group} out; give it a group of its own and mode 0660 (a udev rule)",
            found.mode() & 0o7777
        );
    }
    format!("its group is {group}; add the user to it (usermod -aG {group} USER) and log in again")
}

/// Which program has `path` open, as far as this user may see that: ` by NAME (process 123)`, or nothing.
pub(super) fn holder(path: &Path) -> String {
    let Ok(device) = fs::canonicalize(path) else { return String::new() };
    let Ok(processes) = fs::read_dir("/proc") else { return String::new() };
    let holds = |folder: &Path| {
        let Ok(open) = fs::read_dir(folder.join("fd")) else { return false };
        open.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|target| target == device))
    };
    let found = processes.flatten().map(|process| process.path()).find(|process| {
        let number = process.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
        number.is_some_and(|number| number != std::process::id()) && holds(process)
    });
    let Some(process) = found else { return String::new() };
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    let number = process.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    format!(" by {} (process {number})", name.trim())
}

/// The name of a group in the system's own list. Groups of a directory service are not asked for: devices have local ones.
fn group_name(number: u32) -> Option<String> {
    let groups = fs::read_to_string("/etc/group").ok()?;
    find_group(&groups, number).map(str::to_owned)
}

fn find_group(groups: &str, number: u32) -> Option<&str> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(number)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_group_is_found_by_its_number() {
        let groups = "root:x:0:\ndialout:x:20:ann,bob\nbroken\ntty:x:5:\n";
        assert_eq!(find_group(groups, 20), Some("dialout"));
        assert_eq!(find_group(groups, 7), None);
    }

    #[test]
    fn a_mode_that_keeps_the_group_out_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
        assert!(permission_remedy(file.path()).contains("0600"), "{}", permission_remedy(file.path()));
    }
}
