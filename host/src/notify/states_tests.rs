use super::*;
use State::{Failure, Held, Pending, Success, Superseded};

fn state(revision: &str, state: State) -> CommitState {
    CommitState::new(revision, state, "words")
}

fn said(revision: &str, state: State, words: &str) -> CommitState {
    CommitState::new(revision, state, words)
}

fn none(now: Instant) -> Pauses {
    Pauses {
        again: now,
        any: now,
    }
}

fn fresh() -> (StateQueue, Instant) {
    let now = Instant::now();
    (StateQueue::new(Delivered::default(), now), now)
}

fn next(queue: &mut StateQueue, now: Instant) -> Option<CommitState> {
    queue.parcel(now, &none(now)).map(|(told, _)| told)
}

/// Everything that is sent, in order.
fn sent(queue: &mut StateQueue, now: Instant) -> Vec<(String, State)> {
    let mut all = Vec::new();
    while let Some(told) = next(queue, now) {
        queue.done(&told, now);
        all.push((told.revision, told.state));
    }
    all
}

fn pairs(all: &[(&str, State)]) -> Vec<(String, State)> {
    let owned = |(it, state): &(&str, State)| ((*it).to_owned(), *state);
    all.iter().map(owned).collect()
}

#[test]
fn the_newest_status_of_a_revision_is_sent_and_the_same_never_twice() {
    let (mut queue, now) = fresh();
    for it in [Pending, Failure, Pending, Success] {
        queue.push(state("a", it), now);
    }
    assert_eq!(sent(&mut queue, now), pairs(&[("a", Success)]));
    // Neither is it taken back by an attempt that is under way, nor told again.
    queue.push(state("a", Pending), now);
    queue.push(state("a", Success), now);
    assert_eq!(sent(&mut queue, now), []);
    queue.push(state("a", Failure), now);
    assert_eq!(sent(&mut queue, now), pairs(&[("a", Failure)]));
}

#[test]
fn what_was_never_decided_is_superseded_and_what_was_is_left_and_the_head_goes_first() {
    let (mut queue, now) = fresh();
    queue.push(state("a", Pending), now);
    assert_eq!(sent(&mut queue, now), pairs(&[("a", Pending)]));
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
        ("d", Success),
        ("c", Failure),
        ("b", Superseded),
        ("a", Superseded),
    ];
    assert_eq!(sent(&mut queue, now), pairs(&expected));
}

#[test]
fn an_older_status_that_cannot_be_delivered_keeps_back_no_newer_one() {
    let (mut queue, now) = fresh();
    queue.push(state("a", Failure), now);
    assert_eq!(next(&mut queue, now), Some(state("a", Failure)));
    // It was not taken, and is to be tried again later.
    let later = now + Duration::from_secs(600);
    let pauses = Pauses {
        again: later,
        any: now,
    };
    assert_eq!(queue.due(&pauses), Some(later));
    queue.push(state("b", Success), now);
    assert_eq!(queue.due(&pauses), Some(now));
    let (told, _) = queue.parcel(now, &pauses).expect("the newer one");
    assert_eq!(told, state("b", Success));
    // Nor does the head that fails keep back the older ones, once both have been tried.
    assert_eq!(next(&mut queue, later), Some(state("a", Failure)));
    assert_eq!(next(&mut queue, later), Some(state("b", Success)));
    queue.done(&state("b", Success), later);
    assert_eq!(sent(&mut queue, later), pairs(&[("a", Failure)]));
    // Unless the server wants to be left alone.
    queue.push(state("c", Success), later);
    let any = later + Duration::from_secs(60);
    let pauses = Pauses { again: later, any };
    assert_eq!(queue.due(&pauses), Some(any));
}

#[test]
fn what_was_given_up_does_not_count_as_told_and_is_told_again_when_it_changes() {
    let (mut queue, now) = fresh();
    queue.push(state("a", Pending), now);
    sent(&mut queue, now);
    queue.push(state("a", Failure), now);
    let told = next(&mut queue, now).expect("a failure");
    let nothing_told = Receipt::State {
        head: None,
        pending: Vec::new(),
    };
    assert_eq!(queue.give_up(&told, now), nothing_told);
    // Not by itself, nor by a retry of the same; the next host does not know it as told.
    queue.push(state("a", Pending), now);
    queue.push(state("a", Failure), now);
    assert_eq!(sent(&mut queue, now), []);
    queue.push(state("a", Success), now);
    assert_eq!(sent(&mut queue, now), pairs(&[("a", Success)]));
    queue.push(state("a", Failure), now);
    assert_eq!(sent(&mut queue, now), pairs(&[("a", Failure)]));
    // Of an older revision the next host tries it once more.
    queue.push(state("b", Pending), now);
    sent(&mut queue, now);
    queue.push(state("c", Success), now);
    let head = next(&mut queue, now).expect("the head's");
    queue.done(&head, now);
    let older = next(&mut queue, now).expect("the older one");
    let receipt = Receipt::State {
        head: None,
        pending: vec!["b".into()],
    };
    assert_eq!(queue.give_up(&older, now), receipt);
    queue.push(state("c", Failure), now);
    assert_eq!(sent(&mut queue, now), pairs(&[("c", Failure)]));
}

#[test]
fn a_host_that_starts_anew_goes_on_where_the_last_one_was() {
    let now = Instant::now();
    let after = |it: CommitState, pending: &[&str]| {
        let delivered = Delivered {
            head: Some((it.revision.clone(), it.state, it.digest())),
            pending: pending.iter().map(ToString::to_string).collect(),
        };
        StateQueue::new(delivered, now)
    };
    let mut same = after(state("a", Success), &[]);
    same.push(state("a", Pending), now);
    same.push(said("a", Success, "in other words"), now);
    assert_eq!(sent(&mut same, now), []);
    let mut newer = after(state("a", Pending), &["z"]);
    newer.push(state("b", Pending), now);
    let expected = [("b", Pending), ("a", Superseded), ("z", Superseded)];
    assert_eq!(sent(&mut newer, now), pairs(&expected));
    let mut decided = after(state("a", Failure), &[]);
    decided.push(state("b", Pending), now);
    assert_eq!(sent(&mut decided, now), pairs(&[("b", Pending)]));
}

#[test]
fn other_words_alone_are_told_now_and_then() {
    let (mut queue, now) = fresh();
    queue.push(said("a", Failure, "2 of 3 pods"), now);
    assert_eq!(sent(&mut queue, now), pairs(&[("a", Failure)]));
    for words in ["1 of 3 pods", "0 of 3 pods"] {
        queue.push(said("a", Failure, words), now);
        assert_eq!(sent(&mut queue, now), [], "{words}");
    }
    let later = now + SPACED;
    assert_eq!(queue.due(&none(now)), Some(later));
    let told = next(&mut queue, later).expect("the newest words");
    assert_eq!(told.description, "0 of 3 pods");
    queue.done(&told, later);
    // What is as it was told needs no words.
    queue.push(said("a", Failure, "1 of 3 pods"), later);
    queue.push(said("a", Failure, "0 of 3 pods"), later);
    assert_eq!(queue.due(&none(later)), None);
    // Another kit is another thing.
    let other = state("a", Failure).of([&crate::kit::KitPath::new("kits/b")]);
    queue.push(other, later);
    assert_eq!(sent(&mut queue, later), pairs(&[("a", Failure)]));
}

#[test]
fn a_revision_that_comes_and_goes_is_told_at_a_bounded_rate() {
    let (mut queue, now) = fresh();
    let mut told = 0;
    for it in 0..200 {
        let now = now + Duration::from_secs(it);
        let flips = if it % 2 == 0 { Success } else { Failure };
        queue.push(state("a", flips), now);
        told += sent(&mut queue, now).len();
    }
    assert_eq!(told, AT_ONCE as usize);
    let later = now + Duration::from_secs(200) + SPACED;
    queue.push(state("a", Success), later);
    assert!(sent(&mut queue, later).len() < 2);
    // Another revision is told at once.
    queue.push(state("b", Success), later);
    assert_eq!(sent(&mut queue, later), pairs(&[("b", Success)]));
}

#[test]
fn what_a_person_holds_is_an_end_until_it_is_let_go() {
    let (mut queue, now) = fresh();
    for it in [Pending, Held, Pending] {
        queue.push(state("a", it), now);
    }
    assert_eq!(sent(&mut queue, now), pairs(&[("a", Held)]));
    // What comes after has its own, and this one keeps what it says.
    queue.push(state("b", Pending), now);
    assert_eq!(sent(&mut queue, now), pairs(&[("b", Pending)]));
    queue.push(state("b", Held), now);
    queue.push(state("b", Success), now);
    assert_eq!(sent(&mut queue, now), pairs(&[("b", Success)]));
}
