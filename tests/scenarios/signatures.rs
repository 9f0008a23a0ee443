//! Revisions whose signatures are looked at before anything of them is applied.

use serde_json::{Value, json};
use trimtab_harness::signing::{Keyring, Person};
use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, config_map, ready};

const KIT: &str = "kits/acme/shop";
const FILE: &str = "kits/acme/shop/config.yaml";

struct Scene {
    platform: Platform,
    ring: Keyring,
    alice: Person,
    bob: Person,
}

impl Scene {
    /// Alice has a key of SSH, Bob one of OpenPGP.
    fn new() -> Self {
        let ring = Keyring::new().unwrap();
        Self {
            platform: Platform::new(&[]),
            alice: ring.ssh("alice", "ed25519", 0).unwrap(),
            bob: ring.openpgp("bob", "ed25519", "never").unwrap(),
            ring,
        }
    }

    /// Puts more into the Repository's spec, before the host is started.
    fn demand(&self, more: &Value) {
        let file = self.platform.repository_file();
        let mut text = std::fs::read_to_string(&file).unwrap();
        for (field, value) in more.as_object().unwrap() {
            text = text.replace("  kits:\n", &format!("  {field}: {value}\n  kits:\n"));
        }
        std::fs::write(file, text).unwrap();
    }

    fn keys(&self) -> Value {
        json!([{"name": "alice", "ssh": self.alice.public}, {"name": "bob", "openpgp": self.bob.public}])
    }

    fn write(&self, value: &str) {
        let text = config_map("shop", value);
        self.platform.git.write(FILE, text).unwrap();
    }

    fn signed(&self, person: &Person, value: &str) -> String {
        self.write(value);
        let said = format!("the key is {value}");
        self.ring.commit(&self.platform.git, person, &said).unwrap()
    }

    fn unsigned(&self, value: &str) -> String {
        self.write(value);
        self.platform
            .git
            .commit(&format!("the key is {value}"))
            .unwrap()
    }

    /// Waits until the Repository says why this revision is not taken up.
    fn until_refused(&self, reason: &str, revision: &str, words: &str) -> Value {
        let what = format!("{revision} is {reason}: {words}");
        wait_for(&what, SOON, || {
            let repository = self.platform.repository();
            let condition = ready(&repository);
            let message = condition["message"].as_str().unwrap_or_default();
            let short = revision.get(..7).unwrap_or_default();
            let fits = message.contains(short) && message.contains(words);
            match condition["reason"] == reason && fits {
                true => Ok(repository),
                false => Err(self.platform.state(&repository)),
            }
        })
    }

    fn live(&self) -> Value {
        let live = self.platform.get("acme", "configmap/shop");
        live.unwrap_or_default()["data"]["key"].clone()
    }

    fn until_live(&self, value: &str) {
        wait_for(&format!("{value} is live"), SOON, || match self.live() {
            live if live == value => Ok(()),
            live => Err(format!(
                "{live}; {}",
                self.platform.state(&self.platform.kit(KIT))
            )),
        });
    }

    fn change_by_hand(&self) {
        let (namespace, patch) = (
            self.platform.namespace("acme"),
            r#"{"data": {"key": "hand"}}"#,
        );
        let arguments = [
            "patch",
            "configmap/shop",
            "--namespace",
            &namespace,
            "--patch",
            patch,
        ];
        self.platform.kubectl.run(&arguments).unwrap();
    }

    fn patch_repository(&self, verify: &Value) {
        let patch = json!({"spec": {"verify": verify}}).to_string();
        let name = &self.platform.name;
        let arguments = [
            "patch",
            "repositories.trimtab.io",
            "platform",
            "--namespace",
            name,
        ];
        let more = ["--type=merge", "--patch", &patch];
        self.platform
            .kubectl
            .run(&[&arguments[..], &more].concat())
            .unwrap();
    }
}

#[test]
fn an_unsigned_revision_is_not_applied_and_what_is_live_is_kept_right_also_by_a_new_host() {
    let mut scene = Scene::new();
    scene.demand(&json!({"verify": {"keys": scene.keys()}}));
    let first = scene.signed(&scene.alice, "a");
    scene.platform.start();
    let kit = scene.platform.until_kit(KIT, "Applied", &first);
    let told = kit["status"]["applied"]["signature"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(told.starts_with("good: alice, SSH SHA256:"), "{told}");
    let second = scene.unsigned("b");
    let words = "by Pat Example <pat@example.org> (the key is b) is not signed; sign it with";
    let repository = scene.until_refused("Unverified", &second, words);
    let status = &repository["status"];
    assert_eq!(status["revision"]["revision"], first.as_str());
    assert_eq!(status["findings"][0]["rule"], "trimtab/unverified");
    let message = ready(&repository)["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains(&format!("; live: {}: 1 of 1 ready", &first[..7])),
        "{message}"
    );
    let said = scene.platform.trimtab(&["status"]);
    assert_eq!(said.status.code(), Some(1));
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(
        text.contains("is not signed") && text.contains("trimtab/unverified"),
        "{text}"
    );
    let events = scene
        .platform
        .kubectl
        .get(&["events", "--namespace", &scene.platform.name]);
    let events = events.unwrap().unwrap_or_default()["items"].clone();
    let unverified = |it: &&Value| it["reason"] == "Unverified";
    let count = events.as_array().unwrap().iter().filter(unverified).count();
    assert_eq!(count, 1, "{events:#}");
    scene.change_by_hand();
    scene.until_live("a");
    // A host that starts anew knows what was live, and does not take up the other one.
    scene.platform.kill();
    scene.change_by_hand();
    scene.platform.start_without_file();
    scene.until_live("a");
    scene.until_refused("Unverified", &second, "is not signed");
    // A good commit does not make a bad one good; the platform team can.
    let third = scene.signed(&scene.bob, "c");
    wait_for("the third is looked at", SOON, || {
        let looked_at = |line: &Value| {
            let message = line["message"].as_str().unwrap_or_default();
            message == "new revision" && line["revision"] == third[..7]
        };
        match scene.platform.logs().iter().any(looked_at) {
            true => Ok(()),
            false => Err(scene.platform.state(&scene.platform.repository())),
        }
    });
    scene.until_refused("Unverified", &second, "is not signed");
    assert_eq!(scene.live(), "a");
    scene
        .patch_repository(&json!({"accepted": [{"commit": second, "reason": "it was looked at"}]}));
    let kit = scene.platform.until_kit(KIT, "Applied", &third);
    let told = kit["status"]["applied"]["signature"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(told.starts_with("good: bob, OpenPGP "), "{told}");
    assert_eq!(scene.live(), "c");
    scene.platform.until_repository("Applied");
}

#[test]
fn a_repository_that_nobody_signed_applies_nothing_and_keys_are_exchanged_in_their_secret() {
    let mut scene = Scene::new();
    scene.demand(
        &json!({"verify": {"keysFrom": [{"name": "team"}, {"kind": "ConfigMap", "name": "more"}]}}),
    );
    let first = scene.signed(&scene.bob, "a");
    scene.platform.start();
    scene.until_refused("KeysNotRead", "", "Secret team");
    assert!(scene.platform.repository()["status"]["revision"].is_null());
    let space = scene.platform.name.clone();
    let object = |kind: &str, name: &str, data: Value| {
        let field = if kind == "Secret" {
            "stringData"
        } else {
            "data"
        };
        let object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": space}, field: data});
        scene.platform.kubectl.apply(&object.to_string()).unwrap();
    };
    object("ConfigMap", "more", json!({}));
    let allowed = format!("# the team\nalice {}\n", scene.alice.public);
    object("Secret", "team", json!({"allowed_signers": allowed}));
    scene.until_refused(
        "Unverified",
        &first,
        "none of those that are given (OpenPGP ",
    );
    assert_eq!(scene.platform.kit(KIT), Value::Null);
    object("ConfigMap", "more", json!({"bob.asc": scene.bob.public}));
    scene.platform.until_kit(KIT, "Applied", &first);
    // What is live stays so without the key that it was signed by.
    object("ConfigMap", "more", json!({}));
    let second = scene.signed(&scene.alice, "b");
    scene.platform.until_kit(KIT, "Applied", &second);
    let third = scene.signed(&scene.bob, "c");
    scene.until_refused("Unverified", &third, "none of those that are given");
    assert_eq!(scene.live(), "b");
}

#[test]
fn a_company_s_signer_changes_no_other_company_s_kit() {
    let mut scene = Scene::new();
    let committers = json!([
        {"paths": ["/kits/acme/"], "signers": ["alice", "bob"]},
        {"paths": ["*"], "signers": ["bob"]},
    ]);
    scene.demand(&json!({"verify": {"keys": scene.keys(), "committers": committers}}));
    let other = "kits/smithereens/web/config.yaml";
    scene
        .platform
        .git
        .write(other, config_map("web", "a"))
        .unwrap();
    let first = scene.signed(&scene.bob, "a");
    scene.platform.start();
    scene.platform.until_kit(KIT, "Applied", &first);
    let second = scene.signed(&scene.alice, "b");
    scene.platform.until_kit(KIT, "Applied", &second);
    scene
        .platform
        .git
        .write(other, config_map("web", "b"))
        .unwrap();
    let third = scene.signed(&scene.alice, "c");
    let words = format!("is signed by alice, who may not change {other} (bob may)");
    scene.until_refused("Unverified", &third, &words);
    assert_eq!(scene.live(), "b");
    let web = scene.platform.get("smithereens", "configmap/web").unwrap();
    assert_eq!(web["data"]["key"], "a");
    // Nor is an older state that was signed once taken for a newer one.
    scene
        .platform
        .git
        .git(&["reset", "--quiet", "--hard", &first])
        .unwrap();
    scene.until_refused("Unverified", &first, "does not build on");
    assert_eq!(scene.live(), "b");
}

#[test]
fn a_tag_goes_live_once_it_is_signed() {
    let mut scene = Scene::new();
    let demands = json!({"ref": {"tag": "v1"}, "verify": {"mode": "Tag", "keys": scene.keys()}});
    scene.demand(&demands);
    let first = scene.unsigned("a");
    let git = |arguments: &[&str]| scene.platform.git.git(arguments).unwrap();
    git(&["tag", "--annotate", "--message", "a release", "v1"]);
    scene.platform.start();
    scene.until_refused("Unverified", &first, "has the tag v1, which is not signed");
    let tag = ["tag", "--force", "--sign", "--message", "a release", "v1"];
    scene
        .ring
        .run(&scene.platform.git, &scene.bob, "", &tag)
        .unwrap();
    let kit = scene.platform.until_kit(KIT, "Applied", &first);
    let told = kit["status"]["applied"]["signature"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(told.starts_with("good: bob, OpenPGP "), "{told}");
}
