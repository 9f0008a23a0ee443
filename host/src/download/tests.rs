use trimtab_harness::site::{Answer, Asked, Site};

use super::*;

fn file(url: String, access: &Access) -> Result<Vec<u8>, Fault> {
    download(&Want::File { url }, access).map(|it| it.bytes)
}

fn password() -> Access {
    Access {
        username: Some("pat".into()),
        password: Some("s3cret-word".into()),
        ca: None,
    }
}

fn has_credentials(asked: &Asked) -> bool {
    asked.headers.contains_key("authorization")
}

#[test]
fn a_file_is_had_and_what_goes_wrong_says_which_way() {
    let site = Site::start(|asked| match asked.path.as_str() {
        "/a.yaml" => Answer::fine("a: 1\n"),
        "/secret" => Answer::status(403),
        "/broken" => Answer::status(500),
        "/large" => Answer::fine(vec![b'a'; FILE + 1]),
        "/round" => Answer::status(302).with("location", "/round"),
        _ => Answer::status(404),
    });
    let get = |path: &str| file(format!("{}{path}", site.url()), &Access::default());
    assert_eq!(get("/a.yaml"), Ok(b"a: 1\n".to_vec()));
    assert!(matches!(get("/none"), Err(Fault::NotFound(_))));
    assert!(matches!(get("/secret"), Err(Fault::Refused(_))));
    assert!(matches!(get("/broken"), Err(Fault::Unreachable(_))));
    assert_eq!(get("/large"), Err(Fault::TooLarge(FILE)));
    assert!(matches!(get("/round"), Err(Fault::NoSense(_))));
    let url = format!("{}/a.yaml", site.url());
    drop(site);
    let away = file(url, &Access::default());
    assert!(matches!(away, Err(Fault::Unreachable(_))), "{away:?}");
}

#[test]
fn credentials_are_shown_to_the_server_that_they_are_for_and_to_no_other() {
    let other = Site::start(|_| Answer::fine("there"));
    let elsewhere = format!("{}/there", other.url());
    let site = Site::start(move |asked| match asked.path.as_str() {
        "/out" => Answer::status(302).with("location", &elsewhere),
        "/in" => Answer::status(302).with("location", "/a.yaml"),
        _ => Answer::fine("here"),
    });
    let get = |path: &str| file(format!("{}{path}", site.url()), &password());
    assert_eq!(get("/in"), Ok(b"here".to_vec()));
    assert_eq!(get("/out"), Ok(b"there".to_vec()));
    assert_eq!(site.asked().len(), 3);
    assert!(site.asked().iter().all(has_credentials));
    assert!(!other.asked().iter().any(has_credentials));
}

fn chart(site: &Site, name: &str, version: &str) -> Result<Vec<u8>, Fault> {
    let want = Want::Chart {
        repository: format!("{}/charts", site.url()),
        name: name.into(),
        version: version.into(),
    };
    download(&want, &password()).map(|it| it.bytes)
}

#[test]
fn a_chart_is_had_by_the_index_of_its_repository() {
    let other = Site::start(|_| Answer::fine("packed elsewhere"));
    let elsewhere = format!("{}/web-2.0.0.tgz", other.url());
    let site = Site::start(move |asked| match asked.path.as_str() {
        "/charts/index.yaml" => Answer::fine(format!(
            "apiVersion: v1\nentries:\n  web:\n  - {{version: 2.0.0, urls: ['{elsewhere}']}}\n  - {{version: 1.2.0, urls: [packed/web-1.2.0.tgz]}}\n"
        )),
        "/charts/packed/web-1.2.0.tgz" => Answer::fine("packed"),
        _ => Answer::status(404),
    });
    assert_eq!(chart(&site, "web", "1.2.0"), Ok(b"packed".to_vec()));
    assert_eq!(
        chart(&site, "web", "2.0.0"),
        Ok(b"packed elsewhere".to_vec())
    );
    assert!(!other.asked().iter().any(has_credentials));
    let none = chart(&site, "web", "3.0.0");
    assert_eq!(none, Err(Fault::NotFound("chart web 3.0.0".into())));
}

/// A registry with one chart, which wants a token.
fn registry(layer: &'static str) -> Site {
    Site::start(move |asked| {
        let digest = "sha256:8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";
        let manifest = format!(
            r#"{{"schemaVersion": 2, "layers": [{{"mediaType": "{CHART_LAYER}", "digest": "{digest}", "size": 2}}]}}"#
        );
        let path = asked.path.split('?').next().unwrap_or_default();
        let token = asked.headers.get("authorization").map(String::as_str);
        let host = &asked.headers["host"];
        match (path, token) {
            ("/token", Some(shown)) if shown.starts_with("Basic ") => {
                Answer::fine(r#"{"token": "let-me-in"}"#)
            }
            ("/token", _) => Answer::status(401),
            (_, shown) if shown != Some("Bearer let-me-in") => {
                let realm = format!(
                    r#"Bearer realm="http://{host}/token",service="r",scope="repository:charts/web:pull""#
                );
                Answer::status(401).with("www-authenticate", &realm)
            }
            ("/v2/charts/web/manifests/1.2.0_a", _) => Answer::fine(manifest),
            (path, _) if path == format!("/v2/charts/web/blobs/{digest}") => Answer::fine(layer),
            ("/v2/charts/image/manifests/1", _) => Answer::fine(r#"{"layers": []}"#),
            _ => Answer::status(404),
        }
    })
}

fn artifact(site: &Site, name: &str, tag: &str, access: &Access) -> Result<Got, Fault> {
    let url = format!("oci://{}/charts/{name}", site.at);
    let tag = tag.to_owned();
    download(&Want::Artifact { url, tag }, access)
}

#[test]
fn a_chart_of_a_registry_is_had_with_a_token_and_checked_against_its_manifest() {
    let site = registry("hi");
    let got = artifact(&site, "web", "1.2.0+a", &password()).expect("a chart");
    assert_eq!(got.bytes, b"hi");
    assert!(got.manifest.is_some());
    let told = |result: Result<Got, Fault>| result.err();
    let refused = told(artifact(&site, "web", "1.2.0+a", &Access::default()));
    assert!(matches!(refused, Some(Fault::Refused(_))), "{refused:?}");
    let none = told(artifact(&site, "web", "9", &password()));
    assert!(matches!(none, Some(Fault::NotFound(_))), "{none:?}");
    let image = told(artifact(&site, "image", "1", &password()));
    assert!(matches!(image, Some(Fault::NoSense(_))), "{image:?}");

    let liar = registry("no");
    let other = told(artifact(&liar, "web", "1.2.0+a", &password()));
    assert!(matches!(other, Some(Fault::NoSense(_))), "{other:?}");
}
