use super::*;

fn faults(url: &str, yaml: &str) -> Vec<String> {
    let spec: Notifications = serde_yaml::from_str(yaml).expect("known fields");
    let found = notifications_faults(&spec, url);
    found.into_iter().map(|(field, _)| field).collect()
}

const GITHUB: &str = "https://github.com/acme/platform.git";

#[test]
fn a_host_that_says_what_it_is_needs_no_more_than_a_secret() {
    let short = "commitStatus: {secretRef: {name: token}}";
    for url in [
        GITHUB,
        "git@gitlab.example.org:acme/sub/platform.git",
        "ssh://git@codeberg.org:22/acme/platform",
    ] {
        assert_eq!(faults(url, short), Vec::<String>::new(), "{url}");
    }
    let url = "https://git.example.org/acme/platform.git";
    assert_eq!(faults(url, short), ["commitStatus/provider"]);
    let named = "commitStatus: {secretRef: {name: token}, provider: Gitea}";
    assert_eq!(faults(url, named), Vec::<String>::new());
    let nowhere = ["provider", "apiUrl", "project"].map(|it| format!("commitStatus/{it}"));
    assert_eq!(faults("file:///srv/platform", short), nowhere);
}

#[test]
fn every_fault_is_told_at_its_field() {
    let yaml = "
commitStatus: {secretRef: {name: t}, apiUrl: 'ftp://x', project: '../x', context: ' ', targetUrl: 'https://a:b@x/'}
webhooks:
- {name: Bad_Name, kind: Slack, secretRef: {name: s}}
- {name: a, kind: Slack, url: 'https://hooks.example.org'}
- {name: a, kind: Generic}
- {name: b, kind: Generic, url: 'https://user:pass@example.org'}
- {name: c, kind: Generic, url: 'https://example.org', template: '{{ open', contentType: text, kits: ['a*']}
- {name: commit-status, kind: Teams, secretRef: {name: s}, template: 'x'}
";
    let expected = [
        "commitStatus/apiUrl",
        "commitStatus/targetUrl",
        "commitStatus/project",
        "commitStatus/context",
        "webhooks/0/name",
        "webhooks/1/url",
        "webhooks/2/name",
        "webhooks/2/secretRef",
        "webhooks/3/url",
        "webhooks/4/template",
        "webhooks/4/contentType",
        "webhooks/4/kits/0",
        "webhooks/5/name",
        "webhooks/5/template",
    ];
    assert_eq!(faults(GITHUB, yaml), expected);
}

#[test]
fn a_webhook_is_told_what_it_asks_for() {
    let webhook = |yaml: &str| serde_yaml::from_str::<Webhook>(yaml).expect("a webhook");
    let all = webhook("{name: a, kind: Slack}");
    assert!(all.wants(EventKind::Refused) && !all.wants(EventKind::Drift));
    assert!(all.wants_kit("kits/acme/shop"));
    let some = webhook("{name: a, kind: Slack, events: [Drift], kits: ['kits/acme/*']}");
    assert!(some.wants(EventKind::Drift) && !some.wants(EventKind::Refused));
    assert!(some.wants_kit("kits/acme/shop") && !some.wants_kit("kits/other/shop"));
}
