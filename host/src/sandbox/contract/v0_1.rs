//! trimtab:plugin@0.1.x.

use wasmtime::component::Linker;

use super::bindings::{
    Change, Context, Description, Failure, Finding, KitObject, Object, Platform, Transformation,
};
use super::{Contract, Guest, Metered};
use crate::sandbox::engine::{Host, log};
use crate::sandbox::{
    CallChange, CallContext, CallError, CallObject, CallPlatform, LoadError, PluginKinds,
};

#[derive(Clone, Copy)]
pub(super) struct V0_1;

/// The answers of the contract's functions, each a `result`.
type Answer<T> = (Result<T, Failure>,);

const DESCRIBE: (&str, &str) = ("describe", "describe");
const VALIDATE: (&str, &str) = ("validate", "validate");
const VALIDATE_CHANGE: (&str, &str) = ("validate-change", "validate-change");
const TRANSFORM: (&str, &str) = ("transform", "transform");
const VALIDATE_ALL: (&str, &str) = ("referential", "validate-all");

impl Contract for V0_1 {
    fn version(&self) -> (u64, u64) {
        (0, 1)
    }

    fn link(&self, linker: &mut Linker<Host>) -> wasmtime::Result<()> {
        // wasmtime gives these to imports of any compatible version (0.1.x).
        linker.instance("trimtab:plugin/types@0.1.0")?;
        linker
            .instance("trimtab:plugin/log@0.1.0")?
            .func_wrap("log", log)
    }

    fn check_shapes(&self, guest: &Guest<'_>, kinds: PluginKinds) -> Result<(), LoadError> {
        type Findings = Answer<Vec<Finding>>;
        guest.shape::<(), (Description,)>(DESCRIBE)?;
        if kinds.validate {
            guest.shape::<(Context<'_>, &[Object<'_>]), Findings>(VALIDATE)?;
        }
        if kinds.validate_change {
            guest.shape::<(Context<'_>, &[Change<'_>]), Findings>(VALIDATE_CHANGE)?;
        }
        if kinds.transform {
            guest.shape::<(Context<'_>, &[Object<'_>]), Answer<Transformation>>(TRANSFORM)?;
        }
        if kinds.referential {
            guest.shape::<(Platform<'_>, &[KitObject<'_>]), Findings>(VALIDATE_ALL)?;
        }
        Ok(())
    }

    fn describe(&self, guest: &Guest<'_>) -> Result<(Description, u64), CallError> {
        let ((described,), fuel) = guest.call(None, DESCRIBE, ())?;
        Ok((described, fuel))
    }

    fn validate(
        &self,
        guest: &Guest<'_>,
        context: &CallContext,
        objects: &[CallObject],
    ) -> Metered<Vec<Finding>> {
        let lowered: Vec<Object<'_>> = objects.iter().map(Object::from).collect();
        let params = (Context::from(context), &lowered[..]);
        answered(guest.call(context.platform.fuel, VALIDATE, params))
    }

    fn validate_change(
        &self,
        guest: &Guest<'_>,
        context: &CallContext,
        changes: &[CallChange],
    ) -> Metered<Vec<Finding>> {
        let lowered = changes.iter().map(|CallChange { before, after }| Change {
            before: before.as_ref().map(Object::from),
            after: after.as_ref().map(Object::from),
        });
        let lowered: Vec<Change<'_>> = lowered.collect();
        let params = (Context::from(context), &lowered[..]);
        answered(guest.call(context.platform.fuel, VALIDATE_CHANGE, params))
    }

    fn transform(
        &self,
        guest: &Guest<'_>,
        context: &CallContext,
        objects: &[CallObject],
    ) -> Metered<Transformation> {
        let lowered: Vec<Object<'_>> = objects.iter().map(Object::from).collect();
        let params = (Context::from(context), &lowered[..]);
        answered(guest.call(context.platform.fuel, TRANSFORM, params))
    }

    fn validate_all(
        &self,
        guest: &Guest<'_>,
        platform: &CallPlatform,
        objects: &[crate::sandbox::KitObject],
    ) -> Metered<Vec<Finding>> {
        let lowered: Vec<KitObject<'_>> = objects.iter().map(KitObject::from).collect();
        let params = (Platform::from(platform), &lowered[..]);
        answered(guest.call(platform.fuel, VALIDATE_ALL, params))
    }
}

pub(super) fn answered<T>(called: Result<(Answer<T>, u64), CallError>) -> Metered<T> {
    called.map(|((answer,), fuel)| (answer, fuel))
}
