//! A working directory, evaluated as a revision would be.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::elsewhere::{self, ElsewhereArgs};
use super::values::ValuesArgs;
use super::{Failure, run::repositories_in};
use crate::config;
use crate::kit::{RepositorySpec, Supplied, validate};
use crate::manifest::Finding;
use crate::pipeline::{Evaluation, Evaluator, PluginStore, Revisions, Verdict};
use crate::source::{Pinned, Snapshot, Store};

/// Files that hold the Repository for work without a cluster, looked for at the root.
const REPOSITORY_FILES: [&str; 2] = ["trimtab.yaml", "repository.yaml"];

/// Bytes of such a file.
const REPOSITORY_BYTES: usize = 1 << 20;

/// Which working directory, and which part of it.
#[derive(Args)]
pub struct LocalArgs {
    /// A repository's working directory, or a directory in it: only kits below are told of
    #[arg(default_value = ".", value_name = "PATH")]
    path: PathBuf,
    /// The Repository that says what is a kit, what it may do, and which guardrails there are; by
    /// default trimtab.yaml or repository.yaml at the root
    #[arg(long, value_name = "FILE")]
    repository: Option<PathBuf>,
    /// Only this kit, by its path from the root; may be given several times
    #[arg(long, value_name = "KIT")]
    kit: Vec<String>,
    #[command(flatten)]
    values: ValuesArgs,
    #[command(flatten)]
    elsewhere: ElsewhereArgs,
    /// Fetch nothing: pinned bases and charts come from the cache alone
    #[arg(long)]
    offline: bool,
}

/// What is compared with.
pub(super) struct Base {
    /// As it was named, and the first digits of the commit's id.
    pub name: String,
    pub evaluation: Evaluation,
}

/// What came of a working directory.
pub(super) struct Local {
    pub root: PathBuf,
    /// The directory's files as they were evaluated.
    pub snapshot: Snapshot,
    pub evaluation: Evaluation,
    /// What is wrong with the Repository's file, if there is one.
    pub spec_findings: Vec<Finding>,
    /// The file that the Repository came from.
    pub repository: Option<PathBuf>,
    pub base: Option<Base>,
    selected: Vec<String>,
}

impl Local {
    /// How many of the kits that were asked for are not as the base has them.
    pub(super) fn changed(&self) -> usize {
        let verdicts = self.evaluation.verdicts.iter();
        verdicts
            .filter(|it| it.looked_at && self.is_selected(it.kit.path.as_str()))
            .count()
    }

    /// What is told of each kit that was asked for. Of a kit that did not change since the base,
    /// only what rules over several kits did not say then.
    pub(super) fn told(&self) -> Vec<(&Verdict, Vec<&Finding>)> {
        let asked = self.evaluation.verdicts.iter();
        let asked = asked.filter(|it| self.is_selected(it.kit.path.as_str()));
        let told = asked.filter_map(|verdict| match &self.base {
            Some(base) if !verdict.looked_at => {
                let then = base.evaluation.verdict(&verdict.kit.path);
                let is_new = |it: &&Finding| then.is_none_or(|then| !then.cross.contains(it));
                let new: Vec<&Finding> = verdict.cross.iter().filter(is_new).collect();
                (!new.is_empty()).then_some((verdict, new))
            }
            _ => Some((verdict, verdict.findings().collect())),
        });
        told.collect()
    }

    /// Whether a kit was asked for.
    pub(super) fn is_selected(&self, kit: &str) -> bool {
        let below = |outer: &String| {
            kit == outer
                || kit.starts_with(&format!("{outer}/"))
                || outer.starts_with(&format!("{kit}/"))
        };
        self.selected.is_empty() || self.selected.iter().any(below)
    }
}

impl LocalArgs {
    /// With a base, what is told is what changed since it and HEAD parted.
    pub(super) fn evaluate(&self, base: Option<&str>) -> Result<Local, Failure> {
        let path = self
            .path
            .canonicalize()
            .with_context(|| format!("{} cannot be read", self.path.display()))?;
        if !path.is_dir() {
            return Err(Failure::Usage(anyhow!(
                "{} is not a directory",
                self.path.display()
            )));
        }
        let root = root_of(&path);
        let (file, mut spec) = repository_of(&root, self.repository.as_deref())?;
        self.elsewhere.add_to(&mut spec);
        let supplied = self.values.supplied(&mut spec, file.is_some())?;
        let mut spec_findings = validate(&spec);
        let name = file.as_ref().map(|file| file.display().to_string());
        for finding in &mut spec_findings {
            finding.origin = name
                .as_deref()
                .map(|name| crate::manifest::Origin::new(name, 1));
        }
        let cache = config::cache_folder();
        let store = elsewhere::store(&cache);
        let plugins = PluginStore::new(super::sandbox(&cache)?).with_store(store.clone());
        let mut evaluator = Evaluator::new(Arc::new(plugins), config::workers());
        let fetch = (!self.offline).then_some(&store);
        let snapshot = Snapshot::of_directory(&root)?;
        // First: kits that are the same afterwards are not looked at again.
        let base = base
            .map(|name| {
                let file = file.as_deref();
                let by = (&mut evaluator, fetch);
                evaluate_base(by, &root, (name, file), (&spec, &supplied))
            })
            .transpose()?;
        let mut evaluation = evaluated((&mut evaluator, fetch), &snapshot, &spec, &supplied)?;
        if let Some((base, then)) = &base {
            let live = base.evaluation.verdicts.iter();
            let live = live
                .map(|it| (it.kit.path.clone(), then.revision()))
                .collect();
            evaluator.judge_changes(&snapshot, &spec, &mut evaluation, &live, |_| {
                Ok(then.clone())
            })?;
        }
        let base = base.map(|(base, _)| base);
        let mut selected = self.kit.clone();
        let below = path
            .strip_prefix(&root)
            .unwrap_or(Path::new(""))
            .display()
            .to_string();
        if !below.is_empty() {
            selected.push(below);
        }
        for kit in &self.kit {
            if !evaluation
                .verdicts
                .iter()
                .any(|verdict| verdict.kit.path.as_str() == kit)
            {
                let known: Vec<&str> = evaluation
                    .verdicts
                    .iter()
                    .map(|it| it.kit.path.as_str())
                    .collect();
                return Err(Failure::Usage(anyhow!(
                    "there is no kit {kit}; there are {}",
                    known.join(", ")
                )));
            }
        }
        Ok(Local {
            root,
            snapshot,
            evaluation,
            spec_findings,
            repository: file,
            base,
            selected,
        })
    }
}

/// With what is pinned of other places fetched where it is not there.
fn evaluated(
    (evaluator, fetch): (&mut Evaluator, Option<&Store>),
    snapshot: &Snapshot,
    spec: &RepositorySpec,
    supplied: &Supplied,
) -> Result<Evaluation, Failure> {
    let revisions = Revisions {
        supplied: supplied.clone(),
        ..Revisions::only(snapshot)
    };
    let mut tried = BTreeSet::new();
    loop {
        let evaluation = evaluator.evaluate_all(&revisions, spec, &AtomicBool::new(false))?;
        let evaluation = evaluation.map_err(|_| anyhow!("the evaluation was given up"))?;
        let wanted = evaluation
            .verdicts
            .iter()
            .flat_map(|it| &it.rendered.wanted);
        let wanted: BTreeSet<Pinned> = wanted.cloned().collect();
        let new: Vec<&Pinned> = wanted.difference(&tried).collect();
        match fetch {
            Some(store) if !new.is_empty() => elsewhere::fetch(store, &new)?,
            _ => return Ok(evaluation),
        }
        tried.extend(wanted);
    }
}

/// What is compared with, under the Repository that it had, if it had one where it is now.
fn evaluate_base(
    by: (&mut Evaluator, Option<&Store>),
    root: &Path,
    (name, file): (&str, Option<&Path>),
    (spec, supplied): (&RepositorySpec, &Supplied),
) -> Result<(Base, Snapshot), Failure> {
    let then = Snapshot::of_base(root, name).map_err(|error| Failure::Usage(error.into()))?;
    let file = file.and_then(|file| file.canonicalize().ok());
    let within = file
        .as_deref()
        .and_then(|file| file.strip_prefix(root).ok()?.to_str());
    let earlier = within.and_then(|path| {
        let bytes = then.read(path, REPOSITORY_BYTES).ok()?;
        // One that could not be read then is judged as it is now.
        repository_in(path, &bytes).ok()
    });
    let spec = earlier.as_ref().unwrap_or(spec);
    let base = Base {
        name: format!("{name} ({})", then.revision().short()),
        evaluation: evaluated(by, &then, spec, supplied)?,
    };
    Ok((base, then))
}

/// The Repository's file, if there is one, and what it says.
pub(super) fn repository_of(
    root: &Path,
    named: Option<&Path>,
) -> Result<(Option<PathBuf>, RepositorySpec), Failure> {
    let usual = || {
        let mut files = REPOSITORY_FILES.iter().map(|name| root.join(name));
        files.find(|file| file.is_file())
    };
    let file = named.map(Path::to_owned).or_else(usual);
    let spec = file.as_deref().map(spec_of).transpose()?;
    Ok((file, spec.unwrap_or_else(everything)))
}

/// The nearest directory upwards with a Repository's file or a `.git`; else the path itself.
pub(super) fn root_of(path: &Path) -> PathBuf {
    let is_root = |directory: &&Path| {
        REPOSITORY_FILES
            .iter()
            .any(|name| directory.join(name).is_file())
            || directory.join(".git").exists()
    };
    path.ancestors().find(is_root).unwrap_or(path).to_owned()
}

fn spec_of(file: &Path) -> Result<RepositorySpec, Failure> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).with_context(|| format!("{name} cannot be read"))?;
    repository_in(&name, &bytes)
}

fn repository_in(name: &str, bytes: &[u8]) -> Result<RepositorySpec, Failure> {
    match &repositories_in(name, bytes).map_err(Failure::Usage)?[..] {
        [one] => Ok(one.spec.clone()),
        several => Err(Failure::Usage(anyhow!(
            "{name} holds {} Repositories; one is needed",
            several.len()
        ))),
    }
}

/// Without a Repository: every directory with a kit.yaml, or all as one kit, with all rights.
fn everything() -> RepositorySpec {
    RepositorySpec::of("file:///")
}
