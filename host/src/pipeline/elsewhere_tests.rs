//! What kits have of other places, by the real renderers.

use std::process::Command;
use std::time::Duration;

use trimtab_harness::git::Fixture;

use super::*;
use crate::kit::{LOCK_FILE, Lock};
use crate::source::{Auth, Pinned, Reference, Store, Worker};

struct Scene {
    platform: Platform,
    folder: TempDir,
    base: Fixture,
    store: Store,
}

const KUSTOMIZATION: &str = "kits/shop/kustomization.yaml";

impl Scene {
    /// A platform, and a repository with a base that it may have bases of.
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let base = Fixture::new(&folder.path().join("base")).expect("a repository");
        base.write("deploy/kustomization.yaml", "resources: [a.yaml]\n")
            .expect("written");
        base.write("deploy/a.yaml", CONFIG).expect("written");
        base.commit("first").expect("committed");
        base.git(&["tag", "v1"]).expect("a tag");
        let url = base.url();
        let sources =
            format!("{KITS}\nsources: [{{url: '{url}'}}, {{url: 'https://x.example.org/'}}]");
        Self {
            platform: Platform::new(&sources, files),
            store: Store::at(folder.path().join("store")),
            folder,
            base,
        }
    }

    /// With a kit that has the base at v1.
    fn with_base() -> Self {
        let scene = Self::new(&[]);
        let url = scene.base.url();
        let text = format!("namePrefix: shop-\nresources:\n- {url}//deploy?ref=v1\n");
        scene.platform.write(KUSTOMIZATION, &text);
        scene
    }

    fn evaluator(&self) -> Evaluator {
        let plugins = PluginStore::new(SANDBOX.clone()).with_store(self.store.clone());
        Evaluator::new(Arc::new(plugins), NonZeroUsize::MIN)
    }

    fn told(&self) -> Vec<String> {
        told(&self.platform.evaluate(&mut self.evaluator()))
    }

    fn reference(&self) -> Reference {
        Reference::Git {
            url: self.base.url(),
            name: "v1".into(),
        }
    }

    /// What v1 stands for now, in the store and in the lock.
    fn vendor(&self) -> Pinned {
        let auth = Auth::default();
        let soon = Duration::from_secs(20);
        let pinned = self
            .store
            .resolve(&worker(), &self.reference(), &auth, soon)
            .expect("resolved");
        self.lock(self.reference(), pinned.clone());
        pinned
    }

    fn lock(&self, reference: Reference, pinned: Pinned) {
        let mut lock = Lock::default();
        lock.put(reference, pinned);
        self.platform.write(LOCK_FILE, &lock.text());
    }
}

/// Local repositories need none.
fn worker() -> Worker {
    Worker {
        program: "none".into(),
    }
}

#[test]
fn a_base_of_another_repository_is_rendered_as_its_pin_says_and_again_when_that_changes() {
    let scene = Scene::with_base();
    scene.vendor();
    let mut evaluator = scene.evaluator();
    let first = scene.platform.evaluate(&mut evaluator);
    assert_eq!(told(&first), ["ConfigMap shop-a"]);
    let manifest = &first.verdicts[0].rendered.manifests[0];
    assert_eq!(manifest.origin.to_string(), format!("{KUSTOMIZATION}:3"));

    // The tag moves on, and nothing else does.
    scene
        .base
        .edit("deploy/a.yaml", "key: one", "key: two")
        .expect("edited");
    scene.base.commit("second").expect("committed");
    scene.base.git(&["tag", "--force", "v1"]).expect("a tag");
    let second = scene.platform.evaluate(&mut evaluator);
    assert!(!second.verdicts[0].looked_at);

    scene.vendor();
    let third = scene.platform.evaluate(&mut evaluator);
    assert!(third.verdicts[0].looked_at);
    assert_ne!(third.verdicts[0].kit.inputs, first.verdicts[0].kit.inputs);
    let object = &third.verdicts[0].rendered.manifests[0].object;
    assert_eq!(object["data"]["key"], "two");

    // Another entry of the lock is none of the kit's.
    let text = std::fs::read_to_string(scene.platform.path(LOCK_FILE)).expect("a lock");
    let mut lock = Lock::parse(text.as_bytes()).expect("a lock");
    let url = "https://x.example.org/other".to_owned();
    let other = Reference::Git {
        url: url.clone(),
        name: "v1".into(),
    };
    let commit = "1".repeat(40);
    lock.put(other, Pinned::Commit { url, commit });
    scene.platform.write(LOCK_FILE, &lock.text());
    let fourth = scene.platform.evaluate(&mut evaluator);
    assert!(!fourth.verdicts[0].looked_at);
    assert_eq!(fourth.verdicts[0].kit.inputs, third.verdicts[0].kit.inputs);
}

#[test]
fn a_commit_is_a_pin_by_itself() {
    let scene = Scene::with_base();
    let Pinned::Commit { commit, .. } = scene.vendor() else {
        panic!("a commit");
    };
    std::fs::remove_file(scene.platform.path(LOCK_FILE)).expect("removed");
    let url = scene.base.url();
    let text = format!("resources: ['{url}//deploy?ref={commit}']\n");
    scene.platform.write(KUSTOMIZATION, &text);
    assert_eq!(scene.told(), ["ConfigMap a"]);
    // A part of it is none.
    scene
        .platform
        .write(KUSTOMIZATION, &text.replace(&commit, &commit[..12]));
    assert!(scene.told()[0].starts_with("trimtab/render-remote "));
}

#[test]
fn what_is_not_pinned_or_not_named_is_told_at_its_line_with_what_to_do() {
    let scene = Scene::with_base();
    let evaluation = scene.platform.evaluate(&mut scene.evaluator());
    let [finding] = &evaluation.verdicts[0].rendered.findings[..] else {
        panic!("{:?}", told(&evaluation));
    };
    assert_eq!(finding.rule, "trimtab/render-remote");
    let at = finding.origin.as_ref().map(ToString::to_string);
    assert_eq!(at.as_deref(), Some("kits/shop/kustomization.yaml:3"));
    assert!(
        finding
            .hint
            .as_ref()
            .is_some_and(|it| it.contains("trimtab vendor"))
    );

    let cases = [
        (
            "https://git.example.org/acme/base?ref=v1",
            "- url: https://git.example.org/acme/base",
        ),
        (
            "https://git.example.org/acme/x/y.yaml",
            "- url: https://git.example.org/acme",
        ),
        (
            "git@git.example.org:acme/base.git?ref=v1",
            "- url: ssh://git@git.example.org/acme/base.git",
        ),
        ("https://x.example.org@evil.example.org/acme/base", ""),
        ("https://pat:s3cret-word@x.example.org/acme/base?ref=v1", ""),
        ("https://x.example.org/acme/%2e%2e/base", ""),
    ];
    for (url, line) in cases {
        scene
            .platform
            .write(KUSTOMIZATION, &format!("resources:\n- {url}\n"));
        let evaluation = scene.platform.evaluate(&mut scene.evaluator());
        let [finding] = &evaluation.verdicts[0].rendered.findings[..] else {
            panic!("{url}: {:?}", told(&evaluation));
        };
        assert_eq!(finding.rule, "trimtab/render-remote", "{url}: {finding}");
        assert!(!finding.to_string().contains("s3cret-word"), "{finding}");
        let at = finding.origin.as_ref().map(ToString::to_string);
        assert_eq!(
            at.as_deref(),
            Some("kits/shop/kustomization.yaml:2"),
            "{url}"
        );
        let hint = finding.hint.clone().unwrap_or_default();
        assert!(hint.contains(line), "{url}: {hint}");
    }
}

#[test]
fn what_is_pinned_and_not_here_could_not_be_evaluated_and_stops_no_neighbour() {
    let scene = Scene::with_base();
    let pinned = scene.vendor();
    scene.platform.write("kits/web/a.yaml", CONFIG);
    let plugins = PluginStore::new(SANDBOX.clone());
    let empty = Store::at(scene.folder.path().join("empty"));
    let mut evaluator = Evaluator::new(
        Arc::new(plugins.with_store(empty.clone())),
        NonZeroUsize::MIN,
    );
    let first = scene.platform.evaluate(&mut evaluator);
    let [shop, web] = &first.verdicts[..] else {
        panic!("two kits");
    };
    assert_eq!(shop.rendered.wanted, std::slice::from_ref(&pinned));
    assert_eq!(shop.rendered.findings[0].rule, "trimtab/remote-awaited");
    assert!(!web.has_errors());

    empty.failed(&pinned, "nobody is there");
    let second = scene.platform.evaluate(&mut evaluator);
    let [shop, web] = &second.verdicts[..] else {
        panic!("two kits");
    };
    assert_eq!(shop.rendered.findings[0].rule, "trimtab/remote-away");
    assert!(
        shop.rendered.findings[0]
            .message
            .contains("nobody is there")
    );
    assert!(!web.looked_at);

    let soon = Duration::from_secs(20);
    let fetched = empty.fetch(&worker(), &pinned, &Auth::default(), soon);
    assert_eq!(fetched, Ok(()));
    let third = scene.platform.evaluate(&mut evaluator);
    assert_eq!(told(&third), ["ConfigMap shop-a"]);
}

#[test]
fn a_remote_base_stays_inside_of_its_repository() {
    let kit = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: shop}\nspec: {kustomize: {loadRestrictions: none}}\n";
    for resource in [
        "../../kits/shop/own.yaml",
        "../../base",
        "../../../repository/base",
        "../outside.yaml",
        "out",
    ] {
        let scene = Scene::with_base();
        scene.platform.write("kits/shop/kit.yaml", kit);
        scene.platform.write("kits/shop/own.yaml", CONFIG);
        scene
            .platform
            .write("base/kustomization.yaml", "resources: [a.yaml]\n");
        scene.platform.write("base/a.yaml", CONFIG);
        let git = &scene.base;
        git.write("outside.yaml", CONFIG).expect("written");
        let link = git.folder().join("deploy/out");
        std::os::unix::fs::symlink("../../../base", link).expect("a link");
        let text = format!("resources: ['{resource}']\n");
        git.write("deploy/kustomization.yaml", text)
            .expect("written");
        git.commit("climbs").expect("committed");
        git.git(&["tag", "--force", "v1"]).expect("a tag");
        scene.vendor();
        let told = scene.told();
        assert_eq!(told.len(), 1, "{resource}: {told:?}");
        assert!(told[0].starts_with("trimtab/"), "{resource}: {told:?}");
        assert!(!told[0].contains('\0'), "{resource}: {told:?}");
    }
}

#[test]
fn what_a_remote_base_has_of_further_places_is_found() {
    let scene = Scene::with_base();
    let git = &scene.base;
    let text = "resources: [a.yaml, 'https://x.example.org/acme/more?ref=v3']\n";
    git.write("deploy/kustomization.yaml", text)
        .expect("written");
    git.commit("more").expect("committed");
    git.git(&["tag", "--force", "v1"]).expect("a tag");
    let pinned = scene.vendor();
    let mut lock = Lock::default();
    lock.put(scene.reference(), pinned);
    let snapshot = Snapshot::of_directory(scene.platform.folder.path()).expect("a snapshot");
    let plugins = PluginStore::new(SANDBOX.clone()).with_store(scene.store.clone());
    let found = references(&snapshot, &scene.platform.spec, &plugins, &Arc::new(lock));
    let found = found.expect("readable");
    let asked: Vec<String> = found[0]
        .asked
        .iter()
        .map(|it| it.reference.to_string())
        .collect();
    let more = "https://x.example.org/acme/more?ref=v3";
    let expected = [
        scene.reference().to_string(),
        more.to_owned(),
        "https://x.example.org/acme/more at v3".to_owned(),
    ];
    assert_eq!(asked, expected);
    let file = Reference::File { url: more.into() };
    assert_eq!(found[0].asked[2].or, Some(file));
}

/// Puts content where a fetch would have.
fn keep(scene: &Scene, bytes: &[u8]) -> String {
    let digest = crate::source::sha256(bytes);
    let content = scene.folder.path().join("store/content");
    fs::create_dir_all(&content).expect("a folder");
    fs::write(content.join(&digest), bytes).expect("written");
    digest
}

#[test]
fn a_file_by_https_is_what_its_digest_says() {
    let scene = Scene::new(&[]);
    let url = "https://x.example.org/raw/a.yaml";
    scene
        .platform
        .write(KUSTOMIZATION, &format!("resources: ['{url}']\n"));
    let sha256 = keep(&scene, CONFIG.as_bytes());
    let reference = Reference::File { url: url.into() };
    let pinned = |sha256: String| Pinned::File {
        url: url.into(),
        sha256,
    };
    scene.lock(reference.clone(), pinned(sha256.clone()));
    assert_eq!(scene.told(), ["ConfigMap a"]);
    let path = scene.folder.path().join("store/content").join(&sha256);
    fs::write(path, "kind: Another\n").expect("written");
    let told = scene.told();
    assert!(told[0].starts_with("trimtab/remote-awaited "), "{told:?}");
}

#[test]
fn a_chart_of_another_place_is_rendered_from_its_package() {
    let scene = Scene::new(&[]);
    let kit = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: web}\nspec:\n  helm:\n    repository: https://x.example.org/charts/\n    chart: web\n    version: 1.2.0\n    values: {key: two}\n";
    scene.platform.write("kits/web/kit.yaml", kit);
    let told = scene.told();
    let at = "trimtab/render-remote kits/web/kit.yaml:7: ";
    assert!(told[0].starts_with(at), "{told:?}");

    let chart = scene.folder.path().join("web");
    write(
        &chart.join("Chart.yaml"),
        "apiVersion: v2\nname: web\nversion: 1.2.0\n",
    );
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\ndata: {key: '{{ .Values.key }}'}\n";
    write(&chart.join("templates/a.yaml"), template);
    let packed = Command::new("tar")
        .current_dir(scene.folder.path())
        .args(["czf", "-", "web"])
        .output()
        .expect("tar is there");
    let sha256 = keep(&scene, &packed.stdout);
    let (repository, name, version) = ("https://x.example.org/charts", "web", "1.2.0");
    let reference = Reference::Chart {
        repository: repository.into(),
        name: name.into(),
        version: version.into(),
    };
    let pinned = Pinned::Chart {
        repository: repository.into(),
        name: name.into(),
        version: version.into(),
        sha256,
    };
    scene.lock(reference, pinned);
    let evaluation = scene.platform.evaluate(&mut scene.evaluator());
    assert_eq!(self::told(&evaluation), ["ConfigMap web"]);
    let manifest = &evaluation.verdicts[0].rendered.manifests[0];
    assert_eq!(manifest.object["data"]["key"], "two");
    assert_eq!(manifest.origin.to_string(), "kits/web/kit.yaml:7");
}
