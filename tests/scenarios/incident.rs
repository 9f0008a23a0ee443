//! The incident drill of docs/incident.md: a faulty revision goes live, the platform goes back by one
//! command, the fix is committed, `resume` follows it, and the record tells it all in order.

use serde_json::Value;
use trimtab_harness::wait_for;

use crate::asking::ask;
use crate::platform::{Platform, SOON, config_map, ready, service};

const SHOP: &str = "kits/acme/shop";
const ALICE: &str = "Alice <alice@example.org>";
const BOB: &str = "Bob <bob@example.org>";

fn asked(platform: &Platform, arguments: &[&str]) -> String {
    let told = ask(platform, arguments);
    assert_eq!(told.code, Some(0), "{arguments:?}: {}", told.all());
    told.out
}

fn records(platform: &Platform, kit: &str) -> Vec<Value> {
    let text = asked(platform, &["history", kit, "--output", "json"]);
    let page: Value = serde_json::from_str(&text).expect("JSON");
    let mut records = page["records"].as_array().expect("records").clone();
    records.reverse();
    records
}

fn does(platform: &Platform, arguments: &[&str]) -> String {
    let output = platform.trimtab(arguments);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {told}");
    String::from_utf8(output.stdout).expect("text")
}

fn port(platform: &Platform) -> Value {
    platform.get("acme", "service/shop").unwrap()["spec"]["ports"][0]["port"].clone()
}

#[test]
fn a_faulty_revision_is_taken_back_mended_and_followed_again_and_the_record_tells_it_in_order() {
    let mut platform = Platform::new(&[("port-policy", "{service: {allow: ['1024-9999']}}")]);
    let file = "kits/acme/shop/service.yaml";
    let write = |platform: &Platform, port: u16, by: &str, subject: &str| {
        let text = service("shop", port, None);
        platform.git.write(file, text).unwrap();
        platform.git.commit_as(by, subject).unwrap()
    };
    let good = write(&platform, 6776, ALICE, "the shop");
    platform.start();
    platform.until_kit(SHOP, "Applied", &good);

    // A faulty revision goes live: no rule knows that nobody listens on that port.
    let bad = write(&platform, 5445, BOB, "another port");
    platform.until_kit(SHOP, "Applied", &bad);
    assert_eq!(port(&platform), 5445);

    // Blame names the commit, its author, and the line.
    let namespace = platform.namespace("acme");
    let blame = [
        "blame",
        "service/shop",
        "spec.ports[0].port",
        "-n",
        &namespace,
    ];
    let named = asked(&platform, &blame);
    assert!(
        named.contains(&bad[..7]) && named.contains("Bob"),
        "{named}"
    );
    // What going back would change is shown before.
    let shown = ask(&platform, &["diff", SHOP, "--revision", &good]);
    assert_eq!(shown.code, Some(1), "{}", shown.all());
    assert!(shown.out.contains("6776"), "{}", shown.out);

    // One command, and the live state is the one of before.
    let reason = "nobody listens on 5445";
    does(&platform, &["rollback", SHOP, "--yes", "--reason", reason]);
    assert_eq!(port(&platform), 6776);

    // The fix is committed, and waits until it is let in.
    let fix = write(&platform, 6777, ALICE, "the port of the new server");
    wait_for("the fix is seen", SOON, || {
        let seen = platform.repository()["status"]["revision"]["revision"].clone();
        match seen == fix.as_str() {
            true => Ok(()),
            false => Err(seen.to_string()),
        }
    });
    assert_eq!(port(&platform), 6776);
    does(&platform, &["resume", SHOP]);
    let kit = platform.until_kit(SHOP, "Applied", &fix);
    assert_eq!(port(&platform), 6777, "{}", ready(&kit));

    let story = wait_for("all of it is recorded", SOON, || {
        let records = records(&platform, SHOP);
        let last = records.last().map(|it| it["revision"]["id"].clone());
        match last == Some(fix.as_str().into()) {
            true => Ok(records),
            false => Err(format!("{records:#?}")),
        }
    });
    let told: Vec<(&str, &str, &str, &str)> = story
        .iter()
        .map(|it| {
            let text = |value: &'_ Value| -> &'static str {
                Box::leak(
                    value
                        .as_str()
                        .unwrap_or_default()
                        .to_owned()
                        .into_boxed_str(),
                )
            };
            let revision = &it["revision"];
            (
                text(&it["cause"]),
                text(&it["outcome"]),
                text(&revision["id"]),
                text(&revision["author"]),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("commit", "healthy", &*good, ALICE),
            ("commit", "healthy", &*bad, BOB),
            ("rollback", "healthy", &*good, ALICE),
            ("resume", "healthy", &*fix, ALICE),
        ]
    );
    let changed = &story[1]["plan"]["changed"][0];
    assert_eq!(changed["fields"][0], "/spec/ports/0/port", "{changed}");
    let back = &story[2];
    assert_eq!(back["reason"], reason);
    assert_eq!(back["insteadOf"], bad.as_str());
    assert!(back["operator"].as_str().is_some_and(|it| !it.is_empty()));
    let plugins = story[1]["plugins"].as_array().unwrap();
    assert!(
        plugins[0]["digest"]
            .as_str()
            .unwrap()
            .starts_with("sha256:")
    );
    asked(&platform, &["history", "--verify"]);
    asked(&platform, &["verify", SHOP]);

    // Neither a host that starts anew records what is no news.
    let before = records(&platform, SHOP).len();
    platform.kill();
    platform.start();
    wait_for("the second host has settled", SOON, || {
        let logs = platform.logs();
        match logs.iter().filter(|it| it["message"] == "settled").count() {
            // Of the first host: each commit, and the second host's.
            4.. => Ok(()),
            count => Err(count.to_string()),
        }
    });
    assert_eq!(records(&platform, SHOP).len(), before);
}

#[test]
fn a_host_that_has_lost_its_record_says_so_and_keeps_the_place_that_was_lost() {
    let mut platform = Platform::new(&[]);
    let place = "kits/acme/shop/a.yaml";
    let first = platform.start_with(&[(place, &config_map("shop", "a"))]);
    platform.until_kit(SHOP, "Applied", &first);
    // Where the record has got to is written with what else there is to write.
    let commit = |platform: &Platform, value: &str| {
        let written = platform.git.write(place, config_map("shop", value));
        written.expect("written");
        platform.git.commit(value).expect("committed");
    };
    commit(&platform, "b");
    let record = |platform: &Platform| platform.repository()["status"]["record"].clone();
    wait_for("the status knows the record", SOON, || {
        let known = record(&platform);
        known["sequence"]
            .is_i64()
            .then_some(())
            .ok_or_else(|| known.to_string())
    });
    platform.kill();
    let known = record(&platform);
    let cache = platform.repository_file().with_file_name("cache");
    std::fs::remove_file(cache.join("history.db")).expect("it was there");
    for left in ["history.db-wal", "history.db-shm"] {
        // As SQLite left them, if it did.
        let _ = std::fs::remove_file(cache.join(left));
    }
    platform.start_without_file();
    commit(&platform, "c");
    let hash = known["hash"].as_str().expect("a hash");
    let lost = format!("{}:{hash}", known["sequence"]);
    wait_for("the status says what was lost", SOON, || {
        let now = record(&platform);
        match now["lost"] == lost && now["hash"] != known["hash"] {
            true => Ok(()),
            false => Err(format!("{now} {known}")),
        }
    });
    let told = ask(&platform, &["history", "--verify"]);
    assert_eq!(told.code, Some(1), "{}", told.all());
    let words = format!("which had got to {lost}, is not continued");
    assert!(told.out.contains(&words), "{}", told.all());
}
