//! The certificate that clients are shown: exchanged while connections go on.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

#[derive(Debug, Default)]
pub struct Shown {
    shown: RwLock<Option<Arc<CertifiedKey>>>,
}

impl Shown {
    /// Connections from now on see this one, given as PEM. An error quotes neither.
    pub fn show(&self, certificate: &str, key: &str) -> Result<(), String> {
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
        let certificate = certificate.map_err(|error| error.to_string())?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes());
        let key = key.map_err(|error| error.to_string())?;
        let signer = ring::sign::any_supported_type(&key).map_err(|error| error.to_string())?;
        let shown = Arc::new(CertifiedKey::new(vec![certificate], signer));
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        Ok(())
    }

    pub fn config(self: &Arc<Self>) -> Result<ServerConfig, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let mut config = builder
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.clone()
    }
}
