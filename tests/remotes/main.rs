//! Mirrors of real servers: git's own HTTP backend, TLS by a private CA, SSH.

mod pinned;
mod servers;

use std::path::PathBuf;
use std::time::Duration;

use trimtab::source::{Auth, FETCH_LIMIT, Follow, Mirror, Poll, RemoteError, RemoteSpec, Worker};

use servers::Servers;

struct Client {
    folder: tempfile::TempDir,
}

impl Client {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Polls by a child process, as the host does.
    fn poll(&self, url: &str, auth: Auth) -> Result<Poll, RemoteError> {
        self.poll_within(url, auth, Duration::from_secs(20))
    }

    fn poll_within(&self, url: &str, auth: Auth, deadline: Duration) -> Result<Poll, RemoteError> {
        let worker = Worker {
            program: PathBuf::from(env!("CARGO_BIN_EXE_trimtab")),
        };
        let mirror = Mirror::open(&self.folder.path().join("mirror"), worker)?;
        let remote = RemoteSpec {
            url: url.into(),
            follow: Follow::Branch("main".into()),
            auth,
            deadline,
            limit: FETCH_LIMIT,
        };
        let found = mirror.poll(&remote, None);
        if let Ok(Poll::Moved { commit, .. }) = &found {
            let snapshot = mirror
                .snapshot(&commit.revision)
                .expect("the commit is in the mirror");
            assert_eq!(
                snapshot.read("file.yaml", 100).expect("the file"),
                b"a: 1\n"
            );
            assert_eq!(
                mirror.poll(&remote, Some(&commit.revision)),
                Ok(Poll::Unchanged(commit.revision.clone()))
            );
        }
        found
    }
}

fn password(servers: &Servers, word: &str) -> Auth {
    Auth {
        username: Some(servers.text("user")),
        password: Some(word.into()),
        ..Auth::default()
    }
}

fn key(servers: &Servers, identity: &str, hosts: &str) -> Auth {
    Auth {
        ssh_key: Some(servers.text(identity)),
        known_hosts: Some(servers.text(hosts)),
        ..Auth::default()
    }
}

fn is_moved(found: &Result<Poll, RemoteError>) -> bool {
    matches!(found, Ok(Poll::Moved { .. }))
}

#[test]
fn http_wants_the_right_password_and_never_tells_it() {
    let servers = Servers::start();
    let url = format!("{}/shop.git", servers.text("http"));
    let found = Client::new().poll(&url, password(&servers, &servers.text("password")));
    assert!(is_moved(&found), "{found:?}");
    let wrong = Client::new()
        .poll(&url, password(&servers, "wrong-word"))
        .expect_err("refused");
    assert_eq!(wrong.reason(), "AuthenticationFailed", "{wrong}");
    assert!(!wrong.to_string().contains("wrong-word"), "{wrong}");
    let none = Client::new()
        .poll(&url, Auth::default())
        .expect_err("refused");
    assert_eq!(none.reason(), "AuthenticationFailed", "{none}");
}

#[test]
fn tls_is_trusted_by_the_private_ca_alone_and_only_under_its_name() {
    let servers = Servers::start();
    let url = format!("{}/shop.git", servers.text("https"));
    let right = Auth {
        ca: Some(servers.text("ca")),
        ..password(&servers, &servers.text("password"))
    };
    let found = Client::new().poll(&url, right.clone());
    assert!(is_moved(&found), "{found:?}");
    let unknown = Client::new()
        .poll(&url, password(&servers, &servers.text("password")))
        .expect_err("untrusted");
    assert_eq!(unknown.reason(), "HostNotTrusted", "{unknown}");
    let other_name = url.replace("localhost", "127.0.0.1");
    let misnamed = Client::new()
        .poll(&other_name, right)
        .expect_err("another name");
    assert_eq!(misnamed.reason(), "HostNotTrusted", "{misnamed}");
}

#[test]
fn ssh_wants_the_right_key_and_the_right_host() {
    let servers = Servers::start();
    let url = format!("ssh://git@127.0.0.1:{}/shop.git", servers.text("ssh"));
    let found = Client::new().poll(&url, key(&servers, "identity", "knownHosts"));
    assert!(is_moved(&found), "{found:?}");
    let wrong_host = Client::new()
        .poll(&url, key(&servers, "identity", "wrongHosts"))
        .expect_err("another host");
    assert_eq!(wrong_host.reason(), "HostNotTrusted", "{wrong_host}");
    let unknown = Auth {
        ssh_key: Some(servers.text("identity")),
        ..Auth::default()
    };
    let unknown = Client::new()
        .poll(&url, unknown)
        .expect_err("no known_hosts");
    assert_eq!(unknown.reason(), "HostNotTrusted", "{unknown}");
    let stranger = Client::new()
        .poll(&url, key(&servers, "stranger", "knownHosts"))
        .expect_err("a stranger");
    assert_eq!(stranger.reason(), "AuthenticationFailed", "{stranger}");
}

#[test]
fn a_silent_a_talkative_and_a_missing_server_are_told_apart() {
    let servers = Servers::start();
    let at = |path: &str| format!("{}/{path}", servers.text("http"));
    let silent = Client::new()
        .poll_within(&at("hanging"), Auth::default(), Duration::from_secs(1))
        .expect_err("silent");
    assert_eq!(silent.reason(), "TimedOut", "{silent}");
    let garbage = Client::new()
        .poll(&at("garbage"), Auth::default())
        .expect_err("garbage");
    assert_eq!(garbage.reason(), "ProtocolError", "{garbage}");
    let missing = Client::new()
        .poll(
            &at("nowhere.git"),
            password(&servers, &servers.text("password")),
        )
        .expect_err("missing");
    assert_eq!(missing.reason(), "Unreachable", "{missing}");
    let closed = Client::new()
        .poll("http://127.0.0.1:9/shop.git", Auth::default())
        .expect_err("closed");
    assert_eq!(closed.reason(), "Unreachable", "{closed}");
}

#[test]
fn a_pack_that_is_cut_or_stalls_in_the_middle_leaves_nothing_and_the_next_poll_is_whole() {
    let servers = Servers::start();
    let at = |path: &str| format!("{}/{path}", servers.text("http"));
    let secret = || password(&servers, &servers.text("password"));
    let client = Client::new();
    let cut = client.poll(&at("cut/shop.git"), secret()).expect_err("cut");
    assert!(
        matches!(cut.reason(), "ProtocolError" | "Unreachable"),
        "{cut:?}"
    );
    let stalled = client
        .poll_within(&at("stalling/shop.git"), secret(), Duration::from_secs(2))
        .expect_err("stalled");
    assert_eq!(stalled.reason(), "TimedOut", "{stalled}");
    // A worker that was killed could not clean up after itself: the host has, at once.
    let packs = client.folder.path().join("mirror/objects/pack");
    let left = std::fs::read_dir(&packs).expect("a folder").count();
    assert_eq!(left, 0, "what a fetch that was cut off left takes room");
    let found = client.poll(&at("shop.git"), secret());
    assert!(is_moved(&found), "{found:?}");
    let mut names: Vec<String> = std::fs::read_dir(&packs)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            path.extension()
                .unwrap_or_default()
                .to_string_lossy()
                .into()
        })
        .collect();
    names.sort();
    assert_eq!(names, ["idx", "pack"]);
}

#[test]
fn a_redirect_is_followed_on_its_own_host_and_never_with_credentials_to_another() {
    let servers = Servers::start();
    let at = |path: &str| format!("{}/{path}", servers.text("http"));
    let secret = || password(&servers, &servers.text("password"));
    let renamed = Client::new().poll(&at("renamed"), secret());
    assert!(is_moved(&renamed), "{renamed:?}");
    let elsewhere = Client::new()
        .poll(&at("elsewhere"), secret())
        .expect_err("another host");
    assert_eq!(elsewhere.reason(), "HostNotTrusted", "{elsewhere}");
    let text = elsewhere.to_string();
    assert!(text.contains("put that one into spec.url"), "{text}");
}
