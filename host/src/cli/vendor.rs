//! `trimtab vendor`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::elsewhere::{self, DEADLINE, ElsewhereArgs};
use super::local::{repository_of, root_of};
use super::{Failure, Outcome, counted};
use crate::config;
use crate::kit::{LOCK_FILE, Lock, RepositorySpec, Sources};
use crate::manifest::Origin;
use crate::pipeline::{Asked, KitReferences, PluginStore, references};
use crate::source::{Pinned, Reference, Snapshot, Store, Worker};

/// Bytes of a lock file.
const LOCK_BYTES: u64 = 1 << 20;

/// Pin remote bases and charts in trimtab.lock
///
/// Finds what the repository's kits have of other places, asks there what each reference stands
/// for, and writes that down: commit the file. What is pinned stays as it is until --update.
///
///   trimtab vendor
///   trimtab vendor --check
///   trimtab vendor --update https://git.example.org/acme/base
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Vendor {
    /// A repository's working directory, or a directory in it
    #[arg(default_value = ".", value_name = "PATH")]
    path: PathBuf,
    /// The Repository with spec.sources; by default trimtab.yaml or repository.yaml at the root
    #[arg(long, value_name = "FILE")]
    repository: Option<PathBuf>,
    #[command(flatten)]
    elsewhere: ElsewhereArgs,
    /// Write nothing; say what is not pinned and what nobody has any more
    #[arg(long)]
    check: bool,
    /// Ask anew what references stand for: those of this URL, or all
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "", conflicts_with = "check")]
    update: Option<String>,
}

/// What is found on the way.
struct Search {
    spec: RepositorySpec,
    snapshot: Snapshot,
    plugins: PluginStore,
    store: Store,
    worker: Worker,
    lock: Lock,
    /// References that somebody has.
    used: BTreeSet<Reference>,
    /// What was asked for and is not pinned, with the lines that name it.
    unpinned: Vec<Asked>,
    /// Why a reference cannot be pinned.
    failed: BTreeMap<Reference, String>,
    tried: BTreeSet<Pinned>,
    /// To be asked anew.
    update: Option<String>,
    updated: BTreeSet<Reference>,
    moved: Vec<(Reference, Option<Pinned>, Pinned)>,
}

impl Vendor {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let path = self
            .path
            .canonicalize()
            .with_context(|| format!("{} cannot be read", self.path.display()))?;
        let root = root_of(&path);
        let (_, mut spec) = repository_of(&root, self.repository.as_deref())?;
        self.elsewhere.add_to(&mut spec);
        let cache = config::cache_folder();
        let store = elsewhere::store(&cache);
        let file = root.join(LOCK_FILE);
        let before = lock_text(&file)?;
        let lock = Lock::parse(before.as_bytes()).map_err(|(message, line)| {
            Failure::Usage(anyhow!(
                "{LOCK_FILE}:{line}: {message}; remove the file to have it written anew"
            ))
        })?;
        let mut search = Search {
            snapshot: Snapshot::of_directory(&root)?,
            spec,
            plugins: PluginStore::new(super::sandbox(&cache)?).with_store(store.clone()),
            store,
            worker: elsewhere::worker()?,
            lock,
            used: BTreeSet::new(),
            unpinned: Vec::new(),
            failed: BTreeMap::new(),
            tried: BTreeSet::new(),
            update: self.update,
            updated: BTreeSet::new(),
            moved: Vec::new(),
        };
        let kits = match self.check {
            true => search.fetched()?,
            false => search.resolved()?,
        };
        let mut failed = search.tell_faults(&kits);
        let whole = kits.iter().all(|kit| kit.faults.is_empty());
        let used = search.used.clone();
        let lock = &mut search.lock;
        // A kit that cannot be rendered may have any of them.
        let unused = match whole {
            true => lock.retain(|it| used.contains(it)),
            false => Vec::new(),
        };
        if self.check {
            for asked in &search.unpinned {
                println!("not pinned: {}{}", asked.reference, place(&asked.at));
            }
            for reference in &unused {
                println!("not used: {reference}");
            }
            failed |= !(search.unpinned.is_empty() && unused.is_empty());
            if !failed {
                println!("{} pinned", counted(search.used.len(), "reference"));
            }
            return Ok(outcome(failed));
        }
        for (reference, before, now) in &search.moved {
            match before {
                Some(before) if before != now => {
                    println!(
                        "moved: {reference}: {} -> {}",
                        before.content(),
                        now.content()
                    );
                }
                Some(_) => println!("as before: {reference}"),
                None => println!("pinned: {reference}: {}", now.content()),
            }
        }
        for reference in &unused {
            println!("left out, for nobody has it: {reference}");
        }
        let text = match search.lock.is_empty() && before.is_empty() {
            true => String::new(),
            false => search.lock.text(),
        };
        if text != before {
            write(&file, &text)?;
            println!("{LOCK_FILE} is written; commit it");
        } else if !failed {
            println!("{LOCK_FILE} is as it should be");
        }
        Ok(outcome(failed))
    }
}

impl Search {
    /// What kits have, with what is pinned fetched, as far as that leads.
    fn fetched(&mut self) -> Result<Vec<KitReferences>, Failure> {
        loop {
            let kits = self.look()?;
            let wanted: BTreeSet<Pinned> = kits.iter().flat_map(|it| it.wanted.clone()).collect();
            let new: Vec<&Pinned> = wanted.difference(&self.tried).collect();
            if new.is_empty() {
                return Ok(kits);
            }
            elsewhere::fetch(&self.store, &new)?;
            self.tried.extend(wanted);
        }
    }

    /// The same, with what is not pinned pinned. What a base has in turn is known once it is there.
    fn resolved(&mut self) -> Result<Vec<KitReferences>, Failure> {
        loop {
            let kits = self.fetched()?;
            let again: Vec<Reference> = self
                .used
                .iter()
                .filter(|it| self.is_to_move(it))
                .cloned()
                .collect();
            let unpinned = std::mem::take(&mut self.unpinned);
            let mut more = false;
            for reference in again {
                more |= self.pin(&Asked {
                    reference,
                    or: None,
                    at: None,
                });
            }
            for asked in &unpinned {
                if !self.failed.contains_key(&asked.reference) {
                    more |= self.pin(asked);
                }
            }
            self.unpinned = unpinned;
            if !more {
                return Ok(kits);
            }
        }
    }

    fn is_to_move(&self, reference: &Reference) -> bool {
        let asked = self.update.as_deref().is_some_and(|url| {
            url.is_empty() || reference.url() == url || reference.to_string() == url
        });
        asked && self.lock.get(reference).is_some() && !self.updated.contains(reference)
    }

    fn look(&mut self) -> Result<Vec<KitReferences>, Failure> {
        let lock = Arc::new(self.lock.clone());
        let kits = references(&self.snapshot, &self.spec, &self.plugins, &lock)?;
        self.used.clear();
        self.unpinned.clear();
        let asked: Vec<Asked> = kits.iter().flat_map(|it| it.asked.clone()).collect();
        // What was asked for in vain by one way and found by another is no reference.
        let in_vain: BTreeSet<Reference> = asked.iter().filter_map(|it| it.or.clone()).collect();
        for asked in asked {
            if self.lock.get(&asked.reference).is_some() {
                self.used.insert(asked.reference);
                continue;
            }
            let known = self
                .unpinned
                .iter()
                .any(|it| it.reference == asked.reference);
            let is_listed = Sources::of(&self.spec)
                .of_url(asked.reference.url())
                .is_ok();
            let pins_itself = match &asked.reference {
                Reference::Git { name, .. } => crate::source::is_commit(name),
                Reference::Artifact { version, .. } => version.starts_with("sha256:"),
                _ => false,
            };
            if !known && is_listed && !pins_itself && !in_vain.contains(&asked.reference) {
                self.unpinned.push(asked);
            }
        }
        Ok(kits)
    }

    /// Whether a reference is pinned now that was not, or to something else.
    fn pin(&mut self, asked: &Asked) -> bool {
        // Kustomize takes a URL for a file's first, unless it can be none.
        let file = asked.or.clone().filter(|it| !is_plainly_git(it.url()));
        let ways = file.into_iter().chain([asked.reference.clone()]);
        let mut why = String::new();
        for reference in ways {
            eprintln!("asking for {reference}");
            self.updated.insert(reference.clone());
            let auth = elsewhere::auth(reference.url());
            match self
                .store
                .resolve(&self.worker, &reference, &auth, DEADLINE)
            {
                // A page about a repository is no file.
                Ok(now) if self.is_page(&now) => why = "there is a web page, and no file".into(),
                Ok(now) => {
                    let before = self.lock.get(&reference).cloned();
                    let is_new = before.as_ref() != Some(&now);
                    self.moved.push((reference.clone(), before, now.clone()));
                    self.lock.put(reference, now);
                    return is_new;
                }
                Err(error) => why = error.to_string(),
            }
        }
        self.failed.insert(asked.reference.clone(), why);
        false
    }

    fn is_page(&self, pinned: &Pinned) -> bool {
        let bytes = self.store.bytes(pinned).unwrap_or_default();
        let is_file = matches!(pinned, Pinned::File { .. });
        is_file && bytes.trim_ascii_start().starts_with(b"<")
    }

    /// Whether something cannot be pinned.
    fn tell_faults(&self, kits: &[KitReferences]) -> bool {
        for (reference, why) in &self.failed {
            let at = self.unpinned.iter().find(|it| it.reference == *reference);
            let at = at.map_or_else(String::new, |it| place(&it.at));
            eprintln!("error: {reference} cannot be pinned{at}: {why}");
        }
        let mut told = !self.failed.is_empty();
        for kit in kits {
            for fault in &kit.faults {
                let is_of_unpinned = fault.rule == "trimtab/render-remote"
                    && kit.asked.iter().any(|asked| {
                        self.unpinned
                            .iter()
                            .any(|it| it.reference == asked.reference)
                    });
                if !is_of_unpinned {
                    told = true;
                    eprintln!("{fault}");
                    eprintln!(
                        "note: what {} has of other places is not known as a whole",
                        kit.kit
                    );
                }
            }
        }
        told
    }
}

/// Whether a URL can only be a repository's.
fn is_plainly_git(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    path.contains("//")
        || path.contains(".git")
        || path.contains("_git/")
        || query.contains("ref=")
        || query.contains("version=")
}

fn place(at: &Option<Origin>) -> String {
    at.as_ref()
        .map_or_else(String::new, |at| format!(" ({at})"))
}

fn outcome(failed: bool) -> Outcome {
    match failed {
        true => Outcome::Findings,
        false => Outcome::Fine,
    }
}

fn lock_text(file: &Path) -> Result<String, Failure> {
    match fs::metadata(file) {
        Ok(about) if about.len() > LOCK_BYTES => {
            return Err(Failure::Usage(anyhow!("{} is too large", file.display())));
        }
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error.into()),
    }
    let text = fs::read_to_string(file);
    Ok(text.with_context(|| format!("{} cannot be read", file.display()))?)
}

/// Whoever reads meanwhile sees the one or the other.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let draft = file.with_extension("lock.draft");
    fs::write(&draft, text)
        .and_then(|()| fs::rename(&draft, file))
        .with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(())
}
