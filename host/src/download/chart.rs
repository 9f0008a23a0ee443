//! A chart of a chart repository: a web server with an `index.yaml` and packed charts
//! (https://helm.sh/docs/topics/chart_repository).

use serde_json::Value;

use super::client::{Client, absolute};
use super::{Access, CHART, Fault, Got};
use crate::manifest::{Limits, read_value};

/// Bytes of an index. The largest public ones have some twenty million.
const INDEX: usize = 64 << 20;

pub(super) async fn chart(
    repository: &str,
    name: &str,
    version: &str,
    access: &Access,
) -> Result<Got, Fault> {
    let client = Client::new(repository, access)?;
    let index = format!("{}/index.yaml", repository.trim_end_matches('/'));
    let bytes = client.get(&index, "*/*", INDEX).await?;
    let url = url_in(&bytes, name, version)?;
    let base = index
        .parse()
        .map_err(|_| Fault::NoSense("the address is no URL".into()))?;
    let url = absolute(&base, &url)?;
    if base.scheme_str() == Some("https") && url.scheme_str() != Some("https") {
        let reason = format!("its index has {name} {version} at an address without TLS");
        return Err(Fault::NotTrusted(reason));
    }
    let bytes = client.get(&url.to_string(), "*/*", CHART).await?;
    Ok(Got {
        bytes,
        manifest: None,
    })
}

/// Where an index has a chart, as it is written there.
fn url_in(index: &[u8], name: &str, version: &str) -> Result<String, Fault> {
    let limits = Limits {
        bytes: INDEX,
        nodes: 10_000_000,
        expanded_bytes: 2 * INDEX,
        ..Limits::default()
    };
    let read = read_value("index.yaml", index, &limits);
    let index = read.map_err(|errors| {
        let first = errors.first().map(ToString::to_string);
        Fault::NoSense(first.unwrap_or_default())
    })?;
    let none = || Fault::NotFound(format!("chart {name} {version}"));
    let versions = index["entries"][name].as_array().ok_or_else(none)?;
    let bare = |it: &str| it.strip_prefix('v').unwrap_or(it).to_owned();
    let is_meant = |it: &&Value| {
        it["version"]
            .as_str()
            .is_some_and(|it| bare(it) == bare(version))
    };
    let entry = versions.iter().find(is_meant).ok_or_else(none)?;
    let url = entry["urls"][0].as_str().map(str::to_owned);
    url.ok_or_else(|| Fault::NoSense(format!("its index has no address of {name} {version}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "apiVersion: v1\nentries:\n  web:\n  - version: 1.2.0\n    urls: [web-1.2.0.tgz]\n  - {version: v1.1.0, urls: ['https://files.example.org/web-1.1.0.tgz']}\n  - {version: 1.0.0}\n";

    #[test]
    fn a_chart_is_found_by_its_name_and_exact_version() {
        let found = |name, version| url_in(INDEX.as_bytes(), name, version);
        assert_eq!(found("web", "1.2.0"), Ok("web-1.2.0.tgz".into()));
        let other = "https://files.example.org/web-1.1.0.tgz";
        assert_eq!(found("web", "1.1.0"), Ok(other.into()));
        assert!(matches!(found("web", "1.0.0"), Err(Fault::NoSense(_))));
        assert!(matches!(found("web", "1.2"), Err(Fault::NotFound(_))));
        assert!(matches!(found("db", "1.2.0"), Err(Fault::NotFound(_))));
        assert!(url_in(b"<html>", "web", "1.2.0").is_err());
    }
}
