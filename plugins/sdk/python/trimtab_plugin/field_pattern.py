"""RFC 6901 pointers in which `*` is any name of a mapping or item of a list: `/spec/ports/*/port`."""

from dataclasses import dataclass, field
from typing import Any

from .pointer import at, same, token
from .settings import SettingsFault


_NOTHING = object()


@dataclass
class Pair:
    """A place that two states of an object have, or one of them; None: it is null or not there.

    `pointer` is into the new state; of an item that is gone, the list's.
    """

    pointer: str
    before: Any
    after: Any
    #: Whether the new state has it, though it may be null.
    is_there: bool = field(default=True, repr=False, compare=False)

    @property
    def differs(self) -> bool:
        """Null is as good as nothing."""
        return not same(self.before, self.after)


class FieldPattern:
    def __init__(self, text: str) -> None:
        self.text = text

    def values(self, value: Any) -> list[tuple[str, Any]]:
        """Where the pattern leads, each with its pointer, also to what is null."""
        pairs = self.pairs(value, value)
        return [(it.pointer, it.after) for it in pairs if it.is_there]

    def pairs(self, before: Any, after: Any) -> list[Pair]:
        """Where the pattern leads in both.

        Items of a list whose items all have a name of their own are told apart by it, so that
        their order says nothing; others by their index.
        """
        found = [Pair("", before, after)]
        for part in self.text.split("/")[1:]:
            found = [below for pair in found for below in _below(pair, part)]
        return found

    def __str__(self) -> str:
        return self.text

    @staticmethod
    def setting_schema() -> dict[str, Any]:
        return {"type": "string", "pattern": "^/"}

    @staticmethod
    def read_setting(value: Any, field: str) -> "FieldPattern":
        if not isinstance(value, str) or not value.startswith("/"):
            raise SettingsFault(field, f"{value!r} is no pointer (RFC 6901); write /spec/type")
        return FieldPattern(value)


def _below(pair: Pair, part: str) -> list[Pair]:
    if part != "*":
        return [_step(pair, part)]
    if isinstance(pair.before, list) or isinstance(pair.after, list):
        return _items(pair)
    names = {*_mapping(pair.before), *_mapping(pair.after)}
    return [_step(pair, token(name)) for name in sorted(names)]


def _step(pair: Pair, part: str) -> Pair:
    below = f"/{part}"
    after = at(pair.after, below, _NOTHING)
    there = after is not _NOTHING
    return Pair(pair.pointer + below, at(pair.before, below), after if there else None, there)


def _items(pair: Pair) -> list[Pair]:
    before = pair.before if isinstance(pair.before, list) else []
    after = pair.after if isinstance(pair.after, list) else []
    old, now = _named(before), _named(after)
    if old is None or now is None:
        return [_step(pair, str(index)) for index in range(max(len(before), len(after)))]

    def one(name: str) -> Pair:
        pointer = f"{pair.pointer}/{now[name]}" if name in now else pair.pointer
        was = before[old[name]] if name in old else None
        return Pair(pointer, was, after[now[name]] if name in now else None, name in now)

    return [one(name) for name in sorted({*old, *now})]


def _named(items: list[Any]) -> dict[str, int] | None:
    """Indices by name, if each item has one of its own."""
    names: dict[str, int] = {}
    for index, item in enumerate(items):
        name = _mapping(item).get("name")
        if not isinstance(name, str) or name in names:
            return None
        names[name] = index
    return names


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
