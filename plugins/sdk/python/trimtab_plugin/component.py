"""What makes a rule the component that it is built as; only there are the generated types."""

import sys
from typing import Any, Callable

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import log, types

from . import plugin as run
from .plugin import Plugin
from .report import Finding
from .settings import SettingsFault


class _Log:
    """What `print` writes to: the sandbox has no standard output."""

    def __init__(self, level: log.Level) -> None:
        self.level = level
        self.begun = ""

    def write(self, text: str) -> int:
        *lines, self.begun = (self.begun + text).split("\n")
        for line in lines:
            log.log(self.level, line)
        return len(text)

    def flush(self) -> None:
        if self.begun:
            log.log(self.level, self.begun)
            self.begun = ""


def _places(error: Exception) -> str:
    """Where it was raised. The module traceback would read the source, and there are no files."""
    lines, at = "", error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        lines += f"\n  {code.co_filename}:{at.tb_lineno} in {code.co_name}"
        at = at.tb_next
    return lines


def _told(call: Callable[..., Any]) -> Callable[..., Any]:
    """Whatever is raised becomes a failure that says what it was."""

    def told(self: Any, given: Any, texts: list[Any]) -> Any:
        sys.stdout, sys.stderr = _Log(log.Level.INFO), _Log(log.Level.ERROR)
        try:
            return call(given, texts)
        except SettingsFault as fault:
            settings = types.SettingsFault(fault.field, fault.message)
            raise Err(types.Failure_Settings(settings)) from fault
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
            log.log(log.Level.ERROR, message + _places(error))
            raise Err(types.Failure_Internal(message)) from error
        finally:
            sys.stdout.flush()
            sys.stderr.flush()

    return told


def _finding(it: Finding) -> types.Finding:
    severity = types.Severity[it.severity.upper()]
    return types.Finding(it.rule, severity, it.message, it.object, it.field, it.proposed, it.tags)


def _findings(call: Callable[..., list[Finding]], plugin: Plugin) -> Callable[..., Any]:
    return lambda given, texts: [_finding(it) for it in call(plugin, given, texts)]


def classes(plugin: Plugin) -> dict[str, type]:
    """The classes that the runtime looks for in the component's first module, by name."""
    run.hear_of_lost_coroutines()
    rules = [types.Rule(id, summary) for id, summary in plugin.rules.items()]
    description = types.Description(
        plugin.name, plugin.version, plugin.summary, rules, plugin.settings_schema, plugin.kinds
    )

    def transform(given: Any, texts: list[Any]) -> types.Transformation:
        objects, findings = run.transform(plugin, given, texts)
        transformed = [types.Transformed(json, source) for json, source in objects]
        return types.Transformation(transformed, [_finding(it) for it in findings])

    made = {"describe": ("Describe", {"describe": lambda self: description})}
    for interface, name, method, call in (
        ("validate", "Validate", "validate", _findings(run.validate, plugin)),
        ("validate-change", "ValidateChange", "validate_change", _findings(run.validate_change, plugin)),
        ("transform", "Transform", "transform", transform),
        ("referential", "Referential", "validate_all", _findings(run.validate_all, plugin)),
    ):
        if interface in plugin.functions:
            made[interface] = (name, {method: _told(call)})
    return {
        name: type(name, (getattr(exports, name),), methods) for name, methods in made.values()
    }
