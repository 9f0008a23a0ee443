"""A Kubernetes object in a rule's hands."""

from typing import Any, Iterator

from .field_pattern import FieldPattern
from .pointer import at


class KubernetesObject:
    """One object, where it was read, and, for rules over several kits, whose it is.

    `path` is from the repository's root and `line` counted from 1; a new object, as a transformer
    may add one, has neither.
    """

    def __init__(
        self,
        value: Any,
        *,
        path: str = "",
        line: int = 0,
        kit: str = "",
        index: int | None = None,
    ) -> None:
        self.value = value
        self.path = path
        self.line = line
        self.kit = kit
        self.index = index

    def at(self, pointer: str) -> Any:
        """The value at an RFC 6901 pointer; None if there is none."""
        return at(self.value, pointer)

    def items(self, pointer: str) -> Iterator[tuple[str, Any]]:
        """The items of a list at a pointer, each with its own pointer; none if it is no list."""
        items = self.at(pointer)
        if isinstance(items, list):
            for index, item in enumerate(items):
                yield f"{pointer}/{index}", item

    def find(self, pattern: str) -> list[tuple[str, Any]]:
        """Where a pattern as `/spec/ports/*/port` leads, also to null, `*` being any name or item."""
        return FieldPattern(pattern).values(self.value)

    def places(self, pattern: str) -> list[str]:
        """The pointers alone, for who changes what they lead to."""
        return [pointer for pointer, _ in self.find(pattern)]

    def is_kind(self, kind: str) -> bool:
        """Whether it is of a kind, as `Service`, of any group, or `Deployment.apps`."""
        name, dot, group = kind.partition(".")
        return name == self.kind and (not dot or group == self.group)

    def _text(self, pointer: str) -> str:
        value = self.at(pointer)
        return value if isinstance(value, str) else ""

    @property
    def api_version(self) -> str:
        return self._text("/apiVersion")

    @property
    def kind(self) -> str:
        return self._text("/kind")

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        group, slash, _ = self.api_version.partition("/")
        return group if slash else ""

    @property
    def name(self) -> str:
        return self._text("/metadata/name")

    @property
    def namespace(self) -> str:
        """Empty for cluster-scoped objects, and for kinds that the host does not know."""
        return self._text("/metadata/namespace")

    @property
    def origin(self) -> str:
        """`path:line`."""
        return f"{self.path}:{self.line}"
