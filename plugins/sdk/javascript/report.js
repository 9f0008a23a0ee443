/** A finding that was reported, to which more can be said. */
export class Finding {
  constructor(rule, severity, message, object, field) {
    this.rule = rule;
    this.severity = severity;
    this.message = String(message);
    this.object = object?.index ?? null;
    this.field = this.object === null ? null : field;
    this.proposed = null;
    this.tags = [];
  }

  propose(value) {
    this.proposed = typeof value === "string" ? value : JSON.stringify(value);
    return this;
  }

  tag(name, value) {
    this.tags.push([name, String(value)]);
    return this;
  }
}

/** Collects findings. */
export class Report {
  findings = [];

  error(rule, message, object = null, pointer = "") {
    return this.#add("error", rule, message, object, pointer);
  }

  warning(rule, message, object = null, pointer = "") {
    return this.#add("warning", rule, message, object, pointer);
  }

  info(rule, message, object = null, pointer = "") {
    return this.#add("info", rule, message, object, pointer);
  }

  /** At the level that settings give the rule; null if it is `ignore`. */
  tell(level, rule, message, object = null, pointer = "") {
    return level === "ignore" ? null : this.#add(level, rule, message, object, pointer);
  }

  #add(severity, rule, message, object, pointer) {
    const finding = new Finding(rule, severity, message, object, pointer);
    this.findings.push(finding);
    return finding;
  }
}
