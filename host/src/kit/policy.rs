//! How a kit is kept: what becomes of objects that leave it, of drift, of what was there before.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::expression::Expression;
use crate::manifest::{GroupKind, Origin};

/// Whether a deletion waits for what depends on the object (`metadata.ownerReferences`), as in
/// `kubectl delete --cascade`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Propagation {
    #[default]
    Background,
    Foreground,
}

/// What becomes of objects that leave a kit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PrunePolicy {
    pub propagation: Propagation,
    /// PersistentVolumeClaims are deleted too; else they stay, for the data is in them.
    pub delete_volume_claims: bool,
    /// Namespaces that the host made for the kit are deleted too, with all that is in them.
    pub delete_namespaces: bool,
}

impl PrunePolicy {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How much one revision may delete of a kit before somebody has to say that it is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct DeletionBudget {
    /// Objects.
    #[schemars(with = "i32", range(min = 0))]
    pub number: u32,
    /// Of the objects that the kit has live. Of a kit with few objects a share says little:
    /// three may always go.
    #[schemars(with = "i32", range(min = 0, max = 100))]
    pub percent: u32,
}

/// Deletions that `percent` never forbids.
const ALWAYS: usize = 3;

impl Default for DeletionBudget {
    fn default() -> Self {
        Self {
            number: 20,
            percent: 50,
        }
    }
}

impl DeletionBudget {
    /// Whether `deleted` of `owned` objects is within it.
    pub fn allows(&self, deleted: usize, owned: usize) -> bool {
        let share = deleted <= ALWAYS || deleted * 100 <= owned * self.percent as usize;
        share && deleted <= self.number as usize
    }
}

impl fmt::Display for DeletionBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} objects and {} %", self.number, self.percent)
    }
}

/// What becomes of live objects when the Repository, or a Kit, is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeletionPolicy {
    /// They stay as they are.
    #[default]
    Orphan,
    /// They are deleted first.
    Prune,
}

impl DeletionPolicy {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// On a Kit or a Repository whose objects are deleted before it: holds it until they are.
pub const PRUNE_FINALIZER: &str = "trimtab.io/prune";

/// What is done about a live object that differs from its manifest in a field that the kit owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DriftPolicy {
    #[default]
    Correct,
    /// Told, and left as it is.
    Report,
    /// Left as it is; the next change of the manifest puts it right.
    Ignore,
}

/// What is done about an object that is there already and belongs to no kit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AdoptPolicy {
    /// It is taken over.
    #[default]
    Always,
    /// It is taken over unless another deployment tool's labels or annotations are on it.
    UnlessManaged,
    /// The kit is refused.
    Never,
}

/// What is done when a live kit is not healthy in time, or has failed objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// It is told.
    #[default]
    Hold,
    /// The last revision that was healthy is applied again, and the bad one is left until a newer
    /// commit changes the kit.
    Rollback,
}

/// All that a kit.yaml says of how the kit is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KitPolicy {
    pub prune: PrunePolicy,
    pub drift: DriftPolicy,
    pub ignore: Vec<IgnoreRule>,
    pub adopt: AdoptPolicy,
    /// How long its objects may take to be healthy.
    pub health_deadline: Duration,
    pub health_rules: Vec<HealthRule>,
    pub on_failure: OnFailure,
}

impl Default for KitPolicy {
    fn default() -> Self {
        Self {
            prune: PrunePolicy::default(),
            drift: DriftPolicy::default(),
            ignore: Vec::new(),
            adopt: AdoptPolicy::default(),
            health_deadline: Duration::from_secs(300),
            health_rules: Vec::new(),
            on_failure: OnFailure::default(),
        }
    }
}

/// Fields that the kit sets when it makes an object, and then leaves to whoever changes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoreRule {
    /// `Deployment.apps`, `Service`; any if it is not given.
    pub kind: Option<String>,
    pub name: Option<String>,
    /// RFC 6901 pointers; `*` for any one step. Any field, if there are none.
    pub fields: Vec<String>,
    /// Says of a field, by [`IGNORE_VARIABLES`], whether it is meant.
    pub when: Option<Expression>,
    pub origin: Origin,
}

/// What an ignore rule's expression knows: the manifest, the field's RFC 6901 pointer and its value
/// in the manifest, the items of lists that it is in from the outermost, and the field manager that
/// changed the object last.
pub const IGNORE_VARIABLES: [&str; 5] = ["object", "field", "value", "within", "manager"];

/// How the objects of a kind tell that they are as they should be, where they follow no convention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthRule {
    pub kind: GroupKind,
    pub current: Expression,
    /// It will not get there by itself. Asked first.
    pub failed: Option<Expression>,
    /// A text for people, where it is not current.
    pub message: Option<Expression>,
    pub origin: Origin,
}

/// What a health rule's expressions know: the live object.
pub const HEALTH_VARIABLES: [&str; 1] = ["object"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_number_and_a_share_and_three_may_always_go() {
        let budget = DeletionBudget {
            number: 10,
            percent: 50,
        };
        for (deleted, owned, allowed) in [
            (3, 3, true),
            (4, 4, false),
            (4, 8, true),
            (5, 8, false),
            (10, 100, true),
            (11, 100, false),
        ] {
            assert_eq!(
                budget.allows(deleted, owned),
                allowed,
                "{deleted} of {owned}"
            );
        }
        let none = DeletionBudget {
            number: 0,
            percent: 100,
        };
        assert!(!none.allows(1, 100));
    }
}
