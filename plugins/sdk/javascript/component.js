// What a component has beside the rule: the host's log, and no time, chance or promise.

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
  // Nothing runs once the call has ended: what waits would be lost, and what it would find. The
  // build writes async functions as ones that ask for this.
  const wait = () => {
    throw new Error("a rule is not async: a promise is not there, for the call has ended before it would tell anything");
  };
  Promise.prototype.then = wait;
  globalThis.Promise = class extends Promise {
    constructor() {
      wait();
    }
  };
}

function shown(part) {
  if (typeof part === "string") return part;
  return part instanceof Error ? String(part) : (JSON.stringify(part) ?? String(part));
}
