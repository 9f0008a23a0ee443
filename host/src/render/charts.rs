//! The charts of a kustomization: Kustomize's guest asks for them, Helm's renders them.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::ask;
use super::helm::{Part, Templated};
use super::reads::Recorder;
use crate::kit::{KitSource, Kustomize};
use crate::manifest::Finding;
use crate::sandbox::{RendererKind, Renderers};

/// What the guest asks for; it is given back as it is.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chart {
    path: String,
    release: String,
    namespace: String,
    values: Vec<String>,
    kube_version: String,
    #[serde(rename = "apiVersions")]
    api_versions: Option<Vec<String>>,
    #[serde(rename = "includeCRDs")]
    include_crds: bool,
    skip_hooks: bool,
    skip_tests: bool,
}

/// What became of it.
#[derive(Serialize)]
pub(super) struct Charted {
    chart: Chart,
    yaml: String,
}

impl Charted {
    pub(super) fn bytes(&self) -> usize {
        self.yaml.len()
    }
}

impl Chart {
    pub(super) fn rendered(
        self,
        recorder: &Recorder,
        kit: &KitSource,
        how: &Kustomize,
        renderers: &Renderers,
    ) -> Result<Charted, Vec<Finding>> {
        let values = self.values.iter().enumerate().map(|(at, text)| {
            let name = format!("the values of release {}, {}", self.release, at + 1);
            json!({"yaml": text, "name": name})
        });
        let namespace = match self.namespace.as_str() {
            "" => "default",
            namespace => namespace,
        };
        let version = match self.kube_version.as_str() {
            "" => &*how.kubernetes,
            version => version,
        };
        let request = json!({
            "chart": self.path,
            "release": self.release,
            "namespace": namespace,
            "values": values.collect::<Vec<_>>(),
            "includeCRDs": self.include_crds,
            "capabilities": {"kubeVersion": version, "apiVersions": self.api_versions},
        });
        let made: Templated = ask(renderers, RendererKind::Helm, &request, kit, recorder)?;
        let yaml = self.printed(&made.manifests);
        Ok(Charted { chart: self, yaml })
    }

    /// As `helm template` prints it.
    fn printed(&self, parts: &[Part]) -> String {
        let is_left_out = |part: &Part| {
            let hook = part.hook.as_ref();
            hook.is_some_and(|it| self.skip_hooks || self.skip_tests && it.is_test())
        };
        let joined = |hooks: bool| -> String {
            let of = |it: &&Part| it.hook.is_some() == hooks && !is_left_out(it);
            let print = |it: &Part| format!("---\n# Source: {}\n{}\n", it.source, it.yaml);
            parts.iter().filter(of).map(print).collect()
        };
        format!("{}\n{}", joined(false).trim(), joined(true))
    }
}
