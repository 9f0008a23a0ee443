//! Kustomizations.

use crate::attack::{Attack, all_are_held};
use crate::charts::aliases_of_aliases;

const AT: &str = "kustomization.yaml:1";
const SECOND: &str = "kustomization.yaml:2";
const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n";

fn kustomization(name: &'static str, text: &str) -> Attack {
    Attack::by(name).kustomization(text).file("a.yaml", CONFIG)
}

/// Where Kustomize itself would let files be read from anywhere.
fn unrestricted(name: &'static str, text: &str) -> Attack {
    kustomization(name, text).kit("{kustomize: {loadRestrictions: none}}")
}

#[test]
fn what_is_in_another_place_is_refused() {
    all_are_held(vec![
        kustomization(
            "a-base-by-https",
            "resources: ['https://example.org/a//base?ref=v1']",
        )
        .ends_held(
            "render-remote",
            AT,
            &["https://example.org/a at v1", "commit"],
        ),
        kustomization("a-base-by-ssh", "resources: ['git@example.org:a/b.git']").ends_held(
            "render-remote",
            AT,
            &["git@example.org:a/b.git"],
        ),
        kustomization("a-base-of-github", "resources: ['github.com/a/b']").ends_held(
            "render-remote",
            AT,
            &["github.com/a/b"],
        ),
        kustomization(
            "a-file-by-https",
            "resources: ['https://example.org/a.yaml']",
        )
        .ends_held("render-remote", AT, &["https://example.org/a.yaml"]),
        kustomization(
            "a-component",
            "resources: [a.yaml]\ncomponents: ['https://example.org/a']",
        )
        .ends_held("render-remote", AT, &["https:/example.org/a"]),
        kustomization(
            "a-patch",
            "resources: [a.yaml]\npatches: [{path: 'https://example.org/a.yaml'}]",
        )
        .ends_held("render-remote", SECOND, &["https://example.org/a.yaml"]),
        kustomization("a-generator", "generators: ['https://example.org/a']").ends_held(
            "render-remote",
            AT,
            &["https://example.org/a"],
        ),
        kustomization(
            "a-transformer",
            "resources: [a.yaml]\ntransformers: ['https://example.org/a']",
        )
        .ends_held("render-remote", SECOND, &["https://example.org/a"]),
        kustomization(
            "a-file-of-a-generator",
            "configMapGenerator: [{name: a, files: ['https://example.org/a']}]",
        )
        .ends_held("render-remote", AT, &["https://example.org/a"]),
        kustomization(
            "a-schema",
            "resources: [a.yaml]\nopenapi: {path: 'https://example.org/a.json'}",
        )
        .ends_held("render-remote", SECOND, &["https://example.org/a.json"]),
        kustomization("a-file-of-the-machine", "resources: ['file:///etc/passwd']").ends_held(
            "render-remote",
            AT,
            &["file:///etc/passwd"],
        ),
    ]);
}

#[test]
fn nothing_leads_out_of_the_repository() {
    const UP: &str = "../../../../../../etc/passwd";
    let words: &[&str] = &["etc/passwd"];
    all_are_held(vec![
        kustomization("a-resource-above", &format!("resources: [{UP}]")).ends_held(
            "render-refused",
            AT,
            words,
        ),
        kustomization("a-resource-of-the-machine", "resources: [/etc/passwd]").ends_held(
            "render-refused",
            AT,
            words,
        ),
        unrestricted(
            "a-resource-above-unrestricted",
            &format!("resources: [{UP}]"),
        )
        .ends_held("render-refused", AT, words),
        unrestricted(
            "a-resource-of-the-machine-unrestricted",
            "resources: [/etc/passwd]",
        )
        .ends_held("render-refused", AT, words),
        unrestricted(
            "a-patch-of-the-machine",
            "resources: [a.yaml]\npatches: [{path: /etc/passwd}]",
        )
        .ends_held("render-refused", AT, words),
        unrestricted(
            "a-generators-file",
            "configMapGenerator: [{name: a, files: [/etc/passwd]}]",
        )
        .ends_held("render-refused", AT, words),
        unrestricted(
            "a-generators-variables",
            "configMapGenerator: [{name: a, envs: [/etc/passwd]}]",
        )
        .ends_held("render-refused", AT, words),
        unrestricted(
            "a-generators-environment",
            "configMapGenerator: [{name: a, literals: ['a=$HOME'], envs: [env]}]",
        )
        .file("env", "PATH\nHOME\n")
        .renders(&["\"HOME\":\"\"", "\"a\":\"$HOME\""]),
        unrestricted(
            "a-schema-above",
            &format!("resources: [a.yaml]\nopenapi: {{path: {UP}}}"),
        )
        .ends_held("render-refused", AT, words),
        unrestricted(
            "a-replacement-above",
            &format!("resources: [a.yaml]\nreplacements: [{{path: {UP}}}]"),
        )
        .ends_held("render-refused", AT, words),
        unrestricted(
            "a-configuration-above",
            &format!("resources: [a.yaml]\nconfigurations: [{UP}]"),
        )
        .ends_held("render-refused", AT, words),
        unrestricted(
            "definitions-above",
            &format!("resources: [a.yaml]\ncrds: [{UP}]"),
        )
        .ends_held("render-refused", AT, words),
        unrestricted("a-link-out", "resources: [out.yaml]")
            .link("out.yaml", "/etc/passwd")
            .ends_held(
                "render-refused",
                AT,
                &["out.yaml", "leads out of the repository"],
            ),
        unrestricted("a-link-out-by-climbing", "resources: [out.yaml]")
            .link("out.yaml", "../../../../../../etc/passwd")
            .ends_held(
                "render-refused",
                AT,
                &["out.yaml", "leads out of the repository"],
            ),
        unrestricted("a-linked-folder", "resources: [out]")
            .link("out", "/etc")
            .ends_held(
                "render-refused",
                AT,
                &["out", "leads out of the repository"],
            ),
        unrestricted("a-link-to-itself", "resources: [on.yaml]")
            .link("on.yaml", "on.yaml")
            .ends_held("render-refused", AT, &["on.yaml", "cycle"]),
        kustomization("a-file-of-a-neighbour", "resources: [../0-plain/a.yaml]").ends_held(
            "kustomize",
            AT,
            &["0-plain/a.yaml", "loadRestrictions: none"],
        ),
    ]);
}

#[test]
fn no_program_is_run() {
    let function = |what: &str| {
        format!(
            "apiVersion: example.org/v1\nkind: Anything\nmetadata:\n  name: a\n  annotations:\n    config.kubernetes.io/function: |\n      {what}\n"
        )
    };
    let generator = |name: &'static str, text: String| {
        kustomization(name, "generators: [generator.yaml]").file("generator.yaml", text)
    };
    let transformer = |name: &'static str, text: String| {
        kustomization(
            name,
            "resources: [a.yaml]\ntransformers: [transformer.yaml]",
        )
        .file("transformer.yaml", text)
    };
    let words: &[&str] = &["no program or container is run"];
    let plugin = "apiVersion: example.org/v1\nkind: Anything\nmetadata: {name: a}\n".to_owned();
    all_are_held(vec![
        generator("a-program", function("exec: {path: ./run.sh}"))
            .file("run.sh", "#!/bin/sh\nid\n")
            .ends_held("render-program", AT, words),
        generator(
            "a-program-of-the-machine",
            function("exec: {path: /usr/bin/id}"),
        )
        .ends_held("render-program", AT, words),
        generator(
            "a-container",
            function("container: {image: 'example.org/a', network: true}"),
        )
        .ends_held("render-program", AT, words),
        generator("a-script", function("starlark: {path: a.star}")).ends_held(
            "render-program",
            AT,
            words,
        ),
        generator("a-plugin", plugin.clone()).ends_held("render-program", AT, words),
        transformer("a-transforming-program", function("exec: {path: ./run.sh}")).ends_held(
            "render-program",
            AT,
            words,
        ),
        transformer("a-transforming-plugin", plugin.clone()).ends_held("render-program", AT, words),
        kustomization(
            "a-validating-plugin",
            "resources: [a.yaml]\nvalidators: [v.yaml]",
        )
        .file("v.yaml", plugin)
        .ends_held("render-program", AT, words),
    ]);
}

#[test]
fn what_leads_back_to_itself_is_told_of() {
    let generator = "generators: [../b]";
    all_are_held(vec![
        kustomization("itself", "resources: [.]").ends_held("kustomize", AT, &["cycle"]),
        kustomization("itself-by-name", "resources: [../itself-by-name]").ends_held(
            "kustomize",
            AT,
            &["cycle"],
        ),
        kustomization("its-parent", "resources: [base]")
            .file("base/kustomization.yaml", "resources: [..]")
            .ends_held("kustomize", AT, &["cycle"]),
        kustomization("bases-in-a-circle", "resources: [a]")
            .file("a/kustomization.yaml", "resources: [../b]")
            .file("b/kustomization.yaml", "resources: [../a]")
            .ends_held("kustomize", AT, &["cycle"]),
        kustomization(
            "components-in-a-circle",
            "resources: [a.yaml]\ncomponents: [c]",
        )
        .file(
            "c/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncomponents: [../c]\n",
        )
        .ends_held("kustomize", AT, &["cycle"]),
        kustomization("generators-in-a-circle", "generators: [a]")
            .file("a/kustomization.yaml", generator)
            .file("b/kustomization.yaml", "generators: [../a]")
            .ends_held("kustomize", AT, &["cycle"]),
        kustomization(
            "transformers-in-a-circle",
            "resources: [a.yaml]\ntransformers: [.]",
        )
        .ends_held("kustomize", AT, &["cycle"]),
        kustomization("a-circle-of-links", "resources: [round]")
            .link("round", ".")
            .ends_held("kustomize", AT, &["cycle"]),
        kustomization("its-own-file", "resources: [kustomization.yaml]").ends_held(
            "kustomize",
            AT,
            &["kustomization.yaml"],
        ),
        kustomization(
            "a-base-that-is-a-file",
            "resources: [base/kustomization.yaml]",
        )
        .file("base/kustomization.yaml", "resources: []")
        .ends_held("kustomize", AT, &["base/kustomization.yaml"]),
        kustomization("a-base-that-is-not-there", "resources: [../../base]").ends_held(
            "kustomize",
            AT,
            &["base"],
        ),
    ]);
}

#[test]
fn what_grows_is_held() {
    let bomb = format!("{CONFIG}{}", aliases_of_aliases());
    let patched = |name: &'static str, target: &str| {
        let text = format!(
            "resources: [a.yaml]\npatches:\n- target: {target}\n  patch: '[{{\"op\": \"add\", \"path\": \"/data/c\", \"value\": \"d\"}}]'\n"
        );
        kustomization(name, &text)
    };
    let generators: String = (0..100_000)
        .map(|it| format!("- {{name: g{it}, literals: [a=b]}}\n"))
        .collect();
    let doubling: String = (0..40)
        .map(|it| format!("- source: {{kind: ConfigMap, name: a, fieldPath: data}}\n  targets: [{{select: {{kind: ConfigMap}}, fieldPaths: [data.d{it}], options: {{create: true}}}}]\n"))
        .collect();
    let deep = format!(
        "{CONFIG}deep: {}{}\n",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    all_are_held(vec![
        kustomization("aliases-of-aliases", &aliases_of_aliases()).ends_held(
            "kustomize",
            AT,
            &["excessive aliasing"],
        ),
        Attack::by("aliases-in-a-resource")
            .kustomization("resources: [a.yaml]")
            .file("a.yaml", bomb.clone())
            .ends_held("render-memory", AT, &["256 MiB"]),
        kustomization(
            "aliases-in-a-patch",
            "resources: [a.yaml]\npatches: [{path: p.yaml}]",
        )
        .file("p.yaml", bomb)
        .ends_held("render-memory", AT, &["256 MiB"]),
        patched(
            "a-pattern-that-grows",
            "{kind: ConfigMap, name: '((a{100}){100}){100}'}",
        )
        .ends_held("kustomize", AT, &["repeat"]),
        patched(
            "a-slow-pattern",
            &format!(
                "{{kind: ConfigMap, name: '(a|a)*{}'}}",
                "(a|a)*".repeat(2_000)
            ),
        )
        .renders(&["ConfigMap"]),
        kustomization(
            "a-hundred-thousand-generators",
            &format!("configMapGenerator:\n{generators}"),
        )
        .ends_held("render-fuel", AT, &["fuel"]),
        kustomization(
            "replacements-that-double",
            &format!("resources: [a.yaml]\nreplacements:\n{doubling}"),
        )
        .ends_held("render-memory", AT, &["256 MiB"]),
        Attack::by("nested-without-end")
            .kustomization("resources: [a.yaml]")
            .file("a.yaml", deep)
            .ends_held("kustomize", AT, &["a.yaml", "max depth of 10000"]),
        kustomization(
            "one-file-a-hundred-thousand-times",
            &format!("resources: [{}a.yaml]", "a.yaml, ".repeat(100_000)),
        )
        .ends_held("kustomize", AT, &["a.yaml"]),
        Attack::by("a-file-that-is-too-large")
            .kustomization("resources: [a.yaml]")
            .file("a.yaml", vec![b'#'; 17 << 20])
            .ends_held("render-refused", AT, &["a.yaml", "16777216"]),
    ]);
}

#[test]
fn what_is_no_text_is_told_of() {
    let named = "\u{1b}[31m\nred\u{202e}.yaml";
    let resource = |name: &'static str, content: &[u8]| {
        Attack::by(name)
            .kustomization("resources: [a.yaml]")
            .file("a.yaml", content)
    };
    let long = format!("resources: [{}a.yaml]", "a/".repeat(5_000));
    all_are_held(vec![
        Attack::by("not-in-utf-8").kustomization(b"resources: [\"\xff\xfe\"]\n".to_vec()).ends_held("kustomize", AT, &["UTF-8"]),
        Attack::by("with-zeros").kustomization(b"resources: [\"a\0b\"]\n".to_vec()).ends_held("kustomize", AT, &["control characters"]),
        resource("a-resource-not-in-utf-8", b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: \"\xff\xfe\"}\n").ends_held("kustomize", AT, &["a.yaml"]),
        resource("a-resource-with-zeros", b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: \"\0\"}\n").ends_held("kustomize", AT, &["a.yaml"]),
        Attack::by("a-name-that-paints").kustomization("resources: [\"\\e[31m\\nred\\u202e.yaml\"]").file(named, "kind: [").ends_held("kustomize", AT, &["red"]),
        kustomization("a-path-that-paints", "resources: [\"\\e[31m\\u202emissing\"]").ends_held("kustomize", AT, &["missing"]),
        kustomization("a-path-with-a-zero", "resources: [\"a\\0b\"]").ends_held("kustomize", AT, &["does not exist"]),
        kustomization("a-path-without-end", &long).ends_held("kustomize", AT, &["a.yaml"]),
        kustomization("a-number-that-is-too-large", "resources: [a.yaml]\nreplicas: [{name: a, count: 99999999999999999999}]").ends_held("kustomize", AT, &["replicas.count"]),
        resource("a-resource-of-large-numbers", b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\na: 99999999999999999999999999999\nb: 1e999\nc: -.inf\n").ends_held("kustomize", AT, &["-Inf", "what it quotes is left out"]),
        kustomization("no-kustomization", "- a\n- b\n").ends_held("kustomize", AT, &["types.Kustomization"]),
    ]);
}
