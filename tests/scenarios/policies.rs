//! Admission policies: the plugins say of an object what the API server says of it.

mod mutation;
mod unsound;

use std::collections::BTreeSet;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use trimtab_harness::wait_for;
use trimtab_harness::{component::digest, root};

use crate::manifests::definition;
use crate::platform::{Platform, SOON};

const KIT: &str = "kits/acme/shop";
/// Expressions of the plugins' own tests, of which each is true.
const TRUE: &str = include_str!("../../plugins/cel-admission/src/tests/true.txt");
/// Expressions that are not, or that fail.
const WRONG: &str = include_str!("policies/wrong.txt");
const VALIDATION: &str = include_str!("policies/validation.yaml");

const FIELDS: &str = include_str!("policies/fields.yaml");
/// Until the API server has heard of policies.
const IN_FORCE: Duration = Duration::from_secs(20);
const WARNING: &str = "warning";
/// Before the policy and the binding in a message.
const BY: &str = " (ValidatingAdmissionPolicy ";

/// A repository with a kit that one of the plugins judges, and a namespace in the cluster.
struct Admission {
    platform: Platform,
    namespace: String,
}

impl Admission {
    fn new(plugin: &str) -> Self {
        let platform = Platform::new(&[]);
        let component = root().join(format!("target/components/{plugin}.wasm"));
        let bytes = std::fs::read(&component).expect("`cargo xtask test` has built it");
        platform.git.write("rules/plugin.wasm", bytes).unwrap();
        let digest = digest(&component).unwrap();
        let asked = platform.kubectl.run(&["auth", "whoami", "-o", "json"]);
        let told: Value = serde_json::from_str(&asked.expect("kubectl runs")).expect("JSON");
        let who = &told["status"]["userInfo"];
        let settings = json!({"user": {"username": who["username"], "groups": who["groups"]}});
        let kit = format!(
            "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {{name: shop}}\nspec:\n  plugins:\n  - {{path: /rules/plugin.wasm, digest: '{digest}', data: [/policies], settings: {settings}}}\n"
        );
        platform.git.write(&format!("{KIT}/kit.yaml"), kit).unwrap();
        let namespace = platform.namespace("acme");
        let labels = json!({"policies": platform.name});
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}});
        let this = Self {
            platform,
            namespace,
        };
        this.both("namespace", &object.to_string());
        this
    }

    /// To the cluster, and to the policies of the repository.
    fn both(&self, name: &str, text: &str) {
        let file = format!("policies/{name}.yaml");
        self.platform.git.write(&file, text).unwrap();
        wait_for("the cluster takes it", SOON, || {
            let applied = self.kubectl(&["apply", "--server-side", "-f", "-"], text);
            match applied.status.success() {
                true => Ok(()),
                false => {
                    let told = String::from_utf8_lossy(&applied.stderr).into_owned();
                    // What time does not mend.
                    assert!(!told.contains(" is invalid: "), "{told}");
                    Err(told)
                }
            }
        });
    }

    fn kubectl(&self, arguments: &[&str], input: &str) -> Output {
        self.kubectl_in(&self.namespace, arguments, input)
    }

    fn kubectl_in(&self, namespace: &str, arguments: &[&str], input: &str) -> Output {
        use std::io::Write as _;
        let mut child = self
            .platform
            .kubectl
            .command(arguments)
            .args(["--namespace", namespace])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl runs");
        let mut stdin = child.stdin.take().expect("it is piped");
        let input = input.to_owned();
        let fed = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().expect("kubectl ends");
        fed.join().expect("it is fed").expect("all of it");
        output
    }

    /// What the API server says of the objects: a line for what it denies an object with, which is
    /// the first of several, and one for each warning.
    fn of_server(&self, objects: &str) -> BTreeSet<String> {
        let sent = self.kubectl(&["create", "--dry-run=server", "-f", "-"], objects);
        let told = String::from_utf8(sent.stderr).expect("UTF-8");
        let lines = told.lines().map(|line| {
            let (before, rest) = line.split_once("ValidatingAdmissionPolicy '").expect(line);
            let (policy, rest) = rest.split_once("' with binding '").expect(line);
            let (binding, rest) = rest.split_once('\'').expect(line);
            let message = rest.trim_start_matches(" denied request");
            let message = message.trim_start_matches(": ");
            let what = match before.strip_suffix("\" is forbidden: ") {
                Some(before) => before.rsplit('"').next().expect("the object's name"),
                None => WARNING,
            };
            format!("{what}: {policy}/{binding}: {message}")
        });
        lines.collect()
    }

    /// The same as `trimtab check` tells it, with all that an object is denied with.
    fn of_plugin(&self, objects: &str) -> BTreeSet<String> {
        let file = format!("{KIT}/objects.yaml");
        self.platform.git.write(&file, objects).unwrap();
        let mut told = BTreeSet::new();
        for finding in self.check() {
            let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
            let (rule, severity, message) = (text("rule"), text("severity"), text("message"));
            // What is not in the repository is not in the cluster either.
            if rule == "cel-validate/params" {
                continue;
            }
            if rule != "cel-validate/validation" {
                assert!(severity != "error", "{finding}");
                continue;
            }
            let end = message.rfind(BY).expect(&message);
            let (message, by) = message.split_at(end);
            let by = by.trim_start_matches(BY).trim_end_matches(')');
            let (policy, binding) = by.split_once(", binding ").expect(by);
            let name = finding["object"]["name"].as_str();
            let what = match severity.as_str() {
                "error" => name.expect("it is about an object"),
                "warning" => WARNING,
                _ => continue,
            };
            told.insert(format!("{what}: {policy}/{binding}: {message}"));
        }
        told
    }

    fn check(&self) -> Vec<Value> {
        let told = self.trimtab(&["check", "--output", "json"]);
        told["findings"].as_array().cloned().expect("findings")
    }

    /// What it prints as JSON.
    fn trimtab(&self, arguments: &[&str]) -> Value {
        let folder = self.platform.git.folder();
        let file = self.platform.repository_file();
        std::fs::copy(file, folder.join("repository.yaml")).expect("copied");
        let printed = std::process::Command::new(env!("CARGO_BIN_EXE_trimtab"))
            .args(arguments)
            .current_dir(folder)
            .output()
            .expect("trimtab runs");
        let stderr = String::from_utf8_lossy(&printed.stderr);
        serde_json::from_slice(&printed.stdout).expect(&stderr)
    }

    /// A text of the tests, for this platform.
    fn named(&self, text: &str) -> String {
        text.replace("PREFIX", &self.platform.name)
            .replace("NAMESPACE", &self.namespace)
    }
}

/// Of the kinds of the test's own group, and for one object of them.
fn policy(name: &str, group: &str, object: &str, expression: &str) -> String {
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [{"apiGroups": [group], "apiVersions": ["*"],
                "operations": ["CREATE"], "resources": ["*"], "resourceNames": [object]}]},
            "validations": [{"expression": expression}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    });
    format!("{policy}\n---\n{binding}\n---\n")
}

/// Waits until the API server has heard of all policies, and says the same.
fn same(admission: &Admission, objects: &str, expected: &BTreeSet<String>) {
    wait_for("the API server says the same", IN_FORCE, || {
        let found = admission.of_server(objects);
        let denied = |line: &str| line.split(": ").next() != Some(WARNING);
        let object = |line: &str| line.split(": ").next().map(str::to_owned);
        let here: BTreeSet<_> = expected.iter().map(|it| object(it)).collect();
        let there: BTreeSet<_> = found.iter().map(|it| object(it)).collect();
        // Of several that deny an object, the API server tells one.
        let missed = expected
            .difference(&found)
            .filter(|it| !denied(it) || !there.contains(&object(it)))
            .map(|it| format!("plugin alone: {it}"));
        let more = found
            .difference(expected)
            .map(|it| format!("server alone: {it}"));
        let others: Vec<String> = missed.chain(more).collect();
        assert!(here.len() > 1, "{expected:#?}");
        match others.is_empty() {
            true => Ok(()),
            false => Err(others.join("\n")),
        }
    });
}

#[test]
fn an_expression_says_of_an_object_what_the_api_server_says() {
    let admission = Admission::new("cel-validate");
    let name = &admission.platform.name;
    let group = format!("{name}.example.org");
    let mut kind = definition(&group, "anythings", "Anything");
    // Its spec is kept as it is.
    kind["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["x-kubernetes-preserve-unknown-fields"] =
        json!(true);
    admission.both("crd", &kind.to_string());
    let expressions = |text: &'static str| {
        let lines = text.lines().map(str::trim);
        lines.filter(|it| !it.is_empty() && !it.starts_with("//"))
    };
    let (mut policies, mut objects) = (String::new(), String::new());
    let numbered = expressions(TRUE).chain(expressions(WRONG)).enumerate();
    for (number, expression) in numbered {
        let (case, object) = (format!("{name}-{number}"), format!("web-{number}"));
        policies += &policy(&case, &group, &object, expression);
        let object = json!({
            "apiVersion": format!("{group}/v1"), "kind": "Anything",
            "metadata": {"name": object, "namespace": admission.namespace,
                "labels": {"app": "web", "tier": "front"}},
            "spec": {"replicas": 3, "ratio": 0.5, "ports": [80, 443], "none": null,
                "containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y"}]},
        });
        objects += &format!("{object}\n---\n");
    }
    admission.both("policies", &policies);
    let expected = admission.of_plugin(&objects);
    same(&admission, &objects, &expected);
    assert_eq!(expected.len(), expressions(WRONG).count(), "{expected:#?}");
}

#[test]
fn a_policy_says_of_an_object_what_the_api_server_says() {
    let admission = Admission::new("cel-validate");
    let (policies, objects) = VALIDATION.split_once("# Objects").expect("both are there");
    admission.both("policies", &admission.named(policies));
    let objects = admission.named(objects);
    let expected = admission.of_plugin(&objects);
    assert!(expected.len() > 8, "{expected:#?}");
    same(&admission, &objects, &expected);
}

#[test]
fn an_object_has_the_fields_that_the_api_server_gives_it() {
    let admission = Admission::new("cel-validate");
    let (policies, objects) = FIELDS.split_once("# Objects").expect("both are there");
    admission.both("policies", &admission.named(policies));
    let objects = admission.named(objects);
    let expected = admission.of_plugin(&objects);
    let documents = objects.split("\n---\n").count();
    assert_eq!(expected.len(), documents, "{expected:#?}");
    same(&admission, &objects, &expected);
}
