use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use trimtab_harness::receiver::{Received, Receiver, Reply};

use super::*;
use crate::kit::EventKind;
use crate::notify::State;

const SOON: Duration = Duration::from_secs(20);
const TOKEN: &str = "s3cr3t-t0ken";

fn quick() -> Pace {
    Pace {
        gather: Duration::from_millis(20),
        first: Duration::from_millis(50),
        longest: Duration::from_millis(200),
        limit: Duration::from_secs(3600),
        patience: Duration::from_millis(500),
    }
}

fn about() -> About {
    About {
        namespace: "system".into(),
        name: "platform".into(),
        url: "https://git.example.org/acme/platform.git".into(),
        provider: None,
    }
}

/// Entries of the one Secret there is; they can be changed.
#[derive(Clone, Default)]
struct Keeper(Arc<Mutex<SecretData>>);

impl Keeper {
    fn with(entries: &[(&str, &str)]) -> Self {
        let keeper = Self::default();
        entries
            .iter()
            .for_each(|(name, value)| keeper.put(name, value));
        keeper
    }

    fn put(&self, name: &str, value: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(name.to_owned(), value.as_bytes().to_vec());
    }

    fn secrets(&self) -> Secrets {
        let kept = self.0.clone();
        Arc::new(move |_| {
            let data = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Box::pin(async move { Ok(data) })
        })
    }
}

struct Told<T> {
    outbox: Outbox<T>,
    reports: mpsc::UnboundedReceiver<Report>,
    keeper: Keeper,
}

impl<T> Told<T> {
    async fn report(&mut self) -> Report {
        let report = tokio::time::timeout(SOON, self.reports.recv()).await;
        let report = report
            .expect("a report in time")
            .expect("the outbox is there");
        assert!(!format!("{report:?}").contains(TOKEN), "{report:?}");
        report
    }

    /// Waits for what comes after any number of failures.
    async fn done(&mut self) -> Report {
        loop {
            let report = self.report().await;
            if report.receipt.is_some() {
                return report;
            }
        }
    }
}

fn commit(provider: &str, api: &str, keeper: Keeper, pace: Pace) -> Told<CommitState> {
    let spec = format!(
        "{{provider: {provider}, secretRef: {{name: git}}, apiUrl: '{api}', project: acme/platform}}"
    );
    let spec = serde_yaml::from_str(&spec).expect("a spec");
    let (sender, reports) = mpsc::unbounded_channel();
    let outbox = Outbox::of_commit_status(
        &spec,
        None,
        Delivered::default(),
        &about(),
        &keeper.secrets(),
        &sender,
        pace,
    );
    let outbox = outbox.expect("a place to send to");
    Told {
        outbox,
        reports,
        keeper,
    }
}

fn webhook(spec: &str, keeper: Keeper, pace: Pace) -> Told<News> {
    let spec = serde_yaml::from_str(spec).expect("a webhook");
    let (sender, reports) = mpsc::unbounded_channel();
    let outbox = Outbox::of_webhook(&spec, &about(), &keeper.secrets(), &sender, pace);
    Told {
        outbox,
        reports,
        keeper,
    }
}

fn token() -> Keeper {
    Keeper::with(&[("token", TOKEN)])
}

fn news(kit: &str) -> News {
    News {
        at: Timestamp::now(),
        event: EventKind::Unhealthy,
        kit: Some(kit.into()),
        revision: None,
        message: "not healthy".into(),
        findings: Vec::new(),
        kits: Vec::new(),
    }
}

fn body(received: &Received) -> Value {
    serde_json::from_str(&received.body).expect("JSON")
}

#[tokio::test]
async fn each_provider_is_asked_as_its_api_has_it() {
    let path = "/api/repos/acme/platform/statuses/abc";
    for (provider, path, authorization, name, failure) in [
        (
            "GitHub",
            path,
            format!("Bearer {TOKEN}"),
            "context",
            "failure",
        ),
        (
            "GitLab",
            "/api/projects/acme%2Fplatform/statuses/abc",
            format!("Bearer {TOKEN}"),
            "name",
            "failed",
        ),
        (
            "Gitea",
            path,
            format!("token {TOKEN}"),
            "context",
            "failure",
        ),
    ] {
        let server = Receiver::start();
        let api = format!("{}/api", server.url());
        let mut told = commit(provider, &api, token(), quick());
        let state = CommitState::new("abc", State::Failure, "kits/a/b.yaml:3: wrong [a/b]");
        told.outbox.tell(state.clone());
        let report = told.done().await;
        let receipt = Receipt::State {
            head: Some(state),
            pending: Vec::new(),
        };
        assert_eq!((report.receipt, report.problem), (Some(receipt), None));
        let [received] = &server.received()[..] else {
            panic!("one request");
        };
        assert_eq!((&*received.method, &*received.path), ("POST", path));
        assert_eq!(received.headers["authorization"], authorization);
        assert!(received.headers["user-agent"].starts_with("trimtab/"));
        let expected = json!({"state": failure, name: "trimtab/system.platform", "description": "kits/a/b.yaml:3: wrong [a/b]"});
        assert_eq!(body(received), expected);
    }
}

#[tokio::test]
async fn a_server_in_trouble_is_tried_again_until_it_takes_it_once() {
    let server = Receiver::start();
    let replies = Mutex::new(vec![
        Reply::status(500),
        Reply::Now(429, vec![("retry-after", "1".into())], String::new()),
        Reply::Hang,
        Reply::Now(502, Vec::new(), format!("you said {TOKEN}")),
    ]);
    server.answer(move |_| {
        let mut replies = replies.lock().unwrap_or_else(PoisonError::into_inner);
        match replies.is_empty() {
            true => Reply::status(201),
            false => replies.remove(0),
        }
    });
    let mut told = commit("Gitea", &server.url(), token(), quick());
    let began = Instant::now();
    told.outbox
        .tell(CommitState::new("abc", State::Success, "fine"));
    let mut problems = Vec::new();
    loop {
        let report = told.report().await;
        match report.problem {
            Some(problem) => problems.push(problem),
            None => break,
        }
    }
    let expected = [
        "answered 500",
        "answered 429",
        "no answer within 0.5 s",
        "answered 502: you said ***",
    ];
    assert_eq!(problems, expected);
    // The second that it asked for, and the half in which it was silent.
    assert!(began.elapsed() >= Duration::from_millis(1500));
    let taken = server
        .received()
        .iter()
        .filter(|it| it.status == 201)
        .count();
    assert_eq!((taken, server.hanging()), (1, 1));
}

#[tokio::test]
async fn a_server_that_is_away_gets_it_when_it_is_there_and_the_newest_alone() {
    let at = Receiver::start().at;
    let mut told = commit("GitHub", &format!("http://{at}"), token(), quick());
    told.outbox
        .tell(CommitState::new("abc", State::Pending, "being applied"));
    let problem = told.report().await.problem.expect("nobody is there");
    assert!(problem.contains("refused"), "{problem}");
    told.outbox
        .tell(CommitState::new("abc", State::Success, "fine"));
    let server = Receiver::start_at(at);
    told.done().await;
    let states: Vec<Value> = server
        .received()
        .iter()
        .map(|it| body(it)["state"].clone())
        .collect();
    assert_eq!(states, ["success"]);
}

#[tokio::test]
async fn a_token_that_is_replaced_is_taken_up() {
    let server = Receiver::start();
    server.answer(
        |it| match it.headers["authorization"].ends_with("new-one") {
            true => Reply::status(201),
            false => Reply::Now(401, Vec::new(), "Bad credentials".into()),
        },
    );
    let mut told = commit("GitHub", &server.url(), token(), quick());
    told.outbox
        .tell(CommitState::new("abc", State::Success, "fine"));
    let problem = told.report().await.problem;
    assert_eq!(problem.as_deref(), Some("answered 401: Bad credentials"));
    told.keeper.put("token", "new-one");
    assert_eq!(told.done().await.problem, None);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_takes_no_credentials_along() {
    let (server, other) = (Receiver::start(), Receiver::start());
    let to = format!("{}/elsewhere?secret=1", other.url());
    server.answer(move |_| Reply::Now(307, vec![("location", to.clone())], String::new()));
    let mut told = commit("GitHub", &server.url(), token(), quick());
    told.outbox
        .tell(CommitState::new("abc", State::Success, "fine"));
    let problem = told.report().await.problem.expect("a redirect");
    assert!(
        problem.contains("a redirect to 127.0.0.1, which is not followed"),
        "{problem}"
    );
    assert!(!problem.contains("secret"), "{problem}");
    assert_eq!(other.received().len(), 0);
}

#[tokio::test]
async fn what_is_refused_for_good_is_given_up_and_the_next_is_sent() {
    let server = Receiver::start();
    server.answer(|it| match it.path.ends_with("abc") {
        true => Reply::Now(422, Vec::new(), "No commit found for SHA: abc".into()),
        false => Reply::status(201),
    });
    let mut told = commit("GitHub", &server.url(), token(), quick());
    told.outbox
        .tell(CommitState::new("abc", State::Failure, "wrong"));
    let report = told.done().await;
    let receipt = Receipt::State {
        head: None,
        pending: Vec::new(),
    };
    assert_eq!((report.receipt, report.given_up), (Some(receipt), true));
    let problem = report.problem.expect("refused");
    assert!(
        problem.starts_with("given up: answered 422: No commit found"),
        "{problem}"
    );
    told.outbox
        .tell(CommitState::new("def", State::Success, "fine"));
    assert_eq!(told.done().await.problem, None);
}

#[tokio::test]
async fn what_cannot_be_told_for_too_long_is_given_up() {
    let at = Receiver::start().at;
    let pace = Pace {
        limit: Duration::from_millis(300),
        ..quick()
    };
    let mut told = commit("GitHub", &format!("http://{at}"), token(), pace);
    told.outbox
        .tell(CommitState::new("abc", State::Success, "fine"));
    let problem = told.done().await.problem.expect("away");
    assert!(problem.starts_with("given up: "), "{problem}");
}

#[tokio::test]
async fn a_target_that_hangs_holds_up_no_other() {
    let (silent, other) = (Receiver::start(), Receiver::start());
    silent.answer(|_| Reply::Hang);
    let at = |server: &Receiver| format!("{{name: a, kind: Generic, url: '{}'}}", server.url());
    let pace = Pace {
        patience: SOON * 2,
        ..quick()
    };
    let first = webhook(&at(&silent), Keeper::default(), pace);
    let mut second = webhook(&at(&other), Keeper::default(), pace);
    for outbox in [&first.outbox, &second.outbox] {
        outbox.tell(news("kits/acme/shop"));
    }
    second.done().await;
    assert_eq!(other.received().len(), 1);
}

#[tokio::test]
async fn kits_of_one_event_are_told_in_one_message_whose_address_is_never_told() {
    let server = Receiver::start();
    server.answer(|_| Reply::Now(500, Vec::new(), "no".into()));
    let address = format!("{}/services/{TOKEN}", server.url());
    let keeper = Keeper::with(&[("url", &address)]);
    let mut told = webhook(
        "{name: a, kind: Slack, secretRef: {name: s}}",
        keeper,
        quick(),
    );
    for kit in ["kits/acme/a", "kits/acme/b", "kits/acme/c"] {
        told.outbox.tell(news(kit));
    }
    told.report().await;
    server.answer(|_| Reply::Now(200, Vec::new(), "ok".into()));
    told.done().await;
    let all = server.received();
    let taken: Vec<&Received> = all.iter().filter(|it| it.status == 200).collect();
    let [taken] = taken[..] else {
        panic!("one message: {all:?}");
    };
    assert_eq!(taken.path, format!("/services/{TOKEN}"));
    assert_eq!(body(taken)["text"], "system/platform: 3 kits not healthy");
}

#[tokio::test]
async fn an_older_revision_that_the_server_does_not_know_yet_keeps_back_no_newer_one() {
    let server = Receiver::start();
    server.answer(|it| match it.path.ends_with("abc") {
        true => Reply::Now(404, Vec::new(), "no such commit".into()),
        false => Reply::status(201),
    });
    let pace = Pace {
        first: SOON * 10,
        longest: SOON * 10,
        ..quick()
    };
    let mut told = commit("Gitea", &server.url(), token(), pace);
    told.outbox
        .tell(CommitState::new("abc", State::Failure, "wrong"));
    let problem = told.report().await.problem;
    assert_eq!(problem.as_deref(), Some("answered 404: no such commit"));
    let newer = CommitState::new("def", State::Success, "fine");
    told.outbox.tell(newer.clone());
    let receipt = Receipt::State {
        head: Some(newer),
        pending: Vec::new(),
    };
    assert_eq!(told.done().await.receipt, Some(receipt));
}
