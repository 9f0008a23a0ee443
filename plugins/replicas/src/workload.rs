//! Workloads with the sizes they may have, by themselves or by an autoscaler of the kit.

use serde_json::Value;
use trimtab_plugin::{Object, PodSpec, pod_spec};

pub struct Workload<'o> {
    pub object: &'o Object,
    pub pods: PodSpec<'o>,
    pub autoscaler: Option<&'o Object>,
    /// Fewest replicas that it has.
    pub least: u64,
    /// Most replicas that it has.
    pub most: u64,
}

impl<'o> Workload<'o> {
    /// The Deployments and StatefulSets of a kit.
    pub fn all(objects: &'o [Object]) -> Vec<Self> {
        let autoscalers: Vec<&Object> = objects.iter().filter(|it| is_autoscaler(it)).collect();
        let sized = objects.iter().filter(|object| {
            object.group() == "apps" && matches!(object.kind(), "Deployment" | "StatefulSet")
        });
        sized
            .filter_map(|object| {
                let written = match object.at("/spec/replicas") {
                    Value::Null => 1,
                    replicas => replicas.as_u64().unwrap_or(1),
                };
                // Kubernetes leaves what is switched off to itself.
                let mut theirs = autoscalers.iter().filter(|_| written > 0);
                let autoscaler = theirs.find(|it| scales(it, object)).copied();
                let (least, most) = match autoscaler {
                    Some(it) => {
                        let least = it.at("/spec/minReplicas").as_u64().unwrap_or(1);
                        let most = it.at("/spec/maxReplicas").as_u64().unwrap_or(least);
                        (least, most.max(least))
                    }
                    None => (written, written),
                };
                Some(Self {
                    object,
                    pods: pod_spec(object)?,
                    autoscaler,
                    least,
                    most,
                })
            })
            .collect()
    }

    pub fn is_off(&self) -> bool {
        self.most == 0
    }

    /// `Deployment web`.
    pub fn name(&self) -> String {
        format!("{} {}", self.object.kind(), self.object.name())
    }
}

fn is_autoscaler(object: &Object) -> bool {
    object.group() == "autoscaling" && object.kind() == "HorizontalPodAutoscaler"
}

fn scales(autoscaler: &Object, object: &Object) -> bool {
    let target = autoscaler.at("/spec/scaleTargetRef");
    let group = target["apiVersion"].as_str().map(|version| {
        let group = version.split_once('/');
        group.map_or("", |(group, _)| group)
    });
    autoscaler.namespace() == object.namespace()
        && target["kind"] == object.kind()
        && target["name"] == object.name()
        && group.is_none_or(|group| group == object.group())
}
