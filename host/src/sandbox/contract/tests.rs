//! What is frozen stays, and a version that is added takes nothing away.

use trimtab_harness::attacks::{PARAMETERS, built_for};
use wasmtime::component::{ComponentType, Linker, Lower};

use super::bindings::{Context, Description, Finding, Object, Platform, Transformation};
use super::v0_1::{V0_1, answered};
use super::{Contract, Guest, KNOWN, Metered};
use crate::manifest::Origin;
use crate::sandbox::engine::{Host, log};
use crate::sandbox::{
    CallChange, CallContext, CallError, CallObject, CallPlatform, Compiler, KitObject, LoadError,
    PluginKinds, Sandbox, SandboxLimits,
};

const FROZEN: &str = include_str!("../../../../wit/frozen/0.1.0/plugin.wit");
const CURRENT: &str = include_str!("../../../../wit/plugin.wit");

#[test]
fn a_frozen_version_never_changes() {
    let digest = crate::sandbox::Digest::of(FROZEN.as_bytes());
    assert_eq!(
        digest.as_str(),
        "sha256:89c39585d64246a4b736251137486665644890dcf35675a1984c526a44dd5032",
        "plugins in the world were built for it: give the contract a new version instead"
    );
    // As long as it is the newest.
    assert_eq!(FROZEN, CURRENT);
}

/// A minor version that might come: it tells rules which repository they judge.
struct Next;

#[derive(ComponentType, Lower)]
#[component(record)]
struct NextPlatform<'a> {
    kubernetes: &'a str,
    settings: &'a str,
    data: Vec<Object<'a>>,
    repository: &'a str,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct NextContext<'a> {
    kit: &'a str,
    namespace: &'a str,
    #[component(name = "allowed-namespaces")]
    allowed_namespaces: &'a [String],
    #[component(name = "cluster-scoped")]
    cluster_scoped: bool,
    platform: NextPlatform<'a>,
}

impl<'a> From<&'a CallContext> for NextContext<'a> {
    fn from(context: &'a CallContext) -> Self {
        let Context {
            kit,
            namespace,
            allowed_namespaces,
            cluster_scoped,
            platform,
        } = context.into();
        let Platform {
            kubernetes,
            settings,
            data,
        } = platform;
        Self {
            kit,
            namespace,
            allowed_namespaces,
            cluster_scoped,
            platform: NextPlatform {
                kubernetes,
                settings,
                data,
                repository: "platform",
            },
        }
    }
}

impl Contract for Next {
    fn version(&self) -> (u64, u64) {
        (0, 2)
    }

    fn link(&self, linker: &mut Linker<Host>) -> wasmtime::Result<()> {
        linker.instance("trimtab:plugin/types@0.2.0")?;
        linker
            .instance("trimtab:plugin/log@0.2.0")?
            .func_wrap("log", log)
    }

    fn check_shapes(&self, guest: &Guest<'_>, _: PluginKinds) -> Result<(), LoadError> {
        type Answer = (Result<Vec<Finding>, super::Failure>,);
        guest.shape::<(NextContext<'_>, &[Object<'_>]), Answer>(("validate", "validate"))
    }

    fn describe(&self, guest: &Guest<'_>) -> Result<(Description, u64), CallError> {
        V0_1.describe(guest)
    }

    fn validate(
        &self,
        guest: &Guest<'_>,
        context: &CallContext,
        objects: &[CallObject],
    ) -> Metered<Vec<Finding>> {
        let lowered: Vec<Object<'_>> = objects.iter().map(Object::from).collect();
        let params = (NextContext::from(context), &lowered[..]);
        answered(guest.call(context.platform.fuel, ("validate", "validate"), params))
    }

    fn validate_change(
        &self,
        guest: &Guest<'_>,
        context: &CallContext,
        changes: &[CallChange],
    ) -> Metered<Vec<Finding>> {
        V0_1.validate_change(guest, context, changes)
    }

    fn transform(
        &self,
        guest: &Guest<'_>,
        context: &CallContext,
        objects: &[CallObject],
    ) -> Metered<Transformation> {
        V0_1.transform(guest, context, objects)
    }

    fn validate_all(
        &self,
        guest: &Guest<'_>,
        platform: &CallPlatform,
        objects: &[KitObject],
    ) -> Metered<Vec<Finding>> {
        V0_1.validate_all(guest, platform, objects)
    }
}

static WITH_THE_NEXT: &[&dyn Contract] = &[&V0_1, &Next];

fn sandbox(contracts: &'static [&'static dyn Contract]) -> Sandbox {
    Sandbox::speaking(contracts, SandboxLimits::default(), Compiler::Here).expect("it starts")
}

fn old() -> Vec<u8> {
    built_for("0.1.0", FROZEN, PARAMETERS).expect("a component")
}

fn new() -> Vec<u8> {
    let wit = FROZEN
        .replace("trimtab:plugin@0.1.0", "trimtab:plugin@0.2.0")
        .replace(
            "    data: list<object>,",
            "    data: list<object>,\n    repository: string,",
        );
    // More than sixteen are handed over in memory, behind one address.
    built_for("0.2.0", &wit, 1).expect("a component")
}

fn asked(sandbox: &Sandbox, component: &[u8]) -> (String, u64) {
    let plugin = sandbox.load(component).expect("it loads");
    let context = CallContext {
        kit: "kits/a".into(),
        ..CallContext::default()
    };
    let object = CallObject {
        json: "{}".into(),
        origin: Origin::new("kits/a/x.yaml", 1),
    };
    let (found, fuel) = plugin.validate(&context, &[object]).expect("a verdict");
    (found[0].message.clone(), fuel)
}

#[test]
fn plugins_of_an_older_minor_version_go_on_working_beside_those_of_a_newer_one() {
    let before = asked(&sandbox(KNOWN), &old());
    let both = sandbox(WITH_THE_NEXT);
    assert_eq!(asked(&both, &old()), before);
    assert_eq!(asked(&both, &new()).0, before.0);
    let refused = sandbox(KNOWN)
        .load(&new())
        .expect_err("it is not known yet");
    assert_eq!(refused, LoadError::ContractVersion("0.2.0".into()));
}

#[test]
fn fuel_is_the_same_on_every_machine_to_the_unit() {
    let (message, fuel) = asked(&sandbox(KNOWN), &old());
    assert_eq!((message.as_str(), fuel), ("Attacks.", 110));
}
