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

#[test]
fn kits_that_take_all_that_a_render_may_take_delay_no_other() {
    let mut platform = Platform::new(&[]);
    let template = |platform: &Platform, name: &str, text: &str| {
        let path = |file: &str| format!("kits/rival/{name}/{file}");
        let chart = format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n");
        platform.git.write(&path("Chart.yaml"), chart).unwrap();
        platform.git.write(&path("templates/a.yaml"), text).unwrap();
    };
    for (kit, name) in [("web", "web"), ("shop", "shop"), ("shop", "passed")] {
        let path = format!("kits/acme/{kit}/{name}.yaml");
        platform.git.write(&path, config_map(name, "a")).unwrap();
    }
    template(&platform, "one", &config_map("one", "a"));
    let first = platform.git.commit("all are quick").unwrap();
    platform.start();
    wait_for("the renderer is compiled", COMPILED, || {
        let kit = platform.kit("kits/rival/one");
        match ready(&kit)["reason"] == "Applied" {
            true => Ok(()),
            false => Err(ready(&kit).to_string()),
        }
    });
    platform.until_kit("kits/acme/shop", "Applied", &first);
    let endless = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}";
    ["one", "other", "third"].map(|name| template(&platform, name, endless));
    let web = config_map("web", "b");
    platform.git.write("kits/acme/web/web.yaml", web).unwrap();
    // It may be that one of them has it now.
    let passed = "kits/acme/shop/passed.yaml";
    platform.git.git(&["rm", "-qf", passed]).unwrap();
    let second = platform.git.commit("endless").unwrap();
    platform.until_kit("kits/acme/web", "Applied", &second);
    let held = wait_for("all are held", COMPILED, || {
        let kits = ["one", "other", "third"].map(|it| platform.kit(&format!("kits/rival/{it}")));
        match kits.iter().all(|it| ready(it)["reason"] == "Refused") {
            true => Ok(kits),
            false => Err(kits.map(|it| ready(&it).to_string()).join("\n")),
        }
    });
    for kit in &held {
        let found = Platform::findings(kit);
        assert_eq!(found[0].0, "trimtab/render-fuel", "{found:?}");
    }
    // The other kit was live before any of them had come to its end, and so was nothing deleted.
    let logs = platform.logs();
    let told: Vec<(&str, &str)> = logs
        .iter()
        .filter(|it| it["message"] == "kit" && it["revision"] == second[..7].to_owned())
        .filter_map(|it| Some((it["kit"].as_str()?, it["outcome"].as_str()?)))
        .collect();
    let first = |kit: &str, outcome: &str| {
        let is = |it: &&(&str, &str)| it.0.starts_with(kit) && it.1.contains(outcome);
        told.iter()
            .position(|it| is(&it))
            .unwrap_or_else(|| panic!("{kit} {outcome}: {told:?}"))
    };
    let refused = first("kits/rival", "refused");
    assert!(first("kits/acme/web", "1 changed") < refused, "{told:?}");
    assert!(first("kits/acme/shop", "1 deleted") > refused, "{told:?}");
    wait_for("what nobody has is gone", SOON, || {
        match platform.get("acme", "configmap/passed") {
            None => Ok(()),
            Some(left) => Err(left.to_string()),
        }
    });
}
