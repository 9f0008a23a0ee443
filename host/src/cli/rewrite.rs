//! New text in place of a file's old one, in a working directory that others may be writing to.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};

/// Why a file was left as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotWritten {
    #[error("a symbolic link stands in its path")]
    Link,
    #[error("it is read-only")]
    ReadOnly,
    #[error("it has changed since it was checked; check again")]
    Changed,
    #[error("its owner and group could not be kept: {0}")]
    Owner(std::io::Error),
    #[error("it cannot be written: {0}")]
    Away(#[from] std::io::Error),
}

/// Writes `new` if the file still holds `old`. A reader sees the one or the other, never a part;
/// the mode, the owner and the group stay. `path` is from `root`, and no link is followed.
pub(super) fn rewrite(root: &Path, path: &str, old: &[u8], new: &[u8]) -> Result<(), NotWritten> {
    let root = root.canonicalize()?;
    let file: PathBuf = root.join(path);
    if file.canonicalize()? != file {
        return Err(NotWritten::Link);
    }
    let metadata = std::fs::symlink_metadata(&file)?;
    if !metadata.is_file() {
        return Err(NotWritten::Link);
    }
    if metadata.permissions().readonly() {
        return Err(NotWritten::ReadOnly);
    }
    // In the same directory, for a rename within a file system alone is atomic.
    let folder = file.parent().unwrap_or(&root);
    let mut written = tempfile::Builder::new()
        .prefix(".trimtab-")
        .tempfile_in(folder)?;
    written.write_all(new)?;
    let own = written.as_file().metadata()?;
    if (own.uid(), own.gid()) != (metadata.uid(), metadata.gid()) {
        fchown(
            written.as_file(),
            Some(metadata.uid()),
            Some(metadata.gid()),
        )
        .map_err(NotWritten::Owner)?;
    }
    // After the owner: a change of that takes the set-user-id bits away.
    written.as_file().set_permissions(metadata.permissions())?;
    written.as_file().sync_all()?;
    if std::fs::read(&file)? != old {
        return Err(NotWritten::Changed);
    }
    written.persist(&file).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("kit")).expect("made");
        std::fs::write(folder.path().join("kit/a.yaml"), "old").expect("written");
        folder
    }

    fn read(folder: &tempfile::TempDir) -> String {
        std::fs::read_to_string(folder.path().join("kit/a.yaml")).expect("read")
    }

    fn names(folder: &tempfile::TempDir) -> usize {
        let kit = std::fs::read_dir(folder.path().join("kit"));
        kit.expect("a folder").count()
    }

    #[test]
    fn the_mode_stays_and_nothing_is_left_beside_the_file() {
        let folder = folder();
        let file = folder.path().join("kit/a.yaml");
        let mode = std::fs::Permissions::from_mode(0o754);
        std::fs::set_permissions(&file, mode).expect("set");
        rewrite(folder.path(), "kit/a.yaml", b"old", b"new").expect("written");
        assert_eq!(read(&folder), "new");
        let mode = std::fs::metadata(&file).expect("there").permissions();
        assert_eq!(mode.mode() & 0o7777, 0o754);
        assert_eq!(names(&folder), 1);
    }

    #[test]
    fn a_file_that_changed_meanwhile_or_is_read_only_is_left() {
        let folder = folder();
        let changed = rewrite(folder.path(), "kit/a.yaml", b"older", b"new");
        assert!(matches!(changed, Err(NotWritten::Changed)));
        let file = folder.path().join("kit/a.yaml");
        let mode = std::fs::Permissions::from_mode(0o444);
        std::fs::set_permissions(&file, mode).expect("set");
        let kept = rewrite(folder.path(), "kit/a.yaml", b"old", b"new");
        assert!(matches!(kept, Err(NotWritten::ReadOnly)));
        assert_eq!((read(&folder).as_str(), names(&folder)), ("old", 1));
    }

    #[test]
    fn no_link_is_followed_neither_of_a_file_nor_of_a_directory() {
        let (outside, folder) = (folder(), folder());
        symlink(outside.path().join("kit"), folder.path().join("away")).expect("a link");
        symlink("a.yaml", folder.path().join("kit/b.yaml")).expect("a link");
        for path in ["away/a.yaml", "kit/b.yaml", "../kit/a.yaml"] {
            assert!(
                rewrite(folder.path(), path, b"old", b"new").is_err(),
                "{path}"
            );
        }
        assert_eq!(
            (read(&outside), read(&folder)),
            ("old".into(), "old".into())
        );
    }
}
