//! A loaded plugin and what can be asked of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre};

use super::bindings::{self, PACKAGE, VERSION};
use super::compile::{Compiler, Workshop};
use super::engine::{Host, Runtime, typed};
use super::{
    CallContext, CallError, CallObject, Compiled, Description, Digest, Inspection, KitObject,
    LoadError, PluginKinds, RawFinding, SandboxLimits, Transformed, answer, precheck,
};

/// The engine that all plugins of a host share. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    runtime: Arc<Runtime>,
    workshop: Arc<Workshop>,
    loaded: Arc<Mutex<HashMap<Digest, Arc<Plugin>>>>,
}

impl Sandbox {
    pub fn new(limits: SandboxLimits, compiler: Compiler) -> Result<Self, String> {
        let runtime = Runtime::new(limits)
            .map_err(|error| format!("the WebAssembly engine cannot start: {error:#}"))?;
        Ok(Self {
            workshop: Arc::new(Workshop::new(compiler, &runtime.engine)),
            runtime: Arc::new(runtime),
            loaded: Arc::default(),
        })
    }

    pub fn limits(&self) -> &SandboxLimits {
        &self.runtime.limits
    }

    /// Compiles a component, or finds it among those compiled before (by digest), checks its
    /// imports and exports before anything of it runs, and asks it to describe itself.
    pub fn load(&self, bytes: &[u8]) -> Result<Arc<Plugin>, LoadError> {
        self.fits(bytes)?;
        let digest = Digest::of(bytes);
        if let Some(plugin) = self.loaded(&digest) {
            return Ok(plugin);
        }
        precheck::check(bytes)?;
        // Only WebAssembly: what looks like compiled code is never loaded from a repository.
        let Runtime { engine, limits, .. } = &*self.runtime;
        let component = self.workshop.component(engine, limits, &digest, bytes)?;
        let plugin = Arc::new(Plugin::new(
            self.runtime.clone(),
            &component,
            digest.clone(),
        )?);
        self.lock().insert(digest, plugin.clone());
        Ok(plugin)
    }

    /// Loads it, and tells all that can be told of it, also if it is refused. Compiles it anew
    /// each time, to say what that costs.
    pub fn inspect(&self, bytes: &[u8]) -> Inspection {
        let mut inspection = Inspection::of(bytes);
        let digest = inspection.digest.clone();
        inspection.plugin = self
            .fits(bytes)
            .and_then(|()| precheck::check(bytes))
            .and_then(|()| {
                let Runtime { engine, limits, .. } = &*self.runtime;
                let began = Instant::now();
                let (component, code) = self.workshop.anew(engine, limits, bytes)?;
                let took = began.elapsed();
                inspection.compiled = Some(Compiled { took, code });
                Ok(component)
            })
            .and_then(|component| Plugin::new(self.runtime.clone(), &component, digest))
            .map(Arc::new);
        inspection
    }

    fn fits(&self, bytes: &[u8]) -> Result<(), LoadError> {
        let (size, limit) = (bytes.len(), self.runtime.limits.component_bytes);
        if size > limit {
            return Err(LoadError::TooLarge { size, limit });
        }
        Ok(())
    }

    /// A plugin that was loaded before, by digest.
    pub fn loaded(&self, digest: &Digest) -> Option<Arc<Plugin>> {
        self.lock().get(digest).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Arc<Plugin>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A checked component. Every call gets a fresh instance.
pub struct Plugin {
    runtime: Arc<Runtime>,
    pre: InstancePre<Host>,
    digest: Digest,
    kinds: PluginKinds,
    description: Description,
    /// What describing itself took.
    described_by: u64,
    /// For logs.
    name: Arc<str>,
    version: String,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// The answers of the contract's functions, each a `result`.
type Answer<T> = (Result<T, bindings::Failure>,);

impl Plugin {
    fn new(
        runtime: Arc<Runtime>,
        component: &Component,
        digest: Digest,
    ) -> Result<Self, LoadError> {
        let (kinds, version) = check_interfaces(&runtime, component)?;
        let shape = |reason: String| LoadError::WrongShape {
            interface: "imports".into(),
            reason,
        };
        let pre = runtime
            .linker
            .instantiate_pre(component)
            .map_err(|error| shape(format!("{error:#}")))?;
        let name: Arc<str> = digest.as_str().into();
        let mut plugin = Self {
            runtime,
            pre,
            digest,
            kinds,
            description: Description {
                name: String::new(),
                version: String::new(),
                summary: String::new(),
                rules: Vec::new(),
                settings_schema: String::new(),
                kinds: Vec::new(),
            },
            described_by: 0,
            name,
            version,
        };
        plugin.check_shapes()?;
        let (described, fuel) = plugin
            .call::<_, (bindings::Description,)>("describe", "describe", ())
            .map_err(LoadError::Describe)?;
        plugin.described_by = fuel;
        plugin.description =
            answer::description(described.0, kinds).map_err(LoadError::Description)?;
        plugin.name = plugin.description.name.as_str().into();
        Ok(plugin)
    }

    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    pub fn kinds(&self) -> PluginKinds {
        self.kinds
    }

    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Units of fuel that describing itself took.
    pub fn description_fuel(&self) -> u64 {
        self.described_by
    }

    pub fn validate(
        &self,
        context: &CallContext,
        objects: &[CallObject],
    ) -> Result<Vec<RawFinding>, CallError> {
        self.validate_metered(context, objects)
            .map(|(findings, _)| findings)
    }

    /// As `validate`, with the fuel that it took.
    pub fn validate_metered(
        &self,
        context: &CallContext,
        objects: &[CallObject],
    ) -> Result<(Vec<RawFinding>, u64), CallError> {
        let lowered: Vec<_> = objects.iter().map(object).collect();
        let params = (context_of(context), &lowered[..]);
        let (answered, fuel) =
            self.call::<_, Answer<Vec<bindings::Finding>>>("validate", "validate", params)?;
        let findings = answered.0.map_err(answer::failure)?;
        Ok((
            answer::findings(findings, objects.len(), &self.description)?,
            fuel,
        ))
    }

    /// The objects as the plugin makes them, and the fuel that it took.
    pub fn transform(
        &self,
        context: &CallContext,
        objects: &[CallObject],
    ) -> Result<(Vec<Transformed>, u64), CallError> {
        let lowered: Vec<_> = objects.iter().map(object).collect();
        let params = (context_of(context), &lowered[..]);
        let (answered, fuel) =
            self.call::<_, Answer<Vec<bindings::Transformed>>>("transform", "transform", params)?;
        let transformed = answered.0.map_err(answer::failure)?;
        Ok((answer::transformed(transformed, objects.len())?, fuel))
    }

    /// What it says of the objects of several kits, and the fuel that it took.
    pub fn validate_all(
        &self,
        settings: &str,
        objects: &[KitObject],
    ) -> Result<(Vec<RawFinding>, u64), CallError> {
        let lowered: Vec<_> = objects
            .iter()
            .map(|object| bindings::KitObject {
                kit: &object.kit,
                json: &object.json,
                origin: bindings::Origin {
                    path: &object.origin.path,
                    line: object.origin.line,
                },
            })
            .collect();
        let params = (settings, &lowered[..]);
        let (answered, fuel) =
            self.call::<_, Answer<Vec<bindings::Finding>>>("referential", "validate-all", params)?;
        let findings = answered.0.map_err(answer::failure)?;
        let findings = answer::findings(findings, objects.len(), &self.description)?;
        Ok((findings, fuel))
    }

    fn call<P, R>(&self, interface: &str, function: &str, params: P) -> Result<(R, u64), CallError>
    where
        P: wasmtime::component::ComponentNamedList + wasmtime::component::Lower + Send + Sync,
        R: wasmtime::component::ComponentNamedList
            + wasmtime::component::Lift
            + Send
            + Sync
            + 'static,
    {
        let interface = format!("{PACKAGE}{interface}@{}", self.version);
        self.runtime
            .call(&self.pre, &self.name, &interface, function, params)
    }

    /// Every function that will be called has the contract's types. Needs an instance, of which
    /// nothing is called.
    fn check_shapes(&self) -> Result<(), LoadError> {
        self.shape::<(), (bindings::Description,)>("describe", "describe")?;
        type Params<'a> = (bindings::Context<'a>, &'a [bindings::Object<'a>]);
        if self.kinds.validate {
            self.shape::<Params<'_>, Answer<Vec<bindings::Finding>>>("validate", "validate")?;
        }
        if self.kinds.transform {
            self.shape::<Params<'_>, Answer<Vec<bindings::Transformed>>>("transform", "transform")?;
        }
        if self.kinds.referential {
            self.shape::<(&str, &[bindings::KitObject<'_>]), Answer<Vec<bindings::Finding>>>(
                "referential",
                "validate-all",
            )?;
        }
        Ok(())
    }

    fn shape<P, R>(&self, interface: &str, function: &str) -> Result<(), LoadError>
    where
        P: wasmtime::component::ComponentNamedList + wasmtime::component::Lower,
        R: wasmtime::component::ComponentNamedList + wasmtime::component::Lift,
    {
        let full = format!("{PACKAGE}{interface}@{}", self.version);
        self.runtime
            .inspect(&self.pre, &self.name, |store, instance| {
                typed::<P, R>(store, instance, &full, function).map(|_| ())
            })
            .map_err(|error| match error {
                CallError::Trap(reason) | CallError::Nonsense(reason) => LoadError::WrongShape {
                    interface: full.clone(),
                    reason,
                },
                other => LoadError::Describe(other),
            })
    }
}

fn context_of(context: &CallContext) -> bindings::Context<'_> {
    bindings::Context {
        kit: &context.kit,
        namespace: &context.namespace,
        allowed_namespaces: &context.allowed_namespaces,
        cluster_scoped: context.cluster_scoped,
        settings: &context.settings,
    }
}

fn object(object: &CallObject) -> bindings::Object<'_> {
    bindings::Object {
        json: &object.json,
        origin: bindings::Origin {
            path: &object.origin.path,
            line: object.origin.line,
        },
    }
}

/// Imports nothing but the contract's, exports something of it. Gives the version that its
/// exports have.
fn check_interfaces(
    runtime: &Runtime,
    component: &Component,
) -> Result<(PluginKinds, String), LoadError> {
    let component = component.component_type();
    for (name, _) in component.imports(&runtime.engine) {
        let own = split(name).filter(|(interface, _)| matches!(*interface, "log" | "types"));
        let Some((_, version)) = own else {
            return Err(LoadError::ForeignImport(name.to_owned()));
        };
        known(version)?;
    }
    let mut kinds = PluginKinds::default();
    let mut described = false;
    let mut found = None;
    for (name, item) in component.exports(&runtime.engine) {
        let Some((interface, version)) = split(name) else {
            continue;
        };
        if !matches!(item.ty, ComponentItem::ComponentInstance(_)) {
            continue;
        }
        match interface {
            "describe" => described = true,
            "validate" => kinds.validate = true,
            "transform" => kinds.transform = true,
            "referential" => kinds.referential = true,
            _ => continue,
        }
        known(version)?;
        found = Some(version.to_owned());
    }
    match found {
        Some(version) if described && kinds != PluginKinds::default() => Ok((kinds, version)),
        _ => Err(LoadError::NoExport),
    }
}

/// `trimtab:plugin/validate@0.1.0` as `validate` and `0.1.0`.
fn split(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(PACKAGE)?.split_once('@')
}

fn known(version: &str) -> Result<(), LoadError> {
    let parsed = semver::Version::parse(version).ok();
    match parsed {
        Some(parsed) if (parsed.major, parsed.minor) == VERSION => Ok(()),
        _ => Err(LoadError::ContractVersion(version.to_owned())),
    }
}
