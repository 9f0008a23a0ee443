//! A record as an in-toto statement: that this revision, by these rules, rendered to this digest,
//! and what came of it.
//!
//! The predicate is SLSA's provenance: the rendered objects are an artifact that was made of a
//! commit and plugins, and anybody can make it again. SLSA's verification summary would be about
//! levels of a supply chain that Trimtab does not look at. What came of it in the cluster is an
//! extension field, which provenance allows. No names of people are in it.

use serde_json::{Value, json};

use super::chain::Stored;
use super::entry::Outcome;
use super::export::Line;

pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const BUILD_TYPE: &str = "https://trimtab.io/provenance/render/v1";
const BUILDER: &str = "https://trimtab.io/host";

/// The statement of a record that has an end to tell of: a kit that became healthy, did not, or was
/// refused. `None` of others.
pub fn statement(line: &Line) -> Option<Value> {
    let stored: Stored = serde_json::from_value(line.record.clone()).ok()?;
    let entry = stored.entry;
    let told = matches!(
        entry.outcome,
        Outcome::Healthy
            | Outcome::Unhealthy
            | Outcome::RolledBack
            | Outcome::Refused
            | Outcome::Failed
    );
    let (Some(kit), Some(revision), Some(digest), true, None) = (
        entry.kit,
        entry.revision,
        entry.digest,
        told,
        entry.carried_from,
    ) else {
        return None;
    };
    let commit = json!({"name": "commit", "digest": {"gitCommit": revision.id}});
    let rules = entry
        .plugins
        .iter()
        .map(|plugin| json!({"name": plugin.path, "digest": {"sha256": bare(&plugin.digest)}}));
    let values = entry.values.iter().filter(|it| it.digest != "none");
    let values = values.map(
        |it| json!({"name": format!("values/{}", it.name), "digest": {"sha256": bare(&it.digest)}}),
    );
    let made_of: Vec<Value> = std::iter::once(commit).chain(rules).chain(values).collect();
    let findings = &entry.findings;
    Some(json!({
        "_type": STATEMENT_TYPE,
        "subject": [{
            "name": format!("{}/{}/{kit}", entry.namespace, entry.repository),
            "digest": {"sha256": bare(&digest)},
        }],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "namespace": entry.namespace, "repository": entry.repository, "kit": kit, "revision": revision.id,
                },
                "internalParameters": {"inputs": entry.inputs},
                "resolvedDependencies": made_of,
            },
            "runDetails": {
                "builder": {"id": BUILDER, "version": {"trimtab": env!("CARGO_PKG_VERSION")}},
                "metadata": {"invocationId": line.hash.to_string(), "finishedOn": entry.at.to_string()},
            },
            "trimtab_outcome": {
                "outcome": entry.outcome, "cause": entry.cause, "insteadOf": entry.instead_of,
                "findings": {"errors": findings.errors, "warnings": findings.warnings, "infos": findings.infos},
                "record": {"sequence": stored.sequence, "hash": line.hash},
            },
        },
    }))
}

/// The hexadecimal digits of `sha256:…`.
fn bare(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}
