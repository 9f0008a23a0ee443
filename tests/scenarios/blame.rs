//! `trimtab blame`: who set a field of a live object.

use serde_json::{Value, json};
use trimtab_harness::{root, wait_for};

use crate::asking::{ask, ask_json};
use crate::manifests::kit_yaml;
use crate::platform::{Platform, SOON, config_map};

const KIT: &str = "kits/acme/shop";
const ALICE: &str = "Alice Example <alice@example.org>";
const BOB: &str = "Bob Example <bob@example.org>";
const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: shop\n  labels:\n    tier: front\nspec:\n  selector:\n    app: shop\n  ports:\n  - name: http\n    port: 6776\n  - {name: dns, port: 53, protocol: UDP}\n";
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData:\n  password: hunter22-correct-horse\n";
/// In base64, as the API server keeps it.
const ENCODED: &str = "aHVudGVyMjItY29ycmVjdC1ob3JzZQ==";

/// A kit of which Alice wrote the Service, Bob changed the port, and Alice then moved its lines. A
/// plugin puts a label on all objects. Gives the three commits.
pub fn written_by_two(platform: &mut Platform) -> [String; 3] {
    let git = &platform.git;
    let component = std::fs::read(root().join("target/components/common-labels.wasm"));
    git.write(&format!("{KIT}/rules/labels.wasm"), component.unwrap())
        .unwrap();
    let spec = "  drift: report\n  plugins:\n  - path: rules/labels.wasm\n    settings:\n      labels: {team: '{namespace}'}\n";
    kit_yaml(platform, KIT, spec);
    let git = &platform.git;
    git.write(&format!("{KIT}/service.yaml"), SERVICE).unwrap();
    git.write(&format!("{KIT}/secret.yaml"), SECRET).unwrap();
    let dsn = "https://shop:hunter22-correct-horse@db.example.org";
    git.write(&format!("{KIT}/config.yaml"), config_map("shop", dsn))
        .unwrap();
    let first = git.commit_as(ALICE, "the shop").unwrap();
    git.edit(&format!("{KIT}/service.yaml"), "port: 6776", "port: 5445")
        .unwrap();
    let second = git.commit_as(BOB, "another port").unwrap();
    git.write(
        &format!("{KIT}/service.yaml"),
        format!(
            "# The shop.\n{}",
            git.read(&format!("{KIT}/service.yaml")).unwrap()
        ),
    )
    .unwrap();
    let third = git.commit_as(ALICE, "a comment").unwrap();
    platform.start();
    platform.until_kit(KIT, "Applied", &third);
    [first, second, third]
}

fn line<'a>(blame: &'a Value, path: &str) -> &'a Value {
    let mut lines = blame["lines"].as_array().expect("lines").iter();
    lines
        .find(|line| line["path"] == path)
        .unwrap_or_else(|| panic!("{path} is not in {blame:#}"))
}

fn place(line: &Value) -> String {
    let (file, line) = (&line["file"]["path"], &line["file"]["line"]);
    format!("{}:{line}", file.as_str().unwrap_or_default())
}

#[test]
fn a_field_is_a_line_s_and_its_commit_s_a_plugin_s_another_manager_s_or_nobody_s() {
    let mut platform = Platform::new(&[]);
    let [first, second, third] = written_by_two(&mut platform);
    let namespace = platform.namespace("acme");
    // Somebody changes a field that Git has, and one that it has not.
    let patch =
        json!({"metadata": {"labels": {"tier": "back"}}, "spec": {"sessionAffinity": "ClientIP"}});
    let patch = patch.to_string();
    platform
        .kubectl
        .run(&[
            "patch",
            "service/shop",
            "-n",
            &namespace,
            "--type=merge",
            "-p",
            &patch,
        ])
        .unwrap();
    let (code, blame) = ask_json(&platform, &["blame", "svc/shop", "-n", &namespace]);
    assert_eq!(code, Some(0));
    assert_eq!(blame["kit"], KIT);
    assert_eq!(blame["object"], format!("Service {namespace}/shop"));
    assert_eq!(blame["revision"]["revision"], third);
    // A line of Alice's, one that Bob changed and Alice moved.
    let name = line(&blame, "spec.ports[0].name");
    assert_eq!(
        (name["by"].as_str(), place(name)),
        (Some("file"), format!("{KIT}/service.yaml:12"))
    );
    assert_eq!(name["file"]["commit"]["revision"], first);
    assert_eq!(name["file"]["was"], format!("{KIT}/service.yaml:11"));
    let port = line(&blame, "spec.ports[0].port");
    assert_eq!(place(port), format!("{KIT}/service.yaml:13"));
    assert_eq!(port["file"]["commit"]["revision"], second);
    assert_eq!(port["file"]["commit"]["author"], BOB);
    assert_eq!(port["value"], 5445);
    // What the plugin made.
    let team = line(&blame, "metadata.labels.team");
    assert_eq!(team["by"], "transformer");
    assert_eq!(team["value"], *namespace);
    let rule = &team["transformers"][0];
    assert_eq!(rule["name"], "common-labels");
    assert_eq!(rule["path"], format!("{KIT}/rules/labels.wasm"));
    assert_eq!(rule["named"]["path"], format!("{KIT}/kit.yaml"));
    assert_eq!(rule["named"]["line"], 7);
    assert_eq!(rule["named"]["commit"]["revision"], first);
    assert_eq!(rule["component"]["revision"], first);
    // What kubectl did.
    let tier = line(&blame, "metadata.labels.tier");
    assert_eq!(tier["by"], "manager", "{tier:#}");
    assert_eq!(tier["managers"][0]["manager"], "kubectl-patch");
    assert_eq!(
        (&tier["value"], &tier["inGit"]),
        (&json!("back"), &json!("front"))
    );
    assert_eq!(place(tier), format!("{KIT}/service.yaml:7"));
    let affinity = line(&blame, "spec.sessionAffinity");
    assert_eq!(affinity["managers"][0]["manager"], "kubectl-patch");
    assert_eq!(affinity["file"], Value::Null);
    // What the API server fills in is told of only when it is asked for, by its index there.
    let lines = blame["lines"].as_array().unwrap();
    assert!(
        lines.iter().all(|line| line["path"] != "spec.clusterIP"),
        "{blame:#}"
    );
    let field = [
        "blame",
        "service",
        "shop",
        "spec.ports[?name=http].protocol",
        "-n",
        &namespace,
    ];
    let (_, told) = ask_json(&platform, &field);
    assert_eq!(told["lines"][0]["field"], "/spec/ports/0/protocol");
    assert_eq!(told["lines"][0]["by"], "server");
    // For people.
    let told = ask(&platform, &["blame", "svc/shop"]);
    assert_eq!(told.code, Some(0), "{}", told.err);
    let port = format!("{}  Bob Example 2026-01-05", &second[..7]);
    let found = told.out.lines().find(|line| line.starts_with(&port));
    let found = found.unwrap_or_else(|| panic!("{port} is not in\n{}", told.out));
    assert!(found.ends_with("spec.ports[0].port: 5445"), "{found}");
    let told = ask(&platform, &["blame", "svc/shop", "/spec/ports/0/port"]);
    for words in [&*second, BOB, "another port", "service.yaml:13"] {
        assert!(told.out.contains(words), "{words} is not in\n{}", told.out);
    }
}

#[test]
fn what_a_secret_holds_is_in_no_answer_and_other_objects_tell_no_values() {
    let mut platform = Platform::new(&[]);
    let [first, ..] = written_by_two(&mut platform);
    let namespace = platform.namespace("acme");
    for arguments in [
        &["blame", "secret/key", "-n", &namespace][..],
        &["blame", "secret/key", "/data/password", "-n", &namespace],
        &["blame", "configmap/shop", "-n", &namespace],
        &["blame", "cm/shop", "data.key", "-n", &namespace],
        &["blame", "secret/key", "-o", "json", "-n", &namespace],
        &["blame", "configmap/shop", "-o", "json", "-n", &namespace],
    ] {
        let told = ask(&platform, arguments);
        assert_eq!(told.code, Some(0), "{}", told.all());
        assert!(told.out.contains("***"), "{}", told.all());
        for hidden in ["hunter22", ENCODED] {
            assert!(!told.all().contains(hidden), "{}", told.all());
        }
    }
    let field = ["blame", "secret/key", "/data/password", "-n", &namespace];
    let (_, told) = ask_json(&platform, &field);
    assert_eq!(
        told["lines"][0]["file"]["commit"]["revision"], first,
        "{told:#}"
    );
    // An object of no kit.
    platform
        .kubectl
        .run(&[
            "create",
            "configmap",
            "mine",
            "--from-literal=a=private",
            "-n",
            &namespace,
        ])
        .unwrap();
    // Not even whether it is there, nor what its fields are called.
    for name in ["configmap/mine", "configmap/none"] {
        let told = ask(&platform, &["blame", name, "data.a", "-n", &namespace]);
        assert_eq!(told.code, Some(2), "{}", told.all());
        let words = format!("no kit of this host has ConfigMap {namespace}/");
        assert!(told.err.contains(&words), "{}", told.all());
        assert!(!told.all().contains("kubectl-create"), "{}", told.all());
    }
    // Nor can whoever labels it have it told: the host knows what is its own.
    let label = platform.kubectl.get(&["-n", &namespace, "configmap/shop"]);
    let label = label.unwrap().expect("it is live");
    let part_of = "applyset.kubernetes.io/part-of";
    let set = label["metadata"]["labels"][part_of].as_str().unwrap();
    let forged = format!("{part_of}={set}x");
    let labelled = ["label", "configmap", "mine", &forged, "-n", &namespace];
    platform.kubectl.run(&labelled).unwrap();
    let told = ask(&platform, &["blame", "configmap/mine", "-n", &namespace]);
    assert_eq!(told.code, Some(2), "{}", told.all());
    // What an item is chosen by is no way to guess what is masked.
    let guess = |value: &str| {
        let field = format!("data[?password={value}]");
        let told = ask(
            &platform,
            &["blame", "secret/key", &field, "-n", &namespace],
        );
        (told.code, told.all().replace(value, "X"))
    };
    assert_eq!(guess(ENCODED), guess("aHVudGVyMjM="));
    // What is not there.
    for (arguments, words) in [
        (
            &["blame", "configmap/none", "-n", &namespace][..],
            "no kit of this host has ConfigMap",
        ),
        (
            &["blame", "nothing/none", "-n", &namespace],
            "no kind nothing",
        ),
        (
            &["blame", "configmap/shop", "data.none", "-n", &namespace],
            "has no data.none",
        ),
    ] {
        let told = ask(&platform, arguments);
        assert_eq!(told.code, Some(2), "{}", told.all());
        assert!(told.err.contains(words), "{}", told.err);
    }
}

#[test]
fn an_object_that_is_not_live_yet_is_told_with_the_place_that_has_it() {
    let mut platform = Platform::new(&[("port-policy", "{service: {allow: ['1024-9999']}}")]);
    let refused = platform.start_with(&[(
        "kits/acme/shop/service.yaml",
        &SERVICE.replace("6776", "80"),
    )]);
    platform.until_kit(KIT, "Refused", &refused);
    let namespace = platform.namespace("acme");
    let told = wait_for("the host answers", SOON, || {
        let told = ask(&platform, &["blame", "service/shop", "-n", &namespace]);
        match told.code {
            Some(2) => Ok(told),
            _ => Err(told.all()),
        }
    });
    assert!(
        told.err
            .contains("is not live; kit kits/acme/shop has it at kits/acme/shop/service.yaml:1"),
        "{}",
        told.err
    );
}

/// The answer to a path, past the command line, which would refuse it.
fn raw(platform: &Platform, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let socket = platform.repository_file().with_file_name("cache/host.sock");
    let mut stream = std::os::unix::net::UnixStream::connect(socket).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: host\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

#[test]
fn a_name_leads_to_no_other_object() {
    let mut platform = Platform::new(&[]);
    written_by_two(&mut platform);
    let namespace = platform.namespace("acme");
    for path in [
        format!("/v1/blame?object=namespace/{namespace}/secrets/key"),
        format!("/v1/blame?object=namespace/{namespace}%2Fsecrets%2Fkey"),
        format!("/v1/blame?object=configmaps/shop&namespace={namespace}/secrets/key%3F"),
        format!("/v1/blame?object=configmaps/..%2Fsecrets%2Fkey&namespace={namespace}"),
        format!("/v1/blame?object=configmaps/..&namespace={namespace}"),
    ] {
        let answer = raw(&platform, &path);
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
        for hidden in ["hunter22", ENCODED] {
            assert!(!answer.contains(hidden), "{path}: {answer}");
        }
    }
}
