// A rule as the host calls it: JSON text in, findings out. The same code runs in a component and,
// in tests, in Node.js.

import { KubernetesObject } from "./object.js";
import { Report } from "./report.js";
import { settings, SettingsFault } from "./settings.js";

/** A failure of the contract; the runtime makes the thrown value's `payload` the error. */
class Failure extends Error {
  constructor(tag, val) {
    super(typeof val === "string" ? val : val.message);
    this.payload = { tag, val };
  }
}

const INTERFACES = {
  validate: ["validate", "validate"],
  validateChange: ["validateChange", "validateChange"],
  transform: ["transform", "transform"],
  validateAll: ["referential", "validateAll"],
};

const NOT_LATER =
  "a rule is not async, and no generator: the call has ended before it would tell anything; write a plain function";

/** Makes a rule's functions the interfaces of the contract, by name. */
export function plugin(rule) {
  const declared = rule.settings ?? settings.object({});
  const call = new Call(rule, declared);
  const interfaces = { describe: { describe: () => description(rule, declared) } };
  for (const [name, [interfaceName, method]] of Object.entries(INTERFACES)) {
    if (rule[name] === undefined) continue;
    // Told when the plugin is built; what only returns such a thing is told when it is called.
    if (/(Async|Generator)Function\]$/.test(Object.prototype.toString.call(rule[name]))) {
      throw new TypeError(`${rule.name}: ${name}: ${NOT_LATER}`);
    }
    interfaces[interfaceName] = { [method]: (given, objects) => told(() => call[name](given, objects)) };
  }
  if (Object.keys(interfaces).length === 1) {
    throw new TypeError(`${rule.name} has none of the functions ${Object.keys(INTERFACES).join(", ")}`);
  }
  return { interfaces };
}

function description(rule, declared) {
  return {
    name: rule.name,
    version: rule.version,
    summary: rule.summary,
    rules: Object.entries(rule.rules ?? {}).map(([id, summary]) => ({ id, summary })),
    settingsSchema: JSON.stringify(declared.schema),
    kinds: rule.kinds ?? [],
  };
}

/** Whatever is thrown becomes a failure that says what it was. */
function told(run) {
  try {
    return run();
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (error instanceof SettingsFault) {
      throw new Failure("settings", { field: error.field, message: error.message });
    }
    // Where the stack is used up there is none left to tell of it.
    const stack = error instanceof Error && typeof error.stack === "string" ? error.stack : "";
    console.error(`${error}\n${stack}`);
    throw new Failure("internal", String(error));
  }
}

/** What a rule would do after it has returned is lost, and its objects would pass unseen. */
function refuseLater(result) {
  if (result === null || (typeof result !== "object" && typeof result !== "function")) return;
  if (typeof result.then === "function" || typeof result.next === "function") {
    throw new Failure("internal", NOT_LATER);
  }
}

class Call {
  constructor(rule, declared) {
    this.rule = rule;
    this.declared = declared;
  }

  validate(given, objects) {
    const report = new Report();
    refuseLater(this.rule.validate(this.#context(given), objects.map(read), report));
    return report.findings;
  }

  validateChange(given, changes) {
    const report = new Report();
    const change = ({ before, after }, index) => ({
      before: before ? read(before, index) : null,
      after: after ? read(after, index) : null,
    });
    refuseLater(this.rule.validateChange(this.#context(given), changes.map(change), report));
    return report.findings;
  }

  validateAll(given, objects) {
    const report = new Report();
    refuseLater(this.rule.validateAll(this.#platform(given), objects.map(read), report));
    return report.findings;
  }

  transform(given, texts) {
    const report = new Report();
    const objects = texts.map(read);
    const before = objects.map(({ value }) => JSON.stringify(value));
    refuseLater(this.rule.transform(this.#context(given), objects, report));
    const after = objects.map((object) => {
      const { value, index } = object;
      const json = JSON.stringify(value);
      // Untouched objects keep their very bytes.
      if (index !== null && before[index] === json) return { json: texts[index].json, source: index };
      refuseRounded(value, object);
      return { json, source: index };
    });
    return { objects: after, findings: report.findings };
  }

  #platform({ kubernetes, settings: text, data }) {
    return {
      kubernetes,
      settings: this.declared.read(JSON.parse(text), ""),
      data: data.map((it) => read(it, null)),
    };
  }

  #context({ platform, ...kit }) {
    return { ...kit, ...this.#platform(platform) };
  }
}

function read({ json, origin, kit = "" }, index) {
  let value;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new Failure("internal", `${origin.path}:${origin.line} is not JSON: ${error.message}`);
  }
  return new KubernetesObject(value, { path: origin.path, line: origin.line, kit, index });
}

/** A number beyond 2^53 was rounded when it was read; to write it would change it. */
function refuseRounded(value, object) {
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new Failure(
      "unsupported",
      `${object.kind} ${object.name} holds a number of about ${value}, which JavaScript cannot write exactly`,
    );
  }
  if (value !== null && typeof value === "object") {
    for (const it of Object.values(value)) refuseRounded(it, object);
  }
}
