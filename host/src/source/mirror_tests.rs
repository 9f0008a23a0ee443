use std::time::Duration;

use tempfile::TempDir;
use trimtab_harness::git::Fixture;

use super::*;
use crate::source::{Auth, FETCH_LIMIT, Follow};

struct Scene {
    folder: TempDir,
    git: Fixture,
}

impl Scene {
    /// A repository with one commit of `file.yaml`, `a: 1`.
    fn new() -> (Self, Revision) {
        let folder = tempfile::tempdir().expect("a folder");
        let git = Fixture::new(&folder.path().join("remote")).expect("a repository");
        let scene = Self { folder, git };
        let first = scene.commit("a: 1\n");
        (scene, first)
    }

    fn commit(&self, text: &str) -> Revision {
        self.git.write("file.yaml", text).expect("written");
        Revision::new(self.git.commit(text.trim()).expect("a commit"))
    }

    fn git(&self, arguments: &[&str]) {
        self.git.git(arguments).expect("git does it");
    }

    fn folder(&self) -> PathBuf {
        self.folder.path().join("mirror")
    }

    fn mirror(&self) -> Mirror {
        // Nothing goes over the network: no process is started.
        let worker = Worker {
            program: PathBuf::from("/nowhere"),
        };
        Mirror::open(&self.folder(), worker).expect("a mirror")
    }

    fn remote(&self, follow: Follow) -> RemoteSpec {
        RemoteSpec {
            url: self.git.url(),
            follow,
            auth: Auth::default(),
            deadline: Duration::from_secs(20),
            limit: FETCH_LIMIT,
        }
    }

    fn poll(&self, follow: Follow, known: Option<&Revision>) -> Result<Poll, RemoteError> {
        self.mirror().poll(&self.remote(follow), known)
    }
}

fn main() -> Follow {
    Follow::Branch("main".into())
}

fn moved(found: Result<Poll, RemoteError>) -> (Commit, bool) {
    match found {
        Ok(Poll::Moved { commit, forced }) => (commit, forced),
        other => panic!("not moved: {other:?}"),
    }
}

fn content(mirror: &Mirror, revision: &Revision) -> Vec<u8> {
    let snapshot = mirror.snapshot(revision).expect("a snapshot");
    snapshot.read("file.yaml", 100).expect("the file")
}

#[test]
fn a_branch_is_followed_and_a_rewritten_one_is_told() {
    let (scene, first) = Scene::new();
    let (commit, forced) = moved(scene.poll(main(), None));
    assert_eq!((&commit.revision, forced), (&first, false));
    assert_eq!(commit.author, "Pat Example <pat@example.org>");
    assert_eq!((commit.subject.as_str(), commit.tag), ("a: 1", None));
    assert_eq!(
        scene.poll(main(), Some(&first)),
        Ok(Poll::Unchanged(first.clone()))
    );
    let second = scene.commit("a: 2\n");
    let (commit, forced) = moved(scene.poll(main(), Some(&first)));
    assert_eq!((&commit.revision, forced), (&second, false));
    scene.git(&["reset", "--quiet", "--hard", first.as_str()]);
    let third = scene.commit("a: 3\n");
    let (commit, forced) = moved(scene.poll(main(), Some(&second)));
    assert_eq!((&commit.revision, forced), (&third, true));
    assert_eq!(content(&scene.mirror(), &third), b"a: 3\n");
}

#[test]
fn a_tag_is_followed_to_its_commit_annotated_or_not() {
    let (scene, first) = Scene::new();
    scene.git(&["tag", "light"]);
    scene.git(&["tag", "--annotate", "--message", "said", "heavy"]);
    for tag in ["light", "heavy"] {
        let (commit, _) = moved(scene.poll(Follow::Tag(tag.into()), None));
        assert_eq!(
            (commit.revision, commit.tag.as_deref()),
            (first.clone(), Some(tag))
        );
    }
    let second = scene.commit("a: 2\n");
    let unmoved = scene.poll(Follow::Tag("heavy".into()), Some(&first));
    assert_eq!(unmoved, Ok(Poll::Unchanged(first.clone())));
    scene.git(&[
        "tag",
        "--force",
        "--annotate",
        "--message",
        "moved",
        "heavy",
    ]);
    let (commit, _) = moved(scene.poll(Follow::Tag("heavy".into()), Some(&first)));
    assert_eq!(commit.revision, second);
    let missing = scene
        .poll(Follow::Tag("v9".into()), None)
        .expect_err("no such tag");
    assert_eq!(missing.reason(), "RefNotFound");
    assert!(missing.to_string().ends_with("has no tag v9"), "{missing}");
}

#[test]
fn a_semver_range_takes_the_highest_tag_in_it() {
    let (scene, _) = Scene::new();
    let mut made = std::collections::BTreeMap::new();
    for tag in [
        "v1.2.0",
        "v1.10.0",
        "1.9.9",
        "v2.0.0",
        "v1.11.0-rc.1",
        "nightly",
    ] {
        made.insert(tag, scene.commit(&format!("tag: {tag}\n")));
        scene.git(&["tag", tag]);
    }
    let follow = |range: &str| scene.poll(Follow::Semver(range.into()), None);
    for (range, tag) in [
        ("1.x", "v1.10.0"),
        (">=1.2, <1.10", "1.9.9"),
        ("*", "v2.0.0"),
        (">=1.11.0-rc.0, <1.12", "v1.11.0-rc.1"),
    ] {
        let (commit, _) = moved(follow(range));
        assert_eq!(commit.tag.as_deref(), Some(tag), "{range}");
        assert_eq!(commit.revision, made[tag], "{range}");
    }
    let none = follow(">=3").expect_err("no tag");
    assert_eq!(none.reason(), "RefNotFound", "{none}");
    let nonsense = follow("newest").expect_err("no range");
    assert_eq!(nonsense.reason(), "InvalidUrl", "{nonsense}");
}

#[test]
fn a_commit_is_followed_without_its_branch_and_without_its_server() {
    let (scene, first) = Scene::new();
    scene.commit("a: 2\n");
    let follow = || Follow::Commit(first.to_string());
    let (commit, _) = moved(scene.poll(follow(), None));
    assert_eq!(commit.revision, first);
    assert_eq!(content(&scene.mirror(), &first), b"a: 1\n");
    std::fs::rename(scene.git.folder(), scene.folder.path().join("away")).expect("moved");
    assert_eq!(
        scene.poll(follow(), Some(&first)),
        Ok(Poll::Unchanged(first.clone()))
    );
}

#[test]
fn a_commit_that_vanished_is_told_and_so_is_one_that_is_no_id() {
    let (scene, first) = Scene::new();
    let gone = "0123456789012345678901234567890123456789";
    let error = scene
        .poll(Follow::Commit(gone.into()), Some(&first))
        .expect_err("it is gone");
    assert_eq!(error.reason(), "CommitGone", "{error}");
    assert!(error.to_string().contains(gone), "{error}");
    let short = scene
        .poll(Follow::Commit(first.short().into()), None)
        .expect_err("too short");
    assert_eq!(short.reason(), "InvalidUrl", "{short}");
}

#[test]
fn a_deleted_branch_and_an_empty_repository_are_told_apart() {
    let (scene, first) = Scene::new();
    scene.git(&["branch", "--move", "main", "other"]);
    let error = scene.poll(main(), Some(&first)).expect_err("no branch");
    assert_eq!(error.reason(), "RefNotFound", "{error}");
    let empty = Fixture::new(&scene.folder.path().join("empty")).expect("a repository");
    let remote = RemoteSpec {
        url: empty.url(),
        ..scene.remote(main())
    };
    let error = scene.mirror().poll(&remote, None).expect_err("empty");
    assert_eq!(error.reason(), "EmptyRepository", "{error}");
}

#[test]
fn what_a_killed_process_left_is_swept_and_a_half_made_mirror_is_made_anew() {
    let (scene, first) = Scene::new();
    moved(scene.poll(main(), None));
    let left = scene
        .folder()
        .join("objects/pack/pack_git2_0123456789abcdef");
    fs::write(&left, "half a pack").expect("written");
    assert_eq!(content(&scene.mirror(), &first), b"a: 1\n");
    assert!(!left.exists());
    for broken in ["HEAD", "objects"] {
        let path = scene.folder().join(broken);
        match path.is_dir() {
            true => fs::remove_dir_all(path).expect("removed"),
            false => fs::remove_file(path).expect("removed"),
        }
        moved(scene.poll(main(), None));
        assert_eq!(content(&scene.mirror(), &first), b"a: 1\n");
    }
}

/// Overwrites every pack of the mirror from byte `from` on.
fn damage(scene: &Scene, from: usize) {
    for entry in fs::read_dir(scene.folder().join("objects/pack")).expect("packs") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|it| it == "pack") {
            let mut bytes = fs::read(&path).expect("a pack");
            bytes[from..].fill(0x5a);
            // Packs are read-only: another takes its place.
            fs::remove_file(&path).expect("removed");
            fs::write(&path, bytes).expect("written");
        }
    }
}

#[test]
fn a_damaged_pack_is_noticed_and_the_mirror_is_made_anew() {
    for from in [12, 150] {
        let (scene, first) = Scene::new();
        moved(scene.poll(main(), None));
        damage(&scene, from);
        let mirror = scene.mirror();
        let error = match mirror.snapshot(&first) {
            Err(error) => error,
            Ok(snapshot) => {
                let error = snapshot.read("file.yaml", 100).expect_err("damage");
                assert_eq!(snapshot.damage(), Some(&error));
                error
            }
        };
        assert!(matches!(error, SourceError::Damaged { .. }), "{error}");
        mirror.discard().expect("discarded");
        moved(scene.poll(main(), None));
        assert_eq!(content(&scene.mirror(), &first), b"a: 1\n");
    }
}

#[test]
fn a_poll_into_a_damaged_mirror_makes_it_anew() {
    let (scene, first) = Scene::new();
    moved(scene.poll(main(), None));
    damage(&scene, 12);
    let (commit, _) = moved(scene.poll(main(), None));
    assert_eq!(commit.revision, first);
    assert_eq!(content(&scene.mirror(), &first), b"a: 1\n");
    damage(&scene, 12);
    let second = scene.commit("a: 2\n");
    let (commit, _) = moved(scene.poll(main(), Some(&first)));
    assert_eq!(commit.revision, second);
    assert_eq!(content(&scene.mirror(), &second), b"a: 2\n");
}

#[test]
fn what_is_kept_outlives_the_remote_and_git_s_own_housekeeping() {
    let (scene, first) = Scene::new();
    moved(scene.poll(main(), None));
    let mirror = scene.mirror();
    mirror.keep(std::slice::from_ref(&first)).expect("kept");
    scene.git(&["checkout", "--quiet", "--orphan", "anew"]);
    let second = scene.commit("a: 2\n");
    scene.git(&["branch", "--force", "main", second.as_str()]);
    moved(scene.poll(main(), Some(&first)));
    let prune = || {
        let folder = scene.folder().display().to_string();
        scene.git(&["-C", &folder, "gc", "--quiet", "--prune=now"]);
    };
    prune();
    assert_eq!(content(&scene.mirror(), &first), b"a: 1\n");
    mirror.keep(std::slice::from_ref(&second)).expect("kept");
    prune();
    assert!(scene.mirror().snapshot(&first).is_err());
    assert_eq!(content(&scene.mirror(), &second), b"a: 2\n");
}

#[test]
fn a_fetch_that_brings_too_much_is_given_up() {
    let (scene, first) = Scene::new();
    let noise: String = (0..40_000_u64)
        .map(|n| format!("{:x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    scene.git.write("noise", noise).expect("written");
    let second = scene.commit("a: 2\n");
    let small = RemoteSpec {
        limit: 10_000,
        ..scene.remote(main())
    };
    let error = scene
        .mirror()
        .poll(&small, Some(&first))
        .expect_err("too much");
    assert_eq!(error.reason(), "FetchTooLarge", "{error}");
    let (commit, _) = moved(scene.poll(main(), Some(&first)));
    assert_eq!(commit.revision, second);
}

#[test]
fn many_packs_are_folded_and_nothing_is_lost() {
    let (scene, first) = Scene::new();
    let mirror = scene.mirror();
    moved(mirror.poll(&scene.remote(main()), None));
    let packs = || {
        let entries = fs::read_dir(scene.folder().join("objects/pack")).expect("packs");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths
            .filter(|path| path.extension().is_some_and(|it| it == "pack"))
            .count()
    };
    let in_use = mirror.snapshot(&first).expect("a snapshot");
    let mut revisions = vec![first];
    for round in 0..120 {
        let revision = scene.commit(&format!("a: {round}\nb: {round}\n"));
        moved(mirror.poll(&scene.remote(main()), revisions.last()));
        revisions.push(revision);
        assert!(packs() <= 105, "{} packs", packs());
    }
    assert_eq!(in_use.read("file.yaml", 100).expect("the file"), b"a: 1\n");
    let mirror = scene.mirror();
    assert!(packs() <= 51, "{} packs", packs());
    for (round, revision) in revisions.iter().skip(1).enumerate() {
        let expected = format!("a: {round}\nb: {round}\n");
        assert_eq!(content(&mirror, revision), expected.as_bytes());
    }
}

#[test]
fn mirrors_follow_no_redirect_to_another_host() {
    let (scene, _) = Scene::new();
    drop(scene.mirror());
    let config = fs::read_to_string(scene.folder().join("config")).expect("a configuration");
    assert!(config.contains("followRedirects = false"), "{config}");
}

#[test]
fn what_a_fetch_that_was_cut_off_left_takes_no_room() {
    use std::os::unix::fs::PermissionsExt as _;
    let (scene, _) = Scene::new();
    let program = scene.folder.path().join("worker");
    let left = scene.folder().join("objects/pack/pack_git2_left");
    let script = format!("#!/bin/sh\necho half > {}\n", left.display());
    fs::write(&program, script).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    let mirror = Mirror::open(&scene.folder(), Worker { program }).expect("a mirror");
    let remote = RemoteSpec {
        url: "http://git.example.org/platform.git".into(),
        ..scene.remote(main())
    };
    let error = mirror.poll(&remote, None).expect_err("no answer");
    assert_eq!(error.reason(), "ProtocolError");
    assert!(!left.exists());
}
