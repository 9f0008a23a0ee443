//! What plugins are given where they are named: settings, data, fuel.

use trimtab_harness::component::digest;
use trimtab_harness::root;

use crate::{folder, text, trimtab};

const SERVICE: &str =
    "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec:\n  ports:\n  - port: 8080\n";

/// A kit `shop` with this `plugins` in its kit.yaml, and a Repository with this spec.
fn platform(plugins: &str, spec: &str) -> tempfile::TempDir {
    let kit = format!(
        "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {{name: shop}}\nspec:\n  plugins:\n{plugins}"
    );
    let repository = format!(
        "apiVersion: trimtab.io/v1alpha1\nkind: Repository\nmetadata: {{name: platform}}\nspec:\n  url: file:///\n  kits: [{{path: '*', namespace: acme}}]\n{spec}"
    );
    let files = [
        ("shop/kit.yaml", &kit[..]),
        ("shop/service.yaml", SERVICE),
        ("trimtab.yaml", &repository),
    ];
    let folder = folder(&files);
    std::fs::create_dir_all(folder.path().join("rules")).expect("made");
    for component in ["port-policy", "guest-given"] {
        let built = root().join(format!("target/components/{component}.wasm"));
        std::fs::copy(built, folder.path().join(format!("rules/{component}.wasm")))
            .expect("`cargo xtask test` has built the components");
    }
    folder
}

fn guardrail(package: &str, more: &str) -> String {
    let built = root().join(format!("target/components/{package}.wasm"));
    let digest = digest(&built).expect("a digest");
    format!("  guardrails:\n  - path: rules/{package}.wasm\n    digest: {digest}\n{more}")
}

fn checked(folder: &tempfile::TempDir) -> String {
    let output = trimtab(folder.path(), &["check"]);
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn settings_that_the_schema_does_not_have_are_told_at_their_line() {
    let plugins = "  - path: /rules/port-policy.wasm\n    settings:\n      service:\n        allow: 80\n      sevice: {}\n";
    let told = checked(&platform(plugins, ""));
    assert!(told.contains("--> shop/kit.yaml:9:16"), "{told}");
    assert!(told.contains("unknown field \"sevice\""), "{told}");
    assert!(told.contains("--> shop/kit.yaml:10:"), "{told}");
    assert!(told.contains("2 errors"), "{told}");
}

#[test]
fn settings_of_a_guardrail_are_told_at_their_field_of_the_repository() {
    let spec = guardrail("port-policy", "    settings: {service: {allow: [true]}}\n");
    let folder = platform("    []\n", &spec);
    let output = trimtab(folder.path(), &["check", "--output", "json"]);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let finding = &told["findings"][0];
    assert_eq!(finding["rule"], "trimtab/plugin-settings", "{told}");
    assert_eq!(
        finding["field"],
        "/spec/guardrails/0/settings/service/allow/0"
    );
}

#[test]
fn a_plugin_reads_the_files_that_it_is_given_and_is_told_the_version() {
    let plugins = "  - path: /rules/guest-given.wasm\n    data: [/policies, lock.json]\n";
    let folder = platform(plugins, "  kubernetesVersion: '1.34'\n");
    let write = |path: &str, content: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, content).expect("written");
    };
    write("policies/b.yaml", "---\nb: 1\n---\nb: 0644\n");
    write("policies/deep/a.yml", "# first\na: yes\n");
    write("policies/README.md", "not data");
    write("shop/lock.json", "{\"lock\": {}}");
    write("shop/.trimtabignore", "lock.json\n");
    let told = checked(&folder);
    let expected = "Kubernetes 1.34: policies/b.yaml:2={\"b\":1}, policies/b.yaml:4={\"b\":420}, policies/deep/a.yml:2={\"a\":true}, shop/lock.json:1={\"lock\":{}}";
    assert!(told.contains(expected), "{told}");
    // What cannot be read stops the kit, at its place.
    write("policies/b.yaml", "b: [\n");
    let told = checked(&folder);
    assert!(told.contains("error[trimtab/plugin-data]"), "{told}");
    assert!(told.contains("--> policies/b.yaml:"), "{told}");
    std::fs::remove_dir_all(folder.path().join("policies")).expect("removed");
    let told = checked(&folder);
    assert!(told.contains("policies is not in the repository"), "{told}");
    assert!(told.contains("--> shop/kit.yaml:7:12"), "{told}");
}

#[test]
fn the_platform_team_says_what_a_plugin_may_spend() {
    let spec = guardrail(
        "port-policy",
        "    fuel: 1000000\n    settings: {service: {allow: ['1024-9999']}}\n",
    );
    let folder = platform("    []\n", &spec);
    let many: String = (0..200)
        .map(|n| format!("---\n{}", SERVICE.replace("shop", &format!("shop-{n}"))))
        .collect();
    std::fs::write(folder.path().join("shop/service.yaml"), many).expect("written");
    let told = checked(&folder);
    assert!(
        told.contains("error[trimtab/plugin-fuel]") && told.contains("1000000"),
        "{told}"
    );
    let text = std::fs::read_to_string(folder.path().join("trimtab.yaml")).expect("read");
    let dear = text.replace("fuel: 1000000", "fuel: 500000000");
    std::fs::write(folder.path().join("trimtab.yaml"), dear).expect("written");
    assert!(checked(&folder).contains("0 errors"));
    let wrong = text.replace("fuel: 1000000", "fuel: 1");
    std::fs::write(folder.path().join("trimtab.yaml"), wrong).expect("written");
    assert!(checked(&folder).contains("a budget of fuel is from"));
}
