//! The folder for state, as it is made when it is missing.
//!
//! There are users, grants and keys in it: nobody but the daemon's user and group has any business there. A folder that is
//! there keeps what its owner gave it.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// As the packaged folder: the group may be let in to read.
const MODE: u32 = 0o750;

/// Makes `folder` and what is missing above it.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(MODE).create(folder)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_new_folder_is_closed_to_others_and_an_old_one_is_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let new = dir.path().join("a/b");
        make_private(&new).unwrap();
        assert_eq!(mode(&new) & 0o027, 0, "{:o}", mode(&new));
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).unwrap();
        make_private(&new).unwrap();
        assert_eq!(mode(&new), 0o755);
    }
}
