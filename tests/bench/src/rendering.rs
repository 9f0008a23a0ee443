//! What Kustomize and Helm cost as guests, beside native builds of the same renderers; and many kits
//! of Kustomize on a live control plane.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use trimtab::sandbox::{Compiler, Look, RenderLimits, RendererKind, Renderers};
use trimtab_harness::git::Fixture;
use trimtab_harness::kubectl::Kubectl;
use trimtab_harness::root;

use crate::Figure;
use crate::host::Host;
use crate::rule::milliseconds;

const TIMES: usize = 30;
const KITS: usize = 1_000;
/// Kits that share the base that is changed.
const SHARING: usize = 500;

pub fn measure() -> Result<Vec<Figure>> {
    let mut figures = renders()?;
    figures.extend(many()?);
    Ok(figures)
}

fn renders() -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let natives = natives(folder.path())?;
    let modules = root().join("target/renderers");
    let began = Instant::now();
    let compiler = Compiler::Kept(folder.path().join("compiled"));
    let renderers = Renderers::new(
        RenderLimits::default(),
        compiler.clone(),
        vec![modules.clone()],
    );
    let shop = folder.path().join("shop");
    of_objects(&shop, 10)?;
    let kustomize = |path: &str| json!({"path": path});
    render(
        &renderers,
        RendererKind::Kustomize,
        &shop,
        &kustomize("kit"),
    )?;
    let compiled = began.elapsed();
    // As a host has it that starts anew.
    let renderers = Renderers::new(RenderLimits::default(), compiler, vec![modules]);
    let began = Instant::now();
    render(
        &renderers,
        RendererKind::Kustomize,
        &shop,
        &kustomize("kit"),
    )?;
    let mut figures = vec![
        Figure::new(
            "Kustomize compiled, and a first render",
            milliseconds(compiled),
            "ms",
        ),
        Figure::new(
            "a first render by one that was compiled before",
            milliseconds(began.elapsed()),
            "ms",
        ),
    ];
    let boutique = boutique(folder.path())?;
    let mut cases = vec![(
        "a kit of 10 objects by Kustomize",
        RendererKind::Kustomize,
        shop,
        kustomize("kit"),
    )];
    if let Some(boutique) = boutique {
        cases.push((
            "a kit of 35 objects by Kustomize (the boutique)",
            RendererKind::Kustomize,
            boutique.clone(),
            kustomize("kustomize"),
        ));
        let chart = json!({
            "chart": "helm-chart", "release": "shop", "namespace": "shop", "values": [], "includeCRDs": true,
        });
        cases.push((
            "the boutique's chart by Helm",
            RendererKind::Helm,
            boutique,
            chart,
        ));
    }
    for (name, kind, tree, request) in cases {
        render(&renderers, kind, &tree, &request)?;
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let began = Instant::now();
            render(&renderers, kind, &tree, &request)?;
            times.push(milliseconds(began.elapsed()));
        }
        let native = native(&natives, kind, &tree, &request)?;
        let name = format!("{name}, on a fresh instance, p50");
        figures.push(Figure::new(name, median(times), "ms").against("native, warm", native));
    }
    Ok(figures)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn render(renderers: &Renderers, kind: RendererKind, tree: &Path, request: &Value) -> Result<()> {
    let tree = tree.to_owned();
    let look = Box::new(move |path: &str| look(&tree.join(path)));
    let (answer, _) = renderers.render(kind, request.to_string().as_bytes(), look)?;
    let answer: Value = serde_json::from_slice(&answer)?;
    if answer.get("error").is_some() {
        bail!("{answer}");
    }
    Ok(())
}

fn look(path: &Path) -> Look {
    if let Ok(bytes) = fs::read(path) {
        return Look::File(bytes);
    }
    let Ok(entries) = fs::read_dir(path) else {
        return Look::Nothing;
    };
    let names = entries.flatten().map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        match entry.path().is_dir() {
            true => format!("{name}/"),
            false => name,
        }
    });
    Look::Directory(names.collect())
}

/// Both renderers as programs, which render as often as they are told in one process.
fn natives(folder: &Path) -> Result<PathBuf> {
    for name in ["kustomize", "helm"] {
        let built = Command::new("go")
            .current_dir(root().join("host/renderers").join(name))
            .args(["build", "-buildvcs=false", "-o"])
            .arg(folder.join(name))
            .arg(".")
            .status()
            .context("go, which native renderers are built with: https://go.dev/dl")?;
        if !built.success() {
            bail!("the native build of {name} failed");
        }
    }
    Ok(folder.to_owned())
}

/// p50 of one render in a process that has done it before.
fn native(natives: &Path, kind: RendererKind, tree: &Path, request: &Value) -> Result<f64> {
    let name = match kind {
        RendererKind::Kustomize => "kustomize",
        RendererKind::Helm => "helm",
    };
    let mut child = Command::new(natives.join(name))
        .arg(tree)
        .arg(TIMES.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let stdin = child.stdin.take().context("its input")?;
    serde_json::to_writer(stdin, request)?;
    let output = child.wait_with_output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    let times: Vec<f64> = told.lines().filter_map(|it| it.parse().ok()).collect();
    if times.len() != TIMES {
        bail!("{name}: {told}");
    }
    Ok(median(times))
}

/// An overlay over a base of as many objects, half of them Deployments.
fn of_objects(tree: &Path, objects: usize) -> Result<()> {
    fs::create_dir_all(tree.join("base"))?;
    fs::create_dir_all(tree.join("kit"))?;
    let mut names = Vec::new();
    for at in 0..objects / 2 {
        let [_, _, service, deployment] = crate::host::objects("shop", at, 8080);
        for (kind, object) in [("service", service), ("deployment", deployment)] {
            let name = format!("{kind}-{at}.yaml");
            fs::write(tree.join("base").join(&name), object.to_string())?;
            names.push(name);
        }
    }
    fs::write(
        tree.join("base/kustomization.yaml"),
        json!({"resources": names}).to_string(),
    )?;
    let overlay = json!({
        "resources": ["../base"],
        "namespace": "acme",
        "labels": [{"pairs": {"team": "front"}}],
        "images": [{"name": "example.org/app", "newTag": "2"}],
    });
    fs::write(tree.join("kit/kustomization.yaml"), overlay.to_string())?;
    Ok(())
}

/// The newest revision of a real repository, if it is there: `TRIMTAB_DATA` names its folder.
fn boutique(folder: &Path) -> Result<Option<PathBuf>> {
    let data = std::env::var_os("TRIMTAB_DATA")
        .map_or_else(|| root().join("../shared/data"), PathBuf::from)
        .join("online-boutique.fi");
    if !data.is_file() {
        eprintln!("not measured: online-boutique.fi is not there");
        return Ok(None);
    }
    let tree = folder.join("boutique");
    let git = Fixture::new(&tree)?;
    let imported = Command::new("git")
        .current_dir(&tree)
        .args(["fast-import", "--quiet", "--force"])
        .stdin(fs::File::open(data)?)
        .status()?;
    if !imported.success() {
        bail!("online-boutique.fi cannot be imported");
    }
    git.git(&["checkout", "--quiet", "--force", "main"])?;
    Ok(Some(tree))
}

/// Kits of Kustomize of one ConfigMap, half of them over one base.
fn many() -> Result<Vec<Figure>> {
    let kubectl = Kubectl::of_suite();
    let mut host = Host::new("bench-kustomize", 0)?;
    for base in ["one", "other"] {
        host.git.write(
            &format!("bases/{base}/kustomization.yaml"),
            "resources: [map.yaml]\n",
        )?;
        map(&host, base, "value")?;
    }
    for kit in 0..KITS {
        let base = if kit < SHARING { "one" } else { "other" };
        overlay(&host, kit, base, "first")?;
    }
    let all = host.git.commit("all kits")?;
    host.start(&kubectl)?;
    let milliseconds = |line: &Value| line["milliseconds"].as_f64().context("the log tells it");
    let cold = milliseconds(&host.settled(&all))?;
    let peak = host.peak().context("the system tells it")?;
    overlay(&host, 0, "one", "second")?;
    let touched = host.git.commit("one kit")?;
    let one = milliseconds(&host.settled(&touched))?;
    map(&host, "one", "another")?;
    let changed = host.git.commit("a base")?;
    let shared = milliseconds(&host.settled(&changed))?;
    host.stop();
    host.start(&kubectl)?;
    let again = milliseconds(&host.settled(&changed))?;
    Ok(vec![
        Figure::new(
            format!("{KITS} kits of Kustomize, from cold, rendered and live"),
            cold,
            "ms",
        ),
        Figure::new("the host's peak memory for it", peak, "MiB"),
        Figure::new(
            format!("a commit that touches one of {KITS} such kits"),
            one,
            "ms",
        ),
        Figure::new(
            format!("a commit that touches a base that {SHARING} of them share"),
            shared,
            "ms",
        ),
        Figure::new(
            "a restart of the host with nothing changed, to settled",
            again,
            "ms",
        ),
    ])
}

fn map(host: &Host, base: &str, value: &str) -> Result<()> {
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map"}, "data": {"key": value},
    });
    host.git
        .write(&format!("bases/{base}/map.yaml"), map.to_string())
}

fn overlay(host: &Host, kit: usize, base: &str, label: &str) -> Result<()> {
    let overlay = json!({
        "resources": [format!("../../bases/{base}")],
        "namePrefix": format!("kit-{kit}-"),
        "labels": [{"pairs": {"label": label}}],
    });
    host.git.write(
        &format!("kits/app-{kit}/kustomization.yaml"),
        overlay.to_string(),
    )
}
