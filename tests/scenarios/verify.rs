//! `trimtab verify`: is what is live what its commit renders to?

use serde_json::json;
use trimtab_harness::wait_for;

use crate::asking::{ask, ask_json};
use crate::blame::written_by_two;
use crate::platform::{Platform, SOON};

const KIT: &str = "kits/acme/shop";

#[test]
fn what_is_live_is_rendered_again_to_the_same_digest_and_tampering_shows() {
    let mut platform = Platform::new(&[]);
    let [first, _, third] = written_by_two(&mut platform);
    let told = ask(&platform, &["verify"]);
    assert_eq!(told.code, Some(0), "{}", told.all());
    let digest = platform.kit(KIT)["status"]["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    let words = format!(
        "{KIT} at {}: reproduced, {digest}, 3 live objects as rendered\n",
        &third[..7]
    );
    assert_eq!(told.out, words);
    // What was never recorded cannot be compared.
    let told = ask(&platform, &["verify", KIT, "--revision", &first]);
    assert_eq!(told.code, Some(3), "{}", told.all());
    assert!(told.out.contains("is not recorded"), "{}", told.out);
    // The kit only reports drift: what others change stays, and is seen.
    let namespace = platform.namespace("acme");
    let kubectl = platform.kubectl.clone();
    let patch = |object: &str, namespace: &str, patch: &str, more: &[&str]| {
        let arguments = [
            "patch",
            object,
            "-n",
            namespace,
            "--type=merge",
            "-p",
            patch,
        ];
        kubectl.run(&[&arguments[..], more].concat()).unwrap();
    };
    patch(
        "service/shop",
        &namespace,
        r#"{"metadata":{"labels":{"tier":"back"}}}"#,
        &[],
    );
    let (_, told) = wait_for("the change is seen", SOON, || {
        let (code, told) = ask_json(&platform, &["verify", KIT]);
        match code {
            Some(1) => Ok((code, told)),
            _ => Err(told.to_string()),
        }
    });
    let kit = &told["kits"][0];
    assert_eq!(kit["recorded"], kit["rendered"]);
    assert_eq!(
        kit["differing"][0]["object"],
        format!("Service {namespace}/shop")
    );
    assert!(
        kit["differing"][0]["how"]
            .as_str()
            .unwrap()
            .contains("/metadata/labels/tier"),
        "{kit:#}"
    );
    // Somebody who may write statuses claims another digest: a host that runs knows better.
    let other = format!("sha256:{}", "0".repeat(64));
    let claim = json!({"status": {"digest": other}}).to_string();
    let kits = "kits.trimtab.io/kits.acme.shop";
    let name = platform.name.clone();
    patch(kits, &name, &claim, &["--subresource=status"]);
    wait_for("the claim is written over", SOON, || {
        let now = platform.kit(KIT)["status"]["digest"].clone();
        match now == digest.as_str() {
            true => Ok(()),
            false => Err(now.to_string()),
        }
    });
    let (_, told) = ask_json(&platform, &["verify", KIT]);
    assert_eq!(told["kits"][0]["recorded"], digest.as_str(), "{told}");
    // While none runs, and of a kit that none touches then, it stays, and is refuted.
    platform.kill();
    patch(kits, &name, &claim, &["--subresource=status"]);
    patch(kits, &name, r#"{"spec":{"suspend":true}}"#, &[]);
    platform.start_without_file();
    let told = wait_for("the claim is refuted", SOON, || {
        let told = ask(&platform, &["verify", KIT]);
        match told.out.contains(&other) {
            true => Ok(told),
            false => Err(told.all()),
        }
    });
    assert_eq!(told.code, Some(1));
    for words in [
        "NOT reproduced",
        &format!("rendered {digest}"),
        "tampered with",
    ] {
        assert!(told.out.contains(words), "{words} is not in {}", told.out);
    }
    assert!(!told.all().contains("hunter22"), "{}", told.all());
}

#[test]
fn a_revision_that_was_live_before_is_compared_with_what_was_recorded_of_it() {
    let mut platform = Platform::new(&[]);
    let [.., third] = written_by_two(&mut platform);
    let before = platform.kit(KIT)["status"]["digest"].clone();
    let service = format!("{KIT}/service.yaml");
    platform
        .git
        .edit(&service, "port: 5445", "port: 5446")
        .unwrap();
    let fourth = platform.git.commit("one more").unwrap();
    platform.until_kit(KIT, "Applied", &fourth);
    let told = wait_for("the record is written", SOON, || {
        let (code, told) = ask_json(&platform, &["verify", KIT, "--revision", "HEAD~1"]);
        match code {
            Some(0) => Ok(told),
            _ => Err(told.to_string()),
        }
    });
    let kit = &told["kits"][0];
    assert_eq!(kit["revision"]["revision"], third);
    assert_eq!((&kit["recorded"], &kit["rendered"]), (&before, &before));
    assert_eq!(kit["reproduced"], true);
}
