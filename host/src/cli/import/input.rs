//! What is to be imported: files and directories of YAML, or standard input.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use super::left::Left;
use crate::cli::Failure;
use crate::manifest::{Limits, Manifest, read, read_documents};

/// Files that are read in all.
const FILES: usize = 50_000;
/// Their bytes.
const BYTES: u64 = 256 << 20;
const DEPTH: usize = 64;

/// What was read.
#[derive(Default)]
pub(super) struct Input {
    pub objects: Vec<Manifest>,
    /// Files that are no objects, and are not known to be something else.
    pub left: Vec<Left>,
    files: usize,
    bytes: u64,
}

impl Input {
    /// Origins are from `root` where a file is below it.
    pub(super) fn of(paths: &[PathBuf], root: &Path) -> Result<Self, Failure> {
        let mut input = Self::default();
        for path in paths {
            if path.as_os_str() == "-" {
                let mut bytes = Vec::new();
                let limit = Limits::default().bytes as u64 + 1;
                std::io::stdin().take(limit).read_to_end(&mut bytes)?;
                input.document("standard input", &bytes, true)?;
                continue;
            }
            let real = path.canonicalize();
            let real = real.with_context(|| format!("{} cannot be read", path.display()))?;
            match real.is_dir() {
                true => input.directory(&real, root, 0)?,
                false => input.file(&real, root, true)?,
            }
        }
        Ok(input)
    }

    fn directory(&mut self, path: &Path, root: &Path, depth: usize) -> Result<(), Failure> {
        if depth > DEPTH {
            return Err(too_much(path));
        }
        let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // A link would lead anywhere, and back.
            let kind = entry.file_type()?;
            if name.starts_with('.') || kind.is_symlink() {
                continue;
            }
            if kind.is_dir() {
                self.directory(&entry.path(), root, depth + 1)?;
            } else if super::tree::is_yaml(&name) || name.ends_with(".json") {
                self.file(&entry.path(), root, false)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, root: &Path, named: bool) -> Result<(), Failure> {
        let shown = path.strip_prefix(root).unwrap_or(path).display();
        let shown = shown.to_string();
        let size = fs::metadata(path)?.len();
        self.files += 1;
        self.bytes += size;
        if self.files > FILES || self.bytes > BYTES {
            return Err(too_much(path));
        }
        let mut bytes = Vec::new();
        let limit = Limits::default().bytes as u64 + 1;
        let file = fs::File::open(path).with_context(|| format!("{shown} cannot be read"))?;
        file.take(limit).read_to_end(&mut bytes)?;
        self.document(&shown, &bytes, named)
    }

    fn document(&mut self, name: &str, bytes: &[u8], named: bool) -> Result<(), Failure> {
        let limits = Limits::default();
        match read(name, bytes, &limits) {
            Ok(objects) => self.objects.extend(objects),
            Err(errors) if named => return Err(anyhow!("{}", errors[0]).into()),
            // A kustomization or a file of values is none; a template is not even YAML.
            Err(errors) => {
                let speaks = [&b"toolkit.fluxcd.io"[..], b"argoproj.io"];
                let ours = |it: &&[u8]| bytes.windows(it.len()).any(|window| window == *it);
                if read_documents(name, bytes, &limits).is_err() && speaks.iter().any(ours) {
                    let mut left = Left::of_file(
                        name,
                        errors[0].message.clone(),
                        "mend the file and import again, or give the live objects: kubectl get … -o yaml",
                    );
                    left.origin = Some(crate::manifest::Origin::new(name, errors[0].line));
                    self.left.push(left);
                }
            }
        }
        Ok(())
    }
}

fn too_much(path: &Path) -> Failure {
    Failure::Usage(anyhow!(
        "{}: this is more than {FILES} files or {BYTES} bytes; name the directory that tells the tool what to do",
        path.display()
    ))
}
