"""Write a Trimtab rule: a dataclass of settings, and one function over Kubernetes objects."""

from .field_pattern import FieldPattern, Pair
from .image import ImageReference, parse_image
from .kubernetes import KubernetesObject
from .plugin import Change, Context, Platform, Plugin
from .report import Finding, Level, Report
from .selection import Exemption, LabelSelector, Pattern, Selection, exempts
from .settings import SettingsFault, setting
from .workload import WORKLOADS, Container, ImagePlace, PodSpec, pod_spec

__all__ = [
    "WORKLOADS",
    "Change",
    "Container",
    "Context",
    "Exemption",
    "FieldPattern",
    "Finding",
    "ImagePlace",
    "ImageReference",
    "KubernetesObject",
    "LabelSelector",
    "Level",
    "Pair",
    "Pattern",
    "Platform",
    "Plugin",
    "PodSpec",
    "Report",
    "Selection",
    "SettingsFault",
    "exempts",
    "parse_image",
    "pod_spec",
    "setting",
]
