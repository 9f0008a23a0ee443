//! What makes a kit's manifests of its files, as the files themselves say.

use std::sync::Arc;

use serde_json::Value;

use super::ChartValues;
use super::file::{KIT_FILE, Reader};
use super::name::rooted;
use crate::manifest::Origin;
use crate::source::{Entry, EntryKind};

/// Names that Kustomize looks for, in its order.
pub const KUSTOMIZATION_FILES: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// A chart's.
pub const CHART_FILE: &str = "Chart.yaml";

pub(super) const KUSTOMIZE_FIELDS: [&str; 1] = ["loadRestrictions"];
pub(super) const HELM_FIELDS: [&str; 5] =
    ["chart", "release", "valuesFiles", "valuesFrom", "values"];

/// What makes a kit's manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Renderer {
    /// Its files are manifests.
    #[default]
    Plain,
    Kustomize(Kustomize),
    Helm(Box<Release>),
}

/// A directory with a kustomization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kustomize {
    /// The file's name.
    pub file: String,
    /// Files from outside of a kustomization's own directory may be named one by one, inside of the
    /// repository; bases may be anywhere in it in any case.
    pub unrestricted: bool,
    /// The cluster's version as the platform team declares it; empty if it does not.
    pub kubernetes: Arc<str>,
}

/// A chart, and what it is rendered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The chart's directory, or its `.tgz`, from the repository's root.
    pub chart: String,
    pub name: String,
    /// From the root, in their order: the later wins.
    pub values_files: Vec<String>,
    /// Of the platform team; win over the files.
    pub values_from: Vec<ChartValues>,
    /// JSON text; wins over all of these.
    pub values: Option<String>,
    /// Where kit.yaml has them.
    pub values_at: Option<Origin>,
    /// The cluster's version as the platform team declares it; empty if it does not.
    pub kubernetes: Arc<str>,
}

/// What a kit.yaml says of rendering.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RendererFile {
    unrestricted: bool,
    helm: Option<HelmFile>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct HelmFile {
    chart: Option<String>,
    release: Option<String>,
    values_files: Vec<String>,
    /// Names of the Repository's, and where they are named.
    values_from: Vec<(String, Origin)>,
    values: Option<String>,
    values_at: Option<Origin>,
}

impl Reader<'_> {
    pub(super) fn renderer(&mut self) -> RendererFile {
        let kustomize = self.mapping("/spec/kustomize", &KUSTOMIZE_FIELDS);
        let restrictions = self.text("/spec/kustomize", &kustomize, "loadRestrictions");
        let unrestricted = match restrictions.as_deref() {
            None | Some("rootOnly") => false,
            Some("none") => true,
            Some(_) => {
                let message = "this is to be rootOnly or none".to_owned();
                self.wrong("/spec/kustomize/loadRestrictions", message);
                false
            }
        };
        let named = self.has("/spec/helm");
        let helm = self.mapping("/spec/helm", &HELM_FIELDS);
        let files = self.texts("/spec/helm/valuesFiles", helm.get("valuesFiles"));
        let values = helm.get("values").filter(|it| !it.is_null());
        if values.is_some_and(|it| !it.is_object()) {
            self.wrong("/spec/helm/values", "values are a mapping".into());
        }
        let helm = HelmFile {
            chart: self.text("/spec/helm", &helm, "chart"),
            release: self.text("/spec/helm", &helm, "release"),
            values_files: files.into_iter().map(|(path, _)| path).collect(),
            values_from: self.texts("/spec/helm/valuesFrom", helm.get("valuesFrom")),
            values: values.map(Value::to_string),
            values_at: values.map(|_| self.origin("/spec/helm/values")),
        };
        RendererFile {
            unrestricted,
            helm: named.then_some(helm),
        }
    }
}

impl RendererFile {
    pub(super) fn values_from(&self) -> &[(String, Origin)] {
        self.helm.as_ref().map_or(&[], |helm| &helm.values_from)
    }
}

impl Renderer {
    /// By what is in the kit's directory and what its kit.yaml says.
    pub(super) fn of(
        kit: &str,
        entries: &[String],
        file: Option<&RendererFile>,
        kubernetes: &Arc<str>,
        values_from: Vec<ChartValues>,
    ) -> Self {
        let has = |name: &str| entries.iter().any(|it| it == name);
        let helm = file.and_then(|file| file.helm.as_ref());
        let found = KUSTOMIZATION_FILES.into_iter().find(|name| has(name));
        if let (Some(found), None) = (found, helm) {
            return Self::Kustomize(Kustomize {
                file: found.to_owned(),
                unrestricted: file.is_some_and(|file| file.unrestricted),
                kubernetes: kubernetes.clone(),
            });
        }
        if helm.is_none() && !has(CHART_FILE) {
            return Self::Plain;
        }
        let default = HelmFile::default();
        let helm = helm.unwrap_or(&default);
        let name = match kit.rsplit('/').next() {
            None | Some(".") => "root",
            Some(name) => name,
        };
        let chart = helm.chart.as_deref();
        Self::Helm(Box::new(Release {
            chart: chart.map_or_else(|| kit.to_owned(), |path| rooted(kit, path)),
            name: helm.release.clone().unwrap_or_else(|| name.to_owned()),
            values_files: helm.values_files.iter().map(|it| rooted(kit, it)).collect(),
            values_from,
            values: helm.values.clone(),
            values_at: helm.values_at.clone(),
            kubernetes: kubernetes.clone(),
        }))
    }

    /// The files in a kit's directory that decide.
    pub(super) fn telling(entry: &Entry) -> bool {
        entry.kind != EntryKind::Directory
            && (entry.name == CHART_FILE || KUSTOMIZATION_FILES.contains(&entry.name.as_str()))
    }

    /// The file that a finding about the whole rendering is at.
    pub fn named_at(&self, kit: &str) -> String {
        let name = match self {
            Self::Plain => KIT_FILE,
            Self::Kustomize(it) => &it.file,
            Self::Helm(it) if it.chart == kit => CHART_FILE,
            Self::Helm(_) => KIT_FILE,
        };
        rooted(kit, name)
    }
}
