//! Which schema an object is of, and what is wrong with its kind and version.

use serde_json::Value;
use trimtab_plugin::{Object, Pattern, Severity};

use crate::builtin::{Definitions, Kind, Release};
use crate::crd::{Crd, Crds, Version};
use crate::defaults;
use crate::expression::Evaluator;
use crate::fault::{Fault, MISSING_FIELD, Pointer, WRONG_TYPE};
use crate::nearest::nearest;
use crate::releases;
use crate::rules::Rules;
use crate::schema::Schema;
use crate::walk::{Origin, Walk};
use crate::{Settings, UnknownKinds};

pub struct Judge<'j> {
    pub settings: &'j Settings,
    pub definitions: &'j Definitions,
    pub crds: &'j Crds<'j>,
    pub evaluator: &'j Evaluator,
}

impl Judge<'_> {
    pub fn object(&self, object: &Object) -> Vec<Fault> {
        let (api_version, kind) = (object.api_version(), object.kind());
        if api_version.is_empty() || kind.is_empty() {
            let mut walk = Walk::new(self.definitions, Origin::Crd, false);
            if let Value::Object(fields) = &object.value {
                walk.resource(fields, &Pointer::default());
            }
            return walk.faults;
        }
        let release = self.definitions.release;
        if let Some(known) = release.kind(api_version, kind) {
            return self.builtin(object, known);
        }
        if let Some(crd) = self.crds.find(object.group(), kind) {
            return self.custom(object, crd);
        }
        if let Some(fault) = removed(release, api_version, kind) {
            return vec![fault];
        }
        self.unknown_kind(object).into_iter().collect()
    }

    fn builtin(&self, object: &Object, known: &Kind) -> Vec<Fault> {
        let release = self.definitions.release;
        let (api_version, kind) = (known.api_version, known.kind);
        let mut walk = Walk::new(self.definitions, Origin::Builtin, true);
        if let Some(instead) = releases::deprecation(release, api_version, kind) {
            let message = format!(
                "{kind} of {api_version} is deprecated in Kubernetes 1.{}; write {instead}",
                release.minor
            );
            walk.faults
                .push(Fault::warning("deprecated-version", "/apiVersion", message));
        }
        if releases::is_preview(api_version) {
            let message = format!(
                "{api_version} is off in Kubernetes 1.{} unless the cluster turns it on (--runtime-config)",
                release.minor
            );
            walk.faults
                .push(Fault::warning("preview-version", "/apiVersion", message));
        }
        if !known.kept {
            let message = format!(
                "a {kind} is answered by the API server and not kept: it cannot be applied"
            );
            walk.faults.push(Fault::error("not-kept", "/kind", message));
        }
        let schema = Schema {
            reference: Some(known.definition.to_owned()),
            ..Schema::default()
        };
        walk.value(&schema, &object.value, &Pointer::default());
        walk.faults
    }

    fn custom(&self, object: &Object, crd: &Crd<'_>) -> Vec<Fault> {
        let (kind, name) = (crd.kind(), object.api_version());
        let version_name = name.rsplit('/').next().unwrap_or_default();
        let served: Vec<String> = crd
            .versions()
            .filter(Version::is_served)
            .map(|it| format!("{}/{}", crd.group(), it.name()))
            .collect();
        let instead = served.last().cloned();
        let Some(version) = crd.versions().find(|it| it.name() == version_name) else {
            let message = format!(
                "the CRD of {kind} has no version {version_name}; it serves {}",
                served.join(", ")
            );
            let fault = Fault::error("unknown-kind", "/apiVersion", message);
            return vec![fault.proposing(instead)];
        };
        if !version.is_served() {
            let message = format!(
                "{name} is no longer served by the CRD of {kind}; it serves {}",
                served.join(", ")
            );
            let fault = Fault::error("removed-version", "/apiVersion", message);
            return vec![fault.proposing(instead)];
        }
        let mut faults = Vec::new();
        if let Some(words) = version.deprecation() {
            let words = match words.is_empty() {
                true => format!("{name} of {kind} is deprecated"),
                false => words.to_owned(),
            };
            faults.push(Fault::warning("deprecated-version", "/apiVersion", words));
        }
        match &*self.crds.schema(&version) {
            Ok(schema) => faults.extend(self.of_schema(object, schema, version.has_status())),
            Err(error) => {
                let message =
                    format!("the schema of {name} in the CRD of {kind} cannot be read: {error}");
                faults.push(Fault::error("crd", "", message));
            }
        }
        faults
    }

    fn of_schema(&self, object: &Object, schema: &Schema, has_status: bool) -> Vec<Fault> {
        let mut value = object.value.clone();
        defaults::apply(&mut value, schema);
        let mut walk = Walk::new(self.definitions, Origin::Crd, has_status);
        let root = Pointer::default();
        walk.value(schema, &value, &root);
        let mut faults = walk.faults;
        let blocking = |it: &Fault| matches!(it.rule, WRONG_TYPE | MISSING_FIELD);
        // The server asks the rules only of what has its types and fields.
        if !faults.iter().any(blocking) {
            let mut rules = Rules {
                evaluator: self.evaluator,
                status_is_dropped: has_status,
                faults: Vec::new(),
            };
            rules.value(schema, &value, &root);
            faults.append(&mut rules.faults);
        }
        faults
    }

    fn unknown_kind(&self, object: &Object) -> Option<Fault> {
        let release = self.definitions.release;
        let (api_version, kind, group) = (object.api_version(), object.kind(), object.group());
        let dot = if group.is_empty() { "" } else { "." };
        let external = Pattern::any(&self.settings.external, &format!("{kind}{dot}{group}"));
        if external {
            return None;
        }
        if !Release::is_builtin_group(group) {
            let severity = match self.settings.unknown_kinds {
                UnknownKinds::Ignore => return None,
                UnknownKinds::Warning => Severity::Warning,
                UnknownKinds::Error => Severity::Error,
            };
            let mut of_group = self.crds.kinds().filter(|(it, _)| *it == group);
            let near = nearest(kind, of_group.by_ref().map(|(_, kind)| kind));
            let message = format!(
                "{kind} of {api_version} is neither built into Kubernetes nor of a CRD of this kit or its `data`; name its CRD in `data`, or the kind in settings.external"
            );
            let fault = Fault::error("unknown-kind", "/kind", message);
            let fault = fault.proposing(near.map(str::to_owned));
            return Some(Fault { severity, ..fault });
        }
        let here = format!("Kubernetes 1.{}", release.minor);
        if let Some(version) = releases::newest(release, api_version, kind) {
            let message =
                format!("there is no {kind} of {api_version} in {here}; it has {version}");
            let fault = Fault::error("unknown-kind", "/apiVersion", message);
            return Some(fault.proposing(Some(version.to_owned())));
        }
        if let Some(later) = Release::first_with(api_version, kind) {
            let message = format!(
                "{kind} of {api_version} comes with Kubernetes 1.{}; this is {here}",
                later.minor
            );
            return Some(Fault::error("unknown-kind", "/kind", message));
        }
        // Another group has the kind, or the group a kind of nearly this name.
        let elsewhere = release.kinds().iter().find(|it| it.kind == kind);
        if let Some(elsewhere) = elsewhere {
            let version = elsewhere.api_version;
            let message =
                format!("there is no {kind} of {api_version} in {here}; it is of {version}");
            let fault = Fault::error("unknown-kind", "/apiVersion", message);
            return Some(fault.proposing(Some(version.to_owned())));
        }
        let of_version = release
            .kinds()
            .iter()
            .filter(|it| it.api_version == api_version);
        let near = nearest(kind, of_version.map(|it| it.kind));
        let message = format!("there is no {kind} of {api_version} in {here}");
        let fault = Fault::error("unknown-kind", "/kind", message);
        Some(fault.proposing(near.map(str::to_owned)))
    }
}

fn removed(release: &Release, api_version: &str, kind: &str) -> Option<Fault> {
    let removal = releases::removal(release, api_version, kind)?;
    let instead = match removal.instead {
        Some(instead) => format!("write {instead}, whose fields may differ"),
        None => "nothing takes its place".into(),
    };
    let message = format!(
        "Kubernetes has no {kind} of {api_version} since 1.{}: {instead}",
        removal.minor
    );
    let fault = Fault::error("removed-version", "/apiVersion", message);
    Some(fault.proposing(removal.instead.map(str::to_owned)))
}
