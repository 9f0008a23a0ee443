//! A guest's answer as manifests and findings.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::reads::Recorder;
use crate::kit::KitSource;
use crate::manifest::{Finding, Limits, Manifest, Origin, ReadError, read};
use crate::sandbox::{RenderError, RendererKind, Renderers, clean};

/// Characters of a library's message: of its beginning, and of its end, where the cause stands.
const BEGIN: usize = 300;
const END: usize = 600;
/// Characters of a hint.
const HINT: usize = 1000;
const NOT_FETCHED: &str = "this field takes no URL: commit a copy of what it is, and name that";

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer<A> {
    Error { error: Fault },
    Made(A),
}

/// Why a library made nothing of the files.
#[derive(Deserialize)]
struct Fault {
    kind: String,
    message: String,
    #[serde(default)]
    hint: Option<String>,
}

/// Asks a renderer. What is wrong is a finding at the file that the rendering begins with.
pub(super) fn ask<A: DeserializeOwned>(
    renderers: &Renderers,
    kind: RendererKind,
    request: &serde_json::Value,
    kit: &KitSource,
    recorder: &Recorder,
) -> Result<A, Vec<Finding>> {
    let at = kit.renderer.named_at(kit.path.as_str());
    let one = |finding: Finding| match &finding.origin {
        Some(_) => vec![finding],
        None => vec![finding.at(Origin::new(at.as_str(), 1))],
    };
    let request = request.to_string();
    let request = request.as_bytes();
    let rendered = match &kit.given.salt {
        // What a Secret has brought in is not written to a disk.
        Some(_) => renderers.render(kind, request, recorder.lookup()),
        None => {
            let trial = recorder.trial();
            match renderers.recall(kind, request, trial.lookup()) {
                Some(rendered) => {
                    recorder.adopt(&trial);
                    rendered
                }
                None => renderers.render_to_keep(kind, request, recorder.lookup()),
            }
        }
    };
    let (bytes, fuel) = rendered.map_err(|error| {
        if let RenderError::Fuel { limit } = error {
            recorder.spend(limit);
            recorder.give_up(!renderers.is_whole(limit));
        }
        one(fault(kind, &error))
    })?;
    recorder.spend(fuel);
    match serde_json::from_slice(&bytes) {
        Ok(Answer::Made(made)) => Ok(made),
        // What is not to be had is known better here than from the library's words.
        Ok(Answer::Error { error }) => Err(one(match recorder.trouble(true) {
            Some(trouble) => trouble,
            None => told(kind, &error, recorder),
        })),
        Err(error) => {
            let error = RenderError::Nonsense(error.to_string());
            Err(one(fault(kind, &error)))
        }
    }
}

fn told(kind: RendererKind, fault: &Fault, recorder: &Recorder) -> Finding {
    let rule = match fault.kind.as_str() {
        "remote" => "render-remote",
        "program" => "render-program",
        "impure" => "render-impure",
        "refused" => "render-refused",
        "unsupported" => "render-unsupported",
        "internal" | "request" => "render-failed",
        _ => match kind {
            RendererKind::Kustomize => "kustomize",
            RendererKind::Helm => "helm",
        },
    };
    let message = unquoted(&recorder.named(&fault.message));
    let message = shortened(&clean(&message, usize::MAX));
    // Some of Kustomize's fields take no URL, and look for a directory of its name.
    if ["/https:/", "/http:/"]
        .iter()
        .any(|it| message.contains(it))
    {
        return Finding::host_error("render-remote", message).hint(NOT_FETCHED);
    }
    match &fault.hint {
        // The guests say here what was refused; the library's words only lead to it.
        Some(refusal) if rule == "render-refused" => {
            let finding = Finding::host_error(rule, shortened(&clean(refusal, usize::MAX)));
            finding.hint("only files of the repository are read; no path and no link may lead out of it, and no file may be larger than is said here")
        }
        Some(hint) => Finding::host_error(rule, message).hint(clean(hint, HINT)),
        None => match advice(&message) {
            Some(hint) => Finding::host_error(rule, message).hint(hint),
            None => Finding::host_error(rule, message),
        },
    }
}

/// What a person can do about what a library says.
fn advice(message: &str) -> Option<&'static str> {
    const ADVICE: [(&str, &str); 5] = [
        (
            "is not in or below",
            "a base may be anywhere in the repository; a single file from outside of the kustomization's directory needs loadRestrictions: none at spec.kustomize in kit.yaml",
        ),
        (
            "cycle detected",
            "a kustomization names itself, or one that names it: leave that entry out",
        ),
        (
            "excessive aliasing",
            "write out what the aliases stand for: they are more than any file needs",
        ),
        (
            "specifications of the schema",
            "the schema is the chart's values.schema.json; the values are its values.yaml and the kit's",
        ),
        (
            "file is not directory",
            "name the base's directory, and not a file in it",
        ),
    ];
    let found = ADVICE.iter().find(|(words, _)| message.contains(words));
    found.map(|(_, advice)| *advice)
}

/// A library tells a chain of causes, which may be of any length.
fn shortened(text: &str) -> String {
    let count = text.chars().count();
    if count <= BEGIN + END {
        return text.to_owned();
    }
    let begin: String = text.chars().take(BEGIN).collect();
    let end: String = text.chars().skip(count - END).collect();
    format!("{begin} … {end}")
}

/// Without what a library quotes of the files: it may be a part of a Secret, and findings are shown to
/// whoever may read a status.
fn unquoted(message: &str) -> String {
    const LEFT_OUT: &str = "(what it quotes is left out)";
    // Where a quotation begins, and where its last one ends: the cause stands after it.
    const QUOTED: [(&str, &str); 7] = [
        ("map[string]interface {}{", "}: "),
        (" with config: `", "`"),
        ("[patch: ", "]"),
        ("must specify one of patch and path in", "\0"),
        ("can't be set at the same time", "\0"),
        ("invalid literal source ", ","),
        (" in object ", "\0"),
    ];
    let mut text = message.to_owned();
    for (begin, end) in QUOTED {
        if let Some(at) = text.find(begin) {
            let from = at + begin.len();
            let rest = text[from..].rfind(end).map_or("", |to| &text[from + to..]);
            text = format!("{}{LEFT_OUT}{rest}", &text[..from]);
        }
    }
    // A schema's word on a value: `'…' does not match pattern`.
    let lines = text.lines().map(|line| {
        for word in ["' does not match pattern", "' is not valid "] {
            let Some(end) = line.find(word) else { continue };
            if let Some(begin) = line[..end].find(": '") {
                let (before, after) = (&line[..begin + 2], &line[end + 1..]);
                return format!("{before}{LEFT_OUT}{after}");
            }
        }
        line.to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn fault(kind: RendererKind, error: &RenderError) -> Finding {
    let (rule, hint) = match error {
        RenderError::Missing { .. } => (
            "renderer-missing",
            "put the renderers beside the trimtab binary, in the folder renderers; plain YAML needs none",
        ),
        RenderError::Load { .. } => (
            "renderer-missing",
            "install it anew, from the same release as the trimtab binary",
        ),
        RenderError::Fuel { .. } => (
            "render-fuel",
            "look for a template or generator that goes on for ever, or make it two kits",
        ),
        RenderError::Stack => (
            "render-failed",
            "look for values or templates that are nested without end",
        ),
        RenderError::Memory { .. } => (
            "render-memory",
            "look for values or templates that grow without end, or make it two kits",
        ),
        RenderError::Trap(_) | RenderError::Nonsense(_) => {
            ("render-failed", "this is a fault of the renderer's")
        }
    };
    let message = match error {
        RenderError::Missing { .. } | RenderError::Load { .. } => error.to_string(),
        _ => format!("{kind} could not render this: {error}"),
    };
    Finding::host_error(rule, message).hint(hint)
}

/// The objects of a rendered text, with the places that they have in it: no file's.
pub(super) fn objects(
    text: &str,
    origin: &Origin,
    limits: &Limits,
) -> Result<Vec<Manifest>, Vec<Finding>> {
    read(&origin.path, text.as_bytes(), limits).map_err(|errors| {
        let finding = |error: ReadError| {
            let message = format!("what is rendered is no manifest: {}", error.message);
            let finding = Finding::host_error("yaml", message).at(origin.clone());
            match error.hint {
                Some(hint) => finding.hint(hint),
                None => finding,
            }
        };
        errors.into_iter().map(finding).collect::<Vec<_>>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_library_quotes_of_the_files_is_left_out_and_the_cause_stays() {
        let cases = [
            (
                "trouble configuring builtin PatchTransformer with config: `\npatch: 'password: hunter2'\n`: unable to parse SM or JSON patch from [patch: \"password: hunter2\"]",
                "unable to parse",
            ),
            (
                "- at '/password': 'hunter2' does not match pattern '^[0-9]+$'",
                "does not match pattern '^[0-9]+$'",
            ),
            (
                "map[string]interface {}{\"data\":map[string]interface {}{\"password\":\"hunter2\"}, \"n\":-Inf}: json: unsupported value: -Inf",
                "json: unsupported value: -Inf",
            ),
            (
                "invalid literal source hunter2, expected key=value",
                "expected key=value",
            ),
        ];
        for (message, kept) in cases {
            let shown = unquoted(message);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains(kept), "{shown}");
        }
        let plain = "accumulating resources: 'kits/a/x.yaml' doesn't exist";
        assert_eq!(unquoted(plain), plain);
    }
}
