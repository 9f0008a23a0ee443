//! `trimtab plugin new --language python`.

use trimtab_harness::root;

use super::written::{begun, checked, faulty, fine, hears_every_interface, needs, passes, trimtab};
use crate::{folder, text};

/// Reaches, by its settings, for what a rule does not have.
const REACHES: &str = r#"
import random
import time
from dataclasses import dataclass

from trimtab_plugin import Plugin, SettingsFault


@dataclass
class Settings:
    reach: str


plugin = Plugin(
    name="reaches", version="0.1.0", summary="Reaches.", rules={"reached": "nothing"},
    kinds=["ConfigMap"], settings=Settings,
)


def fault():
    raise SettingsFault("/reach", "is beyond reach")


def deep():
    return deep() + 1


def memory():
    kept = []
    while True:
        kept.append(bytearray(1 << 20))


async def coroutine():
    pass


def forever():
    while True:
        pass


WHAT = {
    "file": lambda: open("/etc/hosts").read(),
    "nowhere": lambda: None.nowhere,
    "settings": fault,
    "deep": deep,
    "forever": forever,
    "later": coroutine,
    "dropped": lambda: coroutine() and None,
    "lazy": lambda: map(str, [1]),
    "memory": memory,
    "given": lambda: f"{given.kubernetes} {given.data[0].origin} {given.data[0].at('/note')}",
    "fine": lambda: print("reached"),
    "time": time.time,
}


@plugin.validate
def validate(context, objects, report):
    global given
    given, reach = context, context.settings.reach
    reached = WHAT[reach]()
    report.warning("reached", f"{reach}: {reached}", objects[0])
    return reached


@plugin.transform
def transform(context, objects, report):
    objects[0].value["data"] = {"of": "shop"}


@plugin.validate_change
def validate_change(context, changes, report):
    for it in changes:
        before, after = (side and side.at("/data/of") for side in (it.before, it.after))
        about = it.after or it.before
        report.info("reached", f"{before} becomes {after}", about, "/data/of").propose("x").tag("a", 1)


@plugin.validate_all
def validate_all(platform, objects, report):
    for it in objects:
        report.info("reached", f"of {it.kit}", it)
"#;

#[test]
fn a_new_plugin_in_python_builds_and_passes_its_cases_at_once() {
    needs("python3");
    let folder = folder(&[]);
    let project = begun(folder.path(), "python");
    // The tools are the ones that the example in this repository names.
    let named = |path: &std::path::Path| {
        std::fs::read_to_string(path.join("requirements.txt")).expect("requirements.txt")
    };
    assert_eq!(
        named(&project),
        named(&root().join("examples/rules/python"))
    );

    std::fs::write(project.join("src/plugin.py"), REACHES).expect("written");
    fine(&trimtab(&project, &["plugin", "build"]));
    let component = project.join("target/components/max-replicas.wasm");
    for (reach, words) in [
        ("file", "could not be evaluated"),
        (
            "nowhere",
            "AttributeError: 'NoneType' object has no attribute 'nowhere'",
        ),
        ("settings", "--> shop/kit.yaml:7:"),
        ("deep", "could not be evaluated"),
        ("forever", "error[trimtab/plugin-fuel]"),
        ("memory", "could not be evaluated"),
        ("time", "could not be evaluated"),
        ("given", "given: 1.34 policies/note.yaml:1 well"),
        ("later", "a rule is not async, and no generator"),
        ("dropped", "was never awaited; a rule is not async"),
        ("lazy", "a rule is not async, and no generator"),
        ("fine", "warning[reaches/reached]: fine: None"),
    ] {
        let told = checked(folder.path(), &component, &format!("{{reach: {reach}}}"));
        assert!(told.contains(words), "{reach}: {told}");
    }
    hears_every_interface(&project, "None");
    faulty(
        &project,
        "src/plugin.py",
        "plugin = 1\n",
        "plugin is no Plugin",
    );
    faulty(
        &project,
        "src/plugin.py",
        &REACHES.replace("def validate(", "async def validate("),
        "a rule is not async, and no generator",
    );
    faulty(
        &project,
        "src/plugin.py",
        "plugin = (\n",
        "SyntaxError: '(' was never closed",
    );
}

#[test]
fn the_example_in_python_passes_its_cases() {
    needs("python3");
    let example = root().join("examples/rules/python");
    fine(&trimtab(
        &root(),
        &["plugin", "build", "examples/rules/python"],
    ));
    passes(&example, 4);
}

#[test]
fn an_environment_that_the_build_did_not_make_is_left_alone() {
    needs("python3");
    let folder = folder(&[]);
    fine(&trimtab(
        folder.path(),
        &["plugin", "new", "a", "--language", "python"],
    ));
    let project = folder.path().join("a");
    // Nothing is fetched, and so there is no tool that would build.
    std::fs::write(project.join("requirements.txt"), "").expect("written");
    let write = |path: &str| {
        let path = project.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(&path, "mine").expect("written");
        path
    };
    let refused = |words: &str| {
        let built = trimtab(&project, &["plugin", "build"]);
        let told = text(&built.stderr);
        assert_eq!(built.status.code(), Some(2), "{told}");
        assert!(told.contains(words), "{told}");
        told
    };
    let (foreign, own) = (write(".venv/mine"), write(".trimtab/venv/mine"));
    refused("was not made by trimtab plugin build");
    assert!(foreign.is_file() && own.is_file());
    std::fs::remove_file(&own).expect("removed");
    std::fs::remove_dir(project.join(".trimtab/venv")).expect("removed");
    let told = refused("does not name componentize-py");
    assert!(told.contains("into .trimtab/venv"), "{told}");
    assert!(foreign.is_file());
    // Of the build's own, nothing stays where requirements.txt is another.
    std::fs::write(project.join("requirements.txt"), "# other\n").expect("written");
    write(".trimtab/venv/mine");
    refused("does not name componentize-py");
    assert!(foreign.is_file() && !own.exists());
    let told = refused("does not name componentize-py");
    assert!(!told.contains("installing"), "{told}");
}
