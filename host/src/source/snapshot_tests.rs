use std::path::Path;

use trimtab_harness::git::Fixture;

use super::*;
use crate::source::Mirror;

/// A commit of a small tree with every kind of entry, as the mirror and as the work tree have it.
struct Scene {
    _folder: tempfile::TempDir,
    committed: Snapshot,
    directory: Snapshot,
}

fn link(root: &Path, path: &str, target: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    std::os::unix::fs::symlink(target, path).expect("a link");
}

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let git = Fixture::new(&folder.path().join("remote")).expect("a repository");
        git.write("shared/base/a.yaml", "a: 1\n").expect("written");
        git.write("kits/x/own.yaml", "own: 1\n").expect("written");
        git.write("kits/x/large.yaml", POINTER).expect("written");
        git.write("secret-outside", "s").expect("written");
        git.write("kits/x/run.sh", "#!/bin/sh\n").expect("written");
        let root = git.folder();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(root.join("kits/x/run.sh"), executable).expect("executable");
        link(root, "kits/x/base", "../../shared/base");
        link(root, "kits/x/file.yaml", "../../shared/base/a.yaml");
        link(root, "kits/x/chain", "base");
        link(root, "kits/x/out", "../../../outside");
        link(root, "kits/x/absolute", "/etc/passwd");
        link(root, "kits/x/one", "two");
        link(root, "kits/x/two", "one");
        link(root, "kits/x/nowhere", "missing.yaml");
        link(
            root,
            "kits/x/in-and-out",
            "../../kits/../../remote/secret-outside",
        );
        let head = git.commit("all kinds of entries").expect("a commit");
        let mirror = Mirror::open(
            &folder.path().join("mirror"),
            crate::source::Worker {
                program: "/nowhere".into(),
            },
        )
        .expect("a mirror");
        let remote = crate::source::RemoteSpec {
            url: git.url(),
            follow: crate::source::Follow::Branch("main".into()),
            auth: crate::source::Auth::default(),
            deadline: std::time::Duration::from_secs(20),
            limit: crate::source::FETCH_LIMIT,
        };
        mirror.poll(&remote, None).expect("polled");
        Self {
            committed: mirror.snapshot(&Revision::new(head)).expect("a snapshot"),
            directory: Snapshot::of_directory(git.folder()).expect("a snapshot"),
            _folder: folder,
        }
    }
}

#[test]
fn a_work_tree_has_the_ids_of_its_commit() {
    let scene = Scene::new();
    assert_eq!(scene.committed.root(), scene.directory.root());
    assert!(scene.committed.commit().is_some() && scene.directory.commit().is_none());
}

#[test]
fn links_are_resolved_inside_of_the_tree_and_never_out_of_it() {
    let scene = Scene::new();
    let read = |path: &str| scene.committed.read(path, 1000);
    assert_eq!(read("kits/x/file.yaml"), Ok(b"a: 1\n".to_vec()));
    assert_eq!(read("kits/x/base/a.yaml"), Ok(b"a: 1\n".to_vec()));
    assert_eq!(read("kits/x/chain/a.yaml"), Ok(b"a: 1\n".to_vec()));
    let real = scene.committed.resolve("kits/x/chain").expect("a folder").0;
    assert_eq!(real, "shared/base");
    for path in ["kits/x/out", "kits/x/absolute", "kits/x/in-and-out", "../x"] {
        let expected = SourceError::Escapes { path: path.into() };
        assert_eq!(read(path), Err(expected));
    }
    for path in ["kits/x/one", "kits/x/two/further"] {
        let expected = SourceError::LinkCycle { path: path.into() };
        assert_eq!(read(path), Err(expected));
    }
    let missing = SourceError::NotFound {
        path: "kits/x/nowhere".into(),
    };
    assert_eq!(read("kits/x/nowhere"), Err(missing));
    assert!(scene.committed.damage().is_none());
}

#[test]
fn what_cannot_be_read_says_which_and_why() {
    let scene = Scene::new();
    let read = |path: &str, limit| scene.committed.read(path, limit).expect_err("refused");
    let pointer = read("kits/x/large.yaml", 1000);
    assert!(matches!(pointer, SourceError::Lfs { .. }), "{pointer}");
    let large = read("kits/x/own.yaml", 3);
    assert_eq!(
        large.to_string(),
        "kits/x/own.yaml has 7 bytes, over the limit of 3"
    );
    let folder = read("kits/x", 1000);
    assert!(matches!(folder, SourceError::NotAFile { .. }), "{folder}");
    let through = read("kits/x/own.yaml/further", 1000);
    assert!(
        matches!(through, SourceError::NotADirectory { .. }),
        "{through}"
    );
    let listed = scene.committed.list("kits/x/own.yaml").expect_err("a file");
    assert!(
        matches!(listed, SourceError::NotADirectory { .. }),
        "{listed}"
    );
}

#[test]
fn a_submodule_is_said_to_be_unsupported() {
    let folder = tempfile::tempdir().expect("a folder");
    let git = Fixture::new(&folder.path().join("remote")).expect("a repository");
    git.write("kits/x/own.yaml", "own: 1\n").expect("written");
    let head = git.commit("first").expect("a commit");
    let entry = format!("160000,{head},kits/x/vendored");
    git.git(&["update-index", "--add", "--cacheinfo", &entry])
        .expect("added");
    git.git(&["commit", "--quiet", "--message", "a submodule"])
        .expect("a commit");
    let head = git.git(&["rev-parse", "HEAD"]).expect("an id");
    let store = git2::Repository::open(git.folder()).expect("a repository");
    let tree = {
        let commit = store.find_commit(git2::Oid::from_str(&head).expect("an id"));
        commit.expect("a commit").tree_id()
    };
    let snapshot = Snapshot::new(store, tree, None);
    let error = snapshot
        .read("kits/x/vendored/a.yaml", 1000)
        .expect_err("refused");
    let expected = SourceError::Submodule {
        path: "kits/x/vendored".into(),
    };
    assert_eq!(error, expected);
}

#[test]
fn a_large_directory_is_as_a_small_one() {
    for count in [3, 200] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join("d").join(name);
        std::fs::create_dir(path("")).expect("a folder");
        for number in 0..count {
            std::fs::write(path(&format!("f{number}")), number.to_string()).expect("a file");
        }
        link(folder.path(), "d/link", "f1");
        let snapshot = Snapshot::of_directory(folder.path()).expect("a snapshot");
        // What is asked for twice is the same again.
        for _ in 0..2 {
            let found = |name: &str| snapshot.resolve(&format!("d/{name}")).map(|it| it.0);
            assert_eq!(found("f2"), Ok("d/f2".to_owned()));
            assert_eq!(found("link"), Ok("d/f1".to_owned()));
            assert_eq!(snapshot.read("d/link", 9), Ok(b"1".to_vec()));
            for name in ["none", "f2\0", "\0", "F2"] {
                let path = format!("d/{name}");
                assert_eq!(found(name), Err(SourceError::NotFound { path }));
            }
            assert_eq!(snapshot.list("d").map(|it| it.len()), Ok(count + 1));
        }
    }
}

#[test]
fn a_link_leads_no_further_than_a_path_may() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = git2::Repository::init_bare(folder.path()).expect("a repository");
    let far = "a/".repeat(1 << 20);
    let root = {
        let target = store.blob(far.as_bytes()).expect("a blob");
        let mut tree = store.treebuilder(None).expect("a tree");
        tree.insert("far", target, 0o120_000).expect("an entry");
        tree.write().expect("written")
    };
    let found = Snapshot::new(store, root, None).resolve("far");
    let refused = SourceError::TooLarge {
        path: "far".into(),
        size: far.len(),
        limit: TARGET_LIMIT,
    };
    assert_eq!(found, Err(refused));
}
