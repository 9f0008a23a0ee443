"""Pods, in whatever kind of object they stand."""

from dataclasses import dataclass
from typing import Any, Literal

from .kubernetes import KubernetesObject

_TEMPLATES = {
    "Pod": "",
    "PodTemplate": "/template",
    "ReplicationController": "/spec/template",
    "Deployment.apps": "/spec/template",
    "StatefulSet.apps": "/spec/template",
    "DaemonSet.apps": "/spec/template",
    "ReplicaSet.apps": "/spec/template",
    "Job.batch": "/spec/template",
    "CronJob.batch": "/spec/jobTemplate/spec/template",
}
#: The kinds that `pod_spec` finds Pods in, for a plugin's `kinds`.
WORKLOADS = list(_TEMPLATES)

Sort = Literal["init", "sidecar", "main", "ephemeral"]
_TITLES: dict[Sort, str] = {
    "init": "init container",
    "sidecar": "sidecar",
    "main": "container",
    "ephemeral": "ephemeral container",
}


@dataclass
class Container:
    """One container of a Pod, with the RFC 6901 pointer to it."""

    pointer: str
    sort: Sort
    name: str
    value: Any

    def __str__(self) -> str:
        return f"{_TITLES[self.sort]} {self.name}"


@dataclass
class ImagePlace:
    """One place of a Pod that names an image, by the pointer to the reference.

    `owner` is `container web` or `volume models`; `container` is None for a volume.
    """

    pointer: str
    owner: str
    container: str | None
    image: Any


@dataclass
class PodSpec:
    """The part of an object that describes its Pods; containers in the order that they start in."""

    pointer: str
    spec: Any
    labels: Any
    containers: list[Container]

    @property
    def images(self) -> list[ImagePlace]:
        """The images of every sort of container, and those that are mounted."""
        found = [
            ImagePlace(f"{it.pointer}/image", str(it), it.name, _mapping(it.value).get("image"))
            for it in self.containers
        ]
        volumes = _mapping(self.spec).get("volumes")
        for index, volume in enumerate(volumes if isinstance(volumes, list) else []):
            image = _mapping(volume).get("image")
            if isinstance(image, dict):
                pointer = f"{self.pointer}/volumes/{index}/image/reference"
                owner = f"volume {_name(volume)}"
                found.append(ImagePlace(pointer, owner, None, image.get("reference")))
        return found


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _name(value: Any) -> str:
    name = _mapping(value).get("name")
    return name if isinstance(name, str) else ""


def pod_spec(object: KubernetesObject) -> PodSpec | None:
    """The Pods of an object of WORKLOADS; None of any other."""
    kind = f"{object.kind}.{object.group}" if object.group else object.kind
    template = _TEMPLATES.get(kind)
    if template is None:
        return None
    pointer = f"{template}/spec"
    containers = []
    for part in ("initContainers", "containers", "ephemeralContainers"):
        for at, value in object.items(f"{pointer}/{part}"):
            sort = _sort(part, _mapping(value))
            containers.append(Container(at, sort, _name(value), value))
    labels = object.at(f"{template}/metadata/labels")
    return PodSpec(pointer, object.at(pointer), labels, containers)


def _sort(part: str, container: dict[str, Any]) -> Sort:
    if part == "containers":
        return "main"
    if part == "ephemeralContainers":
        return "ephemeral"
    return "sidecar" if container.get("restartPolicy") == "Always" else "init"
