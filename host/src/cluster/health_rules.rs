//! Which kit tells the health of which custom resources.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::kit::HealthRule;
use crate::manifest::GroupKind;
use crate::plan::{PART_OF_LABEL, SetId};

/// The health rules of the kits that have some. Objects are dropped as soon as their health is
/// known, so the kinds of a rule that is changed have to be listed again.
#[derive(Clone, Default)]
pub(super) struct HealthRules(Arc<RwLock<HashMap<SetId, Arc<[HealthRule]>>>>);

impl HealthRules {
    pub(super) fn for_object(&self, metadata: &ObjectMeta) -> Arc<[HealthRule]> {
        let rules = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if rules.is_empty() {
            return Arc::default();
        }
        let labels = metadata.labels.as_ref();
        labels
            .and_then(|labels| labels.get(PART_OF_LABEL))
            .and_then(|set| rules.get(&SetId::from_label(set)))
            .cloned()
            .unwrap_or_default()
    }

    /// The kit is gone, and all that its rules were for.
    pub(super) fn forget(&self, set: &SetId) {
        let mut rules = self.0.write().unwrap_or_else(PoisonError::into_inner);
        rules.remove(set);
    }

    /// Gives the kinds whose health is told otherwise from now on.
    pub(super) fn put(&self, set: &SetId, new: &[HealthRule]) -> BTreeSet<GroupKind> {
        let told = |rules: &[HealthRule], other: &[HealthRule]| -> BTreeSet<GroupKind> {
            let changed = rules.iter().filter(|rule| !other.contains(rule));
            changed.map(|rule| rule.kind.clone()).collect()
        };
        let mut rules = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let old = match new.is_empty() {
            true => rules.remove(set),
            false => rules.insert(set.clone(), new.into()),
        };
        let old = old.unwrap_or_default();
        &told(&old, new) | &told(new, &old)
    }
}
