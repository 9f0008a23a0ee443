use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn snapshot(root: &Path) -> Snapshot {
    Snapshot::of_directory(root).expect("a snapshot")
}

fn recorder(now: &Snapshot) -> Recorder {
    Recorder::new(
        now,
        &KitPath::new("kits/a"),
        &Arc::default(),
        &Elsewhere::default(),
    )
}

fn sights(now: &Snapshot) -> Sights<'_> {
    Sights::new(now, &Arc::default(), &Elsewhere::default())
}

fn told(look: &Look) -> String {
    match look {
        Look::Nothing => "nothing".into(),
        Look::File(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Look::Directory(names) => names.join(" "),
        Look::Link(real) => format!("-> {real}"),
        Look::Refused(_) => "refused".into(),
    }
}

#[test]
fn what_is_looked_for_outside_of_the_kit_is_kept_and_holds_until_it_is_another_thing() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    write(root, "kits/a/own.yaml", "own");
    write(root, "base/one.yaml", "one");
    write(root, "base/deep/two.yaml", "two");
    symlink("base", root.join("linked")).expect("a link");
    symlink("../..", root.join("base/out")).expect("a link");
    let now = snapshot(root);
    let seeing = recorder(&now);
    let asked = [
        ("kits/a/own.yaml", "own"),
        ("base", ""),
        ("base/", "deep/ one.yaml out"),
        ("base/deep", ""),
        ("base/one.yaml", "one"),
        ("base/missing.yaml", "nothing"),
        ("linked/one.yaml", "-> base/one.yaml"),
        ("base/out", "refused"),
        ("kits/a/", "own.yaml"),
    ];
    for (path, expected) in asked {
        assert_eq!(told(&seeing.look(path)), expected, "{path}");
    }
    let reads = seeing.taken().reads;
    assert_eq!(reads.paths.len(), 7, "{reads:?}");
    assert!(reads.still_hold(&mut sights(&now)));

    // What was not looked at does not count.
    write(root, "base/deep/two.yaml", "another");
    write(
        root,
        "base/deep/three.yaml",
        "a name in what was not listed",
    );
    write(root, "kits/a/own.yaml", "another");
    assert!(reads.still_hold(&mut sights(&snapshot(root))));
    let changes: [&dyn Fn(); 4] = [
        &|| write(root, "base/one.yaml", "another"),
        &|| write(root, "base/missing.yaml", "found"),
        &|| write(root, "base/new.yaml", "a name more"),
        &|| {
            fs::remove_file(root.join("linked")).expect("removed");
            symlink("kits", root.join("linked")).expect("a link");
        },
    ];
    let mut reads = reads;
    for change in changes {
        change();
        let now = snapshot(root);
        assert!(!reads.still_hold(&mut sights(&now)), "{reads:?}");
        let seeing = recorder(&now);
        for (path, _) in asked {
            seeing.look(path);
        }
        reads = seeing.taken().reads;
        assert!(reads.still_hold(&mut sights(&now)));
    }
}
