use std::collections::BTreeMap;
use std::net::SocketAddr;

use jiff::{SignedDuration, Timestamp};
use rustls::client::ClientConfig;
use rustls::crypto::ring;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::admission::RepositoryId;
use crate::admission::certificates::{Certificates, Certified};
use crate::kit::{AdmissionPolicy, RepositorySpec};

const PATH: &str = "/admit/system/platform";

fn names() -> Vec<String> {
    vec!["127.0.0.1".into()]
}

/// A server whose Repository has nothing to judge by.
struct Served {
    at: SocketAddr,
    certificates: Certificates,
    serving: Arc<Shown>,
    server: Server,
    running: tokio::task::JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn served(now: Timestamp, timeout_seconds: u32) -> Served {
    let laws = Arc::new(Laws::default());
    let id = RepositoryId {
        namespace: "system".into(),
        name: "platform".into(),
    };
    let policy = AdmissionPolicy {
        timeout_seconds,
        ..AdmissionPolicy::default()
    };
    let spec = RepositorySpec {
        admission: Some(policy),
        ..RepositorySpec::of("https://git.example.org/platform.git")
    };
    laws.learn(id, &spec, Arc::default(), &BTreeMap::new());
    let certificates = Certificates::at(None, &names(), now).expect("made");
    let serving = Arc::new(Shown::default());
    serving
        .show(&certificates.serving.certificate, &certificates.serving.key)
        .expect("shown");
    let mut server = Server::of(laws, &serving, Arc::new(|_, _| false)).expect("TLS");
    server.patience = Duration::from_millis(300);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let running = tokio::spawn(server.clone().serve(listener));
    Served {
        at,
        certificates,
        serving,
        server,
        running,
    }
}

#[derive(Debug)]
struct At(Timestamp);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        let since = Duration::from_secs(self.0.as_second() as u64);
        Some(UnixTime::since_unix_epoch(since))
    }
}

/// Connects as an API server does that trusts this bundle at this time.
async fn connect(
    at: SocketAddr,
    bundle: &str,
    now: Timestamp,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(certificate.expect("PEM")).expect("an authority");
    }
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_details(provider, Arc::new(At(now)))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").expect("an address");
    let stream = TcpStream::connect(at).await?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut text =
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    text.extend(body);
    text
}

/// Code and body of the next answer; `None` if the server ends the connection.
async fn answer(stream: &mut TlsStream<TcpStream>) -> Option<(u16, String)> {
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let line = line.to_ascii_lowercase();
                line.strip_prefix("content-length: ")?.parse::<usize>().ok()
            });
            if body.len() >= length.unwrap_or_default() {
                let code = head.split(' ').nth(1)?.parse().ok()?;
                return Some((code, body.to_owned()));
            }
        }
        match timeout(Duration::from_secs(20), stream.read(&mut buffer)).await {
            Ok(Ok(count)) if count > 0 => read.extend(&buffer[..count]),
            Ok(_) => return None,
            Err(_) => panic!("the server is silent"),
        }
    }
}

async fn ask(served: &Served, sent: &[u8]) -> Option<(u16, String)> {
    let bundle = served.certificates.bundle();
    let mut stream = connect(served.at, &bundle, Timestamp::now())
        .await
        .expect("TLS");
    // The server may answer before it has read all.
    let _ = stream.write_all(sent).await;
    answer(&mut stream).await
}

fn review() -> Vec<u8> {
    let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u1", "operation": "CREATE", "namespace": "acme", "name": "shop",
        "kind": {"group": "", "version": "v1", "kind": "Service"},
        "object": {"metadata": {"name": "shop"}},
    }});
    body.to_string().into_bytes()
}

#[tokio::test]
async fn a_review_is_answered_with_its_uid_on_a_connection_that_stays() {
    let served = served(Timestamp::now(), 5).await;
    let bundle = served.certificates.bundle();
    let mut stream = connect(served.at, &bundle, Timestamp::now())
        .await
        .expect("TLS");
    for _ in 0..3 {
        stream
            .write_all(&post(&format!("{PATH}?timeout=5s"), &review()))
            .await
            .expect("sent");
        let (code, body) = answer(&mut stream).await.expect("an answer");
        assert_eq!(code, 200);
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["response"], json!({"uid": "u1", "allowed": true}));
    }
}

#[tokio::test]
async fn a_body_that_is_no_review_or_too_large_is_refused_with_words() {
    let served = served(Timestamp::now(), 5).await;
    let (code, words) = ask(&served, &post(PATH, b"{\"request\": 1}"))
        .await
        .expect("an answer");
    assert_eq!(code, 400);
    assert!(words.contains("AdmissionReview"), "{words}");
    let large = vec![b' '; BODY + 1];
    let (code, words) = ask(&served, &post(PATH, &large)).await.expect("an answer");
    assert_eq!(
        (code, words),
        (413, format!("the body has more than {BODY} bytes"))
    );
    // One that does not tell its length is bounded as well.
    let mut chunked = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        large.len()
    )
    .into_bytes();
    chunked.extend(&large);
    let (code, _) = ask(&served, &chunked).await.expect("an answer");
    assert_eq!(code, 413);
    let (code, _) = ask(&served, &post("/", &review()))
        .await
        .expect("an answer");
    assert_eq!(code, 404);
    let get = format!("GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n");
    let (code, _) = ask(&served, get.as_bytes()).await.expect("an answer");
    assert_eq!(code, 405);
    let (code, _) = ask(&served, b"\x00\xff nonsense\r\n\r\n")
        .await
        .expect("an answer");
    assert_eq!(code, 400);
}

#[tokio::test]
async fn a_client_that_is_silent_or_slow_is_not_waited_for() {
    let served = served(Timestamp::now(), 5).await;
    // No TLS at all.
    let mut plain = TcpStream::connect(served.at).await.expect("a connection");
    let ended = timeout(Duration::from_secs(20), plain.read(&mut [0; 8])).await;
    assert!(matches!(ended.expect("it ends"), Ok(0) | Err(_)));
    // No request.
    assert_eq!(ask(&served, b"POST /ad").await, None);
    // Half a body.
    let half = format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{");
    let (code, words) = ask(&served, half.as_bytes()).await.expect("an answer");
    assert_eq!(code, 408, "{words}");
}

#[tokio::test]
async fn what_cannot_be_judged_in_time_or_yet_is_an_error_and_no_denial() {
    let served = served(Timestamp::now(), 1).await;
    let unread = post("/admit/system/other", &review());
    let (code, words) = ask(&served, &unread).await.expect("an answer");
    assert_eq!(code, 503);
    assert!(
        words.contains("has not read the Repository system/other yet"),
        "{words}"
    );
    let turns = served.server.turns.clone();
    let all = turns.available_permits() as u32;
    let busy = turns.acquire_many(all).await.expect("turns");
    let (code, words) = ask(&served, &post(PATH, &review()))
        .await
        .expect("an answer");
    assert_eq!(code, 504, "{words}");
    drop(busy);
    let (code, _) = ask(&served, &post(PATH, &review()))
        .await
        .expect("an answer");
    assert_eq!(code, 200);
}

#[tokio::test]
async fn a_rotation_interrupts_nobody_not_even_who_has_not_heard_of_it() {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
    let served = served(start, 5).await;
    let mut kept = served.certificates.clone();
    let mut lasting = connect(served.at, &kept.bundle(), start)
        .await
        .expect("TLS");
    let mut shown = 1;
    for week in 1..110 {
        let now = start + SignedDuration::from_hours(week * 7 * 24);
        let next = Certificates::at(Some(&kept), &names(), now).expect("made");
        shown += u32::from(next.serving != kept.serving);
        let Certified {
            certificate, key, ..
        } = &next.serving;
        served.serving.show(certificate, key).expect("shown");
        for bundle in [kept.bundle(), next.bundle()] {
            let mut stream = connect(served.at, &bundle, now).await.expect("TLS goes on");
            stream
                .write_all(&post(PATH, &review()))
                .await
                .expect("sent");
            assert_eq!(answer(&mut stream).await.expect("an answer").0, 200);
        }
        lasting
            .write_all(&post(PATH, &review()))
            .await
            .expect("sent");
        assert_eq!(answer(&mut lasting).await.expect("an answer").0, 200);
        kept = next;
    }
    assert!(shown > 10, "{shown}");
    let first = served.certificates.bundle();
    let now = start + SignedDuration::from_hours(110 * 7 * 24);
    assert!(connect(served.at, &first, now).await.is_err());
}
