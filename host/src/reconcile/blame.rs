//! `/v1/blame`: whose each field of a live object is: a line in Git, a plugin, or another manager.

use std::sync::Arc;

use serde_json::Value;

use crate::kit::{Discoverer, KitPath, KitSource, RevisionStatus};
use crate::manifest::{Finding, GroupVersionKind, ObjectKey, Scope, Scopes, field_pointer};
use crate::pipeline::{Trace, trace};
use crate::plan::{
    DIGEST_ANNOTATION, Inventory, PART_OF_LABEL, REVISION_ANNOTATION, SetId, field_manager,
    manifest_digest, owners,
};
use crate::source::{Mirror, Revision, Snapshot, SourceError};
use crate::web::{Ask, Refusal};

use super::asked::{View, away, blocking, refused};
use super::blamed::{Blame, FieldManager};
use super::fields_of::{Fields, Git};
use super::host::Shared;
use super::index::Member;

/// `object=service/vision`, `namespace=…`, and the `field`, or all fields if there is none.
pub(super) async fn blame(shared: &Arc<Shared>, ask: &Ask) -> Result<Value, Refusal> {
    let (live, member) = object(shared, ask).await?;
    let mut told = Blame {
        object: key_of(&live).to_string(),
        kit: Some(member.path.to_string()),
        repository: Some(format!("{}/{}", member.namespace, member.repository)),
        managers: managers(&live),
        ..Blame::default()
    };
    let fields = in_git(shared, member, live, &mut told).await?;
    let field = ask.get("field").unwrap_or_default();
    // What is chosen by its value is chosen by what is shown of it: else whoever asks could guess.
    let field = field_pointer(field, &fields.shown()).map_err(Refusal::unclear)?;
    let turn = shared.desk.turn().await?;
    let told = blocking(move || {
        let _turn = turn;
        fields.tell(&field, &mut told)?;
        Ok(told)
    });
    serde_json::to_value(told.await?).map_err(|error| Refusal::failed(error.to_string()))
}

/// The live object that is asked about, and the kit that has it. Of others nothing is told, not even
/// whether they are there: whoever may ask this host may not be somebody who may read them.
async fn object(shared: &Shared, ask: &Ask) -> Result<(Value, Member), Refusal> {
    let asked = ask.needed("object")?;
    let (kind, name) = asked
        .split_once('/')
        .filter(|(kind, name)| !kind.is_empty() && !name.is_empty())
        .ok_or_else(|| Refusal::unclear(format!("{asked:?} is no object: write KIND/NAME")))?;
    for (what, text) in [("name", Some(name)), ("namespace", ask.get("namespace"))] {
        if let Some(text) = text.filter(|it| !is_path_segment(it)) {
            return Err(Refusal::unclear(format!(
                "{text:?} is no {what} of an object"
            )));
        }
    }
    let cluster = &shared.cluster;
    let named = cluster.kind_named(kind).await.map_err(away)?;
    let (gvk, scope) = named.ok_or_else(|| {
        Refusal::missing(format!("the cluster serves no kind {kind}"))
            .hint("`kubectl api-resources` shows what there is")
    })?;
    let namespace = match (scope, ask.get("namespace")) {
        (Scope::Cluster, _) => None,
        (Scope::Namespaced, Some(namespace)) => Some(namespace.to_owned()),
        (Scope::Namespaced, None) => Some(only_place(shared, &gvk, name)?),
    };
    let key = ObjectKey {
        group_kind: gvk.group_kind(),
        namespace: namespace.as_deref().map(Into::into),
        name: name.into(),
    };
    let Some((set, member)) = owner(shared, &key) else {
        return Err(not_live(shared, &key).await);
    };
    let found = cluster.live(&gvk, namespace.as_deref(), name).await;
    match found.map_err(away)?.filter(|it| set_of(it) == Some(set)) {
        Some(live) => Ok((live, member)),
        None => Err(not_live(shared, &key).await),
    }
}

/// The kit that has an object. Whoever may write an object can label it; what the host knows as its
/// own cannot be made so.
fn owner(shared: &Shared, key: &ObjectKey) -> Option<(SetId, Member)> {
    let owner = |inventory: &Inventory| inventory.get(key).map(|it| it.owner.clone());
    let set = shared.cluster.watched().read(owner)?;
    let member = shared.sets.get(&set)?;
    Some((set, member))
}

fn set_of(live: &Value) -> Option<SetId> {
    let label = format!("/metadata/labels/{}", PART_OF_LABEL.replace('/', "~1"));
    live.pointer(&label)?.as_str().map(SetId::from_label)
}

/// Whether it stays one segment of a URL's path: with more it would lead to other objects, read with
/// the host's rights.
fn is_path_segment(text: &str) -> bool {
    let sign = |it: char| it.is_control() || it.is_whitespace() || "/\\?#%".contains(it);
    !matches!(text, "" | "." | "..") && !text.contains(sign)
}

/// The namespace in which a kit has an object of this name.
fn only_place(shared: &Shared, gvk: &GroupVersionKind, name: &str) -> Result<String, Refusal> {
    let kind = gvk.group_kind();
    let places: Vec<String> = shared.cluster.watched().read(|inventory| {
        let same = inventory
            .keys()
            .filter(|key| key.group_kind == kind && &*key.name == name)
            // Other hosts' kits are none of this one's.
            .filter(|key| {
                let owner = inventory.get(key).map(|it| &it.owner);
                owner.is_some_and(|owner| shared.sets.get(owner).is_some())
            });
        same.filter_map(|key| Some(key.namespace.as_ref()?.to_string()))
            .take(20)
            .collect()
    });
    match &places[..] {
        [only] => Ok(only.clone()),
        [] => Err(
            Refusal::unclear(format!("no kit has a {kind} {name}; it may be in none"))
                .hint("say its namespace: -n NAME"),
        ),
        several => {
            let places = several.join(", ");
            Err(
                Refusal::unclear(format!("there is a {kind} {name} in {places}"))
                    .hint("say which: -n NAME"),
            )
        }
    }
}

/// What is known of an object that the cluster does not have.
async fn not_live(shared: &Shared, key: &ObjectKey) -> Refusal {
    for id in shared.repositories.all() {
        // Whoever is busy has nothing to say.
        let Ok(Some(view)) = shared.desk.view(&id, Some("")).await else {
            continue;
        };
        let mut verdicts = view.evaluation.verdicts.iter();
        let Some(verdict) = verdicts.find(|it| it.has(key)) else {
            continue;
        };
        let manifests = verdict.rendered.manifests.iter();
        let mut same = manifests
            .filter(|it| it.key().group_kind == key.group_kind && it.key().name == key.name);
        let place = same.next().map(|it| it.origin.to_string());
        let (kit, place) = (&verdict.kit.path, place.unwrap_or_default());
        return Refusal::missing(format!("{key} is not live; kit {kit} has it at {place}"))
            .hint(format!("`trimtab status {kit}` says why"));
    }
    Refusal::missing(format!("no kit of this host has {key}")).hint(
        "who set the fields of other objects, `kubectl get -o yaml --show-managed-fields` tells those who may read them",
    )
}

fn key_of(live: &Value) -> ObjectKey {
    let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str);
    let gvk = GroupVersionKind::new(
        text("/apiVersion").unwrap_or_default(),
        text("/kind").unwrap_or_default(),
    );
    ObjectKey {
        group_kind: gvk.group_kind(),
        namespace: text("/metadata/namespace").map(Into::into),
        name: text("/metadata/name").unwrap_or_default().into(),
    }
}

fn managers(live: &Value) -> Vec<FieldManager> {
    let mut managers: Vec<FieldManager> = owners(live).iter().map(FieldManager::of).collect();
    managers.sort_by(|a, b| (&a.at, &a.manager).cmp(&(&b.at, &b.manager)));
    managers
}

/// What Git has of an object of a kit: at the revision that its kit is live at, or, where the
/// object was applied from another one, at that.
async fn in_git(
    shared: &Arc<Shared>,
    member: Member,
    live: Value,
    told: &mut Blame,
) -> Result<Fields, Refusal> {
    let id = (member.namespace.clone(), member.repository.clone());
    let view = shared.desk.view(&id, Some(member.path.as_str())).await?;
    let view = view.ok_or_else(|| {
        Refusal::unavailable(format!(
            "the Repository {} of its kit is gone",
            member.repository
        ))
    })?;
    let (mirror, _) = view.source()?;
    let source = mirror.clone();
    let kit = shared
        .kits
        .get(&member.namespace, &member.path.object_name());
    let status = kit.as_ref().and_then(|kit| kit.status.clone());
    let applied = status.and_then(|status| status.applied);
    let annotation = |name: &str| {
        let all = &live["metadata"]["annotations"];
        all[name].as_str().map(str::to_owned)
    };
    let mut revisions: Vec<String> = Vec::new();
    revisions.extend(applied.map(|it| it.revision));
    revisions.extend(annotation(REVISION_ANNOTATION));
    revisions.dedup();
    let digest = annotation(DIGEST_ANNOTATION);
    let key = key_of(&live);
    let mut scopes = Scopes::default();
    for (kind, (scope, _)) in &view.evaluation.defined {
        scopes.learn(kind.clone(), *scope);
    }
    let gvk = GroupVersionKind::new(
        live["apiVersion"].as_str().unwrap_or_default(),
        live["kind"].as_str().unwrap_or_default(),
    );
    shared
        .cluster
        .learn_kinds([gvk], &mut scopes)
        .await
        .map_err(away)?;
    let plugins = shared.plugins.clone();
    let path = member.path.clone();
    let turn = shared.desk.turn().await?;
    let followed = blocking(move || {
        // As long as it is worked on, whether somebody waits for it or not.
        let _turn = turn;
        let mut best: Option<(Snapshot, Trace, bool)> = None;
        let mut reason = None;
        for revision in revisions {
            // Anybody who may write the object may name one in its annotation.
            let verified = view.repository.spec.verify.is_none();
            if !verified && view.commit(Some(&revision)).is_err() {
                continue;
            }
            match follow(&view, &mirror, &revision, &path, |snapshot, kit| {
                trace(snapshot, kit, &plugins, &scopes, &key)
            }) {
                Ok(Some((snapshot, trace))) => {
                    let same = digest.as_deref() == Some(&*manifest_digest(&trace.manifest.object));
                    if same || best.is_none() {
                        best = Some((snapshot, trace, same));
                    }
                    if same {
                        break;
                    }
                }
                Ok(None) => {}
                Err(words) => reason = Some(words),
            }
        }
        Ok((best, reason))
    });
    let (best, reason) = followed.await?;
    let manager = field_manager(&member.path.object_name(), &member.namespace);
    let Some((snapshot, trace, same)) = best else {
        let words = reason.unwrap_or_else(|| "no revision of its kit that is known has it".into());
        told.notes
            .push(format!("what Git has of it is not known: {words}"));
        return Ok(Fields::of_kit(live, manager, None));
    };
    told.revision = snapshot.commit().map(|it| RevisionStatus::new(it, None));
    if !same {
        told.notes.push(
            "what this revision renders to is not what was applied: the Repository's rules or grants are others now, or the object's annotations were changed".into(),
        );
    }
    let mut git = Git {
        mirror: source,
        snapshot,
        trace,
    };
    // What a Secret of the platform team held when it was applied.
    git.trace.secrets.add_objects([&live]);
    Ok(Fields::of_kit(live, manager, Some(git)))
}

/// An object of a kit at a revision; nothing if that revision does not have it.
fn follow(
    view: &View,
    mirror: &Mirror,
    revision: &str,
    path: &KitPath,
    trace: impl Fn(&Snapshot, &KitSource) -> Result<Option<Trace>, Vec<Finding>>,
) -> Result<Option<(Snapshot, Trace)>, String> {
    let words = |error: SourceError| refused(error).message;
    let snapshot = mirror.snapshot(&Revision::new(revision)).map_err(words)?;
    let (_, head) = view.source().map_err(|refusal| refusal.message)?;
    let newest = mirror.snapshot(&head.revision).map_err(words)?;
    let spec = &view.repository.spec;
    let settings = (spec, &view.evaluation.supplied);
    let discovery = Discoverer::default().discover_earlier(&snapshot, Some(&newest), settings);
    let kits = discovery.map_err(words)?.kits;
    let Some(kit) = kits.iter().find(|it| it.path == *path) else {
        return Ok(None);
    };
    let traced = trace(&snapshot, kit).map_err(|findings| {
        let first = findings.first().map(ToString::to_string);
        first.unwrap_or_else(|| "the kit cannot be rendered".into())
    })?;
    Ok(traced.map(|trace| (snapshot, trace)))
}
