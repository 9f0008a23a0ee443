//! Whether a server is who it should be, and what it is told.

use git2::cert::Cert;
use git2::{CertificateCheckStatus, Cred, CredentialType, ErrorClass, ErrorCode, RemoteCallbacks};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::known_hosts::{Verdict, check};
use super::{Auth, RemoteSpec};

/// Callbacks for one exchange.
pub(super) fn callbacks(spec: &RemoteSpec) -> RemoteCallbacks<'_> {
    let mut callbacks = RemoteCallbacks::new();
    let mut tried = 0;
    callbacks.credentials(move |_, user, allowed| {
        tried += 1;
        // A server that refuses asks again, forever.
        if tried > 3 {
            return Err(refusal(ErrorCode::Auth, "the server refused them"));
        }
        credentials(&spec.auth, user, allowed)
    });
    callbacks.certificate_check(move |certificate, host| trusted(spec, certificate, host));
    callbacks
}

fn refusal(code: ErrorCode, message: &str) -> git2::Error {
    git2::Error::new(code, ErrorClass::Callback, message)
}

fn credentials(
    auth: &Auth,
    user: Option<&str>,
    allowed: CredentialType,
) -> Result<Cred, git2::Error> {
    let name = auth.username.as_deref().or(user).unwrap_or("git");
    if allowed.contains(CredentialType::SSH_KEY) {
        let Some(key) = &auth.ssh_key else {
            return Err(refusal(
                ErrorCode::Auth,
                "the server wants an SSH key, and the Secret has no `identity`",
            ));
        };
        return Cred::ssh_key_from_memory(
            user.unwrap_or(name),
            None,
            key,
            auth.ssh_passphrase.as_deref(),
        );
    }
    if allowed.contains(CredentialType::USER_PASS_PLAINTEXT) {
        let Some(password) = &auth.password else {
            return Err(refusal(
                ErrorCode::Auth,
                "the server wants a password, and the Secret has none",
            ));
        };
        return Cred::userpass_plaintext(name, password);
    }
    if allowed.contains(CredentialType::USERNAME) {
        return Cred::username(user.unwrap_or(name));
    }
    Err(refusal(
        ErrorCode::Auth,
        "the server wants a kind of credentials that is not supported",
    ))
}

fn trusted(
    spec: &RemoteSpec,
    certificate: &Cert<'_>,
    host: &str,
) -> Result<CertificateCheckStatus, git2::Error> {
    if let Some(key) = certificate.as_hostkey() {
        let key = key
            .hostkey()
            .ok_or_else(|| refusal(ErrorCode::Certificate, "the server showed no host key"))?;
        return ssh_host(spec, host, key);
    }
    match (certificate.as_x509(), &spec.auth.ca) {
        (Some(leaf), Some(ca)) => match tls_host(leaf.data(), ca, host) {
            Ok(()) => Ok(CertificateCheckStatus::CertificateOk),
            Err(reason) => Err(refusal(ErrorCode::Certificate, &reason)),
        },
        _ => Ok(CertificateCheckStatus::CertificatePassthrough),
    }
}

fn ssh_host(
    spec: &RemoteSpec,
    host: &str,
    key: &[u8],
) -> Result<CertificateCheckStatus, git2::Error> {
    let Some(known) = &spec.auth.known_hosts else {
        let message = "the Secret has no `known_hosts`, and an unknown host is never trusted";
        return Err(refusal(ErrorCode::Certificate, message));
    };
    let message = match check(known, host, super::remote::ssh_port(&spec.url), key) {
        Verdict::Known => return Ok(CertificateCheckStatus::CertificateOk),
        Verdict::Different => {
            "its host key is not the one in known_hosts; either it changed, or somebody is in between"
        }
        Verdict::Unknown => "known_hosts does not have it",
        Verdict::Revoked => "its host key is revoked in known_hosts",
    };
    Err(refusal(ErrorCode::Certificate, message))
}

/// Checks the server's own certificate against a bundle of CAs and intermediates, by webpki.
fn tls_host(leaf: &[u8], bundle: &str, host: &str) -> Result<(), String> {
    let certificates: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(bundle.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| "the Secret's `ca.crt` is not PEM certificates".to_owned())?;
    let anchors: Vec<_> = certificates
        .iter()
        .filter_map(|certificate| webpki::anchor_from_trusted_cert(certificate).ok())
        .collect();
    if anchors.is_empty() {
        return Err("the Secret's `ca.crt` holds no certificate".into());
    }
    let leaf = CertificateDer::from(leaf);
    let leaf = webpki::EndEntityCert::try_from(&leaf)
        .map_err(|error| format!("its certificate is broken: {error}"))?;
    leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        &certificates,
        UnixTime::now(),
        webpki::KeyUsage::server_auth(),
        None,
        None,
    )
    .map_err(|error| format!("its certificate is not signed by the Secret's `ca.crt`: {error}"))?;
    let name = ServerName::try_from(host)
        .map_err(|_| format!("{host} is no name that a certificate can have"))?;
    leaf.verify_is_valid_for_subject_name(&name)
        .map_err(|_| format!("its certificate is not for {host}"))
}
