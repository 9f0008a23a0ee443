//! Kinds in which other tools read findings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::GroupVersionKind;

/// What the findings of kits are written as, besides their status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Reports {
    #[default]
    None,
    /// A PolicyReport of the Kubernetes policy working group, `wgpolicyk8s.io/v1alpha2`.
    PolicyReport,
    /// A Report of OpenReports, `openreports.io/v1alpha1`.
    OpenReports,
}

/// A kind of report. The fields that are written are the same in all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportKind {
    pub gvk: GroupVersionKind,
    /// As the API server's paths have it.
    pub plural: &'static str,
}

impl Reports {
    pub const KINDS: [Reports; 2] = [Reports::PolicyReport, Reports::OpenReports];

    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub fn kind(self) -> Option<ReportKind> {
        let (api_version, kind, plural) = match self {
            Self::None => return None,
            Self::PolicyReport => ("wgpolicyk8s.io/v1alpha2", "PolicyReport", "policyreports"),
            Self::OpenReports => ("openreports.io/v1alpha1", "Report", "reports"),
        };
        Some(ReportKind {
            gvk: GroupVersionKind::new(api_version, kind),
            plural,
        })
    }
}
