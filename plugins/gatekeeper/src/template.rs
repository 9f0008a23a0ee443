//! A ConstraintTemplate: its kind, the schema of its parameters, and its Rego.

use serde_json::Value;
use trimtab_plugin::Object;

use crate::program::{Fault, Program, Source};
use crate::schema::Schema;

const TARGET: &str = "admission.k8s.gatekeeper.sh";

pub struct Template {
    /// The kind of its constraints.
    pub kind: String,
    /// `path:line`.
    pub origin: String,
    pub schema: Schema,
    /// Or what it lacks to be evaluated here.
    pub program: Result<Program, String>,
}

/// The kind that a document makes, if it says so.
pub fn kind_of(document: &Object) -> &str {
    let kind = document.at("/spec/crd/spec/names/kind");
    kind.as_str().unwrap_or_default()
}

impl Template {
    pub fn read(document: &Object) -> Result<Self, String> {
        let version = document.api_version().rsplit('/').next();
        if !matches!(version, Some("v1" | "v1beta1" | "v1alpha1")) {
            return Err("its version is none of v1, v1beta1 and v1alpha1".into());
        }
        let kind = kind_of(document);
        if kind.is_empty() {
            return Err("it has no spec.crd.spec.names.kind".into());
        }
        if document.name() != kind.to_lowercase() {
            return Err(format!(
                "its name is not its kind in lower case; name it {}",
                kind.to_lowercase()
            ));
        }
        let schema = Schema::read(&document.value)?;
        let [target] = document
            .at("/spec/targets")
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
        else {
            return Err("it needs one entry in spec.targets, and no more".into());
        };
        if target["target"] != TARGET {
            return Err(format!(
                "its target is {}; write {TARGET}",
                target["target"]
            ));
        }
        let program = match source(target)? {
            Ok(source) => match Program::compile(&source) {
                Ok(program) => Ok(program),
                Err(Fault::Lacks(what)) => Err(what),
                Err(Fault::Invalid(message)) => return Err(message),
            },
            Err(lacks) => Err(lacks),
        };
        Ok(Self {
            kind: kind.to_owned(),
            origin: document.origin(),
            schema,
            program,
        })
    }
}

/// The Rego of a target. Outer: the template is wrong; inner: there is no Rego in it.
fn source(target: &Value) -> Result<Result<Source, String>, String> {
    let libs = |value: &Value| -> Vec<String> {
        let texts = value.as_array().into_iter().flatten();
        texts.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    // As Gatekeeper's conversion has it: `rego` takes the place of what `code` has for that engine.
    if let Some(rego) = target["rego"].as_str().filter(|it| !it.is_empty()) {
        return Ok(Ok(Source {
            rego: rego.to_owned(),
            libs: libs(&target["libs"]),
            v1: false,
        }));
    }
    let code = target["code"].as_array().into_iter().flatten();
    let engines: Vec<&Value> = code.collect();
    let Some(code) = engines.iter().find(|it| it["engine"] == "Rego") else {
        let names: Vec<&str> = engines
            .iter()
            .filter_map(|it| it["engine"].as_str())
            .collect();
        return match names[..] {
            [] => Err("its target has neither rego nor code".into()),
            _ => Ok(Err(format!(
                "it is written for {}, and only Rego is evaluated here",
                names.join(", ")
            ))),
        };
    };
    let source = &code["source"];
    let rego = source["rego"].as_str();
    let rego = rego.ok_or("its code for Rego has no source.rego")?;
    Ok(Ok(Source {
        rego: rego.to_owned(),
        libs: libs(&source["libs"]),
        v1: source["version"] == "v1",
    }))
}
