//! Kits of Kustomize and Helm, live.

use std::time::Duration;

use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, config_map, ready};

const SHOP: &str = "kits/acme/shop";
const WEB: &str = "kits/rival/web";
/// Compiling both renderers takes a minute in a debug build, on a machine that does nothing else.
const COMPILED: Duration = Duration::from_secs(300);

#[test]
fn kits_of_kustomize_and_helm_go_live_and_follow_what_they_read_wherever_that_is() {
    let mut platform = Platform::new(&[]);
    let git = &platform.git;
    let overlay = "resources: [../../../base]\nnamePrefix: my-\n";
    git.write(&format!("{SHOP}/kustomization.yaml"), overlay)
        .unwrap();
    git.write("base/kustomization.yaml", "resources: [config.yaml]\n")
        .unwrap();
    git.write("base/config.yaml", config_map("shop", "a"))
        .unwrap();
    let kit = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: web}\nspec:\n  helm:\n    chart: /charts/web\n    values: {key: a}\n";
    git.write(&format!("{WEB}/kit.yaml"), kit).unwrap();
    let chart = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
    git.write("charts/web/Chart.yaml", chart).unwrap();
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  key: {{ .Values.key }}\n";
    git.write("charts/web/templates/config.yaml", template)
        .unwrap();
    git.write("base/README.md", "a base").unwrap();
    let first = git.commit("both").unwrap();
    platform.start();
    wait_for("the renderers are compiled", COMPILED, || {
        let kits = [platform.kit(SHOP), platform.kit(WEB)];
        match kits.iter().all(|kit| ready(kit)["reason"] == "Applied") {
            true => Ok(()),
            false => Err(kits.map(|kit| ready(&kit).to_string()).join("\n")),
        }
    });
    platform.until_kit(SHOP, "Applied", &first);
    platform.until_kit(WEB, "Applied", &first);
    let key = |company: &str, object: &str| {
        let live = platform.get(company, object).unwrap_or_default();
        live["data"]["key"].clone()
    };
    assert_eq!(key("acme", "configmap/my-shop"), "a");
    assert_eq!(key("rival", "configmap/web"), "a");

    // The base lies outside of the kit, and is of this kit alone.
    platform
        .git
        .edit("base/config.yaml", "key: a", "key: b")
        .unwrap();
    let second = platform.git.commit("another value").unwrap();
    platform.until_kit(SHOP, "Applied", &second);
    assert_eq!(key("acme", "configmap/my-shop"), "b");
    let web = platform.kit(WEB);
    assert_eq!(web["status"]["applied"]["revision"], first.as_str());

    // What no kit reads is none of theirs.
    platform.git.write("base/README.md", "other words").unwrap();
    let third = platform.git.commit("words").unwrap();
    wait_for("the third revision is taken up", SOON, || {
        let seen = platform.repository()["status"]["revision"]["revision"].clone();
        match seen == third.as_str() {
            true => Ok(()),
            false => Err(seen.to_string()),
        }
    });
    let evaluated = platform.logs();
    let last = evaluated
        .iter()
        .rfind(|it| it["message"] == "evaluated")
        .expect("it was");
    assert_eq!(last["started"], 0, "{last}");

    // A template that cannot be rendered stops its kit, at its file; what is live stays.
    platform
        .git
        .edit(
            "charts/web/templates/config.yaml",
            ".Values.key",
            "randAlpha 8",
        )
        .unwrap();
    let fourth = platform
        .git
        .commit("a secret that nobody can make again")
        .unwrap();
    let kit = platform.until_kit(WEB, "Refused", &fourth);
    let found = Platform::findings(&kit);
    assert_eq!(found[0].0, "trimtab/render-impure", "{found:?}");
    assert_eq!(key("rival", "configmap/web"), "a");
}
