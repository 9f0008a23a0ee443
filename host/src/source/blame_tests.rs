use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;
use trimtab_harness::git::Fixture;

use super::*;
use crate::source::{Auth, FETCH_LIMIT, Follow, RemoteSpec, Worker};

const ALICE: &str = "Alice Example <alice@example.org>";
const BOB: &str = "Bob Example <bob@example.org>";

fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

struct Scene {
    folder: TempDir,
    git: Fixture,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let git = Fixture::new(&folder.path().join("remote")).expect("a repository");
        Self { folder, git }
    }

    fn commit(&self, author: &str, path: &str, text: &str, subject: &str) -> String {
        self.git.write(path, text).expect("written");
        self.git.commit_as(author, subject).expect("a commit")
    }

    /// The mirror, and what it follows.
    fn mirror(&self) -> (Mirror, Revision) {
        // Nothing goes over the network: no process is started.
        let worker = Worker {
            program: PathBuf::from("/nowhere"),
        };
        let mirror = Mirror::open(&self.folder.path().join("mirror"), worker).expect("a mirror");
        let remote = RemoteSpec {
            url: self.git.url(),
            follow: Follow::Branch("main".into()),
            auth: Auth::default(),
            deadline: Duration::from_secs(20),
            limit: FETCH_LIMIT,
        };
        mirror.poll(&remote, None).expect("polled");
        let head = self.git.git(&["rev-parse", "HEAD"]).expect("a commit");
        (mirror, Revision::new(head))
    }

    /// Commit, path and line of each line of a file.
    fn blame(&self, path: &str, lines: u32) -> Vec<(String, String, u32)> {
        let (mirror, head) = self.mirror();
        let wanted = (1..=lines).collect();
        let found = mirror
            .blame(&head, path, &wanted, later())
            .expect("a history");
        let one = |it: &Blamed| (it.commit.revision.to_string(), it.path.clone(), it.line);
        found.values().map(one).collect()
    }

    /// The same by git itself.
    fn git_blame(&self, path: &str) -> Vec<(String, String, u32)> {
        let told = self
            .git
            .git(&["blame", "--line-porcelain", path])
            .expect("git blames");
        let mut lines = Vec::new();
        for line in told.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            if words.len() >= 3 && words[0].len() == 40 && !line.starts_with('\t') {
                lines.push((
                    words[0].to_owned(),
                    String::new(),
                    words[1].parse().expect("a line"),
                ));
            } else if let Some(name) = line.strip_prefix("filename ") {
                lines.last_mut().expect("a line before").1 = name.to_owned();
            }
        }
        lines
    }
}

#[test]
fn a_line_comes_from_the_commit_that_wrote_it_though_the_file_moved_and_others_changed_beside_it() {
    let scene = Scene::new();
    let first = scene.commit(
        ALICE,
        "a/service.yaml",
        "one\ntwo\nthree\nfour\nfive\n",
        "first",
    );
    let second = scene.commit(
        BOB,
        "a/service.yaml",
        "zero\none\ntwo\nTHREE\nfour\nfive\n",
        "second",
    );
    scene
        .git
        .git(&["mv", "a/service.yaml", "b.yaml"])
        .expect("moved");
    let third = scene.commit(
        ALICE,
        "b.yaml",
        "zero\none\ntwo\nTHREE\nfour\nfive\nsix\n",
        "third",
    );
    let from = |commit: &str, path: &str, line| (commit.to_owned(), path.to_owned(), line);
    assert_eq!(
        scene.blame("b.yaml", 7),
        [
            from(&second, "a/service.yaml", 1),
            from(&first, "a/service.yaml", 1),
            from(&first, "a/service.yaml", 2),
            from(&second, "a/service.yaml", 4),
            from(&first, "a/service.yaml", 4),
            from(&first, "a/service.yaml", 5),
            from(&third, "b.yaml", 7),
        ]
    );
    assert_eq!(scene.blame("b.yaml", 7), scene.git_blame("b.yaml"));
    let (mirror, head) = scene.mirror();
    let whole = mirror
        .blame(&head, "b.yaml", &[0].into(), later())
        .expect("a history");
    assert_eq!(whole[&0].commit.revision.as_str(), third);
    assert_eq!(whole[&0].commit.author, ALICE);
    let nothing = mirror
        .blame(&head, "c.yaml", &[1].into(), later())
        .expect("a history");
    assert!(nothing.is_empty());
}

#[test]
fn what_is_not_found_in_time_is_left_out() {
    let scene = Scene::new();
    scene.commit(ALICE, "f", "a\n", "first");
    let (mirror, head) = scene.mirror();
    let found = mirror.blame(&head, "f", &[1].into(), Instant::now());
    assert!(found.expect("a history").is_empty());
}

#[test]
fn lines_of_both_sides_of_a_merge_come_from_where_they_were_written() {
    let scene = Scene::new();
    scene.commit(ALICE, "f", "a\nb\nc\nd\ne\nf\n", "first");
    scene
        .git
        .git(&["checkout", "-q", "-b", "side"])
        .expect("a branch");
    scene.commit(BOB, "f", "A\nb\nc\nd\ne\nf\n", "on the side");
    scene.git.git(&["checkout", "-q", "main"]).expect("back");
    scene.commit(ALICE, "f", "a\nb\nc\nd\ne\nF\n", "on main");
    scene
        .git
        .git(&["merge", "-q", "--no-edit", "side"])
        .expect("merged");
    assert_eq!(scene.blame("f", 6), scene.git_blame("f"));
}

#[test]
fn a_revision_is_named_by_its_beginning_by_what_is_followed_and_from_there() {
    let scene = Scene::new();
    let first = scene.commit(ALICE, "f", "a\n", "first");
    let second = scene.commit(BOB, "f", "b\n", "second");
    let (mirror, head) = scene.mirror();
    let follow = Follow::Branch("main".into());
    let named = |name: &str| {
        let found = mirror.named(name, &head, &follow);
        found.map(|it| it.revision.to_string()).ok()
    };
    for name in ["HEAD~1", "HEAD^", "main~", "HEAD~0^1", &first[..7], &first] {
        assert_eq!(named(name), Some(first.clone()), "{name}");
    }
    assert_eq!(named("HEAD"), Some(second.clone()));
    for name in [
        "",
        "HEAD~2",
        "HEAD^2",
        "other",
        ":/first",
        "HEAD@{1}",
        "main:f",
        "HEAD^{tree}",
        "abc",
    ] {
        assert_eq!(named(name), None, "{name}");
    }
}

/// What one commit does to the lines that there are.
#[derive(Clone, Debug)]
enum Edit {
    Insert(usize, usize),
    Delete(usize),
    Replace(usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        (0..40usize, 1..4usize).prop_map(|(at, count)| Edit::Insert(at, count)),
        (0..40usize).prop_map(Edit::Delete),
        (0..40usize).prop_map(Edit::Replace),
    ];
    proptest::collection::vec(edit, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_history_is_told_as_git_tells_it(edits in edits()) {
        let scene = Scene::new();
        let mut next = 0;
        let mut line = || { next += 1; format!("line number {next}") };
        let mut lines: Vec<String> = (0..8).map(|_| line()).collect();
        scene.commit(ALICE, "f", &(lines.join("\n") + "\n"), "first");
        for edit in edits {
            let len = lines.len();
            match edit {
                Edit::Insert(at, count) => {
                    for _ in 0..count { lines.insert(at % (len + 1), line()); }
                }
                Edit::Delete(at) if len > 1 => { lines.remove(at % len); }
                Edit::Delete(_) => {}
                Edit::Replace(at) => lines[at % len] = line(),
            }
            scene.commit(BOB, "f", &(lines.join("\n") + "\n"), "edit");
        }
        let count = lines.len() as u32;
        prop_assert_eq!(scene.blame("f", count), scene.git_blame("f"));
    }
}
