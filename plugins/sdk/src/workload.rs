//! Pods, in whatever kind of object they stand.

use std::fmt;

use serde_json::Value;

use crate::Object;

/// The part of an object that describes its Pods.
pub struct PodSpec<'o> {
    /// RFC 6901 pointer to it.
    pub pointer: &'static str,
    pub spec: &'o Value,
    /// The Pods' labels.
    pub labels: &'o Value,
}

/// The kinds that [`pod_spec`] finds Pods in, for [`Rule::KINDS`](crate::Rule::KINDS).
pub const WORKLOADS: &[&str] = &[
    "Pod",
    "PodTemplate",
    "ReplicationController",
    "Deployment.apps",
    "StatefulSet.apps",
    "DaemonSet.apps",
    "ReplicaSet.apps",
    "Job.batch",
    "CronJob.batch",
];

/// The Pods of an object of [`WORKLOADS`].
pub fn pod_spec(object: &Object) -> Option<PodSpec<'_>> {
    let (pointer, labels) = match (object.group(), object.kind()) {
        ("", "Pod") => ("/spec", "/metadata/labels"),
        ("", "PodTemplate") => ("/template/spec", "/template/metadata/labels"),
        ("", "ReplicationController")
        | ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("batch", "Job") => ("/spec/template/spec", "/spec/template/metadata/labels"),
        ("batch", "CronJob") => (
            "/spec/jobTemplate/spec/template/spec",
            "/spec/jobTemplate/spec/template/metadata/labels",
        ),
        _ => return None,
    };
    Some(PodSpec {
        pointer,
        spec: object.at(pointer),
        labels: object.at(labels),
    })
}

/// When a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Before the others, to its end.
    Init,
    /// An init container that goes on beside the others: its `restartPolicy` is `Always`.
    Sidecar,
    Main,
    Ephemeral,
}

/// One container of a Pod.
pub struct Container<'o> {
    /// RFC 6901 pointer to it.
    pub pointer: String,
    pub sort: Sort,
    pub value: &'o Value,
}

impl<'o> Container<'o> {
    pub fn name(&self) -> &'o str {
        self.value["name"].as_str().unwrap_or_default()
    }
}

/// `container web`, `init container migrate`, `sidecar proxy`.
impl fmt::Display for Container<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sort = match self.sort {
            Sort::Init => "init container",
            Sort::Sidecar => "sidecar",
            Sort::Main => "container",
            Sort::Ephemeral => "ephemeral container",
        };
        write!(f, "{sort} {}", self.name())
    }
}

/// One place of a Pod that names an image.
pub struct ImagePlace<'o> {
    /// RFC 6901 pointer to the reference.
    pub pointer: String,
    /// `container web`, `volume models`.
    pub owner: String,
    /// The container's name; none for a volume.
    pub container: Option<&'o str>,
    pub image: &'o Value,
}

impl<'o> PodSpec<'o> {
    /// The images of every sort of container, and those that are mounted.
    pub fn images(&self) -> Vec<ImagePlace<'o>> {
        let containers = self.sorted_containers().into_iter().map(|it| ImagePlace {
            pointer: format!("{}/image", it.pointer),
            owner: it.to_string(),
            container: Some(it.name()),
            image: &it.value["image"],
        });
        let volumes = self.spec["volumes"].as_array().into_iter().flatten();
        let mounted = volumes
            .enumerate()
            .filter(|(_, volume)| volume["image"].is_object())
            .map(|(index, volume)| ImagePlace {
                pointer: format!("{}/volumes/{index}/image/reference", self.pointer),
                owner: format!("volume {}", volume["name"].as_str().unwrap_or_default()),
                container: None,
                image: &volume["image"]["reference"],
            });
        containers.chain(mounted).collect()
    }

    /// Containers of every sort with their pointers.
    pub fn containers(&self) -> Vec<(String, &'o Value)> {
        let all = self.sorted_containers().into_iter();
        all.map(|it| (it.pointer, it.value)).collect()
    }

    /// Containers with their sort, in the order that they start in.
    pub fn sorted_containers(&self) -> Vec<Container<'o>> {
        let mut found = Vec::new();
        for (list, sort) in [
            ("initContainers", Sort::Init),
            ("containers", Sort::Main),
            ("ephemeralContainers", Sort::Ephemeral),
        ] {
            for (index, value) in self.spec[list].as_array().into_iter().flatten().enumerate() {
                let sidecar = sort == Sort::Init && value["restartPolicy"] == "Always";
                found.push(Container {
                    pointer: format!("{}/{list}/{index}", self.pointer),
                    sort: if sidecar { Sort::Sidecar } else { sort },
                    value,
                });
            }
        }
        found
    }
}
