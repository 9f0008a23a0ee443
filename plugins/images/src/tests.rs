use super::*;
use serde_json::json;
use trimtab_plugin::testing;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");
const DIGEST: &str = "sha256:13c069113383e0f4d2542b222f96190cbee894bf2c6cc6ff73a53b2477ed81bb";

#[test]
fn every_case_gives_what_it_expects() {
    testing::cases::<Images>(CASES);
}

#[test]
fn odd_objects_give_findings_and_no_panic() {
    testing::odd_objects::<Images>(CASES);
}

#[test]
fn short_names_are_read_as_docker_reads_them() {
    for (text, repository, tag) in [
        ("nginx", "docker.io/library/nginx", None),
        ("nginx:1.27", "docker.io/library/nginx", Some("1.27")),
        ("docker.io/nginx", "docker.io/library/nginx", None),
        ("index.docker.io/nginx", "docker.io/library/nginx", None),
        ("bitnami/redis:7", "docker.io/bitnami/redis", Some("7")),
        ("localhost/web", "localhost/web", None),
        (
            "localhost:5000",
            "docker.io/library/localhost",
            Some("5000"),
        ),
        ("localhost:5000/web:2", "localhost:5000/web", Some("2")),
        ("Registry/web", "Registry/web", None),
        ("10.0.0.1:5000/a/b", "10.0.0.1:5000/a/b", None),
        ("[fd00::1]:5000/a", "[fd00::1]:5000/a", None),
        ("ghcr.io/a__b/c---d.e", "ghcr.io/a__b/c---d.e", None),
    ] {
        let read = image::parse(text).expect(text);
        assert_eq!(
            (read.repository.as_str(), read.tag),
            (repository, tag),
            "{text}"
        );
    }
}

#[test]
fn what_distribution_refuses_is_no_reference() {
    for wrong in [
        "",
        ":",
        "@",
        "/",
        "nginx:",
        "nginx@",
        ":1",
        "a//b",
        "/a",
        "a/",
        "A:1 ",
        "nginx:-1",
        "ghcr.io/a___b/c",
        "ghcr.io/a..b/c",
        "ghcr.io/-a/c",
        "ghcr.io/a-/c",
        "ghcr.io:port/c",
        "-ghcr.io/c",
        "[fd00::1/c",
        "nginx@sha256:13c0",
        "nginx@md5:13c069113383e0f4d2542b222f96190c",
        "nginx:1:2",
        "é",
    ] {
        assert!(image::parse(wrong).is_err(), "{wrong}");
    }
    assert!(image::parse(&format!("ghcr.io/{}", "a".repeat(256))).is_err());
    assert!(image::parse(&format!("nginx:{}", "a".repeat(129))).is_err());
}

#[test]
fn a_pattern_contains_a_repository_and_all_below_it() {
    for (pattern, repository, expected) in [
        ("ghcr.io", "ghcr.io/acme/web", true),
        ("ghcr.io/", "ghcr.io/acme/web", true),
        ("ghcr.io", "ghcr.io.example.org/acme/web", false),
        ("ghcr.io/acme", "ghcr.io/acme-evil/web", false),
        ("ghcr.io/acme/*", "ghcr.io/acme/web/api", true),
        ("ghcr.io/acme/*", "ghcr.io/acme", false),
        ("ghcr.io/acme/web-*", "ghcr.io/acme/web-api", true),
        ("nginx", "docker.io/library/nginx", true),
        ("bitnami/redis", "docker.io/bitnami/redis", true),
        ("docker.io/bitnami/*", "docker.io/bitnami/redis", true),
        ("docker.io/*", "docker.io/bitnami/redis", true),
        ("mydocker.io/*", "docker.io/bitnami/redis", false),
        ("mydocker.io/*", "mydocker.io/redis", true),
        ("index.docker.io", "docker.io/library/nginx", true),
        ("bitnami/*", "docker.io/bitnami/redis", true),
        ("*", "quay.io/a/b", true),
        ("*.gcr.io/acme", "eu.gcr.io/acme/web", true),
        ("localhost:5000", "localhost:5000/web", true),
    ] {
        let read: Repositories = serde_json::from_value(json!(pattern)).expect(pattern);
        assert_eq!(read.contain(repository), expected, "{pattern} {repository}");
    }
}

#[test]
fn settings_that_are_no_patterns_are_refused() {
    for wrong in [
        json!({"allow": ["ghcr.io/acme/web:1.0"]}),
        json!({"allow": [""]}),
        json!({"allow": ["ghcr.io//web"]}),
        json!({"digests": ["nginx@sha256:aa"]}),
        json!({"alow": []}),
        json!({"exempt": [{}]}),
    ] {
        assert!(
            serde_json::from_value::<Settings>(wrong.clone()).is_err(),
            "{wrong}"
        );
    }
}

fn proposals(settings: Value, images: &[&str]) -> Vec<Option<String>> {
    let containers: Vec<Value> = images
        .iter()
        .map(|image| json!({"name": "c", "image": image}))
        .collect();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": containers}});
    let findings = testing::findings::<Images>(settings, &[pod]).into_iter();
    findings.map(|finding| finding.proposed).collect()
}

#[test]
fn what_the_kit_names_elsewhere_is_proposed() {
    assert_eq!(
        proposals(json!({}), &["redis", "redis:7.4"]),
        [Some("redis:7.4".into())]
    );
    assert_eq!(proposals(json!({}), &["redis", "valkey:8"]), [None]);
    let pinned = format!("redis:7@{DIGEST}");
    assert_eq!(
        proposals(json!({"digests": ["*"]}), &["docker.io/redis:7", &pinned]),
        [Some(format!("docker.io/redis:7@{DIGEST}"))]
    );
}

#[test]
fn the_allowed_repository_of_the_same_name_is_proposed() {
    let settings = json!({"allow": ["registry.example.org/mirror/redis", "ghcr.io/acme"]});
    assert_eq!(
        proposals(settings.clone(), &["redis:7.4"]),
        [Some("registry.example.org/mirror/redis:7.4".into())]
    );
    assert_eq!(proposals(settings, &["nginx:1.27"]), [None]);
}

#[test]
fn upper_case_is_proposed_in_lower_case() {
    assert_eq!(
        proposals(json!({}), &["ghcr.io/Acme/Web:1.0"]),
        [Some("ghcr.io/acme/web:1.0".into())]
    );
}
