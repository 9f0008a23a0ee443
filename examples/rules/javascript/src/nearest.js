/** The name that differs from what was written in one character at most: a slip of the finger. */
export function nearest(written, names) {
  return names.find((name) => {
    const [short, long] = name.length < written.length ? [name, written] : [written, name];
    if (long.length - short.length > 1) return false;
    let start = 0;
    while (start < short.length && short[start] === long[start]) start += 1;
    const rest = short.slice(short.length === long.length ? start + 1 : start);
    return rest === long.slice(start + 1);
  });
}
