//! The checks of the level `baseline`.

use serde_json::Value;

use crate::pod::{Pod, Violation, items, text};
use crate::seccomp;

const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// With the minor version that each is allowed from.
const SYSCTLS: [(&str, u64); 14] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_rmem", 32),
    ("net.ipv4.tcp_wmem", 32),
    ("net.ipv4.tcp_notsent_lowat", 37),
    ("net.ipv4.tcp_slow_start_after_idle", 37),
];
/// With the minor version that each is allowed from.
const SE_LINUX_TYPES: [(&str, u64); 5] = [
    ("", 0),
    ("container_t", 0),
    ("container_init_t", 0),
    ("container_kvm_t", 0),
    ("container_engine_t", 31),
];

fn allowed(list: &[(&str, u64)], name: &str, minor: u64) -> bool {
    list.iter()
        .any(|(allowed, since)| *allowed == name && *since <= minor)
}

pub fn app_armor_profile<'p>(pod: &'p Pod<'p>, _: u64) -> Vec<Violation<'p>> {
    const LAW: &str = "allows RuntimeDefault and Localhost";
    let mut found = Vec::new();
    for context in pod.contexts() {
        let profile = &context.value["appArmorProfile"];
        let sort = text(&profile["type"]);
        if !profile.is_null() && !matches!(sort, "RuntimeDefault" | "Localhost") {
            let fault = format!("the type of the AppArmor profile is {sort:?}");
            let violation = context.violation("appArmorProfile/type", fault);
            found.push(violation.by(LAW).propose("RuntimeDefault".to_owned()));
        }
    }
    for (key, value) in pod.annotations() {
        let Some(container) = key.strip_prefix(APP_ARMOR) else {
            continue;
        };
        if !matches!(value, "" | "runtime/default") && !value.starts_with("localhost/") {
            let fault = format!("the annotation {key} names the AppArmor profile {value:?}");
            let violation = pod.annotation(key, container, fault);
            let violation = violation.by("allows runtime/default and localhost/…");
            found.push(violation.propose("runtime/default".to_owned()));
        }
    }
    found
}

pub fn capabilities<'p>(pod: &'p Pod<'p>, _: u64) -> Vec<Violation<'p>> {
    added(
        pod,
        &CAPABILITIES,
        "allows only those that containers have by default",
    )
}

/// Capabilities that containers add beyond these.
pub fn added<'p>(pod: &'p Pod<'p>, allowed: &[&str], law: &'static str) -> Vec<Violation<'p>> {
    let mut found = Vec::new();
    for context in pod.container_contexts() {
        for (index, name) in items(&context.value["capabilities"]["add"]) {
            let name = text(name);
            if allowed.contains(&name) {
                continue;
            }
            let fault = format!("adds the capability {name:?}");
            let field = format!("capabilities/add/{index}");
            // The prefix is the kernel's; Kubernetes has none.
            let short = name.strip_prefix("CAP_").filter(|it| allowed.contains(it));
            let violation = context.violation(&field, fault).by(law);
            found.push(violation.propose(short.map(str::to_owned)));
        }
    }
    found
}

pub fn host_namespaces<'p>(pod: &'p Pod<'p>, _: u64) -> Vec<Violation<'p>> {
    let fields = ["hostNetwork", "hostPID", "hostIPC"].into_iter();
    let set = fields.filter(|field| *pod.at(field) == true);
    set.map(|field| Violation {
        containers: Vec::new(),
        fault: format!("{field} is true"),
        law: "forbids it",
        field: pod.pointer(field),
        proposed: Some("false".into()),
    })
    .collect()
}

pub fn host_path_volumes<'p>(pod: &'p Pod<'p>, _: u64) -> Vec<Violation<'p>> {
    let volumes = items(pod.at("volumes"));
    let mounted = volumes.filter(|(_, volume)| !volume["hostPath"].is_null());
    mounted
        .map(|(index, volume)| Violation {
            containers: Vec::new(),
            fault: format!("the volume {} is a hostPath", text(&volume["name"])),
            law: "forbids it",
            field: pod.pointer(&format!("volumes/{index}/hostPath")),
            proposed: None,
        })
        .collect()
}

pub fn host_ports<'p>(pod: &'p Pod<'p>, _: u64) -> Vec<Violation<'p>> {
    // -0 is a 0 to Go.
    let number = |value: &Value| value.as_f64().filter(|it| *it != 0.0);
    let mut found = Vec::new();
    for container in pod.containers() {
        // The API server fills hostPort in for them before it judges.
        let filled = pod.uses_host_network() && container.sort != trimtab_plugin::Sort::Ephemeral;
        for (index, port) in items(&container.value["ports"]) {
            let (fault, proposed) = match number(&port["hostPort"]) {
                Some(port) => (format!("takes the node's port {port}"), Some("0".into())),
                None if filled && number(&port["containerPort"]).is_some() => {
                    let port = &port["containerPort"];
                    let fault = format!("takes the node's port {port}, as the Pod has hostNetwork");
                    (fault, None)
                }
                None => continue,
            };
            found.push(Violation {
                containers: vec![container],
                fault,
                law: "forbids it",
                field: format!("{}/ports/{index}/hostPort", container.pointer),
                proposed,
            });
        }
    }
    found
}

pub fn host_probes<'p>(pod: &'p Pod<'p>, _: u64) -> Vec<Violation<'p>> {
    let mut found = Vec::new();
    for container in pod.containers() {
        let probes = ["livenessProbe", "readinessProbe", "startupProbe"];
        let probes = probes.map(|name| (&container.value[name], "", name));
        let hooks = ["postStart", "preStop"];
        let hooks = hooks.map(|name| (&container.value["lifecycle"][name], "lifecycle/", name));
        for (asking, within, name) in probes.into_iter().chain(hooks) {
            for way in ["httpGet", "tcpSocket"] {
                let host = text(&asking[way]["host"]);
                if host.is_empty() {
                    continue;
                }
                found.push(Violation {
                    containers: vec![container],
                    fault: format!("{name}.{way}.host is {host:?}"),
                    law: "allows no host, which is the Pod itself",
                    field: format!("{}/{within}{name}/{way}/host", container.pointer),
                    proposed: None,
                });
            }
        }
    }
    found
}

pub fn privileged<'p>(pod: &'p Pod<'p>, _: u64) -> Vec<Violation<'p>> {
    let contexts = pod.container_contexts();
    let set = contexts.filter(|it| it.value["privileged"] == true);
    set.map(|it| {
        let violation = it.violation("privileged", "privileged is true".into());
        violation.by("forbids it").propose("false".to_owned())
    })
    .collect()
}

pub fn proc_mount<'p>(pod: &'p Pod<'p>, minor: u64) -> Vec<Violation<'p>> {
    if minor >= 35 && pod.has_user_namespace() {
        return Vec::new();
    }
    masked_proc(pod, minor)
}

/// What holds in a user namespace as well.
pub fn masked_proc<'p>(pod: &'p Pod<'p>, _: u64) -> Vec<Violation<'p>> {
    let mut found = Vec::new();
    for context in pod.container_contexts() {
        let mount = &context.value["procMount"];
        if !mount.is_null() && mount != "Default" {
            let fault = format!("procMount is {mount}");
            let violation = context.violation("procMount", fault);
            found.push(violation.by("allows Default").propose("Default".to_owned()));
        }
    }
    found
}

pub fn seccomp_profile<'p>(pod: &'p Pod<'p>, minor: u64) -> Vec<Violation<'p>> {
    match minor {
        0..19 => seccomp::annotated(pod),
        _ => seccomp::named(pod),
    }
}

pub fn se_linux_options<'p>(pod: &'p Pod<'p>, minor: u64) -> Vec<Violation<'p>> {
    let mut found = Vec::new();
    for context in pod.contexts() {
        let options = &context.value["seLinuxOptions"];
        let sort = text(&options["type"]);
        if !allowed(&SE_LINUX_TYPES, sort, minor) {
            let fault = format!("the SELinux type is {sort:?}");
            let violation = context.violation("seLinuxOptions/type", fault);
            found.push(violation.by(match minor {
                0..31 => "allows container_t, container_init_t and container_kvm_t",
                _ => "allows container_t, container_init_t, container_kvm_t and container_engine_t",
            }));
        }
        for field in ["user", "role"] {
            let value = text(&options[field]);
            if !value.is_empty() {
                let fault = format!("the SELinux {field} is {value:?}");
                let violation = context.violation(&format!("seLinuxOptions/{field}"), fault);
                found.push(violation.by("forbids it"));
            }
        }
    }
    found
}

pub fn sysctls<'p>(pod: &'p Pod<'p>, minor: u64) -> Vec<Violation<'p>> {
    let mut found = Vec::new();
    let context = pod.context();
    for (index, sysctl) in items(&context.value["sysctls"]) {
        let name = text(&sysctl["name"]);
        if allowed(&SYSCTLS, name, minor) {
            continue;
        }
        let field = format!("sysctls/{index}/name");
        let violation = context.violation(&field, format!("sets the sysctl {name:?}"));
        // The kubelet takes slashes as well; the standards do not.
        let dotted = name.replace('/', ".");
        let dotted = allowed(&SYSCTLS, &dotted, minor).then_some(dotted);
        found.push(violation.by("allows only safe ones").propose(dotted));
    }
    found
}

pub fn windows_host_process<'p>(pod: &'p Pod<'p>, _: u64) -> Vec<Violation<'p>> {
    let contexts = pod.contexts();
    let set = contexts.filter(|it| it.value["windowsOptions"]["hostProcess"] == true);
    set.map(|it| {
        let fault = "windowsOptions.hostProcess is true".into();
        let violation = it.violation("windowsOptions/hostProcess", fault);
        violation.by("forbids it").propose("false".to_owned())
    })
    .collect()
}
