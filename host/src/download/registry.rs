//! A chart of a registry (OCI Distribution Specification 1.1, and Helm's types in it).

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::client::Client;
use super::{Access, CHART, Fault, Got};

/// The type of the layer that is a packed chart.
pub const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Bytes of a manifest, as the specification has it.
const MANIFEST_BYTES: usize = 4 << 20;
/// Bytes of a token's answer.
const TOKEN_BYTES: usize = 64 << 10;

pub(super) async fn artifact(url: &str, tag: &str, access: &Access) -> Result<Got, Fault> {
    let (base, repository) = parts(url)?;
    let client = Client::new(&base, access)?;
    // A version's `+` is no letter of a tag; Helm writes `_`.
    let tag = tag.replace('+', "_");
    let place = format!("{base}/v2/{repository}/manifests/{tag}");
    let mut client = client;
    let mut answer = client.ask(&place, MANIFEST, MANIFEST_BYTES).await?;
    if answer.status == http::StatusCode::UNAUTHORIZED
        && let Some(challenge) = answer.challenge().and_then(Challenge::parse)
    {
        let token = challenge.token(&repository, access).await?;
        client = client.with_token(&token)?;
        answer = client.ask(&place, MANIFEST, MANIFEST_BYTES).await?;
    }
    let manifest = answer.fine(&format!("{repository}:{tag}"))?.bytes;
    let value: Value = serde_json::from_slice(&manifest)
        .map_err(|_| Fault::NoSense("its manifest is no JSON".into()))?;
    let layers = value["layers"].as_array().map_or(&[][..], Vec::as_slice);
    let layer = layers.iter().find(|it| it["mediaType"] == CHART_LAYER);
    let digest = layer.and_then(|it| it["digest"].as_str());
    let Some(digest) = digest.filter(|it| is_digest(it)) else {
        let reason = format!("{repository}:{tag} is no chart: it has no layer of a chart's type");
        return Err(Fault::NoSense(reason));
    };
    let place = format!("{base}/v2/{repository}/blobs/{digest}");
    let bytes = client.get(&place, "*/*", CHART).await?;
    if format!("sha256:{}", hex(&bytes)) != digest {
        let reason = format!("the chart of {repository}:{tag} is not what its manifest says");
        return Err(Fault::NoSense(reason));
    }
    Ok(Got {
        bytes,
        manifest: Some(manifest),
    })
}

fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    digits.len() == 64 && digits.bytes().all(|it| it.is_ascii_hexdigit())
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The registry's address, and the repository's name in it. A registry on this machine is asked
/// without TLS, as container tools do.
fn parts(url: &str) -> Result<(String, String), Fault> {
    let rest = url.strip_prefix("oci://").unwrap_or_default();
    let (host, repository) = rest.split_once('/').unwrap_or_default();
    if host.is_empty() || repository.is_empty() {
        return Err(Fault::NoSense("it is no oci://registry/path".into()));
    }
    let name = host.split(':').next().unwrap_or_default();
    let scheme = match name {
        "localhost" | "127.0.0.1" => "http",
        _ => "https",
    };
    let base = match host {
        // Its registry has another name than its hub.
        "docker.io" => "https://registry-1.docker.io".to_owned(),
        host => format!("{scheme}://{host}"),
    };
    Ok((base, repository.trim_end_matches('/').to_owned()))
}

/// Who gives tokens for a registry: `Bearer realm="…",service="…",scope="…"`.
struct Challenge {
    realm: String,
    service: Option<String>,
    scope: Option<String>,
}

impl Challenge {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut rest = rest.trim();
        let mut found = Self {
            realm: String::new(),
            service: None,
            scope: None,
        };
        while let Some((name, after)) = rest.split_once('=') {
            let (value, left) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => after.split_once(',').unwrap_or((after, "")),
            };
            match name.trim().to_ascii_lowercase().as_str() {
                "realm" => found.realm = value.to_owned(),
                "service" => found.service = Some(value.to_owned()),
                "scope" => found.scope = Some(value.to_owned()),
                _ => {}
            }
            rest = left.trim_start_matches([',', ' ']);
        }
        (!found.realm.is_empty()).then_some(found)
    }

    /// The registry names who gives tokens, and so the credentials are theirs to see: over TLS, or
    /// on this machine.
    async fn token(&self, repository: &str, access: &Access) -> Result<String, Fault> {
        let realm: http::Uri = self
            .realm
            .parse()
            .map_err(|_| Fault::NoSense("it names no place for tokens".into()))?;
        let is_here = matches!(realm.host(), Some("localhost" | "127.0.0.1"));
        if realm.scheme_str() != Some("https") && !is_here {
            let reason = "it wants its tokens to be asked for without TLS";
            return Err(Fault::NotTrusted(reason.into()));
        }
        let scope = format!("repository:{repository}:pull");
        let scope = self.scope.as_deref().unwrap_or(&scope);
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(service) = &self.service {
            query.append_pair("service", service);
        }
        query.append_pair("scope", scope);
        let mark = if self.realm.contains('?') { '&' } else { '?' };
        let place = format!("{}{mark}{}", self.realm, query.finish());
        let client = Client::new(&self.realm, access)?;
        let answer = client.get(&place, "application/json", TOKEN_BYTES).await?;
        let answer: Value = serde_json::from_slice(&answer)
            .map_err(|_| Fault::NoSense("its token is no JSON".into()))?;
        let token = answer["token"].as_str().or(answer["access_token"].as_str());
        let token = token.map(str::to_owned);
        token.ok_or_else(|| Fault::NoSense("it gives no token".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_with_commas_in_its_quotes() {
        let text = r#"Bearer realm="https://auth.example.org/token",service="registry.example.org",scope="repository:a/web:pull,push""#;
        let found = Challenge::parse(text).expect("a challenge");
        assert_eq!(found.realm, "https://auth.example.org/token");
        assert_eq!(found.service.as_deref(), Some("registry.example.org"));
        assert_eq!(found.scope.as_deref(), Some("repository:a/web:pull,push"));
        assert!(Challenge::parse("Basic realm=\"x\"").is_none());
        assert!(Challenge::parse("Bearer realm=\"x").is_none());
    }

    #[test]
    fn a_registry_is_asked_by_tls_unless_it_is_this_machine() {
        let base = |url: &str| parts(url).map(|it| it.0);
        assert_eq!(
            base("oci://r.example.org/a/web"),
            Ok("https://r.example.org".into())
        );
        assert_eq!(
            base("oci://127.0.0.1:5000/a"),
            Ok("http://127.0.0.1:5000".into())
        );
        assert_eq!(
            base("oci://docker.io/a/b"),
            Ok("https://registry-1.docker.io".into())
        );
        assert!(base("oci://r.example.org").is_err());
        assert!(base("https://r.example.org/a").is_err());
    }
}
