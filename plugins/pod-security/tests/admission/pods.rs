//! Odd Pods: every field that the standards look at, with values on both sides of each line.

use serde_json::{Value, json};

/// A place in a Pod and what may stand there.
pub struct Slot {
    /// RFC 6901.
    pub pointer: String,
    pub values: Vec<Value>,
}

fn slot(pointer: impl Into<String>, values: Value) -> Slot {
    let Value::Array(values) = values else {
        panic!("the values of a slot are a list");
    };
    Slot {
        pointer: pointer.into(),
        values,
    }
}

/// Puts a value into a Pod, and what it needs around it.
pub fn put(pod: &mut Value, pointer: &str, value: &Value) {
    let mut place = pod;
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/");
        place = match part.parse::<usize>() {
            Ok(index) => {
                if !place.is_array() {
                    *place = json!([]);
                }
                let list = place.as_array_mut().expect("a list");
                while list.len() <= index {
                    list.push(json!({}));
                }
                &mut list[index]
            }
            Err(_) => {
                if !place.is_object() {
                    *place = json!({});
                }
                &mut place[part]
            }
        };
    }
    *place = value.clone();
}

pub fn minimal() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "odd"},
        "spec": {"containers": [{"name": "a", "image": "registry.example.org/a:1"}]},
    })
}

/// What every level and version allows, with a container of each sort.
pub fn restricted() -> Value {
    let context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    let container = |name: &str| json!({"name": name, "image": "registry.example.org/a:1", "securityContext": context});
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "odd"},
        "spec": {
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "initContainers": [container("i")],
            "containers": [container("a"), container("b")],
            "ephemeralContainers": [container("e")],
        },
    })
}

/// The same Pods for another system, and in a user namespace.
pub fn bases() -> Vec<Value> {
    let mut bases = vec![minimal(), restricted()];
    for base in [minimal(), restricted()] {
        for (pointer, value) in [
            ("/spec/os", json!({"name": "windows"})),
            ("/spec/hostUsers", json!(false)),
            ("/spec/hostNetwork", json!(true)),
        ] {
            let mut changed = base.clone();
            put(&mut changed, pointer, &value);
            bases.push(changed);
        }
    }
    bases
}

pub fn slots() -> Vec<Slot> {
    let mut slots = vec![
        slot(
            "/spec/os",
            json!([null, {}, {"name": "windows"}, {"name": "linux"}, {"name": "Windows"}]),
        ),
        slot("/spec/hostUsers", json!([null, true, false])),
        slot("/spec/hostNetwork", json!([null, true, false])),
        slot("/spec/hostPID", json!([null, true, false])),
        slot("/spec/hostIPC", json!([null, true, false])),
        slot("/spec/containers", json!([null, []])),
        slot("/spec/securityContext", json!([null, {}])),
        slot("/spec/securityContext/sysctls", sysctls()),
        slot("/metadata/annotations", json!([null, {}])),
        slot("/spec/volumes", volumes()),
    ];
    let profiles = json!([
        "",
        "runtime/default",
        "docker/default",
        "localhost/x",
        "localhost",
        "unconfined",
        "Localhost/x",
        "runtime/default ",
        null
    ]);
    for key in [
        "seccomp.security.alpha.kubernetes.io~1pod",
        "container.seccomp.security.alpha.kubernetes.io~1a",
        "container.seccomp.security.alpha.kubernetes.io~1i",
        "container.seccomp.security.alpha.kubernetes.io~1e",
        "container.seccomp.security.alpha.kubernetes.io~1nobody",
        "container.seccomp.security.alpha.kubernetes.io~1",
        "container.apparmor.security.beta.kubernetes.io~1a",
        "container.apparmor.security.beta.kubernetes.io~1nobody",
        "container.apparmor.security.beta.kubernetes.io~1",
        "other.example.org~1a",
    ] {
        slots.push(slot(
            format!("/metadata/annotations/{key}"),
            profiles.clone(),
        ));
    }
    slots.extend(of_contexts("/spec/securityContext"));
    for place in [
        "initContainers/0",
        "containers/0",
        "containers/1",
        "ephemeralContainers/0",
    ] {
        let container = format!("/spec/{place}");
        let context = format!("{container}/securityContext");
        slots.push(slot(context.clone(), json!([null, {}])));
        slots.extend(of_contexts(&context));
        slots.extend(of_containers(&container));
    }
    slots
}

fn sysctls() -> Value {
    let names = [
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
        "net.ipv4.tcp_slow_start_after_idle",
        "net.ipv4.tcp_notsent_lowat",
        "kernel/shm_rmid_forced",
        "kernel.msgmax",
        "net.ipv4.tcp_syncookies ",
        "",
    ];
    let mut lists = vec![json!([]), json!([{}]), json!([null]), json!(null)];
    lists.extend(names.map(|name| json!([{"name": name, "value": "1"}])));
    lists.push(json!([{"name": "net.ipv4.tcp_syncookies", "value": "1"}, {"name": "fs.mqueue.msg_max", "value": "1"}]));
    Value::from(lists)
}

fn volumes() -> Value {
    let sources = [
        "hostPath",
        "emptyDir",
        "gcePersistentDisk",
        "awsElasticBlockStore",
        "gitRepo",
        "secret",
        "nfs",
        "iscsi",
        "glusterfs",
        "persistentVolumeClaim",
        "rbd",
        "flexVolume",
        "cinder",
        "cephfs",
        "flocker",
        "downwardAPI",
        "fc",
        "azureFile",
        "configMap",
        "vsphereVolume",
        "quobyte",
        "azureDisk",
        "photonPersistentDisk",
        "projected",
        "portworxVolume",
        "scaleIO",
        "storageos",
        "csi",
        "ephemeral",
        "image",
    ];
    let mut lists = vec![
        json!(null),
        json!([]),
        json!([null]),
        json!([{}]),
        json!([{"name": "v", "hostPath": null}]),
        json!([{"name": "v", "emptyDir": null, "nfs": {}}]),
        json!([{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]),
        json!([{"name": "v", "emptyDir": {}}, {"name": "w", "hostPath": {"path": "/"}}]),
        json!([{"name": "v", "nfs": {}, "hostPath": {"path": "/"}}]),
    ];
    lists.extend(sources.map(|source| json!([{"name": "v", source: {}}])));
    Value::from(lists)
}

/// Fields that a Pod's securityContext and a container's have.
fn of_contexts(context: &str) -> Vec<Slot> {
    let types = json!([
        null, {}, {"type": ""}, {"type": "RuntimeDefault"}, {"type": "Localhost", "localhostProfile": "x"},
        {"type": "Unconfined"}, {"type": "runtimeDefault"}, {"type": null}
    ]);
    vec![
        slot(
            format!("{context}/runAsNonRoot"),
            json!([null, true, false]),
        ),
        slot(
            format!("{context}/runAsUser"),
            json!([null, 0, 1, 1000, -1]),
        ),
        slot(format!("{context}/seccompProfile"), types.clone()),
        slot(format!("{context}/appArmorProfile"), types),
        slot(
            format!("{context}/seLinuxOptions"),
            json!([
                null, {}, {"type": null}, {"type": ""}, {"type": "container_t"}, {"type": "container_init_t"},
                {"type": "container_kvm_t"}, {"type": "container_engine_t"}, {"type": "spc_t"},
                {"user": ""}, {"user": "system_u"}, {"role": ""}, {"role": "system_r"}, {"level": "s0"},
                {"type": "container_t", "user": "u", "role": "r"}
            ]),
        ),
        slot(
            format!("{context}/windowsOptions"),
            json!([null, {}, {"hostProcess": null}, {"hostProcess": false}, {"hostProcess": true}]),
        ),
    ]
}

fn of_containers(container: &str) -> Vec<Slot> {
    let context = format!("{container}/securityContext");
    let mut added = vec![json!(null), json!([]), json!([null])];
    added.extend(
        [
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
            "NET_RAW",
            "SYS_ADMIN",
            "ALL",
            "all",
            "chown",
            "CAP_CHOWN",
            "CAP_NET_BIND_SERVICE",
            "",
        ]
        .map(|name| json!([name])),
    );
    added.push(json!(["CHOWN", "NET_BIND_SERVICE"]));
    added.push(json!(["NET_BIND_SERVICE", "NET_RAW"]));
    let handlers = json!([
        null, {}, {"exec": {"command": ["true"]}}, {"httpGet": null}, {"httpGet": {"port": 1}},
        {"httpGet": {"port": 1, "host": ""}}, {"httpGet": {"port": 1, "host": "127.0.0.1"}},
        {"tcpSocket": {"port": 1}}, {"tcpSocket": {"port": 1, "host": "localhost"}},
        {"tcpSocket": {"port": 1, "host": null}},
        {"httpGet": {"port": 1, "host": "a"}, "tcpSocket": {"port": 1, "host": "b"}}
    ]);
    let mut slots = vec![
        slot(format!("{context}/privileged"), json!([null, true, false])),
        slot(
            format!("{context}/allowPrivilegeEscalation"),
            json!([null, true, false]),
        ),
        slot(
            format!("{context}/procMount"),
            json!([null, "", "Default", "Unmasked", "default"]),
        ),
        slot(format!("{context}/capabilities"), json!([null, {}])),
        slot(format!("{context}/capabilities/add"), Value::from(added)),
        slot(
            format!("{context}/capabilities/drop"),
            json!([
                null,
                [],
                [null],
                ["ALL"],
                ["all"],
                ["NET_RAW", "ALL"],
                ["NET_RAW"],
                ["CAP_ALL"]
            ]),
        ),
        slot(
            format!("{container}/ports"),
            json!([
                null, [], [null], [{"containerPort": 80}], [{"containerPort": 80, "hostPort": 0}],
                [{"containerPort": 80, "hostPort": null}], [{"containerPort": 80, "hostPort": 80}],
                [{"containerPort": 0}], [{"containerPort": 80}, {"containerPort": 81, "hostPort": 81}],
                [{"containerPort": 80, "hostPort": -1}]
            ]),
        ),
    ];
    for place in [
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "lifecycle/postStart",
        "lifecycle/preStop",
    ] {
        slots.push(slot(format!("{container}/{place}"), handlers.clone()));
    }
    slots
}
