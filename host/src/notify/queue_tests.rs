use super::*;
use crate::kit::EventKind;

fn news(event: EventKind, kit: &str, second: i64) -> News {
    News {
        at: Timestamp::from_second(second).expect("a time"),
        event,
        kit: Some(kit.into()),
        revision: None,
        message: String::new(),
        findings: Vec::new(),
        kits: Vec::new(),
    }
}

fn queue(webhook: &str) -> NewsQueue {
    let webhook = serde_yaml::from_str(webhook).expect("a webhook");
    NewsQueue::new(webhook, Duration::from_secs(1))
}

/// Nothing is to be waited for.
fn none(now: Instant) -> Pauses {
    Pauses {
        again: now,
        any: now,
    }
}

fn next(queue: &mut NewsQueue, now: Instant) -> Option<(Message, Timestamp)> {
    queue.parcel(now, &none(now))
}

const ALL: &str = "{name: a, kind: Slack}";

fn kits(message: &Message) -> Vec<&str> {
    message
        .news
        .iter()
        .filter_map(|it| it.kit.as_deref())
        .collect()
}

#[test]
fn neighbours_go_together_and_all_in_the_order_in_which_they_happened() {
    use EventKind::{Refused, Unhealthy};
    let (mut queue, now) = (queue(ALL), Instant::now());
    for it in [
        news(Refused, "b", 2),
        news(Unhealthy, "c", 3),
        news(Refused, "a", 1),
        news(Refused, "d", 4),
    ] {
        assert_eq!(queue.push(it, now), 0);
    }
    let mut told = Vec::new();
    while let Some((message, _)) = next(&mut queue, now) {
        told.push(kits(&message).join(" "));
        let receipt = Receipt::News {
            until: message.newest(),
            given_up: Vec::new(),
        };
        assert_eq!(queue.done(&message, now), receipt);
    }
    assert_eq!(told, ["a b", "c", "d"]);
    assert_eq!(queue.due(&none(now)), None);
}

#[test]
fn news_wait_for_others_but_not_for_ever() {
    let (mut queue, now) = (queue(ALL), Instant::now());
    let second = Duration::from_secs(1);
    for it in 0..100 {
        queue.push(
            news(EventKind::Refused, &format!("k{it}"), it),
            now + second.mul_f64(0.5) * it as u32,
        );
    }
    assert_eq!(queue.due(&none(now)), Some(now + second * PATIENCE));
}

#[test]
fn what_is_newer_takes_the_place_of_what_is_not_sent_and_never_of_what_is_being_sent() {
    let (mut queue, now) = (queue(ALL), Instant::now());
    queue.push(news(EventKind::Refused, "a", 1), now);
    let (sent, _) = next(&mut queue, now).expect("one");
    queue.push(news(EventKind::Refused, "a", 2), now);
    queue.done(&sent, now);
    let (newer, since) = next(&mut queue, now).expect("the newer one");
    assert_eq!((newer.news.len(), since.as_second()), (1, 2));
}

#[test]
fn too_many_news_give_up_the_oldest() {
    let (mut queue, now) = (queue(ALL), Instant::now());
    let lost: usize = (0..1010)
        .map(|it| queue.push(news(EventKind::Refused, &format!("k{it}"), it), now))
        .sum();
    assert_eq!(lost, 10);
    assert_eq!(next(&mut queue, now).expect("one").1.as_second(), 10);
}

#[test]
fn a_webhook_of_some_kits_hears_of_a_revision_only_what_is_theirs() {
    let (mut queue, now) = (
        queue("{name: a, kind: Slack, kits: ['kits/acme/*']}"),
        Instant::now(),
    );
    let mut applied = news(EventKind::Applied, "", 1);
    applied.kit = None;
    applied.kits = vec!["kits/other/a".into()];
    queue.push(applied.clone(), now);
    assert_eq!(queue.due(&none(now)), None);
    applied.kits.push("kits/acme/b".into());
    queue.push(applied, now);
    let (message, _) = next(&mut queue, now).expect("one");
    assert_eq!(message.news[0].kits, ["kits/acme/b"]);
}

#[test]
fn what_was_given_up_is_kept_in_mind_and_told_again_with_the_next_news() {
    use EventKind::{Refused, Unhealthy};
    let (mut queue, now) = (queue(ALL), Instant::now());
    queue.push(news(Refused, "a", 1), now);
    queue.push(news(Unhealthy, "b", 2), now);
    for second in [1, 2] {
        let (message, _) = next(&mut queue, now).expect("one");
        let given_up = (1..=second).map(|it| Timestamp::from_second(it).expect("a time"));
        let receipt = Receipt::News {
            until: message.newest(),
            given_up: given_up.collect(),
        };
        assert_eq!(queue.give_up(&message, now), receipt);
    }
    // Not by itself.
    assert_eq!(queue.due(&none(now)), None);
    // What is over, or is another trouble now, is told as it is.
    queue.push(news(Unhealthy, "b", 3), now);
    let mut told = Vec::new();
    while let Some((message, _)) = next(&mut queue, now) {
        told.push((kits(&message).join(" "), message.newest().as_second()));
        let Receipt::News { given_up, .. } = queue.done(&message, now) else {
            panic!("news");
        };
        assert_eq!(given_up, []);
    }
    assert_eq!(told, [("a".to_owned(), 1), ("b".to_owned(), 3)]);
}
