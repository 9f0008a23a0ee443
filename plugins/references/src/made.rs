//! What ConfigMaps and Secrets hold, and which of them controllers make of other objects.

use std::collections::BTreeSet;

use serde_json::Value;
use trimtab_plugin::Object;

/// A ConfigMap or Secret that a controller makes beside an object.
pub struct Made<'o> {
    pub kind: &'static str,
    pub name: &'o str,
    /// None if nobody can tell.
    pub entries: Option<BTreeSet<&'o str>>,
}

/// The entries of a ConfigMap or Secret as it is written.
pub fn entries(object: &Object) -> Option<BTreeSet<&str>> {
    let fields = match (object.group(), object.kind()) {
        ("", "ConfigMap") => ["/data", "/binaryData"],
        // Its controller fills it in.
        ("", "Secret") if object.at("/type") == "kubernetes.io/service-account-token" => {
            return None;
        }
        ("", "Secret") => ["/data", "/stringData"],
        _ => return None,
    };
    Some(fields.iter().flat_map(|it| keys(object.at(it))).collect())
}

fn keys(value: &Value) -> impl Iterator<Item = &str> {
    let fields = value.as_object().into_iter().flatten();
    fields.map(|(name, _)| name.as_str())
}

fn text<'o>(object: &'o Object, pointer: &str) -> Option<&'o str> {
    object.at(pointer).as_str().filter(|text| !text.is_empty())
}

fn secret<'o>(name: Option<&'o str>, entries: Option<BTreeSet<&'o str>>) -> Vec<Made<'o>> {
    let made = |name| Made {
        kind: "Secret",
        name,
        entries,
    };
    name.map(made).into_iter().collect()
}

/// In the object's own namespace.
pub fn by_controllers(object: &Object) -> Vec<Made<'_>> {
    match (object.group(), object.kind()) {
        ("cert-manager.io", "Certificate") => secret(text(object, "/spec/secretName"), None),
        ("external-secrets.io", "ExternalSecret") => external_secret(object),
        ("bitnami.com", "SealedSecret") => {
            let fields = ["/spec/encryptedData", "/spec/template/data"];
            let entries = fields.iter().flat_map(|it| keys(object.at(it))).collect();
            secret(Some(object.name()), Some(entries))
        }
        (
            "secrets.hashicorp.com",
            "VaultStaticSecret" | "VaultDynamicSecret" | "VaultPKISecret",
        ) => secret(text(object, "/spec/destination/name"), None),
        ("secrets-store.csi.x-k8s.io", "SecretProviderClass") => {
            let made = object.at("/spec/secretObjects").as_array();
            let made = made.into_iter().flatten();
            made.flat_map(|it| secret(it["secretName"].as_str(), None))
                .collect()
        }
        ("onepassword.com", "OnePasswordItem") => secret(Some(object.name()), None),
        ("networking.k8s.io", "Ingress") if is_certified(object) => {
            let tls = object.at("/spec/tls").as_array().into_iter().flatten();
            tls.flat_map(|it| secret(it["secretName"].as_str(), None))
                .collect()
        }
        ("gateway.networking.k8s.io", "Gateway") if is_certified(object) => {
            let listeners = object.at("/spec/listeners").as_array();
            let listeners = listeners.into_iter().flatten();
            let certificates = listeners.flat_map(|it| {
                let references = it["tls"]["certificateRefs"].as_array();
                references.into_iter().flatten()
            });
            certificates
                .filter(|it| it["namespace"].is_null())
                .flat_map(|it| secret(it["name"].as_str(), None))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// cert-manager makes the Secrets of Ingresses and Gateways that ask for it.
fn is_certified(object: &Object) -> bool {
    keys(object.at("/metadata/annotations")).any(|key| {
        matches!(
            key,
            "cert-manager.io/issuer" | "cert-manager.io/cluster-issuer" | "kubernetes.io/tls-acme"
        )
    })
}

fn external_secret(object: &Object) -> Vec<Made<'_>> {
    let name = text(object, "/spec/target/name").unwrap_or(object.name());
    // All entries are named one by one, or nobody can tell.
    let data = object.at("/spec/data").as_array();
    let listed = object.at("/spec/dataFrom").is_null()
        && object.at("/spec/target/template").is_null()
        && object.at("/spec/target/creationPolicy") != "Merge";
    let entries = data.filter(|_| listed).map(|data| {
        let names = data.iter().filter_map(|it| it["secretKey"].as_str());
        names.collect()
    });
    secret(Some(name), entries)
}

/// Kind and name of what is made in each namespace, or in those that nobody can tell.
pub fn everywhere(object: &Object) -> Vec<(&'static str, &str)> {
    match (object.group(), object.kind()) {
        ("trust.cert-manager.io", "Bundle") => {
            let kinds = [("configMap", "ConfigMap"), ("secret", "Secret")];
            let made = kinds
                .iter()
                .filter(|(field, _)| object.at("/spec/target")[*field].is_object());
            made.map(|(_, kind)| (*kind, object.name())).collect()
        }
        ("external-secrets.io", "ClusterExternalSecret") => {
            let target = text(object, "/spec/externalSecretSpec/target/name");
            let own = text(object, "/spec/externalSecretName");
            vec![("Secret", target.or(own).unwrap_or(object.name()))]
        }
        _ => Vec::new(),
    }
}
