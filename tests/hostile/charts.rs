//! Charts: what is beside the templates.

use crate::attack::{Attack, CHART, all_are_held};

const AT: &str = "Chart.yaml:1";
const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

/// Nine of each before: 9^12 in the end.
pub fn aliases_of_aliases() -> String {
    let of = |it: usize| {
        let next = format!("*a{it}, ").repeat(9);
        format!("a{}: &a{} [{next}]\n", it + 1, it + 1)
    };
    format!("a0: &a0 [a]\n{}", (0..12).map(of).collect::<String>())
}

fn values(name: &'static str, values: impl Into<Vec<u8>>) -> Attack {
    Attack::by(name)
        .chart(values)
        .file("templates/a.yaml", CONFIG)
}

fn schema(name: &'static str, schema: &str) -> Attack {
    let long = format!("text: '{}!'\n", "a".repeat(50_000));
    values(name, long).file("values.schema.json", schema)
}

fn kit(name: &'static str, helm: &str) -> Attack {
    Attack::by(name)
        .kit(&format!("{{helm: {helm}}}"))
        .file("chart/Chart.yaml", CHART)
        .file("chart/templates/a.yaml", CONFIG)
}

#[test]
fn values_without_measure_are_held() {
    let numbers = "a: 99999999999999999999999999999999999999\nb: 1e999\nc: -0x8000000000000000\nd: 0o7777777777777777777777777\n";
    let lines =
        |count: usize| -> String { (0..count).map(|it| format!("key{it}: value\n")).collect() };
    let deep = format!("a: {}{}\n", "[".repeat(20_000), "]".repeat(20_000));
    all_are_held(vec![
        values("a-hundred-megabytes", lines(5_500_000)).ends_held(
            "render-refused",
            AT,
            &["values.yaml", "16777216"],
        ),
        values("ten-megabytes", lines(550_000)).ends_held("render-memory", AT, &["256 MiB"]),
        values("aliases-of-aliases", aliases_of_aliases()).ends_held("helm", AT, &["values.yaml"]),
        values("nested-without-end", deep).ends_held("helm", AT, &["values.yaml"]),
        values("not-in-utf-8", b"a: \xff\xfe\n".to_vec()).ends_held("helm", AT, &["values.yaml"]),
        values("with-zeros", b"a: \0\n".to_vec()).ends_held("helm", AT, &["values.yaml"]),
        values("no-mapping", "[a, b]").ends_held("helm", AT, &["values.yaml"]),
        values("a-key-twice", "a: 1\na: 2\n").renders(&["ConfigMap"]),
        values("numbers-that-are-too-large", numbers).renders(&["ConfigMap"]),
    ]);
}

#[test]
fn a_schema_reaches_nothing_and_ends() {
    let doubling: String = (0..40)
        .map(|it| {
            let next = format!("{{\"$ref\": \"#/$defs/d{}\"}}", it + 1);
            format!("\"d{it}\": {{\"allOf\": [{next}, {next}]}}, ")
        })
        .collect();
    let doubling = format!(
        "{{\"$defs\": {{{doubling}\"d40\": {{\"type\": \"object\"}}}}, \"$ref\": \"#/$defs/d0\"}}"
    );
    let of_text =
        |pattern: &str| format!("{{\"properties\": {{\"text\": {{\"pattern\": \"{pattern}\"}}}}}}");
    all_are_held(vec![
        schema(
            "of-another-place",
            "{\"$ref\": \"https://example.org/a.json\"}",
        )
        .ends_held(
            "render-remote",
            AT,
            &["https://example.org/a.json", "values.schema.json"],
        ),
        schema("of-the-machine", "{\"$ref\": \"file:///etc/passwd\"}").ends_held(
            "helm",
            AT,
            &["/etc/passwd"],
        ),
        schema("of-a-file-above", "{\"$ref\": \"../../x.json\"}").ends_held(
            "helm",
            AT,
            &["x.json"],
        ),
        schema("of-itself", "{\"$ref\": \"#\"}").ends_held("helm", AT, &["$ref"]),
        schema("in-itself", "{\"additionalProperties\": {\"$ref\": \"#\"}}")
            .renders(&["ConfigMap"]),
        schema("that-doubles", &doubling).ends_held("render-fuel", AT, &["fuel"]),
        schema("with-a-slow-pattern", &of_text("^(a+)+$")).ends_held(
            "helm",
            AT,
            &["does not match pattern", "what it quotes is left out"],
        ),
        schema(
            "with-a-pattern-that-grows",
            &of_text("((a{100}){100}){100}"),
        )
        .ends_held("helm", AT, &["pattern"]),
        schema("that-is-none", "{").ends_held("helm", AT, &["values.schema.json"]),
        schema(
            "of-ten-megabytes",
            &format!("{{\"enum\": [{}1]}}", "1, ".repeat(3_400_000)),
        )
        .ends_held("render-memory", AT, &["256 MiB"]),
    ]);
}

#[test]
fn a_charts_own_words_are_held() {
    let about = |name: &'static str, text: String| {
        Attack::by(name)
            .file("Chart.yaml", text)
            .file("templates/a.yaml", CONFIG)
    };
    let named = |name: &'static str, chart: &str| {
        about(
            name,
            format!("apiVersion: v2\nname: \"{chart}\"\nversion: 1.0.0\n"),
        )
    };
    let description = format!("{CHART}description: {}\n", "a".repeat(10 << 20));
    let keywords = format!("{CHART}keywords: [{}a]\n", "a, ".repeat(3 << 20));
    let wants = |name: &'static str, version: &str| {
        about(name, format!("{CHART}kubeVersion: '{version}'\n"))
    };
    all_are_held(vec![
        about("of-ten-megabytes", description).renders(&["ConfigMap"]),
        about("of-three-million-words", keywords).ends_held("render-fuel", AT, &["fuel"]),
        about("of-aliases", format!("{CHART}{}", aliases_of_aliases())).ends_held("helm", AT, &["Chart.yaml"]),
        named("named-to-climb", "../../../etc").ends_held("helm", AT, &["name"]),
        named("named-to-paint", "\\x1b[31m").renders(&["ConfigMap"]),
        named("named-with-zeros", "a\\0b").renders(&["ConfigMap"]),
        wants("wants-what-is-no-version", &">=1 ".repeat(100_000)).ends_held("helm", AT, &["Kubernetes"]),
        about("depends-on-what-climbs", format!("{CHART}dependencies: [{{name: ../../x, version: 1.0.0, repository: 'file://../../..'}}]\n"))
            .ends_held("render-remote", AT, &["../../x", "charts/"]),
        about("wants-another-version", format!("{CHART}kubeVersion: '<1.0.0'\n")).ends_held("helm", AT, &["Kubernetes <1.0.0"]),
        about("of-another-kind", format!("{CHART}type: library\n")).ends_held("helm", AT, &["library"]),
        about("of-a-version-to-come", CHART.replace("v2", "v9")).ends_held("helm", AT, &["v9"]),
    ]);
}

#[test]
fn a_chart_has_no_files_but_the_repositorys() {
    let named = "templates/\u{1b}[31m\nred\u{202e}.yaml";
    all_are_held(vec![
        kit(
            "values-above-the-root",
            "{chart: chart, valuesFiles: [../../../../../etc/passwd]}",
        )
        .ends_held(
            "render-refused",
            "kit.yaml:1",
            &["/etc/passwd is out of the repository"],
        ),
        kit(
            "values-of-the-machine",
            "{chart: chart, valuesFiles: [/etc/passwd]}",
        )
        .ends_held("helm", "kit.yaml:1", &["etc/passwd"]),
        kit("a-chart-above-the-root", "{chart: ../../../../etc}").ends_held(
            "render-refused",
            "kit.yaml:1",
            &["/etc is out of the repository"],
        ),
        kit("a-chart-that-is-a-file", "{chart: kit.yaml}").ends_held(
            "helm",
            "kit.yaml:1",
            &["kit.yaml"],
        ),
        kit(
            "a-link-to-values-outside",
            "{chart: chart, valuesFiles: [out.yaml]}",
        )
        .link("out.yaml", "/etc/passwd")
        .ends_held(
            "render-refused",
            "kit.yaml:1",
            &["out.yaml", "leads out of the repository"],
        ),
        Attack::by("a-link-out-of-the-tree")
            .template(CONFIG)
            .link("templates/b.yaml", "../../../../../etc/passwd")
            .ends_held(
                "render-refused",
                AT,
                &["templates/b.yaml", "leads out of the repository"],
            ),
        Attack::by("a-link-to-a-folder-outside")
            .template(CONFIG)
            .link("charts", "/etc")
            .ends_held(
                "render-refused",
                AT,
                &["charts", "leads out of the repository"],
            ),
        Attack::by("a-link-to-itself")
            .template(CONFIG)
            .link("templates/b.yaml", "b.yaml")
            .ends_held("render-refused", AT, &["templates/b.yaml", "cycle"]),
        Attack::by("a-link-to-its-own-folder")
            .template(CONFIG)
            .link("templates/on", ".")
            .ends_held("helm", AT, &["templates/on", "a folder that it is in"]),
        Attack::by("a-chart-in-itself")
            .template(CONFIG)
            .link("charts/web", "../")
            .ends_held("helm", AT, &["charts/web", "a folder that it is in"]),
        Attack::by("a-file-that-is-too-large")
            .template(CONFIG)
            .file("files/large", vec![b'a'; 17 << 20])
            .ends_held("render-refused", AT, &["files/large", "16777216"]),
        Attack::by("a-template-named-to-paint")
            .file("Chart.yaml", CHART)
            .file(named, "{{ fail \"no\" }}")
            .ends_held("helm", AT, &["red"]),
        Attack::by("an-object-of-a-name-that-paints")
            .file("Chart.yaml", CHART)
            .file(named, "a: b")
            .ends_held("yaml", "templates/\u{fffd}[31m red\u{fffd}.yaml", &["red"]),
    ]);
}

#[test]
fn a_chart_of_many_files_is_held() {
    let mut many = Attack::by("many-files").template(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {{ (.Files.Glob \"**\").AsConfig | nindent 2 }}\n",
    );
    for it in 0..20_000 {
        many = many.file(&format!("files/{:02}/{it:05}", it % 64), "a");
    }
    let mut one = Attack::by("many-files-in-one-directory").template(CONFIG);
    for it in 0..20_000 {
        one = one.file(&format!("files/{it:05}"), "a");
    }
    let mut links = Attack::by("many-chains-of-links")
        .template(CONFIG)
        .link("files/l0", "../values.yaml")
        .file("values.yaml", "{}");
    let chain: Vec<&'static str> = (0..39).map(|it| &*format!("l{it}").leak()).collect();
    for it in 1..39 {
        links = links.link(&format!("files/l{it}"), chain[it - 1]);
    }
    for it in 0..1_000 {
        links = links.link(&format!("files/a{it:05}"), chain[38]);
    }
    let mut deep = Attack::by("charts-in-charts").template(CONFIG);
    for depth in 1..200 {
        let folder = "charts/web/".repeat(depth);
        deep = deep.file(&format!("{folder}Chart.yaml"), CHART);
    }
    let ignored = Attack::by("patterns-of-ignored-files")
        .template(CONFIG)
        .file(".helmignore", "a*".repeat(5_000) + "b\n")
        .file("a".repeat(200).as_str(), "a");
    all_are_held(vec![
        one.renders(&["ConfigMap"]),
        links.renders(&["ConfigMap"]),
        many.renders(&["\"19999\":\"a\""]),
        deep.renders(&["ConfigMap"]),
        ignored.renders(&["ConfigMap"]),
    ]);
}
