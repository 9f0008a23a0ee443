//! What is recorded of what people ask for: once, with its cause, also where no host acted.

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::asking::{recorded, told};
use crate::platform::{Platform, SOON, config_map};

const SHOP: &str = "kits/acme/shop";

fn does(platform: &Platform, arguments: &[&str]) {
    let output = platform.trimtab(arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {told}");
}

fn write(platform: &Platform, value: &str) -> String {
    let text = config_map("shop", value);
    let file = format!("{SHOP}/config.yaml");
    platform.git.write(&file, text).unwrap();
    platform.git.commit(value).unwrap()
}

fn patch(platform: &Platform, spec: &Value) {
    let patch = json!({"spec": spec}).to_string();
    let of = ["repositories.trimtab.io", "platform", "-n", &platform.name];
    let arguments = [&["patch"], &of[..], &["--type=merge", "-p", &patch]].concat();
    platform.kubectl.run(&arguments).unwrap();
}

/// Waits until the last record tells this, and gives what all of them tell.
fn until_last(
    platform: &Platform,
    kit: Option<&str>,
    last: (&str, &str, &str),
) -> Vec<(String, String, String)> {
    wait_for("it is recorded", SOON, || {
        let all: Vec<_> = recorded(platform, kit).iter().map(told).collect();
        let found = all.last().is_some_and(|(cause, outcome, revision)| {
            (cause.as_str(), outcome.as_str(), revision.as_str()) == last
        });
        match found {
            true => Ok(all),
            false => Err(format!("{all:#?}")),
        }
    })
}

fn until_good(platform: &Platform, revision: &str) {
    platform.until_kit(SHOP, "Applied", revision);
    until_last(platform, None, ("commit", "healthy", revision));
}

/// Two that are good, the second of them live.
fn two_revisions(platform: &mut Platform) -> [String; 2] {
    let first = write(platform, "a");
    platform.start();
    until_good(platform, &first);
    let second = write(platform, "b");
    until_good(platform, &second);
    [first, second]
}

#[test]
fn what_people_ask_of_the_platform_is_recorded_once_with_what_came_of_it() {
    let mut platform = Platform::new(&[]);
    let [first, second] = two_revisions(&mut platform);
    let evaluated = &recorded(&platform, Some(SHOP))[0]["durations"]["evaluatedMs"];
    assert!(evaluated.is_u64(), "{evaluated}");

    let reason = "nothing answers";
    does(
        &platform,
        &["rollback", "--all", "--yes", "--reason", reason],
    );
    let story = until_last(&platform, None, ("rollback", "healthy", &first));
    let causes: Vec<(&str, &str)> = story.iter().map(|it| (&*it.0, &*it.1)).collect();
    let mut expected = vec![
        ("commit", "healthy"),
        ("commit", "healthy"),
        ("rollback", "noted"),
        ("rollback", "healthy"),
    ];
    assert_eq!(causes, expected);
    // The kit tells who took it back, and why.
    let kit = recorded(&platform, Some(SHOP));
    let last = kit.last().unwrap();
    assert_eq!(
        told(last),
        ("rollback".into(), "healthy".into(), first.clone())
    );
    assert_eq!(last["reason"], reason);
    assert!(last["operator"].is_string(), "{last}");

    // A host that starts anew has nothing to add.
    let before = settled(&platform);
    platform.kill();
    platform.start();
    wait_for("the next host has settled", SOON, || {
        match settled(&platform) > before {
            true => Ok(()),
            false => Err(format!("{:?}", platform.logs().last())),
        }
    });
    assert_eq!(recorded(&platform, None).len(), expected.len());
    assert_eq!(recorded(&platform, Some(SHOP)).len(), kit.len());

    // What is asked for while no host acts is recorded by the next.
    platform.kill();
    patch(
        &platform,
        &json!({"revision": null, "reason": null, "by": "ada"}),
    );
    platform.start();
    platform.until_repository("Applied");
    let story = until_last(&platform, None, ("resume", "healthy", &second));
    expected.extend([("resume", "noted"), ("resume", "healthy")]);
    let causes: Vec<(&str, &str)> = story.iter().map(|it| (&*it.0, &*it.1)).collect();
    assert_eq!(causes, expected);
    let kit = recorded(&platform, Some(SHOP));
    let last = kit.last().unwrap();
    assert_eq!(told(last), ("resume".into(), "healthy".into(), second));
    assert_eq!(last["operator"], "ada");
}

/// How often a host has said so.
fn settled(platform: &Platform) -> usize {
    let logs = platform.logs();
    logs.iter().filter(|it| it["message"] == "settled").count()
}

#[test]
fn the_platform_goes_back_and_says_so_while_git_is_away() {
    let mut platform = Platform::new(&[]);
    let [first, _] = two_revisions(&mut platform);
    let away = platform.git.folder().with_extension("away");
    std::fs::rename(platform.git.folder(), &away).unwrap();
    platform.until_repository("Unreachable");

    let back = ["rollback", "--all", "--yes", "--reason", "nothing answers"];
    let output = platform.trimtab(&back);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("held by"), "{told}");
    assert!(told.contains("1 of 1 ready"), "{told}");
    let live = platform.get("acme", "configmap/shop").unwrap();
    assert_eq!(live["data"]["key"], "a");
    until_last(&platform, None, ("rollback", "healthy", &first));
    std::fs::rename(&away, platform.git.folder()).unwrap();
    platform.until_repository("Held");
}
