//! Fields that objects get by patches: where the author left them out, or in any case.

mod json;
mod merge_keys;
mod patch;
mod strategic;

use schemars::JsonSchema;
use serde::Deserialize;
use trimtab_plugin::{Context, Object, Report, Rule, Transformer};

use patch::Patch;

/// Patches, in the order in which they are applied.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Each with the objects that it is for.
    pub patches: Vec<Patch>,
}

pub struct Defaults;

impl Rule for Defaults {
    type Settings = Settings;
    const NAME: &'static str = "defaults";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Patches objects: what their authors left out, or in any case.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        ("test", "a JSON patch's `test` holds"),
        ("path", "what a JSON patch names is there"),
        (
            "identity",
            "a patch leaves apiVersion, kind, name and namespace as they are",
        ),
    ];
}

impl Transformer for Defaults {
    fn transform(context: &Context<Settings>, objects: &mut Vec<Object>, report: &mut Report) {
        for object in objects {
            for patch in &context.settings.patches {
                if patch.objects.covers(object) {
                    apply(patch, object, report);
                }
            }
        }
    }
}

/// All of a patch, or nothing of it.
fn apply(patch: &Patch, object: &mut Object, report: &mut Report) {
    let mut patched = object.value.clone();
    let fault = patch.apply(&mut patched).err().or_else(|| {
        let identity = [
            "/apiVersion",
            "/kind",
            "/metadata/name",
            "/metadata/namespace",
        ];
        let moved = identity
            .iter()
            .find(|field| patched.pointer(field) != object.value.pointer(field))?;
        Some(patch::Fault {
            rule: "identity",
            field: (*moved).to_owned(),
            message: format!("the patch would change {moved}, which says what the object is"),
        })
    });
    match fault {
        None => object.value = patched,
        Some(fault) => {
            let message = format!("{}; nothing of this patch is applied", fault.message);
            report.tell(patch.on_failure, fault.rule, message, object, &fault.field);
        }
    }
}

trimtab_plugin::export_transformer!(Defaults);

#[cfg(test)]
mod tests;
