use std::collections::BTreeMap;

use super::*;
use crate::kit::Webhook;
use crate::manifest::{Finding, Origin};
use crate::notify::address::outgoing;
use crate::notify::{generic, slack, teams};

const HOSTILE: &str = "<!channel> *now* [x](https://evil.example.org) \u{202e}&\nnext \"quoted\"";

fn about() -> About {
    About {
        namespace: "system".into(),
        name: "platform".into(),
        url: "https://user:word@github.com/acme/platform.git".into(),
        provider: None,
    }
}

fn revision() -> RevisionStatus {
    RevisionStatus {
        revision: "1a2b3c4d5e6f1a2b3c4d5e6f1a2b3c4d5e6f1a2b".into(),
        short: "1a2b3c4".into(),
        author: "Alice <alice@example.org>".into(),
        subject: HOSTILE.into(),
        committed_at: "2026-11-27T08:00:00Z".into(),
        signature: None,
        at: None,
    }
}

fn refused(kit: &str) -> News {
    let finding = Finding::host_error("", HOSTILE).at(Origin::new("kits/a/b.yaml", 3));
    News {
        at: Timestamp::from_second(1_800_000_000).expect("a time"),
        event: EventKind::Refused,
        kit: Some(kit.into()),
        revision: Some(revision()),
        message: HOSTILE.into(),
        findings: vec![finding],
        kits: Vec::new(),
    }
}

fn message(count: usize) -> Message {
    let news = (0..count).map(|it| refused(&format!("kits/acme/k{it}")));
    Message {
        news: news.collect(),
    }
}

/// Every text object of a kind, wherever it is.
fn texts<'v>(value: &'v Value, kind: &str, found: &mut Vec<&'v str>) {
    if value["type"] == kind {
        found.push(value["text"].as_str().expect("a text"));
    }
    match value {
        Value::Array(all) => all.iter().for_each(|it| texts(it, kind, found)),
        Value::Object(all) => all.values().for_each(|it| texts(it, kind, found)),
        _ => {}
    }
}

#[test]
fn slack_shows_what_authors_wrote_and_does_nothing_that_it_says() {
    let body = slack::body(&message(1), &about());
    let fallback = body["text"].as_str().expect("text");
    assert!(
        !fallback.contains('<') && fallback.contains("&lt;!channel&gt;"),
        "{fallback}"
    );
    let mut marked = Vec::new();
    texts(&body, "mrkdwn", &mut marked);
    let link = "<https://github.com/acme/platform/commit/1a2b3c4d5e6f1a2b3c4d5e6f1a2b3c4d5e6f1a2b|1a2b3c4>";
    assert_eq!(marked, [link]);
    let mut plain = Vec::new();
    texts(&body, "plain_text", &mut plain);
    assert_eq!(plain[0], "system/platform at 1a2b3c4: a kit refused");
    assert!(
        plain.iter().any(|it| it.contains("kits/a/b.yaml:3")),
        "{plain:?}"
    );
    let all = body.to_string();
    for never in ["alice@example.org", "word", "\u{202e}"] {
        assert!(!all.contains(never), "{never}");
    }
}

#[test]
fn teams_shows_what_authors_wrote_as_text_without_markdown() {
    let body = teams::body(&message(1), &about());
    let card = &body["attachments"][0]["content"];
    for block in card["body"].as_array().expect("blocks") {
        assert_eq!(block["type"], "RichTextBlock");
        assert_eq!(block["inlines"][0]["type"], "TextRun");
    }
    assert!(
        card["body"][1]["inlines"][0]["text"]
            .as_str()
            .expect("text")
            .starts_with("Alice: <!channel>")
    );
}

#[test]
fn a_message_is_bounded_and_tells_how_much_more_there_is() {
    let message = message(5000);
    let slack = slack::body(&message, &about());
    assert!(
        slack["attachments"][0]["blocks"]
            .as_array()
            .expect("blocks")
            .len()
            <= 50
    );
    let all = slack.to_string();
    assert!(all.contains("5000 kits refused") && all.contains("and 4980 more"));
    assert!(teams::body(&message, &about()).to_string().len() < 28 << 10);
    assert_eq!(message.json(&about())["more"], 4980);
}

#[test]
fn a_template_makes_json_that_no_subject_can_break_out_of() {
    let all = message(1).json(&about());
    let template = r#"{"text": {{ title ~ " " ~ revision.subject }}, "kit": {{ news[0].kit }}}"#;
    let (body, kind) = generic::body(&all, Some(template), None).expect("filled");
    let made: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(kind, "application/json");
    assert_eq!(made.as_object().expect("a mapping").len(), 2);
    assert!(made["text"].as_str().expect("text").contains("\"quoted\""));
    let (body, _) = generic::body(
        &all,
        Some("{{ event }} {{ revision.short }}"),
        Some("text/plain"),
    )
    .expect("filled");
    assert_eq!(body, "Refused 1a2b3c4");
}

#[test]
fn a_template_that_cannot_be_filled_or_has_no_end_says_so() {
    let all = message(1).json(&about());
    for (template, words) in [
        ("{{ revision.nothing.here }}", "cannot be filled"),
        ("not json", "no JSON"),
        (
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            "cannot be filled",
        ),
    ] {
        let error = generic::body(&all, Some(template), None).expect_err(template);
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_generic_webhook_is_signed_as_the_standard_has_it() {
    let webhook: Webhook =
        serde_yaml::from_str("{name: a, kind: Generic, url: 'https://example.org/in'}")
            .expect("a webhook");
    let secret = |key: &str| {
        let all = [
            ("hmacKey", key),
            ("token", "tok-en"),
            ("headers", "X-Team: blue\n"),
        ];
        let all = all.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        BTreeMap::from(all)
    };
    let now = Timestamp::from_second(1_614_265_330).expect("a time");
    let sent =
        |key: &str| outgoing(&webhook, &about(), &message(1), &secret(key), now).expect("made");
    let first = sent("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let header = |name: &str| first.headers[name].to_str().expect("text").to_owned();
    assert_eq!(header("webhook-timestamp"), "1614265330");
    assert_eq!(header("authorization"), "Bearer tok-en");
    assert_eq!(header("x-team"), "blue");
    assert_eq!(header("webhook-id"), message(1).id(&about()));
    assert!(header("webhook-signature").starts_with("v1,"));
    let other = sent("another key");
    assert_ne!(
        first.headers["webhook-signature"],
        other.headers["webhook-signature"]
    );
    assert_eq!(first.headers["webhook-id"], other.headers["webhook-id"]);
    let error =
        outgoing(&webhook, &about(), &message(1), &secret("whsec_%%"), now).expect_err("no base64");
    assert!(!error.contains("%%"), "{error}");
}

/// The specification's own example
/// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
#[test]
fn the_signature_is_that_of_the_specification_s_libraries() {
    use crate::notify::address::signature;
    let found = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        r#"{"test": 2432232314}"#,
    );
    assert_eq!(
        found.as_deref(),
        Ok("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    );
}

#[test]
fn the_same_news_have_the_same_id_and_others_another() {
    assert_eq!(message(2).id(&about()), message(2).id(&about()));
    assert_ne!(message(2).id(&about()), message(1).id(&about()));
}
