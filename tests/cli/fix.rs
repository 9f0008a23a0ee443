//! `trimtab check --fix`.

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::plugins::component;
use crate::{folder, text, trimtab};

const KIT: &str = "\
apiVersion: trimtab.io/v1alpha1
kind: Kit
metadata: {name: shop}
spec:
  plugins:
  - path: /rules/port-policy.wasm
    settings:
      service: {allow: [\"8000-8999\"]}
  - path: /rules/probes.wasm
";
const REPOSITORY: &str = "\
apiVersion: trimtab.io/v1alpha1
kind: Repository
metadata: {name: platform}
spec:
  url: https://git.example.org/platform
  kits:
  - path: kits/{kit}
    namespace: \"{kit}\"
";
/// Written by hand: a list that is not indented, comments, quotes, another list that is.
const SHOP: &str = "\
# The shop.
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop} # no namespace
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
      - name: shop
        image: 'example.org/shop:1' # the only one
        ports:
          - containerPort: 8080

---
apiVersion: v1
kind: Service
metadata:
  name: shop
spec:
  selector: {app: shop}
  ports:
  - {port: 80, targetPort: 8080} # for people
";
const PROBE: &str = "        readinessProbe:\n          tcpSocket:\n            port: 8080\n";

fn fixed() -> String {
    let shop = SHOP.replace(
        "containerPort: 8080\n",
        &format!("containerPort: 8080\n{PROBE}"),
    );
    shop.replace("{port: 80,", "{port: 8000,")
}

fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = folder(&[
        ("trimtab.yaml", REPOSITORY),
        ("kits/shop/kit.yaml", KIT),
        ("rules/.keep", ""),
    ]);
    for plugin in ["port-policy", "probes", "common-labels"] {
        let to = folder.path().join(format!("rules/{plugin}.wasm"));
        std::fs::copy(component(plugin), to).expect("a component");
    }
    for (path, content) in files {
        std::fs::write(folder.path().join(path), content).expect("written");
    }
    folder
}

fn read(folder: &Path, path: &str) -> String {
    std::fs::read_to_string(folder.join(path)).expect("a file")
}

#[test]
fn what_rules_propose_is_written_and_nothing_else_changes() {
    let folder = repository(&[("kits/shop/shop.yaml", SHOP)]);
    let before = trimtab(folder.path(), &["check"]);
    assert_eq!(before.status.code(), Some(1), "{}", text(&before.stdout));

    let done = trimtab(folder.path(), &["check", "--fix"]);
    let printed = text(&done.stdout);
    assert_eq!(done.status.code(), Some(0), "{printed}");
    assert_eq!(read(folder.path(), "kits/shop/shop.yaml"), fixed());
    let line =
        "fixed: kits/shop/shop.yaml:24: /spec/ports/0/port to 8000 [port-policy/service-port]\n";
    assert!(printed.contains(line), "{printed}");
    assert!(
        printed.contains("2 findings fixed, 0 with a proposal not fixed"),
        "{printed}"
    );
    assert!(printed.contains("1 kit checked: 0 errors"), "{printed}");

    let again = trimtab(folder.path(), &["check", "--fix", "-o", "json"]);
    let told: Value = serde_json::from_slice(&again.stdout).expect("JSON");
    assert_eq!(told["fixed"], Value::Array(Vec::new()));
}

#[test]
fn a_dry_run_is_a_patch_that_git_takes_and_writes_nothing() {
    let folder = repository(&[("kits/shop/shop.yaml", SHOP)]);
    let shown = trimtab(folder.path(), &["check", "--fix", "--dry-run"]);
    assert_eq!(shown.status.code(), Some(1));
    assert_eq!(read(folder.path(), "kits/shop/shop.yaml"), SHOP);
    let mut git = Command::new("git")
        .args(["apply", "-"])
        // It would look for a repository around the folder.
        .env("GIT_DIR", "/nonexistent")
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .spawn()
        .expect("git");
    let mut input = git.stdin.take().expect("piped");
    input.write_all(&shown.stdout).expect("written");
    drop(input);
    assert!(git.wait().expect("git ends").success());
    assert_eq!(read(folder.path(), "kits/shop/shop.yaml"), fixed());
}

#[test]
fn what_cannot_be_written_safely_is_told_with_its_place_and_why() {
    let service = |name: &str, port: &str| {
        format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec:\n{port}---\n")
    };
    let shared = service("shared", "  ports: [{port: &p 80, targetPort: *p}]\n");
    let fine = service("fine", "  ports: [{port: 80, targetPort: 8080}] # c\n");
    let folder = repository(&[("kits/shop/services.yaml", &format!("{shared}{fine}"))]);
    let done = trimtab(folder.path(), &["check", "--fix"]);
    let printed = text(&done.stdout);
    assert_eq!(
        done.status.code(),
        Some(1),
        "the shared one is left: {printed}"
    );
    let line = "not fixed: kits/shop/services.yaml:5: /spec/ports/0/port to 8000 \
        [port-policy/service-port]: an anchor and its aliases share the value";
    assert!(printed.contains(line), "{printed}");
    let fine = fine.replace("port: 80,", "port: 8000,");
    assert_eq!(
        read(folder.path(), "kits/shop/services.yaml"),
        format!("{shared}{fine}")
    );
}

#[test]
fn what_a_transformer_or_the_host_put_there_is_not_looked_for_in_the_file() {
    let grants = REPOSITORY.replace("\"{kit}\"", "other\n    allowedNamespaces: [acme]");
    let settings = "service: {allow: [\"8000-8999\"]}";
    let kit = KIT
        .replace("port-policy", "common-labels")
        .replace(settings, "labels: {a: b}");
    let own = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own, namespace: 'elsewhere'}\n";
    let none = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: none}\n";
    let folder = repository(&[
        ("trimtab.yaml", &grants),
        ("kits/shop/kit.yaml", &kit),
        ("kits/shop/own.yaml", own),
        ("kits/shop/none.yaml", none),
    ]);
    let done = trimtab(folder.path(), &["check", "--fix"]);
    let printed = text(&done.stdout);
    let written = own.replace("'elsewhere'", "'acme'");
    assert_eq!(
        read(folder.path(), "kits/shop/own.yaml"),
        written,
        "{printed}"
    );
    assert_eq!(read(folder.path(), "kits/shop/none.yaml"), none);
    let line = "not fixed: kits/shop/none.yaml:3: /metadata/namespace to acme";
    assert!(printed.contains(line), "{printed}");
}

#[test]
fn exempt_findings_are_left_and_secrets_are_not_shown() {
    let exemption = "  exemptions:\n  - {rule: port-policy/*, reason: known}\n";
    let exempting = format!("{REPOSITORY}{exemption}");
    let secret =
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {word: hunter2}\n";
    let shop = format!("{SHOP}{secret}");
    let folder = repository(&[("trimtab.yaml", &exempting), ("kits/shop/shop.yaml", &shop)]);
    let shown = trimtab(folder.path(), &["check", "--fix", "--dry-run"]);
    let patch = text(&shown.stdout);
    assert_eq!(
        patch,
        "# kits/shop/shop.yaml: 1 value; the file holds a Secret and is not shown\n"
    );
    trimtab(folder.path(), &["check", "--fix"]);
    let written = read(folder.path(), "kits/shop/shop.yaml");
    assert!(
        written.contains(PROBE) && written.contains("{port: 80,"),
        "{written}"
    );
}

#[test]
fn a_file_that_two_kits_have_by_a_link_is_written_once_and_the_link_stays() {
    let folder = repository(&[("kits/shop/shop.yaml", SHOP)]);
    let second = folder.path().join("kits/second");
    std::fs::create_dir(&second).expect("made");
    let kit = KIT.replace("name: shop", "name: second");
    std::fs::write(second.join("kit.yaml"), kit).expect("written");
    symlink("../shop/shop.yaml", second.join("shop.yaml")).expect("a link");
    let done = trimtab(folder.path(), &["check", "--fix"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stdout));
    assert_eq!(read(folder.path(), "kits/shop/shop.yaml"), fixed());
    assert!(second.join("shop.yaml").is_symlink());
}
