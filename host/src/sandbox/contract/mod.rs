//! The versions of the plugin contract that this host speaks. A plugin says by the names of its
//! exports which one it was built for, and is spoken to in that one: those that are there go on
//! working when a version is added.

pub(super) mod bindings;
mod v0_1;

#[cfg(test)]
mod tests;

use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, Instance, InstancePre, Lift, Linker, Lower};

use super::engine::{Host, Runtime, typed};
use super::{
    CallChange, CallContext, CallError, CallObject, CallPlatform, KitObject, LoadError, PluginKinds,
};
use bindings::{Description, Failure, Finding, Transformation};

pub(super) const PACKAGE: &str = "trimtab:plugin/";

/// All that are known.
pub(super) static KNOWN: &[&dyn Contract] = &[&v0_1::V0_1];

/// An answer, and the fuel that it took.
pub(super) type Metered<T> = Result<(Result<T, Failure>, u64), CallError>;

/// One version of the contract. Answers are given in the shapes of the newest.
pub(super) trait Contract: Send + Sync {
    /// Major and minor. A patch changes nothing that either side can see.
    fn version(&self) -> (u64, u64);

    /// What its plugins may import.
    fn link(&self, linker: &mut Linker<Host>) -> wasmtime::Result<()>;

    /// Every function that will be called has the contract's types. Nothing is called.
    fn check_shapes(&self, guest: &Guest<'_>, kinds: PluginKinds) -> Result<(), LoadError>;

    fn describe(&self, guest: &Guest<'_>) -> Result<(Description, u64), CallError>;

    fn validate(
        &self,
        guest: &Guest<'_>,
        context: &CallContext,
        objects: &[CallObject],
    ) -> Metered<Vec<Finding>>;

    fn validate_change(
        &self,
        guest: &Guest<'_>,
        context: &CallContext,
        changes: &[CallChange],
    ) -> Metered<Vec<Finding>>;

    fn transform(
        &self,
        guest: &Guest<'_>,
        context: &CallContext,
        objects: &[CallObject],
    ) -> Metered<Transformation>;

    fn validate_all(
        &self,
        guest: &Guest<'_>,
        platform: &CallPlatform,
        objects: &[KitObject],
    ) -> Metered<Vec<Finding>>;
}

/// A component that can be instantiated, and the version that its exports have.
pub(super) struct Guest<'p> {
    pub runtime: &'p Runtime,
    pub pre: &'p InstancePre<Host>,
    /// For logs.
    pub name: &'p std::sync::Arc<str>,
    pub version: &'p str,
}

impl Guest<'_> {
    fn interface(&self, interface: &str) -> String {
        format!("{PACKAGE}{interface}@{}", self.version)
    }

    /// `fuel`: the call's budget; the sandbox's own if there is none.
    fn call<P, R>(
        &self,
        fuel: Option<u64>,
        (interface, function): (&str, &str),
        params: P,
    ) -> Result<(R, u64), CallError>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let interface = self.interface(interface);
        self.runtime
            .call(self.pre, self.name, fuel, (&interface, function), params)
    }

    fn shape<P, R>(&self, (interface, function): (&str, &str)) -> Result<(), LoadError>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let full = self.interface(interface);
        let look = |store: &mut Store<Host>, instance: &Instance| {
            typed::<P, R>(store, instance, &full, function).map(|_| ())
        };
        self.runtime
            .inspect(self.pre, self.name, look)
            .map_err(|error| match error {
                CallError::Trap(reason) | CallError::Nonsense(reason) => LoadError::WrongShape {
                    interface: full.clone(),
                    reason,
                },
                other => LoadError::Describe(other),
            })
    }
}
