//! Stories on a real control plane: given a repository, when this commit, then the cluster.
//! Run by `cargo xtask test`, which starts the control plane that they share.

mod admission;
mod api;
mod asking;
mod blame;
mod boutique;
mod changes;
mod chaos;
mod clock;
mod cluster;
mod credentials;
mod deletion;
mod diff;
mod disk;
mod drift;
mod elsewhere;
mod expressions;
mod faults;
mod gate;
mod health;
mod hooks;
mod incident;
mod independence;
mod kept;
mod leadership;
mod lifecycle;
mod manifests;
mod notifications;
#[path = "../../plugins/pod-security/tests/admission/pods.rs"]
#[expect(dead_code, reason = "the oracle of the plugin uses all of it")]
mod odd_pods;
mod ownership;
mod platform;
mod pod_security;
mod policies;
mod prune;
mod record;
mod rendering;
mod reports;
mod restarts;
mod rollback;
mod rollout;
mod schemas;
#[path = "../remotes/servers.rs"]
mod servers;
mod signatures;
mod three_ways;
mod values;
mod verify;
mod weights;
