//! What the plugin says, as a component in the sandbox, and what the API server says.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use futures::StreamExt as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use trimtab::manifest::{Origin, Severity};
use trimtab::sandbox::{
    CallContext, CallObject, CallPlatform, Compiler, Plugin as Component, Sandbox, SandboxLimits,
};
use trimtab_harness::root;

/// Requests on their way at once.
const AT_ONCE: usize = 8;
/// Objects of one call: all of them would take more fuel than one call has.
const OF_A_CALL: usize = 500;

pub struct Plugin(Arc<Component>);

impl Plugin {
    pub fn load() -> Self {
        let path = root().join("target/components/schema.wasm");
        let bytes = std::fs::read(path).expect("`cargo xtask test` has built the components");
        let compiler = Compiler::Child {
            program: env!("CARGO_BIN_EXE_trimtab").into(),
            cache: None,
        };
        let sandbox = Sandbox::new(SandboxLimits::default(), compiler).expect("the engine starts");
        Self(sandbox.load(&bytes).expect("the plugin loads"))
    }

    /// The errors about each object, as `rule pointer: message`.
    pub fn errors(&self, objects: &[&Value], crds: &[Value]) -> Vec<Vec<String>> {
        let text = |value: &Value| CallObject {
            json: value.to_string(),
            origin: Origin::new("kits/a/x.yaml", 1),
        };
        let context = CallContext {
            kit: "kits/a".into(),
            namespace: "default".into(),
            allowed_namespaces: vec!["default".into()],
            cluster_scoped: true,
            platform: CallPlatform {
                kubernetes: "1.37".into(),
                settings: "{}".into(),
                data: crds.iter().map(text).collect(),
                fuel: None,
            },
        };
        let mut errors = vec![Vec::new(); objects.len()];
        for (chunk, of) in objects.chunks(OF_A_CALL).enumerate() {
            let of: Vec<CallObject> = of.iter().map(|it| text(it)).collect();
            let (findings, _) = self.0.validate(&context, &of).expect("a verdict");
            for finding in findings {
                let index = finding.object.expect("it is about an object");
                if finding.severity == Severity::Error {
                    let field = finding.field.unwrap_or_default();
                    let told = format!("{} {field}: {}", finding.rule, finding.message);
                    errors[chunk * OF_A_CALL + index].push(told);
                }
            }
        }
        errors
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// It is not read as an object of its kind: a field or a type is wrong.
    Undecodable(String),
    /// It is read, and refused for what it says.
    Refused(String),
}

pub struct Server {
    runtime: tokio::runtime::Runtime,
    client: kube::Client,
}

impl Server {
    pub fn connect() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let path = std::env::var("TRIMTAB_TEST_KUBECONFIG").expect("`cargo xtask test` sets it");
        let client = runtime.block_on(async {
            let kubeconfig = Kubeconfig::read_from(path).expect("a kubeconfig");
            let options = KubeConfigOptions::default();
            let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
            kube::Client::try_from(config.expect("a configuration")).expect("a client")
        });
        Self { runtime, client }
    }

    /// Of each object, what comes of creating it and of applying it, for a trial.
    pub fn verdicts(&self, objects: &[&Value]) -> Vec<[Verdict; 2]> {
        self.runtime.block_on(async {
            let mut paths: HashMap<String, String> = HashMap::new();
            for object in objects {
                let key = format!("{} {}", object["apiVersion"], object["kind"]);
                if let Entry::Vacant(unknown) = paths.entry(key) {
                    unknown.insert(self.path(object).await);
                }
            }
            let judged = objects.iter().map(|object| {
                let key = format!("{} {}", object["apiVersion"], object["kind"]);
                let path = paths[&key].clone();
                async move {
                    [
                        self.create(object, &path).await,
                        self.apply(object, &path).await,
                    ]
                }
            });
            futures::stream::iter(judged)
                .buffered(AT_ONCE)
                .collect()
                .await
        })
    }

    /// Where objects of a kind are, by discovery.
    async fn path(&self, object: &Value) -> String {
        let (version, kind) = (&object["apiVersion"], &object["kind"]);
        let version = version.as_str().expect("an apiVersion");
        let root = match version.contains('/') {
            true => format!("/apis/{version}"),
            false => format!("/api/{version}"),
        };
        let (_, resources) = self.ask("GET", &root, "application/json", Vec::new()).await;
        let resource = resources["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|it| it["kind"] == *kind && !it["name"].as_str().unwrap_or("/").contains('/'))
            .unwrap_or_else(|| panic!("the server has no {kind} of {version}: {resources}"));
        let name = resource["name"].as_str().expect("a name");
        match resource["namespaced"] == true {
            true => format!("{root}/namespaces/default/{name}"),
            false => format!("{root}/{name}"),
        }
    }

    async fn create(&self, object: &Value, path: &str) -> Verdict {
        let path = format!("{path}?dryRun=All&fieldValidation=Strict");
        let body = object.to_string().into_bytes();
        verdict(self.ask("POST", &path, "application/json", body).await)
    }

    async fn apply(&self, object: &Value, path: &str) -> Verdict {
        let name = object["metadata"]["name"].as_str().expect("a name");
        let path = format!(
            "{path}/{name}?dryRun=All&fieldValidation=Strict&fieldManager=schemas&force=true"
        );
        let body = object.to_string().into_bytes();
        let kind = "application/apply-patch+yaml";
        verdict(self.ask("PATCH", &path, kind, body).await)
    }

    async fn ask(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> (u16, Value) {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", kind)
            .body(body.into())
            .expect("a request");
        let response = self.client.send(request).await.expect("the server answers");
        let status = response.status().as_u16();
        let body = response.into_body().collect_bytes().await;
        let body = body.expect("the answer is whole");
        let read = serde_json::from_slice(&body);
        let text = || json!({"message": String::from_utf8_lossy(&body)});
        (status, read.unwrap_or_else(|_| text()))
    }
}

fn verdict((status, answer): (u16, Value)) -> Verdict {
    let message = answer["message"].as_str().unwrap_or_default().to_owned();
    let type_of = |it: &Value| it["reason"] == "FieldValueTypeInvalid";
    let causes = answer["details"]["causes"].as_array();
    match status {
        200 | 201 => Verdict::Accepted,
        400 => Verdict::Undecodable(message),
        _ if causes.into_iter().flatten().any(type_of) => Verdict::Undecodable(message),
        500 if message.contains("failed to create typed patch object") => {
            Verdict::Undecodable(message)
        }
        _ => Verdict::Refused(format!("{status} {message}")),
    }
}
