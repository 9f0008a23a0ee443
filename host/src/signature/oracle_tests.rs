//! What git, ssh-keygen and gpg sign, as it is judged here.

use proptest::prelude::*;
use trimtab_harness::git::Fixture;
use trimtab_harness::signing::{Keyring, Person};

use super::*;

struct Scene {
    folder: tempfile::TempDir,
    keyring: Keyring,
    git: Fixture,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let git = Fixture::new(folder.path()).unwrap();
        Self {
            folder,
            keyring: Keyring::new().unwrap(),
            git,
        }
    }

    fn object(&self, kind: &str, name: &str) -> Vec<u8> {
        let output = std::process::Command::new("git")
            .current_dir(self.folder.path())
            .args(["cat-file", kind, name])
            .output()
            .unwrap();
        assert!(output.status.success());
        output.stdout
    }

    fn signed(&self, person: &Person, more: &str) -> Signed {
        let said = "a change\n\nwith more to say\n";
        let id = self.keyring.commit_with(&self.git, person, said, more);
        let read = CommitBytes::read(&self.object("commit", &id.unwrap()));
        read.unwrap().signed.expect("signed")
    }
}

fn now() -> Times {
    let now = jiff::Timestamp::now().as_second();
    Times { made: now, now }
}

fn keys(people: &[&Person]) -> Keys {
    let mut keys = Keys::default();
    for person in people {
        add(&mut keys, person).unwrap();
    }
    keys
}

fn add(keys: &mut Keys, person: &Person) -> Result<(), KeyFault> {
    match person.public.starts_with("-----") {
        true => keys.add_openpgp(person.name, person.public.as_bytes()),
        false => keys.add_ssh(person.name, &person.public),
    }
}

/// Whose a signature is, or the words for why it does not count.
fn judged(keys: &Keys, signed: &Signed, times: Times) -> Result<String, String> {
    keys.judge(signed, times)
        .map(|signer| signer.names.join(","))
}

fn refused(keys: &Keys, signed: &Signed, times: Times, words: &str) {
    let error = keys.judge(signed, times).expect_err(words);
    assert!(error.contains(words), "{error}");
}

#[test]
fn what_git_signs_by_any_kind_of_key_is_that_person_s_and_of_those_bytes_alone() {
    let scene = Scene::new();
    let ring = &scene.keyring;
    let stranger = ring.ssh("mallory", "ed25519", 0).unwrap();
    let others = keys(&[&stranger]);
    let subkey = ring.openpgp("dora", "rsa2048", "never").unwrap();
    let people = [
        ring.ssh("alice", "ed25519", 0).unwrap(),
        ring.ssh("alice", "ecdsa", 256).unwrap(),
        ring.ssh("alice", "ecdsa", 384).unwrap(),
        ring.ssh("alice", "ecdsa", 521).unwrap(),
        ring.ssh("alice", "rsa", 2048).unwrap(),
        ring.ssh("alice", "rsa", 4096).unwrap(),
        ring.openpgp("bob", "ed25519", "never").unwrap(),
        ring.openpgp("carol", "nistp256", "never").unwrap(),
        ring.openpgp("erin", "rsa3072", "1y").unwrap(),
        ring.with_subkey(&subkey, "ed25519", "never").unwrap(),
    ];
    for person in people {
        let mut signed = scene.signed(&person, "");
        let own = keys(&[&stranger, &person]);
        let verdict = judged(&own, &signed, now());
        assert_eq!(verdict.as_deref(), Ok(person.name), "{person:?}");
        refused(&others, &signed, now(), "none of those that are given");
        *signed.payload.last_mut().unwrap() ^= 1;
        refused(&own, &signed, now(), "is not of these bytes");
    }
}

#[test]
fn a_tag_that_git_signs_is_that_person_s() {
    let scene = Scene::new();
    let ssh = scene.keyring.ssh("alice", "ed25519", 0).unwrap();
    let openpgp = scene.keyring.openpgp("bob", "ed25519", "never").unwrap();
    let id = scene.git.commit("first").unwrap();
    for person in [ssh, openpgp] {
        let tag = ["tag", "--sign", "--message", "a release", person.name];
        scene.keyring.run(&scene.git, &person, "", &tag).unwrap();
        let tag = TagBytes::read(&scene.object("tag", person.name)).unwrap();
        assert_eq!((&tag.object, tag.kind.as_str()), (&id, "commit"));
        assert_eq!(tag.name, person.name);
        assert!(tag.made > 1_700_000_000);
        let verdict = judged(&keys(&[&person]), &tag.signed.unwrap(), now());
        assert_eq!(verdict.as_deref(), Ok(person.name));
    }
}

#[test]
fn weak_keys_and_hashes_count_for_nothing() {
    let scene = Scene::new();
    let ring = &scene.keyring;
    let good = ring.openpgp("bob", "rsa2048", "never").unwrap();
    let own = keys(&[&good]);
    let old = scene.signed(&good, "--digest-algo SHA1");
    refused(&own, &old, now(), "SHA1, which is not taken");
    let weak = [
        (ring.ssh("alice", "rsa", 1024).unwrap(), "RSA of 1024 bits"),
        (
            ring.ssh("alice", "dsa", 0).unwrap(),
            "ssh-dss are not taken",
        ),
        (
            ring.openpgp("carol", "rsa1024", "never").unwrap(),
            "RSA of 1024 bits",
        ),
        (
            ring.openpgp("dora", "dsa2048", "never").unwrap(),
            "DSA, which is not taken",
        ),
    ];
    for (person, words) in weak {
        let mut keys = own.clone();
        let error = add(&mut keys, &person).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
        // Nor is it a key of that kind that somebody else has.
        assert!(judged(&keys, &scene.signed(&person, ""), now()).is_err());
    }
}

#[test]
fn a_key_counts_while_it_is_valid_and_not_once_it_is_revoked() {
    let scene = Scene::new();
    let ring = &scene.keyring;
    let day = 24 * 3600;
    let Times { now: today, .. } = now();
    let later = Times {
        made: today,
        now: today + 3 * day,
    };
    let expiring = ring.openpgp("bob", "ed25519", "2d").unwrap();
    let signed = scene.signed(&expiring, "");
    let own = keys(&[&expiring]);
    assert!(judged(&own, &signed, now()).is_ok());
    refused(
        &own,
        &signed,
        later,
        "its key had expired now (bob, OpenPGP ",
    );
    let lasting = ring.openpgp("carol", "ed25519", "never").unwrap();
    let lasting = ring.with_subkey(&lasting, "rsa2048", "2d").unwrap();
    let signed = scene.signed(&lasting, "");
    assert!(judged(&keys(&[&lasting]), &signed, now()).is_ok());
    refused(&keys(&[&lasting]), &signed, later, "had expired now");
    // A signature that says itself how long it holds.
    let erin = ring.openpgp("erin", "rsa2048", "never").unwrap();
    let short = scene.signed(&erin, "--default-sig-expire 2d");
    assert!(judged(&keys(&[&erin]), &short, now()).is_ok());
    refused(&keys(&[&erin]), &short, later, "its signature has expired");
    let past = Times {
        made: today - 9 * day,
        now: today - 9 * day,
    };
    refused(&keys(&[&erin]), &short, past, "in the future");
    let signed = scene.signed(&erin, "");
    let revoked = ring.revoked(&erin).unwrap();
    refused(&keys(&[&revoked]), &signed, now(), "is revoked");
}

#[test]
fn allowed_signers_say_when_a_key_of_ssh_is_valid_and_whose_it_is() {
    let scene = Scene::new();
    let person = scene.keyring.ssh("alice", "ed25519", 0).unwrap();
    let signed = scene.signed(&person, "");
    let public = &person.public;
    let text = format!(
        "# the team\nal@example.org,alice valid-after=\"20260201Z\",valid-before=\"20260301Z\" {public}\n"
    );
    let mut keys = Keys::default();
    keys.add_entry("allowed_signers", text.as_bytes()).unwrap();
    let at = |month: i64| 1_767_225_600 + (month - 1) * 30 * 24 * 3600;
    let times = |made, now| Times {
        made: at(made),
        now: at(now),
    };
    let verdict = judged(&keys, &signed, times(2, 2).later(86_400 * 5));
    assert_eq!(verdict.as_deref(), Ok("al@example.org,alice"));
    refused(
        &keys,
        &signed,
        times(1, 2).later(86_400 * 5),
        "not valid yet when it was made",
    );
    refused(
        &keys,
        &signed,
        times(2, 9).later(86_400 * 5),
        "had expired now",
    );
    refused(&keys, &signed, times(9, 9), "had expired when it was made");
}

impl Times {
    fn later(self, seconds: i64) -> Self {
        Self {
            made: self.made + seconds,
            now: self.now + seconds,
        }
    }
}

#[test]
fn a_signature_for_another_purpose_is_none() {
    let scene = Scene::new();
    let person = scene.keyring.ssh("alice", "ed25519", 0).unwrap();
    let mut signed = scene.signed(&person, "");
    let ring = &scene.keyring;
    let other = ring.for_another_purpose(&person, &signed.payload).unwrap();
    signed.signature = other.into_bytes();
    refused(&keys(&[&person]), &signed, now(), "made for \"file\"");
}

#[test]
fn entries_of_a_secret_are_keys_of_either_kind_and_private_ones_are_refused() {
    let ring = Keyring::new().unwrap();
    let alice = ring.ssh("alice", "ed25519", 0).unwrap();
    let bob = ring.openpgp("bob", "ed25519", "never").unwrap();
    let mut found = Keys::default();
    found
        .add_entry("alice.pub", alice.public.as_bytes())
        .unwrap();
    found.add_entry("bob.asc", bob.public.as_bytes()).unwrap();
    let both = format!("{}\n{}", bob.public, bob.public);
    found.add_entry("team", both.as_bytes()).unwrap();
    let names: Vec<&str> = found.names().collect();
    assert_eq!(names, ["alice", "bob", "team", "team"]);
    let private = bob.public.replace("PUBLIC KEY", "PRIVATE KEY");
    for (text, words) in [
        (private.as_str(), "private key"),
        (
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n",
            "no public key",
        ),
        ("tok3n", "no public key"),
    ] {
        let error = found.add_entry("x", text.as_bytes()).expect_err(words);
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.to_string().contains("tok3n"), "{error}");
    }
}

#[test]
fn no_signature_that_was_tampered_with_makes_it_fall_over_or_is_somebody_else_s() {
    let scene = Scene::new();
    let people = [
        scene.keyring.ssh("alice", "rsa", 2048).unwrap(),
        scene.keyring.ssh("alice", "ecdsa", 384).unwrap(),
        scene.keyring.openpgp("alice", "rsa2048", "never").unwrap(),
        scene.keyring.openpgp("bob", "ed25519", "never").unwrap(),
    ];
    for person in people {
        let signed = scene.signed(&person, "");
        let keys = keys(&[&person]);
        let length = signed.signature.len();
        // Behind the line that says of which kind it is, as a rule.
        let place = prop_oneof![4 => 30..length, 1 => 0..length];
        let change = (place, any::<u8>(), 0..4_usize);
        let many = prop::collection::vec(change, 1..6);
        proptest!(ProptestConfig::with_cases(150), |(changes in many, cut in 0..length)| {
            let mut changed = signed.clone();
            for (place, byte, way) in changes {
                let place = place.min(changed.signature.len().saturating_sub(1));
                match way {
                    0 => changed.signature.insert(place, byte),
                    1 => { changed.signature.remove(place); }
                    2 => changed.signature[place] = b"AZaz09+/=\n"[byte as usize % 10],
                    _ => changed.signature[place] = byte,
                }
            }
            if let Ok(signer) = keys.judge(&changed, now()) {
                prop_assert_eq!(&signer.names[0], person.name);
                changed.payload.push(b' ');
                prop_assert!(keys.judge(&changed, now()).is_err());
            }
            changed.signature.truncate(cut);
            let _ = keys.judge(&changed, now());
        });
    }
}
