// Pointers into JSON (RFC 6901).

/** The value at an RFC 6901 pointer; undefined if there is none. */
export function at(value, pointer) {
  if (pointer === "") return value;
  if (!pointer.startsWith("/")) return undefined;
  for (const token of pointer.slice(1).split("/")) {
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
    // Of a list only elements have a pointer, not its length.
    const there = Array.isArray(value)
      ? /^(0|[1-9][0-9]*)$/.test(key)
      : value !== null && typeof value === "object" && Object.hasOwn(value, key);
    if (!there) return undefined;
    value = value[key];
  }
  return value;
}

/** One part of an RFC 6901 pointer. */
export function token(key) {
  return String(key).replaceAll("~", "~0").replaceAll("/", "~1");
}
