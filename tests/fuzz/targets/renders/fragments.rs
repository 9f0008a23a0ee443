//! What files are made of, chosen by bytes: first what is usual, then what is odd.

/// A byte a choice. When there are no more, the first and usual of each.
pub struct Choices<'b>(std::slice::Iter<'b, u8>);

const PATHS: [&str; 16] = [
    "own.yaml",
    "../../base",
    "patch.yaml",
    "missing.yaml",
    "link",
    ".",
    "..",
    "../k",
    "kustomization.yaml",
    "../../../outside.yaml",
    "/etc/passwd",
    "https://example.org/a",
    "git@example.org:a/b.git",
    "",
    "\"\\e[31m\\u202e\\n\"",
    "own.yaml/../../h",
];

const SCALARS: [&str; 20] = [
    "a",
    "b",
    "null",
    "1",
    "-1",
    "1.5",
    "yes",
    "\"\"",
    "0o17",
    "1e999",
    "99999999999999999999",
    ".nan",
    "!!binary aGk=",
    "2001-01-01",
    "[a]",
    "{a: b}",
    "&x [*x]",
    "|\n  a\n  b",
    "\"\\0\"",
    "a: b",
];

const KINDS: [&str; 6] = [
    "apiVersion: v1\nkind: ConfigMap",
    "apiVersion: apps/v1\nkind: Deployment",
    "apiVersion: v1\nkind: Secret",
    "apiVersion: v1\nkind: List",
    "apiVersion: example.org/v1\nkind: Widget",
    "kind: Nothing",
];

/// `@` is a path, `%` a scalar.
const KUSTOMIZATION: [&str; 36] = [
    "resources: [@]",
    "resources: [own.yaml, @]",
    "components: [@]",
    "namePrefix: %",
    "nameSuffix: %",
    "namespace: %",
    "labels: [{pairs: {%: %}, includeSelectors: true}]",
    "commonAnnotations: {a: %}",
    "commonLabels: {a: %}",
    "images: [{name: %, newName: %, newTag: %}]",
    "replicas: [{name: %, count: %}]",
    "patches: [{path: @}]",
    "patches: [{path: @, target: {kind: %, name: %}}]",
    "patches: [{patch: '[{op: add, path: /data/a, value: %}]', target: {kind: ConfigMap}}]",
    "patches: [{patch: '[{op: %, path: %}]', target: {name: a}}]",
    "patchesStrategicMerge: [@]",
    "patchesJson6902: [{target: {version: v1, kind: ConfigMap, name: %}, path: @}]",
    "configMapGenerator: [{name: %, literals: [a=%]}]",
    "configMapGenerator: [{name: g, files: [@], envs: [@], behavior: %}]",
    "secretGenerator: [{name: %, files: [%=@], type: %}]",
    "generatorOptions: {disableNameSuffixHash: %, labels: {a: %}}",
    "replacements: [{source: {kind: ConfigMap, fieldPath: %}, targets: [{select: {kind: %}, fieldPaths: [data, %], options: {create: true}}]}]",
    "replacements: [{path: @}]",
    "vars: [{name: %, objref: {kind: ConfigMap, name: %, apiVersion: v1}, fieldref: {fieldpath: %}}]",
    "crds: [@]",
    "configurations: [@]",
    "generators: [@]",
    "transformers: [@]",
    "validators: [@]",
    "openapi: {path: @}",
    "openapi: {version: %}",
    "buildMetadata: [%, originAnnotations]",
    "sortOptions: {order: %}",
    "kind: %",
    "apiVersion: %",
    "%: %",
];

const FIELDS: [&str; 10] = [
    "data: {a: %}",
    "data: %",
    "metadata: {name: %}",
    "metadata: {name: a, namespace: %, labels: {a: %}, annotations: {config.kubernetes.io/function: 'exec: {path: @}'}}",
    "metadata: {name: a, annotations: {config.kubernetes.io/local-config: %}}",
    "items: [%]",
    "spec: {template: {spec: {containers: [{name: %, image: %, env: [{name: a, value: $(%)}]}]}}}",
    "spec: %",
    "$patch: %",
    "---",
];

/// `%` is an expression.
const TEMPLATE: [&str; 18] = [
    "data: {a: {{ % }}}\n",
    "data: {{ % | nindent 2 }}\n",
    "{{- if % }}\n",
    "{{- range $i, $v := % }}\n",
    "{{- with % }}\n",
    "{{- end }}\n",
    "{{- else }}\n",
    "{{ define \"t\" }}{{ % }}{{ end }}\n",
    "{{ include \"t\" % }}\n",
    "{{ tpl % . }}\n",
    "{{ $x := % }}{{ $x }}\n",
    "{{ $_ := set .Values \"a\" % }}\n",
    "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ % }}}\n",
    "metadata: {name: a, annotations: {helm.sh/hook: {{ % }}, helm.sh/hook-weight: {{ % }}}}\n",
    "{{ fail % }}\n",
    "{{ required \"a\" % }}\n",
    "{{/* % */}}\n",
    "{{ % \n",
];

const EXPRESSIONS: [&str; 36] = [
    ".Values.a",
    ".Release.Name",
    "\"a\"",
    "1",
    "list 1 2",
    "dict \"a\" .Values",
    ".Values",
    ".",
    "$",
    "(.Files.Glob \"**\").AsConfig",
    ".Files.Get \"../../../outside.yaml\"",
    ".Files.Get \"values.yaml\"",
    ".Capabilities",
    ".Chart",
    "(include \"t\" .)",
    "(toYaml .Values)",
    "(toJson .)",
    "(fromYaml (toYaml .Values))",
    "(lookup \"v1\" \"Secret\" \"\" \"\")",
    "until 5",
    "(until 1000000000)",
    "(repeat 100000000 \"a\")",
    "(div 1 0)",
    "(index (list) 1)",
    "(regexReplaceAll \"(a*)*\" \"aaaa\" \"$1\")",
    "(mergeOverwrite .Values .Values)",
    "(set .Values \"v\" .Values)",
    "now",
    "(randAlpha 4)",
    "(env \"PATH\")",
    "(printf \"%*d\" 100 1)",
    "(b64dec \"/////w==\")",
    "(semver \"a\")",
    "(keys .Values)",
    "(tpl \"{{ .Values.a }}\" .)",
    "nil",
];

const CHART: [&str; 8] = [
    "description: %",
    "type: %",
    "kubeVersion: %",
    "dependencies: [{name: %, version: %, repository: @}]",
    "version: %",
    "name: %",
    "keywords: [%]",
    "apiVersion: %",
];

impl<'b> Choices<'b> {
    pub fn of(bytes: &'b [u8]) -> Self {
        Self(bytes.iter())
    }

    fn number(&mut self, below: usize) -> usize {
        self.0.next().map_or(0, |it| usize::from(*it) % below)
    }

    fn of_these<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.number(texts.len())]
    }

    pub fn path(&mut self) -> &'static str {
        let path = self.of_these(&PATHS);
        if path.is_empty() { "." } else { path }
    }

    /// Lines, with what is chosen in place of the marks.
    fn lines(&mut self, lines: &[&str], scalars: &[&str]) -> String {
        let mut text = String::new();
        for _ in 0..self.number(6) {
            let line = self.of_these(lines);
            for character in line.chars() {
                match character {
                    '@' => text.push_str(self.of_these(&PATHS)),
                    '%' => text.push_str(self.of_these(scalars)),
                    other => text.push(other),
                }
            }
            text.push('\n');
        }
        text
    }

    pub fn kustomization(&mut self) -> String {
        match self.lines(&KUSTOMIZATION, &SCALARS) {
            text if text.is_empty() => "resources: [own.yaml]\n".into(),
            text => text,
        }
    }

    pub fn object(&mut self) -> String {
        let kind = self.of_these(&KINDS);
        let name = ["metadata: {name: a}\n", ""][self.number(2)];
        format!("{kind}\n{name}{}", self.lines(&FIELDS, &SCALARS))
    }

    pub fn template(&mut self) -> String {
        let object = ["apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", ""][self.number(2)];
        format!("{object}{}", self.lines(&TEMPLATE, &EXPRESSIONS))
    }

    pub fn values(&mut self) -> String {
        self.lines(&["a: %", "b: %", "global: {a: %}", "%"], &SCALARS)
    }

    pub fn chart(&mut self) -> String {
        let chart = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
        format!("{chart}{}", self.lines(&CHART, &SCALARS))
    }
}
