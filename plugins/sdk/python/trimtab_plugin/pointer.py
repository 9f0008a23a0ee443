"""Pointers into JSON (RFC 6901)."""

import re
from typing import Any

_INDEX = re.compile(r"0|[1-9][0-9]*")


def token(key: object) -> str:
    """One part of a pointer."""
    return str(key).replace("~", "~0").replace("/", "~1")


def at(value: Any, pointer: str, otherwise: Any = None) -> Any:
    """The value at a pointer; `otherwise` if there is none."""
    if pointer == "":
        return value
    if not pointer.startswith("/"):
        return otherwise
    for part in pointer[1:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and _INDEX.fullmatch(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return otherwise
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two values of JSON are one; to Python, 1, 1.0 and True are equal."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(it, other[key]) for key, it in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
