//! What Git hosts and webhooks are told, by servers that stand where those would.

use serde_json::{Value, json};
use trimtab_harness::receiver::{Received, Receiver, Reply};
use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, config_map, ready, service};

const TOKEN: &str = "t0ken-of-the-git-host";

/// A platform that tells a Git host, and a room in Slack, what becomes of its revisions.
struct World {
    platform: Platform,
    host: Receiver,
    slack: Receiver,
}

impl World {
    fn new(guardrails: &[(&str, &str)]) -> Self {
        let world = Self {
            platform: Platform::new(guardrails),
            host: Receiver::start(),
            slack: Receiver::start(),
        };
        let (platform, api) = (&world.platform, world.host.url());
        let notifications = format!(
            "  notifications:\n    commitStatus: {{provider: GitHub, secretRef: {{name: host}}, apiUrl: '{api}', project: acme/platform, targetUrl: 'https://status.example.org/{{revision}}'}}\n    webhooks:\n    - {{name: room, kind: Slack, secretRef: {{name: room}}}}\n"
        );
        let file = platform.repository_file();
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replace("  kits:\n", &format!("{notifications}  kits:\n"));
        std::fs::write(file, text).unwrap();
        let create = ["create", "namespace", &platform.name];
        platform.kubectl.run(&create).unwrap();
        world.secret("host", "token", TOKEN);
        let room = format!("{}/services/{TOKEN}", world.slack.url());
        world.secret("room", "url", &room);
        world
            .slack
            .answer(|_| Reply::Now(200, Vec::new(), "ok".into()));
        world
    }

    fn secret(&self, name: &str, entry: &str, value: &str) {
        let namespace = &self.platform.name;
        let secret = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace}, "stringData": {entry: value}});
        self.platform.kubectl.apply(&secret.to_string()).unwrap();
    }

    fn write(&self, path: &str, text: &str, subject: &str) -> String {
        self.platform.git.write(path, text).unwrap();
        self.platform.git.commit(subject).unwrap()
    }

    /// The states that the Git host has taken for a revision, in their order.
    fn states(&self, revision: &str) -> Vec<String> {
        let path = format!("/repos/acme/platform/statuses/{revision}");
        let all = self.host.received().into_iter();
        let taken = all.filter(|it| it.path == path && it.status == 201);
        taken.map(|it| text(&body(&it)["state"])).collect()
    }

    fn until_states(&self, revision: &str, states: &[&str]) {
        wait_for(&format!("{revision} is {states:?}"), SOON, || {
            let found = self.states(revision);
            match found == states {
                true => Ok(()),
                false => Err(format!(
                    "{found:?} {}",
                    self.platform.state(&self.platform.repository())
                )),
            }
        });
    }

    /// Waits until the last status of a revision with this name is such; gives its description.
    fn until_context(&self, revision: &str, context: &str, state: &str) -> String {
        let path = format!("/repos/acme/platform/statuses/{revision}");
        wait_for(&format!("{context} of {revision} is {state}"), SOON, || {
            let all = self.host.received().into_iter();
            let taken = all.filter(|it| it.path == path && it.status == 201);
            let mut of = taken.map(|it| body(&it)).rev();
            let last = of.find(|it| it["context"] == context);
            match last.as_ref().filter(|it| it["state"] == state) {
                Some(last) => Ok(text(&last["description"])),
                None => Err(format!("{last:?} {}", self.platform.repository()["status"])),
            }
        })
    }

    fn description(&self) -> String {
        let all = self.host.received();
        text(&body(all.last().expect("a status"))["description"])
    }

    /// What the room was shown, in its order.
    fn room(&self) -> Vec<Value> {
        let all = self.slack.received();
        let shown = all.iter().filter(|it| it.status == 200);
        shown.map(body).collect()
    }

    fn until_room(&self, what: &str) -> Value {
        wait_for(&format!("the room is shown {what:?}"), SOON, || {
            let all = self.room();
            let found = all.iter().find(|it| it.to_string().contains(what));
            found
                .cloned()
                .ok_or_else(|| format!("{all:?} {}", self.platform.repository()["status"]))
        })
    }

    /// Waits until the status says that all there is has been told.
    fn until_told(&self, revision: &str, state: &str) {
        wait_for(
            &format!("the status tells {state} of {revision}"),
            SOON,
            || {
                let targets =
                    self.platform.repository()["status"]["notifications"]["targets"].clone();
                let all = targets.as_array().cloned().unwrap_or_default();
                let told = all
                    .iter()
                    .any(|it| it["revision"] == revision && it["state"] == state);
                match told {
                    true => Ok(()),
                    false => Err(targets.to_string()),
                }
            },
        );
    }
}

fn body(received: &Received) -> Value {
    serde_json::from_str(&received.body).expect("JSON")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_revision_is_pending_until_it_is_healthy_and_a_refused_one_fails_with_its_finding() {
    let mut world = World::new(&[("port-policy", "{service: {allow: ['1024-9999']}}")]);
    let place = "kits/acme/shop/service.yaml";
    let first = world.write(place, &service("shop", 6776, None), "first");
    world.platform.start();
    world.until_states(&first, &["pending", "success"]);
    assert_eq!(world.description(), "1 kit is live and healthy");
    let shown = world.until_room("live and healthy");
    let title = format!(
        "{}/platform at {}: live and healthy",
        world.platform.name,
        &first[..7]
    );
    assert!(text(&shown["text"]).starts_with(&title), "{shown}");
    // A commit that shouts at everybody, and would have the room follow a link.
    let subject = "<!channel> *free* <https://evil.example.org|money> & more";
    let second = world.write(place, &service("shop", 80, None), subject);
    world.until_states(&second, &["pending", "failure"]);
    let description = world.description();
    assert!(
        description.starts_with(&format!("{place}:")),
        "{description}"
    );
    assert!(description.contains("80"), "{description}");
    let shown = world.until_room("refused");
    let fallback = text(&shown["text"]);
    assert!(
        fallback.contains("&lt;!channel&gt;") && !fallback.contains('<'),
        "{fallback}"
    );
    assert!(!shown.to_string().contains("mrkdwn"), "{shown}");
    // What leads from the status, and who asked.
    let received = world.host.received();
    let last = received.last().unwrap();
    assert_eq!(
        body(last)["target_url"],
        format!("https://status.example.org/{second}")
    );
    assert_eq!(
        body(last)["context"],
        format!("trimtab/{}.platform", world.platform.name)
    );
    assert_eq!(last.headers["authorization"], format!("Bearer {TOKEN}"));
    // What the one before it broke is not mended by a revision that leaves it alone.
    let third = world.write("kits/acme/other/a.yaml", &config_map("other", "a"), "third");
    world.until_states(&third, &["pending", "failure"]);
    let description = world.description();
    let since = format!("kits/acme/shop, since {}: {place}:", &second[..7]);
    assert!(description.starts_with(&since), "{description}");
    world.until_room("kits/acme/other");
    let fourth = world.write(place, &service("shop", 6776, None), "fourth");
    world.until_states(&fourth, &["pending", "success"]);
    let logs = serde_json::to_string(&world.platform.logs()).unwrap();
    let status = world.platform.repository()["status"].to_string();
    assert!(!logs.contains(TOKEN) && !status.contains(TOKEN));
}

/// Its pods stay unready: no node takes them.
fn hopeless(name: &str) -> String {
    let labels = json!({"app": name});
    let spec = json!({"progressDeadlineSeconds": 2, "selector": {"matchLabels": labels}, "template": {
        "metadata": {"labels": labels},
        "spec": {"nodeSelector": {"nowhere": "at-all"}, "containers": [{"name": "a", "image": "a"}]}}});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})
        .to_string()
}

#[test]
fn what_is_applied_and_not_healthy_is_no_success_and_is_fine_again_when_it_is() {
    let mut world = World::new(&[]);
    let place = "kits/acme/shop/deployment.yaml";
    let first = world.write(place, &hopeless("shop"), "first");
    world.platform.start();
    world.until_states(&first, &["pending", "failure"]);
    assert!(
        world.description().contains("kits/acme/shop: "),
        "{}",
        world.description()
    );
    world.until_room("a kit not healthy");
    let second = world.write(place, &config_map("shop", "a"), "second");
    world.until_states(&second, &["pending", "success"]);
    assert_eq!(world.states(&first), ["pending", "failure"]);
}

#[test]
fn servers_that_were_away_are_told_once_and_a_host_that_starts_anew_tells_nothing_twice() {
    let mut world = World::new(&[("port-policy", "{service: {allow: ['1024-9999']}}")]);
    let place = "kits/acme/shop/service.yaml";
    for server in [&world.host, &world.slack] {
        server.answer(|_| Reply::status(503));
    }
    let first = world.write(place, &service("shop", 80, None), "first");
    world.platform.start();
    world
        .platform
        .until_kit("kits/acme/shop", "Refused", &first);
    wait_for("both are asked in vain", SOON, || {
        let (host, slack) = (world.host.received(), world.slack.received());
        match host.is_empty() || slack.is_empty() {
            true => Err("not yet".to_owned()),
            false => Ok(()),
        }
    });
    // Nothing holds the platform up, and the status says what is wrong.
    wait_for("the status tells of both", SOON, || {
        let targets = world.platform.repository()["status"]["notifications"]["targets"].clone();
        let all = targets.as_array().cloned().unwrap_or_default();
        let both = all
            .iter()
            .filter(|it| it["problem"] == "answered 503")
            .count()
            == 2;
        both.then_some(()).ok_or_else(|| targets.to_string())
    });
    // The host that knew it is gone; the next one finds what is still to be told.
    world.platform.kill();
    world.host.answer(|_| Reply::status(201));
    world
        .slack
        .answer(|_| Reply::Now(200, Vec::new(), "ok".into()));
    world.platform.start_without_file();
    wait_for("the first failed", SOON, || {
        let states = world.states(&first);
        let last = states.last().is_some_and(|it| it == "failure");
        last.then_some(()).ok_or_else(|| format!("{states:?}"))
    });
    world.until_room("a kit refused");
    world.until_told(&first, "failure");
    let count = |world: &World| (world.states(&first).len(), world.room().len());
    let before = count(&world);
    assert_eq!(before.1, 1, "{:?}", world.room());
    // Until when the room was told is the last thing to be written.
    wait_for("the room's receipt is kept", SOON, || {
        let status = world.platform.repository()["status"]["notifications"].clone();
        let kit = world.platform.kit("kits/acme/shop")["status"]["events"][0]["at"].clone();
        let targets = status["targets"].as_array().cloned().unwrap_or_default();
        let told = targets
            .iter()
            .any(|it| it["name"] == "room" && it["until"] == kit);
        told.then_some(()).ok_or_else(|| format!("{kit} {status}"))
    });
    world.platform.kill();
    world.platform.start_without_file();
    // A revision that is told after all that could have been told twice.
    let second = world.write(place, &service("shop", 6776, None), "second");
    world.until_states(&second, &["pending", "success"]);
    world.until_room("live and healthy");
    assert_eq!(world.states(&first).len(), before.0);
    assert_eq!(world.room().len(), 2, "{:?}", world.room());
    world.until_told(&second, "success");
    assert_eq!(ready(&world.platform.repository())["reason"], "Applied");
}

#[test]
fn a_revision_that_another_overtakes_before_it_is_decided_is_told_as_superseded() {
    let mut world = World::new(&[]);
    let place = "kits/acme/shop/deployment.yaml";
    let waiting = hopeless("shop").replace(
        "\"progressDeadlineSeconds\":2",
        "\"progressDeadlineSeconds\":600",
    );
    let first = world.write(place, &waiting, "first");
    world.platform.start();
    world
        .platform
        .until_kit("kits/acme/shop", "Progressing", &first);
    world.until_states(&first, &["pending"]);
    let second = world.write(place, &config_map("shop", "a"), "second");
    // While the first is told of, the second may come to be decided: then that alone is told.
    wait_for("the second is a success", SOON, || {
        let states = world.states(&second);
        let last = states.last().is_some_and(|it| it == "success");
        last.then_some(()).ok_or_else(|| format!("{states:?}"))
    });
    assert_eq!(world.states(&first), ["pending", "error"]);
}

#[test]
fn what_a_person_holds_is_no_pending_one_and_each_kit_may_have_a_status_of_its_own() {
    let mut world = World::new(&[]);
    let file = world.platform.repository_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let own = text.replace(
        "project: acme/platform,",
        "project: acme/platform, perKit: true,",
    );
    std::fs::write(&file, own).unwrap();
    let place = "kits/acme/shop/a.yaml";
    let first = world.write(place, &config_map("shop", "a"), "first");
    world.platform.start();
    let repository = format!("trimtab/{}.platform", world.platform.name);
    let kit = "trimtab/kits/acme/shop";
    world.until_context(&first, &repository, "success");
    world.until_context(&first, kit, "success");
    let patch = |what: &str, spec: Value| {
        let (name, spec) = (&world.platform.name, json!({"spec": spec}).to_string());
        let kubectl = ["-n", name, "patch", what, "--type=merge", "-p", &spec];
        world.platform.kubectl.run(&kubectl).unwrap();
    };
    let suspended = |to: bool| {
        let spec = json!({"suspend": to, "by": "Ada", "reason": "tea"});
        patch("kit.trimtab.io/kits.acme.shop", spec);
    };
    suspended(true);
    let second = world.write(place, &config_map("shop", "b"), "second");
    let description = world.until_context(&second, &repository, "error");
    let words = "not applied: a person holds kits/acme/shop; `trimtab status` says who, and why";
    assert_eq!(description, words);
    suspended(false);
    world.until_context(&second, &repository, "success");
    world.until_context(&second, kit, "success");
    // The whole platform, at what was live before.
    let spec = json!({"revision": first, "by": "Ada", "reason": "tea"});
    patch("repository.trimtab.io/platform", spec);
    let description = world.until_context(&second, &repository, "error");
    let words = format!("a person holds the platform at {}", &first[..7]);
    assert!(description.contains(&words), "{description}");
    let third = world.write(place, &config_map("shop", "c"), "third");
    world.until_context(&third, &repository, "error");
    let spec = json!({"revision": null, "by": null, "reason": null});
    patch("repository.trimtab.io/platform", spec);
    world.until_context(&third, &repository, "success");
}
