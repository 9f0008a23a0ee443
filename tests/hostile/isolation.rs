//! No render changes another: each kit is, beside all others and in every order, what it is alone.

use crate::attack::CHART;
use crate::platform::{Platform, evaluator};

/// A kit's files.
type Files = Vec<(&'static str, String)>;

const WIDGET: &str = "apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: a}\nspec:\n  parts: [{name: one, size: 1}]\n";
const PATCH: &str = "apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: a}\nspec:\n  parts: [{name: two, size: 2}]\n";

/// A patch of a kind whose lists are merged only where a schema says by what.
fn widget(more: &str) -> Files {
    let text = format!("resources: [a.yaml]\npatches: [{{path: p.yaml}}]\n{more}");
    vec![
        ("kustomization.yaml", text),
        ("a.yaml", WIDGET.into()),
        ("p.yaml", PATCH.into()),
    ]
}

fn schema(merged_by: &str) -> String {
    format!(
        r#"{{"definitions": {{"org.example.v1.Widget": {{"type": "object",
        "x-kubernetes-group-version-kind": [{{"group": "example.org", "version": "v1", "kind": "Widget"}}],
        "properties": {{"spec": {{"type": "object", "properties": {{"parts": {{"type": "array",
        "items": {{"type": "object"}}, "x-kubernetes-patch-merge-key": "{merged_by}",
        "x-kubernetes-patch-strategy": "merge"}}}}}}}}}}}}}}"#
    )
}

fn with(mut files: Files, path: &'static str, text: impl Into<String>) -> Files {
    files.push((path, text.into()));
    files
}

fn chart(template: &str) -> Files {
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    vec![
        ("Chart.yaml", CHART.into()),
        ("templates/a.yaml", format!("{object}{template}\n")),
    ]
}

/// Kits that set what their libraries keep for a whole process, and kits that would show it.
fn kits() -> Vec<Files> {
    let openapi = "openapi: {path: schema.json}\n";
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{name: a, image: a}]}}}\n";
    let sidecar = deployment.replace("name: a, image: a", "name: b, image: b");
    let built_in = |more: &str| -> Files {
        let text = format!("resources: [a.yaml]\npatches: [{{path: p.yaml}}]\n{more}");
        vec![
            ("kustomization.yaml", text),
            ("a.yaml", deployment.into()),
            ("p.yaml", sidecar.clone()),
        ]
    };
    let crds = r#"{"org.example.Widget": {"Schema": {"properties": {"spec": {"properties": {"of": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "ConfigMap"}}}}}}}"#;
    let values = "data: {a: \"{{ .Values.a }}\", g: \"{{ .Values.global }}\"}";
    let changing = "{{ $_ := set .Values \"a\" \"changed\" }}{{ $_ := set .Values \"global\" \"changed\" }}data: {a: b}";
    let defines = |text: &str| {
        format!(
            "{{{{ define \"shared\" }}}}{text}{{{{ end }}}}data: {{a: {{{{ include \"shared\" . }}}}}}"
        )
    };
    let versions = "data: {has: \"{{ .Capabilities.APIVersions.Has \"example.org/v1/Widget\" }}\", all: \"{{ len .Capabilities.APIVersions }}\"}";
    let growing = "{{ $_ := set (dict) \"a\" (append .Capabilities.APIVersions \"example.org/v1/Widget\") }}data: {a: b}";
    let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.org}\n";
    vec![
        widget(""),
        with(widget(openapi), "schema.json", schema("name")),
        widget("namePrefix: x-\n"),
        with(widget(openapi), "schema.json", schema("size")),
        widget("buildMetadata: [originAnnotations, managedByLabel]\n"),
        built_in(""),
        with(built_in(openapi), "schema.json", schema("name")),
        built_in("openapi: {version: v1.20.4}\n"),
        with(
            widget("crds: [crds.json]\nnameSuffix: -x\n"),
            "crds.json",
            crds,
        ),
        with(
            widget("configurations: [c.yaml]\n"),
            "c.yaml",
            "namePrefix: [{path: spec/name, create: true}]\n",
        ),
        widget("sortOptions: {order: legacy}\n"),
        vec![("kustomization.yaml", "resources: [missing.yaml]\n".into())],
        vec![(
            "kustomization.yaml",
            "resources: ['https://example.org/a']\n".into(),
        )],
        with(chart(values), "values.yaml", "a: own\nglobal: own\n"),
        with(chart(changing), "values.yaml", "a: own\n"),
        chart(values),
        chart(&defines("one")),
        chart(&defines("two")),
        chart(versions),
        chart(growing),
        with(chart(versions), "crds/widget.yaml", crd),
        chart("data: {a: {{ fail \"no\" }}}"),
        chart("data: {a: {{ now }}}"),
        chart("data: {a: \"{{ toDate \"2006-01-02\" \"2026-01-05\" | date \"Mon\" }}\"}"),
    ]
}

/// What each kit comes to, by its number; `order` says which stands where in the repository.
fn rendered(kits: &[Files], order: &[usize], workers: usize) -> Vec<(usize, Vec<String>)> {
    let platform = Platform::new();
    let folder = |place: usize| format!("kits/k{place:03}");
    for (place, kit) in order.iter().enumerate() {
        for (path, text) in &kits[*kit] {
            platform.write(&format!("{}/{path}", folder(place)), text);
        }
    }
    let evaluation = platform.evaluate(&mut evaluator(workers));
    assert_eq!(evaluation.verdicts.len(), order.len());
    let numbered = order.iter().enumerate().map(|(place, kit)| {
        let verdict = &evaluation.verdicts[place];
        // What rules over several kits say is about the others as well.
        let rendered = &verdict.rendered;
        let objects = rendered.manifests.iter().map(|it| it.object.to_string());
        let findings = rendered.findings.iter().map(ToString::to_string);
        // The directory, and the namespace of its name.
        let name = format!("k{place:03}");
        let text = objects.chain(findings);
        (*kit, text.map(|it| it.replace(&name, "kit")).collect())
    });
    numbered.collect()
}

#[test]
fn no_render_changes_another() {
    let kits = kits();
    let each = 0..kits.len();
    let alone = each.clone().flat_map(|kit| rendered(&kits, &[kit], 1));
    let alone: Vec<Vec<String>> = alone.map(|(_, texts)| texts).collect();
    // What they set is seen in themselves: else they would prove nothing.
    assert!(
        alone[0][0].contains("two") && !alone[0][0].contains("one"),
        "{:?}",
        alone[0]
    );
    assert!(
        alone[1][0].contains("two") && alone[1][0].contains("one"),
        "{:?}",
        alone[1]
    );
    assert!(
        alone[13][0].contains("own") && !alone[15][0].contains("own"),
        "{:?}",
        alone[13]
    );
    let forward: Vec<usize> = each.clone().collect();
    let back: Vec<usize> = each.clone().rev().collect();
    // Each number once, for 7 divides no count of kits that is not a multiple of it.
    assert_ne!(kits.len() % 7, 0);
    let mixed: Vec<usize> = each.map(|it| it * 7 % kits.len()).collect();
    // Each twice: beside itself as well.
    let twice = [&forward[..], &mixed].concat();
    for (order, workers) in [(&forward, 1), (&back, 1), (&mixed, 2), (&twice, 4)] {
        let beside = rendered(&kits, order, workers);
        for (kit, texts) in beside {
            assert_eq!(
                texts, alone[kit],
                "kit {kit} of {order:?} with {workers} workers"
            );
        }
    }
}
