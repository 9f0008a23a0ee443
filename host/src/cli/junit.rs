//! JUnit's XML, as Jenkins, GitLab and others read it: suites of cases that passed, failed or were
//! skipped. There is no standard; what is written here is what all of them read.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::manifest::{Finding, Severity};

/// What became of a case.
pub(super) enum Result {
    Passed,
    Failed {
        /// What kind of failure it is.
        kind: String,
        message: String,
        detail: String,
    },
    Skipped {
        reason: String,
    },
}

pub(super) struct Case {
    pub name: String,
    pub file: Option<String>,
    pub line: Option<u32>,
    pub result: Result,
    /// What is told of a case, whatever became of it.
    pub output: String,
}

pub(super) struct Suite {
    pub name: String,
    pub cases: Vec<Case>,
}

/// Findings as suites: one a kit, also where nothing is wrong, and one of the repository's own.
/// Only errors fail: a warning keeps no kit from the cluster.
pub(super) fn suites<'k>(
    kits: impl Iterator<Item = &'k str>,
    findings: &[(Option<String>, Finding)],
) -> Vec<Suite> {
    let of = |kit: Option<&str>| {
        let found = findings.iter().filter(|(of, _)| of.as_deref() == kit);
        named_once(found.map(|(_, finding)| case(finding)).collect())
    };
    let own = of(None);
    let mut suites = Vec::new();
    if !own.is_empty() {
        suites.push(Suite {
            name: "repository".into(),
            cases: own,
        });
    }
    for kit in kits {
        let mut cases = of(Some(kit));
        if cases.is_empty() {
            cases.push(Case {
                name: "no findings".into(),
                file: None,
                line: None,
                result: Result::Passed,
                output: String::new(),
            });
        }
        suites.push(Suite {
            name: kit.to_owned(),
            cases,
        });
    }
    suites
}

fn case(finding: &Finding) -> Case {
    // CI systems compare runs by names: a line that moves must not make another case.
    let mut name = finding.rule.clone();
    if let Some(object) = &finding.object {
        let _ = write!(name, ": {object}");
    }
    if let Some(field) = finding.field.as_deref().filter(|field| !field.is_empty()) {
        let _ = write!(name, " {field}");
    }
    let mut told = finding.to_string();
    for note in &finding.notes {
        let _ = write!(told, "\nnote: {}", note.message);
        if let Some(origin) = &note.origin {
            let _ = write!(told, " ({origin})");
        }
    }
    let (result, output) = match (&finding.exempt, finding.severity) {
        (Some(reason), _) => {
            let reason = reason.clone();
            (Result::Skipped { reason }, told)
        }
        (None, Severity::Error) => {
            let failed = Result::Failed {
                kind: finding.rule.clone(),
                message: finding.message.clone(),
                detail: told,
            };
            (failed, String::new())
        }
        (None, Severity::Warning | Severity::Info) => (Result::Passed, told),
    };
    Case {
        name,
        file: finding.origin.as_ref().map(|it| it.path.to_string()),
        line: finding
            .origin
            .as_ref()
            .map(|it| it.line)
            .filter(|it| *it > 0),
        result,
        output,
    }
}

/// A second case of one name would be taken for the first one run again.
fn named_once(mut cases: Vec<Case>) -> Vec<Case> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for case in &mut cases {
        let count = seen.entry(case.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            let _ = write!(case.name, " ({count})");
        }
    }
    cases
}

/// The document. `name` is of the whole run.
pub(super) fn report(name: &str, suites: &[Suite]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let all = || suites.iter().flat_map(|suite| &suite.cases);
    let _ = writeln!(
        out,
        "<testsuites name=\"{}\" {}>",
        escaped(name),
        counts(all())
    );
    for suite in suites {
        let name = escaped(&suite.name);
        let counts = counts(suite.cases.iter());
        let _ = writeln!(out, "  <testsuite name=\"{name}\" {counts}>");
        for case in &suite.cases {
            write(case, &name, &mut out);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn counts<'c>(cases: impl Iterator<Item = &'c Case>) -> String {
    let (mut tests, mut failures, mut skipped) = (0, 0, 0);
    for case in cases {
        tests += 1;
        match case.result {
            Result::Passed => {}
            Result::Failed { .. } => failures += 1,
            Result::Skipped { .. } => skipped += 1,
        }
    }
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"")
}

fn write(case: &Case, suite: &str, out: &mut String) {
    let name = escaped(&case.name);
    let _ = write!(out, "    <testcase classname=\"{suite}\" name=\"{name}\"");
    if let Some(file) = &case.file {
        let _ = write!(out, " file=\"{}\"", escaped(file));
    }
    if let Some(line) = case.line {
        let _ = write!(out, " line=\"{line}\"");
    }
    out.push_str(">\n");
    match &case.result {
        Result::Passed => {}
        Result::Failed {
            kind,
            message,
            detail,
        } => {
            let (kind, message) = (escaped(kind), escaped(message));
            let detail = escaped(detail);
            let _ = writeln!(
                out,
                "      <failure type=\"{kind}\" message=\"{message}\">{detail}</failure>"
            );
        }
        Result::Skipped { reason } => {
            let _ = writeln!(out, "      <skipped message=\"{}\"/>", escaped(reason));
        }
    }
    if !case.output.is_empty() {
        let output = escaped(&case.output);
        let _ = writeln!(out, "      <system-out>{output}</system-out>");
    }
    out.push_str("    </testcase>\n");
}

/// Fit for XML 1.0, in an attribute as between tags. Characters that XML has no way to write
/// (section 2.2) become U+FFFD: one of them would cost the reader the whole report.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            // `]]>` may not stand in text.
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // An attribute's value would lose them.
            '\n' | '\t' | '\r' => {
                let _ = write!(escaped, "&#{};", character as u32);
            }
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Origin;

    fn finding(rule: &str, message: &str) -> Finding {
        let mut finding = Finding::host_error(rule, "").at(Origin::new("shop/a.yaml", 3));
        // As a plugin may say it.
        finding.message = message.to_owned();
        finding.field = Some("/spec".into());
        finding
    }

    fn reported(kits: &[&str], findings: &[Finding]) -> String {
        let findings: Vec<_> = findings
            .iter()
            .map(|finding| (Some("shop".to_owned()), finding.clone()))
            .collect();
        report("trimtab check", &suites(kits.iter().copied(), &findings))
    }

    #[test]
    fn errors_fail_warnings_pass_and_exempt_findings_are_skipped_with_their_reason() {
        let (mut warning, mut exempt) = (finding("b", "little"), finding("c", "known"));
        warning.severity = Severity::Warning;
        exempt.severity = Severity::Info;
        exempt.exempt = Some("the mesh's own".into());
        let text = reported(&["quiet", "shop"], &[finding("a", "much"), warning, exempt]);
        let xml = roxmltree::Document::parse(&text).expect("XML");
        let root = xml.root_element();
        let counts = ["tests", "failures", "errors", "skipped"].map(|it| root.attribute(it));
        assert_eq!(counts, [Some("4"), Some("1"), Some("0"), Some("1")]);
        let suites: Vec<_> = root.children().filter(|it| it.is_element()).collect();
        let names = suites.iter().map(|it| it.attribute("name"));
        assert_eq!(names.collect::<Vec<_>>(), [Some("quiet"), Some("shop")]);
        let cases: Vec<_> = suites[1].children().filter(|it| it.is_element()).collect();
        let inside = |index: usize, tag: &str| {
            let mut children = cases[index].children();
            children.find(|it| it.has_tag_name(tag))
        };
        let failure = inside(0, "failure").expect("an error fails");
        assert_eq!(failure.attribute("message"), Some("much"));
        assert_eq!(
            failure.text(),
            Some("shop/a.yaml:3: error: much [trimtab/a]")
        );
        assert_eq!(cases[0].attribute("file"), Some("shop/a.yaml"));
        assert_eq!(cases[0].attribute("line"), Some("3"));
        assert!(inside(1, "failure").is_none() && inside(1, "system-out").is_some());
        let skipped = inside(2, "skipped").expect("an exempt finding is skipped");
        assert_eq!(skipped.attribute("message"), Some("the mesh's own"));
    }

    #[test]
    fn whatever_a_finding_says_the_report_is_xml_and_says_it() {
        let odd = "<a href='x'>&amp; \"]]>\u{0}\u{1b}\u{8}\u{fffe}\n\ttab\u{85}é\u{1f600}";
        let text = reported(&["shop"], &[finding("odd", odd)]);
        let xml = roxmltree::Document::parse(&text).expect("XML");
        let failure = xml.descendants().find(|it| it.has_tag_name("failure"));
        assert_eq!(
            failure.and_then(|it| it.attribute("message")),
            Some("<a href='x'>&amp; \"]]>\u{fffd}\u{fffd}\u{fffd}\u{fffd}\n\ttab\u{85}é\u{1f600}")
        );
    }

    #[test]
    fn two_findings_of_one_name_are_two_cases() {
        let text = reported(&["shop"], &[finding("a", "one"), finding("a", "two")]);
        let xml = roxmltree::Document::parse(&text).expect("XML");
        let cases = xml.descendants().filter(|it| it.has_tag_name("testcase"));
        let names: Vec<_> = cases.filter_map(|it| it.attribute("name")).collect();
        assert_eq!(names, ["trimtab/a /spec", "trimtab/a /spec (2)"]);
    }
}
