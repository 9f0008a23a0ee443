/** The kinds that `podSpec` finds Pods in. */
export const WORKLOADS = [
  "Pod",
  "PodTemplate",
  "ReplicationController",
  "Deployment.apps",
  "StatefulSet.apps",
  "DaemonSet.apps",
  "ReplicaSet.apps",
  "Job.batch",
  "CronJob.batch",
];

const TITLES = {
  init: "init container",
  sidecar: "sidecar",
  main: "container",
  ephemeral: "ephemeral container",
};

function template(object) {
  const kind = object.group === "" ? object.kind : `${object.kind}.${object.group}`;
  if (!WORKLOADS.includes(kind)) return null;
  switch (kind) {
    case "Pod":
      return "";
    case "PodTemplate":
      return "/template";
    case "CronJob.batch":
      return "/spec/jobTemplate/spec/template";
    default:
      return "/spec/template";
  }
}

/** The Pods of an object of WORKLOADS, or null: pointer, spec, labels, containers. */
export function podSpec(object) {
  const within = template(object);
  if (within === null) return null;
  const pointer = `${within}/spec`;
  const containers = ["initContainers", "containers", "ephemeralContainers"].flatMap((list) =>
    object.items(`${pointer}/${list}`).map(([at, value]) => ({
      pointer: at,
      sort: sort(list, value),
      name: name(value),
      value,
      toString() {
        return `${TITLES[this.sort]} ${this.name}`;
      },
    })),
  );
  return {
    pointer,
    spec: object.at(pointer),
    labels: object.at(`${within}/metadata/labels`),
    containers,
    get images() {
      return images(object, this);
    },
  };
}

/** The images of every sort of container, and those that are mounted. */
function images(object, { pointer, containers }) {
  const run = containers.map((it) => ({
    pointer: `${it.pointer}/image`,
    owner: String(it),
    container: it.name,
    image: it.value?.image,
  }));
  const mounted = object.items(`${pointer}/volumes`).filter(([, it]) => isMapping(it?.image));
  const volumes = mounted.map(([at, value]) => ({
    pointer: `${at}/image/reference`,
    owner: `volume ${name(value)}`,
    container: null,
    image: value.image.reference,
  }));
  return [...run, ...volumes];
}

function name(value) {
  return typeof value?.name === "string" ? value.name : "";
}

function isMapping(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function sort(list, container) {
  if (list === "containers") return "main";
  if (list === "ephemeralContainers") return "ephemeral";
  return container?.restartPolicy === "Always" ? "sidecar" : "init";
}
