//! A GitRepository as a Repository.

use serde_json::{Map, Value, json};

use super::super::Which;
use super::super::left::{Left, Object, PASSWORD, quoted, without_password};
use super::super::wanted::Import;
use crate::kit::RepositorySpec;

pub(super) fn repository(source: &Object, which: &Which) -> Import {
    let mut left = source.unknown(
        "/spec",
        &[
            "url",
            "ref",
            "interval",
            "timeout",
            "secretRef",
            "verify",
            "suspend",
            "ignore",
            "provider",
            "include",
            "recurseSubmodules",
            "gitImplementation",
        ],
    );
    let mut spec = Map::new();
    let (url, taken) = without_password(source.text("/spec/url").unwrap_or_default());
    spec.insert("url".into(), url.into());
    if taken {
        left.push(source.left("/spec/url", PASSWORD, "write a Secret: docs/git.md"));
    }
    if let Some(follow) = follow(source, &mut left) {
        spec.insert("ref".into(), follow);
    }
    for field in ["interval", "timeout"] {
        if let Some(text) = duration(source, &format!("/spec/{field}"), &mut left) {
            spec.insert(field.into(), text.into());
        }
    }
    if let Some(name) = source.text("/spec/secretRef/name") {
        spec.insert("secretRef".into(), json!({"name": name}));
    }
    if source.flag("/spec/suspend") == Some(true) {
        spec.insert("suspend".into(), true.into());
        spec.insert(
            "reason".into(),
            "its GitRepository was suspended when it was imported".into(),
        );
    }
    if let Some(verify) = verify(source, &mut left) {
        spec.insert("verify".into(), verify);
    }
    left.extend(not_carried(source));
    let mut notes = Vec::new();
    let namespace = match (&which.namespace, &source.namespace) {
        (Some(namespace), own) => {
            if own.as_ref() != Some(namespace) {
                notes.push(format!(
                    "Secrets and ConfigMaps that the Repository and its kits name are to be in the namespace {namespace}"
                ));
            }
            namespace.clone()
        }
        (None, Some(own)) => own.clone(),
        (None, None) => "trimtab-system".to_owned(),
    };
    let name = which.name.clone().unwrap_or_else(|| source.name.clone());
    Import {
        name,
        namespace,
        spec,
        left,
        notes,
        ..Import::default()
    }
}

/// What is followed, by Flux's order: the commit, the name, the range, the tag, the branch.
fn follow(source: &Object, left: &mut Vec<Left>) -> Option<Value> {
    let text = |field: &str| source.text(&format!("/spec/ref/{field}"));
    left.extend(source.unknown("/spec/ref", &["branch", "tag", "semver", "name", "commit"]));
    if let Some(commit) = text("commit") {
        return Some(json!({"commit": commit}));
    }
    if let Some(name) = text("name") {
        if let Some(branch) = name.strip_prefix("refs/heads/") {
            return Some(json!({"branch": branch}));
        }
        if let Some(tag) = name.strip_prefix("refs/tags/") {
            return Some(json!({"tag": tag}));
        }
        left.push(source.left(
            "/spec/ref/name",
            format!("only branches and tags are followed, not {}", quoted(name)),
            "write a branch into spec.ref of the Repository",
        ));
        return None;
    }
    if let Some(range) = text("semver") {
        return Some(match range_of(range) {
            Some(range) => json!({"semver": range}),
            None => {
                left.push(source.left(
                    "/spec/ref/semver",
                    format!("{} is no range as Trimtab reads them", quoted(range)),
                    "write it as `>=1.2, <2` into spec.ref.semver of the Repository",
                ));
                json!({"semver": range})
            }
        });
    }
    if let Some(tag) = text("tag") {
        return Some(json!({"tag": tag}));
    }
    // Flux's own default.
    Some(json!({"branch": text("branch").unwrap_or("master")}))
}

/// A range of Masterminds' semver, where comparators stand side by side, as one with commas.
pub(in crate::cli::import) fn range_of(text: &str) -> Option<String> {
    let mut range = String::new();
    for part in text.split([' ', ',']).filter(|it| !it.is_empty()) {
        let bare = range.ends_with(|it: char| !it.is_ascii_alphanumeric() && it != '*');
        if !range.is_empty() && !bare {
            range.push_str(", ");
        }
        // A version alone is that one; Cargo's reading would be `^`.
        let exact = part.starts_with(|it: char| it.is_ascii_digit()) && !bare;
        let open = part.contains(['x', 'X', '*']) || part.split('.').count() < 3;
        if exact && !open {
            range.push('=');
        }
        range.push_str(part);
    }
    semver::VersionReq::parse(&range).ok()?;
    Some(range)
}

/// A duration as the Repository takes it, or said.
pub(super) fn duration(object: &Object, pointer: &str, left: &mut Vec<Left>) -> Option<String> {
    let text = object.text(pointer)?;
    let mut probe = RepositorySpec::of("file:///");
    probe.interval = text.to_owned();
    if probe.interval().is_ok() {
        return Some(text.to_owned());
    }
    left.push(object.left(
        pointer,
        format!("{} is no duration as Trimtab reads them", quoted(text)),
        "write it as 30s, 5m or 1h30m",
    ));
    None
}

fn verify(source: &Object, left: &mut Vec<Left>) -> Option<Value> {
    let secret = source.text("/spec/verify/secretRef/name")?;
    let mode = match source.text("/spec/verify/mode").unwrap_or("HEAD") {
        "HEAD" | "head" => "Head",
        "Tag" => "Tag",
        mode => {
            if mode != "TagAndHEAD" {
                let why = format!("{} is no mode that is known here", quoted(mode));
                left.push(source.left("/spec/verify/mode", why, "see docs/signatures.md"));
            } else {
                left.push(source.left(
                    "/spec/verify/mode",
                    "beside the tag, every commit since the last revision must be signed, not the newest alone",
                    "write mode: Tag, if that is too much",
                ));
            }
            "TagAndEvery"
        }
    };
    Some(json!({"mode": mode, "keysFrom": [{"kind": "Secret", "name": secret}]}))
}

fn not_carried(source: &Object) -> Vec<Left> {
    let mut left = Vec::new();
    let mut say = |field: &str, why: &str, next: &str| {
        if source
            .get(&format!("/spec/{field}"))
            .is_some_and(|it| *it != Value::Bool(false))
        {
            left.push(source.left(&format!("/spec/{field}"), why, next));
        }
    };
    say(
        "ignore",
        "its patterns are from the repository's root",
        "what is in no kit is not applied; files within a kit are left out by .trimtabignore in its directory",
    );
    say(
        "include",
        "other repositories are not laid over this one",
        "commit the files, or make a Repository of the other one",
    );
    say(
        "recurseSubmodules",
        "submodules are not followed",
        "commit the files themselves",
    );
    if let Some(provider) = source.text("/spec/provider").filter(|it| *it != "generic") {
        left.push(source.left(
            "/spec/provider",
            format!(
                "the host does not sign in as a workload of {}",
                quoted(provider)
            ),
            "write a Secret with a token or a key: docs/git.md",
        ));
    }
    left
}
