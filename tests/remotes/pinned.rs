//! What is pinned of other repositories, from real servers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use trimtab::source::{Auth, Pinned, Reference, Store, Worker};
use trimtab_harness::git::Fixture;
use trimtab_harness::site::{Answer, Site};

use super::servers::Servers;
use super::{key, password};

const SOON: Duration = Duration::from_secs(20);

fn worker() -> Worker {
    Worker {
        program: PathBuf::from(env!("CARGO_BIN_EXE_trimtab")),
    }
}

fn resolve(store: &Store, url: &str, auth: &Auth) -> Pinned {
    let reference = Reference::Git {
        url: url.into(),
        name: "main".into(),
    };
    let pinned = store.resolve(&worker(), &reference, auth, SOON);
    pinned.unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn read(store: &Store, pinned: &Pinned) -> String {
    let files = store.files(pinned.url(), pinned.content());
    let bytes = files.expect("it is here").read("file.yaml", 100);
    String::from_utf8(bytes.expect("the file")).expect("a text")
}

/// Objects that a store's mirrors have.
fn commits(store: &Path) -> String {
    let mut mirrors = std::fs::read_dir(store.join("git")).expect("mirrors");
    let mut mirrors = mirrors.find_map(|it| {
        let path = it.expect("an entry").path();
        path.is_dir().then_some(path)
    });
    let mirror = mirrors.take().expect("a mirror");
    let output = std::process::Command::new("git")
        .current_dir(mirror)
        .args(["rev-list", "--count", "refs/trimtab/head"])
        .output()
        .expect("git is there");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_commit_is_fetched_without_its_history_and_an_older_one_as_the_server_gives_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let git = Fixture::new(&folder.path().join("base")).expect("a repository");
    let commit = |text: &str| {
        git.write("file.yaml", text).expect("written");
        git.commit(text).expect("a commit")
    };
    let first = commit("a: 1\n");
    commit("a: 2\n");
    let third = commit("a: 3\n");
    let site = Site::of_git(folder.path());
    let url = format!("{}/base", site.url());

    let store = Store::at(folder.path().join("store"));
    let pinned = resolve(&store, &url, &Auth::default());
    assert_eq!(pinned.content(), third);
    assert_eq!(read(&store, &pinned), "a: 3\n");
    assert_eq!(commits(&folder.path().join("store")), "1");

    let older = Pinned::Commit {
        url: url.clone(),
        commit: first,
    };
    let other = Store::at(folder.path().join("other"));
    for store in [&store, &other] {
        assert_eq!(
            store.fetch(&worker(), &older, &Auth::default(), SOON),
            Ok(())
        );
        assert_eq!(read(store, &older), "a: 1\n");
    }
    let gone = Pinned::Commit {
        url,
        commit: "1".repeat(40),
    };
    let error = store.fetch(&worker(), &gone, &Auth::default(), SOON);
    assert_eq!(error.expect_err("there is none").reason(), "CommitGone");
    // What is there is not asked for.
    let asked = site.asked().len();
    assert_eq!(
        store.fetch(&worker(), &older, &Auth::default(), SOON),
        Ok(())
    );
    assert_eq!(site.asked().len(), asked);
}

#[test]
fn a_pinned_base_is_had_with_the_credentials_of_its_source() {
    let servers = Servers::start();
    let folder = tempfile::tempdir().expect("a folder");
    let ssh = format!("ssh://git@127.0.0.1:{}/shop.git", servers.text("ssh"));
    let cases = [
        (
            format!("{}/shop.git", servers.text("http")),
            password(&servers, &servers.text("password")),
        ),
        (ssh, key(&servers, "identity", "knownHosts")),
    ];
    for (number, (url, auth)) in cases.iter().enumerate() {
        let store = Store::at(folder.path().join(number.to_string()));
        let pinned = resolve(&store, url, auth);
        assert_eq!(read(&store, &pinned), "a: 1\n");
        let none = Store::at(folder.path().join(format!("none-{number}")));
        let refused = none.fetch(&worker(), &pinned, &Auth::default(), SOON);
        assert!(refused.is_err(), "{url}");
        assert!(!none.has(&pinned));
    }
}

#[test]
fn a_file_is_fetched_by_a_child_and_refused_if_it_is_another_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::at(folder.path().join("store"));
    let site = Site::start(|asked| match asked.path.as_str() {
        "/a.yaml" => Answer::fine("a: 1\n"),
        _ => Answer::status(404),
    });
    let url = format!("{}/a.yaml", site.url());
    let reference = Reference::File { url: url.clone() };
    let pinned = store
        .resolve(&worker(), &reference, &Auth::default(), SOON)
        .expect("resolved");
    assert_eq!(store.bytes(&pinned), Some(b"a: 1\n".to_vec()));
    let other = Pinned::File {
        url,
        sha256: "0".repeat(64),
    };
    let error = store.fetch(&worker(), &other, &Auth::default(), SOON);
    let error = error.expect_err("another one");
    assert_eq!(error.reason(), "DigestDiffers", "{error}");
    assert_eq!(store.bytes(&other), None);
    site.be_away(true);
    let away = Store::at(folder.path().join("away"));
    let error = away.fetch(&worker(), &pinned, &Auth::default(), SOON);
    assert_eq!(error.expect_err("nobody is there").reason(), "Unreachable");
}
