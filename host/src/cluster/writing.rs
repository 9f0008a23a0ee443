//! Which objects are being written as which ServiceAccount: the API server asks the host itself
//! about such a write, where it judges direct changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::kit::ServiceAccount;
use crate::manifest::ObjectKey;

#[derive(Clone, Default)]
pub(super) struct Writing {
    users: Arc<Mutex<HashMap<ObjectKey, Vec<Arc<str>>>>>,
}

/// Ends with its value.
pub(super) struct Write {
    writing: Writing,
    key: ObjectKey,
    user: Arc<str>,
}

impl Writing {
    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectKey, Vec<Arc<str>>>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As the host itself, it needs no telling: nothing is asked then.
    pub(super) fn begin(&self, key: &ObjectKey, user: Option<&Arc<str>>) -> Option<Write> {
        let user = user?.clone();
        let mut users = self.lock();
        users.entry(key.clone()).or_default().push(user.clone());
        drop(users);
        Some(Write {
            writing: self.clone(),
            key: key.clone(),
            user,
        })
    }

    pub(super) fn has(&self, key: &ObjectKey, user: &str) -> bool {
        let users = self.lock();
        users
            .get(key)
            .is_some_and(|users| users.iter().any(|it| **it == *user))
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        let mut users = self.writing.lock();
        if let Some(of_key) = users.get_mut(&self.key) {
            if let Some(at) = of_key.iter().position(|it| *it == self.user) {
                of_key.swap_remove(at);
            }
            if of_key.is_empty() {
                users.remove(&self.key);
            }
        }
    }
}

/// What the API server calls an account.
pub(super) fn user_name(account: &ServiceAccount) -> Arc<str> {
    format!(
        "system:serviceaccount:{}:{}",
        account.namespace, account.name
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::GroupKind;

    #[test]
    fn an_object_is_written_by_whom_it_is_written_and_as_long_as_it_is() {
        let key = ObjectKey {
            group_kind: GroupKind {
                group: "".into(),
                kind: "Service".into(),
            },
            namespace: Some("a".into()),
            name: "b".into(),
        };
        let writing = Writing::default();
        let account: Arc<str> = "system:serviceaccount:a:deployer".into();
        let first = writing.begin(&key, Some(&account));
        let second = writing.begin(&key, Some(&account));
        assert!(writing.has(&key, &account) && !writing.has(&key, "jane"));
        drop(first);
        assert!(writing.has(&key, &account));
        drop(second);
        assert!(!writing.has(&key, &account));
        assert!(writing.begin(&key, None).is_none());
        assert!(writing.lock().is_empty());
    }
}
