use super::*;
use serde_json::json;
use trimtab_plugin::testing;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

#[test]
fn every_case_gives_what_it_expects() {
    testing::transformer_cases::<ImageRewrite>(CASES);
}

#[test]
fn odd_objects_give_findings_and_no_panic() {
    testing::transformer_odd_objects::<ImageRewrite>(CASES);
}

fn mirrors(value: serde_json::Value) -> Mirrors {
    serde_json::from_value(value).expect("they are mirrors")
}

#[test]
fn the_longest_mirror_wins_by_whole_segments() {
    let mirrors = mirrors(json!({
        "docker.io/*": "mirror.example/docker.io/*",
        "bitnami/*": "mirror.example/bitnami",
        "nginx": "mirror.example/web/nginx",
        "ghcr.io/acme": "mirror.example/acme/",
    }));
    for (repository, expected) in [
        (
            "docker.io/library/redis",
            Some("mirror.example/docker.io/library/redis"),
        ),
        (
            "docker.io/bitnami/redis",
            Some("mirror.example/bitnami/redis"),
        ),
        (
            "docker.io/bitnamilegacy/redis",
            Some("mirror.example/docker.io/bitnamilegacy/redis"),
        ),
        ("docker.io/library/nginx", Some("mirror.example/web/nginx")),
        ("ghcr.io/acme/web/api", Some("mirror.example/acme/web/api")),
        ("ghcr.io/acme-evil/web", None),
        ("quay.io/acme/web", None),
        ("mirror.example/docker.io/library/redis", None),
    ] {
        assert_eq!(
            mirrors.instead_of(repository).as_deref(),
            expected,
            "{repository}"
        );
    }
}

#[test]
fn a_mirror_of_all_leaves_alone_what_it_has() {
    let mirrors = mirrors(json!({"*": "mirror.example", "quay.io": "quay.example/cache"}));
    for (repository, expected) in [
        ("gcr.io/acme/web", Some("mirror.example/gcr.io/acme/web")),
        ("quay.io/acme/web", Some("quay.example/cache/acme/web")),
        ("mirror.example/web", None),
        ("quay.example/cache/web", None),
    ] {
        assert_eq!(
            mirrors.instead_of(repository).as_deref(),
            expected,
            "{repository}"
        );
    }
}

#[test]
fn mirrors_that_are_none_are_refused() {
    for wrong in [
        json!({"docker.io": "mirror"}),
        json!({"docker.io": ""}),
        json!({"docker.io": "mirror.example/Acme"}),
        json!({"nginx:1.27": "mirror.example"}),
        json!({"ghcr.io//acme": "mirror.example"}),
        json!({"*.gcr.io": "mirror.example"}),
        json!({"docker.io": "a.example", "docker.io/*": "b.example"}),
    ] {
        assert!(
            serde_json::from_value::<Mirrors>(wrong.clone()).is_err(),
            "{wrong}"
        );
    }
}
