//! Which objects a policy or a binding is for.

use serde::Deserialize;
use serde_json::Value as Json;
use trimtab_plugin::LabelSelector;

use super::kinds::Resource;
use super::names::Repository;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Constraints {
    namespace_selector: Option<LabelSelector>,
    object_selector: Option<LabelSelector>,
    resource_rules: Option<Vec<Rule>>,
    exclude_resource_rules: Option<Vec<Rule>>,
    match_policy: Option<MatchPolicy>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
enum MatchPolicy {
    Exact,
    Equivalent,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    api_groups: Vec<String>,
    api_versions: Vec<String>,
    resources: Vec<String>,
    operations: Vec<String>,
    resource_names: Option<Vec<String>>,
    scope: Option<String>,
}

/// Whether it is for an object.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As one of this version, which may be another than the object's own.
    Matches(String),
    Not,
    /// It hangs on something that is not in the repository.
    Unknown(String),
}

/// What is matched: an object that is to be created.
pub struct Candidate<'o> {
    pub resource: &'o Resource,
    pub version: &'o str,
    pub name: &'o str,
    /// A Namespace is in the namespace of its own name.
    pub namespace: &'o str,
    pub labels: &'o Json,
}

impl Constraints {
    /// # Errors
    /// Which field is wrong, as what follows the field's name.
    pub(super) fn read(value: &Json) -> Result<Self, String> {
        Self::deserialize(value).map_err(|error| format!(": {error}"))
    }

    pub fn matches(&self, candidate: &Candidate<'_>, repository: &Repository<'_>) -> Verdict {
        let of_namespace = self.of_namespace(candidate, repository);
        if of_namespace == Ok(false) {
            return Verdict::Not;
        }
        let selector = self.object_selector.as_ref();
        if selector.is_some_and(|it| !it.matches(candidate.labels)) {
            return Verdict::Not;
        }
        let excluded = rules(self.exclude_resource_rules.as_deref());
        if self.found(excluded, candidate).is_some() {
            return Verdict::Not;
        }
        let wanted = rules(self.resource_rules.as_deref());
        let version = match wanted.is_empty() {
            true => candidate.version.to_owned(),
            false => match self.found(wanted, candidate) {
                Some(version) => version,
                None => return Verdict::Not,
            },
        };
        match of_namespace {
            Err(unknown) => Verdict::Unknown(unknown),
            Ok(_) => Verdict::Matches(version),
        }
    }

    fn of_namespace(
        &self,
        candidate: &Candidate<'_>,
        repository: &Repository<'_>,
    ) -> Result<bool, String> {
        let selector = self.namespace_selector.as_ref();
        let Some(selector) = selector.filter(|it| !it.is_empty()) else {
            return Ok(true);
        };
        if candidate.resource.is("", "namespaces") {
            let labels = repository.with_its_name(candidate.labels, candidate.name);
            return Ok(selector.matches(&labels));
        }
        if candidate.namespace.is_empty() {
            return Ok(true);
        }
        repository.selects(selector, candidate.namespace)
    }

    /// The version by which a rule is for it: its own, or one that the API server would make it.
    fn found(&self, rules: &[Rule], candidate: &Candidate<'_>) -> Option<String> {
        let by = |version: &str| rules.iter().any(|it| it.is_for(candidate, version));
        if by(candidate.version) {
            return Some(candidate.version.to_owned());
        }
        if self.match_policy == Some(MatchPolicy::Exact) {
            return None;
        }
        let others = &candidate.resource.versions;
        others.iter().find(|version| by(version)).cloned()
    }

    /// Whether a rule is of this group and does not say all resources: then it matters how the
    /// resource is called.
    pub fn names_resources_of(&self, group: &str) -> bool {
        let all = self
            .resource_rules
            .iter()
            .chain(&self.exclude_resource_rules);
        all.flatten().any(|rule| {
            any(&rule.api_groups, group)
                && !rule.resources.iter().any(|it| it == "*" || it == "*/*")
        })
    }

    /// Whether it matters of a resource if it is in a namespace. Where the kit has one, the object
    /// is taken to be in it, and only what is not for it by that is asked about.
    pub fn hangs_on_scope(&self, resource: &Resource, has_namespace: bool) -> bool {
        let of_rules = |given: Option<&[Rule]>, lets_through: &str| {
            rules(given).iter().any(|rule| {
                let asked = match rule.scope.as_deref() {
                    None | Some("*") => false,
                    Some(scope) => !has_namespace || scope == lets_through,
                };
                asked && rule.is_of(resource)
            })
        };
        let selects = self.namespace_selector.as_ref();
        let wanted = rules(self.resource_rules.as_deref());
        let selected = wanted.is_empty() || wanted.iter().any(|it| it.is_of(resource));
        of_rules(self.resource_rules.as_deref(), "Cluster")
            || of_rules(self.exclude_resource_rules.as_deref(), "Namespaced")
            || (!has_namespace && selected && selects.is_some_and(|it| !it.is_empty()))
    }

    /// Whether it asks for changes and deletions only, which are never judged here.
    pub fn never_for_creation(&self) -> bool {
        let wanted = rules(self.resource_rules.as_deref());
        !wanted.is_empty() && !wanted.iter().any(Rule::of_creation)
    }
}

fn rules(rules: Option<&[Rule]>) -> &[Rule] {
    rules.unwrap_or_default()
}

fn any(words: &[String], word: &str) -> bool {
    words.iter().any(|it| it == "*" || it == word)
}

impl Rule {
    fn of_creation(&self) -> bool {
        any(&self.operations, "CREATE")
    }

    /// Whatever its version, its name and its scope.
    fn is_of(&self, resource: &Resource) -> bool {
        let of_resource = |it: &String| {
            let (plural, part) = it.split_once('/').unwrap_or((it, ""));
            (plural == "*" || plural == resource.plural) && (part.is_empty() || part == "*")
        };
        self.of_creation()
            && any(&self.api_groups, &resource.group)
            && self.resources.iter().any(of_resource)
    }

    fn is_for(&self, candidate: &Candidate<'_>, version: &str) -> bool {
        let resource = candidate.resource;
        let cluster_wide = resource.is("", "namespaces") || candidate.namespace.is_empty();
        let in_scope = match self.scope.as_deref() {
            None | Some("*") => true,
            Some("Cluster") => cluster_wide,
            Some("Namespaced") => !cluster_wide,
            Some(_) => false,
        };
        let named =
            |names: &Vec<String>| names.is_empty() || names.iter().any(|it| it == candidate.name);
        in_scope
            && self.is_of(resource)
            && any(&self.api_versions, version)
            && self.resource_names.as_ref().is_none_or(named)
    }
}
