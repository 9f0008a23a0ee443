//! What makes a kit's manifests of its files, as the files themselves say.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::ChartValues;
use super::file::{KIT_FILE, Reader};
use super::name::rooted;
use super::spec::is_digest;
use crate::manifest::Origin;
use crate::source::{Entry, EntryKind, Reference};

/// Names that Kustomize looks for, in its order.
pub const KUSTOMIZATION_FILES: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// A chart's.
pub const CHART_FILE: &str = "Chart.yaml";

pub(super) const KUSTOMIZE_FIELDS: [&str; 1] = ["loadRestrictions"];
pub(super) const HELM_FIELDS: [&str; 7] = [
    "chart",
    "repository",
    "version",
    "release",
    "valuesFiles",
    "valuesFrom",
    "values",
];

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
    /// Where the chart is, if it is of another place; `chart` says nothing then.
    pub remote: Option<RemoteChart>,
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

/// A chart of another place, and where it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteChart {
    pub reference: Reference,
    pub origin: Origin,
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
    remote: Option<RemoteChart>,
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
            remote: self.remote_chart(&helm),
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

impl Reader<'_> {
    /// `oci://registry/path/name` with a `version`, or `@sha256:…` at its end; or a `repository`,
    /// and a name and a `version` of it.
    fn remote_chart(&mut self, helm: &Map<String, Value>) -> Option<RemoteChart> {
        // One that is no text has been told of.
        let chart = helm.get("chart").and_then(Value::as_str).map(str::to_owned);
        let mut text = |name: &str| self.text("/spec/helm", helm, name);
        let (repository, version) = (text("repository"), text("version"));
        let origin = self.origin("/spec/helm/chart");
        let remote = |reference| Some(RemoteChart { reference, origin });
        let no_version = "a chart of another place needs its exact version";
        match (chart, repository, version) {
            (Some(chart), None, version) if chart.starts_with("oci://") => {
                let (url, digest) = match chart.split_once('@') {
                    Some((url, digest)) => (url.to_owned(), Some(digest.to_owned())),
                    None => (chart, None),
                };
                let fault = match (&digest, &version) {
                    (None, None) => Some(no_version),
                    (Some(digest), None) if is_digest(digest) => None,
                    (Some(_), _) => Some(
                        "a digest is sha256: and 64 lower case hexadecimal digits, and says the version as well",
                    ),
                    (None, Some(_)) => None,
                };
                if let Some(fault) = fault {
                    self.wrong("/spec/helm/chart", fault.into());
                    return None;
                }
                let version = digest.or(version)?;
                remote(Reference::Artifact { url, version })
            }
            (Some(name), Some(repository), Some(version)) if !name.contains('/') => {
                let repository = repository.trim_end_matches('/').to_owned();
                remote(match repository.starts_with("oci://") {
                    true => Reference::Artifact {
                        url: format!("{repository}/{name}"),
                        version,
                    },
                    false => Reference::Chart {
                        repository,
                        name,
                        version,
                    },
                })
            }
            (_, Some(_), None) => {
                self.wrong("/spec/helm/repository", no_version.into());
                None
            }
            (_, Some(_), _) => {
                let message = "chart is to be the chart's name in this repository";
                self.wrong("/spec/helm/repository", message.into());
                None
            }
            (_, None, Some(_)) => {
                let message = "a chart of this repository has its version in its Chart.yaml";
                self.wrong("/spec/helm/version", message.into());
                None
            }
            (_, None, None) => None,
        }
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
            chart: match (&helm.remote, chart) {
                (Some(remote), _) => remote.reference.to_string(),
                (None, path) => path.map_or_else(|| kit.to_owned(), |path| rooted(kit, path)),
            },
            remote: helm.remote.clone(),
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

#[cfg(test)]
mod tests {
    use super::super::file::parse;
    use crate::source::Reference;

    /// What the chart of a kit.yaml is, or what is wrong with it.
    fn chart(helm: &str) -> Result<Option<Reference>, String> {
        let text = format!(
            "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {{name: web}}\nspec: {{helm: {{{helm}}}}}\n"
        );
        match parse("kit.yaml", text.as_bytes(), "web") {
            Ok(file) => {
                let helm = file.renderer.helm.expect("it is named");
                Ok(helm.remote.map(|it| it.reference))
            }
            Err(findings) => Err(findings[0].message.clone()),
        }
    }

    #[test]
    fn a_chart_of_another_place_is_told_from_one_of_the_repository() {
        let of_registry = |version: &str| Reference::Artifact {
            url: "oci://r.example.org/charts/web".into(),
            version: version.into(),
        };
        let digest = format!("sha256:{}", "ab".repeat(32));
        let url = "oci://r.example.org/charts/web";
        let pinned = format!("chart: '{url}@{digest}'");
        let cases = [
            (
                format!("chart: '{url}', version: '1.2'"),
                of_registry("1.2"),
            ),
            (
                "chart: web, repository: 'oci://r.example.org/charts/', version: 1.2.0".into(),
                of_registry("1.2.0"),
            ),
            (pinned.clone(), of_registry(&digest)),
            (
                "chart: web, repository: 'https://c.example.org/', version: 1.2.0".into(),
                Reference::Chart {
                    repository: "https://c.example.org".into(),
                    name: "web".into(),
                    version: "1.2.0".into(),
                },
            ),
        ];
        for (helm, expected) in cases {
            assert_eq!(chart(&helm), Ok(Some(expected)), "{helm}");
        }
        assert_eq!(chart("chart: /charts/web"), Ok(None));
        assert_eq!(chart("values: {}"), Ok(None));
        for (helm, word) in [
            (format!("chart: '{url}'"), "exact version"),
            (format!("{pinned}, version: 1.2.0"), "digest"),
            (format!("chart: '{url}@sha256:12'"), "digest"),
            (
                "chart: web, repository: 'https://c.example.org'".into(),
                "exact version",
            ),
            (
                "chart: /charts/web, repository: 'https://c.example.org', version: 1.2.0".into(),
                "name",
            ),
            ("chart: /charts/web, version: 1.2.0".into(), "Chart.yaml"),
        ] {
            let error = chart(&helm).expect_err(&helm);
            assert!(error.contains(word), "{helm}: {error}");
        }
    }
}
