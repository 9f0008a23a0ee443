"""Image references by the grammar of distribution (github.com/distribution/reference), with its
normalisation of short names. Stricter in one point: there, what looks like a registry and is no
host (`my_host.io/web`) is taken for a path of no registry."""

import re
from dataclasses import dataclass

_DIGEST = re.compile(
    r"(sha256|blake3):[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_REGISTRY = re.compile(rf"(?:\[[0-9A-Fa-f:]+\]|{_LABEL}(?:\.{_LABEL})*)(?::[0-9]+)?")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*")
_ID = re.compile(r"[0-9a-f]{64}")
#: The longest path that a registry takes.
_LONGEST_PATH = 255


@dataclass
class ImageReference:
    """What an image is named by: `repository` as `docker.io/library/nginx`, `written` as it was."""

    repository: str
    written: str
    tag: str | None
    digest: str | None


def parse_image(text: str) -> ImageReference:
    """The ValueError is what is wrong, to follow "is no image reference: "."""
    if text == "":
        raise ValueError("it is empty")
    if text.strip() != text:
        raise ValueError("there is white space around it")
    rest, digest = _split(text, text.find("@"))
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise ValueError("the digest is not sha256: and 64 hexadecimal digits in lower case")
    name, tag = _split(rest, rest.find(":", rest.rfind("/") + 1))
    if tag is not None and not _TAG.fullmatch(tag):
        raise ValueError("the tag is not of letters, digits, `_`, `.` and `-`, 128 at most")
    if _ID.fullmatch(name):
        raise ValueError("64 hexadecimal digits are an image's id, not a name")
    registry, path = _split_registry(name)
    if not _REGISTRY.fullmatch(registry):
        raise ValueError("the registry is no host with an optional port")
    if not _is_path(path) and _is_path(path.lower()):
        raise ValueError("a repository is in lower case")
    if len(path) > _LONGEST_PATH:
        raise ValueError("the repository has more than 255 characters")
    if not _is_path(path):
        raise ValueError(
            "the repository is not of lower case letters and digits, "
            "with `.`, `_`, `__` or `-` between them"
        )
    return ImageReference(_normalised(registry, path), name, tag, digest)


def _split(text: str, at: int) -> tuple[str, str | None]:
    return (text, None) if at < 0 else (text[:at], text[at + 1 :])


def _is_path(text: str) -> bool:
    return all(_COMPONENT.fullmatch(part) for part in text.split("/"))


def _split_registry(name: str) -> tuple[str, str]:
    """A first segment is a registry if it can be no part of a repository on Docker Hub."""
    first, slash, rest = name.partition("/")
    names_registry = re.search(r"[.:A-Z]", first) is not None or first == "localhost"
    return (first, rest) if slash and names_registry else ("docker.io", name)


def _normalised(registry: str, path: str) -> str:
    """Docker Hub has an older name, and its official images are in `library`."""
    if registry not in ("docker.io", "index.docker.io"):
        return f"{registry}/{path}"
    return f"docker.io/{path}" if "/" in path else f"docker.io/library/{path}"
