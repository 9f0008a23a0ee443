//! The checks of the Pod Security Standards: since when each holds, and which one it replaces.

use crate::pod::{Pod, Violation};
use crate::standard::{Level, Standard};
use crate::{baseline, restricted};

pub struct Check {
    /// The id of the API server's check in lower case, with dashes.
    pub rule: &'static str,
    level: Level,
    /// The first minor version that has it.
    since: u64,
    /// The check of a lower level that is left out where this one is run.
    replaces: Option<&'static str>,
    run: for<'p> fn(&'p Pod<'p>, u64) -> Vec<Violation<'p>>,
}

const fn baseline(
    rule: &'static str,
    since: u64,
    run: for<'p> fn(&'p Pod<'p>, u64) -> Vec<Violation<'p>>,
) -> Check {
    Check {
        rule,
        level: Level::Baseline,
        since,
        replaces: None,
        run,
    }
}

const fn restricted(
    rule: &'static str,
    since: u64,
    replaces: Option<&'static str>,
    run: for<'p> fn(&'p Pod<'p>, u64) -> Vec<Violation<'p>>,
) -> Check {
    Check {
        rule,
        level: Level::Restricted,
        since,
        replaces,
        run,
    }
}

pub const CHECKS: [Check; 19] = [
    baseline("app-armor-profile", 0, baseline::app_armor_profile),
    baseline("capabilities-baseline", 0, baseline::capabilities),
    baseline("host-namespaces", 0, baseline::host_namespaces),
    baseline("host-path-volumes", 0, baseline::host_path_volumes),
    baseline("host-ports", 0, baseline::host_ports),
    baseline("host-probes-and-host-lifecycle", 34, baseline::host_probes),
    baseline("privileged", 0, baseline::privileged),
    baseline("proc-mount", 0, baseline::proc_mount),
    baseline("se-linux-options", 0, baseline::se_linux_options),
    baseline("seccomp-profile-baseline", 0, baseline::seccomp_profile),
    baseline("sysctls", 0, baseline::sysctls),
    baseline("windows-host-process", 0, baseline::windows_host_process),
    restricted(
        "allow-privilege-escalation",
        8,
        None,
        restricted::allow_privilege_escalation,
    ),
    restricted(
        "capabilities-restricted",
        22,
        Some("capabilities-baseline"),
        restricted::capabilities,
    ),
    restricted(
        "proc-mount-restricted",
        35,
        Some("proc-mount"),
        baseline::masked_proc,
    ),
    restricted(
        "restricted-volumes",
        0,
        Some("host-path-volumes"),
        restricted::volumes,
    ),
    restricted("run-as-non-root", 0, None, restricted::run_as_non_root),
    restricted("run-as-user", 23, None, restricted::run_as_user),
    restricted(
        "seccomp-profile-restricted",
        19,
        Some("seccomp-profile-baseline"),
        restricted::seccomp_profile,
    ),
];

/// What a standard forbids of a Pod; `newest` is the newest minor version that there is.
pub fn violations<'p>(
    pod: &'p Pod<'p>,
    standard: Standard,
    newest: u64,
) -> impl Iterator<Item = (&'static str, Violation<'p>)> {
    let minor = standard.version.minor(newest);
    let holds = move |check: &&Check| check.level <= standard.level && check.since <= minor;
    let replaced = move |rule: &str| {
        let mut held = CHECKS.iter().filter(holds);
        held.any(|check| check.replaces == Some(rule))
    };
    let run = CHECKS
        .iter()
        .filter(holds)
        .filter(move |it| !replaced(it.rule));
    run.flat_map(move |check| {
        let found = (check.run)(pod, minor).into_iter();
        found.map(|violation| (check.rule, violation))
    })
}
