//! `trimtab blame`.

use clap::Args;
use serde_json::Value;

use super::ask::HostArgs;
use super::paint::{self, painted};
use super::{Failure, Outcome, Output};
use crate::kit::RevisionStatus;
use crate::reconcile::{Blame, BlameLine, By, FieldManager, Place};
use crate::sandbox::clean;

/// Characters of a value in a list of many.
const VALUE: usize = 80;
/// Bytes of a line that is shown.
const LINE: usize = 4096;

/// Show who set the fields of a live object: which line of which file, by which commit, which
/// plugin changed it, or who else did
///
/// The object is written as kubectl takes it. A field is an RFC 6901 pointer or a path with dots;
/// without one, all fields are told of that Git or somebody else has set. What a Secret holds is
/// never shown.
///
///   trimtab blame service/vision -n manufracture
///   trimtab blame service/vision spec.ports[0].port -n manufracture
///   trimtab blame deploy shop '/metadata/annotations/example.org~1owner'
#[derive(Args)]
#[command(name = "blame", verbatim_doc_comment)]
pub struct BlameArgs {
    /// KIND/NAME, KIND NAME or `KIND NAMESPACE/NAME`, and a field
    #[arg(required = true, num_args = 1..=3, value_name = "OBJECT [FIELD]")]
    words: Vec<String>,
    /// The object's namespace; needed only where kits have objects of its name in several
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    #[command(flatten)]
    host: HostArgs,
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

impl BlameArgs {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let asked = Asked::read(&self.words, self.namespace.as_deref());
        let asked = asked.map_err(|words| Failure::Usage(anyhow::anyhow!(words)))?;
        let mut query = vec![("object", asked.object.as_str())];
        query.extend(asked.namespace.as_deref().map(|it| ("namespace", it)));
        query.extend(asked.field.as_deref().map(|it| ("field", it)));
        let answer = self.host.ask("/v1/blame", &query)?;
        if self.output == Output::Json {
            super::print(&format!("{answer:#}\n"))?;
            return Ok(Outcome::Fine);
        }
        let blame: Blame = serde_json::from_value(answer)?;
        let text = match (&asked.field, &blame.lines[..]) {
            (Some(_), [line]) => one(&blame, line, paint::wanted()),
            _ => many(&blame, paint::wanted()),
        };
        super::print(&text)?;
        Ok(Outcome::Fine)
    }
}

/// What is asked.
#[derive(Debug, PartialEq)]
struct Asked {
    /// `service/vision`.
    object: String,
    namespace: Option<String>,
    field: Option<String>,
}

impl Asked {
    /// As kubectl takes an object, and as Trimtab writes one: `Service manufracture/vision`.
    fn read(words: &[String], namespace: Option<&str>) -> Result<Self, String> {
        let mut words: Vec<&str> = match words {
            [first, rest @ ..] => first
                .split_whitespace()
                .chain(rest.iter().map(String::as_str))
                .collect(),
            [] => Vec::new(),
        };
        let first = words.first().copied().unwrap_or_default();
        let (kind, name) = match first.split_once('/') {
            Some(both) => {
                words.remove(0);
                both
            }
            None if words.len() >= 2 => {
                let name = words[1];
                words.drain(..2);
                (first, name)
            }
            None => return Err(format!("{first:?} is no object: write KIND/NAME")),
        };
        let (place, name) = match name.split_once('/') {
            Some((place, name)) => (Some(place), name),
            None => (None, name),
        };
        if kind.is_empty() || name.is_empty() || name.contains('/') || words.len() > 1 {
            return Err("write KIND/NAME, and a field if one is meant".into());
        }
        Ok(Self {
            object: format!("{kind}/{name}"),
            namespace: namespace.or(place).map(str::to_owned),
            field: words.pop().map(str::to_owned),
        })
    }
}

fn head(blame: &Blame) -> String {
    let kit = match (&blame.kit, &blame.revision) {
        (Some(kit), Some(revision)) => format!(", kit {kit} at {}", revision.short),
        (Some(kit), None) => format!(", kit {kit}"),
        (None, _) => String::new(),
    };
    let mut text = format!("{}{kit}\n", blame.object);
    for note in &blame.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    clean_lines(&text)
}

/// All that is known of one field.
fn one(blame: &Blame, line: &BlameLine, color: bool) -> String {
    let mut text = head(blame);
    let value = line
        .value
        .as_ref()
        .map_or_else(String::new, |it| format!(": {}", shown(it, LINE)));
    let field = painted(&format!("{}{value}", line.path), paint::GOOD, color);
    text.push_str(&format!("{field}\n"));
    let mut say = |label: &str, words: String| {
        text.push_str(&format!("  {label:<12} {}\n", clean(&words, LINE)));
    };
    match line.by {
        By::Server => say(
            "by",
            "no field manager: a default, or the API server's own".into(),
        ),
        By::Host => say(
            "by",
            "Trimtab: what the Repository gives the kit, or what it keeps on its objects".into(),
        ),
        By::Missing => say(
            "by",
            "nobody: Git has it, and the live object has not".into(),
        ),
        By::File => say("by", "the file in Git".into()),
        By::Transformer => say("by", "a plugin of the kit's revision".into()),
        By::Manager => say("by", "a field manager outside of Git".into()),
    }
    for manager in &line.managers {
        say("manager", managed(manager));
    }
    if let Some(value) = &line.in_git {
        say("in Git", shown(value, LINE));
    }
    if let Some(place) = &line.file {
        say("file", at(place));
        commit(&mut say, place.commit.as_ref(), place.was.as_deref());
    }
    for step in &line.transformers {
        let what = if step.guardrail {
            "guardrail"
        } else {
            "plugin"
        };
        say(
            what,
            format!(
                "{} {}, {} {}",
                step.name, step.version, step.path, step.digest
            ),
        );
        let made = |value: &Option<Value>| match value {
            Some(value) => shown(value, LINE),
            None => "nothing".into(),
        };
        if step.before != step.after {
            say(
                "",
                format!("made {} of {}", made(&step.after), made(&step.before)),
            );
        }
        say("named in", at(&step.named));
        commit(
            &mut say,
            step.named.commit.as_ref(),
            step.named.was.as_deref(),
        );
        if let Some(component) = &step.component {
            say(
                "component",
                format!("{} {}", component.short, component.author),
            );
        }
    }
    text
}

fn commit(say: &mut impl FnMut(&str, String), commit: Option<&RevisionStatus>, was: Option<&str>) {
    let Some(commit) = commit else { return };
    say("commit", commit.revision.clone());
    say("author", commit.author.clone());
    say("date", commit.committed_at.clone());
    say("subject", commit.subject.clone());
    if let Some(was) = was {
        say("it was at", was.to_owned());
    }
}

/// A line a field, as `git blame` has a line a line.
fn many(blame: &Blame, color: bool) -> String {
    let mut text = head(blame);
    let rows: Vec<[String; 4]> = blame.lines.iter().map(row).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2)];
    for (row, line) in rows.iter().zip(&blame.lines) {
        let style = match line.by {
            By::File | By::Transformer => paint::FAINT,
            By::Manager | By::Missing => paint::BAD,
            By::Host | By::Server => paint::PLACE,
        };
        let left = format!("{:1$}", row[0], widths[0]);
        let left = format!(
            "{left}  {:1$}  {2:3$}",
            row[1], widths[1], row[2], widths[2]
        );
        text.push_str(&format!("{}  {}\n", painted(&left, style, color), row[3]));
    }
    if blame.omitted > 0 {
        text.push_str(&format!("{} more fields; ask for one\n", blame.omitted));
    }
    if blame.lines.is_empty() {
        text.push_str("nobody has set a field of it\n");
    }
    if blame.kit.is_none() {
        for manager in &blame.managers {
            text.push_str(&format!("manager {}\n", clean(&managed(manager), LINE)));
        }
    }
    text
}

/// Commit, who and when, where, and the field.
fn row(line: &BlameLine) -> [String; 4] {
    let rule = line.transformers.last();
    let place = match (line.by, rule) {
        (By::Transformer, Some(step)) => Some(&step.named),
        _ => line.file.as_ref(),
    };
    let commit = place.and_then(|place| place.commit.as_ref());
    let commit = commit.or_else(|| match line.by {
        By::Transformer => rule?.component.as_ref(),
        _ => None,
    });
    let day = |time: &str| time.get(..10).unwrap_or(time).to_owned();
    let (id, who) = match (line.by, commit) {
        (By::File | By::Transformer | By::Missing, Some(commit)) => {
            let name = commit.author.split(" <").next().unwrap_or_default();
            (
                commit.short.clone(),
                format!("{name} {}", day(&commit.committed_at)),
            )
        }
        (By::Manager, _) => {
            let last = line.managers.iter().max_by_key(|it| it.at.clone());
            let who = last.map(|it| {
                format!(
                    "{} {}",
                    it.manager,
                    day(it.at.as_deref().unwrap_or_default())
                )
            });
            ("-".into(), who.unwrap_or_default())
        }
        (By::Host, _) => ("-".into(), "Trimtab".into()),
        (By::Server, _) => ("-".into(), "API server".into()),
        (_, None) => ("?".into(), "not known".into()),
    };
    let place = match (line.by, rule) {
        (By::Transformer, Some(step)) => {
            format!("{} ({} {})", at(&step.named), step.name, step.version)
        }
        (By::Manager, _) => "not in Git".into(),
        (By::Missing, _) => format!("{} (not live)", place.map(at).unwrap_or_default()),
        _ => place.map(at).unwrap_or_default(),
    };
    let value = line
        .value
        .as_ref()
        .or(line.in_git.as_ref().filter(|_| line.by == By::Missing));
    let mut field = match value {
        Some(value) => format!("{}: {}", line.path, shown(value, VALUE)),
        None => line.path.clone(),
    };
    if let (By::Manager, Some(value)) = (line.by, &line.in_git) {
        let file = line
            .file
            .as_ref()
            .map(|it| format!(" at {}", at(it)))
            .unwrap_or_default();
        field.push_str(&format!(" (Git: {}{file})", shown(value, VALUE)));
    }
    [id, who, place, field].map(|cell| clean(&cell, LINE))
}

fn at(place: &Place) -> String {
    match place.line {
        0 => place.path.clone(),
        line => format!("{}:{line}", place.path),
    }
}

fn managed(manager: &FieldManager) -> String {
    let of = manager.subresource.as_ref();
    let of = of.map_or_else(String::new, |it| format!(" of {it}"));
    let when = manager.at.as_ref();
    let when = when.map_or_else(String::new, |it| format!(" at {it}"));
    format!("{} ({}{of}{when})", manager.manager, manager.operation)
}

fn shown(value: &Value, limit: usize) -> String {
    let text = match value {
        Value::String(text) if text.lines().count() > 1 => {
            let first = text.lines().next().unwrap_or_default();
            format!("{first} … ({} lines)", text.lines().count())
        }
        Value::String(text) if text.is_empty() => "\"\"".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    clean(&text, limit)
}

fn clean_lines(text: &str) -> String {
    text.lines().map(|line| clean(line, LINE) + "\n").collect()
}

#[cfg(test)]
#[path = "blame_tests.rs"]
mod tests;
