use super::*;
use crate::kit::{ConditionStatus, RevisionStatus};
use crate::manifest::Origin;

fn status(reason: &str, revision: &str) -> KitStatus {
    let condition = Condition {
        kind: "Ready".into(),
        status: ConditionStatus::False,
        reason: reason.into(),
        message: format!("{reason} it is"),
        last_transition_time: String::new(),
        observed_generation: None,
    };
    KitStatus {
        conditions: vec![condition],
        attempted: Some(RevisionStatus {
            revision: revision.into(),
            short: revision.into(),
            author: "alice".into(),
            subject: String::new(),
            committed_at: String::new(),
            signature: None,
            at: None,
        }),
        inputs: Some("inputs".into()),
        ..KitStatus::default()
    }
}

fn refused(revision: &str, rule: &str) -> KitStatus {
    let finding = Finding::host_error(rule, "wrong").at(Origin::new("kits/a/b.yaml", 3));
    KitStatus {
        findings: vec![finding],
        ..status("Refused", revision)
    }
}

/// Goes through statuses one after the other; gives each new event.
fn told(all: &[KitStatus]) -> Vec<EventKind> {
    let (mut before, mut told) = (KitStatus::default(), Vec::new());
    for (now, after) in all.iter().enumerate() {
        let mut after = after.clone();
        after.events = events(&before, &after, None, &now.to_string());
        let new = after.events.iter().filter(|it| it.at == now.to_string());
        told.extend(new.map(|it| it.event));
        before = after;
    }
    told
}

#[test]
fn trouble_is_told_once_and_its_end_as_well() {
    use EventKind::{Failed, Recovered, Refused, Unhealthy};
    let plain = |reason: &str| status(reason, "a");
    let story = [
        "Applied",
        "Unhealthy",
        "Unhealthy",
        "Progressing",
        "Unhealthy",
        "Applied",
        "Applied",
    ];
    assert_eq!(told(&story.map(plain)), [Unhealthy, Recovered]);
    let story = ["ApplyFailed", "Unhealthy", "Applied", "Unhealthy"];
    assert_eq!(
        told(&story.map(plain)),
        [Failed, Unhealthy, Recovered, Unhealthy]
    );
    // A newer revision tells itself that it is live, and is new trouble if it is not.
    assert_eq!(
        told(&[status("Refused", "a"), status("Applied", "b")]),
        [Refused]
    );
    assert_eq!(
        told(&[status("Refused", "a"), status("Refused", "b")]),
        [Refused, Refused]
    );
    // What else is wrong with the same revision is news.
    assert_eq!(
        told(&[refused("a", "x"), refused("a", "x"), refused("a", "y")]),
        [Refused, Refused]
    );
}

#[test]
fn drift_hides_no_trouble() {
    let note = Note {
        warning: true,
        reason: "DriftCorrected",
        message: "x was changed".into(),
    };
    let mut before = status("Unhealthy", "a");
    before.events = events(&KitStatus::default(), &before, None, "1");
    let mut after = status("Unhealthy", "a");
    after.events = events(&before, &after, Some(&note), "2");
    let all: Vec<_> = after
        .events
        .iter()
        .map(|it| (it.event, it.at.as_str()))
        .collect();
    assert_eq!(all, [(EventKind::Unhealthy, "1"), (EventKind::Drift, "2")]);
    let live = status("Applied", "a");
    let all = events(&after, &live, None, "3");
    assert_eq!(all[0].event, EventKind::Recovered);
    assert_eq!(all[1].at, "2");
}

fn live_only(path: &str) -> Standing {
    Standing::Live {
        kits: vec![KitPath::new(path)],
        held: Vec::new(),
        broken: None,
    }
}

fn failing(kits: &[&str], words: &str) -> Standing {
    Standing::Failing(Broken {
        kits: kits.iter().map(|it| KitPath::new(*it)).collect(),
        words: words.into(),
    })
}

fn stands(kits: &[(&str, Option<KitStatus>)]) -> Standing {
    let paths: Vec<KitPath> = kits.iter().map(|(path, _)| KitPath::new(*path)).collect();
    let kits = paths.iter().zip(kits).map(|(path, (_, status))| KitAt {
        path,
        status: status.as_ref(),
        inputs: "inputs".into(),
        idle: true,
        held: status
            .as_ref()
            .is_some_and(|it| is_held(it) || ready(it).is_some_and(|it| it.reason == "Suspended")),
    });
    standing("head", kits, &[])
}

#[test]
fn a_revision_is_live_when_all_that_it_changed_is_healthy() {
    let live = || Some(status("Applied", "head"));
    let other = || Some(status("Applied", "old"));
    assert_eq!(stands(&[("a", live()), ("b", other())]), live_only("a"));
    for waiting in ["Progressing", "DependencyNotReady"] {
        let kits = [("a", live()), ("b", Some(status(waiting, "head")))];
        assert_eq!(stands(&kits), Standing::OnItsWay, "{waiting}");
    }
    let kits = [("a", live()), ("b", Some(status("Progressing", "old")))];
    assert_eq!(stands(&kits), Standing::OnItsWay);
    // Not looked at yet: its status is of other inputs, or there is none.
    let stale = KitStatus {
        inputs: Some("other".into()),
        ..status("Applied", "old")
    };
    for kit in [None, Some(stale)] {
        assert_eq!(stands(&[("a", live()), ("b", kit)]), Standing::OnItsWay);
    }
}

#[test]
fn a_revision_is_no_success_while_what_an_earlier_one_broke_is_broken() {
    let told = |kits: &[(&str, Option<KitStatus>)]| {
        let told = commit_state("head", &stands(kits));
        (told.state, told.description, told.kits)
    };
    let live = || Some(status("Applied", "head"));
    let words = "b, since old: kits/a/b.yaml:3: wrong [trimtab/x]";
    let broken = ("b", Some(refused("old", "x")));
    let failure = (State::Failure, words.to_owned(), vec!["b".to_owned()]);
    // Whether it changed anything itself or not.
    assert_eq!(told(&[("a", live()), broken.clone()]), failure);
    let untouched = ("a", Some(status("Applied", "old")));
    assert_eq!(told(&[untouched.clone(), broken.clone()]), failure);
    let two = told(&[broken, ("c", Some(status("Unhealthy", "older")))]);
    assert_eq!(two.1, format!("2 kits: {words}"));
    assert_eq!(two.2, ["b", "c"]);
    for reason in ["RolledBack", "ApplyFailed", "DependencyNotReady"] {
        let all = told(&[("a", live()), ("b", Some(status(reason, "old")))]);
        let words = format!("b, since old: b: {reason} it is");
        assert_eq!((all.0, all.1), (State::Failure, words), "{reason}");
    }
    // What it changed is told of as live all the same, to those who want to hear of that.
    let Standing::Live { kits, .. } = stands(&[("a", live()), ("b", Some(refused("old", "x")))])
    else {
        panic!("what it changed is live");
    };
    assert_eq!(kits, [KitPath::new("a")]);
    // Once it is mended, it is a success.
    let mended = told(&[untouched, ("b", Some(status("Applied", "old")))]);
    let all_is_well = "everything is as it says".to_owned();
    assert_eq!(mended, (State::Success, all_is_well, Vec::new()));
}

#[test]
fn a_failure_is_told_with_its_first_finding_while_others_are_on_their_way() {
    let kits = [("a", Some(refused("head", "x"))), ("b", None)];
    let words = "kits/a/b.yaml:3: wrong [trimtab/x]";
    assert_eq!(stands(&kits), failing(&["a"], words));
    let kits = [
        ("a", Some(refused("head", "x"))),
        ("b", Some(status("Unhealthy", "head"))),
    ];
    assert_eq!(
        stands(&kits),
        failing(&["a", "b"], &format!("2 kits: {words}"))
    );
    let kits = [("b", Some(status("Unhealthy", "head")))];
    assert_eq!(stands(&kits), failing(&["b"], "b: Unhealthy it is"));
}

#[test]
fn what_a_person_holds_is_told_and_no_success_of_what_it_may_be_about() {
    let held = || Some(status("Held", "old"));
    let told = |kits: &[(&str, Option<KitStatus>)]| commit_state("head", &stands(kits));
    let words = "not applied: a person holds a; `trimtab status` says who, and why";
    for reason in ["Held", "Suspended"] {
        let alone = told(&[("a", Some(status(reason, "old")))]);
        assert_eq!((alone.state, &*alone.description), (State::Held, words));
        assert_eq!(alone.kits, ["a"]);
    }
    let beside = told(&[("a", held()), ("b", Some(status("Applied", "head")))]);
    assert_eq!(beside.state, State::Success);
    assert_eq!(
        beside.description,
        "1 kit is live and healthy; a person holds a"
    );
    use EventKind::{Held, Recovered};
    let story = [
        status("Applied", "b"),
        status("Held", "a"),
        status("Held", "a"),
        status("Applied", "b"),
    ];
    assert_eq!(super::tests::told(&story), [Held, Recovered]);
}

#[test]
fn a_kits_own_status_is_of_the_revision_that_was_tried_last() {
    let path = KitPath::new("kits/a");
    let told = |reason: &str, held: bool, inputs: &str| {
        let status = status(reason, "old");
        let kit = KitAt {
            path: &path,
            status: Some(&status),
            inputs: inputs.into(),
            idle: true,
            held,
        };
        kit_state(&kit).map(|it| (it.revision.clone(), it.state))
    };
    for (reason, held, state) in [
        ("Applied", false, State::Success),
        ("Unhealthy", false, State::Failure),
        ("Progressing", false, State::Pending),
        ("Suspended", true, State::Held),
    ] {
        assert_eq!(told(reason, held, "inputs"), Some(("old".into(), state)));
    }
    // What it says is not of what is there now.
    assert_eq!(told("Applied", false, "others"), None);
}
