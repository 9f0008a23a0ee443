//! `--values`: what the cluster would say, without one. As docs/variables.md has it.

use serde_json::Value;
use trimtab_harness::root;

use crate::{folder, text, trimtab};

const REPOSITORY: &str = "apiVersion: trimtab.io/v1alpha1
kind: Repository
metadata: {name: platform}
spec:
  url: file:///
  kits: [{path: 'kits/*', namespace: acme}]
  values:
  - {name: cluster, configMapRef: {name: cluster-vars}}
  - {name: shop-keys, secretRef: {name: shop-keys}}
";

/// The kit and the object of the page.
fn example(number: usize) -> String {
    let page = std::fs::read_to_string(root().join("docs/variables.md")).expect("the page");
    let block = page.split("```yaml\n").nth(number).expect("an example");
    block.split("```").next().unwrap_or_default().to_owned()
}

#[test]
fn the_example_of_the_page_renders_with_the_values_that_are_given_and_says_which_are_missing() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: shop-keys}\nstringData: {password: hunter22}\n";
    let folder = folder(&[
        ("trimtab.yaml", REPOSITORY),
        ("kits/shop/kit.yaml", &example(2)),
        ("kits/shop/shop.yaml", &example(3)),
        ("cluster.yaml", "replicas: 3\n"),
        ("keys.yaml", secret),
        (".gitignore", ""),
    ]);
    let cluster = ["--values", "cluster=cluster.yaml"];
    let keys = ["--values", "shop-keys=keys.yaml"];
    let arguments = [&["render", "--output", "json"][..], &cluster, &keys].concat();
    let output = trimtab(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let objects: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(objects[0]["metadata"]["name"], "shop-front");
    assert_eq!(objects[0]["spec"]["replicas"], 3);

    let output = trimtab(folder.path(), &[&["check"][..], &cluster].concat());
    assert_eq!(output.status.code(), Some(1));
    let printed = text(&output.stdout);
    assert!(
        printed.contains("error[trimtab/values-missing]"),
        "{printed}"
    );
    assert!(printed.contains("--> kits/shop/kit.yaml:7:"), "{printed}");
    assert!(printed.contains("--values shop-keys=FILE"), "{printed}");

    let unknown = trimtab(folder.path(), &["check", "--values", "other=cluster.yaml"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("there are cluster, shop-keys"));
}
