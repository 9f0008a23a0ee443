//! CustomResourceDefinitions of the kit, and of the files that the plugin is given to read.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde::Deserialize as _;
use serde_json::Value;

use crate::builtin::group_of;
use crate::schema::Schema;

pub struct Crd<'v>(&'v Value);

/// One version of a CRD's kind.
pub struct Version<'v>(&'v Value);

impl<'v> Crd<'v> {
    fn of(value: &'v Value) -> Option<Self> {
        let api_version = value["apiVersion"].as_str()?;
        let is = value["kind"] == "CustomResourceDefinition"
            && group_of(api_version) == "apiextensions.k8s.io";
        is.then_some(Self(value))
    }

    pub fn group(&self) -> &'v str {
        self.0["spec"]["group"].as_str().unwrap_or_default()
    }

    pub fn kind(&self) -> &'v str {
        self.0["spec"]["names"]["kind"].as_str().unwrap_or_default()
    }

    pub fn versions(&self) -> impl Iterator<Item = Version<'v>> + use<'v> {
        let versions = self.0["spec"]["versions"].as_array();
        versions.into_iter().flatten().map(Version)
    }
}

impl<'v> Version<'v> {
    pub fn name(&self) -> &'v str {
        self.0["name"].as_str().unwrap_or_default()
    }

    pub fn is_served(&self) -> bool {
        self.0["served"] == true
    }

    /// What is said of a version that is deprecated.
    pub fn deprecation(&self) -> Option<&'v str> {
        let deprecated = self.0["deprecated"] == true;
        deprecated.then(|| self.0["deprecationWarning"].as_str().unwrap_or_default())
    }

    /// Whether status is written on its own, and left aside in what is applied.
    pub fn has_status(&self) -> bool {
        self.0["subresources"]["status"].is_object()
    }
}

type Parsed = Rc<Result<Schema, String>>;

/// All CRDs; of two for one kind, the kit's own.
pub struct Crds<'v> {
    crds: Vec<Crd<'v>>,
    /// By the address of the version that it is of.
    parsed: RefCell<HashMap<*const Value, Parsed>>,
}

impl<'v> Crds<'v> {
    pub fn new(values: impl Iterator<Item = &'v Value>) -> Self {
        Self {
            crds: values.filter_map(Crd::of).collect(),
            parsed: RefCell::default(),
        }
    }

    pub fn find(&self, group: &str, kind: &str) -> Option<&Crd<'v>> {
        self.crds
            .iter()
            .find(|it| it.kind() == kind && it.group() == group && !group.is_empty())
    }

    /// Groups and kinds.
    pub fn kinds(&self) -> impl Iterator<Item = (&'v str, &'v str)> {
        self.crds.iter().map(|it| (it.group(), it.kind()))
    }

    /// A version's schema, with what every resource has; the error is why it cannot be read.
    pub fn schema(&self, version: &Version<'v>) -> Parsed {
        let address = std::ptr::from_ref(version.0);
        if let Some(parsed) = self.parsed.borrow().get(&address) {
            return Rc::clone(parsed);
        }
        let parsed = Schema::deserialize(&version.0["schema"]["openAPIV3Schema"]);
        let parsed = parsed.map(|schema| Schema {
            embedded_resource: true,
            ..schema
        });
        let parsed = Rc::new(parsed.map_err(|error| error.to_string()));
        let known = Rc::clone(&parsed);
        self.parsed.borrow_mut().insert(address, known);
        parsed
    }
}
