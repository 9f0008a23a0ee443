//! What exists, what is missing, and how that is told.

use std::collections::BTreeMap;
use std::fmt::Display;

use trimtab_plugin::{Exemption, Level, Object, Report};

use crate::inventory::{Inventory, Key, Thing};
use crate::nearest::nearest;
use crate::settings::Settings;

/// Findings of a kit: nobody reads more.
const MOST: usize = 100;
/// Findings of a call that name each place; a host takes 10,000, and each kit may have one more.
const MOST_OF_ALL: usize = 5_000;
/// Names that are compared to find those that were meant.
const COMPARED: usize = 50_000;
/// Rules about what works all the same, or about what is often outside of the repository.
const WARNINGS: &[&str] = &[
    "pull-secret",
    "policy-selector",
    "budget-selector",
    "monitor-selector",
    "monitor-port",
    "target-port-number",
    "subject",
];

/// Roles, ServiceAccounts and the like that each cluster has.
fn is_built_in(key: &Key<'_>) -> bool {
    match (key.group, key.kind) {
        ("", "ServiceAccount") => key.name == "default",
        ("", "ConfigMap") => key.name == "kube-root-ca.crt",
        ("", "Service") => matches!(
            (key.namespace, key.name),
            ("default", "kubernetes") | ("kube-system", "kube-dns")
        ),
        ("rbac.authorization.k8s.io", "ClusterRole") => {
            key.name.starts_with("system:")
                || matches!(key.name, "cluster-admin" | "admin" | "edit" | "view")
        }
        ("rbac.authorization.k8s.io", "Role") => key.name.starts_with("system:"),
        _ => false,
    }
}

fn weight(level: Level) -> u8 {
    match level {
        Level::Ignore => 0,
        Level::Info => 1,
        Level::Warning => 2,
        Level::Error => 3,
    }
}

/// What is referred to.
pub enum Found<'j, 'o> {
    Here(&'j Thing<'o>),
    /// Something else makes it: nothing more is known.
    Outside,
}

/// A place that refers to something.
pub struct Place<'p> {
    pub rule: &'static str,
    pub object: &'p Object,
    /// RFC 6901 pointer to the name.
    pub field: String,
    /// `container web takes LEVEL from`, to be followed by what it refers to.
    pub why: String,
}

pub struct Judge<'j, 'o> {
    pub settings: &'j Settings,
    pub inventory: &'j Inventory<'o>,
    report: &'j mut Report,
    told: usize,
    kits: BTreeMap<String, Told>,
    left: usize,
}

/// What is told of a kit.
#[derive(Default)]
struct Told {
    findings: usize,
    /// By their rules: the platform team weighs them so.
    left_out: BTreeMap<&'static str, LeftOut>,
}

struct LeftOut {
    count: usize,
    /// How much the worst of them weighs, and what it is about.
    level: Level,
    object: Object,
}

impl<'j, 'o> Judge<'j, 'o> {
    pub fn new(
        settings: &'j Settings,
        inventory: &'j Inventory<'o>,
        report: &'j mut Report,
    ) -> Self {
        Self {
            settings,
            inventory,
            report,
            told: 0,
            kits: BTreeMap::new(),
            left: COMPARED,
        }
    }

    /// How much a finding weighs; nothing that nobody hears is worked out.
    fn level(&self, rule: &str, object: &Object) -> Level {
        if Exemption::any(&self.settings.exempt, rule, object, None) {
            return Level::Ignore;
        }
        let otherwise = match WARNINGS.contains(&rule) {
            true => Level::Warning,
            false => Level::Error,
        };
        self.settings.levels.of(rule, otherwise)
    }

    pub fn tell(
        &mut self,
        rule: &'static str,
        object: &Object,
        field: &str,
        message: impl Display,
        instead: Option<&str>,
    ) {
        let level = self.level(rule, object);
        if level == Level::Ignore {
            return;
        }
        if !self.kits.contains_key(&object.kit) {
            self.kits.insert(object.kit.clone(), Told::default());
        }
        let Some(of_kit) = self.kits.get_mut(&object.kit) else {
            return;
        };
        if of_kit.findings == MOST || self.told == MOST_OF_ALL {
            let left_out = of_kit.left_out.entry(rule).or_insert_with(|| LeftOut {
                count: 0,
                level,
                object: object.clone(),
            });
            left_out.count += 1;
            if weight(level) > weight(left_out.level) {
                left_out.level = level;
                left_out.object = object.clone();
            }
            return;
        }
        of_kit.findings += 1;
        self.told += 1;
        let told = self.report.tell(level, rule, message, object, field);
        if let (Some(finding), Some(instead)) = (told, instead) {
            finding.propose(instead);
        }
    }

    /// Tells of each kit and rule what was left out: no kit answers for another, and no rule.
    pub fn finish(self) {
        for told in self.kits.into_values() {
            for (rule, left_out) in told.left_out {
                let message = format!(
                    "{} more findings of this rule are left out, one of them of this object; see to those that are told first",
                    left_out.count
                );
                let LeftOut { level, object, .. } = left_out;
                self.report.tell(level, rule, message, &object, "");
            }
        }
    }

    pub fn find(&self, key: &Key<'_>) -> Option<Found<'j, 'o>> {
        if let Some(thing) = self.inventory.get(key) {
            return Some(Found::Here(thing));
        }
        let mut external = self.settings.external.iter();
        let outside = is_built_in(key)
            || self.inventory.is_everywhere(key)
            || external.any(|it| it.covers(key.group, key.kind, key.namespace, key.name));
        outside.then_some(Found::Outside)
    }

    /// What a place refers to; if it is missing, that is told.
    pub fn require(&mut self, place: &Place<'_>, key: Key<'_>) -> Option<Found<'j, 'o>> {
        let found = self.find(&key);
        if found.is_none() {
            self.missing(place, key);
        }
        found
    }

    fn missing(&mut self, place: &Place<'_>, key: Key<'_>) {
        if self.level(place.rule, place.object) == Level::Ignore {
            return;
        }
        let inventory = self.inventory;
        let names = inventory.names_like(&key);
        let meant = nearest(key.name, names, &mut self.left);
        let hint = match (meant, inventory.elsewhere(&key)) {
            (Some((name, object)), _) => format!("; is {name} meant ({})?", object.origin()),
            (None, Some(other)) if !other.is_empty() => {
                format!("; the namespace {other} has one of this name")
            }
            _ => "; add it to a kit, or name it in settings.external if something else makes it"
                .to_owned(),
        };
        let slash = if key.namespace.is_empty() { "" } else { "/" };
        let message = format!(
            "{} the {} {}{slash}{}, which is in no kit{hint}",
            place.why, key.kind, key.namespace, key.name
        );
        let instead = meant.map(|(name, _)| name);
        self.tell(place.rule, place.object, &place.field, message, instead);
    }

    /// Whether a ConfigMap or Secret has an entry; if not, that is told.
    pub fn require_entry(
        &mut self,
        place: &Place<'_>,
        thing: &Thing<'o>,
        key: Key<'_>,
        entry: &str,
    ) {
        let Some(entries) = &thing.entries else {
            return;
        };
        if entries.contains(entry) {
            return;
        }
        let names = entries.iter().map(|it| (*it, ()));
        let meant = nearest(entry, names, &mut self.left).map(|(name, ())| name);
        let hint = match (meant, entries.len()) {
            (Some(name), _) => format!("; is {name} meant?"),
            (None, 0) => "; it has none".into(),
            (None, 1..=8) => {
                let all: Vec<&str> = entries.iter().copied().collect();
                format!("; it has {}", all.join(", "))
            }
            (None, count) => format!("; it has {count} others"),
        };
        let message = format!(
            "{} the key {entry} of the {} {}/{} ({}), which has no such key{hint}",
            place.why,
            key.kind,
            key.namespace,
            key.name,
            thing.object.origin(),
        );
        self.tell(place.rule, place.object, &place.field, message, meant);
    }
}
