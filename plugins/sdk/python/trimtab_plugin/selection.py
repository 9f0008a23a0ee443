"""Objects that settings name, as the library's plugins have them."""

from dataclasses import dataclass
from typing import Any, Iterable, Literal

from .kubernetes import KubernetesObject
from .settings import SettingsFault, setting


class Pattern:
    """A name in which `*` is any characters, and `?` any one."""

    def __init__(self, text: str) -> None:
        self.text = text

    def matches(self, name: str) -> bool:
        pattern, p, n = self.text, 0, 0
        # Where to go on if what follows the last `*` does not fit: it stands for one more character.
        again: tuple[int, int] | None = None
        while n < len(name):
            if p < len(pattern) and pattern[p] == "*":
                p += 1
                again = (p, n)
            elif p < len(pattern) and pattern[p] in ("?", name[n]):
                p, n = p + 1, n + 1
            elif again is not None:
                again = (again[0], again[1] + 1)
                p, n = again
            else:
                return False
        return all(it == "*" for it in pattern[p:])

    @staticmethod
    def any(patterns: "Iterable[Pattern]", name: str) -> bool:
        return any(it.matches(name) for it in patterns)

    def __str__(self) -> str:
        return self.text

    @staticmethod
    def setting_schema() -> dict[str, Any]:
        return {"type": "string"}

    @staticmethod
    def read_setting(value: Any, field: str) -> "Pattern":
        if not isinstance(value, str):
            raise SettingsFault(field, f"{value!r} is no string")
        return Pattern(value)


@dataclass
class Expression:
    """A condition on one label."""

    key: str = setting("The label's name.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = setting(
        "How its value is compared."
    )
    values: list[str] = setting("For `In` and `NotIn`.", default_factory=list)

    def holds(self, labels: dict[str, str]) -> bool:
        value = labels.get(self.key)
        if self.operator == "In":
            return value in self.values
        if self.operator == "NotIn":
            return value not in self.values
        return (self.key in labels) == (self.operator == "Exists")


@dataclass
class LabelSelector:
    """A label selector of Kubernetes."""

    match_labels: dict[str, str] = setting(
        "Labels with the values that they must have.", default_factory=dict
    )
    match_expressions: list[Expression] = setting("Conditions on labels.", default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.match_labels and not self.match_expressions

    def matches(self, labels: Any) -> bool:
        given = labels if isinstance(labels, dict) else {}
        # Only text is a label: to the API server, null is none.
        there = {key: value for key, value in given.items() if isinstance(value, str)}
        equal = (there.get(key) == value for key, value in self.match_labels.items())
        return all(equal) and all(it.holds(there) for it in self.match_expressions)


@dataclass
class Selection:
    """Objects for which all that is given holds."""

    kinds: list[str] = setting(
        "Kinds, as `Deployment` or `Deployment.apps`; empty: all.", default_factory=list
    )
    names: list[Pattern] = setting("Patterns of names; empty: all.", default_factory=list)
    namespaces: list[Pattern] = setting("Patterns of namespaces; empty: all.", default_factory=list)
    labels: LabelSelector = setting(
        "The object's own labels, as in a selector of Kubernetes.", default_factory=LabelSelector
    )
    annotations: LabelSelector = setting(
        "The same for its annotations.", default_factory=LabelSelector
    )

    def selects_all(self) -> bool:
        named = self.kinds or self.names or self.namespaces
        return not named and self.labels.is_empty and self.annotations.is_empty

    def covers(self, object: KubernetesObject) -> bool:
        def named(patterns: list[Pattern], name: str) -> bool:
            return not patterns or Pattern.any(patterns, name)

        return (
            (not self.kinds or any(map(object.is_kind, self.kinds)))
            and named(self.names, object.name)
            and named(self.namespaces, object.namespace)
            and self.labels.matches(object.at("/metadata/labels"))
            and self.annotations.matches(object.at("/metadata/annotations"))
        )


@dataclass
class Exemption(Selection):
    """Objects, or containers of theirs, that rules leave alone."""

    reason: str = setting("Why, for those who read the settings.", default="")
    rules: list[str] = setting(
        "The rules that leave them alone; empty: all of the plugin's.", default_factory=list
    )
    containers: list[Pattern] = setting(
        "Patterns of containers' names; empty: the whole object.", default_factory=list
    )

    def __post_init__(self) -> None:
        if self.selects_all() and not self.containers:
            raise ValueError(
                "an exemption names kinds, names, namespaces, labels, annotations or "
                "containers; this one would exempt everything"
            )


def exempts(
    exemptions: Iterable[Exemption],
    rule: str,
    object: KubernetesObject,
    container: str | None = None,
) -> bool:
    """Whether one of them covers a rule's finding about an object, or one of its containers."""
    return any(
        (not it.rules or rule in it.rules)
        and it.covers(object)
        and (not it.containers or (container is not None and Pattern.any(it.containers, container)))
        for it in exemptions
    )
