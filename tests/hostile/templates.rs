//! Templates that go on for ever, grow without end, or look where they should not.

use crate::attack::{Attack, all_are_held};

const AT: &str = "Chart.yaml:1";

fn template(name: &'static str, text: impl AsRef<[u8]>) -> Attack {
    Attack::by(name).template(text.as_ref())
}

/// Shows what a template sees.
fn shows(name: &'static str, expression: &str) -> Attack {
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{shown: {{{{ {expression} | quote }}}}}}\n"
    );
    Attack::by(name).template(text)
}

#[test]
fn a_template_that_calls_itself_is_held() {
    let doubling: String = (0..40)
        .map(|it| {
            let next = format!("{{{{ include \"d{}\" . }}}}", it + 1);
            format!("{{{{ define \"d{it}\" }}}}{next}{next}{{{{ end }}}}")
        })
        .collect();
    let doubling =
        format!("{doubling}{{{{ define \"d40\" }}}}{{{{ end }}}}{{{{ include \"d0\" . }}}}");
    all_are_held(vec![
        template("an-include-of-itself", "{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}")
            .ends_held("helm", AT, &["templates/a.yaml"]),
        template(
            "two-that-include-each-other",
            "{{ define \"a\" }}{{ include \"b\" . }}{{ end }}{{ define \"b\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}",
        )
        .ends_held("render-memory", AT, &["256 MiB"]),
        template("includes-that-double", &doubling).ends_held("render-fuel", AT, &["fuel"]),
        template("a-template-of-itself", "{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}")
            .ends_held("helm", AT, &["templates/a.yaml"]),
        template("a-tpl-of-itself", "{{ tpl .Values.again . }}")
            .file("values.yaml", "again: '{{ tpl .Values.again . }}'\n")
            .ends_held("render-fuel", AT, &["fuel"]),
        template("a-dictionary-in-itself", "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toYaml $d }}")
            // Helm's function says nothing of it.
            .renders(&[""]),
        template("a-dictionary-in-itself-as-json", "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toJson $d }}")
            .renders(&[""]),
        template("a-dictionary-in-itself-copied", "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ deepCopy $d }}")
            .ends_held("render-fuel", AT, &["fuel"]),
        template("a-dictionary-in-itself-printed", "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ print $d }}")
            .ends_held("render-memory", AT, &["256 MiB"]),
        template("values-in-themselves", "{{ $_ := set .Values \"v\" .Values }}{{ toYaml .Values }}")
            .renders(&[""]),
    ]);
}

#[test]
fn a_template_without_an_end_is_held() {
    let loops = "{{ range until 100000 }}".repeat(3) + &"{{ end }}".repeat(3);
    all_are_held(vec![
        template(
            "a-range-over-a-billion",
            "{{ range until 1000000000 }}{{ end }}",
        )
        .ends_held("render-memory", AT, &["256 MiB"]),
        template(
            "a-range-over-an-integer",
            "{{ range 1000000000000 }}{{ end }}",
        )
        .ends_held("render-fuel", AT, &["fuel"]),
        template("ranges-in-ranges", &loops).ends_held("render-fuel", AT, &["fuel"]),
        template("a-sequence-of-a-billion", "{{ seq 1 1000000000 }}").ends_held(
            "render-memory",
            AT,
            &["256 MiB"],
        ),
        template(
            "regular-expressions",
            "a: {{ regexReplaceAll \"(a|a)*(a|a)*$\" (repeat 2000000 \"a\") \"b\" }}",
        )
        .ends_held("yaml", "templates/a.yaml", &["apiVersion"]),
        template(
            "a-regular-expression-that-grows",
            "{{ mustRegexMatch \"((a{100}){100}){100}\" \"a\" }}",
        )
        .ends_held("helm", AT, &["templates/a.yaml", "repeat"]),
        template(
            "passwords",
            "{{ range until 100000 }}{{ derivePassword 1 \"long\" \"a\" \"b\" \"c\" }}{{ end }}",
        )
        .ends_held("render-fuel", AT, &["fuel"]),
    ]);
}

#[test]
fn a_template_that_grows_is_held() {
    let doubling = "{{ $s := \"aaaaaaaa\" }}{{ range until 40 }}{{ $s = printf \"%s%s\" $s $s }}{{ end }}{{ $s }}";
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: {{ repeat 100000000 \"a\" }}}\n";
    let objects = "{{ range $i := until 1000000 }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a{{ $i }}}\n{{ end }}";
    let aliases: String = (0..12)
        .map(|it| {
            let next = format!("*a{it}, ").repeat(9);
            format!("a{}: &a{} [{next}]\n", it + 1, it + 1)
        })
        .collect();
    let aliases =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\na0: &a0 [a]\n{aliases}");
    let deep = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {}{}\n",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    all_are_held(vec![
        template("a-text-of-two-billion", "{{ repeat 2000000000 \"a\" }}").ends_held(
            "render-memory",
            AT,
            &["256 MiB"],
        ),
        template("a-text-that-doubles", doubling).ends_held("render-memory", AT, &["256 MiB"]),
        template("an-indent-of-a-billion", "{{ indent 1000000000 \"a\" }}").ends_held(
            "render-memory",
            AT,
            &["256 MiB"],
        ),
        template("prints-100-megabytes", object).ends_held("render-memory", AT, &["256 MiB"]),
        template("prints-a-million-objects", objects).ends_held("render-memory", AT, &["256 MiB"]),
        template("prints-aliases-of-aliases", &aliases).ends_held(
            "helm",
            AT,
            &["templates/a.yaml", "excessive aliasing"],
        ),
        template("prints-what-is-nested-deeply", &deep).ends_held(
            "yaml",
            "templates/a.yaml",
            &["nested"],
        ),
    ]);
}

#[test]
fn a_template_sees_nothing_but_its_chart() {
    all_are_held(vec![
        shows("a-file-above", ".Files.Get \"../../x\"").renders(&["\"shown\":\"\""]),
        shows("a-file-of-the-machine", ".Files.Get \"/etc/passwd\"").renders(&["\"shown\":\"\""]),
        shows(
            "lines-of-a-file-above",
            ".Files.Lines \"../../../etc/passwd\"",
        )
        .renders(&["\"shown\":\"[]\""]),
        shows("all-files-above", "(.Files.Glob \"../**\").AsConfig").renders(&["\"shown\":\"{}"]),
        shows("the-environment", "env \"PATH\"").ends_held("helm", AT, &["env"]),
        shows("the-environment-in-a-text", "expandenv \"$PATH\"").ends_held(
            "helm",
            AT,
            &["expandenv"],
        ),
        shows(
            "objects-of-the-cluster",
            "lookup \"v1\" \"Secret\" \"kube-system\" \"\"",
        )
        .renders(&["\"shown\":\"map[]\""]),
        shows("addresses-of-hosts", "getHostByName \"example.org\"").ends_held(
            "render-impure",
            AT,
            &["getHostByName"],
        ),
        shows("the-clock", "now").ends_held("render-impure", AT, &["now"]),
        shows("chance", "randAlphaNum 8").ends_held(
            "render-impure",
            AT,
            &["randAlphaNum", "in the values"],
        ),
    ]);
}

#[test]
fn a_template_that_breaks_off_is_told_of() {
    let long = "{{ fail (repeat 1000000 \"long \") }}";
    all_are_held(vec![
        template("a-division-by-nothing", "{{ div 1 0 }}").ends_held("helm", AT, &["divi", "templates/a.yaml"]),
        template("a-pattern-that-is-none", "{{ regexFind \"[\" \"a\" }}").ends_held("helm", AT, &["templates/a.yaml"]),
        template("an-index-that-is-none", "{{ index (list 1) 7 }}").ends_held("helm", AT, &["index", "templates/a.yaml"]),
        template("nothing-of-nothing", "{{ .Values.a.b.c.d }}").ends_held("helm", AT, &["nil pointer", "templates/a.yaml"]),
        template("words-that-paint", "{{ fail \"\\x1b[31mred\\x07\\u202e\" }}").ends_held("helm", AT, &["red"]),
        template("words-without-end", long).ends_held("helm", AT, &["long long"]),
        template("bytes-that-are-no-text", b"a: \xff\xfe{{ fail \"\\xff\" }}")
            .ends_held("helm", AT, &["templates/a.yaml"]),
        template("output-that-is-no-text", b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: \"\xff\xfe\"}\n")
            .ends_held("helm", AT, &["UTF-8", "templates/a.yaml"]),
        template("zeros", b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: \"\0\"}\n")
            .ends_held("helm", AT, &["templates/a.yaml"]),
        template("a-number-that-is-too-large", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nimmutable: {{ mul 9223372036854775807 9223372036854775807 }}\nnumber: 99999999999999999999999999999999999999\nother: 1e999\n")
            .renders(&["1e+38", "\"1e999\""]),
    ]);
}
