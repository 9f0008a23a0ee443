//! What objects refer to exists, over all kits of a revision.

mod claims;
mod inventory;
mod judge;
mod labelled;
mod made;
mod nearest;
mod pods;
mod roles;
mod routes;
mod scaling;
mod selection;
mod settings;

use trimtab_plugin::{Object, Platform, Referential, Report, Rule};

use claims::Claims;
use inventory::Inventory;
use judge::Judge;
use labelled::Labelled;
pub use settings::Settings;

pub struct References;

impl Rule for References {
    type Settings = Settings;
    const NAME: &'static str = "references";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "What objects refer to is in a kit, or is declared to be made by something else.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        ("config-map", "a ConfigMap that Pods take from exists"),
        ("config-map-key", "it has the key that is taken"),
        (
            "secret",
            "a Secret that Pods, Ingresses or Gateways take from exists",
        ),
        ("secret-key", "it has the key that is taken"),
        ("pull-secret", "a Secret of imagePullSecrets exists"),
        ("service-account", "a Pod's ServiceAccount exists"),
        (
            "volume-claim",
            "a PersistentVolumeClaim that Pods mount exists",
        ),
        (
            "backend",
            "a Service behind an Ingress, a route, a webhook or an APIService exists",
        ),
        ("backend-port", "it has the port that is named"),
        (
            "reference-grant",
            "a ReferenceGrant lets a route lead into another namespace",
        ),
        (
            "gateway",
            "the Gateway of a route, and the listener of it, exist",
        ),
        ("service-selector", "a Service selects Pods"),
        ("policy-selector", "a NetworkPolicy's selectors select Pods"),
        ("budget-selector", "a PodDisruptionBudget selects Pods"),
        (
            "monitor-selector",
            "a ServiceMonitor selects Services, a PodMonitor Pods",
        ),
        ("monitor-port", "what it selects has the port that it names"),
        (
            "target-port",
            "a targetPort's name is declared by a container behind the Service",
        ),
        (
            "target-port-number",
            "a targetPort's number is declared by a container behind the Service",
        ),
        ("host", "no two objects claim one host and path"),
        ("role", "the role of a binding exists"),
        ("subject", "a ServiceAccount of a binding exists"),
        ("scale-target", "what an autoscaler scales exists"),
        ("stateful-set-service", "a StatefulSet's serviceName exists"),
    ];
    const KINDS: &'static [&'static str] = &[
        "Pod",
        "PodTemplate",
        "ReplicationController",
        "Deployment.apps",
        "StatefulSet.apps",
        "DaemonSet.apps",
        "ReplicaSet.apps",
        "Job.batch",
        "CronJob.batch",
        "ConfigMap",
        "Secret",
        "ServiceAccount",
        "PersistentVolumeClaim",
        "Service",
        "Ingress.networking.k8s.io",
        "NetworkPolicy.networking.k8s.io",
        "PodDisruptionBudget.policy",
        "HorizontalPodAutoscaler.autoscaling",
        "Role.rbac.authorization.k8s.io",
        "ClusterRole.rbac.authorization.k8s.io",
        "RoleBinding.rbac.authorization.k8s.io",
        "ClusterRoleBinding.rbac.authorization.k8s.io",
        "ValidatingWebhookConfiguration.admissionregistration.k8s.io",
        "MutatingWebhookConfiguration.admissionregistration.k8s.io",
        "APIService.apiregistration.k8s.io",
        "Gateway.gateway.networking.k8s.io",
        "HTTPRoute.gateway.networking.k8s.io",
        "GRPCRoute.gateway.networking.k8s.io",
        "TLSRoute.gateway.networking.k8s.io",
        "TCPRoute.gateway.networking.k8s.io",
        "UDPRoute.gateway.networking.k8s.io",
        "ReferenceGrant.gateway.networking.k8s.io",
        "Gateway.networking.istio.io",
        "VirtualService.networking.istio.io",
        "ServiceEntry.networking.istio.io",
        "ServiceMonitor.monitoring.coreos.com",
        "PodMonitor.monitoring.coreos.com",
        "ScaledObject.keda.sh",
        "VerticalPodAutoscaler.autoscaling.k8s.io",
        "Certificate.cert-manager.io",
        "Bundle.trust.cert-manager.io",
        "ExternalSecret.external-secrets.io",
        "ClusterExternalSecret.external-secrets.io",
        "SealedSecret.bitnami.com",
        "VaultStaticSecret.secrets.hashicorp.com",
        "VaultDynamicSecret.secrets.hashicorp.com",
        "VaultPKISecret.secrets.hashicorp.com",
        "SecretProviderClass.secrets-store.csi.x-k8s.io",
        "OnePasswordItem.onepassword.com",
    ];
}

impl Referential for References {
    fn validate_all(platform: &Platform<Settings>, objects: &[Object], report: &mut Report) {
        let inventory = Inventory::of(objects);
        let labelled = Labelled::of(objects, &inventory);
        let mut judge = Judge::new(&platform.settings, &inventory, report);
        let mut claims = Claims::default();
        for object in objects {
            // Without a namespace, and with several that could be meant, nothing can be told.
            let Some(home) = inventory.home(object) else {
                continue;
            };
            pods::judge(&mut judge, object, home);
            selection::judge(&mut judge, &labelled, object, home);
            routes::judge(&mut judge, object, home);
            roles::judge(&mut judge, object, home);
            scaling::judge(&mut judge, object, home);
            claims.take(object, home);
        }
        claims.judge(&mut judge);
        judge.finish();
    }
}

trimtab_plugin::export_referential!(References);

#[cfg(test)]
mod tests;
