//! Who owns what an apply would change.

use super::ClusterError;
use super::managed_fields::is_kit;

/// A conflict with another kit's field manager, which is never forced; conflicts with people and
/// other tools are.
pub(super) fn rival(error: &ClusterError, own: &str) -> Option<ClusterError> {
    let managers = managers_in_conflict(error);
    let manager = managers
        .iter()
        .find(|manager| is_kit(manager) && *manager != own)?;
    Some(ClusterError::Refused {
        code: 409,
        reason: "OwnedByAnotherKit".into(),
        message: format!("it belongs to another kit (field manager {manager})"),
        causes: Vec::new(),
    })
}

/// The field managers that own what an apply would change: `conflict with "kubectl-edit" using v1`.
pub(super) fn managers_in_conflict(error: &ClusterError) -> Vec<String> {
    let ClusterError::Refused { causes, .. } = error else {
        return Vec::new();
    };
    let mut managers: Vec<String> = causes
        .iter()
        .filter_map(|cause| cause.message.split('"').nth(1))
        .map(str::to_owned)
        .collect();
    managers.sort();
    managers.dedup();
    managers
}
