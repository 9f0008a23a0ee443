//! `trimtab.lock`: what references to other places stand for. `trimtab vendor` writes it, and a
//! commit changes it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::manifest::{Finding, Limits, Origin, read_value};
use crate::source::{Pinned, Reference, Snapshot, SourceError, is_commit, is_sha256};

/// At the repository's root.
pub const LOCK_FILE: &str = "trimtab.lock";
/// Bytes of it.
const BYTES: usize = 1 << 20;
/// References in it.
const ENTRIES: usize = 5_000;
const HEAD: &str = "\
# Written by `trimtab vendor`: what references to other places stand for. Commit it.
# `trimtab vendor --update` looks again at what they point to.
";

/// Each reference, and what it stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock(BTreeMap<Reference, Pinned>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    git: Vec<Git>,
    #[serde(default)]
    files: Vec<File>,
    #[serde(default)]
    charts: Vec<Chart>,
    #[serde(default)]
    artifacts: Vec<Artifact>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Git {
    url: String,
    #[serde(rename = "ref")]
    name: String,
    commit: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    url: String,
    sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chart {
    repository: String,
    name: String,
    version: String,
    sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Artifact {
    url: String,
    version: String,
    sha256: String,
}

impl Lock {
    /// As a snapshot has it; without any entry if there is none.
    ///
    /// # Errors
    /// That it cannot be read.
    pub fn of(snapshot: &Snapshot) -> Result<Self, Finding> {
        let wrong = |message: String, line: u32| {
            Finding::host_error("lock-file", message)
                .at(Origin::new(LOCK_FILE, line))
                .hint("write it anew: `trimtab vendor`")
        };
        match snapshot.read(LOCK_FILE, BYTES) {
            Ok(bytes) => Self::parse(&bytes).map_err(|(message, line)| wrong(message, line)),
            Err(SourceError::NotFound { .. }) => Ok(Self::default()),
            Err(error) => Err(wrong(error.to_string(), 1)),
        }
    }

    /// # Errors
    /// What is wrong with it, and on which line.
    pub fn parse(bytes: &[u8]) -> Result<Self, (String, u32)> {
        let value = read_value(LOCK_FILE, bytes, &Limits::default()).map_err(|errors| {
            let first = errors.into_iter().next();
            first.map_or_else(|| (String::new(), 1), |it| (it.message, it.line))
        })?;
        if value.is_null() {
            return Ok(Self::default());
        }
        let written: Written =
            serde_json::from_value(value).map_err(|error| (error.to_string(), 1))?;
        let mut lock = Self::default();
        for (reference, pinned) in written.entries() {
            let content = pinned.content();
            let (fits, what) = match &pinned {
                Pinned::Commit { .. } => (is_commit(content), "commit's full id"),
                _ => (
                    is_sha256(content),
                    "SHA-256 of 64 lower case hexadecimal digits",
                ),
            };
            if !fits {
                return Err((format!("{reference} is pinned to what is no {what}"), 1));
            }
            if let Some(before) = lock.0.insert(reference.clone(), pinned) {
                return Err((format!("{reference} is there twice, once as {before}"), 1));
            }
        }
        match lock.0.len() > ENTRIES {
            true => Err((format!("it has more than {ENTRIES} references"), 1)),
            false => Ok(lock),
        }
    }

    /// What a reference stands for.
    pub fn get(&self, reference: &Reference) -> Option<&Pinned> {
        self.0.get(reference)
    }

    pub fn put(&mut self, reference: Reference, pinned: Pinned) {
        self.0.insert(reference, pinned);
    }

    /// Leaves out references that nobody has any more; gives them.
    pub fn retain(&mut self, is_used: impl Fn(&Reference) -> bool) -> Vec<Reference> {
        let unused = self.0.keys().filter(|it| !is_used(it));
        let unused: Vec<Reference> = unused.cloned().collect();
        unused.iter().for_each(|it| drop(self.0.remove(it)));
        unused
    }

    pub fn entries(&self) -> impl Iterator<Item = (&Reference, &Pinned)> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The file's text: sorted, so that what did not change stays byte for byte.
    pub fn text(&self) -> String {
        let mut lists: [(&str, String); 4] =
            ["git", "files", "charts", "artifacts"].map(|name| (name, String::new()));
        for (reference, pinned) in &self.0 {
            let content = pinned.content();
            let (list, fields) = match reference {
                Reference::Git { url, name } => (0, vec![("url", url), ("ref", name)]),
                Reference::File { url } => (1, vec![("url", url)]),
                Reference::Chart {
                    repository,
                    name,
                    version,
                } => {
                    let fields = vec![
                        ("repository", repository),
                        ("name", name),
                        ("version", version),
                    ];
                    (2, fields)
                }
                Reference::Artifact { url, version } => {
                    (3, vec![("url", url), ("version", version)])
                }
            };
            let pin = if list == 0 { "commit" } else { "sha256" };
            let content = content.to_owned();
            for (number, (field, value)) in fields.into_iter().chain([(pin, &content)]).enumerate()
            {
                let mark = if number == 0 { "- " } else { "  " };
                // JSON's quotes are YAML's, and a version such as 1.10 stays a text.
                let value = serde_json::Value::from(value.as_str());
                lists[list].1.push_str(&format!("{mark}{field}: {value}\n"));
            }
        }
        let mut text = HEAD.to_owned();
        for (name, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
            text.push_str(&format!("{name}:\n{list}"));
        }
        text
    }
}

impl Written {
    fn entries(self) -> impl Iterator<Item = (Reference, Pinned)> {
        let git = self.git.into_iter().map(|Git { url, name, commit }| {
            let reference = Reference::Git {
                url: url.clone(),
                name,
            };
            (reference, Pinned::Commit { url, commit })
        });
        let files = self.files.into_iter().map(|File { url, sha256 }| {
            (
                Reference::File { url: url.clone() },
                Pinned::File { url, sha256 },
            )
        });
        let charts = self.charts.into_iter().map(|it| {
            let reference = Reference::Chart {
                repository: it.repository.clone(),
                name: it.name.clone(),
                version: it.version.clone(),
            };
            let pinned = Pinned::Chart {
                repository: it.repository,
                name: it.name,
                version: it.version,
                sha256: it.sha256,
            };
            (reference, pinned)
        });
        let artifacts = self.artifacts.into_iter().map(|it| {
            let reference = Reference::Artifact {
                url: it.url.clone(),
                version: it.version,
            };
            let pinned = Pinned::Artifact {
                url: it.url,
                sha256: it.sha256,
            };
            (reference, pinned)
        });
        git.chain(files).chain(charts).chain(artifacts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        let mut lock = Lock::default();
        let sha256 = "ab".repeat(32);
        for name in ["v2", "v1"] {
            let url = "https://git.example.org/acme/base".to_owned();
            let reference = Reference::Git {
                url: url.clone(),
                name: name.into(),
            };
            let commit = "1".repeat(40);
            lock.put(reference, Pinned::Commit { url, commit });
        }
        let (repository, name, version) = ("https://charts.example.org", "web", "1.10");
        let reference = Reference::Chart {
            repository: repository.into(),
            name: name.into(),
            version: version.into(),
        };
        let pinned = Pinned::Chart {
            repository: repository.into(),
            name: name.into(),
            version: version.into(),
            sha256: sha256.clone(),
        };
        lock.put(reference, pinned);
        let url = "https://git.example.org/raw/x.yaml".to_owned();
        let reference = Reference::File { url: url.clone() };
        lock.put(reference, Pinned::File { url, sha256 });
        lock
    }

    #[test]
    fn what_is_written_is_read_and_written_the_same() {
        let text = lock().text();
        let read = Lock::parse(text.as_bytes()).expect("a lock");
        assert_eq!(read, lock());
        assert_eq!(read.text(), text);
        assert!(text.contains("  version: \"1.10\"\n"), "{text}");
        assert!(text.find("\"v1\"") < text.find("\"v2\""), "{text}");
    }

    #[test]
    fn one_more_reference_changes_no_line_of_the_others() {
        let before = lock().text();
        let mut more = lock();
        let url = "https://git.example.org/acme/zebra".to_owned();
        let reference = Reference::Git {
            url: url.clone(),
            name: "HEAD".into(),
        };
        let commit = "2".repeat(40);
        more.put(reference, Pinned::Commit { url, commit });
        let after = more.text();
        let mut lines = after.lines();
        assert!(
            before.lines().all(|line| lines.any(|it| it == line)),
            "{after}"
        );
    }

    #[test]
    fn what_pins_nothing_is_no_lock() {
        for text in [
            "git: [{url: https://a.example.org/b, ref: v1, commit: v1}]",
            "git: [{url: https://a.example.org/b, ref: v1, commit: 1234567}]",
            "git: [{url: https://a.example.org/b, ref: v1}]",
            "files: [{url: https://a.example.org/b, sha256: ''}]",
            "git: [{url: u, ref: v, commit: 1111111111111111111111111111111111111111}, {url: u, ref: v, commit: 2222222222222222222222222222222222222222}]",
            "pins: []",
            "- a",
            "a: [",
        ] {
            assert!(Lock::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(Lock::parse(b""), Ok(Lock::default()));
    }
}
