"""What a rule has to say."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from .kubernetes import KubernetesObject

#: What settings may give a rule; of `ignore` nothing is told.
Level = Literal["error", "warning", "info", "ignore"]


@dataclass
class Finding:
    """A finding that was reported, to which more can be said."""

    rule: str
    severity: str
    message: str
    object: int | None
    field: str | None
    proposed: str | None = None
    tags: list[tuple[str, str]] = field(default_factory=list)

    def propose(self, value: Any) -> "Finding":
        """What to write instead, in place of the value at the finding's pointer."""
        self.proposed = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return self

    def tag(self, name: str, value: object) -> "Finding":
        """A name and a value for machines."""
        self.tags.append((name, str(value)))
        return self


class Report:
    """Collects findings. `pointer` is an RFC 6901 pointer into the object; empty: all of it."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def error(
        self, rule: str, message: object, object: KubernetesObject | None = None, pointer: str = ""
    ) -> Finding:
        """Keeps the kit from the cluster."""
        return self._add("error", rule, message, object, pointer)

    def warning(
        self, rule: str, message: object, object: KubernetesObject | None = None, pointer: str = ""
    ) -> Finding:
        return self._add("warning", rule, message, object, pointer)

    def info(
        self, rule: str, message: object, object: KubernetesObject | None = None, pointer: str = ""
    ) -> Finding:
        return self._add("info", rule, message, object, pointer)

    def tell(
        self,
        level: Level,
        rule: str,
        message: object,
        object: KubernetesObject | None = None,
        pointer: str = "",
    ) -> Finding | None:
        """At the level that settings give the rule; None if it is `ignore`."""
        return None if level == "ignore" else self._add(level, rule, message, object, pointer)

    def _add(
        self,
        severity: str,
        rule: str,
        message: object,
        about: KubernetesObject | None,
        pointer: str,
    ) -> Finding:
        index = None if about is None else about.index
        pointed = None if index is None else pointer
        finding = Finding(rule, severity, str(message), index, pointed)
        self.findings.append(finding)
        return finding
