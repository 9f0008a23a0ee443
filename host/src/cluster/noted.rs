//! From what the API server tells of an object to the inventory, and to who should look again.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::Event;
use tokio::sync::watch as signal;

use crate::manifest::{GroupKind, Hook, ObjectKey, Origin, runs};
use crate::plan::{
    DIGEST_ANNOTATION, Inventory, LiveNamespace, LiveObject, MADE_FOR_ANNOTATION,
    ORIGIN_ANNOTATION, PART_OF_LABEL, SetId, is_kept,
};

use super::Touched;
use super::managed_fields::{is_scaled, kit_fields, last_writer};
use super::seen::Seen;

/// `listing` holds the keys that a list has told of so far, while one is being read.
pub(super) fn follow(
    inventory: &mut Inventory,
    kind: &GroupKind,
    event: Event<Seen>,
    listing: &mut BTreeSet<ObjectKey>,
    listed: &signal::Sender<bool>,
) -> Vec<Touched> {
    match event {
        Event::Init => {
            listing.clear();
            Vec::new()
        }
        Event::InitApply(object) => {
            listing.extend(key_of(kind, &object.metadata));
            // What the first list has is what the kits begin with.
            came(inventory, kind, &object, *listed.borrow())
        }
        Event::Apply(object) => came(inventory, kind, &object, true),
        Event::Delete(object) => {
            let gone = key_of(kind, &object.metadata).filter(|key| {
                let live = inventory.get(key);
                live.is_some_and(|live| Some(&*live.uid) == object.metadata.uid.as_deref())
            });
            removed(inventory, gone)
        }
        Event::InitDone => {
            // What a list after an interruption no longer has was deleted meanwhile.
            let gone: Vec<ObjectKey> = inventory
                .keys()
                .filter(|key| key.group_kind == *kind && !listing.contains(key))
                .cloned()
                .collect();
            let touched = removed(inventory, gone);
            listing.clear();
            listed.send_replace(true);
            touched
        }
    }
}

/// An object that a watch tells of. One that nobody waits for and that was not there before is news
/// for its kit, too: it may be of a request that was given up, and that the API server carried out
/// all the same.
fn came(inventory: &mut Inventory, kind: &GroupKind, seen: &Seen, news: bool) -> Vec<Touched> {
    let key = key_of(kind, &seen.metadata);
    let unknown = key.filter(|key| news && inventory.get(key).is_none());
    let mut touched = note(inventory, kind, seen, false);
    if let Some(key) = unknown
        && let Some(owner) = inventory.get(&key).map(|live| live.owner.clone())
        && !inventory.seen_while_sent(&key, &owner)
    {
        touched.push(Touched::Set(owner));
    }
    touched
}

/// The same of namespaces, labelled or not; `listing` holds names.
pub(super) fn follow_namespaces(
    inventory: &mut Inventory,
    event: Event<PartialObjectMeta<Namespace>>,
    listing: &mut BTreeSet<Arc<str>>,
    listed: &signal::Sender<bool>,
) -> Vec<Touched> {
    let put = |inventory: &mut Inventory, metadata: &ObjectMeta| -> Arc<str> {
        let name = metadata.name.as_deref().unwrap_or_default();
        inventory.put_namespace(name, live_namespace(metadata));
        name.into()
    };
    let gone: Vec<Arc<str>> = match event {
        Event::Apply(namespace) => {
            put(inventory, &namespace.metadata);
            Vec::new()
        }
        Event::InitApply(namespace) => {
            listing.insert(put(inventory, &namespace.metadata));
            Vec::new()
        }
        Event::Delete(namespace) => {
            vec![namespace.metadata.name.unwrap_or_default().into()]
        }
        Event::Init => {
            listing.clear();
            Vec::new()
        }
        Event::InitDone => {
            listed.send_replace(true);
            // What a list after an interruption no longer has was deleted meanwhile.
            let names = inventory.namespaces();
            let gone = names.filter(|name| !listing.contains(*name)).cloned();
            gone.collect()
        }
    };
    for name in &gone {
        inventory.remove_namespace(name);
    }
    gone.into_iter().map(Touched::Namespace).collect()
}

fn removed(inventory: &mut Inventory, gone: impl IntoIterator<Item = ObjectKey>) -> Vec<Touched> {
    gone.into_iter()
        .filter_map(|key| inventory.remove(&key))
        .map(|live| Touched::Set(live.owner))
        .collect()
}

pub(super) fn live_namespace(metadata: &ObjectMeta) -> LiveNamespace {
    LiveNamespace {
        terminating: metadata.deletion_timestamp.is_some(),
        made_for: annotation(metadata, MADE_FOR_ANNOTATION).map(SetId::from_label),
        uid: metadata.uid.as_deref().unwrap_or_default().into(),
        resource_version: metadata
            .resource_version
            .as_deref()
            .unwrap_or_default()
            .into(),
    }
}

/// Whether an object is a hook that runs to an end.
pub(super) fn is_run(kind: &GroupKind, metadata: &ObjectMeta) -> bool {
    runs(kind) && Hook::of(|name| annotation(metadata, name)).is_some()
}

fn annotation<'m>(metadata: &'m ObjectMeta, name: &str) -> Option<&'m str> {
    let value = metadata.annotations.as_ref()?.get(name)?;
    Some(value)
}

pub(super) fn key_of(kind: &GroupKind, metadata: &ObjectMeta) -> Option<ObjectKey> {
    Some(ObjectKey {
        group_kind: kind.clone(),
        namespace: metadata.namespace.as_deref().map(Into::into),
        name: metadata.name.as_deref()?.into(),
    })
}

/// Puts an object's newest state into the inventory. `answer`: it is the answer to an apply of
/// ours, and so makes an unsure entry sure. Gives the sets whose kits should look again.
pub(super) fn note(
    inventory: &mut Inventory,
    kind: &GroupKind,
    seen: &Seen,
    answer: bool,
) -> Vec<Touched> {
    let metadata = &seen.metadata;
    let Some(key) = key_of(kind, metadata) else {
        return Vec::new();
    };
    let Some(owner) = metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(PART_OF_LABEL))
    else {
        return removed(inventory, [key]);
    };
    let version = metadata.resource_version.as_deref().unwrap_or_default();
    let old = inventory.get(&key);
    let same = old.filter(|old| Some(&*old.uid) == metadata.uid.as_deref());
    // Resource versions of one resource are ordered numbers (KEP-5504).
    if let Some(old) = same
        && let (Ok(old), Ok(new)) = (old.resource_version.parse::<u64>(), version.parse::<u64>())
        && new < old
    {
        return Vec::new();
    }
    let unsure = !answer && same.is_some_and(|old| old.digest.is_none());
    let digest = annotation(metadata, DIGEST_ANNOTATION);
    let fields = kit_fields(metadata);
    let live = LiveObject {
        uid: metadata.uid.as_deref().unwrap_or_default().into(),
        resource_version: version.into(),
        owner: SetId::from_label(owner),
        digest: digest.filter(|_| !unsure).map(Into::into),
        origin: annotation(metadata, ORIGIN_ANNOTATION).and_then(parse_origin),
        keep: is_kept(|name| annotation(metadata, name)),
        terminating: metadata.deletion_timestamp.is_some(),
        created: annotation(metadata, MADE_FOR_ANNOTATION).is_some(),
        applied: fields.is_some(),
        fields,
        never: same.and_then(|old| old.never.clone()),
        scaled: is_scaled(metadata),
        by: last_writer(metadata),
        health: seen.health.clone(),
    };
    let mut touched = Vec::new();
    if let Some(old) = old {
        if old.owner != live.owner {
            touched.push(Touched::Set(old.owner.clone()));
        }
        let (differs, healthier) = (differs(old, &live), old.health != live.health);
        // What is unsure may be in the hands of a kit that waits for its answer.
        let awaited = unsure && differs && inventory.seen_while_sent(&key, &live.owner);
        if differs && !awaited {
            touched.push(Touched::Set(live.owner.clone()));
        } else if !unsure && healthier {
            touched.push(Touched::Health(live.owner.clone()));
        }
    }
    let runs = is_run(kind, metadata);
    inventory.insert(key.clone(), live);
    if runs {
        // It may be gone with the next event.
        inventory.put_run(&key);
    }
    touched
}

/// Whether a kit would plan otherwise.
fn differs(old: &LiveObject, new: &LiveObject) -> bool {
    let matter = |it: &LiveObject| {
        (
            it.uid.clone(),
            it.owner.clone(),
            it.digest.clone(),
            it.keep,
            it.terminating,
            it.fields.clone(),
            it.scaled,
        )
    };
    matter(old) != matter(new)
}

fn parse_origin(text: &str) -> Option<Origin> {
    let (path, line) = text.rsplit_once(':')?;
    Some(Origin::new(path, line.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Health;

    fn kind() -> GroupKind {
        GroupKind {
            group: "".into(),
            kind: "ConfigMap".into(),
        }
    }

    fn seen(owner: &str, version: &str) -> Seen {
        let labels = [(PART_OF_LABEL.to_owned(), owner.to_owned())];
        let metadata = ObjectMeta {
            name: Some("map".into()),
            namespace: Some("acme".into()),
            uid: Some("uid".into()),
            resource_version: Some(version.into()),
            labels: Some(labels.into()),
            ..ObjectMeta::default()
        };
        Seen {
            metadata,
            health: Health::Current,
        }
    }

    fn key() -> ObjectKey {
        key_of(&kind(), &seen("", "").metadata).expect("it has a name")
    }

    fn tells(inventory: &mut Inventory, seen: Seen) -> Vec<Touched> {
        let (listed, _) = signal::channel(true);
        let mut listing = BTreeSet::new();
        let event = Event::Apply(seen);
        follow(inventory, &kind(), event, &mut listing, &listed)
    }

    fn set(name: &str) -> Touched {
        Touched::Set(SetId::from_label(name))
    }

    #[test]
    fn who_takes_an_object_over_and_gives_the_answer_up_looks_at_it_again() {
        let mut inventory = Inventory::default();
        tells(&mut inventory, seen("giver", "1"));
        inventory.unsure(&key());
        inventory.begin_sending(&key());
        let giver = [set("giver")];
        assert_eq!(tells(&mut inventory, seen("taker", "2")), giver);
        let seen_of: Vec<_> = inventory.end_sending(&key()).into_iter().collect();
        assert_eq!(seen_of, [SetId::from_label("taker")]);
        assert!(inventory.end_sending(&key()).is_empty());
    }

    #[test]
    fn an_object_taken_over_after_the_answer_was_given_up_is_news_for_who_took_it() {
        let mut inventory = Inventory::default();
        tells(&mut inventory, seen("giver", "1"));
        inventory.unsure(&key());
        inventory.begin_sending(&key());
        inventory.end_sending(&key());
        let both = [set("giver"), set("taker")];
        assert_eq!(tells(&mut inventory, seen("taker", "2")), both);
        // It is no news a second time.
        assert_eq!(tells(&mut inventory, seen("taker", "2")), []);
    }

    #[test]
    fn an_object_that_comes_while_it_is_sent_is_news_once_the_answer_is_given_up() {
        let mut inventory = Inventory::default();
        // A newer attempt begins before the older has let go.
        inventory.begin_sending(&key());
        inventory.begin_sending(&key());
        assert_eq!(tells(&mut inventory, seen("maker", "1")), []);
        let maker = BTreeSet::from([SetId::from_label("maker")]);
        assert_eq!(inventory.end_sending(&key()), maker);
        inventory.remove(&key());
        assert_eq!(tells(&mut inventory, seen("maker", "2")), []);
        assert_eq!(inventory.end_sending(&key()), maker);
        inventory.remove(&key());
        assert_eq!(tells(&mut inventory, seen("maker", "3")), [set("maker")]);
    }
}
