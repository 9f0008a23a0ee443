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
fn kits_that_take_long_to_render_stand_as_they_were_and_delay_no_other() {
    let mut platform = Platform::new(&[]);
    let write = |platform: &Platform, path: &str, text: &str| {
        platform.git.write(path, text).unwrap();
    };
    let chart = |platform: &Platform, kit: &str, template: &str| {
        let chart = "apiVersion: v2\nname: chart\nversion: 1.0.0\n";
        write(platform, &format!("kits/{kit}/Chart.yaml"), chart);
        write(platform, &format!("kits/{kit}/templates/a.yaml"), template);
    };
    let several = |objects: &[(&str, &str)]| {
        let texts = objects.iter().map(|(name, key)| config_map(name, key));
        texts.collect::<Vec<_>>().join("---\n")
    };
    let one = |name: &str, key: &str| config_map(name, key);
    write(&platform, "kits/acme/web/a.yaml", &one("web", "a"));
    write(&platform, "kits/acme/last/a.yaml", &one("last", "a"));
    let after = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: last}\nspec: {dependsOn: [kits/acme/long]}\n";
    write(&platform, "kits/acme/last/kit.yaml", after);
    let shop = several(&[("shop", "a"), ("passed", "a"), ("gone", "a")]);
    write(&platform, "kits/acme/shop/a.yaml", &shop);
    let many: Vec<String> = (0..8).map(|it| format!("m{it}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|it| (it.as_str(), "a")).collect();
    write(&platform, "kits/acme/many/a.yaml", &several(&many));
    chart(
        &platform,
        "acme/long",
        &several(&[("long", "a"), ("taken", "a")]),
    );
    chart(&platform, "rival/one", &one("one", "a"));
    chart(&platform, "rival/other", &one("other", "a"));
    let first = platform.git.commit("all are quick").unwrap();
    platform.start();
    wait_for("the renderer is compiled", COMPILED, || {
        let kit = platform.kit("kits/acme/last");
        match ready(&kit)["reason"] == "Applied" {
            true => Ok(()),
            false => Err(ready(&kit).to_string()),
        }
    });
    for kit in [
        "acme/shop",
        "acme/web",
        "acme/many",
        "rival/one",
        "rival/other",
    ] {
        platform.until_kit(&format!("kits/{kit}"), "Applied", &first);
    }
    let uid = |name: &str| {
        let object = platform.get("acme", &format!("configmap/{name}"));
        object.map(|it| it["metadata"]["uid"].clone())
    };
    let before = [uid("passed"), uid("taken")];
    assert!(before.iter().all(Option::is_some));

    // Two never end; one ends after a while, and exchanges objects with a kit that is quick.
    let endless = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}";
    chart(&platform, "rival/one", endless);
    chart(&platform, "rival/other", endless);
    let long = "{{ range until 2000 }}{{ range until 2000 }}{{ end }}{{ end }}";
    let long = format!("{long}{}", several(&[("long", "b"), ("passed", "b")]));
    chart(&platform, "acme/long", &long);
    let shop = several(&[("shop", "b"), ("taken", "b")]);
    write(&platform, "kits/acme/shop/a.yaml", &shop);
    write(&platform, "kits/acme/web/a.yaml", &one("web", "b"));
    write(&platform, "kits/acme/many/a.yaml", &one("m0", "b"));
    write(&platform, "kits/acme/last/a.yaml", &one("last", "b"));
    let second = platform.git.commit("some take long").unwrap();
    platform.until_kit("kits/acme/web", "Applied", &second);
    let held = wait_for("they are held", COMPILED, || {
        let kits = ["one", "other"].map(|it| platform.kit(&format!("kits/rival/{it}")));
        match kits.iter().all(|it| ready(it)["reason"] == "Refused") {
            true => Ok(kits),
            false => Err(kits.map(|it| ready(&it).to_string()).join("\n")),
        }
    });
    for kit in &held {
        let found = Platform::findings(kit);
        assert_eq!(found[0].0, "trimtab/render-fuel", "{found:?}");
        assert_eq!(kit["status"]["applied"]["revision"], first.as_str());
    }
    for kit in ["long", "shop", "last"] {
        platform.until_kit(&format!("kits/acme/{kit}"), "Applied", &second);
    }
    // What one gave to the other has never been deleted, and what nobody has is gone.
    assert_eq!([uid("passed"), uid("taken")], before);
    wait_for("what nobody has is gone", SOON, || match uid("gone") {
        None => Ok(()),
        Some(left) => Err(left.to_string()),
    });
    let summary = wait_for("all of it is told", SOON, || {
        let status = platform.repository()["status"].clone();
        match status["summary"] == "4 of 7 ready, 3 refused" {
            true => Ok(status),
            false => Err(status.to_string()),
        }
    });
    assert_eq!(summary["revision"]["revision"], second.as_str());

    // Its budget of deletions was looked at before anything of it was sent.
    let many = platform.until_kit("kits/acme/many", "Refused", &second);
    let found = Platform::findings(&many);
    assert_eq!(found[0].0, "trimtab/deletion-budget", "{found:?}");
    let left = platform.get("acme", "configmap/m0").unwrap();
    assert_eq!(left["data"]["key"], "a");

    let logs = platform.logs();
    let told: Vec<(&str, &str)> = logs
        .iter()
        .filter(|it| it["message"] == "kit" && it["revision"] == second[..7])
        .filter_map(|it| Some((it["kit"].as_str()?, it["outcome"].as_str()?)))
        .collect();
    let at = |kit: &str, outcome: &str| {
        let is = |it: &(&str, &str)| it.0.ends_with(kit) && it.1.contains(outcome);
        let found = told.iter().position(is);
        found.unwrap_or_else(|| panic!("{kit} {outcome}: {told:?}"))
    };
    // The quick one was live before any of the others had come to its end, and who depends on one
    // that is late comes after it.
    assert!(at("acme/web", "live") < at("acme/long", "live"), "{told:?}");
    assert!(
        at("acme/web", "live") < at("rival/one", "refused"),
        "{told:?}"
    );
    assert!(
        at("acme/long", "live") < at("acme/last", "live"),
        "{told:?}"
    );
    // Nobody was refused for what is only on its way.
    let refused = |it: &&(&str, &str)| it.0.contains("acme") && it.1.contains("refused");
    let mut refused = told.iter().filter(refused);
    assert!(refused.all(|it| it.0 == "kits/acme/many"), "{told:?}");
}
