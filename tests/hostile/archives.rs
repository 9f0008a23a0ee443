//! Charts as archives.

use crate::archive::{DEVICE, FILE, HARD_LINK, LINK, Tar, compressed, zeros};
use crate::attack::{Attack, all_are_held};

const AT: &str = "kit.yaml:1";

fn archive(name: &'static str, bytes: Vec<u8>) -> Attack {
    Attack::by(name)
        .kit("{helm: {chart: web.tgz}}")
        .file("web.tgz", bytes)
}

#[test]
fn an_archive_reaches_nothing_but_its_own_files() {
    let with = |path: &str| Tar::of_a_chart().file(path, "a: b\n").ended();
    let entry = |kind: u8, link: &str| {
        let tar = Tar::of_a_chart().entry(kind, "web/templates/b.yaml", link, 0);
        tar.ended()
    };
    // Helm takes regular files alone, by their names below the first folder: it is harmless, and the
    // same without them.
    let own: &[&str] = &["\"name\":\"a\""];
    all_are_held(vec![
        archive("a-path-that-climbs", with("web/../../etc/passwd")).ends_held(
            "helm",
            AT,
            &["web.tgz"],
        ),
        archive("a-path-that-climbs-at-once", with("../web/x")).renders(own),
        archive("an-absolute-path", with("/etc/passwd")).renders(own),
        archive("a-path-of-windows", with("web/c:\\x")).renders(own),
        archive("a-hard-link", entry(HARD_LINK, "/etc/passwd")).renders(own),
        archive("a-link", entry(LINK, "/etc/passwd")).renders(own),
        archive("a-device", entry(DEVICE, "")).renders(own),
        archive(
            "a-name-with-control-characters",
            with("web/templates/\u{1b}[31m.yaml"),
        )
        .ends_held(
            "yaml",
            "web.tgz/templates/\u{fffd}[31m.yaml",
            &["apiVersion"],
        ),
    ]);
}

#[test]
fn an_archive_that_is_larger_than_it_seems_is_held() {
    let header = |size: u64| Tar::of_a_chart().entry(FILE, "web/templates/b.yaml", "", size);
    let one = [header(2 << 30).part(), zeros(2048)].concat();
    let many = |mebibytes: usize, count: usize| {
        let file = Tar::default().entry(FILE, "web/files/b", "", (mebibytes as u64) << 20);
        let file = [file.part(), zeros(mebibytes)].concat();
        [Tar::of_a_chart().part(), file.repeat(count)].concat()
    };
    let names = {
        let part = (0..1_000).fold(Tar::default(), |tar, _| tar.file("web/files/b", "b"));
        [Tar::of_a_chart().part(), part.part().repeat(1_000)].concat()
    };
    let nested = (0..200).fold(Tar::of_a_chart().ended(), |inner, _| {
        Tar::of_a_chart().file("web/charts/web.tgz", inner).ended()
    });
    all_are_held(vec![
        archive("one-file-of-2-gib", one).ends_held("helm", AT, &["web.tgz"]),
        archive("files-of-2-gib", many(4, 512)).ends_held("helm", AT, &["web.tgz"]),
        archive("files-of-90-mib", many(4, 23)).renders(&["ConfigMap"]),
        archive("a-million-files", names).ends_held("render-fuel", AT, &["fuel"]),
        archive("archives-in-archives", nested).ends_held("object-twice", "web.tgz", &["twice"]),
        archive("nothing-but-zeros", zeros(4096)).ends_held("helm", AT, &["web.tgz"]),
    ]);
}

#[test]
fn an_archive_that_is_none_is_told_of() {
    let whole = Tar::of_a_chart().ended();
    let half = whole[..whole.len() / 2].to_vec();
    let mut broken = whole.clone();
    broken[20] ^= 0xff;
    all_are_held(vec![
        archive("half-of-it", half).ends_held("helm", AT, &["web.tgz"]),
        archive("a-byte-that-is-another", broken).ends_held("helm", AT, &["web.tgz"]),
        archive("no-bytes", Vec::new()).ends_held("helm", AT, &["web.tgz"]),
        archive("no-tar", compressed(b"words")).ends_held("helm", AT, &["web.tgz"]),
        archive("no-files", Tar::default().ended()).ends_held("helm", AT, &["web.tgz"]),
        archive(
            "a-size-below-nothing",
            Tar::of_a_chart()
                .entry(FILE, "web/b", "", u64::MAX >> 31)
                .ended(),
        )
        .ends_held("helm", AT, &["web.tgz"]),
    ]);
}
