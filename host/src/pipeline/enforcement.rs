//! What a plugin's finding weighs in a kit.

use crate::kit::RulePolicy;
use crate::manifest::{Finding, Severity};

/// The finding as the platform team and the kit's author weigh it; `None` if it is not told. What
/// the host finds is weighed by nobody.
pub(super) fn weighed(rules: &RulePolicy, mut finding: Finding) -> Option<Finding> {
    if finding.rule.starts_with("trimtab/") {
        return Some(finding);
    }
    finding.severity = rules.severity(&finding.rule, finding.severity)?;
    if finding.severity == Severity::Info {
        return Some(finding);
    }
    if let Some(reason) = rules.exemption(&finding.rule, finding.object.as_ref()) {
        finding.exempt = Some(reason.to_owned());
        finding.severity = Severity::Info;
    }
    Some(finding)
}
