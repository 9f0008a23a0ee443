// Settings as an author declares them: each setting has a JSON Schema, which the host checks, and
// reads a value, for what no schema says and for defaults, which nobody else fills in.

import { token } from "./pointer.js";

/** Settings that are not what the rule can work with. */
export class SettingsFault extends Error {
  /** `field` is an RFC 6901 pointer into the settings. */
  constructor(field, message) {
    super(message);
    this.name = "SettingsFault";
    this.field = field;
  }
}

/** One setting: its schema, and how a value is read. */
class Setting {
  constructor(schema, read, { description, default: fallback, optional = false } = {}) {
    this.fallback = fallback;
    this.needed = fallback === undefined && !optional;
    this.schema = { ...schema };
    if (description !== undefined) this.schema.description = description;
    if (fallback !== undefined) this.schema.default = fallback;
    this.read = read;
  }
}

function typed(name, holds) {
  return (value, field) => {
    if (!holds(value)) throw new SettingsFault(field, `${shown(value)} is no ${name}`);
    return value;
  };
}

function shown(value) {
  return JSON.stringify(value).slice(0, 100);
}

const isMapping = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

function string({ pattern, ...more } = {}) {
  const schema = pattern === undefined ? { type: "string" } : { type: "string", pattern };
  return new Setting(schema, typed("string", (it) => typeof it === "string"), more);
}

function boolean(more = {}) {
  return new Setting({ type: "boolean" }, typed("boolean", (it) => typeof it === "boolean"), more);
}

function bounded(type, holds, { minimum, maximum, ...more }) {
  const schema = { type };
  if (minimum !== undefined) schema.minimum = minimum;
  if (maximum !== undefined) schema.maximum = maximum;
  const read = (value, field) => {
    typed(type, holds)(value, field);
    if (value < minimum) throw new SettingsFault(field, `${value} is less than ${minimum}`);
    if (value > maximum) throw new SettingsFault(field, `${value} is more than ${maximum}`);
    return value;
  };
  return new Setting(schema, read, more);
}

function integer(more = {}) {
  return bounded("integer", Number.isSafeInteger, more);
}

function number(more = {}) {
  return bounded("number", (it) => typeof it === "number", more);
}

function oneOf(values, more = {}) {
  const read = (value, field) => {
    if (!values.includes(value)) {
      throw new SettingsFault(field, `${shown(value)} is none of ${values.join(", ")}`);
    }
    return value;
  };
  return new Setting({ enum: values }, read, more);
}

function list(item, more = {}) {
  const read = (value, field) => {
    typed("list", Array.isArray)(value, field);
    return value.map((it, index) => item.read(it, `${field}/${index}`));
  };
  return new Setting({ type: "array", items: item.schema }, read, more);
}

function map(item, more = {}) {
  const read = (value, field) => {
    typed("mapping", isMapping)(value, field);
    const entry = ([key, it]) => [key, item.read(it, `${field}/${token(key)}`)];
    return Object.fromEntries(Object.entries(value).map(entry));
  };
  return new Setting({ type: "object", additionalProperties: item.schema }, read, more);
}

function object(fields, more = {}) {
  const names = Object.keys(fields);
  const schema = {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, fields[name].schema])),
    additionalProperties: false,
  };
  const needed = names.filter((name) => fields[name].needed);
  if (needed.length > 0) schema.required = needed;
  const read = (value, field) => {
    typed("mapping", isMapping)(value, field);
    const unknown = Object.keys(value).find((key) => !Object.hasOwn(fields, key));
    if (unknown !== undefined) {
      const known = names.join(", ") || "none";
      throw new SettingsFault(`${field}/${token(unknown)}`, `unknown field ${shown(unknown)}; there are ${known}`);
    }
    const result = {};
    for (const name of names) {
      const given = Object.hasOwn(value, name) ? value[name] : fields[name].fallback;
      if (given !== undefined) result[name] = fields[name].read(given, `${field}/${name}`);
      else if (fields[name].needed) throw new SettingsFault(field, `missing field ${shown(name)}`);
    }
    return result;
  };
  return new Setting(schema, read, more);
}

/** What another setting reads, made into something else; what `make` throws is told at its field. */
function made(from, make) {
  const read = (value, field) => {
    const given = from.read(value, field);
    try {
      return make(given);
    } catch (error) {
      if (error instanceof SettingsFault) throw error;
      throw new SettingsFault(field, error instanceof Error ? error.message : String(error));
    }
  };
  const setting = new Setting(from.schema, read, { default: from.fallback });
  setting.needed = from.needed;
  return setting;
}

/** How much each of these rules weighs; one that is left out is for the rule to say. */
function levels(rules, more = {}) {
  const level = oneOf(["error", "warning", "info", "ignore"], { optional: true });
  const about = { default: {}, description: "How much each rule weighs.", ...more };
  return object(Object.fromEntries(rules.map((rule) => [rule, level])), about);
}

export const settings = { string, boolean, integer, number, oneOf, list, map, object, made, levels };
