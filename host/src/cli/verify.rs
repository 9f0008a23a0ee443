//! `trimtab verify`.

use clap::Args;

use super::ask::HostArgs;
use super::paint::{self, painted};
use super::{Failure, Outcome, Output};
use crate::reconcile::{KitVerdict, Verification};
use crate::sandbox::clean;

/// Bytes of a line that is shown.
const LINE: usize = 4096;

/// Render what is live once more, and compare it with what was recorded and with the live objects
///
/// Each kit is rendered from its commit, with its own rules, from nothing that is remembered. With
/// --revision, a revision that was applied before is compared with what was recorded of it.
/// Exits with 1 if a kit is not reproduced, and with 3 if one cannot be told.
///
///   trimtab verify
///   trimtab verify kits/acme/shop --revision 4f2a1c9
#[derive(Args)]
#[command(name = "verify", verbatim_doc_comment)]
pub struct VerifyArgs {
    /// A kit's path; all kits if nothing is said
    kit: Option<String>,
    /// A commit: its id or the first digits of it, HEAD~1; what is live if nothing is said
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

impl VerifyArgs {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let (kit, revision) = (self.kit.as_deref(), self.revision.as_deref());
        let query = super::diff::query(kit, revision, self.namespace.as_deref());
        let answer = self.host.ask("/v1/verify", &query)?;
        if self.output == Output::Json {
            super::print(&format!("{answer:#}\n"))?;
        }
        let told: Verification = serde_json::from_value(answer)?;
        if self.output == Output::Text {
            super::print(&text(&told, paint::wanted()))?;
        }
        outcome(&told)
    }
}

fn outcome(told: &Verification) -> Result<Outcome, Failure> {
    let is = |state: Option<bool>| told.kits.iter().any(|kit| kit.reproduced == state);
    if is(Some(false)) {
        return Ok(Outcome::Findings);
    }
    match is(None) || told.kits.is_empty() {
        true => Err(Failure::CannotTell(anyhow::anyhow!(
            "not all kits can be told"
        ))),
        false => Ok(Outcome::Fine),
    }
}

fn text(told: &Verification, color: bool) -> String {
    told.kits.iter().map(|kit| of_kit(kit, color)).collect()
}

fn of_kit(kit: &KitVerdict, color: bool) -> String {
    let (word, style) = match kit.reproduced {
        Some(true) => ("reproduced", paint::GOOD),
        Some(false) => ("NOT reproduced", paint::BAD),
        None => ("cannot be told", paint::PLACE),
    };
    let at = kit
        .revision
        .as_ref()
        .map_or_else(String::new, |it| format!(" at {}", it.short));
    let mut text = format!("{}{at}: {}", kit.kit, painted(word, style, color));
    if let (Some(true), Some(digest)) = (kit.reproduced, &kit.rendered) {
        let objects = match kit.objects {
            0 => String::new(),
            count => format!(", {} as rendered", super::counted(count, "live object")),
        };
        text.push_str(&format!(", {}{objects}", clean(digest, LINE)));
    }
    text.push('\n');
    if kit.reproduced == Some(false) && kit.recorded != kit.rendered {
        let shown = |digest: &Option<String>| clean(digest.as_deref().unwrap_or("nothing"), LINE);
        text.push_str(&format!("  recorded {}\n", shown(&kit.recorded)));
        text.push_str(&format!("  rendered {}\n", shown(&kit.rendered)));
    }
    for object in &kit.differing {
        text.push_str(&format!(
            "  {}: {}\n",
            clean(&object.object, LINE),
            clean(&object.how, LINE)
        ));
    }
    for note in &kit.notes {
        text.push_str(&format!("  note: {}\n", clean(note, LINE)));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(reproduced: &[Option<bool>]) -> Verification {
        let kits: Vec<_> = reproduced
            .iter()
            .map(|it| json!({"kit": "k", "namespace": "n", "repository": "r", "reproduced": it}))
            .collect();
        serde_json::from_value(json!({"kits": kits})).expect("an answer")
    }

    #[test]
    fn one_kit_that_is_not_reproduced_outweighs_one_that_cannot_be_told() {
        assert!(matches!(outcome(&told(&[Some(true)])), Ok(Outcome::Fine)));
        assert!(matches!(
            outcome(&told(&[Some(true), None])),
            Err(Failure::CannotTell(_))
        ));
        assert!(matches!(
            outcome(&told(&[None, Some(false)])),
            Ok(Outcome::Findings)
        ));
        assert!(outcome(&told(&[])).is_err());
    }

    #[test]
    fn a_kit_that_is_not_reproduced_says_which_object_differs() {
        let mut answer = told(&[Some(false)]);
        let kit = &mut answer.kits[0];
        kit.recorded = Some("sha256:0".into());
        kit.rendered = Some("sha256:1".into());
        kit.notes.push("why".into());
        assert_eq!(
            text(&answer, false),
            "k: NOT reproduced\n  recorded sha256:0\n  rendered sha256:1\n  note: why\n"
        );
    }
}
