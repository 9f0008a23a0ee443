//! Charts of a chart repository and of a registry, live.

use std::process::Command;

use trimtab::sandbox::Digest;
use trimtab_harness::git::Fixture;
use trimtab_harness::site::{Answer, Site};

use super::{PLAIN, SHOP, Scene, WEB};
use crate::platform::{Platform, config_map};

/// A package, as `helm package` makes it.
fn packed(version: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let chart = folder.path().join("web");
    std::fs::create_dir_all(chart.join("templates")).unwrap();
    let about = format!("apiVersion: v2\nname: web\nversion: {version}\n");
    std::fs::write(chart.join("Chart.yaml"), about).unwrap();
    std::fs::write(chart.join("values.yaml"), "key: own\n").unwrap();
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\ndata: {key: '{{ .Values.key }} {{ .Chart.Version }}'}\n";
    std::fs::write(chart.join("templates/map.yaml"), template).unwrap();
    let tar = Command::new("tar")
        .current_dir(folder.path())
        .args(["-czf", "web.tgz", "web"])
        .status();
    assert!(tar.expect("tar is there").success());
    std::fs::read(folder.path().join("web.tgz")).unwrap()
}

/// The chart `web` in two versions, by a repository's index at `/charts` and by a registry.
fn site() -> Site {
    let packages = ["1.0.0", "1.1.0"].map(|version| (version, packed(version)));
    let manifests = packages.clone().map(|(version, package)| {
        let layer = serde_json::json!({
            "mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            "digest": Digest::of(&package).as_str(), "size": package.len(),
        });
        let manifest = serde_json::json!({"schemaVersion": 2, "layers": [layer]});
        (version, manifest.to_string())
    });
    Site::start(move |asked| {
        if asked.path == "/charts/index.yaml" {
            let versions = packages.iter().map(|(version, _)| {
                format!("  - {{version: {version}, urls: [web-{version}.tgz]}}\n")
            });
            let versions: String = versions.collect();
            return Answer::fine(format!("apiVersion: v1\nentries:\n  web:\n{versions}"));
        }
        let package = packages.iter().find(|(version, package)| {
            asked.path == format!("/charts/web-{version}.tgz")
                || asked.path == format!("/v2/oci/web/blobs/{}", Digest::of(package))
        });
        let manifest = manifests.iter().find(|(version, manifest)| {
            let digest = Digest::of(manifest.as_bytes());
            let name = asked.path.strip_prefix("/v2/oci/web/manifests/");
            name == Some(*version) || name == Some(digest.as_str())
        });
        match (package, manifest) {
            (Some((_, package)), _) => Answer::fine(package.clone()),
            (_, Some((_, manifest))) => Answer::fine(manifest.clone()),
            _ => Answer::status(404),
        }
    })
}

#[test]
fn charts_of_a_repository_and_of_a_registry_are_live_as_their_lock_pins_them() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let base = Fixture::new(&elsewhere.path().join("base")).expect("a repository");
    let site = site();
    let registry = format!("oci://{}/oci", site.at);
    let more = format!(", {{url: '{registry}'}}");
    let repository = format!("{}/charts", site.url());
    let mut scene = Scene::of(base, site, elsewhere, &more);
    let kit = |name: &str, helm: &str| {
        format!(
            "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {{name: {name}}}\nspec:\n  helm: {{{helm}, values: {{key: {name}}}}}\n"
        )
    };
    let git = &scene.platform.git;
    let of_repository = format!("chart: web, repository: '{repository}', version: 1.0.0");
    git.write(&format!("{SHOP}/kit.yaml"), kit("shop", &of_repository))
        .unwrap();
    let of_registry = format!("chart: '{registry}/web', version: 1.0.0");
    git.write(&format!("{WEB}/kit.yaml"), kit("web", &of_registry))
        .unwrap();
    git.write(&format!("{PLAIN}/a.yaml"), config_map("plain", "one"))
        .unwrap();
    scene.vendored(&[]);
    let first = scene.platform.git.commit("first").unwrap();
    scene.platform.start();
    scene.until_rendered([SHOP, WEB]);
    assert_eq!(scene.key("acme", "configmap/shop"), "shop 1.0.0");
    assert_eq!(scene.key("rival", "configmap/web"), "web 1.0.0");

    // A version that is not pinned stops its kit, at its line, and no other.
    let git = &scene.platform.git;
    git.edit(&format!("{SHOP}/kit.yaml"), "1.0.0", "1.1.0")
        .unwrap();
    git.edit(&format!("{PLAIN}/a.yaml"), "key: one", "key: two")
        .unwrap();
    let second = git.commit("second").unwrap();
    scene.platform.until_kit(PLAIN, "Applied", &second);
    let refused = scene.platform.until_kit(SHOP, "Refused", &second);
    let found = Platform::findings(&refused);
    assert_eq!(found[0].0, "trimtab/render-remote", "{found:?}");
    assert_eq!(found[0].1, format!("{SHOP}/kit.yaml:5"));
    assert_eq!(scene.key("acme", "configmap/shop"), "shop 1.0.0");
    scene.vendored(&[]);
    let third = scene.platform.git.commit("third").unwrap();
    scene.platform.until_kit(SHOP, "Applied", &third);
    assert_eq!(scene.key("acme", "configmap/shop"), "shop 1.1.0");
    assert_eq!(scene.applied(WEB), first);

    // With both places away, a host that starts anew has what they gave.
    scene.platform.kill();
    scene.site.be_away(true);
    let asked = scene.site.asked().len();
    let git = &scene.platform.git;
    git.edit(&format!("{WEB}/kit.yaml"), "key: web", "key: other")
        .unwrap();
    let fourth = git.commit("fourth").unwrap();
    scene.platform.start_without_file();
    scene.platform.until_kit(WEB, "Applied", &fourth);
    assert_eq!(scene.key("rival", "configmap/web"), "other 1.0.0");
    assert_eq!(scene.applied(SHOP), third);
    assert_eq!(scene.site.asked().len(), asked);
}
