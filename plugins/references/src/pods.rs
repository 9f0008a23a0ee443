//! What Pods take: ConfigMaps, Secrets, ServiceAccounts and claims.

use serde_json::Value;
use trimtab_plugin::{Object, PodSpec, pod_spec};

use crate::inventory::Key;
use crate::judge::{Found, Judge, Place};

/// A kind with the rules about it and about its entries.
struct Source {
    kind: &'static str,
    rule: &'static str,
    entry_rule: &'static str,
}

const CONFIG_MAP: Source = Source {
    kind: "ConfigMap",
    rule: "config-map",
    entry_rule: "config-map-key",
};
const SECRET: Source = Source {
    kind: "Secret",
    rule: "secret",
    entry_rule: "secret-key",
};
const PULL_SECRET: Source = Source {
    kind: "Secret",
    rule: "pull-secret",
    entry_rule: "secret-key",
};

/// Volumes of storage systems that name a Secret, and where.
const VOLUME_SECRETS: &[(&str, &str)] = &[
    ("cephfs/secretRef", "name"),
    ("cinder/secretRef", "name"),
    ("flexVolume/secretRef", "name"),
    ("iscsi/secretRef", "name"),
    ("rbd/secretRef", "name"),
    ("scaleIO/secretRef", "name"),
    ("storageos/secretRef", "name"),
    ("csi/nodePublishSecretRef", "name"),
    ("azureFile", "secretName"),
];

struct Taker<'t, 'j, 'o> {
    judge: &'t mut Judge<'j, 'o>,
    object: &'t Object,
    home: &'t str,
}

pub fn judge(judge: &mut Judge<'_, '_>, object: &Object, home: &str) {
    let mut taker = Taker {
        judge,
        object,
        home,
    };
    if let Some(pods) = pod_spec(object) {
        taker.pods(&pods);
    }
    let account = object.is_kind("ServiceAccount") && object.group().is_empty();
    if account {
        taker.pull_secrets("/imagePullSecrets", "the ServiceAccount pulls images by");
    }
}

fn list<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = (usize, &'v Value)> {
    value[field].as_array().into_iter().flatten().enumerate()
}

fn name_of(value: &Value) -> &str {
    value["name"].as_str().unwrap_or_default()
}

impl Taker<'_, '_, '_> {
    fn pods(&mut self, pods: &PodSpec<'_>) {
        for container in pods.sorted_containers() {
            self.environment(&container.to_string(), &container.pointer, container.value);
        }
        for (index, volume) in list(pods.spec, "volumes") {
            self.volume(volume, &format!("{}/volumes/{index}", pods.pointer));
        }
        let pull = format!("{}/imagePullSecrets", pods.pointer);
        self.pull_secrets(&pull, "the Pods pull their images by");
        let account = pods.spec["serviceAccountName"].as_str().unwrap_or_default();
        self.plain(
            "service-account",
            "ServiceAccount",
            account,
            format!("{}/serviceAccountName", pods.pointer),
            "the Pods run as".into(),
        );
    }

    fn plain(
        &mut self,
        rule: &'static str,
        kind: &'static str,
        name: &str,
        field: String,
        why: String,
    ) {
        if name.is_empty() {
            return;
        }
        let place = Place {
            rule,
            object: self.object,
            field,
            why,
        };
        self.judge.require(&place, Key::core(kind, self.home, name));
    }

    fn pull_secrets(&mut self, pointer: &str, why: &str) {
        let object = self.object;
        for (pointer, secret) in object.items(pointer) {
            self.take(&PULL_SECRET, secret, "name", &pointer, why, &[]);
        }
    }

    fn environment(&mut self, owner: &str, pointer: &str, container: &Value) {
        for (index, variable) in list(container, "env") {
            let why = format!("{owner} takes {} from", name_of(variable));
            for (field, source) in [("configMapKeyRef", &CONFIG_MAP), ("secretKeyRef", &SECRET)] {
                let from = &variable["valueFrom"][field];
                let pointer = format!("{pointer}/env/{index}/valueFrom/{field}");
                let entry = from["key"].as_str().unwrap_or_default();
                let entries = [(entry, format!("{pointer}/key"))];
                self.take(source, from, "name", &pointer, &why, &entries);
            }
        }
        for (index, all) in list(container, "envFrom") {
            let why = format!("{owner} takes its environment from");
            for (field, source) in [("configMapRef", &CONFIG_MAP), ("secretRef", &SECRET)] {
                let pointer = format!("{pointer}/envFrom/{index}/{field}");
                self.take(source, &all[field], "name", &pointer, &why, &[]);
            }
        }
    }

    fn volume(&mut self, volume: &Value, pointer: &str) {
        let why = format!("volume {} is of", name_of(volume));
        self.mounted(
            &CONFIG_MAP,
            &volume["configMap"],
            "name",
            &format!("{pointer}/configMap"),
            &why,
        );
        self.mounted(
            &SECRET,
            &volume["secret"],
            "secretName",
            &format!("{pointer}/secret"),
            &why,
        );
        for (index, source) in list(&volume["projected"], "sources") {
            let pointer = format!("{pointer}/projected/sources/{index}");
            self.mounted(
                &CONFIG_MAP,
                &source["configMap"],
                "name",
                &format!("{pointer}/configMap"),
                &why,
            );
            self.mounted(
                &SECRET,
                &source["secret"],
                "name",
                &format!("{pointer}/secret"),
                &why,
            );
        }
        for (path, field) in VOLUME_SECRETS {
            let value = path.split('/').fold(volume, |value, name| &value[name]);
            let why = format!("volume {} is mounted by", name_of(volume));
            self.take(
                &SECRET,
                value,
                field,
                &format!("{pointer}/{path}"),
                &why,
                &[],
            );
        }
        let claim = volume["persistentVolumeClaim"]["claimName"].as_str();
        let claim = claim.unwrap_or_default();
        if self.is_of_template(claim) {
            return;
        }
        self.plain(
            "volume-claim",
            "PersistentVolumeClaim",
            claim,
            format!("{pointer}/persistentVolumeClaim/claimName"),
            why,
        );
    }

    /// Claims that a StatefulSet makes are called `TEMPLATE-SET-ORDINAL`.
    fn is_of_template(&self, claim: &str) -> bool {
        let Some((rest, ordinal)) = claim.rsplit_once('-') else {
            return false;
        };
        let cuts = rest.match_indices('-');
        ordinal.parse::<u32>().is_ok()
            && cuts.into_iter().any(|(at, _)| {
                let (template, set) = (&rest[..at], &rest[at + 1..]);
                let key = Key {
                    group: "apps",
                    kind: "StatefulSet",
                    namespace: self.home,
                    name: set,
                };
                self.judge.inventory.get(&key).is_some_and(|set| {
                    let mut templates = set.object.items("/spec/volumeClaimTemplates");
                    templates.any(|(_, it)| it["metadata"]["name"] == template)
                })
            })
    }

    fn mounted(&mut self, source: &Source, from: &Value, name: &str, pointer: &str, why: &str) {
        let items = list(from, "items").map(|(index, item)| {
            let key = item["key"].as_str().unwrap_or_default();
            (key, format!("{pointer}/items/{index}/key"))
        });
        let items: Vec<(&str, String)> = items.collect();
        self.take(source, from, name, pointer, why, &items);
    }

    /// Entries come with the pointers to where they are named.
    fn take(
        &mut self,
        source: &Source,
        from: &Value,
        name_field: &str,
        pointer: &str,
        why: &str,
        entries: &[(&str, String)],
    ) {
        let name = from[name_field].as_str().unwrap_or_default();
        if name.is_empty() || from["optional"] == true {
            return;
        }
        let key = Key::core(source.kind, self.home, name);
        let mut place = Place {
            rule: source.rule,
            object: self.object,
            field: format!("{pointer}/{name_field}"),
            why: why.to_owned(),
        };
        let Some(Found::Here(thing)) = self.judge.require(&place, key) else {
            return;
        };
        place.rule = source.entry_rule;
        for (entry, field) in entries.iter().filter(|(entry, _)| !entry.is_empty()) {
            place.field.clone_from(field);
            self.judge.require_entry(&place, thing, key, entry);
        }
    }
}
