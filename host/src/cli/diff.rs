//! `trimtab diff`.

use clap::Args;

use super::ask::HostArgs;
use super::paint::{self, painted};
use super::{Failure, Outcome, Output, counted};
use crate::manifest::Severity;
use crate::reconcile::{Diff, KitDiff, KitState, ObjectChange, ObjectDiff};
use crate::sandbox::clean;

/// Bytes of a line that is shown.
const LINE: usize = 4096;

/// Show what a revision would change in the cluster, by a dry run of the API server
///
/// Nothing is changed. Without a revision, the newest one that the host has found is meant; one
/// that is live shows what others have changed. What Secrets hold is masked.
/// Exits with 1 if there are differences, or if the revision would be refused.
///
///   trimtab diff
///   trimtab diff kits/acme/shop
///   trimtab diff kits/acme/shop --revision HEAD~1
#[derive(Args)]
#[command(name = "diff", verbatim_doc_comment)]
pub struct DiffArgs {
    /// A kit's path; all kits if nothing is said
    kit: Option<String>,
    /// A commit: its id or the first digits of it, the branch that is followed, HEAD~1
    #[arg(short, long, value_name = "REV")]
    revision: Option<String>,
    /// The namespace of the Repository and its Kits; all if nothing is said
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    #[command(flatten)]
    host: HostArgs,
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

impl DiffArgs {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let query = query(
            self.kit.as_deref(),
            self.revision.as_deref(),
            self.namespace.as_deref(),
        );
        let answer = self.host.ask("/v1/diff", &query)?;
        if self.output == Output::Json {
            super::print(&format!("{answer:#}\n"))?;
        }
        let diff: Diff = serde_json::from_value(answer)?;
        if self.output == Output::Text {
            super::print(&text(&diff, paint::wanted()))?;
        }
        outcome(&diff)
    }
}

/// What `/v1/diff` and `/v1/verify` are asked with.
pub(super) fn query<'a>(
    kit: Option<&'a str>,
    revision: Option<&'a str>,
    namespace: Option<&'a str>,
) -> Vec<(&'static str, &'a str)> {
    let all = [
        ("kit", kit),
        ("revision", revision),
        ("namespace", namespace),
    ];
    let said = all
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    said.collect()
}

/// What to end with.
pub(super) fn outcome(diff: &Diff) -> Result<Outcome, Failure> {
    let is = |state: KitState| diff.kits.iter().any(|kit| kit.state == state);
    if is(KitState::Unknown) {
        let words = "not all kits could be looked at";
        return Err(Failure::CannotTell(anyhow::anyhow!(words)));
    }
    match is(KitState::Changes) || is(KitState::Refused) {
        true => Ok(Outcome::Findings),
        false => Ok(Outcome::Fine),
    }
}

/// For people: kits where something would change, and how many are as they would be.
pub(super) fn text(diff: &Diff, color: bool) -> String {
    let mut text = String::new();
    let mut same = 0;
    for kit in &diff.kits {
        let silent = kit.state == KitState::Same && kit.objects.is_empty() && kit.notes.is_empty();
        if silent && kit.findings.iter().all(|it| it.severity == Severity::Info) {
            same += 1;
        } else {
            text.push_str(&of_kit(kit, color));
        }
    }
    let kits = counted(same, "kit");
    match (same, diff.kits.len()) {
        (0, 0) => text.push_str("there are no kits\n"),
        (0, _) => {}
        (same, all) if same == all => text.push_str(&format!("no differences in {kits}\n")),
        _ => text.push_str(&format!("no differences in {kits} more\n")),
    }
    text
}

fn of_kit(kit: &KitDiff, color: bool) -> String {
    let live = match &kit.live {
        Some(live) if live.revision == kit.revision.revision => format!("{} is live", live.short),
        Some(live) => format!("{} is live, {} would be", live.short, kit.revision.short),
        None => format!("nothing is live, {} would be", kit.revision.short),
    };
    let state = match kit.state {
        KitState::Same => "no differences".to_owned(),
        KitState::Changes => counted(kit.objects.len(), "difference"),
        KitState::Refused => painted("would be refused", paint::BAD, color),
        KitState::Unknown => painted("cannot be told", paint::BAD, color),
    };
    let author = kit.revision.author.split(" <").next().unwrap_or_default();
    let commit = format!("{} {author}: {}", kit.revision.short, kit.revision.subject);
    let mut text = format!("kit {} ({live}): {state}\n", kit.kit);
    text.push_str(&format!(
        "  {}\n",
        painted(&clean(&commit, LINE), paint::FAINT, color)
    ));
    for note in &kit.notes {
        text.push_str(&format!("  note: {}\n", clean(note, LINE)));
    }
    let told = kit
        .findings
        .iter()
        .filter(|it| it.severity != Severity::Info);
    for finding in told {
        text.push_str(&format!("  {}\n", clean(&finding.to_string(), LINE)));
    }
    for object in &kit.objects {
        text.push_str(&of_object(object, color));
    }
    text.push('\n');
    text
}

fn of_object(object: &ObjectDiff, color: bool) -> String {
    let (word, style) = match object.change {
        ObjectChange::Create => ("create", paint::GOOD),
        ObjectChange::Update => ("change", paint::PLACE),
        ObjectChange::Delete => ("delete", paint::BAD),
        ObjectChange::Release => ("let go", paint::PLACE),
        ObjectChange::HandOver => ("hand over", paint::PLACE),
        ObjectChange::Drift => ("drifted", paint::PLACE),
        ObjectChange::Unknown => ("unknown", paint::BAD),
    };
    let mut text = format!(
        "{} {} ({})\n",
        painted(word, style, color),
        object.object,
        clean(&object.reason, LINE)
    );
    if object.change == ObjectChange::Drift {
        text.push_str(&format!("  {}\n", clean(&object.fields.join(", "), LINE)));
    }
    if let Some(note) = &object.note {
        text.push_str(&format!("  note: {}\n", clean(note, LINE)));
    }
    if let Some(difference) = &object.diff {
        text.push_str(&paint::difference(difference, color));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn diff(state: &str) -> Diff {
        let commit = |short: &str| json!({"revision": short, "short": short, "author": "Bob <b@e>", "subject": "s", "committedAt": ""});
        serde_json::from_value(json!({"kits": [
            {"kit": "kits/a", "namespace": "n", "repository": "r", "revision": commit("2222222"), "live": commit("1111111"),
                "state": state, "objects": [
                    {"object": "Service a/b", "change": "update", "reason": "the manifest is another", "diff": "-  port: 1\n+  port: 2\n"},
                    {"object": "Service a/c", "change": "delete", "reason": "the kit no longer has it"}]},
            {"kit": "kits/b", "namespace": "n", "repository": "r", "revision": commit("2222222"), "state": "same"},
        ]}))
        .expect("an answer")
    }

    #[test]
    fn kits_with_differences_are_shown_and_the_others_counted() {
        assert_eq!(
            text(&diff("changes"), false),
            "kit kits/a (1111111 is live, 2222222 would be): 2 differences\n  2222222 Bob: s\n\
             change Service a/b (the manifest is another)\n  -  port: 1\n  +  port: 2\n\
             delete Service a/c (the kit no longer has it)\n\nno differences in 1 kit more\n"
        );
        assert!(text(&diff("changes"), true).contains("\u{1b}[31m-  port: 1"));
    }

    #[test]
    fn what_a_webhook_keeps_from_being_tried_is_no_refusal() {
        let mut diff = diff("unknown");
        diff.kits[0].objects[0].change = ObjectChange::Unknown;
        diff.kits[0].objects[0].diff = None;
        diff.kits[0].objects[0].note = Some("cannot be told: the admission webhook q".into());
        let text = text(&diff, false);
        assert!(
            text.contains("unknown Service a/b (the manifest is another)\n  note: cannot be told: the admission webhook q\n"),
            "{text}"
        );
        assert!(!text.contains("refused"), "{text}");
    }

    #[test]
    fn a_script_can_tell_differences_from_what_cannot_be_told() {
        assert!(matches!(outcome(&diff("changes")), Ok(Outcome::Findings)));
        assert!(matches!(outcome(&diff("refused")), Ok(Outcome::Findings)));
        assert!(matches!(outcome(&diff("same")), Ok(Outcome::Fine)));
        assert!(matches!(
            outcome(&diff("unknown")),
            Err(Failure::CannotTell(_))
        ));
    }
}
