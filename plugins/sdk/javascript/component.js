// What a component has beside the rule: the host's log, and no time or chance.

/** Makes the host's log what `console` writes to. */
export function prepare(log) {
  const line = (level) => (...parts) => log.log(level, parts.map(shown).join(" "));
  globalThis.console = {
    error: line("error"),
    warn: line("warn"),
    info: line("info"),
    log: line("info"),
    debug: line("debug"),
  };
  // The sandbox has neither, and would only say that the plugin trapped.
  const refuse = (what) => () => {
    throw new Error(`${what} is not there: a verdict depends on nothing but what a rule is handed`);
  };
  Math.random = refuse("Math.random");
  const Clock = globalThis.Date;
  const now = refuse("the time");
  globalThis.Date = class Date extends Clock {
    constructor(...parts) {
      if (parts.length === 0) now();
      super(...parts);
    }
    static now = now;
  };
}

function shown(part) {
  if (typeof part === "string") return part;
  return part instanceof Error ? String(part) : (JSON.stringify(part) ?? String(part));
}
