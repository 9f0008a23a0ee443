//! A loaded plugin and what can be asked of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre};

use super::compile::{Compiler, Workshop};
use super::contract::bindings::{Failure, Finding};
use super::contract::{Contract, Guest, KNOWN, PACKAGE};
use super::engine::{Host, Runtime};
use super::schema::SettingsSchema;
use super::{
    CallChange, CallContext, CallError, CallObject, CallPlatform, Compiled, Description, Digest,
    Inspection, KitObject, LoadError, PluginKinds, RawFinding, RenderLimits, Renderers,
    SandboxLimits, SettingsFault, Transformation, answer, precheck,
};

/// The engine that all plugins of a host share. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    runtime: Arc<Runtime>,
    workshop: Arc<Workshop>,
    contracts: &'static [&'static dyn Contract],
    loaded: Arc<Mutex<HashMap<Digest, Arc<Plugin>>>>,
    renderers: Renderers,
}

impl Sandbox {
    pub fn new(limits: SandboxLimits, compiler: Compiler) -> Result<Self, String> {
        Self::speaking(KNOWN, limits, compiler)
    }

    /// That knows these versions of the contract.
    pub(super) fn speaking(
        contracts: &'static [&'static dyn Contract],
        limits: SandboxLimits,
        compiler: Compiler,
    ) -> Result<Self, String> {
        let runtime = Runtime::new(limits, contracts)
            .map_err(|error| format!("the WebAssembly engine cannot start: {error:#}"))?;
        let renderers = Renderers::new(RenderLimits::default(), compiler.clone(), Vec::new());
        Ok(Self {
            renderers,
            workshop: Arc::new(Workshop::new(compiler, &runtime.engine)),
            runtime: Arc::new(runtime),
            contracts,
            loaded: Arc::default(),
        })
    }

    /// With the renderers of these folders; without them only plain YAML is rendered.
    pub fn with_renderers(self, renderers: Renderers) -> Self {
        Self { renderers, ..self }
    }

    pub fn renderers(&self) -> &Renderers {
        &self.renderers
    }

    pub fn limits(&self) -> &SandboxLimits {
        &self.runtime.limits
    }

    /// Compiles a component, or finds it among those compiled before (by digest), checks its
    /// imports and exports before anything of it runs, and asks it to describe itself.
    pub fn load(&self, bytes: &[u8]) -> Result<Arc<Plugin>, LoadError> {
        self.loaded_from(bytes).map_err(LoadError::fit_to_show)
    }

    fn loaded_from(&self, bytes: &[u8]) -> Result<Arc<Plugin>, LoadError> {
        self.fits(bytes)?;
        let digest = Digest::of(bytes);
        if let Some(plugin) = self.loaded(&digest) {
            return Ok(plugin);
        }
        precheck::check(bytes)?;
        // Only WebAssembly: what looks like compiled code is never loaded from a repository.
        let Runtime { engine, limits, .. } = &*self.runtime;
        let component = self.workshop.component(engine, limits, &digest, bytes)?;
        let plugin = Arc::new(Plugin::new(self, &component, digest.clone())?);
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
            .and_then(|component| Plugin::new(self, &component, digest))
            .map(Arc::new)
            .map_err(LoadError::fit_to_show);
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
    /// What it was built for.
    contract: &'static dyn Contract,
    digest: Digest,
    kinds: PluginKinds,
    description: Description,
    settings: SettingsSchema,
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

impl Plugin {
    fn new(sandbox: &Sandbox, component: &Component, digest: Digest) -> Result<Self, LoadError> {
        let runtime = sandbox.runtime.clone();
        let (kinds, version, contract) = check_interfaces(&runtime, sandbox.contracts, component)?;
        let shape = |reason: String| LoadError::WrongShape {
            interface: "imports".into(),
            reason,
        };
        let pre = runtime
            .linker
            .instantiate_pre(component)
            .map_err(|error| shape(format!("{error:#}")))?;
        let guest = Guest {
            runtime: &runtime,
            pre: &pre,
            name: &digest.as_str().into(),
            version: &version,
        };
        contract.check_shapes(&guest, kinds)?;
        let (described, described_by) = contract.describe(&guest).map_err(LoadError::Describe)?;
        let description = answer::description(described, kinds).map_err(LoadError::Description)?;
        let settings = SettingsSchema::read(&description.settings_schema)
            .map_err(|reason| LoadError::Description(format!("its settings schema {reason}")))?;
        Ok(Self {
            name: description.name.as_str().into(),
            runtime,
            pre,
            contract,
            digest,
            kinds,
            description,
            settings,
            described_by,
            version,
        })
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

    /// The version of the contract that it was built for.
    pub fn contract(&self) -> &str {
        &self.version
    }

    /// Units of fuel that describing itself took.
    pub fn description_fuel(&self) -> u64 {
        self.described_by
    }

    /// What is wrong with settings by the plugin's schema, before it is asked anything.
    pub fn settings_faults(&self, settings: &str) -> Vec<SettingsFault> {
        self.settings.faults(settings)
    }

    /// What it says of a kit's objects, and the fuel that it took.
    pub fn validate(
        &self,
        context: &CallContext,
        objects: &[CallObject],
    ) -> Result<(Vec<RawFinding>, u64), CallError> {
        let answer = self.contract.validate(&self.guest(), context, objects)?;
        self.findings(answer, objects.len())
    }

    /// What it says of changes, and the fuel that it took.
    pub fn validate_change(
        &self,
        context: &CallContext,
        changes: &[CallChange],
    ) -> Result<(Vec<RawFinding>, u64), CallError> {
        let guest = self.guest();
        let answer = self.contract.validate_change(&guest, context, changes)?;
        self.findings(answer, changes.len())
    }

    /// The objects as the plugin makes them, and the fuel that it took.
    pub fn transform(
        &self,
        context: &CallContext,
        objects: &[CallObject],
    ) -> Result<(Transformation, u64), CallError> {
        let (answer, fuel) = self.contract.transform(&self.guest(), context, objects)?;
        let made = answer.map_err(answer::failure)?;
        let made = answer::transformation(made, objects.len(), &self.description)?;
        Ok((made, fuel))
    }

    /// What it says of the objects of several kits, and the fuel that it took.
    pub fn validate_all(
        &self,
        platform: &CallPlatform,
        objects: &[KitObject],
    ) -> Result<(Vec<RawFinding>, u64), CallError> {
        let guest = self.guest();
        let answer = self.contract.validate_all(&guest, platform, objects)?;
        self.findings(answer, objects.len())
    }

    fn guest(&self) -> Guest<'_> {
        Guest {
            runtime: &self.runtime,
            pre: &self.pre,
            name: &self.name,
            version: &self.version,
        }
    }

    fn findings(
        &self,
        (answer, fuel): (Result<Vec<Finding>, Failure>, u64),
        objects: usize,
    ) -> Result<(Vec<RawFinding>, u64), CallError> {
        let found = answer.map_err(answer::failure)?;
        Ok((answer::findings(found, objects, &self.description)?, fuel))
    }
}

/// Imports nothing but the contract's, exports something of it. Gives the version that its
/// exports have, and who speaks it.
fn check_interfaces(
    runtime: &Runtime,
    contracts: &'static [&'static dyn Contract],
    component: &Component,
) -> Result<(PluginKinds, String, &'static dyn Contract), LoadError> {
    let component = component.component_type();
    for (name, _) in component.imports(&runtime.engine) {
        let own = split(name).filter(|(interface, _)| matches!(*interface, "log" | "types"));
        let Some((_, version)) = own else {
            return Err(LoadError::ForeignImport(name.to_owned()));
        };
        speaker(contracts, version)?;
    }
    let mut kinds = PluginKinds::default();
    let mut described = false;
    let mut found: Option<&str> = None;
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
            "validate-change" => kinds.validate_change = true,
            "transform" => kinds.transform = true,
            "referential" => kinds.referential = true,
            _ => continue,
        }
        speaker(contracts, version)?;
        if let Some(other) = found.filter(|other| *other != version) {
            return Err(LoadError::ContractVersion(format!("{other} and {version}")));
        }
        found = Some(version);
    }
    match found {
        Some(version) if described && kinds != PluginKinds::default() => {
            Ok((kinds, version.to_owned(), speaker(contracts, version)?))
        }
        _ => Err(LoadError::NoExport),
    }
}

/// `trimtab:plugin/validate@0.1.0` as `validate` and `0.1.0`.
fn split(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(PACKAGE)?.split_once('@')
}

fn speaker(
    contracts: &'static [&'static dyn Contract],
    version: &str,
) -> Result<&'static dyn Contract, LoadError> {
    let parsed = semver::Version::parse(version).ok();
    let wanted = parsed.map(|parsed| (parsed.major, parsed.minor));
    let known = contracts.iter().find(|it| Some(it.version()) == wanted);
    known
        .copied()
        .ok_or_else(|| LoadError::ContractVersion(version.to_owned()))
}
