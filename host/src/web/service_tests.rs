use std::path::Path;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::super::{socket, socket::SocketFile};
use super::*;
use crate::server::{Bounds, Listener, serve};

/// Answers that a test asks for by their path.
struct Told;

impl Answers for Told {
    fn answer(&self, ask: Ask) -> BoxFuture<'_, Result<Value, Refusal>> {
        Box::pin(async move {
            match ask.path.as_str() {
                "/v1/echo" => Ok(json!({"query": ask.query})),
                "/v1/large" => Ok(json!("x".repeat(5000))),
                "/v1/wide" => Ok(json!("x".repeat(3000))),
                "/v1/slow" => std::future::pending().await,
                "/v1/hinted" => Err(Refusal::failed("no disk").hint("buy one")),
                "/v1/odd" => Err(Refusal {
                    status: StatusCode::OK,
                    message: "all is well".into(),
                    hint: None,
                }),
                path => Err(Refusal::missing(format!("no {path}"))),
            }
        })
    }
}

struct Served {
    folder: tempfile::TempDir,
    turns: Arc<Semaphore>,
    key: Arc<Key>,
    running: tokio::task::JoinHandle<()>,
    _file: SocketFile,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.running.abort();
    }
}

const SOON: Duration = Duration::from_millis(300);
const BOUNDS: Bounds = Bounds {
    connections: 4,
    of_one: 4,
    patience: SOON,
    idle: Duration::from_secs(20),
    stalled: SOON,
};

async fn served(locked: bool) -> Served {
    let folder = tempfile::tempdir().expect("a folder");
    let (listener, file) = socket::bind(&folder.path().join("s")).expect("a socket");
    let key = Arc::new(Key::default());
    let service = Service {
        answers: Arc::new(Told),
        key: locked.then(|| key.clone()),
        turns: Arc::new(Semaphore::new(TURNS)),
        limits: Limits {
            bytes: 4096,
            turn: SOON,
            answer: SOON,
        },
    };
    let turns = service.turns.clone();
    let respond = move |request| service.clone().respond(request);
    let running = tokio::spawn(serve("a test", Listener::Unix(listener), BOUNDS, respond));
    Served {
        folder,
        turns,
        key,
        running,
        _file: file,
    }
}

impl Served {
    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("s")
    }

    /// All that comes on a connection that sends this.
    async fn raw(&self, sent: &str) -> String {
        raw(&self.path(), sent).await
    }

    async fn get(&self, target: &str) -> (u16, Value) {
        self.ask("GET", target, "").await
    }

    async fn ask(&self, method: &str, target: &str, headers: &str) -> (u16, Value) {
        let request =
            format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        let all = self.raw(&request).await;
        let (head, body) = all.split_once("\r\n\r\n").expect("an answer");
        assert!(head.to_lowercase().contains("trimtab-host: "), "{head}");
        let code = head.split(' ').nth(1).and_then(|it| it.parse().ok());
        let body = serde_json::from_str(body).unwrap_or_else(|_| json!(body));
        (code.expect("a code"), body)
    }
}

async fn raw(path: &Path, sent: &str) -> String {
    let mut stream = UnixStream::connect(path).await.expect("it listens");
    // It may be refused before all is sent.
    let _ = stream.write_all(sent.as_bytes()).await;
    let mut all = Vec::new();
    let ended = timeout(Duration::from_secs(20), stream.read_to_end(&mut all)).await;
    let all = String::from_utf8_lossy(&all).into_owned();
    let sent: String = sent.chars().take(60).collect();
    let _ = ended.unwrap_or_else(|_| panic!("the server does not end {sent:?}: {all}"));
    all
}

#[tokio::test]
async fn a_question_comes_as_it_was_asked_and_never_decoded_twice() {
    let served = served(false).await;
    let (code, body) = served
        .get("/v1/echo?kit=kits%2Facme%2Fshop&x=a+b&x=%2525&flag")
        .await;
    let expected = json!([
        ["kit", "kits/acme/shop"],
        ["x", "a b"],
        ["x", "%25"],
        ["flag", ""]
    ]);
    assert_eq!((code, &body["query"]), (200, &expected));
    for hostile in [
        "/v1/../etc",
        "/v1/%2e%2e/etc",
        "//v1/echo",
        "/v1//echo",
        "/v1/.hidden",
        "/",
        "/v1/echo/",
        "/v1/ec%00ho",
        "/v1/echo;x=1",
        "*",
    ] {
        let (code, body) = served.get(hostile).await;
        assert_eq!(code, 404, "{hostile}: {body}");
    }
    let (code, body) = served.get("/v1/nothing").await;
    assert_eq!((code, &body), (404, &json!({"error": "no /v1/nothing"})));
}

#[tokio::test]
async fn only_reading_is_asked_and_within_bounds() {
    let served = served(false).await;
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
        let (code, _) = served.ask(method, "/v1/echo", "").await;
        assert_eq!(code, 405, "{method}");
    }
    let (code, body) = served.ask("HEAD", "/v1/echo", "").await;
    assert_eq!((code, body), (200, json!("")));
    let (code, _) = served
        .get(&format!("/v1/echo?x={}", "y".repeat(9000)))
        .await;
    assert_eq!(code, 414);
    let (code, _) = served.get(&format!("/v1/echo?{}", "x&".repeat(65))).await;
    assert_eq!(code, 400);
    let (code, body) = served.get("/v1/large").await;
    assert_eq!(code, 422, "{body}");
    let (code, body) = served.get("/v1/wide").await;
    assert_eq!((code, body), (200, json!("x".repeat(3000))));
    let long = format!(
        "GET /v1/echo HTTP/1.1\r\nHost: x\r\nx: {}\r\n\r\n",
        "y".repeat(200 << 10)
    );
    assert!(served.raw(&long).await.starts_with("HTTP/1.1 431"));
    assert!(
        served
            .raw("nonsense\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 400")
    );
    // Whoever connects and is silent, or never ends, does not stay.
    assert_eq!(served.raw("").await, "");
    assert_eq!(served.raw("GET /v1/ec").await, "");
}

#[tokio::test]
async fn without_the_key_nothing_is_told_and_the_connection_ends() {
    let served = served(true).await;
    let key = |key: &str| format!("trimtab-key: {key}\r\n");
    // Before there is one, an empty one is none.
    assert_eq!(served.ask("GET", "/v1/echo", &key("")).await.0, 401);
    served.key.put(b"right".to_vec());
    assert_eq!(served.ask("GET", "/v1/echo", &key("right")).await.0, 200);
    for wrong in ["", "righ", "rightt", "Right"] {
        let (code, body) = served.ask("GET", "/v1/echo", &key(wrong)).await;
        assert_eq!(code, 401, "{wrong:?}");
        assert!(
            body["error"].to_string().contains("Secret trimtab-api"),
            "{body}"
        );
    }
    // Not even which paths and methods there are.
    assert_eq!(served.ask("BREW", "/../x", "").await.0, 401);
    // It is not kept open for the next try.
    let kept = served.raw("GET /v1/echo HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(kept.starts_with("HTTP/1.1 401"), "{kept}");
    served.key.put(b"next".to_vec());
    assert_eq!(served.ask("GET", "/v1/echo", &key("right")).await.0, 401);
    assert_eq!(served.ask("GET", "/v1/echo", &key("next")).await.0, 200);
}

#[tokio::test]
async fn what_takes_too_long_or_is_too_much_at_once_is_refused_and_leaves_no_turn_behind() {
    let served = served(false).await;
    let (code, body) = served.get("/v1/slow").await;
    assert_eq!(code, 504, "{body}");
    let all = served.turns.available_permits();
    let busy = served.turns.clone().acquire_many_owned(all as u32).await;
    assert_eq!(served.get("/v1/echo").await.0, 503);
    drop(busy);
    let (code, body) = served.get("/v1/odd").await;
    assert_eq!((code, body), (500, json!({"error": "all is well"})));
    // A client that takes nothing of a long answer loses it, and its turn with it.
    let mut idle = Vec::new();
    for _ in 0..BOUNDS.connections {
        let mut stream = UnixStream::connect(served.path())
            .await
            .expect("it listens");
        let ask = "GET /v1/wide HTTP/1.1\r\nHost: x\r\n\r\n".repeat(300);
        let _ = timeout(SOON, stream.write_all(ask.as_bytes())).await;
        idle.push(stream);
    }
    // All connections were taken; this one waits until they have ended.
    assert_eq!(served.get("/v1/echo").await.0, 200);
    assert_eq!(served.turns.available_permits(), all);
}

#[tokio::test]
async fn a_refusal_comes_with_its_hint() {
    let served = served(false).await;
    let (code, body) = served.get("/v1/hinted").await;
    assert_eq!(
        (code, body),
        (500, json!({"error": "no disk", "hint": "buy one"}))
    );
}
