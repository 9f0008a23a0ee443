use std::fs;

use serde_json::json;
use trimtab_harness::root;

use super::*;
use crate::kit::{Discoverer, RepositorySpec, Supplied};
use crate::sandbox::{Compiler, Sandbox, SandboxLimits};

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  labels:\n    team: old\nspec:\n  ports:\n  - name: http\n    port: 80\n";
const KIT: &str = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: web}\nspec:\n  plugins:\n  - path: labels.wasm\n    settings:\n      overwrite: true\n      labels: {team: shop, tier: front}\n";

fn traced() -> Trace {
    let folder = tempfile::tempdir().expect("a folder");
    let component = root().join("target/components/common-labels.wasm");
    let bytes = fs::read(component).expect("`cargo xtask test` has built the components");
    let kit = folder.path().join("web");
    fs::create_dir_all(&kit).expect("a folder");
    fs::write(kit.join("labels.wasm"), bytes).expect("written");
    fs::write(kit.join("service.yaml"), SERVICE).expect("written");
    fs::write(kit.join("kit.yaml"), KIT).expect("written");
    let spec = "url: https://git.example.org/a.git\nkits: [{path: web, namespace: shop}]\n";
    let spec: RepositorySpec = serde_yaml::from_str(spec).expect("a spec");
    let snapshot = Snapshot::of_directory(folder.path()).expect("a snapshot");
    let discovery = Discoverer::default().discover(&snapshot, &spec, &Supplied::default());
    let kits = discovery.expect("readable").kits;
    let sandbox = Sandbox::new(SandboxLimits::default(), Compiler::Here).expect("a sandbox");
    let plugins = PluginStore::new(sandbox);
    let key = ObjectKey {
        group_kind: crate::manifest::GroupVersionKind::new("v1", "Service").group_kind(),
        namespace: Some("shop".into()),
        name: "web".into(),
    };
    let found = trace(&snapshot, &kits[0], &plugins, &Scopes::default(), &key);
    found.expect("it renders").expect("the kit has it")
}

#[test]
fn a_field_is_followed_from_its_line_through_the_plugins_that_change_it() {
    let trace = traced();
    let makers: Vec<&Maker> = trace.stages.iter().map(|it| &it.by).collect();
    assert!(
        matches!(
            makers[..],
            [Maker::Files, Maker::Host, Maker::Transformer(_)]
        ),
        "{makers:?}"
    );
    let place = |pointer: &str| {
        let place = trace.field(pointer).place;
        place.map(|(path, first, last)| (path.to_string(), first, last))
    };
    let file = "web/service.yaml".to_owned();
    // As the file has it.
    assert_eq!(trace.field("/spec/ports/0/port").changes, []);
    assert_eq!(place("/spec/ports/0/port"), Some((file.clone(), 10, 10)));
    // What the host fills in.
    let namespace = trace.field("/metadata/namespace");
    assert_eq!(namespace.place, None);
    assert!(matches!(&namespace.changes[..], [change] if change.by == Maker::Host));
    // What the plugin changed, and what it added.
    let team = trace.field("/metadata/labels/team");
    assert_eq!(place("/metadata/labels/team"), Some((file, 6, 6)));
    let [change] = &team.changes[..] else {
        panic!("{team:?}");
    };
    assert_eq!(
        (&change.before, &change.after),
        (&Some(json!("old")), &Some(json!("shop")))
    );
    let Maker::Transformer(made) = &change.by else {
        panic!("{team:?}");
    };
    assert_eq!(
        (&*made.name, &*made.path),
        ("common-labels", "web/labels.wasm")
    );
    assert_eq!(made.named, Some(("web/kit.yaml".into(), 6, 9)));
    let tier = trace.field("/metadata/labels/tier");
    assert_eq!(tier.place, None);
    assert!(matches!(&tier.changes[..], [change] if change.before.is_none()));
}

#[test]
fn an_item_is_the_same_wherever_a_plugin_moved_it() {
    let old = json!({"c": [{"name": "a", "image": "x"}, {"name": "b"}], "args": ["x", "y"], "p": [{"containerPort": 1}]});
    let new = json!({"c": [{"name": "side"}, {"name": "b"}, {"name": "a", "image": "y"}], "args": ["z", "y"],
        "p": [{"containerPort": 9}, {"containerPort": 1, "protocol": "TCP"}]});
    for (later, earlier) in [
        ("/c/2/image", Some("/c/0/image")),
        ("/c/1/name", Some("/c/1/name")),
        ("/c/0/name", None),
        ("/args/1", Some("/args/1")),
        ("/args/0", Some("/args/0")),
        ("/p/1/containerPort", Some("/p/0/containerPort")),
        ("/p/1/protocol", None),
        ("/p/0/containerPort", None),
        ("/none", None),
    ] {
        assert_eq!(carried(&old, &new, later).as_deref(), earlier, "{later}");
    }
}
