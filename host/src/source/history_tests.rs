use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use trimtab_harness::git::Fixture;

use super::*;
use crate::source::{Auth, FETCH_LIMIT, Follow, Mirror, RemoteSpec, Worker};

struct Scene {
    folder: TempDir,
    git: Fixture,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let git = Fixture::new(&folder.path().join("remote")).unwrap();
        Self { folder, git }
    }

    fn git(&self, line: &str) -> String {
        self.git.git(&line.split(' ').collect::<Vec<_>>()).unwrap()
    }

    fn commit(&self, path: &str, text: &str) -> Revision {
        self.git.write(path, text).unwrap();
        Revision::new(self.git.commit(&format!("{path} {text}")).unwrap())
    }

    /// A merge of what is checked out with others, whose files are as they are after `change`.
    fn merge(&self, others: &[&Revision], change: impl FnOnce()) -> Revision {
        let mut arguments = vec!["merge", "--quiet", "--no-ff", "--no-commit", "-s", "ours"];
        arguments.extend(others.iter().map(|it| it.as_str()));
        self.git.git(&arguments).unwrap();
        change();
        Revision::new(self.git.commit("merge").unwrap())
    }

    fn follow(&self, follow: Follow) -> History {
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
        mirror.poll(&remote, None).unwrap();
        mirror.history().unwrap()
    }

    fn history(&self) -> History {
        self.follow(Follow::Branch("main".into()))
    }

    fn changed_by(&self, revision: &Revision) -> Vec<String> {
        let history = self.history();
        let commit = history.commit(revision).unwrap();
        texts(history.changed_by(&commit.bytes.unwrap()).unwrap())
    }
}

fn texts(paths: Vec<Vec<u8>>) -> Vec<String> {
    let paths = paths.into_iter();
    paths.map(|it| String::from_utf8(it).unwrap()).collect()
}

#[test]
fn a_commit_changes_what_it_adds_alters_moves_and_deletes() {
    let scene = Scene::new();
    let first = scene.commit("a/b/one.yaml", "1");
    assert_eq!(scene.changed_by(&first), ["a/b/one.yaml"]);
    scene.git.write("a/two.yaml", "2").unwrap();
    scene.git("mv a/b/one.yaml a/b/other.yaml");
    let second = Revision::new(scene.git.commit("move").unwrap());
    let expected = ["a/b/one.yaml", "a/b/other.yaml", "a/two.yaml"];
    assert_eq!(scene.changed_by(&second), expected);
    // A file in the place of a directory is one, and all that was in that is gone.
    scene.git("rm -r --quiet a/b");
    let third = scene.commit("a/b", "3");
    assert_eq!(scene.changed_by(&third), ["a/b", "a/b/other.yaml"]);
    scene.git("update-index --chmod=+x a/b");
    scene.git("commit --quiet -m mode");
    let fourth = Revision::new(scene.git("rev-parse HEAD"));
    assert_eq!(scene.changed_by(&fourth), ["a/b"]);
    let between = scene.history().changed_between(Some(&first), &fourth);
    assert_eq!(
        texts(between.unwrap()),
        ["a/b", "a/b/one.yaml", "a/two.yaml"]
    );
}

#[test]
fn a_merge_changes_what_it_does_not_simply_take_from_the_side_that_changed_it() {
    let scene = Scene::new();
    scene.commit("rules/port.yaml", "old");
    let base = scene.commit("kits/a.yaml", "1");
    scene.git("checkout --quiet -b side");
    let side = scene.commit("kits/b.yaml", "2");
    scene.git("checkout --quiet main");
    let main = scene.commit("rules/port.yaml", "new");
    let write = |path: &str, text: &str| scene.git.write(path, text).unwrap();
    let honest = scene.merge(&[&side], || write("kits/b.yaml", "2"));
    assert_eq!(scene.changed_by(&honest), Vec::<String>::new());
    // One that brings back what the other side changed, without a commit of its own that does so.
    scene.git(&format!("reset --quiet --hard {main}"));
    let evil = scene.merge(&[&side], || {
        write("kits/b.yaml", "2");
        write("rules/port.yaml", "old");
    });
    assert_eq!(scene.changed_by(&evil), ["rules/port.yaml"]);
    // One that drops what the side brought.
    scene.git(&format!("reset --quiet --hard {main}"));
    let dropping = scene.merge(&[&side], || ());
    assert_eq!(scene.changed_by(&dropping), ["kits/b.yaml"]);
    // An ancestor as the second parent explains nothing.
    scene.git(&format!("reset --quiet --hard {main}"));
    let tree = scene.git(&format!("rev-parse {base}^{{tree}}"));
    let id = scene.git(&format!("commit-tree {tree} -p {main} -p {base} -m back"));
    scene.git(&format!("reset --quiet --hard {id}"));
    assert_eq!(scene.changed_by(&Revision::new(id)), ["rules/port.yaml"]);
}

#[test]
fn what_is_new_is_all_that_the_known_does_not_build_on_whatever_the_clocks_say() {
    let scene = Scene::new();
    let first = scene.commit("a", "1");
    scene.git("checkout --quiet -b side");
    let side = scene.commit("b", "1");
    scene.git("checkout --quiet main");
    let second = scene.commit("a", "2");
    let merge = scene.merge(&[&side], || ());
    let since = |head: &Revision, known: &[Revision]| {
        let found = scene.history().since(head, known).unwrap().unwrap();
        let mut ids: Vec<String> = found.iter().map(ToString::to_string).collect();
        ids.sort();
        ids
    };
    let expected = |all: &[&Revision]| {
        let mut ids: Vec<String> = all.iter().map(ToString::to_string).collect();
        ids.sort();
        ids
    };
    assert_eq!(
        since(&merge, std::slice::from_ref(&second)),
        expected(&[&side, &merge])
    );
    assert_eq!(
        since(&merge, &[second.clone(), side.clone()]),
        expected(&[&merge])
    );
    assert_eq!(since(&merge, std::slice::from_ref(&merge)), expected(&[]));
    assert_eq!(since(&merge, &[first]), expected(&[&side, &second, &merge]));
    // What is known came from a clock that is years ahead.
    let tree = scene.git("rev-parse HEAD^{tree}");
    let raw = format!(
        "tree {tree}\nparent {merge}\nauthor a <a> 4000000000 +0000\ncommitter a <a> 4000000000 +0000\n\nx\n"
    );
    scene.git.write(".git/raw", raw).unwrap();
    let ahead = scene.git("hash-object -t commit -w .git/raw");
    scene.git(&format!("reset --quiet --hard {ahead}"));
    let ahead = Revision::new(ahead);
    let after = scene.commit("a", "3");
    assert_eq!(
        since(&after, std::slice::from_ref(&ahead)),
        expected(&[&after])
    );
    assert_eq!(since(&after, &[merge]), expected(&[&ahead, &after]));
}

#[test]
fn a_tree_that_no_git_makes_is_not_judged() {
    let scene = Scene::new();
    let first = scene.commit("file", "1");
    let blob = scene.git("rev-parse HEAD:file");
    let tree = scene.git("rev-parse HEAD^{tree}");
    let digits = |id: &str| -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&id[at..at + 2], 16).unwrap();
        (0..40).step_by(2).map(byte).collect()
    };
    let entry = |mode: &str, name: &str, id: &str| {
        [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &digits(id)].concat()
    };
    let odd = [
        [
            entry("100644", "file", &blob),
            entry("100644", "file", &tree),
        ]
        .concat(),
        [
            entry("100644", "rules", &blob),
            entry("100644", "rules-b", &blob),
            entry("40000", "rules", &tree),
        ]
        .concat(),
        entry("100644", "a/b", &blob),
        entry("40000", "..", &tree),
    ];
    for bytes in odd {
        scene.git.write(".git/raw", bytes).unwrap();
        let tree = scene.git("hash-object --literally -t tree -w .git/raw");
        let id = scene.git(&format!("commit-tree {tree} -p {first} -m odd"));
        scene.git(&format!("update-ref refs/heads/main {id}"));
        let history = scene.history();
        let commit = history.commit(&Revision::new(id)).unwrap();
        let error = history.changed_by(&commit.bytes.unwrap()).expect_err("odd");
        assert!(error.to_string().contains("no Git makes"), "{error}");
    }
}

#[test]
fn the_annotated_tag_that_is_followed_is_there_whether_its_commit_is_new_or_not() {
    let scene = Scene::new();
    let first = scene.commit("a", "1");
    assert!(scene.history().has(&first));
    scene.git("tag light");
    let named = |tag: &str| scene.follow(Follow::Tag(tag.into())).tag(tag).unwrap();
    assert_eq!(named("light"), None);
    scene.git("tag --annotate --message one v1");
    let tag = named("v1").unwrap().unwrap();
    assert_eq!(
        (tag.name.as_str(), tag.object.as_str()),
        ("v1", first.as_str())
    );
    scene.git("tag --force --annotate --message two v1");
    let again = scene.follow(Follow::Tag("v1".into()));
    let id = again.store.find_reference("refs/trimtab/tag/v1").unwrap();
    assert_eq!(id.target().unwrap().to_string(), scene.git("rev-parse v1"));
    // Nor is a tag kept that is followed no more.
    scene.git("tag --annotate --message three v2.0.0");
    assert!(
        scene
            .follow(Follow::Semver(">=2".into()))
            .tag("v1")
            .unwrap()
            .is_none()
    );
}
