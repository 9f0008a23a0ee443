//! The macros that make a rule a component.

pub use trimtab_plugin_change_validator as change_validator;
pub use trimtab_plugin_referential as referential;
pub use trimtab_plugin_transformer as transformer;
pub use trimtab_plugin_validator as validator;

/// Conversions that are the same for each world but for the types' paths.
#[doc(hidden)]
#[macro_export]
macro_rules! __describe {
    ($rule:ty, $world:ident) => {
        impl $crate::$world::exports::trimtab::plugin::describe::Guest for Component {
            fn describe() -> $crate::$world::exports::trimtab::plugin::describe::Description {
                use $crate::Rule as _;
                use $crate::$world::trimtab::plugin::types::{Description, Rule as Declared};
                Description {
                    name: <$rule>::NAME.into(),
                    version: <$rule>::VERSION.into(),
                    summary: <$rule>::SUMMARY.into(),
                    rules: <$rule>::RULES
                        .iter()
                        .map(|(id, summary)| Declared {
                            id: (*id).into(),
                            summary: (*summary).into(),
                        })
                        .collect(),
                    settings_schema: $crate::run::settings_schema::<$rule>(),
                    kinds: <$rule>::KINDS.iter().map(|kind| (*kind).into()).collect(),
                }
            }
        }

        fn failure(
            failure: $crate::run::Failure,
        ) -> $crate::$world::trimtab::plugin::types::Failure {
            use $crate::$world::trimtab::plugin::types::Failure;
            use $crate::$world::trimtab::plugin::types::SettingsFault;
            match failure {
                $crate::run::Failure::Settings { field, message } => {
                    Failure::Settings(SettingsFault { field, message })
                }
                $crate::run::Failure::Internal(text) => Failure::Internal(text),
            }
        }

        fn platform(
            platform: &$crate::$world::trimtab::plugin::types::Platform,
        ) -> $crate::run::Call<'_> {
            $crate::run::Call {
                kubernetes: &platform.kubernetes,
                settings: &platform.settings,
                data: platform.data.iter().map(text).collect(),
            }
        }

        fn text(object: &$crate::$world::trimtab::plugin::types::Object) -> $crate::run::Text<'_> {
            $crate::run::Text {
                kit: "",
                json: &object.json,
                path: &object.origin.path,
                line: object.origin.line,
            }
        }

        /// A panic's message goes to the log, from where the host tells it.
        fn tell_panics() {
            std::panic::set_hook(Box::new(|panic| {
                use $crate::$world::trimtab::plugin::log::{Level, log};
                log(Level::Error, &panic.to_string());
            }));
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __finding {
    ($world:ident) => {
        fn finding(finding: $crate::Finding) -> $crate::$world::trimtab::plugin::types::Finding {
            use $crate::$world::trimtab::plugin::types::Severity;
            $crate::$world::trimtab::plugin::types::Finding {
                rule: finding.rule,
                severity: match finding.severity {
                    $crate::Severity::Error => Severity::Error,
                    $crate::Severity::Warning => Severity::Warning,
                    $crate::Severity::Info => Severity::Info,
                },
                message: finding.message,
                object: finding.object,
                field: finding.field,
                proposed: finding.proposed,
                tags: finding.tags,
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __call {
    ($world:ident) => {
        fn call(
            context: &$crate::$world::trimtab::plugin::types::Context,
        ) -> $crate::run::KitCall<'_> {
            $crate::run::KitCall {
                kit: &context.kit,
                namespace: &context.namespace,
                allowed_namespaces: &context.allowed_namespaces,
                cluster_scoped: context.cluster_scoped,
                platform: platform(&context.platform),
            }
        }
    };
}

/// Makes a [`Validator`](crate::Validator) the component that this crate is built as.
#[macro_export]
macro_rules! export_validator {
    ($rule:ty) => {
        #[cfg(target_arch = "wasm32")]
        mod trimtab_component {
            use super::*;
            use $crate::validator::trimtab::plugin::types;

            struct Component;
            $crate::__describe!($rule, validator);
            $crate::__finding!(validator);
            $crate::__call!(validator);

            impl $crate::validator::exports::trimtab::plugin::validate::Guest for Component {
                fn validate(
                    context: types::Context,
                    objects: Vec<types::Object>,
                ) -> Result<Vec<types::Finding>, types::Failure> {
                    tell_panics();
                    let found = $crate::run::validate::<$rule>(call(&context), objects.iter().map(text));
                    found.map(|found| found.into_iter().map(finding).collect()).map_err(failure)
                }
            }

            $crate::validator::export_component!(Component with_types_in $crate::validator);
        }
    };
}

/// Makes a [`ChangeValidator`](crate::ChangeValidator) the component that this crate is built as.
#[macro_export]
macro_rules! export_change_validator {
    ($rule:ty) => {
        #[cfg(target_arch = "wasm32")]
        mod trimtab_component {
            use super::*;
            use $crate::change_validator::trimtab::plugin::types;

            struct Component;
            $crate::__describe!($rule, change_validator);
            $crate::__finding!(change_validator);
            $crate::__call!(change_validator);

            impl $crate::change_validator::exports::trimtab::plugin::validate_change::Guest
                for Component
            {
                fn validate_change(
                    context: types::Context,
                    changes: Vec<types::Change>,
                ) -> Result<Vec<types::Finding>, types::Failure> {
                    tell_panics();
                    let texts = changes.iter().map(|change| $crate::run::ChangeText {
                        before: change.before.as_ref().map(text),
                        after: change.after.as_ref().map(text),
                    });
                    let found = $crate::run::validate_change::<$rule>(call(&context), texts);
                    found.map(|found| found.into_iter().map(finding).collect()).map_err(failure)
                }
            }

            $crate::change_validator::export_component!(
                Component with_types_in $crate::change_validator
            );
        }
    };
}

/// Makes a [`Transformer`](crate::Transformer) the component that this crate is built as.
#[macro_export]
macro_rules! export_transformer {
    ($rule:ty) => {
        #[cfg(target_arch = "wasm32")]
        mod trimtab_component {
            use super::*;
            use $crate::transformer::trimtab::plugin::types;

            struct Component;
            $crate::__describe!($rule, transformer);
            $crate::__finding!(transformer);
            $crate::__call!(transformer);

            impl $crate::transformer::exports::trimtab::plugin::transform::Guest for Component {
                fn transform(
                    context: types::Context,
                    objects: Vec<types::Object>,
                ) -> Result<types::Transformation, types::Failure> {
                    tell_panics();
                    let made = $crate::run::transform::<$rule>(call(&context), objects.iter().map(text));
                    let transformed = |(json, source)| types::Transformed { json, source };
                    made.map(|made| types::Transformation {
                        objects: made.objects.into_iter().map(transformed).collect(),
                        findings: made.findings.into_iter().map(finding).collect(),
                    })
                    .map_err(failure)
                }
            }

            $crate::transformer::export_component!(Component with_types_in $crate::transformer);
        }
    };
}

/// Makes a [`Referential`](crate::Referential) validator the component that this crate is built as.
#[macro_export]
macro_rules! export_referential {
    ($rule:ty) => {
        #[cfg(target_arch = "wasm32")]
        mod trimtab_component {
            use super::*;
            use $crate::referential::trimtab::plugin::types;

            struct Component;
            $crate::__describe!($rule, referential);
            $crate::__finding!(referential);

            impl $crate::referential::exports::trimtab::plugin::referential::Guest for Component {
                fn validate_all(
                    given: types::Platform,
                    objects: Vec<types::KitObject>,
                ) -> Result<Vec<types::Finding>, types::Failure> {
                    tell_panics();
                    let texts = objects.iter().map(|object| $crate::run::Text {
                        kit: &object.kit,
                        json: &object.json,
                        path: &object.origin.path,
                        line: object.origin.line,
                    });
                    let found = $crate::run::validate_all::<$rule>(platform(&given), texts);
                    found.map(|found| found.into_iter().map(finding).collect()).map_err(failure)
                }
            }

            $crate::referential::export_component!(Component with_types_in $crate::referential);
        }
    };
}
