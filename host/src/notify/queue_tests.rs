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
    while let Some((message, _)) = queue.parcel() {
        told.push(kits(&message).join(" "));
        assert_eq!(queue.done(&message), Receipt::Until(message.newest()));
    }
    assert_eq!(told, ["a b", "c", "d"]);
    assert_eq!(queue.due(), None);
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
    assert_eq!(queue.due(), Some(now + second * PATIENCE));
}

#[test]
fn what_is_newer_takes_the_place_of_what_is_not_sent_and_never_of_what_is_being_sent() {
    let (mut queue, now) = (queue(ALL), Instant::now());
    queue.push(news(EventKind::Refused, "a", 1), now);
    let (sent, _) = queue.parcel().expect("one");
    queue.push(news(EventKind::Refused, "a", 2), now);
    queue.done(&sent);
    let (next, since) = queue.parcel().expect("the newer one");
    assert_eq!((next.news.len(), since.as_second()), (1, 2));
}

#[test]
fn too_many_news_give_up_the_oldest() {
    let (mut queue, now) = (queue(ALL), Instant::now());
    let lost: usize = (0..1010)
        .map(|it| queue.push(news(EventKind::Refused, &format!("k{it}"), it), now))
        .sum();
    assert_eq!(lost, 10);
    assert_eq!(queue.parcel().expect("one").1.as_second(), 10);
}

#[test]
fn a_webhook_of_some_kits_hears_of_a_revision_only_what_is_theirs() {
    let mut queue = queue("{name: a, kind: Slack, kits: ['kits/acme/*']}");
    let mut applied = news(EventKind::Applied, "", 1);
    applied.kit = None;
    applied.kits = vec!["kits/other/a".into()];
    queue.push(applied.clone(), Instant::now());
    assert_eq!(queue.due(), None);
    applied.kits.push("kits/acme/b".into());
    queue.push(applied, Instant::now());
    let (message, _) = queue.parcel().expect("one");
    assert_eq!(message.news[0].kits, ["kits/acme/b"]);
}

fn state(revision: &str, state: State) -> CommitState {
    CommitState::new(revision, state, "words")
}

/// Everything that is sent, in order.
fn sent(queue: &mut StateQueue) -> Vec<(String, State)> {
    let mut all = Vec::new();
    while let Some((told, _)) = queue.parcel() {
        queue.done(&told);
        all.push((told.revision, told.state));
    }
    all
}

#[test]
fn the_newest_status_of_a_revision_is_sent_and_the_same_never_twice() {
    use State::{Failure, Pending, Success};
    let (mut queue, now) = (StateQueue::new(None), Instant::now());
    for it in [Pending, Failure, Pending, Success] {
        queue.push(state("a", it), now);
    }
    assert_eq!(sent(&mut queue), [("a".into(), Success)]);
    // Neither is it taken back by an attempt that is under way, nor told again.
    queue.push(state("a", Pending), now);
    queue.push(state("a", Success), now);
    assert_eq!(sent(&mut queue), []);
    queue.push(state("a", Failure), now);
    assert_eq!(sent(&mut queue), [("a".into(), Failure)]);
}

#[test]
fn what_was_never_decided_is_superseded_and_what_was_is_left() {
    use State::{Failure, Pending, Success, Superseded};
    let (mut queue, now) = (StateQueue::new(None), Instant::now());
    queue.push(state("a", Pending), now);
    assert_eq!(sent(&mut queue), [("a".into(), Pending)]);
    // The server is away meanwhile.
    for (revision, it) in [
        ("b", Pending),
        ("c", Failure),
        ("d", Pending),
        ("d", Success),
    ] {
        queue.push(state(revision, it), now);
    }
    let expected = [
        ("a", Superseded),
        ("b", Superseded),
        ("c", Failure),
        ("d", Success),
    ];
    assert_eq!(
        sent(&mut queue),
        expected.map(|(it, state)| (it.to_owned(), state))
    );
}

#[test]
fn a_host_that_starts_anew_goes_on_where_the_last_one_was() {
    use State::{Failure, Pending, Success, Superseded};
    let told = |it: &CommitState| Some((it.revision.clone(), it.state, it.digest()));
    let now = Instant::now();
    let mut same = StateQueue::new(told(&state("a", Success)));
    same.push(state("a", Pending), now);
    same.push(state("a", Success), now);
    assert_eq!(sent(&mut same), []);
    let mut newer = StateQueue::new(told(&state("a", Pending)));
    newer.push(state("b", Pending), now);
    assert_eq!(
        sent(&mut newer),
        [("a".into(), Superseded), ("b".into(), Pending)]
    );
    let mut decided = StateQueue::new(told(&state("a", Failure)));
    decided.push(state("b", Pending), now);
    assert_eq!(sent(&mut decided), [("b".into(), Pending)]);
}
