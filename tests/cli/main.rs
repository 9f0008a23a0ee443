//! The command line as a person or a script meets it. Needs no cluster.

mod base;
mod ci;
mod fix;
mod import;
mod plugins;
mod values;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: shop\nspec:\n  ports:\n  - port: 80\n    port: 81\n";
const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop, namespace: acme}\ndata: {mode: '0644'}\n";

const KIT: &str = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: NAME}\n";

fn trimtab(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trimtab"));
    command
        .current_dir(folder)
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("KUBECONFIG", "/nonexistent");
    command.output().expect("trimtab runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, content) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, content).expect("written");
    }
    folder
}

#[test]
fn a_finding_is_printed_as_a_compiler_prints_it() {
    let folder = folder(&[("service.yaml", SERVICE)]);
    let output = trimtab(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(1));
    let printed = text(&output.stdout);
    let first =
        "error[trimtab/yaml]: the key \"port\" stands twice in one mapping, first on line 7\n";
    assert!(printed.starts_with(first), "{printed}");
    assert!(printed.contains("--> service.yaml:8:5"), "{printed}");
    assert!(printed.contains("help: remove one of the two"), "{printed}");
    assert!(
        printed.contains("1 kit checked: 1 error, 0 warnings"),
        "{printed}"
    );
}

#[test]
fn exit_codes_tell_fine_findings_usage_and_cannot_tell_apart() {
    let fine = folder(&[("config.yaml", CONFIG)]);
    assert_eq!(trimtab(fine.path(), &["check"]).status.code(), Some(0));
    let wrong = folder(&[("service.yaml", SERVICE)]);
    assert_eq!(trimtab(wrong.path(), &["check"]).status.code(), Some(1));
    assert_eq!(
        trimtab(fine.path(), &["check", "--kit", "nowhere"])
            .status
            .code(),
        Some(2)
    );
    assert_eq!(trimtab(fine.path(), &["chekc"]).status.code(), Some(2));
    let away = trimtab(fine.path(), &["status"]);
    assert_eq!(away.status.code(), Some(3));
    assert!(
        text(&away.stderr).starts_with("error: no cluster to talk to"),
        "{}",
        text(&away.stderr)
    );
}

#[test]
fn json_and_sarif_say_the_same_as_the_text() {
    let folder = folder(&[("service.yaml", SERVICE)]);
    let json: Value =
        serde_json::from_slice(&trimtab(folder.path(), &["check", "-o", "json"]).stdout)
            .expect("JSON");
    assert_eq!(json["summary"]["errors"], 1);
    assert_eq!(json["findings"][0]["origin"]["line"], 8);
    let sarif: Value =
        serde_json::from_slice(&trimtab(folder.path(), &["check", "-o", "sarif"]).stdout)
            .expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let result = &run["results"][0];
    assert_eq!(result["level"], "error");
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], result["ruleId"]);
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "service.yaml");
    assert_eq!(place["region"]["startLine"], 8);
}

#[test]
fn junit_has_a_suite_a_kit_and_a_failure_an_error() {
    let folder = folder(&[
        ("fine/kit.yaml", &KIT.replace("NAME", "fine")),
        ("fine/config.yaml", CONFIG),
        ("wrong/kit.yaml", &KIT.replace("NAME", "wrong")),
        ("wrong/service.yaml", SERVICE),
    ]);
    let checked = trimtab(folder.path(), &["check", "-o", "junit"]);
    assert_eq!(checked.status.code(), Some(1));
    let report = text(&checked.stdout);
    let xml = roxmltree::Document::parse(&report).expect("XML");
    let of = |tag: &'static str| xml.descendants().filter(move |it| it.has_tag_name(tag));
    let suites = of("testsuite").map(|it| (it.attribute("name"), it.attribute("failures")));
    let expected = [(Some("fine"), Some("0")), (Some("wrong"), Some("1"))];
    assert_eq!(suites.collect::<Vec<_>>(), expected, "{report}");
    let failure = of("failure").next().and_then(|it| it.text());
    let place = "wrong/service.yaml:8: error: the key \"port\" stands twice";
    assert!(failure.is_some_and(|it| it.starts_with(place)), "{report}");
}

#[test]
fn render_prints_what_would_be_applied_in_yaml_and_json() {
    let folder = folder(&[("config.yaml", CONFIG)]);
    let yaml = text(&trimtab(folder.path(), &["render"]).stdout);
    assert!(yaml.starts_with("---\n# config.yaml:1\n"), "{yaml}");
    assert!(
        yaml.contains("mode: \"0644\""),
        "a text stays a text: {yaml}"
    );
    let json: Value =
        serde_json::from_slice(&trimtab(folder.path(), &["render", "-o", "json"]).stdout)
            .expect("JSON");
    assert_eq!(json[0]["data"]["mode"], "0644");
}

#[test]
fn a_secrets_line_is_never_printed() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  word: hunter2\n  word: hunter3\n";
    let folder = folder(&[("secret.yaml", secret)]);
    for output in ["text", "json", "sarif", "junit"] {
        let printed = trimtab(folder.path(), &["check", "-o", output]);
        assert_eq!(printed.status.code(), Some(1));
        assert!(
            !text(&printed.stdout).contains("hunter"),
            "{}",
            text(&printed.stdout)
        );
    }
}

#[test]
fn every_shell_gets_its_completions_and_install_prints_what_kubectl_takes() {
    let folder = folder(&[]);
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&trimtab(folder.path(), &["completion", shell]).stdout);
        assert!(
            script.contains("trimtab") && script.contains("check"),
            "{shell}"
        );
    }
    let yaml = trimtab(
        folder.path(),
        &["install", "--image", "example.org/trimtab:1"],
    )
    .stdout;
    let limits = trimtab::manifest::Limits::default();
    let manifests = trimtab::manifest::read("install.yaml", &yaml, &limits).expect("objects");
    let kinds: Vec<String> = manifests
        .iter()
        .map(|manifest| manifest.gvk().kind.to_string())
        .collect();
    let expected = [
        "CustomResourceDefinition",
        "CustomResourceDefinition",
        "ClusterRole",
        "ClusterRole",
        "Namespace",
        "ServiceAccount",
        "ClusterRoleBinding",
        "Deployment",
        "Service",
    ];
    assert_eq!(kinds, expected);
    let with_door = ["install", "--image", "example.org/trimtab:1", "--admission"];
    let yaml = trimtab(folder.path(), &with_door).stdout;
    let manifests = trimtab::manifest::read("install.yaml", &yaml, &limits).expect("objects");
    assert_eq!(manifests.len(), expected.len() + 1);
    let [.., deployment, _, service] = &manifests[..] else {
        panic!("a Deployment and two Services");
    };
    let arguments = &deployment.object["spec"]["template"]["spec"]["containers"][0]["args"];
    assert!(arguments.to_string().contains("--admission"), "{arguments}");
    assert_eq!(
        service.key().to_string(),
        "Service trimtab-system/trimtab-admission"
    );
    // The host that acts says where it leads.
    assert_eq!(service.object["spec"].get("selector"), None);
}

#[test]
fn a_host_outside_of_a_pod_cannot_be_asked_through_the_api_server() {
    let folder = folder(&[]);
    let refused = trimtab(folder.path(), &["run", "--api"]);
    assert_eq!(refused.status.code(), Some(2));
    let words = text(&refused.stderr);
    assert!(
        words.contains("$POD_NAME") && words.contains("socket"),
        "{words}"
    );
}

#[test]
fn a_door_that_the_api_server_cannot_find_is_wrong_usage() {
    let folder = folder(&[]);
    let refused = trimtab(folder.path(), &["run", "--admission"]);
    assert_eq!(refused.status.code(), Some(2));
    let words = text(&refused.stderr);
    assert!(words.contains("--admission-url"), "{words}");
    let refused = trimtab(
        folder.path(),
        &["run", "--admission", "--admission-url", "http://a:1"],
    );
    assert_eq!(refused.status.code(), Some(2));
}
