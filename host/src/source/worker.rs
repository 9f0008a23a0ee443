//! Exchanges in a child process, which can be killed when a server is silent.

use std::io::{BufRead as _, Write as _};
use std::process::{ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::child::{ask, end_when_unwanted, end_with_parent, of_own};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::exchange::{Request, exchange, is_local};
use super::fetched::{Fetch, Fetched, download};
use super::remote::masked;
use super::{Auth, Poll, RemoteError, Worker};

/// The hidden verb that makes the binary a worker.
pub const WORKER_VERB: &str = "git-worker";
/// Variables that a worker keeps: where TLS roots are, and proxies. No configuration of the user's.
const KEPT: [&str; 10] = [
    "PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "TMPDIR",
    "RUST_BACKTRACE",
];
/// More than this is no answer of ours.
const ANSWER_LIMIT: u64 = 1 << 20;

/// What a worker is asked.
#[derive(Serialize, Deserialize)]
enum Errand {
    Git(Box<Request>),
    File(Box<Fetch>),
}

pub(super) fn poll(worker: &Worker, request: Request) -> Result<Poll, RemoteError> {
    if is_local(&request.remote.url) {
        return exchange(&request);
    }
    let (url, auth) = (request.remote.url.clone(), request.remote.auth.clone());
    let deadline = request.remote.deadline;
    run(
        worker,
        &Errand::Git(Box::new(request)),
        (&url, &auth),
        deadline,
    )
}

/// A file or a chart, by HTTP.
pub(super) fn fetch(worker: &Worker, fetch: Fetch) -> Result<Fetched, RemoteError> {
    let (url, auth) = (fetch.want.url().to_owned(), fetch.auth.clone());
    let deadline = fetch.deadline;
    run(
        worker,
        &Errand::File(Box::new(fetch)),
        (&url, &auth),
        deadline,
    )
}

fn run<A: DeserializeOwned>(
    worker: &Worker,
    errand: &Errand,
    (url, auth): (&str, &Auth),
    deadline: Duration,
) -> Result<A, RemoteError> {
    let url = masked(url);
    let storage = |error: std::io::Error| {
        RemoteError::storage(&url, &std::env::temp_dir(), &error.to_string())
    };
    // libgit2 looks for known hosts and configuration in the home directory: an empty one is given.
    let home = tempfile::tempdir().map_err(storage)?;
    if let Some(known) = &auth.known_hosts {
        std::fs::create_dir(home.path().join(".ssh")).map_err(storage)?;
        std::fs::write(home.path().join(".ssh/known_hosts"), known).map_err(storage)?;
    }
    let mut command = of_own(&worker.program);
    command
        .arg(WORKER_VERB)
        .env_clear()
        .env("HOME", home.path());
    for name in KEPT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(storage)?;
    let line = serde_json::to_string(errand).unwrap_or_default();
    let answer = ask(
        &mut child,
        &[line.as_bytes(), b"\n"],
        ANSWER_LIMIT,
        deadline,
    );
    let timed_out = matches!(answer, Err(mpsc::RecvTimeoutError::Timeout));
    // Both fail only if it has ended already.
    let _ = child.kill();
    let _ = child.wait();
    match answer {
        Ok(answer) => serde_json::from_slice(&answer).unwrap_or_else(|_| {
            Err(RemoteError::Protocol {
                url,
                reason: "the exchange with the server crashed".into(),
            })
        }),
        Err(_) if timed_out => Err(RemoteError::TimedOut {
            url,
            seconds: deadline.as_secs(),
        }),
        Err(_) => Err(RemoteError::Protocol {
            url,
            reason: "the exchange with the server crashed".into(),
        }),
    }
}

/// The worker's side: one request on standard input, one answer on standard output. Ends when
/// its parent does.
pub fn worker_main() -> ExitCode {
    end_with_parent();
    let mut line = String::new();
    let mut input = std::io::stdin().lock();
    if input.read_line(&mut line).is_err() {
        return ExitCode::FAILURE;
    }
    drop(input);
    end_when_unwanted();
    let answer = match serde_json::from_str(&line) {
        Ok(Errand::Git(request)) => serde_json::to_string(&exchange(&request)),
        Ok(Errand::File(fetch)) => serde_json::to_string(&download(&fetch)),
        Err(_) => return ExitCode::FAILURE,
    };
    match answer.map(|text| std::io::stdout().write_all(text.as_bytes())) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
