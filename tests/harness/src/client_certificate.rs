//! Client certificates, which the control plane's API server takes for its administrator's.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

const AUTHORITY: &str = "client-ca.crt";
const KEY: &str = "client-ca.key";

fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "client-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// Makes the authority that signs them. Gives the path of its certificate.
pub(crate) fn make_authority(folder: &Path) -> Result<String> {
    let key = KeyPair::generate()?;
    let path = folder.join(AUTHORITY);
    std::fs::write(&path, authority().self_signed(&key)?.pem())?;
    std::fs::write(folder.join(KEY), key.serialize_pem())?;
    Ok(path.display().to_string())
}

/// A certificate and its key as PEM, valid from now on for so long. `folder` is the control
/// plane's.
pub fn issue(folder: &Path, validity: Duration) -> Result<(String, String)> {
    let pem = std::fs::read_to_string(folder.join(KEY))
        .context("the control plane was started without an authority for clients")?;
    let issuer = Issuer::new(authority(), KeyPair::from_pem(&pem)?);
    let mut params = CertificateParams::default();
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "host");
    name.push(DnType::OrganizationName, "system:masters");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    params.not_before = date_time_ymd(1970, 1, 1) + now;
    params.not_after = params.not_before + validity;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok((certificate.pem(), key.serialize_pem()))
}
