//! From a snapshot to its kits.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::file::{self, KIT_FILE, KitFile};
use super::grants::{act_as, awaited, granted, narrow};
use super::inputs::inputs;
use super::kit_files::KitFiles;
use super::links::link_targets;
use super::name::rooted;
use super::pattern::{Captures, Pattern, Segment, is_dns_subdomain};
use super::plugins::{Circumstances, Resolved};
use super::rules::Law;
use super::{
    Discovery, Given, KitPath, KitPolicy, KitRule, KitSource, Renderer, RepositorySpec, Supplied,
    dependencies,
};
use crate::manifest::{Finding, Origin};
use crate::source::{EntryKind, ObjectId, Snapshot, SourceError};

/// Finds kits, and remembers what it read, so that a revision costs only what changed.
#[derive(Default)]
pub struct Discoverer {
    /// Of a kit's directory by its path, tree id and what it reads outside of it.
    read: HashMap<String, Read>,
    files: KitFiles,
}

/// What was read in a kit's directory.
#[derive(Clone)]
struct Read {
    tree: ObjectId,
    file: Result<KitFile, Vec<Finding>>,
    /// What kit.yaml says is not told by the directory's tree.
    file_is_link: bool,
    /// Symbolic links in the directory that lead out of it, by path.
    links: Vec<String>,
    /// Names of files in it that tell how it is rendered.
    telling: Vec<String>,
}

/// A directory that a rule matched.
struct Matched<'s> {
    path: String,
    tree: ObjectId,
    rule: &'s KitRule,
    rule_index: usize,
    captures: Captures,
}

impl Discoverer {
    /// Errors only if the snapshot itself cannot be read; what is wrong in the repository is in findings.
    pub fn discover(
        &mut self,
        snapshot: &Snapshot,
        spec: &RepositorySpec,
        supplied: &Supplied,
    ) -> Result<Discovery, SourceError> {
        self.discover_earlier(snapshot, None, (spec, supplied))
    }

    /// The kits of an earlier revision, under the guardrails that are wanted now: the `newest` has
    /// those that the earlier one has not.
    pub fn discover_earlier(
        &mut self,
        snapshot: &Snapshot,
        newest: Option<&Snapshot>,
        (spec, supplied): (&RepositorySpec, &Supplied),
    ) -> Result<Discovery, SourceError> {
        let everywhere = [KitRule {
            path: "**".into(),
            create_namespace: true,
            ..KitRule::default()
        }];
        let rules = if spec.kits.is_empty() {
            &everywhere[..]
        } else {
            &spec.kits
        };
        let mut discovery = Discovery::default();
        let with_file = self.files.directories(snapshot)?;
        let mut matched = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            match Pattern::parse(&rule.path) {
                Ok(pattern) => matches(snapshot, &pattern, rule, index, &with_file, &mut matched)?,
                Err(error) => discovery.findings.push(
                    Finding::host_error("repository-spec", error)
                        .field(format!("/spec/kits/{index}/path")),
                ),
            }
        }
        if spec.kits.is_empty() && matched.is_empty() {
            let root = Matched {
                path: ".".into(),
                tree: snapshot.root(),
                rule: &rules[0],
                rule_index: 0,
                captures: Captures::new(),
            };
            matched.push(root);
        }
        matched.sort_by(|a, b| (&a.path, a.rule_index).cmp(&(&b.path, b.rule_index)));
        let matched = unique(matched, &mut discovery.findings);
        ungranted(&with_file, &matched, &mut discovery.findings);
        let circumstances = Circumstances::of(spec, supplied);
        let guardrails = circumstances.guardrails(snapshot, newest, &spec.guardrails);
        let law = Law::of(spec);
        let mut kits = Vec::new();
        for it in &matched {
            let read = match self.read.get(&it.path) {
                Some(read) if read.tree == it.tree && !read.file_is_link => read.clone(),
                _ => {
                    discovery.looked_at += 1;
                    let read = read_directory(snapshot, it)?;
                    self.read.insert(it.path.clone(), read.clone());
                    read
                }
            };
            kits.push(kit(
                snapshot,
                it,
                &read,
                (&circumstances, &guardrails),
                &law,
            ));
        }
        let present: BTreeSet<&String> = matched.iter().map(|it| &it.path).collect();
        self.read.retain(|path, _| present.contains(path));
        dependencies::check(&mut kits, |path| match &self.read[path].file {
            Ok(file) => file.depends_on.clone(),
            Err(_) => Vec::new(),
        });
        discovery.kits = kits.into_iter().map(Arc::new).collect();
        discovery.guardrails = guardrails.into_iter().filter_map(Result::ok).collect();
        Ok(discovery)
    }
}

fn matches<'s>(
    snapshot: &Snapshot,
    pattern: &Pattern,
    rule: &'s KitRule,
    rule_index: usize,
    with_file: &[String],
    found: &mut Vec<Matched<'s>>,
) -> Result<(), SourceError> {
    let segments = match pattern {
        Pattern::Everywhere => {
            for path in with_file {
                let (_, entry) = snapshot.resolve(path)?;
                let path = path.clone();
                found.push(Matched {
                    path,
                    tree: entry.id,
                    rule,
                    rule_index,
                    captures: Captures::new(),
                });
            }
            return Ok(());
        }
        Pattern::Segments(segments) => segments,
    };
    if segments[..] == [Segment::Name(".".into())] {
        found.push(Matched {
            path: ".".into(),
            tree: snapshot.root(),
            rule,
            rule_index,
            captures: Captures::new(),
        });
        return Ok(());
    }
    let mut level = vec![(String::new(), snapshot.root(), Captures::new())];
    for segment in segments {
        let mut next = Vec::new();
        for (path, _, captures) in level {
            for entry in snapshot.list(&path)? {
                // Hidden directories are tools' (.github), and links would make one kit two.
                let fits = match segment {
                    Segment::Name(name) => entry.name == *name,
                    Segment::Any | Segment::Capture(_) => !entry.name.starts_with('.'),
                };
                if !fits || entry.kind != EntryKind::Directory {
                    continue;
                }
                let mut captures = captures.clone();
                if let Segment::Capture(name) = segment {
                    captures.insert(name.clone(), entry.name.clone());
                }
                let below = if path.is_empty() {
                    entry.name
                } else {
                    format!("{path}/{}", entry.name)
                };
                next.push((below, entry.id, captures));
            }
        }
        level = next;
    }
    found.extend(level.into_iter().map(|(path, tree, captures)| Matched {
        path,
        tree,
        rule,
        rule_index,
        captures,
    }));
    Ok(())
}

/// Leaves out directories that two rules match, and those inside of another kit.
fn unique<'s>(matched: Vec<Matched<'s>>, findings: &mut Vec<Finding>) -> Vec<Matched<'s>> {
    let paths: Vec<String> = matched.iter().map(|it| it.path.clone()).collect();
    let all: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
    let mut kept: Vec<Matched<'s>> = Vec::new();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for it in matched {
        // Sorted by path, so that twins stand side by side.
        if let Some(twin) = kept.last().filter(|other| other.path == it.path) {
            let message = format!(
                "{} is matched by {:?} and by {:?}; the first one counts",
                it.path, twin.rule.path, it.rule.path
            );
            let finding = Finding::host_error("kit-twice", message);
            findings.push(finding.field(format!("/spec/kits/{}/path", it.rule_index)));
            continue;
        }
        if let Some(outer) = outer_of(&all, &it.path) {
            let message = format!(
                "the kit {} lies inside of the kit {outer}; only the outer one counts",
                it.path
            );
            findings.push(
                Finding::host_error("kit-nested", message)
                    .field(format!("/spec/kits/{}/path", it.rule_index)),
            );
            continue;
        }
        let name = KitPath::new(it.path.as_str()).object_name();
        if !is_dns_subdomain(&name) {
            let message = format!(
                "{} cannot be a kit: {name:?} is no name for a Kubernetes object (RFC 1123)",
                it.path
            );
            findings.push(
                Finding::host_error("kit-name", message)
                    .hint("use lower case letters, digits and `-` in directory names"),
            );
            continue;
        }
        if let Some(other) = names.insert(name.clone(), it.path.clone()) {
            let message = format!(
                "{} and {other} would both have the Kit object {name}",
                it.path
            );
            findings.push(
                Finding::host_error("kit-name", message).hint("rename one of the directories"),
            );
            continue;
        }
        kept.push(it);
    }
    kept
}

/// A kit.yaml that no rule grants: its author believes that it is live.
fn ungranted(with_file: &[String], matched: &[Matched<'_>], findings: &mut Vec<Finding>) {
    let kits: BTreeSet<&str> = matched.iter().map(|it| it.path.as_str()).collect();
    for path in with_file
        .iter()
        .filter(|path| !kits.contains(path.as_str()) && outer_of(&kits, path).is_none())
    {
        let file = rooted(path, KIT_FILE);
        let message =
            format!("{path} has a kit.yaml, but no rule of the Repository makes it a kit");
        let finding = Finding::host_error("kit-not-granted", message).at(Origin::new(file, 1));
        findings.push(
            finding.hint("add its path to spec.kits of the Repository, or remove the kit.yaml"),
        );
    }
}

/// The kit that a directory lies inside of.
fn outer_of<'k>(kits: &BTreeSet<&'k str>, path: &str) -> Option<&'k str> {
    let ends = path.match_indices('/').map(|(end, _)| &path[..end]);
    let root = (path != ".").then_some(".");
    root.into_iter()
        .chain(ends)
        .find_map(|outer| kits.get(outer).copied())
}

fn read_directory(snapshot: &Snapshot, it: &Matched<'_>) -> Result<Read, SourceError> {
    let mut links = Vec::new();
    let mut telling = Vec::new();
    let mut ahead = vec![it.path.clone()];
    let mut has_file = false;
    while let Some(directory) = ahead.pop() {
        for entry in snapshot.list(&directory)? {
            has_file |= directory == it.path && entry.name == KIT_FILE;
            if directory == it.path && Renderer::telling(&entry) {
                telling.push(entry.name.clone());
            }
            let below = if directory == "." {
                entry.name
            } else {
                format!("{directory}/{}", entry.name)
            };
            match entry.kind {
                EntryKind::Directory => ahead.push(below),
                EntryKind::Symlink => links.push(below),
                EntryKind::File | EntryKind::Submodule => {}
            }
        }
    }
    links.sort();
    let name = it.path.rsplit('/').next().unwrap_or_default();
    let name = if name == "." { "root" } else { name };
    let path = rooted(&it.path, KIT_FILE);
    let file = match has_file {
        false => Ok(KitFile::default()),
        true => match snapshot.read(&path, 1 << 20) {
            Ok(bytes) => file::parse(&path, &bytes, name),
            Err(error) => Err(vec![
                Finding::host_error("kit-file", error.to_string())
                    .at(Origin::new(path.as_str(), 1)),
            ]),
        },
    };
    Ok(Read {
        tree: it.tree,
        file,
        file_is_link: links.contains(&path),
        links,
        telling,
    })
}

fn kit(
    snapshot: &Snapshot,
    it: &Matched<'_>,
    read: &Read,
    (circumstances, guardrails): (&Circumstances, &Resolved),
    law: &Law,
) -> KitSource {
    let path = KitPath::new(it.path.as_str());
    let mut findings = Vec::new();
    let mut grants = granted(&it.path, it.rule, &it.captures, &mut findings);
    let mut plugins = Vec::new();
    let mut policy = KitPolicy::default();
    let mut awaited_objects = Vec::new();
    let mut given = Given::default();
    match &read.file {
        Err(faults) => findings.extend(faults.iter().cloned()),
        Ok(file) => {
            narrow(&mut grants, file, &mut findings);
            policy = file.policy.clone();
            awaited_objects = awaited(&grants, file, &mut findings);
            plugins = circumstances.own(snapshot, &it.path, it.rule, file, &mut findings);
            given = circumstances.supplier.given(&path, file, &mut findings);
        }
    }
    let file = read.file.as_ref().ok();
    act_as(&mut grants, it.rule, &it.path, file, &mut findings);
    for guardrail in guardrails {
        match guardrail {
            Ok(plugin) => plugins.push(plugin.clone()),
            Err(finding) => findings.push(finding.clone()),
        }
    }
    let mut kit = KitSource {
        rules: law.for_kit(&path, file.map_or(&[], |file| &file.rules)),
        grants,
        plugins,
        ignore: it.rule.ignore.clone(),
        depends_on_objects: awaited_objects,
        policy,
        renderer: Renderer::of(
            &it.path,
            &read.telling,
            file.map(|file| &file.renderer),
            &circumstances.kubernetes,
            std::mem::take(&mut given.chart),
        ),
        given,
        budget: it.rule.deletion_budget.unwrap_or_default(),
        sources: circumstances.sources.clone(),
        findings,
        ..KitSource::without_files(path)
    };
    kit.inputs = inputs(&kit, it.tree, &link_targets(snapshot, &read.links));
    kit.own_inputs = kit.inputs;
    kit
}

#[cfg(test)]
#[path = "discovery_tests.rs"]
mod tests;
