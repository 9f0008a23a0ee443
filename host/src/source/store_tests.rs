use std::path::Path;

use trimtab_harness::git::Fixture;

use super::*;

struct Scene {
    folder: tempfile::TempDir,
    git: Fixture,
    store: Store,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let git = Fixture::new(&folder.path().join("base")).expect("a repository");
        git.write("a.yaml", "a: 1\n").expect("written");
        git.commit("first").expect("committed");
        let store = Store::at(folder.path().join("store"));
        Self { folder, git, store }
    }

    fn resolve(&self, name: &str) -> Result<Pinned, RemoteError> {
        let reference = Reference::Git {
            url: self.git.url(),
            name: name.into(),
        };
        let auth = Auth::default();
        self.store.resolve(&worker(), &reference, &auth, SOON)
    }

    fn fetch(&self, pinned: &Pinned) -> Result<(), RemoteError> {
        self.store.fetch(&worker(), pinned, &Auth::default(), SOON)
    }

    fn commit(&self, id: &str) -> Pinned {
        Pinned::Commit {
            url: self.git.url(),
            commit: id.into(),
        }
    }
}

const SOON: Duration = Duration::from_secs(20);

/// Local repositories need none.
fn worker() -> Worker {
    Worker {
        program: "none".into(),
    }
}

fn text(store: &Store, pinned: &Pinned) -> String {
    let Pinned::Commit { url, commit } = pinned else {
        panic!("{pinned} is no commit");
    };
    let files = store.files(url, commit).expect("it is here");
    String::from_utf8(files.read("a.yaml", 100).expect("the file")).expect("a text")
}

#[test]
fn a_name_stands_for_a_commit_that_stays_when_the_name_moves_on() {
    let scene = Scene::new();
    let first = scene.git.git(&["rev-parse", "HEAD"]).expect("a commit");
    scene.git.git(&["tag", "v1"]).expect("a tag");
    scene
        .git
        .git(&["tag", "-am", "v1", "heavy"])
        .expect("a tag");
    for name in [
        "main",
        "v1",
        "heavy",
        "HEAD",
        "refs/heads/main",
        "refs/tags/v1",
    ] {
        assert_eq!(scene.resolve(name), Ok(scene.commit(&first)), "{name}");
    }
    scene.git.write("a.yaml", "a: 2\n").expect("written");
    let second = scene.git.commit("second").expect("committed");
    assert_eq!(scene.resolve("v1"), Ok(scene.commit(&first)));
    let moved = scene.resolve("main").expect("resolved");
    assert_eq!(moved, scene.commit(&second));
    assert_eq!(text(&scene.store, &moved), "a: 2\n");
    assert_eq!(text(&scene.store, &scene.commit(&first)), "a: 1\n");
    let none = scene.resolve("v9").expect_err("there is none");
    assert_eq!(none.reason(), "RefNotFound");
}

#[test]
fn what_was_fetched_is_there_for_the_next_process_and_while_the_source_is_away() {
    let scene = Scene::new();
    let pinned = scene.resolve("main").expect("resolved");
    std::fs::remove_dir_all(scene.git.folder()).expect("removed");
    let again = Store::at(scene.folder.path().join("store"));
    assert!(again.has(&pinned));
    assert_eq!(text(&again, &pinned), "a: 1\n");
    assert_eq!(scene.fetch(&pinned), Ok(()));
}

#[test]
fn what_could_not_be_had_is_remembered_until_it_can() {
    let scene = Scene::new();
    let missing = scene.commit(&"1".repeat(40));
    assert_eq!(scene.store.wanting(&missing), Wanting::New);
    assert!(!scene.store.has(&missing));
    let error = scene.fetch(&missing).expect_err("there is none");
    let failed = Wanting::Failed(error.to_string());
    assert_eq!(scene.store.wanting(&missing), failed);

    let first = scene.git.git(&["rev-parse", "HEAD"]).expect("a commit");
    let there = scene.commit(&first);
    assert_eq!(scene.fetch(&there), Ok(()));
    assert_eq!(scene.store.wanting(&there), Wanting::New);
    assert!(scene.store.has(&there));
}

#[test]
fn a_mirror_that_is_damaged_is_fetched_anew() {
    let scene = Scene::new();
    let pinned = scene.resolve("main").expect("resolved");
    let folder = scene.folder.path().join("store/git");
    remove_objects(&folder);
    let again = Store::at(scene.folder.path().join("store"));
    assert!(!again.has(&pinned));
    assert_eq!(scene.fetch(&pinned), Ok(()));
    assert_eq!(text(&again, &pinned), "a: 1\n");
}

fn remove_objects(folder: &Path) {
    for mirror in fs::read_dir(folder).expect("a folder").flatten() {
        let objects = mirror.path().join("objects");
        if objects.is_dir() {
            fs::remove_dir_all(&objects).expect("removed");
            fs::create_dir_all(objects.join("pack")).expect("made");
        }
    }
}

#[test]
fn content_that_is_not_what_was_pinned_is_not_given() {
    let scene = Scene::new();
    let content = scene.folder.path().join("store/content");
    fs::create_dir_all(&content).expect("made");
    let sha256 = sha256(b"right");
    let pinned = Pinned::File {
        url: "https://a.example.org/x.yaml".into(),
        sha256: sha256.clone(),
    };
    fs::write(content.join(&sha256), b"wrong").expect("written");
    assert_eq!(scene.store.bytes(&pinned), None);
    fs::write(content.join(&sha256), b"right").expect("written");
    assert_eq!(scene.store.bytes(&pinned), Some(b"right".to_vec()));
}
