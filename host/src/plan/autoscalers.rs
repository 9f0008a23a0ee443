//! Whose the size of a workload is.

use serde_json::Value;

use crate::manifest::{GroupKind, GroupVersionKind, Manifest, ObjectKey};

use super::Inventory;

/// HorizontalPodAutoscalers. Those that scale by other kinds, as KEDA, make one of them.
pub fn autoscaler_kind() -> GroupKind {
    GroupKind {
        group: "autoscaling".into(),
        kind: "HorizontalPodAutoscaler".into(),
    }
}

/// The object that an autoscaler of this namespace scales.
pub fn scaled_by(namespace: Option<&str>, autoscaler: &Value) -> Option<ObjectKey> {
    let target = &autoscaler["spec"]["scaleTargetRef"];
    let text = |name: &str| target[name].as_str();
    let gvk = GroupVersionKind::new(text("apiVersion").unwrap_or_default(), text("kind")?);
    Some(ObjectKey {
        group_kind: gvk.group_kind(),
        namespace: namespace.map(Into::into),
        name: text("name")?.into(),
    })
}

/// Whether an object's size is left as it is: somebody scaled it, and an autoscaler of it is
/// there, may be, or is about to be there again, as the kit has one.
pub(super) fn is_autoscaled(
    key: &ObjectKey,
    manifests: &[Manifest],
    inventory: &Inventory,
) -> bool {
    let wanted = || {
        let own = manifests
            .iter()
            .filter(|it| it.gvk().group_kind() == autoscaler_kind());
        let mut targets = own.map(|it| scaled_by(it.key().namespace.as_deref(), &it.object));
        targets.any(|target| target.as_ref() == Some(key))
    };
    inventory.get(key).is_some_and(|live| live.scaled)
        && (inventory.may_be_autoscaled(key) || wanted())
}
