//! The files that are written into the clone, and those that are not, for something else is there.

use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};
use similar::TextDiff;

use super::left::Left;
use super::settle::Settled;
use super::tree::Tree;
use crate::manifest::{Limits, read_value};

/// Lines around a change that a diff shows.
const CONTEXT: usize = 3;

/// A file and what becomes of it.
pub(super) struct File {
    pub path: String,
    pub text: String,
    pub state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    New,
    /// It is there, and says the same.
    Same,
    /// It is there, and says something else.
    Conflict,
    Written,
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
enum NotWritten {
    #[error("a symbolic link stands in its path")]
    Link,
    #[error("its path leads out of the repository")]
    Outside,
    #[error("it was made meanwhile; import again")]
    There,
    #[error("it cannot be written: {0}")]
    Away(#[from] std::io::Error),
}

impl File {
    /// What `trimtab check` reads is a file that says the same as this one.
    fn of(path: &str, text: &str, tree: &Tree) -> Self {
        let there = tree.has(path);
        let value = |bytes: &[u8]| read_value(path, bytes, &Limits::default()).ok();
        let same = || {
            let old = tree.read(path)?;
            Some(value(&old)? == value(text.as_bytes())?)
        };
        let state = match (there, there && same() == Some(true)) {
            (false, _) => State::New,
            (true, true) => State::Same,
            (true, false) => State::Conflict,
        };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            state,
        }
    }

    /// A patch of a Secret has its values.
    fn holds_secret(&self) -> bool {
        self.path.ends_with("/kustomization.yaml") && self.text.contains("Secret")
    }

    /// What would be written, as a patch that git and patch(1) take.
    pub(super) fn diff(&self) -> String {
        if self.state != State::New {
            return String::new();
        }
        if self.holds_secret() {
            return format!("# {}: it patches a Secret and is not shown\n", self.path);
        }
        let diff = TextDiff::from_lines("", &self.text);
        let mut unified = diff.unified_diff();
        let after = format!("b/{}", self.path);
        unified.context_radius(CONTEXT).header("/dev/null", &after);
        unified.to_string()
    }

    pub(super) fn json(&self) -> Value {
        let state = match self.state {
            State::New => "new",
            State::Same => "same",
            State::Conflict => "conflict",
            State::Written => "written",
        };
        let mut file = json!({"path": self.path, "state": state});
        if !self.holds_secret() {
            file["content"] = self.text.as_str().into();
        }
        file
    }
}

/// The files of an import, and what stands in the way of some.
pub(super) fn files(settled: &Settled, tree: &Tree) -> (Vec<File>, Vec<Left>) {
    let files = settled.files.iter();
    let files: Vec<File> = files
        .map(|(path, text)| File::of(path, text, tree))
        .collect();
    let conflicts = files.iter().filter(|it| it.state == State::Conflict);
    let conflicts = conflicts.map(|it| {
        Left::of_file(
            &it.path,
            "the file is there and says something else; it is left as it is",
            "compare it with what --output json has for it, and write what is missing",
        )
    });
    let conflicts = conflicts.collect();
    (files, conflicts)
}

/// Writes the new ones. No link is followed and nothing is overwritten.
pub(super) fn write(files: &mut [File], root: &Path) -> Vec<Left> {
    let mut left = Vec::new();
    for file in files.iter_mut().filter(|it| it.state == State::New) {
        match write_new(root, &file.path, file.text.as_bytes()) {
            Ok(()) => file.state = State::Written,
            Err(error) => left.push(Left::of_file(
                &file.path,
                format!("it was not written: {error}"),
                "see to that and import again",
            )),
        }
    }
    left
}

fn write_new(root: &Path, path: &str, bytes: &[u8]) -> Result<(), NotWritten> {
    let mut folder: PathBuf = root.canonicalize()?;
    let path = Path::new(path);
    let plain = |it: &Component<'_>| matches!(it, Component::Normal(name) if *name != ".git");
    if !path.components().all(|it| plain(&it)) {
        return Err(NotWritten::Outside);
    }
    for name in path.parent().into_iter().flat_map(Path::components) {
        folder.push(name);
        match fs::symlink_metadata(&folder) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(NotWritten::Link),
            Err(_) => DirBuilder::new().create(&folder)?,
        }
    }
    let name = path.file_name().ok_or(NotWritten::Outside)?;
    // A reader sees all of it or nothing, and what another wrote meanwhile stays.
    let mut written = tempfile::Builder::new()
        .prefix(".trimtab-")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(&folder)?;
    written.write_all(bytes)?;
    match written.persist_noclobber(folder.join(name)) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(NotWritten::There)
        }
        Err(error) => Err(error.error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_is_written_through_a_link_out_of_the_folder_or_over_a_file() {
        let outside = tempfile::tempdir().expect("a folder");
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        symlink(outside.path(), root.join("away")).expect("a link");
        symlink(outside.path().join("kit.yaml"), root.join("kit.yaml")).expect("a link");
        fs::write(root.join("own.yaml"), "own").expect("written");
        for path in [
            "away/kit.yaml",
            "away/a/kit.yaml",
            "kit.yaml",
            "../kit.yaml",
            "own.yaml",
            ".git/hooks/kit.yaml",
            "/kit.yaml",
        ] {
            assert!(write_new(root, path, b"new").is_err(), "{path}");
        }
        let names = fs::read_dir(outside.path()).expect("a folder").count();
        assert_eq!(names, 0);
        assert_eq!(fs::read(root.join("own.yaml")).expect("read"), b"own");
        write_new(root, "kits/a/kit.yaml", b"new").expect("written");
        assert_eq!(
            fs::read(root.join("kits/a/kit.yaml")).expect("read"),
            b"new"
        );
    }
}
