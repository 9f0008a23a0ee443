use std::collections::BTreeMap;

use super::*;

/// Repositories of files, as a guest looks at them.
fn looking(files: &[(&str, &str)]) -> Lookup {
    let files: BTreeMap<String, String> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    Box::new(move |path| match files.get(path) {
        Some(text) => Look::File(text.clone().into_bytes()),
        None => Look::Nothing,
    })
}

fn recording() -> Arc<Mutex<Recording>> {
    Arc::new(Mutex::new(Some(Default::default())))
}

fn recording_of(files: &[(&str, &str)], paths: &[&str]) -> Option<Told> {
    let recording = recording();
    let mut look = recorded(looking(files), &recording);
    for path in paths {
        look(path);
    }
    let told = recording.lock().expect("not poisoned").take();
    told.map(|(told, _)| told)
}

fn told(files: &[(&str, &str)], paths: &[&str]) -> Told {
    recording_of(files, paths).expect("it is not too much")
}

fn answer(text: &str) -> Outcome {
    Outcome::Answer {
        text: text.to_owned(),
        fuel: 7,
    }
}

fn kept() -> (tempfile::TempDir, Kept) {
    let root = tempfile::tempdir().expect("a folder");
    let kept = Kept::open(&root.path().join("renderings")).expect("it is ours");
    (root, kept)
}

fn names(kept: &Kept, key: &str) -> Vec<PathBuf> {
    let files = files(&kept.folder.join(key)).into_iter();
    files.map(|(_, _, path)| path).collect()
}

#[test]
fn an_answer_is_given_again_where_all_that_its_guest_was_told_is_the_same() {
    let (_root, kept) = kept();
    let files = [("base", "1"), ("kit", "a")];
    kept.put(
        "key",
        &told(&files, &["kit", "base", "gone"]),
        &answer("one"),
    );
    let get = |key: &str, files: &[(&str, &str)]| kept.get(key, &mut looking(files));
    assert_eq!(get("key", &files), Some(answer("one")));
    assert_eq!(
        get("key", &[("base", "1"), ("kit", "a"), ("more", "")]),
        Some(answer("one"))
    );
    assert_eq!(get("key", &[("base", "2"), ("kit", "a")]), None);
    assert_eq!(get("key", &[("kit", "a")]), None);
    assert_eq!(
        get("key", &[("base", "1"), ("kit", "a"), ("gone", "")]),
        None,
        "it is there now"
    );
    assert_eq!(get("other", &files), None);
    // Another repository's, or an earlier revision's, is kept beside it.
    let others = [("base", "2"), ("kit", "a")];
    kept.put("key", &told(&others, &["kit", "base"]), &Outcome::Fuel);
    assert_eq!(get("key", &others), Some(Outcome::Fuel));
    assert_eq!(get("key", &files), Some(answer("one")));
}

#[test]
fn no_more_is_looked_for_than_the_guest_would_ask_for() {
    let (_root, kept) = kept();
    for base in ["1", "2", "3"] {
        let files = [("base", base), ("more", base)];
        kept.put("key", &told(&files, &["base", "more"]), &answer(base));
    }
    let get = |files: &[(&str, &str)]| {
        let asked = recording();
        let mut look = recorded(looking(files), &asked);
        let found = kept.get("key", &mut look);
        let (asked, _) = asked.lock().expect("not poisoned").take().expect("few");
        let paths: Vec<String> = asked.into_iter().map(|(path, _)| path).collect();
        (found, paths.join(" "))
    };
    let first = get(&[("base", "1"), ("more", "1")]);
    assert_eq!(first, (Some(answer("1")), "base more".to_owned()));
    assert_eq!(get(&[("base", "1")]), (None, "base more".to_owned()));
    assert_eq!(get(&[("more", "1")]), (None, "base".to_owned()));
}

#[test]
fn a_damaged_file_is_no_answer_and_goes() {
    let (_root, kept) = kept();
    let files = [("kit", "a")];
    let get = || kept.get("key", &mut looking(&files));
    kept.put("key", &told(&files, &["kit"]), &answer("one"));
    let [path] = &names(&kept, "key")[..] else {
        panic!("one is kept")
    };
    let mut bytes = std::fs::read(path).expect("it is there");
    *bytes.last_mut().expect("it is not empty") ^= 1;
    std::fs::write(path, bytes).expect("it is ours");
    assert!(get().is_none() && !path.exists());
    kept.put("key", &told(&files, &["kit"]), &answer("one"));
    assert!(get().is_some());
}

#[test]
fn what_is_kept_is_bounded() {
    let (_root, mut kept) = kept();
    let put = |kept: &Kept, key: &str, number: usize| {
        let text = number.to_string();
        let files = [("kit", text.as_str())];
        kept.put(key, &told(&files, &["kit"]), &answer(&text));
    };
    (0..ANSWERS + 3).for_each(|number| put(&kept, "key", number));
    assert_eq!(names(&kept, "key").len(), ANSWERS);
    let newest = (ANSWERS + 2).to_string();
    let mut newest = looking(&[("kit", &newest)]);
    assert!(kept.get("key", &mut newest).is_some());
    // All of it, and what a killed host has left.
    let left = kept.folder.join("key/.left");
    let then = SystemTime::now() - Duration::from_secs(2 * 3600);
    for path in names(&kept, "key").iter().chain([&left]) {
        let file = File::options().append(true).create(true).open(path);
        file.and_then(|it| it.set_modified(then))
            .expect("it is ours");
    }
    kept.bytes = 3 * 2 * BLOCK;
    kept.written = AtomicU64::new(SWEEP);
    put(&kept, "other", 1);
    let bytes = |key: &str| -> u64 {
        let files = files(&kept.folder.join(key)).into_iter();
        files.map(|(_, bytes, _)| bytes).sum()
    };
    assert!(!left.exists());
    assert_eq!(names(&kept, "other").len(), 1);
    assert_eq!(bytes("key") + bytes("other"), kept.bytes);
    // What has too many paths, or too long ones, is rendered each time.
    let many: Vec<String> = (0..=LOOKS).map(|it| it.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(recording_of(&[], &many[1..]).is_some());
    assert_eq!(recording_of(&[], &many), None);
    let long = "a".repeat(PATHS / 2 + 1);
    assert_eq!(recording_of(&[], &[&long, &long]), None);
}

#[test]
fn the_key_is_of_the_request_and_of_the_renderer() {
    let limits = RenderLimits::default();
    let digests = [Digest::of(b"a"), Digest::of(b"b")];
    let less = RenderLimits { fuel: 1, ..limits };
    let keys = [
        key(RendererKind::Helm, &digests[0], &limits, b"1"),
        key(RendererKind::Kustomize, &digests[0], &limits, b"1"),
        key(RendererKind::Helm, &digests[1], &limits, b"1"),
        key(RendererKind::Helm, &digests[0], &less, b"1"),
        key(RendererKind::Helm, &digests[0], &limits, b"2"),
    ];
    let all: std::collections::BTreeSet<&String> = keys.iter().collect();
    assert_eq!(all.len(), keys.len());
}
