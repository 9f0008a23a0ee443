//! An Application as a kit.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::left::{Left, Object, quoted};
use super::super::tree::{Built, Tree, join, rooted};
use super::super::wanted::{Import, Wanted};
use super::{GROUP, fields, helm, project, sync};
use crate::manifest::Manifest;

/// What the Repository follows.
pub(super) struct Followed<'u> {
    pub url: &'u str,
    pub revision: &'u str,
}

/// What all spellings of a repository's URL share.
pub(super) fn same(url: &str) -> String {
    let url = url.trim_end_matches('/');
    url.strip_suffix(".git").unwrap_or(url).to_ascii_lowercase()
}

/// Pointers to its sources.
pub(super) fn sources(object: &Object) -> Vec<String> {
    let several = object.list("/spec/sources").len();
    match several {
        0 => vec!["/spec/source".to_owned()],
        count => (0..count).map(|it| format!("/spec/sources/{it}")).collect(),
    }
}

pub(super) fn wanted(
    object: &Object,
    from: &Followed<'_>,
    tree: &Tree,
    projects: &BTreeMap<String, Object>,
    import: &mut Import,
) -> Option<Wanted> {
    let (source, values) = match source(object, from) {
        Ok(found) => found,
        Err(fault) => {
            import.left.push(fault);
            return None;
        }
    };
    if let Some(fault) = elsewhere(object) {
        import.left.push(fault);
        return None;
    }
    let named = object.text(&format!("{source}/path")).unwrap_or(".");
    let path = rooted(".", named).filter(|it| tree.is_directory(it));
    let Some(path) = path else {
        import.left.push(object.left(
            &format!("{source}/path"),
            format!("there is no directory {} in the clone", quoted(named)),
            "look whether the clone is at the revision that Argo CD follows",
        ));
        return None;
    };
    if object.get(&format!("{source}/plugin")).is_some() {
        import.left.push(object.left(
            &format!("{source}/plugin"),
            "its files are made by a program",
            "commit what the program gives, or write it as a transformer (docs/writing-a-rule.md)",
        ));
        return None;
    }
    let built = match tree.is_chart(&path) {
        true => Built::default(),
        false => tree.built(&path),
    };
    let own = |it: &Manifest| &*it.gvk().group == GROUP && is_told(it);
    if !built.objects.is_empty() && !built.partial && built.objects.iter().all(own) {
        import.notes.push(format!(
            "{} ({path}) only tells Argo CD what to do: the Repository does that",
            object.label()
        ));
        return None;
    }
    let mut kit = Wanted::new(object, Some(&path));
    let left = &mut import.left;
    left.extend(object.unknown(
        "/spec",
        &[
            "source",
            "sources",
            "destination",
            "project",
            "syncPolicy",
            "ignoreDifferences",
            // For people, and for Argo CD's own record.
            "info",
            "revisionHistoryLimit",
        ],
    ));
    left.extend(object.unknown(
        &source,
        &[
            "repoURL",
            "path",
            "targetRevision",
            "ref",
            "name",
            "helm",
            "kustomize",
            "directory",
        ],
    ));
    rule(object, &mut kit);
    if tree.is_chart(&path) || object.get(&format!("{source}/helm")).is_some() {
        if !tree.is_chart(&path) {
            let why = format!("there is no Chart.yaml in {}", quoted(&path));
            left.push(object.left(&format!("{source}/helm"), why, "look at source.path"));
            return None;
        }
        let charts = helm::Chart {
            path: &path,
            values: &values,
        };
        kit.helm = Some(helm::release(object, &source, &charts, tree, left));
    } else if tree.kustomization(&path).is_some() {
        kustomize(object, &source, &path, &mut kit, left);
    } else {
        directory(object, &source, &path, tree, &mut kit, left);
    }
    for manifest in built.objects.iter().filter(|it| own(it)) {
        kit.drop(&manifest.object);
    }
    sync::carry(object, &mut kit, left);
    sync::waves(object, &built, left);
    project::carry(object, projects, &built, &mut kit, left);
    Some(kit)
}

fn is_told(manifest: &Manifest) -> bool {
    let kind = manifest.gvk();
    ["Application", "ApplicationSet", "AppProject"].contains(&&*kind.kind)
}

/// The source of its files, and the paths of others in the same repository, by their `ref`.
fn source(
    object: &Object,
    from: &Followed<'_>,
) -> Result<(String, BTreeMap<String, String>), Left> {
    let all = sources(object);
    let text = |source: &str, field: &str| object.text(&format!("{source}/{field}"));
    let is_own = |source: &String| {
        let revision = text(source, "targetRevision").unwrap_or("HEAD");
        text(source, "repoURL").is_some_and(|url| same(url) == same(from.url))
            && revision == from.revision
    };
    let by_hand =
        "copy the chart or the files into the repository, and write spec.helm in a kit.yaml";
    for source in &all {
        if text(source, "chart").is_some() {
            let why = "its chart comes from a registry, and not from this repository";
            return Err(object.left(&format!("{source}/chart"), why, by_hand));
        }
    }
    let with_files: Vec<&String> = all
        .iter()
        .filter(|it| text(it, "path").is_some() || all.len() == 1)
        .collect();
    let [one] = with_files[..] else {
        return Err(object.left(
            "/spec/sources",
            "it has files of several sources, and a kit is one directory",
            "make each a kit, or one kustomization with all of them",
        ));
    };
    if let Some(other) = all.iter().find(|it| !is_own(it)) {
        return Err(object.left(
            other,
            format!(
                "it is of another repository or revision than {} at {}",
                quoted(&crate::source::masked(from.url)),
                quoted(from.revision)
            ),
            "import again in a clone of that one, with --source; another revision wants a Repository of its own",
        ));
    }
    let references = all.iter().filter_map(|it| {
        let name = text(it, "ref")?;
        Some((name.to_owned(), String::new()))
    });
    Ok((one.clone(), references.collect()))
}

/// Whether it goes to another cluster.
fn elsewhere(object: &Object) -> Option<Left> {
    let server = object.text("/spec/destination/server");
    let name = object.text("/spec/destination/name");
    let is_here = server.is_none_or(|it| {
        let it = it.trim_end_matches('/');
        it == "https://kubernetes.default.svc" || it == "https://kubernetes.default"
    });
    let field = match server {
        Some(_) => "/spec/destination/server",
        None => "/spec/destination/name",
    };
    let here = is_here && name.is_none_or(|it| it == "in-cluster");
    (!here).then(|| {
        object.left(
            field,
            "it is applied to another cluster",
            "run a host in that cluster, with a Repository of this path",
        )
    })
}

fn rule(object: &Object, kit: &mut Wanted) {
    kit.rule.insert("clusterScoped".into(), true.into());
    if let Some(namespace) = object.text("/spec/destination/namespace") {
        kit.rule.insert("namespace".into(), namespace.into());
        kit.rule.insert("createNamespace".into(), false.into());
    }
}

fn kustomize(object: &Object, source: &str, path: &str, kit: &mut Wanted, left: &mut Vec<Left>) {
    let at = format!("{source}/kustomize");
    let as_it_is = [
        "namePrefix",
        "nameSuffix",
        "namespace",
        "commonAnnotations",
        "replicas",
        "patches",
    ];
    kit.overlay = fields(object, &at, &as_it_is);
    let mut known = as_it_is.to_vec();
    known.extend([
        "images",
        "components",
        "commonLabels",
        "labelWithoutSelector",
        "labelIncludeTemplates",
        "forceCommonLabels",
        "forceCommonAnnotations",
        "ignoreMissingComponents",
        "commonAnnotationsEnvsubst",
        "version",
    ]);
    left.extend(object.unknown(&at, &known));
    if object.flag(&format!("{at}/commonAnnotationsEnvsubst")) == Some(true) {
        let why = "variables of the build in annotations are not filled in";
        left.push(object.left(&format!("{at}/commonAnnotations"), why, "write the values"));
    }
    if let Some(labels) = object.map(&format!("{at}/commonLabels")) {
        let flag = |name: &str| object.flag(&format!("{at}/{name}")) == Some(true);
        if flag("labelWithoutSelector") {
            let mut entry = json!({"pairs": labels});
            if flag("labelIncludeTemplates") {
                entry["includeTemplates"] = true.into();
            }
            kit.overlay_list("labels", [entry]);
        } else {
            kit.overlay.insert("commonLabels".into(), json!(labels));
        }
    }
    let images = object.texts(&format!("{at}/images"));
    kit.overlay_list("images", images.iter().map(|it| image(it)));
    let components = object.texts(&format!("{at}/components"));
    let components = components.iter().filter_map(|it| rooted(path, it));
    let components: Vec<Value> = components.map(Value::from).collect();
    kit.overlay_list("components", components);
}

/// `name=registry/other:tag@sha256:…`, and each part but the name may be left out.
pub(super) fn image(text: &str) -> Value {
    let mut image = Map::new();
    let (name, rest) = match text.split_once('=') {
        Some((name, rest)) => (Some(name), rest),
        None => (None, text),
    };
    let (rest, digest) = match rest.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (rest, None),
    };
    let slash = rest.rfind('/').map_or(0, |it| it + 1);
    let (new, tag) = match rest[slash..].find(':') {
        Some(colon) => (&rest[..slash + colon], Some(&rest[slash + colon + 1..])),
        None => (rest, None),
    };
    image.insert("name".into(), name.unwrap_or(new).into());
    if name.is_some_and(|name| name != new) {
        image.insert("newName".into(), new.into());
    }
    for (field, value) in [("newTag", tag), ("digest", digest)] {
        if let Some(value) = value {
            image.insert(field.into(), value.into());
        }
    }
    Value::Object(image)
}

/// A directory of plain files.
fn directory(
    object: &Object,
    source: &str,
    path: &str,
    tree: &Tree,
    kit: &mut Wanted,
    left: &mut Vec<Left>,
) {
    let at = format!("{source}/directory");
    left.extend(object.unknown(&at, &["recurse", "include", "exclude", "jsonnet"]));
    kit.recursive = object.flag(&format!("{at}/recurse")) == Some(true);
    if object.map(&format!("{at}/jsonnet")).is_some() {
        let why = "Jsonnet is not rendered";
        left.push(object.left(&format!("{at}/jsonnet"), why, "commit what it gives"));
    }
    let mut ignored = Vec::new();
    for (field, negated) in [("include", true), ("exclude", false)] {
        let pointer = format!("{at}/{field}");
        let Some(glob) = object.text(&pointer) else {
            continue;
        };
        match patterns(glob) {
            Some(patterns) if negated => {
                ignored.extend(["*".to_owned(), "!*/".to_owned()]);
                ignored.extend(patterns.iter().map(|it| format!("!{it}")));
            }
            Some(patterns) => ignored.extend(patterns),
            None => left.push(object.left(
                &pointer,
                format!("{} is no pattern that .trimtabignore knows", quoted(glob)),
                "write one for the kit's directory: docs/reference.md, what is applied",
            )),
        }
    }
    if !ignored.is_empty() {
        kit.rule.insert("ignore".into(), json!(ignored));
    }
    let not_rendered = tree.has(&join(path, "main.jsonnet"));
    if not_rendered {
        let why = format!("{path}/main.jsonnet is not rendered");
        left.push(object.left(&format!("{source}/path"), why, "commit what it gives"));
    }
}

/// Patterns of gitignore(5), from the directory, for a glob with alternatives in braces.
fn patterns(glob: &str) -> Option<Vec<String>> {
    let inner = glob.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
    let all = inner.map_or(vec![glob], |it| it.split(',').collect());
    let fits = |it: &&str| {
        let known =
            |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_' | b'-' | b'/' | b'*');
        !it.trim().is_empty() && it.trim().bytes().all(known)
    };
    all.iter().all(fits).then(|| {
        let rooted = all.iter().map(|it| it.trim()).map(|it| {
            // For Argo CD a star goes over slashes as well.
            match it.starts_with('*') && !it.contains('/') {
                true => it.to_owned(),
                false => format!("/{}", it.trim_start_matches('/')),
            }
        });
        rooted.collect()
    })
}
