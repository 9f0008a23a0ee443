//! Kits with bases and files of other places, live.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use trimtab_harness::git::Fixture;
use trimtab_harness::site::{Answer, Site, git};
use trimtab_harness::wait_for;

use crate::platform::{Platform, config_map, ready};

mod charts;

const SHOP: &str = "kits/acme/shop";
const WEB: &str = "kits/rival/web";
const PLAIN: &str = "kits/third/plain";
/// Compiling a renderer takes a minute in a debug build, on a machine that does nothing else.
const COMPILED: Duration = Duration::from_secs(300);

struct Scene {
    platform: Platform,
    base: Fixture,
    site: Site,
    folder: PathBuf,
    _elsewhere: tempfile::TempDir,
}

impl Scene {
    /// A site with the Git repository `base` and the file `raw/a.yaml`, which a platform names.
    fn new() -> Self {
        let elsewhere = tempfile::tempdir().expect("a folder");
        let base = Fixture::new(&elsewhere.path().join("base")).expect("a repository");
        base.write("deploy/kustomization.yaml", "resources: [a.yaml]\n")
            .unwrap();
        base.write("deploy/a.yaml", config_map("base", "one"))
            .unwrap();
        base.commit("one").unwrap();
        base.git(&["tag", "v1"]).unwrap();
        let served = elsewhere.path().to_owned();
        let site = Site::start(move |asked| match asked.path.as_str() {
            "/raw/a.yaml" => Answer::fine(config_map("raw", "raw")),
            _ => git(&served, asked),
        });
        Self::of(base, site, elsewhere, "")
    }

    /// `more`: sources beside the site.
    fn of(base: Fixture, site: Site, elsewhere: tempfile::TempDir, more: &str) -> Self {
        let platform = Platform::new(&[]);
        let file = platform.repository_file();
        let folder = file.parent().expect("a folder").to_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let url = site.url();
        let sources = format!("  sources: [{{url: '{url}'}}{more}]\n  kits:\n");
        std::fs::write(&file, text.replace("  kits:\n", &sources)).unwrap();
        // What is compiled is shared with the host; what is fetched is not.
        std::fs::create_dir_all(folder.join("cache/plugins")).unwrap();
        std::fs::create_dir_all(folder.join("own/trimtab")).unwrap();
        let plugins = folder.join("own/trimtab/plugins");
        std::os::unix::fs::symlink(folder.join("cache/plugins"), plugins).unwrap();
        Self {
            platform,
            base,
            site,
            folder,
            _elsewhere: elsewhere,
        }
    }

    fn vendor(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_trimtab"))
            .current_dir(self.platform.git.folder())
            .env("XDG_CACHE_HOME", self.folder.join("own"))
            .args(["vendor", "--repository"])
            .arg(self.platform.repository_file())
            .args(arguments)
            .output()
            .expect("trimtab runs")
    }

    fn vendored(&self, arguments: &[&str]) -> String {
        let output = self.vendor(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{text}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn lock(&self) -> String {
        self.platform.git.read("trimtab.lock").unwrap_or_default()
    }

    fn base_is(&self, from: &str, to: &str) -> String {
        self.base.edit("deploy/a.yaml", from, to).unwrap();
        let commit = self.base.commit(to).unwrap();
        self.base.git(&["tag", "--force", "v1"]).unwrap();
        commit
    }

    fn key(&self, company: &str, object: &str) -> String {
        let live = self.platform.get(company, object).unwrap_or_default();
        live["data"]["key"].as_str().unwrap_or_default().to_owned()
    }

    /// The first render waits until its renderer is compiled.
    fn until_rendered(&self, kits: [&str; 2]) {
        wait_for("the renderer is compiled", COMPILED, || {
            let kits = kits.map(|it| self.platform.kit(it));
            match kits.iter().all(|kit| ready(kit)["reason"] == "Applied") {
                true => Ok(()),
                false => Err(kits.map(|kit| ready(&kit).to_string()).join("\n")),
            }
        });
    }

    fn applied(&self, kit: &str) -> String {
        let kit = self.platform.kit(kit);
        let revision = kit["status"]["applied"]["revision"].as_str();
        revision.unwrap_or_default().to_owned()
    }
}

fn exists(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut it| it.next().is_some())
}

#[test]
fn a_kit_follows_what_its_lock_pins_of_another_place_and_outlives_that_place() {
    let mut scene = Scene::new();
    let url = scene.site.url();
    let git = &scene.platform.git;
    let overlay = format!("resources:\n- {url}/base//deploy?ref=v1\nnamePrefix: my-\n");
    git.write(&format!("{SHOP}/kustomization.yaml"), &overlay)
        .unwrap();
    let raw = format!("resources:\n- {url}/raw/a.yaml\n");
    git.write(&format!("{WEB}/kustomization.yaml"), &raw)
        .unwrap();
    git.write(&format!("{PLAIN}/a.yaml"), config_map("plain", "one"))
        .unwrap();

    // Nothing is written by --check, and everything is told.
    let checked = scene.vendor(&["--check"]);
    let told = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(1), "{told}");
    let shop = format!("not pinned: {url}/base at v1 ({SHOP}/kustomization.yaml:2)");
    assert!(told.contains(&shop), "{told}");
    assert_eq!(scene.lock(), "");
    scene.vendored(&[]);
    scene.vendored(&["--check"]);
    let first_lock = scene.lock();
    let first = scene.platform.git.commit("first").unwrap();
    scene.platform.start();
    scene.until_rendered([SHOP, WEB]);
    assert_eq!(scene.key("acme", "configmap/my-base"), "one");
    assert_eq!(scene.key("rival", "configmap/raw"), "raw");

    // The tag moves: nothing happens until the lock says so, and then to the kit that has it alone.
    scene.base_is("key: one", "key: two");
    scene.vendored(&[]);
    assert_eq!(scene.lock(), first_lock);
    let moved = scene.vendored(&["--update", &format!("{url}/base")]);
    assert!(
        moved.contains(&format!("moved: {url}/base at v1: ")),
        "{moved}"
    );
    let second = scene.platform.git.commit("second").unwrap();
    scene.platform.until_kit(SHOP, "Applied", &second);
    assert_eq!(scene.key("acme", "configmap/my-base"), "two");
    assert_eq!(scene.applied(WEB), first);

    // The place is away: the kit says so, what is live stays, and its neighbour goes on.
    let second_commit = scene.base.git(&["rev-parse", "HEAD"]).unwrap();
    let third_commit = scene.base_is("key: two", "key: three");
    scene.site.be_away(true);
    let git = &scene.platform.git;
    git.edit("trimtab.lock", &second_commit, &third_commit)
        .unwrap();
    git.edit(&format!("{PLAIN}/a.yaml"), "key: one", "key: two")
        .unwrap();
    let third = git.commit("third").unwrap();
    scene.platform.until_kit(PLAIN, "Applied", &third);
    let kit = scene.platform.until_kit(SHOP, "Refused", &third);
    let found = Platform::findings(&kit);
    assert_eq!(found[0].0, "trimtab/remote-away", "{found:?}");
    assert_eq!(found[0].1, format!("{SHOP}/kustomization.yaml:2"));
    assert_eq!(scene.key("acme", "configmap/my-base"), "two");
    scene.site.be_away(false);
    scene.platform.until_kit(SHOP, "Applied", &third);
    assert_eq!(scene.key("acme", "configmap/my-base"), "three");

    // A host that starts anew while it is away has what it needs.
    assert!(exists(&scene.folder.join("cache/elsewhere/git")));
    scene.platform.kill();
    scene.site.be_away(true);
    let asked = scene.site.asked().len();
    scene
        .platform
        .git
        .edit(&format!("{SHOP}/kustomization.yaml"), "my-", "our-")
        .unwrap();
    let fourth = scene.platform.git.commit("fourth").unwrap();
    scene.platform.start_without_file();
    scene.platform.until_kit(SHOP, "Applied", &fourth);
    assert_eq!(scene.key("acme", "configmap/our-base"), "three");
    assert_eq!(scene.site.asked().len(), asked);
    scene.site.be_away(false);

    // What comes is not what was pinned: it is not used.
    let git = &scene.platform.git;
    let lock = scene.lock();
    let (_, rest) = lock.split_once("sha256: \"").expect("a digest");
    let digest = &rest[..64];
    git.edit("trimtab.lock", digest, &"0".repeat(64)).unwrap();
    let fifth = git.commit("fifth").unwrap();
    let kit = scene.platform.until_kit(WEB, "Refused", &fifth);
    let message = kit["status"]["findings"][0]["message"].to_string();
    assert!(message.contains("is not what was pinned"), "{message}");
    assert_eq!(scene.key("rival", "configmap/raw"), "raw");
    assert_eq!(scene.applied(SHOP), fourth);
}
