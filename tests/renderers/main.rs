//! The guests give what the tools themselves give.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use trimtab_harness::{not_run, root};
use wasmtime::{Engine, Module};

use cases::Call;
use trimtab_snapshot::{guest, with_stack};

mod cases;

/// As in a release; by itself the Go command puts them into no part of these programs.
const VERSIONS: &str = "-X sigs.k8s.io/kustomize/api/provenance.version=kustomize/v5.8.2 \
                        -X helm.sh/helm/v4/internal/version.version=v4.3.1";

struct Guests {
    engine: Engine,
    modules: Vec<(&'static str, Module)>,
    tools: PathBuf,
}

/// Compiling them takes a minute, so that the tests share them.
static GUESTS: LazyLock<Guests> = LazyLock::new(Guests::new);

impl Guests {
    fn new() -> Self {
        let engine = guest::engine(true).unwrap();
        let modules = ["kustomize", "helm"]
            .map(|name| {
                let path = root().join("target/renderers").join(name);
                let module = guest::module(&engine, &path.with_extension("wasm"));
                (name, module.unwrap())
            })
            .into();
        Self {
            engine,
            modules,
            tools: tools(),
        }
    }

    fn answer(&self, call: &Call, folder: &Path) -> String {
        let mut call = call.clone();
        loop {
            let answer = self.one_answer(&call, folder);
            let charts = cases::charts(&answer);
            if charts.is_empty() {
                return answer;
            }
            for (chart, helm) in charts {
                let made = self.one_answer(&helm, folder);
                match cases::printed_of(&made, &chart) {
                    Ok(text) => call.add_charted(chart, text),
                    Err(_) => return made,
                }
            }
        }
    }

    fn one_answer(&self, call: &Call, folder: &Path) -> String {
        let (_, module) = self
            .modules
            .iter()
            .find(|(name, _)| *name == call.renderer)
            .unwrap();
        let request = call.request.to_string();
        with_stack(|| guest::render(&self.engine, module, folder, &request))
            .unwrap()
            .answer
    }

    /// What is not the same, if something is.
    fn difference(&self, call: &Call, folder: &Path, error: Option<&str>) -> Option<String> {
        let answer = cases::printed(&self.answer(call, folder));
        // The tool has no such errors: it gives another result each time, or reads the machine's files.
        if let Some(wanted @ ("impure" | "refused")) = error {
            return match answer {
                Err((kind, _)) if kind == wanted => None,
                other => Some(format!("{other:?}")),
            };
        }
        match (answer, call.tool(&self.tools, folder), error) {
            (Ok(ours), Ok(theirs), None) if ours == theirs => None,
            (Ok(ours), Ok(theirs), _) => Some(similar(&ours, &theirs)),
            (Err((kind, _)), Err(_), Some(wanted)) if kind == wanted => None,
            (ours, theirs, _) => Some(format!("ours: {ours:?}\ntheirs: {theirs:?}")),
        }
    }
}

fn similar(ours: &str, theirs: &str) -> String {
    let at = ours
        .lines()
        .zip(theirs.lines())
        .take_while(|(one, other)| one == other)
        .count();
    let line = |text: &str| text.lines().nth(at).unwrap_or("(its end)").to_owned();
    format!(
        "line {}: ours: {}\ntheirs: {}",
        at + 1,
        line(ours),
        line(theirs)
    )
}

/// Kustomize's and Helm's own commands, built once.
fn tools() -> PathBuf {
    let folder = root().join("target/renderers/tools");
    let built = Command::new("go")
        .current_dir(root().join("tests/renderers"))
        .args(["build", "-buildvcs=false", "-ldflags", VERSIONS, "-o"])
        .arg(format!("{}/", folder.display()))
        .args([
            "sigs.k8s.io/kustomize/kustomize/v5",
            "helm.sh/helm/v4/cmd/helm",
        ])
        .status()
        .expect("go, which the tools are built with: https://go.dev/dl");
    assert!(built.success());
    folder
}

#[test]
fn every_case_gives_the_bytes_of_the_tool_or_fails_where_it_fails() {
    let guests = &*GUESTS;
    let mut differences = Vec::new();
    for case in cases::read_all() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().canonicalize().unwrap().join("repository");
        fs::create_dir(&folder).unwrap();
        case.unpack(&folder);
        if let Some(difference) = guests.difference(&case.call, &folder, case.error.as_deref()) {
            differences.push(format!("{}:\n{difference}", case.title));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn the_guests_own_tests_pass() {
    for folder in ["guest", "kustomize", "helm"] {
        let tested = Command::new("go")
            .current_dir(root().join("host/renderers").join(folder))
            .args(["test", "-buildvcs=false", "."])
            .output()
            .expect("go, which the renderers are built with: https://go.dev/dl");
        let told = String::from_utf8_lossy(&tested.stdout);
        assert!(tested.status.success(), "{folder}:\n{told}");
    }
}

#[test]
fn a_render_is_the_same_to_the_unit_of_fuel_and_asks_for_the_same_paths() {
    let guests = &*GUESTS;
    let case = cases::read_all()
        .into_iter()
        .find(|case| case.title == "resources and a base beside the kit's directory")
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    case.unpack(folder.path());
    let folder = folder.path().canonicalize().unwrap();
    let request = case.call.request.to_string();
    let outcomes: Vec<_> = (0..3)
        .map(|_| {
            let module = &guests.modules[0].1;
            with_stack(|| guest::render(&guests.engine, module, &folder, &request)).unwrap()
        })
        .map(|it| (it.answer, it.fuel, it.looked_for))
        .collect();
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[1], outcomes[2]);
    let looked_for: Vec<&str> = outcomes[0].2.iter().map(String::as_str).collect();
    assert_eq!(
        looked_for,
        [
            "bases/web",
            "bases/web/Kustomization",
            "bases/web/kustomization.yaml",
            "bases/web/kustomization.yml",
            "bases/web/web.yaml",
            "kits/a",
            "kits/a/Kustomization",
            "kits/a/extra.yaml",
            "kits/a/kustomization.yaml",
            "kits/a/kustomization.yml",
        ]
    );
}

#[test]
fn the_boutique_is_the_same_at_its_revisions() {
    let data = std::env::var_os("TRIMTAB_DATA")
        .map_or_else(|| root().join("../shared/data"), PathBuf::from)
        .join("online-boutique.fi");
    if !data.is_file() {
        not_run("online-boutique.fi is not there (TRIMTAB_DATA names its folder)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().canonicalize().unwrap().join("repository");
    let git = |arguments: &[&str]| -> String {
        let output = Command::new("git")
            .current_dir(folder.path())
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    git(&["init", "--quiet", "repository"]);
    let imported = Command::new("git")
        .current_dir(&repository)
        .args(["fast-import", "--quiet"])
        .stdin(fs::File::open(data).unwrap())
        .status()
        .unwrap();
    assert!(imported.success());
    let guests = &*GUESTS;
    let mut seen = BTreeSet::new();
    let (mut compared, mut differences) = (0, Vec::new());
    // Some of them: all take an hour.
    let every = std::env::var("TRIMTAB_EVERY").map_or(25, |it| it.parse().unwrap());
    let revisions = git(&["-C", "repository", "rev-list", "--reverse", "main"]);
    for revision in revisions.lines().step_by(every) {
        git(&[
            "-C",
            "repository",
            "checkout",
            "--quiet",
            "--force",
            revision,
        ]);
        git(&["-C", "repository", "clean", "-dfq"]);
        let trees = git(&["-C", "repository", "ls-tree", revision]);
        let trees: String = trees.lines().filter(|it| it.contains("tree")).collect();
        if !seen.insert(trees) {
            continue;
        }
        for call in calls(&repository) {
            compared += 1;
            let ours = cases::printed(&guests.answer(&call, &repository));
            let theirs = call.tool(&guests.tools, &repository);
            if ours.as_ref().ok() != theirs.as_ref().ok() {
                differences.push(format!("{revision} {:?}", call.arguments));
            }
        }
    }
    println!("{compared} renders compared");
    assert!(compared > 0);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Every kustomization, each component over the base, and the chart in two ways.
fn calls(repository: &Path) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut folders = vec![PathBuf::from("kustomize")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(repository.join(&folder)) else {
            continue;
        };
        for entry in entries.map(|entry| entry.unwrap()) {
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if entry.file_name() == "kustomization.yaml" {
                calls.push(Call::parse(&format!("kustomize {}", folder.display())));
                if let Ok(component) = folder.strip_prefix("kustomize/components") {
                    let overlay = format!("overlays/{}", component.display());
                    fs::create_dir_all(repository.join(&overlay)).unwrap();
                    let text = format!(
                        "resources: [../../kustomize/base]\ncomponents: [../../{}]\n",
                        folder.display()
                    );
                    fs::write(repository.join(&overlay).join("kustomization.yaml"), text).unwrap();
                    calls.push(Call::parse(&format!("kustomize {overlay}")));
                }
            }
        }
    }
    if repository.join("helm-chart").is_dir() {
        calls.push(Call::parse("helm helm-chart"));
        calls.push(Call::parse(
            "helm helm-chart set=images.tag=v9 set=networkPolicies.create=true set=frontend.externalService=false",
        ));
    }
    calls
}
