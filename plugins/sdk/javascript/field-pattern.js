// RFC 6901 pointers in which `*` is any name of a mapping or item of a list: `/spec/ports/*/port`.

import { at, token } from "./pointer.js";
import { settings } from "./settings.js";

export class FieldPattern {
  constructor(text) {
    this.text = text;
  }

  /** Where the pattern leads, each with its pointer. */
  values(value) {
    const there = this.pairs(value, value).filter(({ after }) => after !== undefined);
    return there.map(({ pointer, after }) => [pointer, after]);
  }

  /**
   * Where the pattern leads in both. Items of a list whose items all have a name of their own are
   * told apart by it, so that their order says nothing; others by their index.
   */
  pairs(before, after) {
    let found = [new Pair("", before, after)];
    for (const part of this.text.split("/").slice(1)) {
      found = found.flatMap((pair) => below(pair, part));
    }
    return found;
  }

  toString() {
    return this.text;
  }

  static setting(more = {}) {
    return settings.made(settings.string({ pattern: "^/", ...more }), (text) => {
      if (!text.startsWith("/")) {
        throw new Error(`${JSON.stringify(text)} is no pointer (RFC 6901); write /spec/type`);
      }
      return new FieldPattern(text);
    });
  }
}

/** A place that two states of an object have, or one of them. */
class Pair {
  constructor(pointer, before, after) {
    this.pointer = pointer;
    this.before = before;
    this.after = after;
  }

  /** Null is as good as nothing. */
  get differs() {
    return !same(this.before ?? null, this.after ?? null);
  }
}

function below(pair, part) {
  const isList = Array.isArray(pair.before) || Array.isArray(pair.after);
  if (part !== "*") return [step(pair, part)];
  return isList ? items(pair) : fields(pair);
}

function step({ pointer, before, after }, part) {
  return new Pair(`${pointer}/${part}`, at(before, `/${part}`), at(after, `/${part}`));
}

function fields(pair) {
  const names = (value) => (isMapping(value) ? Object.keys(value) : []);
  const all = new Set([...names(pair.before), ...names(pair.after)]);
  return [...all].sort().map((name) => step(pair, token(name)));
}

function items(pair) {
  const list = (value) => (Array.isArray(value) ? value : []);
  const [before, after] = [list(pair.before), list(pair.after)];
  const [old, now] = [named(before), named(after)];
  if (old === null || now === null) {
    const most = Math.max(before.length, after.length);
    return Array.from({ length: most }, (_, index) => step(pair, String(index)));
  }
  return [...new Set([...old.keys(), ...now.keys()])].sort().map((name) => {
    // Of an item that is gone, the place is the list's.
    const pointer = now.has(name) ? `${pair.pointer}/${now.get(name)}` : pair.pointer;
    return new Pair(pointer, before[old.get(name)], after[now.get(name)]);
  });
}

/** Indices by name, if each item has one of its own. */
function named(list) {
  const names = new Map();
  for (const [index, item] of list.entries()) {
    if (!isMapping(item) || typeof item.name !== "string" || names.has(item.name)) return null;
    names.set(item.name, index);
  }
  return names;
}

function isMapping(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** Whether two values of JSON are one; the order of fields says nothing. */
function same(one, other) {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((it, index) => same(it, other[index]));
  }
  if (!isMapping(one) || !isMapping(other)) return one === other;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && same(one[name], other[name]))
  );
}

Object.assign(settings, { fieldPattern: FieldPattern.setting });
