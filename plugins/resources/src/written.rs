//! The `resources` of a container, as they are written.

use serde_json::{Map, Value};

use crate::escaped;
use crate::quantity::{Amount, ONE};

pub struct Written<'o> {
    requests: Option<&'o Map<String, Value>>,
    limits: Option<&'o Map<String, Value>>,
}

/// A quantity that can be read.
pub struct Entry {
    pub amount: Amount,
    pub text: String,
    /// From `resources` on.
    pub field: String,
    /// A request that is not written: the API server takes the limit for it.
    pub from_limit: bool,
}

/// A quantity that cannot be meant.
pub struct Fault {
    pub message: String,
    pub field: String,
    pub instead: Option<String>,
}

impl<'o> Written<'o> {
    pub fn read(resources: &'o Value) -> Self {
        Self {
            requests: resources["requests"].as_object(),
            limits: resources["limits"].as_object(),
        }
    }

    pub fn names_request(&self, resource: &str) -> bool {
        names(self.requests, resource)
    }

    pub fn names_limit(&self, resource: &str) -> bool {
        names(self.limits, resource)
    }

    pub fn request(&self, resource: &str) -> Option<Entry> {
        if self.names_request(resource) {
            return entry(self.requests, "requests", resource);
        }
        let limit = self.limit(resource)?;
        Some(Entry {
            from_limit: true,
            ..limit
        })
    }

    pub fn limit(&self, resource: &str) -> Option<Entry> {
        entry(self.limits, "limits", resource)
    }

    pub fn limits(&self) -> impl Iterator<Item = (&'o str, Entry)> {
        let limits = self.limits;
        let names = limits.into_iter().flat_map(Map::keys);
        names.filter_map(move |name| Some((name.as_str(), entry(limits, "limits", name)?)))
    }

    pub fn faults(&self) -> Vec<Fault> {
        let lists = [("requests", self.requests), ("limits", self.limits)];
        let entries = lists
            .into_iter()
            .flat_map(|(list, entries)| entries.into_iter().flatten().map(move |it| (list, it)));
        entries
            .filter_map(|(list, (resource, value))| {
                let (message, instead) = fault(list, resource, value)?;
                Some(Fault {
                    message,
                    field: format!("{list}/{}", escaped(resource)),
                    instead,
                })
            })
            .collect()
    }
}

fn names(list: Option<&Map<String, Value>>, resource: &str) -> bool {
    list.and_then(|list| list.get(resource))
        .is_some_and(|value| !value.is_null())
}

fn entry(list: Option<&Map<String, Value>>, name: &str, resource: &str) -> Option<Entry> {
    let value = list?.get(resource)?;
    Some(Entry {
        amount: Amount::read(value)?,
        text: text(value),
        field: format!("{name}/{}", escaped(resource)),
        from_limit: false,
    })
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn fault(list: &str, resource: &str, value: &Value) -> Option<(String, Option<String>)> {
    if value.is_null() {
        return None;
    }
    let written = text(value);
    let one = list.trim_end_matches('s');
    let Some(amount) = Amount::read(value) else {
        let message = format!(
            "has a {resource} {one} of {written:?}, which is no quantity as Kubernetes has them (100m, 1.5, 512Mi)"
        );
        return Some((message, meant(&written)));
    };
    if amount.0 < 0 {
        return Some((
            format!("has a {resource} {one} of {written}, which is below zero"),
            None,
        ));
    }
    let bytes =
        matches!(resource, "memory" | "ephemeral-storage") || resource.starts_with("hugepages-");
    // What a program computed may well be so: 0.1Gi is 107374182400m.
    let small = amount.0 > 0 && amount.0 < ONE << 20;
    let thousandths = written.strip_suffix('m').filter(|_| bytes && small);
    thousandths.map(|number| {
        let message = format!(
            "has a {resource} {one} of {written}, which is thousandths of a byte; mebibytes are Mi"
        );
        (message, Some(format!("{number}Mi")))
    })
}

/// The quantity that somebody had in mind who wrote `512MB`, `1gi` or `2 cores`.
fn meant(written: &str) -> Option<String> {
    let trimmed = written.trim();
    let end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = trimmed.split_at(end.unwrap_or(trimmed.len()));
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" | "core" | "cores" | "cpu" | "cpus" => "",
        "mcpu" | "mcore" | "mcores" | "millicores" => "m",
        "k" | "kb" => "k",
        "mb" => "M",
        "g" | "gb" => "G",
        "t" | "tb" => "T",
        "ki" | "kib" => "Ki",
        "mi" | "mib" => "Mi",
        "gi" | "gib" => "Gi",
        "ti" | "tib" => "Ti",
        _ => return None,
    };
    let quantity = format!("{number}{unit}");
    Amount::parse(&quantity).map(|_| quantity)
}
