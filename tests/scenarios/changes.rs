//! Rules over what a revision changes, against the revision that is live.

use serde_json::Value;
use trimtab_harness::wait_for;

use crate::manifests::kit_yaml;
use crate::platform::{Platform, SOON, config_map, ready};

const KIT: &str = "kits/acme/shop";
const FILE: &str = "kits/acme/shop/service.yaml";
const NOTES: (&str, &str) = (
    "changes",
    "{noted: [{for: {kinds: [Service]}, fields: ['/spec/ports/*/port']}]}",
);

fn service(port: u16, note: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: shop\n  annotations: {{change-note: '{note}'}}\nspec:\n  ports:\n  - name: http\n    port: {port}\n"
    )
}

fn port(platform: &Platform) -> Value {
    platform.get("acme", "service/shop").unwrap_or_default()["spec"]["ports"][0]["port"].clone()
}

#[test]
fn a_port_changes_only_with_a_note_whatever_was_tried_in_between() {
    let mut platform = Platform::new(&[NOTES]);
    let first = platform.start_with(&[(FILE, &service(6776, ""))]);
    // The first revision changes nothing.
    platform.until_kit(KIT, "Applied", &first);
    platform.git.write(FILE, service(5445, "")).unwrap();
    let second = platform.git.commit("another port").unwrap();
    let kit = platform.until_kit(KIT, "Refused", &second);
    let told = Platform::findings(&kit);
    let place = format!("{FILE}:9");
    assert!(
        told.iter()
            .any(|it| it.0 == "changes/noted" && it.1 == place),
        "{kit}"
    );
    assert_eq!(port(&platform), 6776);
    // The commit before it had that port as well; the live revision did not.
    platform
        .git
        .write(
            "kits/acme/shop/more.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n",
        )
        .unwrap();
    let third = platform.git.commit("more").unwrap();
    platform.until_kit(KIT, "Refused", &third);
    platform
        .git
        .write(FILE, service(5445, "the scanner has it, PLAT-7"))
        .unwrap();
    let fourth = platform.git.commit("with a note").unwrap();
    platform.until_kit(KIT, "Applied", &fourth);
    assert_eq!(port(&platform), 5445);
    // Against what is live now, nothing changes any more.
    kit_yaml(&platform, KIT, "  drift: report\n");
    let fifth = platform.git.commit("nothing of it").unwrap();
    platform.until_kit(KIT, "Applied", &fifth);
}

#[test]
fn a_host_that_starts_anew_compares_with_what_is_live_and_a_person_can_let_a_change_through() {
    let mut platform = Platform::new(&[NOTES]);
    let first = platform.start_with(&[(FILE, &service(6776, ""))]);
    platform.until_kit(KIT, "Applied", &first);
    platform.kill();
    platform.git.write(FILE, service(5445, "")).unwrap();
    let second = platform.git.commit("while the host was away").unwrap();
    platform.start();
    platform.until_kit(KIT, "Refused", &second);
    let asked = platform.trimtab(&["reconcile", KIT, "--allow-changes", &second[..7]]);
    assert!(
        asked.status.success(),
        "{}",
        String::from_utf8_lossy(&asked.stderr)
    );
    let kit = wait_for("the change is live", SOON, || {
        let kit = platform.kit(KIT);
        match ready(&kit)["reason"] == "Applied" && port(&platform) == 5445 {
            true => Ok(kit),
            false => Err(kit["status"].to_string()),
        }
    });
    let finding = &kit["status"]["findings"][0];
    assert_eq!(finding["rule"], "changes/noted");
    assert_eq!(finding["severity"], "info");
    assert!(
        finding["exempt"]
            .as_str()
            .is_some_and(|it| it.contains("allowChanges")),
        "{kit}"
    );
    // It holds for that revision alone.
    platform.git.write(FILE, service(7000, "")).unwrap();
    let third = platform.git.commit("once more").unwrap();
    platform.until_kit(KIT, "Refused", &third);
}

#[test]
fn a_live_revision_that_is_gone_stops_the_kit_until_a_person_says_that_the_change_is_meant() {
    let mut platform = Platform::new(&[NOTES]);
    let first = platform.start_with(&[(FILE, &service(6776, ""))]);
    platform.until_kit(KIT, "Applied", &first);
    platform.kill();
    std::fs::remove_dir_all(platform.repository_file().with_file_name("cache")).unwrap();
    platform.git.write(FILE, service(5445, "")).unwrap();
    platform
        .git
        .git(&["checkout", "--quiet", "--orphan", "new"])
        .unwrap();
    let second = platform.git.commit("history begins here").unwrap();
    platform
        .git
        .git(&["branch", "--quiet", "--force", "main", "new"])
        .unwrap();
    platform.start();
    let kit = platform.until_kit(KIT, "Refused", &second);
    let rules: Vec<String> = Platform::findings(&kit)
        .into_iter()
        .map(|it| it.0)
        .collect();
    assert_eq!(rules, ["trimtab/change-not-comparable"], "{kit}");
    assert_eq!(port(&platform), 6776);
    let asked = platform.trimtab(&["reconcile", KIT, "--allow-changes", &second]);
    assert!(
        asked.status.success(),
        "{}",
        String::from_utf8_lossy(&asked.stderr)
    );
    wait_for("the change is live", SOON, || match port(&platform) {
        port if port == 5445 => Ok(()),
        port => Err(port.to_string()),
    });
}

#[test]
fn what_a_kit_gives_up_with_a_change_that_is_let_through_goes_to_the_kit_that_takes_it_over() {
    let (moved, other) = ("kits/acme/shop/map.yaml", "kits/acme/other");
    let mut platform = Platform::new(&[NOTES]);
    let map = config_map("moved", "x");
    let first = platform.start_with(&[(FILE, &service(6776, "")), (moved, &map)]);
    platform.until_kit(KIT, "Applied", &first);
    platform.git.write(FILE, service(5445, "")).unwrap();
    std::fs::remove_file(platform.git.folder().join(moved)).unwrap();
    let there = format!("{other}/map.yaml");
    platform.git.write(&there, &map).unwrap();
    let second = platform
        .git
        .commit("a port, and a map to another kit")
        .unwrap();
    platform.until_kit(KIT, "Refused", &second);
    platform.until_kit(other, "Refused", &second);
    let asked = platform.trimtab(&["reconcile", KIT, "--allow-changes", &second]);
    assert!(asked.status.success());
    platform.until_kit(KIT, "Applied", &second);
    platform.until_kit(other, "Applied", &second);
    let label = "/metadata/labels/applyset.kubernetes.io~1part-of";
    let owner = |object: &str| {
        platform
            .get("acme", object)
            .unwrap()
            .pointer(label)
            .cloned()
    };
    assert_ne!(owner("configmap/moved"), owner("service/shop"));
}
