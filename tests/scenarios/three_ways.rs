//! A real shop by plain YAML, by Kustomize and by Helm at once, through its own history
//! (`shared/data/online-boutique.fi`).

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use trimtab::kit::RepositorySpec;
use trimtab::manifest::write_yaml;
use trimtab::pipeline::{Evaluation, Evaluator, PluginStore};
use trimtab::plan::manifest_digest;
use trimtab::sandbox::{Compiler, RenderLimits, Renderers, Sandbox, SandboxLimits};
use trimtab::source::Snapshot;
use trimtab_harness::{root, wait_for};

use crate::boutique::{agrees, import};
use crate::platform::{Platform, SOON};

/// Of 206 that have a chart.
const REVISIONS: usize = 50;
/// Compiling both renderers takes a minute in a debug build, on a machine that does nothing else.
const COMPILED: Duration = Duration::from_secs(300);
/// What the shop's history is of.
const FOLDERS: [&str; 3] = ["kubernetes-manifests", "kustomize", "helm-chart"];
/// Kits, and their namespaces.
const KITS: [(&str, &str); 3] = [
    ("kubernetes-manifests", "plain"),
    ("kits/overlay", "overlay"),
    ("kits/release", "release"),
];
const OVERLAY: &str = "resources: [../../kustomize/base]
components:
- ../../kustomize/components/network-policies
- ../../kustomize/components/google-cloud-operations
- ../../kustomize/components/memorystore
- ../../kustomize/components/cymbal-branding
- ../../kustomize/components/container-images-tag
";
const RELEASE: &str = "apiVersion: trimtab.io/v1alpha1
kind: Kit
metadata: {name: release}
spec:
  helm:
    chart: /helm-chart
    values: {networkPolicies: {create: true}}
";

/// Namespace, kind, name and digest of each object.
type Objects = BTreeSet<[String; 4]>;

#[test]
fn a_real_shop_lives_in_three_ways_at_once_through_fifty_of_its_revisions() {
    let mut platform = Platform::new(&[]);
    let Some(()) = import(&platform) else { return };
    let revisions = revisions(&platform);
    let kits = KITS.map(|(path, company)| {
        let namespace = platform.namespace(company);
        // The first is plain for the test, and a kustomization for the shop's people.
        let ignore = match company {
            "plain" => "kustomization.yaml",
            _ => "",
        };
        format!("  - {{path: {path}, namespace: {namespace}, ignore: [{ignore}]}}\n")
    });
    let text = std::fs::read_to_string(platform.repository_file()).unwrap();
    let (head, _) = text.split_once("  kits:\n").unwrap();
    let text = format!(
        "{head}  ref: {{branch: followed}}\n  kits:\n{}",
        kits.concat()
    );
    std::fs::write(platform.repository_file(), &text).unwrap();
    // The shop's own commits stay on main.
    let follow = ["symbolic-ref", "HEAD", "refs/heads/followed"];
    platform.git.git(&follow).unwrap();
    platform
        .git
        .write("kits/overlay/kustomization.yaml", OVERLAY)
        .unwrap();
    platform
        .git
        .write("kits/release/kit.yaml", RELEASE)
        .unwrap();
    let mut expected = Expected::new(&text);
    let mut applied = 0;
    let began = Instant::now();
    for (number, revision) in revisions.iter().enumerate() {
        commit(&platform, revision);
        let wanted = expected.objects(&platform);
        let deadline = match number {
            0 => {
                platform.start();
                COMPILED
            }
            _ => SOON,
        };
        wait_for(
            &format!("{revision}, number {number}, is live"),
            deadline,
            || {
                let live = live(&platform);
                match live == wanted {
                    true => Ok(()),
                    false => Err(difference(&platform, &live, &wanted)),
                }
            },
        );
        applied += wanted.len();
        if number == 0 {
            println!("the first is live after {:?}", began.elapsed());
        }
    }
    println!(
        "{} revisions, {applied} objects, {:?}",
        revisions.len(),
        began.elapsed()
    );
    assert!(applied > 4_000, "{applied} objects");

    // The last one is live as kubectl sees it, and as the shop's own files say.
    let evaluation = expected.evaluate(&platform);
    for (path, company) in KITS {
        let verdict = evaluation
            .verdicts
            .iter()
            .find(|it| it.kit.path.as_str() == path);
        let manifests = &verdict.expect("a kit").rendered.manifests;
        let yaml = write_yaml(manifests.iter().map(|it| &it.object));
        let last = revisions.last().expect("there are some");
        assert_eq!(
            agrees(&platform, last, (path, company), &yaml),
            manifests.len()
        );
    }
    let version = platform.git.read("helm-chart/Chart.yaml").unwrap();
    let version = version
        .lines()
        .find_map(|it| it.strip_prefix("appVersion: "));
    let version = version.expect("a version").trim_matches('"');
    for (company, tag) in [
        ("release", version),
        ("plain", "frontend"),
        ("overlay", "CONTAINER_IMAGES_TAG"),
    ] {
        let frontend = platform
            .get(company, "deployment/frontend")
            .unwrap_or_default();
        let image = frontend["spec"]["template"]["spec"]["containers"][0]["image"].clone();
        assert!(
            image.as_str().unwrap_or_default().ends_with(tag),
            "{company}: {image}"
        );
    }
    let cart = |company| platform.get(company, "deployment/redis-cart").is_some();
    assert_eq!(
        ["plain", "overlay", "release"].map(cart),
        [true, false, true]
    );
}

/// Some of the shop's revisions, evenly over the time that it has had a chart, the last one among them.
fn revisions(platform: &Platform) -> Vec<String> {
    let git = |arguments: &[&str]| platform.git.git(arguments).unwrap();
    let with_chart = git(&[
        "rev-list",
        "--first-parent",
        "--reverse",
        "main",
        "--",
        "helm-chart",
    ]);
    let first = with_chart
        .lines()
        .next()
        .expect("there is a chart")
        .to_owned();
    let since = git(&[
        "rev-list",
        "--first-parent",
        "--reverse",
        &format!("{first}..main"),
    ]);
    let all: Vec<&str> = std::iter::once(first.as_str())
        .chain(since.lines())
        .collect();
    assert!(all.len() > REVISIONS, "{} revisions", all.len());
    let at = |number: usize| all[number * (all.len() - 1) / (REVISIONS - 1)].to_owned();
    (0..REVISIONS).map(at).collect()
}

/// The shop's files of a revision, under its own words.
fn commit(platform: &Platform, revision: &str) {
    let git = |arguments: &[&str]| platform.git.git(arguments).unwrap();
    let remove = ["rm", "-r", "--quiet", "--ignore-unmatch", "--"];
    git(&[&remove[..], &FOLDERS].concat());
    git(&[&["checkout", revision, "--"][..], &FOLDERS].concat());
    let subject = git(&["show", "--no-patch", "--format=%s", revision]);
    platform.git.commit(&subject).unwrap();
}

/// What the kits render to, by an evaluation of the test's own.
struct Expected {
    spec: RepositorySpec,
    evaluator: Evaluator,
}

impl Expected {
    fn new(repository: &str) -> Self {
        let repository: serde_json::Value = serde_yaml::from_str(repository).unwrap();
        let folder = root().join("target/renderers");
        let compiler = Compiler::Kept(folder.join("compiled"));
        let renderers = Renderers::new(RenderLimits::default(), compiler, vec![folder]);
        let sandbox = Sandbox::new(SandboxLimits::default(), Compiler::Here).unwrap();
        let plugins = Arc::new(PluginStore::new(sandbox.with_renderers(renderers)));
        Self {
            spec: serde_json::from_value(repository["spec"].clone()).unwrap(),
            evaluator: Evaluator::new(plugins, NonZeroUsize::MIN),
        }
    }

    fn evaluate(&mut self, platform: &Platform) -> Evaluation {
        let snapshot = Snapshot::of_directory(platform.git.folder()).unwrap();
        let never = AtomicBool::new(false);
        let evaluated = self.evaluator.evaluate(&snapshot, &self.spec, &never);
        evaluated.unwrap().unwrap()
    }

    fn objects(&mut self, platform: &Platform) -> Objects {
        let evaluation = self.evaluate(platform);
        assert_eq!(evaluation.verdicts.len(), KITS.len());
        let mut objects = Objects::new();
        for verdict in &evaluation.verdicts {
            let findings: Vec<String> = verdict.findings().map(ToString::to_string).collect();
            assert!(!verdict.has_errors(), "{findings:#?}");
            objects.extend(verdict.rendered.manifests.iter().map(|it| {
                let key = it.key();
                let namespace = key.namespace.as_deref().unwrap_or_default();
                let digest = manifest_digest(&it.object);
                [namespace, &key.group_kind.kind, &key.name, &digest].map(str::to_owned)
            }));
        }
        objects
    }
}

/// What is live of the three kits.
fn live(platform: &Platform) -> Objects {
    let kinds = "deployments,services,serviceaccounts,configmaps,networkpolicies";
    let label = "applyset.kubernetes.io/part-of";
    let found = platform
        .kubectl
        .get(&[kinds, "--all-namespaces", "-l", label]);
    let found = found.unwrap().unwrap_or_default();
    let namespaces = KITS.map(|(_, company)| platform.namespace(company));
    let items = found["items"].as_array().cloned().unwrap_or_default();
    let objects = items.iter().map(|it| {
        let metadata = &it["metadata"];
        let digest = &metadata["annotations"]["trimtab.io/digest"];
        [
            &metadata["namespace"],
            &it["kind"],
            &metadata["name"],
            digest,
        ]
        .map(|text| text.as_str().unwrap_or_default().to_owned())
    });
    objects.filter(|it| namespaces.contains(&it[0])).collect()
}

fn difference(platform: &Platform, live: &Objects, wanted: &Objects) -> String {
    let some = |objects: Vec<&[String; 4]>| {
        let count = objects.len();
        let first: Vec<String> = objects.iter().take(3).map(|it| it[..3].join(" ")).collect();
        format!("{count}: {}", first.join(", "))
    };
    let missing = some(wanted.difference(live).collect());
    let other = some(live.difference(wanted).collect());
    let kits = KITS.map(|(path, _)| platform.state(&platform.kit(path)));
    format!(
        "not live: {missing}\nnot wanted: {other}\n{}",
        kits.join("\n")
    )
}
