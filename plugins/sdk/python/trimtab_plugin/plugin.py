"""A rule as the host calls it: JSON text in, findings out. The same code runs in a component and,
in tests, natively; it knows none of the contract's generated types."""

import inspect
import json
import sys
import warnings
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Callable, Generic, TypeVar

from .kubernetes import KubernetesObject
from .pointer import same
from .report import Finding, Report
from .settings import read, schema

S = TypeVar("S")


@dataclass
class NoSettings:
    """Of a rule that has none."""


@dataclass
class Platform(Generic[S]):
    """What is the same for every kit.

    `kubernetes` is the cluster's version as the platform team declares it, `1.34`, or empty;
    `data` the documents of the files that the plugin is given to read.
    """

    kubernetes: str
    settings: S
    data: list[KubernetesObject]


@dataclass
class Context(Platform[S]):
    """What a rule may know of the kit that it looks at.

    `kit` is its path from the repository's root, `namespace` where objects without one go, and
    `allowed_namespaces` where they may be; empty: anywhere.
    """

    kit: str
    namespace: str
    allowed_namespaces: list[str]
    cluster_scoped: bool


@dataclass
class Change:
    """An object as the live revision has it, and as the new one does; None: it is not there."""

    before: KubernetesObject | None
    after: KubernetesObject | None


_NOT_LATER = (
    "a rule is not async, and no generator: the call has ended before it would tell anything; "
    "write a plain function"
)


def _is_later(rule: Any) -> bool:
    return (
        inspect.iscoroutinefunction(rule)
        or inspect.isgeneratorfunction(rule)
        or inspect.isasyncgenfunction(rule)
    )


def _refuse_later(result: Any) -> None:
    """What a rule would do after it has returned is lost, and its objects would pass unseen."""
    if result is None:
        return
    if inspect.iscoroutine(result):
        # It is told of here; Python need not warn of it as well.
        result.close()
    if inspect.isawaitable(result) or isinstance(result, (Iterator, AsyncIterator)):
        raise TypeError(_NOT_LATER)


Rule = Callable[[Any, list[Any], Report], None]


class Plugin:
    """What a plugin says of itself; its functions are added by decorators.

    `name` is of lower case words joined by `-`, `rules` are ids and what each asks for, and
    `kinds` those it reads, as `Service` or `Deployment.apps`; empty: all.
    """

    def __init__(
        self,
        *,
        name: str,
        version: str,
        summary: str,
        rules: dict[str, str] | None = None,
        kinds: list[str] | None = None,
        settings: type = NoSettings,
    ) -> None:
        self.name = name
        self.version = version
        self.summary = summary
        self.rules = rules or {}
        self.kinds = kinds or []
        self.settings = settings
        # Told when the plugin is loaded: a type that is none of a setting is the author's mistake.
        self.settings_schema = json.dumps(schema(settings), ensure_ascii=False)
        #: By the interface of the contract that each makes.
        self.functions: dict[str, Rule] = {}

    def validate(self, rule: Rule) -> Rule:
        """Looks at a kit's objects and reports: `(context, objects, report)`."""
        return self._add("validate", rule)

    def validate_change(self, rule: Rule) -> Rule:
        """Looks at what a revision changes of a kit: `(context, changes, report)`."""
        return self._add("validate-change", rule)

    def transform(self, rule: Rule) -> Rule:
        """Changes the objects and the list in place: `(context, objects, report)`."""
        return self._add("transform", rule)

    def validate_all(self, rule: Rule) -> Rule:
        """Looks at the objects of several kits at once: `(platform, objects, report)`."""
        return self._add("referential", rule)

    def _add(self, interface: str, rule: Rule) -> Rule:
        if interface in self.functions:
            raise TypeError(f"{self.name} has two functions for {interface}")
        # Told when the plugin is built; what only returns such a thing is told when it is called.
        if _is_later(rule) or _is_later(getattr(type(rule), "__call__", None)):
            raise TypeError(f"{self.name}: {interface}: {_NOT_LATER}")
        self.functions[interface] = rule
        return rule


def _object(text: Any, index: int | None) -> KubernetesObject:
    origin = text.origin
    try:
        value = json.loads(text.json)
    except ValueError as error:
        raise RuntimeError(f"{origin.path}:{origin.line} is not JSON: {error}") from error
    kit = getattr(text, "kit", "")
    return KubernetesObject(value, path=origin.path, line=origin.line, kit=kit, index=index)


def _objects(texts: list[Any]) -> list[KubernetesObject]:
    return [_object(text, index) for index, text in enumerate(texts)]


def _platform(plugin: Plugin, given: Any) -> dict[str, Any]:
    return {
        "kubernetes": given.kubernetes,
        "settings": read(plugin.settings, json.loads(given.settings)),
        "data": [_object(text, None) for text in given.data],
    }


def _context(plugin: Plugin, given: Any) -> Context[Any]:
    return Context(
        **_platform(plugin, given.platform),
        kit=given.kit,
        namespace=given.namespace,
        allowed_namespaces=list(given.allowed_namespaces),
        cluster_scoped=given.cluster_scoped,
    )


# What coroutines were dropped in a call.
_lost: list[str] = []


def hear_of_lost_coroutines() -> None:
    """Once, when the component is built: Python only warns of them, and to show a warning, it would
    read the source, which is not there."""
    others = sys.unraisablehook

    def hear(raised: Any) -> None:
        if isinstance(raised.exc_value, RuntimeWarning):
            _lost.append(str(raised.exc_value))
        else:
            others(raised)

    warnings.simplefilter("error", RuntimeWarning)
    sys.unraisablehook = hear


def _run(plugin: Plugin, interface: str, given: Any, objects: list[Any]) -> list[Finding]:
    """The findings of a rule, unless it, or what it calls, leaves a coroutine to nobody."""
    report = Report()
    _lost.clear()
    _refuse_later(plugin.functions[interface](given, objects, report))
    if _lost:
        raise TypeError(f"{_lost[0]}; {_NOT_LATER}")
    return report.findings


def validate(plugin: Plugin, given: Any, texts: list[Any]) -> list[Finding]:
    return _run(plugin, "validate", _context(plugin, given), _objects(texts))


def validate_change(plugin: Plugin, given: Any, texts: list[Any]) -> list[Finding]:
    def side(text: Any, index: int) -> KubernetesObject | None:
        return None if text is None else _object(text, index)

    changes = [
        Change(side(text.before, index), side(text.after, index))
        for index, text in enumerate(texts)
    ]
    return _run(plugin, "validate-change", _context(plugin, given), changes)


def validate_all(plugin: Plugin, given: Any, texts: list[Any]) -> list[Finding]:
    platform = Platform(**_platform(plugin, given))
    return _run(plugin, "referential", platform, _objects(texts))


def transform(
    plugin: Plugin, given: Any, texts: list[Any]
) -> tuple[list[tuple[str, int | None]], list[Finding]]:
    """Objects as JSON text, each with the index of the one that it was; and findings."""
    objects = _objects(texts)
    before = [deepcopy(it.value) for it in objects]
    findings = _run(plugin, "transform", _context(plugin, given), objects)
    after = []
    for it in objects:
        # Untouched objects keep their very bytes.
        if it.index is not None and same(before[it.index], it.value):
            after.append((texts[it.index].json, it.index))
        else:
            after.append((json.dumps(it.value, ensure_ascii=False), it.index))
    return after, findings
