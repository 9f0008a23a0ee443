"""Settings as a dataclass: its JSON Schema, which the host checks, and how JSON becomes one, for
what no schema says and for defaults, which nobody else fills in.

A field `max_replicas` is `maxReplicas` to those who write settings. Its type is `str`, `bool`,
`int`, `float`, a `Literal` of strings, a `list` or `dict[str, …]` of these (or `dict[Literal[…], …]`
for keys that are known), `… | None`, another dataclass, or a class with `setting_schema` and `read_setting`. What `__post_init__` raises as a
ValueError is told at its field.
"""

import dataclasses
import json
import types
import typing
from typing import Any

from .pointer import token

_MORE = "trimtab"


class SettingsFault(Exception):
    """Settings that are not what the rule can work with; `field` is an RFC 6901 pointer."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def setting(
    description: str,
    *,
    default: Any = dataclasses.MISSING,
    default_factory: Any = dataclasses.MISSING,
    minimum: float | None = None,
    maximum: float | None = None,
) -> Any:
    """A field of settings; one without a default must be given."""
    bounds = {"minimum": minimum, "maximum": maximum}
    more = {name: bound for name, bound in bounds.items() if bound is not None}
    return dataclasses.field(
        default=default,
        default_factory=default_factory,
        metadata={_MORE: {"description": description, **more}},
    )


def _written(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:100]


_SIMPLE = {str: "string", bool: "boolean", int: "integer", float: "number"}


def _fields(declared: type) -> list[tuple[dataclasses.Field[Any], Any]]:
    hints = typing.get_type_hints(declared)
    return [(field, hints[field.name]) for field in dataclasses.fields(declared)]


def _is_needed(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _parts(declared: Any) -> tuple[Any, tuple[Any, ...]]:
    """What a generic type is of, with `X | None` as (None, (X,))."""
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if origin in (typing.Union, types.UnionType):
        some = tuple(it for it in arguments if it is not type(None))
        if len(some) == 1 and len(arguments) == 2:
            return None, some
    elif origin in (list, dict, typing.Literal):
        return origin, arguments
    raise TypeError(f"{declared} is no type of a setting")


def schema(declared: Any) -> dict[str, Any]:
    """The JSON Schema of a type of settings."""
    if hasattr(declared, "setting_schema"):
        return declared.setting_schema()
    if declared in _SIMPLE:
        return {"type": _SIMPLE[declared]}
    if dataclasses.is_dataclass(declared):
        properties, required = {}, []
        for field, hint in _fields(typing.cast(type, declared)):
            name = _written(field.name)
            properties[name] = {**schema(hint), **field.metadata.get(_MORE, {})}
            if isinstance(field.default, tuple(_SIMPLE)):
                properties[name]["default"] = field.default
            if _is_needed(field):
                required.append(name)
        made: dict[str, Any] = {"type": "object", "properties": properties}
        made["additionalProperties"] = False
        return {**made, "required": required} if required else made
    origin, arguments = _parts(declared)
    if origin is list:
        return {"type": "array", "items": schema(arguments[0])}
    if origin is dict and typing.get_origin(arguments[0]) is typing.Literal:
        named = {key: schema(arguments[1]) for key in typing.get_args(arguments[0])}
        return {"type": "object", "properties": named, "additionalProperties": False}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema(arguments[1])}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    return {"anyOf": [schema(arguments[0]), {"type": "null"}]}


def read(declared: Any, value: Any, field: str = "") -> Any:
    """JSON made what the type says; a SettingsFault says where it is not."""
    if hasattr(declared, "read_setting"):
        return declared.read_setting(value, field)
    if declared in _SIMPLE:
        return _read_simple(declared, value, field)
    if dataclasses.is_dataclass(declared):
        return _read_dataclass(typing.cast(type, declared), value, field)
    origin, arguments = _parts(declared)
    if origin is list:
        _must(isinstance(value, list), value, "list", field)
        return [read(arguments[0], it, f"{field}/{index}") for index, it in enumerate(value)]
    if origin is dict:
        _must(isinstance(value, dict), value, "mapping", field)
        at = {key: f"{field}/{token(key)}" for key in value}
        names = {key: read(arguments[0], key, at[key]) for key in value}
        return {names[key]: read(arguments[1], it, at[key]) for key, it in value.items()}
    if origin is typing.Literal:
        if value not in arguments:
            known = ", ".join(map(str, arguments))
            raise SettingsFault(field, f"{_shown(value)} is none of {known}")
        return value
    return None if value is None else read(arguments[0], value, field)


def _must(holds: bool, value: Any, what: str, field: str) -> None:
    if not holds:
        raise SettingsFault(field, f"{_shown(value)} is no {what}")


def _read_simple(declared: type, value: Any, field: str) -> Any:
    # True is an int to Python, and 1.0 an integer to JSON Schema.
    holds = isinstance(value, declared) and (declared is bool or not isinstance(value, bool))
    if declared is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if declared is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    _must(holds, value, _SIMPLE[declared], field)
    return value


def _read_dataclass(declared: type, value: Any, field: str) -> Any:
    _must(isinstance(value, dict), value, "mapping", field)
    fields = {_written(it.name): (it, hint) for it, hint in _fields(declared)}
    for key in value:
        if key not in fields:
            known = ", ".join(fields) or "none"
            message = f"unknown field {_shown(key)}; there are {known}"
            raise SettingsFault(f"{field}/{token(key)}", message)
    given = {}
    for name, (it, hint) in fields.items():
        if name in value:
            at = f"{field}/{name}"
            given[it.name] = _within(it, read(hint, value[name], at), at)
        elif _is_needed(it):
            raise SettingsFault(field, f"missing field {_shown(name)}")
    try:
        return declared(**given)
    except ValueError as error:
        raise SettingsFault(field, str(error)) from error


def _within(field: dataclasses.Field[Any], value: Any, at: str) -> Any:
    more = field.metadata.get(_MORE, {})
    if "minimum" in more and value is not None and value < more["minimum"]:
        raise SettingsFault(at, f"{value} is less than {more['minimum']}")
    if "maximum" in more and value is not None and value > more["maximum"]:
        raise SettingsFault(at, f"{value} is more than {more['maximum']}")
    return value
