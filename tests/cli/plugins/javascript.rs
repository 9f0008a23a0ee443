//! `trimtab plugin new --language javascript` and `typescript`.

use serde_json::Value;
use trimtab_harness::root;

use super::written::{begun, checked, faulty, fine, hears_every_interface, needs, passes, trimtab};
use crate::folder;

/// Reaches, by its settings, for what a rule does not have.
const REACHES: &str = r#"
import { plugin, settings, SettingsFault } from "trimtab-plugin";

const ready = (async () => undefined)();
const what = {
  time: () => Date.now(),
  date: () => new Date().toISOString(),
  chance: () => Math.random(),
  nowhere: () => undefined.nowhere,
  settings: () => { throw new SettingsFault("/reach", "is beyond reach"); },
  deep: () => { const deeper = (n) => deeper(n + 1) + 1; return deeper(0); },
  forever: () => { for (;;) ; },
  memory: () => { const kept = []; for (;;) kept.push("x".repeat(1 << 20) + kept.length); },
  given: ({ kubernetes, data: [note] }) => `${kubernetes} ${note.origin} ${note.at("/note")}`,
  later: async () => undefined,
  inner: () => { [1].forEach(async () => { await null; throw new Error("nobody hears it"); }); },
  before: () => { ready.then(() => { throw new Error("nobody hears it"); }); },
  lazy: () => [1].values(),
  fine: () => console.log("reached", new Date(0).getTime()),
};

export default plugin({
  name: "reaches",
  version: "0.1.0",
  summary: "Reaches.",
  rules: { reached: "nothing" },
  kinds: ["ConfigMap"],
  settings: settings.object({ reach: settings.string() }),
  validate: (context, [object], report) => {
    const { reach } = context.settings;
    const reached = what[reach](context);
    report.warning("reached", `${reach}: ${reached}`, object);
    return reached;
  },
  validateChange: (_, changes, report) => {
    for (const { before, after } of changes) {
      const message = `${before?.at("/data/of")} becomes ${after?.at("/data/of")}`;
      report.info("reached", message, after ?? before, "/data/of").propose("x").tag("a", 1);
    }
  },
  transform: (_, objects) => { objects[0].value.data = { of: "shop" }; },
  validateAll: (_, objects, report) => {
    for (const object of objects) report.info("reached", `of ${object.kit}`, object);
  },
});
"#;

#[test]
fn a_new_plugin_in_javascript_builds_and_passes_its_cases_at_once() {
    needs("npm");
    let folder = folder(&[]);
    let project = begun(folder.path(), "javascript");
    let component = project.join("target/components/max-replicas.wasm");
    let path = component.to_str().expect("UTF-8");
    let told = fine(&trimtab(
        &project,
        &["plugin", "inspect", path, "-o", "json"],
    ));
    let inspected: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(inspected["name"], "max-replicas");
    let most = &inspected["settingsSchema"]["properties"]["maxReplicas"];
    assert_eq!(most["default"], 10, "{inspected}");

    // The tools are the ones that the example in this repository names.
    let named = |path: &std::path::Path| -> Value {
        let read = std::fs::read(path.join("package.json")).expect("package.json");
        serde_json::from_slice::<Value>(&read).expect("JSON")["devDependencies"].clone()
    };
    assert_eq!(
        named(&project),
        named(&root().join("examples/rules/javascript"))
    );

    let entry = project.join("src/plugin.js");
    std::fs::write(&entry, REACHES).expect("written");
    fine(&trimtab(&project, &["plugin", "build"]));
    for (reach, words) in [
        ("time", "the time is not there"),
        ("date", "the time is not there"),
        ("chance", "Math.random is not there"),
        (
            "nowhere",
            "TypeError: cannot read property 'nowhere' of undefined",
        ),
        ("settings", "--> shop/kit.yaml:7:"),
        ("deep", "could not be evaluated"),
        ("forever", "error[trimtab/plugin-fuel]"),
        ("memory", "could not be evaluated"),
        ("given", "given: 1.34 policies/note.yaml:1 well"),
        ("later", "a rule is not async: a promise is not there"),
        ("inner", "a rule is not async: a promise is not there"),
        ("before", "a rule is not async: a promise is not there"),
        ("lazy", "a rule is not async, and no generator"),
        ("fine", "warning[reaches/reached]: fine: undefined"),
    ] {
        let told = checked(folder.path(), &component, &format!("{{reach: {reach}}}"));
        assert!(told.contains(words), "{reach}: {told}");
    }
    hears_every_interface(&project, "undefined");
    faulty(
        &project,
        "src/plugin.js",
        "export default {};",
        "the default export is no plugin",
    );
    faulty(
        &project,
        "src/plugin.js",
        &REACHES.replace("validate: (", "validate: async ("),
        "a rule is not async, and no generator",
    );
    faulty(
        &project,
        "src/plugin.js",
        "export default (",
        "Unexpected end of file",
    );
}

#[test]
fn a_new_plugin_in_typescript_is_checked_builds_and_passes_its_cases_at_once() {
    needs("npm");
    let folder = folder(&[]);
    let project = begun(folder.path(), "typescript");
    let entry = project.join("src/plugin.ts");
    let source = std::fs::read_to_string(&entry).expect("read");
    let wrong = source.replace(
        "context.settings.maxReplicas",
        "context.settings.maxReplica",
    );
    faulty(&project, "src/plugin.ts", &wrong, "error TS2551");
    let later = source.replace("  validate(", "  async validate(");
    faulty(&project, "src/plugin.ts", &later, "error TS2322");
}

#[test]
fn the_example_in_javascript_passes_its_cases() {
    needs("npm");
    let example = root().join("examples/rules/javascript");
    fine(&trimtab(&example, &["plugin", "build"]));
    passes(&example, 4);
}
