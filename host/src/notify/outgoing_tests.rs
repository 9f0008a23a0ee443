use std::sync::atomic::{AtomicBool, Ordering};

use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// A server with a certificate of its own; gives its address and what it is to be trusted by.
async fn over_tls(asked: Arc<AtomicBool>) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(vec!["127.0.0.1".into()]).expect("a name");
    let certificate = certificate.self_signed(&key).expect("signed");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .expect("a certificate");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = [0; 4096];
            if stream.read(&mut head).await.is_ok_and(|read| read > 0) {
                asked.store(true, Ordering::Relaxed);
                let answer = b"HTTP/1.1 204 x\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).await.expect("a client");
                stream.shutdown().await.expect("a client");
            }
        }
    });
    (format!("https://{at}"), certificate.pem())
}

async fn sent(url: &str, ca: Option<&str>) -> Answer {
    let mut outgoing = Outgoing::new(Method::POST, url, "{}".into()).expect("a URL");
    outgoing.ca = ca.map(str::to_owned);
    outgoing.send(PATIENCE).await
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_told_nothing() {
    let asked = Arc::new(AtomicBool::new(false));
    let (url, authority) = over_tls(asked.clone()).await;
    let (_, another) = over_tls(Arc::default()).await;
    // Neither the system's authorities nor another one's signed it.
    for ca in [None, Some(another.as_str())] {
        let Answer::None(reason) = sent(&url, ca).await else {
            panic!("it is not to be trusted");
        };
        assert!(reason.contains("certificate"), "{reason}");
    }
    assert!(!asked.load(Ordering::Relaxed));
    let Answer::Response { status, .. } = sent(&url, Some(&authority)).await else {
        panic!("it is to be trusted");
    };
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert!(asked.load(Ordering::Relaxed));
}

#[tokio::test]
async fn an_authority_that_is_none_and_an_address_that_is_none_are_told_without_their_values() {
    let Answer::None(reason) = sent("https://127.0.0.1:1", Some("s3cr3t")).await else {
        panic!("no certificate");
    };
    assert_eq!(reason, "the Secret's `ca.crt` holds no certificate");
    for url in ["ftp://s3cr3t", "s3cr3t", "https://s3 cr3t/", ""] {
        let error = Outgoing::new(Method::POST, url, String::new()).expect_err(url);
        assert!(!error.contains("s3"), "{error}");
    }
}
