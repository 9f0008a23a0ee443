//! A HelmRelease of a chart in Git as a kit.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::super::ignore;
use super::super::left::{Left, Object, quoted};
use super::super::tree::{Tree, join, rooted};
use super::super::values::Given;
use super::super::wanted::Wanted;
use super::kustomization::elsewhere;
use super::{RELEASE, Release, SOURCE, label_of, source};

const KNOWN: [&str; 24] = [
    "chart",
    "chartRef",
    "values",
    "valuesFrom",
    "releaseName",
    "targetNamespace",
    "dependsOn",
    "timeout",
    "suspend",
    "kubeConfig",
    "serviceAccountName",
    "install",
    "upgrade",
    "postRenderers",
    "driftDetection",
    "test",
    // Drift is put right from watches, and what failed is tried again by itself.
    "interval",
    // There is no release in Helm's sense: no history of it, and nothing to take back.
    "maxHistory",
    "storageNamespace",
    "rollback",
    "uninstall",
    "persistentClient",
    "commonMetadata",
    "healthCheckExprs",
];

/// The label of the GitRepository that its chart is of.
pub(super) fn source_of(object: &Object) -> Option<String> {
    let reference = "/spec/chart/spec/sourceRef";
    let kind = object.text(&format!("{reference}/kind"))?;
    let namespace = object.text(&format!("{reference}/namespace"));
    let namespace = namespace.or(object.namespace.as_deref());
    let label = label_of(kind, namespace, object.text(&format!("{reference}/name"))?);
    (kind == SOURCE.1).then_some(label)
}

pub(super) fn wanted(
    release: &Release,
    source: &Object,
    tree: &Tree,
    left: &mut Vec<Left>,
) -> Option<Wanted> {
    let object = &release.object;
    if let Some(fault) = no_kit(release, source, tree) {
        left.push(fault);
        return None;
    }
    left.extend(object.unknown("/spec", &KNOWN));
    let chart = rooted(".", object.text("/spec/chart/spec/chart")?)?;
    let namespace = object
        .text("/spec/targetNamespace")
        .or(object.namespace.as_deref());
    let mut kit = Wanted::new(object, Some(&chart));
    let mut helm = Map::new();
    helm.insert("chart".into(), format!("/{chart}").into());
    helm.insert("release".into(), release_name(object).into());
    let files = values_files(object, &chart, tree, left);
    if !files.is_empty() {
        helm.insert("valuesFiles".into(), files.into());
    }
    if let Some(values) = object.map("/spec/values") {
        helm.insert("values".into(), json!(values));
    }
    kit.helm = Some(helm);
    given(object, source, &mut kit, left);
    kit.rule.insert("clusterScoped".into(), true.into());
    if let Some(namespace) = namespace {
        kit.rule.insert("namespace".into(), namespace.into());
        let create = object.flag("/spec/install/createNamespace") == Some(true);
        kit.rule.insert("createNamespace".into(), create.into());
    }
    if let Some(account) = object.text("/spec/serviceAccountName") {
        if namespace == object.namespace.as_deref() {
            kit.rule.insert("serviceAccount".into(), account.into());
        } else {
            left.push(object.left(
                "/spec/serviceAccountName",
                "the account is not in the namespace that the release goes to, and the kit has the host's rights",
                "make an account there, and name it in serviceAccount of the kit's entry in spec.kits",
            ));
        }
    }
    if let Some(deadline) = source::duration(object, "/spec/timeout", left) {
        kit.spec
            .insert("health".into(), json!({"deadline": deadline}));
    }
    for (index, before) in object.list("/spec/dependsOn").iter().enumerate() {
        let namespace = before["namespace"].as_str().or(object.namespace.as_deref());
        let name = before["name"].as_str().unwrap_or_default();
        let label = label_of(RELEASE.1, namespace, name);
        kit.depends_on
            .push((label, format!("/spec/dependsOn/{index}")));
    }
    drift(object, &mut kit, left);
    told(object, left);
    Some(kit)
}

/// The helm-controller leaves what others change until the next change, unless it is told otherwise.
fn drift(object: &Object, kit: &mut Wanted, left: &mut Vec<Left>) {
    let drift = match object.text("/spec/driftDetection/mode") {
        Some("enabled") => None,
        Some("warn") => Some("report"),
        _ => Some("ignore"),
    };
    if let Some(drift) = drift {
        kit.spec.insert("drift".into(), drift.into());
    }
    let at = "/spec/driftDetection/ignore";
    let mut rules = Vec::new();
    for (index, entry) in object.list(at).iter().enumerate() {
        let target = &entry["target"];
        let text = |field: &str| target[field].as_str();
        let fields: Vec<String> = entry["paths"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let selects = ["namespace", "labelSelector", "annotationSelector"];
        let is_plain = [text("kind"), text("name"), text("group")]
            .into_iter()
            .flatten()
            .all(ignore::is_plain);
        let whole = text("kind").is_some() || target.is_null();
        let rooted = fields.iter().all(|it| it.starts_with('/')) && !fields.is_empty();
        if selects.iter().any(|it| text(it).is_some()) || !is_plain || !whole || !rooted {
            left.push(object.left(
                &format!("{at}/{index}"),
                "objects are meant by their kind and name here, and fields by pointers",
                "name the fields in spec.ignore of kit.yaml",
            ));
            continue;
        }
        let kind = text("kind").map(|it| ignore::kind_of(it, text("group")));
        rules.push(ignore::rule(kind, text("name"), &fields));
    }
    if !rules.is_empty() {
        kit.spec.insert("ignore".into(), rules.into());
    }
}

fn no_kit(release: &Release, source: &Object, tree: &Tree) -> Option<Left> {
    let object = &release.object;
    let stays = "leave the HelmRelease to Flux's helm-controller, or copy the chart into the repository and write spec.helm in a kit.yaml";
    let kind = object.text("/spec/chart/spec/sourceRef/kind");
    if kind != Some(SOURCE.1) {
        let what = kind.or(object.text("/spec/chartRef/kind"));
        let field = match object.get("/spec/chartRef") {
            Some(_) => "/spec/chartRef",
            None => "/spec/chart",
        };
        return Some(object.left(
            field,
            format!(
                "its chart comes from {}, and not from Git; the HelmRelease stays an object of its kit",
                quoted(what.unwrap_or("nothing"))
            ),
            stays,
        ));
    }
    if source_of(object).as_deref() != Some(&source.label()) {
        return Some(object.left(
            "/spec/chart/spec/sourceRef",
            format!("its chart is of another repository than {}", source.label()),
            stays,
        ));
    }
    if object.get("/spec/kubeConfig").is_some() {
        return Some(object.left(
            "/spec/kubeConfig",
            "it is applied to another cluster",
            "run a host in that cluster",
        ));
    }
    if object.flag("/spec/suspend") == Some(true) {
        return Some(object.left(
            "/spec/suspend",
            "it is suspended, and so it is no kit yet: what is live stays",
            "write a kit.yaml with spec.helm when it is to go on",
        ));
    }
    if let Some(why) = release.unsure {
        return Some(object.left(
            "",
            why,
            "give what is live: kubectl get helmreleases -A -o yaml | trimtab import flux - …",
        ));
    }
    if !object.list("/spec/postRenderers").is_empty() {
        return Some(object.left(
            "/spec/postRenderers",
            "what a chart gives is not patched afterwards, and the HelmRelease stays an object of its kit",
            "write the patches as a transformer (docs/writing-a-rule.md), or into the chart",
        ));
    }
    let shown = object.text("/spec/chart/spec/chart").unwrap_or_default();
    let chart =
        rooted(".", shown).filter(|it| tree.is_chart(it) || it.ends_with(".tgz") && tree.has(it));
    chart.is_none().then(|| {
        object.left(
            "/spec/chart/spec/chart",
            format!("there is no chart at {} in the clone", quoted(shown)),
            "look whether the clone is at the revision that Flux follows",
        )
    })
}

/// As the helm-controller makes it: at most 53 characters.
fn release_name(object: &Object) -> String {
    let composed = || match object.text("/spec/targetNamespace") {
        Some(target) => format!("{target}-{}", object.name),
        None => object.name.clone(),
    };
    let name = object.text("/spec/releaseName").map(str::to_owned);
    let name = name.unwrap_or_else(composed);
    if name.len() <= 53 || !name.is_ascii() {
        return name;
    }
    let digest = Sha256::digest(name.as_bytes());
    let digits: String = digest
        .iter()
        .take(6)
        .map(|it| format!("{it:02x}"))
        .collect();
    format!("{}-{digits}", &name[..40])
}

/// They are from the repository's root, and take the place of the chart's own values.yaml.
fn values_files(object: &Object, chart: &str, tree: &Tree, left: &mut Vec<Left>) -> Vec<String> {
    let at = "/spec/chart/spec/valuesFiles";
    let mut named = object.texts(at);
    named.extend(
        object
            .text("/spec/chart/spec/valuesFile")
            .map(str::to_owned),
    );
    let own = join(chart, "values.yaml");
    let rooted: Vec<Option<String>> = named.iter().map(|it| rooted(".", it)).collect();
    if !named.is_empty() && rooted[0].as_deref() != Some(&own) && tree.has(&own) {
        left.push(object.left(
            at,
            "with Flux the chart's own values.yaml counts no longer, here the files win over it",
            "look whether values.yaml has something that the files do not have",
        ));
    }
    let missing = object.flag("/spec/chart/spec/ignoreMissingValuesFiles") == Some(true);
    let mut files = Vec::new();
    for (name, path) in named.iter().zip(rooted) {
        match path.filter(|it| tree.has(it)) {
            // Helm reads it first by itself.
            Some(path) if path == own && files.is_empty() => {}
            Some(path) => files.push(format!("/{path}")),
            None if missing => {}
            None => left.push(object.left(
                at,
                format!("there is no file {} in the clone", quoted(name)),
                "add it to valuesFiles in kit.yaml",
            )),
        }
    }
    files
}

fn given(object: &Object, source: &Object, kit: &mut Wanted, left: &mut Vec<Left>) {
    for (index, entry) in object.list("/spec/valuesFrom").iter().enumerate() {
        let field = format!("/spec/valuesFrom/{index}");
        if entry["targetPath"].is_string() {
            left.push(object.left(
                &format!("{field}/targetPath"),
                "an entry is not put at a path in the values",
                "write the entry as YAML with that path, and name it in spec.values of the Repository",
            ));
            continue;
        }
        let key = entry["valuesKey"].as_str().unwrap_or("values.yaml");
        match Given::of(entry, Some(key)) {
            Some(given) => kit.values.push(given),
            None => left.push(object.left(
                &field,
                "this names no ConfigMap and no Secret",
                "name it in spec.values of the Repository",
            )),
        }
        if object.namespace != source.namespace {
            left.push(elsewhere(object, &field));
        }
    }
}

fn told(object: &Object, left: &mut Vec<Left>) {
    let is = |pointer: &str| object.flag(pointer) == Some(true);
    if is("/spec/test/enable") {
        left.push(object.left(
            "/spec/test/enable",
            "the chart's tests are not run",
            "run `helm test` from CI",
        ));
    }
    for field in ["/spec/install", "/spec/upgrade"] {
        if is(&format!("{field}/disableHooks")) {
            left.push(object.left(
                &format!("{field}/disableHooks"),
                "hooks are objects of the kit like others",
                "name their templates' switch in the values, if the chart has one",
            ));
        }
    }
    if object.text("/spec/install/crds") == Some("Skip") {
        left.push(object.left(
            "/spec/install/crds",
            "the chart's definitions are objects of the kit",
            "see docs/rendering.md",
        ));
    }
    for field in ["commonMetadata", "healthCheckExprs"] {
        let field = format!("/spec/{field}");
        if object.get(&field).is_some() {
            left.push(object.left(
                &field,
                "this is not carried over",
                "set it in the chart's values; health rules go into spec.health.rules of kit.yaml",
            ));
        }
    }
}
