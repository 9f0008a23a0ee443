use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use trimtab_harness::git::Fixture;
use trimtab_harness::signing::{Keyring, Person};

use super::*;
use crate::kit::{
    Acceptance, Committers, Rewrites, Verification, VerificationKey, VerificationMode,
};
use crate::signature::SignatureState;
use crate::source::{
    Auth, Commit, FETCH_LIMIT, Follow, Mirror, Poll, RemoteSpec, Revision, Worker,
};

/// A repository, and four people: alice for acme's kits and carol for all that is none, both of the
/// team; bob, with a key of OpenPGP, who may do everything; and mallory, whom nobody knows.
struct Scene {
    folder: TempDir,
    git: Fixture,
    ring: Keyring,
    alice: Person,
    bob: Person,
    carol: Person,
    mallory: Person,
    demands: Verification,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let git = Fixture::new(&folder.path().join("remote")).unwrap();
        let ring = Keyring::new().unwrap();
        let ssh = |name| ring.ssh(name, "ed25519", 0).unwrap();
        let (alice, carol, mallory) = (ssh("alice"), ssh("carol"), ssh("mallory"));
        let bob = ring.openpgp("bob", "ed25519", "never").unwrap();
        let key = |person: &Person| VerificationKey {
            name: person.name.into(),
            ssh: person
                .public
                .starts_with("ssh")
                .then(|| person.public.clone()),
            openpgp: person
                .public
                .starts_with("-----")
                .then(|| person.public.clone()),
        };
        let demands = Verification {
            keys: [&alice, &bob, &carol].map(key).into(),
            ..Verification::default()
        };
        Self {
            folder,
            git,
            ring,
            alice,
            bob,
            carol,
            mallory,
            demands,
        }
    }

    /// With who may change what.
    fn ruled() -> Self {
        let mut scene = Self::new();
        let entry = |paths: &str, signers: &[&str]| Committers {
            paths: vec![paths.into()],
            signers: signers.iter().map(|it| (*it).into()).collect(),
        };
        scene.demands.committers = vec![
            entry("/kits/acme/", &["alice", "bob"]),
            entry("/rules/", &["bob"]),
            entry("/docs/", &["*"]),
            entry("*", &["carol", "bob"]),
        ];
        scene
    }

    fn write(&self, path: &str, text: &str) {
        self.git.write(path, text).unwrap();
    }

    fn signed(&self, person: &Person, path: &str, text: &str) -> Revision {
        self.write(path, text);
        let said = format!("{path} is {text}");
        Revision::new(self.ring.commit(&self.git, person, &said).unwrap())
    }

    fn unsigned(&self, path: &str, text: &str) -> Revision {
        self.write(path, text);
        Revision::new(self.git.commit(&format!("{path} is {text}")).unwrap())
    }

    fn git(&self, line: &str) -> String {
        self.git.git(&line.split(' ').collect::<Vec<_>>()).unwrap()
    }

    fn head(&self, follow: Follow) -> (Commit, Mirror) {
        let worker = Worker {
            program: PathBuf::from("/nowhere"),
        };
        let mirror = Mirror::open(&self.folder.path().join("mirror"), worker).unwrap();
        let remote = RemoteSpec {
            url: self.git.url(),
            follow,
            auth: Auth::default(),
            deadline: Duration::from_secs(20),
            limit: FETCH_LIMIT,
        };
        match mirror.poll(&remote, None).unwrap() {
            Poll::Moved { commit, .. } => (commit, mirror),
            Poll::Unchanged(_) => panic!("nothing was known"),
        }
    }

    fn judge(&self, taken: Option<&Revision>, follow: Follow) -> Verdict {
        let (head, mirror) = self.head(follow);
        let policy = Policy::new(&self.demands, []).unwrap();
        let question = Question {
            head: &head,
            taken,
            now: jiff::Timestamp::now().as_second(),
        };
        verify(&mirror.history().unwrap(), &policy, &question).unwrap()
    }

    fn verdict(&self, taken: Option<&Revision>) -> Verdict {
        self.judge(taken, Follow::Branch("main".into()))
    }

    fn passes(&self, taken: Option<&Revision>) -> SignatureState {
        let Verdict { signature, faults } = self.verdict(taken);
        assert_eq!(faults, []);
        signature
    }

    /// Commits that are refused, and words of why.
    fn refused(&self, taken: Option<&Revision>, expected: &[(&Revision, &str)]) {
        let faults = self.verdict(taken).faults;
        let shown: Vec<String> = faults.iter().map(Fault::to_string).collect();
        assert_eq!(faults.len(), expected.len(), "{shown:#?}");
        for ((revision, words), fault) in expected.iter().zip(&faults) {
            assert_eq!(fault.revision, **revision);
            assert!(fault.to_string().contains(words), "{fault}");
            let finding = fault.finding();
            assert!(!finding.to_string().contains('@'), "{finding} bears a name");
        }
    }

    fn accept(&mut self, revision: &Revision, and_before: bool) {
        self.demands.accepted.push(Acceptance {
            commit: revision.to_string(),
            reason: "it was looked at".into(),
            and_before,
        });
    }
}

const UNSIGNED: &str = "is not signed";

#[test]
fn of_a_history_that_is_new_the_head_must_be_signed() {
    let scene = Scene::new();
    let first = scene.unsigned("a", "1");
    scene.refused(None, &[(&first, UNSIGNED)]);
    let second = scene.signed(&scene.mallory, "a", "2");
    scene.refused(
        None,
        &[(&second, "none of those that are given (SSH SHA256:")],
    );
    scene.signed(&scene.bob, "a", "3");
    let SignatureState::Good { signer, key } = scene.passes(None) else {
        panic!("bob's key is known");
    };
    assert_eq!((signer.as_str(), &key[..8]), ("bob", "OpenPGP "));
}

#[test]
fn every_commit_since_the_one_that_was_taken_up_must_be_signed_or_accepted_by_name() {
    let mut scene = Scene::new();
    let first = scene.unsigned("a", "1");
    let bad = scene.unsigned("a", "2");
    let stranger = scene.signed(&scene.mallory, "a", "3");
    let good = scene.signed(&scene.alice, "a", "4");
    let taken = Some(&first);
    let why = "Pat Example <pat@example.org> (a is 2) is not signed; sign it with";
    scene.refused(taken, &[(&bad, why), (&stranger, "does not count")]);
    scene.accept(&bad, false);
    scene.refused(taken, &[(&stranger, "does not count")]);
    scene.accept(&stranger, false);
    scene.passes(taken);
    // The head alone is another matter.
    scene.demands.accepted.clear();
    scene.demands.mode = VerificationMode::Head;
    scene.passes(taken);
    scene.demands.mode = VerificationMode::Every;
    scene.accept(&stranger, true);
    scene.passes(taken);
    // What was taken up stays so, whatever becomes of its key.
    scene.demands.accepted.clear();
    scene.demands.keys.remove(0);
    let verdict = scene.verdict(Some(&good));
    assert_eq!(verdict.faults, []);
    assert!(matches!(verdict.signature, SignatureState::Bad { .. }));
}

#[test]
fn an_unsigned_commit_does_not_come_in_by_a_merge_that_is_signed() {
    let scene = Scene::new();
    let first = scene.signed(&scene.alice, "a", "1");
    scene.git("checkout --quiet -b side");
    let side = scene.unsigned("b", "1");
    scene.git("checkout --quiet main");
    scene.signed(&scene.alice, "a", "2");
    let merge = [
        "merge",
        "--quiet",
        "--no-ff",
        "--gpg-sign",
        "--message",
        "merge",
        "side",
    ];
    scene.ring.run(&scene.git, &scene.bob, "", &merge).unwrap();
    scene.refused(Some(&first), &[(&side, UNSIGNED)]);
}

#[test]
fn a_signer_changes_what_is_theirs_and_nothing_else() {
    let scene = Scene::ruled();
    let first = scene.signed(&scene.bob, "rules/port.yaml", "1");
    let taken = Some(&first);
    scene.signed(&scene.alice, "kits/acme/web/a.yaml", "1");
    scene.signed(&scene.alice, "docs/acme.md", "1");
    scene.signed(&scene.carol, "README.md", "1");
    scene.passes(taken);
    let rules = scene.signed(&scene.alice, "rules/port.yaml", "2");
    scene.write("kits/other/a.yaml", "1");
    let two = scene.signed(&scene.alice, "kits/other/b.yaml", "1");
    // A link in the place of a directory is as good as what is in that.
    scene.git("rm -r --quiet docs rules");
    std::os::unix::fs::symlink("kits/acme", scene.git.folder().join("rules")).unwrap();
    let link = scene.ring.commit(&scene.git, &scene.carol, "link").unwrap();
    let expected = [
        (
            &rules,
            "is signed by alice, who may not change rules/port.yaml (bob may)",
        ),
        (&two, "kits/other/a.yaml (carol, bob may), and 1 more files"),
        (
            &Revision::new(link),
            "is signed by carol, who may not change rules (bob may), and 1 more",
        ),
    ];
    scene.refused(taken, &expected);
    // Without an entry for all the rest, that is nobody's.
    let mut scene = Scene::ruled();
    scene.demands.committers.pop();
    let first = scene.signed(&scene.bob, "rules/port.yaml", "1");
    let odd = scene.signed(&scene.bob, "README.md", "1");
    scene.refused(
        Some(&first),
        &[(&odd, "no entry of spec.verify.committers means it")],
    );
}

#[test]
fn a_merge_answers_only_for_what_it_does_itself() {
    let scene = Scene::ruled();
    scene.signed(&scene.bob, "rules/port.yaml", "old");
    let first = scene.signed(&scene.bob, "kits/acme/a.yaml", "1");
    scene.git("checkout --quiet -b side");
    scene.signed(&scene.alice, "kits/acme/b.yaml", "1");
    scene.git("checkout --quiet main");
    let second = scene.signed(&scene.bob, "rules/port.yaml", "new");
    let begin = ["merge", "--quiet", "--no-ff", "--no-commit", "side"];
    scene.git.git(&begin).unwrap();
    // carol may change none of the files that come together here.
    scene
        .ring
        .commit(&scene.git, &scene.carol, "merge")
        .unwrap();
    scene.passes(Some(&first));
    scene.git(&format!("reset --quiet --hard {second}"));
    scene.git.git(&begin).unwrap();
    let evil = scene.signed(&scene.alice, "rules/port.yaml", "old");
    scene.refused(
        Some(&first),
        &[(&evil, "alice, who may not change rules/port.yaml (bob may)")],
    );
}

#[test]
fn whoever_signs_the_head_answers_for_all_of_it_where_that_alone_is_looked_at() {
    let mut scene = Scene::ruled();
    scene.demands.mode = VerificationMode::Head;
    let first = scene.signed(&scene.bob, "rules/port.yaml", "1");
    scene.unsigned("rules/port.yaml", "2");
    let head = scene.signed(&scene.alice, "kits/acme/a.yaml", "1");
    scene.refused(Some(&first), &[(&head, "may not change rules/port.yaml")]);
    scene.signed(&scene.bob, "kits/acme/a.yaml", "2");
    scene.passes(Some(&first));
}

#[test]
fn a_history_that_is_rewritten_is_refused_until_the_platform_team_says_so() {
    let mut scene = Scene::ruled();
    let first = scene.signed(&scene.bob, "rules/port.yaml", "old");
    let taken = scene.signed(&scene.bob, "rules/port.yaml", "new");
    scene.passes(None);
    // Back to a commit that is signed, and older.
    scene.git(&format!("reset --quiet --hard {first}"));
    scene.refused(Some(&taken), &[(&first, "does not build on")]);
    let other = scene.signed(&scene.alice, "kits/acme/a.yaml", "1");
    scene.refused(Some(&taken), &[(&other, "which was taken up last")]);
    // What is undone is a change of whoever signed the head.
    scene.demands.rewrites = Rewrites::Allow;
    scene.refused(
        Some(&taken),
        &[(&other, "alice, who may not change rules/port.yaml")],
    );
    let third = scene.signed(&scene.bob, "kits/acme/a.yaml", "2");
    scene.passes(Some(&taken));
    scene.demands.rewrites = Rewrites::Refuse;
    // A commit that was there before says nothing of what came after it.
    scene.accept(&first, true);
    scene.refused(Some(&taken), &[(&third, "does not build on")]);
    scene.accept(&other, true);
    scene.passes(Some(&taken));
    // Nor is a revision followed by another that nothing is known of.
    let lost = Revision::new("0123456789012345678901234567890123456789");
    scene.refused(Some(&lost), &[(&third, "no longer to be had")]);
    scene.accept(&third, true);
    scene.passes(Some(&lost));
}

#[test]
fn a_tag_counts_for_the_name_and_the_commit_that_it_was_signed_for() {
    let mut scene = Scene::new();
    scene.demands.mode = VerificationMode::Tag;
    scene.unsigned("a", "1");
    let judge = |scene: &Scene, tag: &str| scene.judge(None, Follow::Tag(tag.into()));
    let tagged = |scene: &Scene, person: &Person, name: &str| {
        let tag = ["tag", "--force", "--sign", "--message", "a release", name];
        scene.ring.run(&scene.git, person, "", &tag).unwrap();
    };
    let refused = |scene: &Scene, tag: &str, words: &str| {
        let faults = judge(scene, tag).faults;
        assert!(
            matches!(&faults[..], [one] if one.to_string().contains(words)),
            "{faults:?}"
        );
    };
    scene.git("tag light");
    refused(&scene, "light", "which is not annotated");
    scene.git("tag --annotate --message said v1");
    refused(&scene, "v1", "which is not signed");
    tagged(&scene, &scene.mallory, "v1");
    refused(&scene, "v1", "none of those that are given");
    tagged(&scene, &scene.bob, "v1");
    let verdict = judge(&scene, "v1");
    assert_eq!(verdict.faults, []);
    assert!(matches!(verdict.signature, SignatureState::Good { signer, .. } if signer == "bob"));
    // An old tag, signed, under a new name.
    let old = scene.git("rev-parse v1");
    scene.git(&format!("update-ref refs/tags/v2 {old}"));
    refused(&scene, "v2", "is not what the tag v2 was made for");
    scene.demands.mode = VerificationMode::TagAndEvery;
    refused(&scene, "v1", UNSIGNED);
    scene.signed(&scene.alice, "a", "2");
    tagged(&scene, &scene.bob, "v1");
    assert_eq!(judge(&scene, "v1").faults, []);
}

#[test]
fn more_faults_than_anybody_reads_are_counted() {
    let scene = Scene::new();
    let first = scene.signed(&scene.alice, "a", "0");
    for number in 1..=53 {
        scene.unsigned("a", &number.to_string());
    }
    let faults = scene.verdict(Some(&first)).faults;
    assert_eq!(faults.len(), 51);
    let last = faults.last().unwrap().to_string();
    assert!(last.contains("brings 3 more commits"), "{last}");
}

#[test]
fn keys_that_cannot_be_taken_are_named_and_no_key_at_all_is_none() {
    let scene = Scene::new();
    let entry = ("Secret keys", "team", &b"ssh-ed25519 AAAA\n"[..]);
    let error = Policy::new(&scene.demands, [entry]).err().unwrap();
    assert!(error.starts_with("Secret keys: team:1: "), "{error}");
    let error = Policy::new(&Verification::default(), []).err().unwrap();
    assert!(error.contains("no key is given"), "{error}");
}
