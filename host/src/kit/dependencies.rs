//! `dependsOn`: names that exist, and no cycles.

use std::collections::{BTreeMap, BTreeSet};

use super::{KitPath, KitSource};
use crate::manifest::{Finding, Origin};

/// Fills in what each kit depends on, and reports unknown names and cycles at their lines.
pub(super) fn check(kits: &mut [KitSource], named: impl Fn(&str) -> Vec<(String, Origin)>) {
    let known: BTreeSet<String> = kits.iter().map(|kit| kit.path.to_string()).collect();
    let mut edges: BTreeMap<String, Vec<(String, Origin)>> = BTreeMap::new();
    for kit in kits.iter_mut() {
        for (name, origin) in named(kit.path.as_str()) {
            if known.contains(&name) {
                kit.depends_on.push(KitPath::new(name.as_str()));
                edges
                    .entry(kit.path.to_string())
                    .or_default()
                    .push((name, origin));
            } else {
                let message =
                    format!("dependsOn names {name:?}, which is no kit of this repository");
                let finding = Finding::host_error("unknown-dependency", message).at(origin);
                tell(
                    kit,
                    finding.hint("write the kit's path from the repository's root"),
                );
            }
        }
    }
    for kit in kits.iter_mut() {
        if let Some((cycle, origin)) = cycle_of(kit.path.as_str(), &edges) {
            let message = format!("dependsOn goes round in a circle: {}", cycle.join(" → "));
            tell(
                kit,
                Finding::host_error("dependency-cycle", message).at(origin),
            );
        }
    }
}

/// Another kit's coming or going changes what is found here, though no file of this kit changed.
fn tell(kit: &mut KitSource, finding: Finding) {
    kit.inputs = kit.inputs.and(&finding.to_string());
    kit.findings.push(finding);
}

/// The way from a kit back to itself, and the line on which it begins.
fn cycle_of(
    start: &str,
    edges: &BTreeMap<String, Vec<(String, Origin)>>,
) -> Option<(Vec<String>, Origin)> {
    for (first, origin) in edges.get(start)? {
        let mut seen = BTreeSet::new();
        let mut ahead = vec![vec![start.to_owned(), first.clone()]];
        while let Some(way) = ahead.pop() {
            let here = way
                .last()
                .map(String::as_str)
                .unwrap_or_default()
                .to_owned();
            if here == start {
                return Some((way, origin.clone()));
            }
            if !seen.insert(here.clone()) {
                continue;
            }
            for (next, _) in edges.get(&here).into_iter().flatten() {
                let mut longer = way.clone();
                longer.push(next.clone());
                ahead.push(longer);
            }
        }
    }
    None
}
