"""A slip of the finger, and what was meant."""


def nearest(written: str, names: list[str]) -> str | None:
    """The name that differs from what was written in one character at most."""
    for name in names:
        short, long = sorted((name, written), key=len)
        if len(long) - len(short) > 1:
            continue
        pairs = zip(short, long)
        start = next((at for at, (a, b) in enumerate(pairs) if a != b), len(short))
        rest = short[start + 1 :] if len(short) == len(long) else short[start:]
        if rest == long[start + 1 :]:
            return name
    return None
