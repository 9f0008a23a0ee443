//! A kit as a snapshot has it.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::grants::granted;
use super::pattern::Pattern;
use super::rules::Law;
use super::{
    DeletionBudget, Given, KitPath, KitPolicy, Renderer, RepositorySpec, RulePolicy, Sources,
};
use crate::manifest::{Finding, ObjectKey, Origin, Spans};
use crate::source::{ObjectId, Snapshot};

/// What the platform team lets a kit do, with the names of captures filled in and narrowed by kit.yaml.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Where objects without a namespace go.
    pub namespace: Option<String>,
    pub create_namespace: bool,
    /// Empty: any.
    pub allowed_namespaces: Vec<String>,
    /// The same before the kit's own kit.yaml narrowed it: what the Repository says.
    pub granted_namespaces: Vec<String>,
    pub cluster_scoped: bool,
    /// Whose rights bound the kit; the host's own if there is none.
    pub service_account: Option<ServiceAccount>,
}

impl Grants {
    /// Whether a kit may have such an object, whatever its files say.
    pub fn allow(&self, key: &ObjectKey) -> bool {
        match &key.namespace {
            Some(namespace) => {
                let allowed = &self.allowed_namespaces;
                allowed.is_empty() || allowed.iter().any(|it| **it == **namespace)
            }
            None => self.cluster_scoped,
        }
    }
}

/// A ServiceAccount of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceAccount {
    pub namespace: String,
    pub name: String,
}

/// `acme/deployer`.
impl fmt::Display for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl ServiceAccount {
    /// From its displayed form.
    pub fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = text.split_once('/')?;
        Some(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}

/// A plugin that a kit runs, resolved in the snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginUse {
    /// From the repository's root.
    pub path: String,
    /// The blob; equal ids are equal bytes.
    pub blob: ObjectId,
    /// The root tree that it and its data are read from, where that is not the kit's own: a kit
    /// that is held at an earlier revision has the guardrails that are wanted now.
    pub tree: Option<ObjectId>,
    /// The pin, if there is one: `sha256:…`.
    pub digest: Option<String>,
    /// JSON text; `{}` if none were given.
    pub settings: Arc<str>,
    /// What it is given to read.
    pub data: Arc<[DataSource]>,
    /// Units of fuel for one call; the sandbox's own limit if the platform team says nothing.
    pub fuel: Option<u64>,
    /// The cluster's version as the platform team declares it; empty if it does not.
    pub kubernetes: Arc<str>,
    /// Set by the platform team.
    pub guardrail: bool,
    /// Where it is named in kit.yaml; `None` for a guardrail.
    pub named_at: Option<Origin>,
    /// RFC 6901 pointer to where it is named, in kit.yaml or the Repository.
    pub pointer: String,
    /// Places in the kit.yaml; `None` for a guardrail.
    pub spans: Option<Arc<Spans>>,
}

impl KitSource {
    /// A kit that the revision does not have, as the Repository alone would have it.
    pub fn left_out(path: &KitPath, spec: &RepositorySpec) -> Self {
        let rule = spec.kits.iter().find(|rule| rule.matches(path));
        let grants = rule.map(|rule| {
            let pattern = Pattern::parse(&rule.path);
            let captures = pattern.map(|pattern| pattern.captured(path.as_str()));
            // What is wrong with a name has been told where the kit was found.
            granted(
                path.as_str(),
                rule,
                &captures.unwrap_or_default(),
                &mut Vec::new(),
            )
        });
        Self {
            grants: grants.unwrap_or_default(),
            rules: Law::of(spec).for_kit(path, &[]),
            budget: rule
                .and_then(|rule| rule.deletion_budget)
                .unwrap_or_default(),
            ..Self::without_files(path.clone())
        }
    }

    /// Makes its inputs those of a kit that a finding stops: nothing else of it counts.
    pub fn hold(&mut self, finding: &Finding) {
        self.inputs = InputDigest::none().and(&finding.to_string());
        self.own_inputs = self.inputs;
    }

    /// A kit that the revision does not have.
    pub fn without_files(path: KitPath) -> Self {
        Self {
            path,
            grants: Grants::default(),
            plugins: Vec::new(),
            ignore: Vec::new(),
            depends_on: Vec::new(),
            depends_on_objects: Vec::new(),
            policy: KitPolicy::default(),
            renderer: Renderer::Plain,
            given: Given::default(),
            rules: RulePolicy::default(),
            sources: Arc::default(),
            budget: DeletionBudget::default(),
            inputs: InputDigest::none(),
            own_inputs: InputDigest::none(),
            findings: Vec::new(),
        }
    }
}

impl PluginUse {
    /// The files that it and its data are read from, for a kit of this snapshot.
    pub fn files(&self, kit: &Snapshot) -> Snapshot {
        match self.tree {
            Some(tree) => kit.rooted_at(tree),
            None => kit.clone(),
        }
    }

    /// A finding about one of the fields where it is named, `settings/service/allow` for one.
    pub fn field_fault(&self, field: &str, finding: Finding) -> Finding {
        let pointer = format!("{}{field}", self.pointer);
        let place = self.spans.as_ref().zip(self.named_at.as_ref());
        let finding = match place {
            Some((spans, named_at)) => {
                let (spans, whole) = spans.nearest(&pointer);
                let span = if whole {
                    spans.value
                } else {
                    spans.key.unwrap_or(spans.value)
                };
                finding.spanning(&named_at.path, span)
            }
            None => finding,
        };
        finding.field(pointer)
    }
}

/// A file that a plugin is given to read, or a directory with all of its YAML and JSON files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DataSource {
    /// From the repository's root, symbolic links followed.
    pub path: String,
    /// Equal ids are equal contents.
    pub id: ObjectId,
    pub directory: bool,
}

/// SHA-256 over all that a kit's rendering depends on: tree ids, blobs read outside of the
/// directory, plugins, settings, grants. Equal digests: nothing to look at.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InputDigest(pub(super) [u8; 32]);

impl InputDigest {
    /// Of a kit that is not there.
    pub fn none() -> Self {
        Self([0; 32])
    }

    /// With something more that the kit depends on.
    pub fn and(self, more: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(more);
        Self(hash.finalize().into())
    }
}

impl fmt::Display for InputDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for InputDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A kit as a snapshot has it, ready to be rendered.
#[derive(Clone, Debug)]
pub struct KitSource {
    pub path: KitPath,
    pub grants: Grants,
    /// The kit's own in their order, then the guardrails.
    pub plugins: Vec<PluginUse>,
    /// Patterns of files that are not the kit's manifests, from the Repository.
    pub ignore: Vec<String>,
    pub depends_on: Vec<KitPath>,
    /// Objects that no kit has and that must be healthy first.
    pub depends_on_objects: Vec<ObjectKey>,
    pub policy: KitPolicy,
    pub renderer: Renderer,
    /// Of the platform team's values; those of a chart are the renderer's.
    pub given: Given,
    /// How much findings weigh.
    pub rules: RulePolicy,
    /// Where its remote bases and charts may come from, from the Repository. No part of `inputs`:
    /// what was asked for is a part of what was read.
    pub sources: Arc<Sources>,
    /// From the Repository.
    pub budget: DeletionBudget,
    pub inputs: InputDigest,
    /// The same without what is read outside of the directory, which is known when it is rendered.
    pub own_inputs: InputDigest,
    /// Why this kit cannot be rendered as it is: a bad kit.yaml, a missing plugin, a cycle.
    pub findings: Vec<Finding>,
}
