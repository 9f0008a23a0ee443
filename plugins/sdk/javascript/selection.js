// Objects that settings name, as the library's plugins have them.

import { settings } from "./settings.js";

/** A name in which `*` is any characters, and `?` any one. */
export class Pattern {
  constructor(text) {
    this.text = text;
  }

  matches(name) {
    const pattern = this.text;
    let [p, n] = [0, 0];
    // Where to go on if what follows the last `*` does not fit: it stands for one more character.
    let again = null;
    while (n < name.length) {
      if (pattern[p] === "*") {
        p += 1;
        again = [p, n];
      } else if (p < pattern.length && (pattern[p] === "?" || pattern[p] === name[n])) {
        p += 1;
        n += 1;
      } else if (again !== null) {
        again[1] += 1;
        [p, n] = again;
      } else {
        return false;
      }
    }
    return [...pattern.slice(p)].every((it) => it === "*");
  }

  static any(patterns, name) {
    return patterns.some((it) => it.matches(name));
  }

  toString() {
    return this.text;
  }

  static setting(more = {}) {
    return settings.made(settings.string(more), (text) => new Pattern(text));
  }
}

/** A label selector of Kubernetes. */
export class LabelSelector {
  constructor({ matchLabels = {}, matchExpressions = [] } = {}) {
    this.matchLabels = matchLabels;
    this.matchExpressions = matchExpressions;
  }

  get isEmpty() {
    return Object.keys(this.matchLabels).length === 0 && this.matchExpressions.length === 0;
  }

  matches(labels) {
    // Only text is a label: to the API server, null is none.
    const label = (key) => {
      const there = labels && typeof labels === "object" && Object.hasOwn(labels, key);
      return there && typeof labels[key] === "string" ? labels[key] : undefined;
    };
    const holds = ({ key, operator, values = [] }) => {
      const value = label(key);
      switch (operator) {
        case "In":
          return values.includes(value);
        case "NotIn":
          return !values.includes(value);
        case "Exists":
          return value !== undefined;
        default:
          return value === undefined;
      }
    };
    return (
      Object.entries(this.matchLabels).every(([key, value]) => label(key) === value) &&
      this.matchExpressions.every(holds)
    );
  }

  static setting(more = {}) {
    const expression = settings.object({
      key: settings.string({ description: "The label's name." }),
      operator: settings.oneOf(["In", "NotIn", "Exists", "DoesNotExist"], {
        description: "How its value is compared.",
      }),
      values: settings.list(settings.string(), {
        default: [],
        description: "For `In` and `NotIn`.",
      }),
    });
    const selector = settings.object(
      {
        matchLabels: settings.map(settings.string(), {
          default: {},
          description: "Labels with the values that they must have.",
        }),
        matchExpressions: settings.list(expression, {
          default: [],
          description: "Conditions on labels.",
        }),
      },
      more,
    );
    return settings.made(selector, (value) => new LabelSelector(value));
  }
}

const fields = {
  kinds: settings.list(settings.string(), {
    default: [],
    description: "Kinds, as `Deployment` or `Deployment.apps`; empty: all.",
  }),
  names: settings.list(Pattern.setting(), {
    default: [],
    description: "Patterns of names; empty: all.",
  }),
  namespaces: settings.list(Pattern.setting(), {
    default: [],
    description: "Patterns of namespaces; empty: all.",
  }),
  labels: LabelSelector.setting({
    default: {},
    description: "The object's own labels, as in a selector of Kubernetes.",
  }),
  annotations: LabelSelector.setting({
    default: {},
    description: "The same for its annotations.",
  }),
};

/** Objects for which all that is given holds. */
export class Selection {
  constructor({
    kinds = [],
    names = [],
    namespaces = [],
    labels = new LabelSelector(),
    annotations = new LabelSelector(),
  } = {}) {
    Object.assign(this, { kinds, names, namespaces, labels, annotations });
  }

  get isEmpty() {
    const lists = [this.kinds, this.names, this.namespaces];
    return lists.every((it) => it.length === 0) && this.labels.isEmpty && this.annotations.isEmpty;
  }

  covers(object) {
    const named = (patterns, name) => patterns.length === 0 || Pattern.any(patterns, name);
    return (
      (this.kinds.length === 0 || this.kinds.some((it) => object.isKind(it))) &&
      named(this.names, object.name) &&
      named(this.namespaces, object.namespace) &&
      this.labels.matches(object.at("/metadata/labels")) &&
      this.annotations.matches(object.at("/metadata/annotations"))
    );
  }

  static setting(more = {}) {
    return settings.made(settings.object(fields, more), (value) => new Selection(value));
  }
}

/** A list of exemptions, `exempt` as the library's plugins have it. */
function exemptions() {
  const exemption = settings.object({
    reason: settings.string({ default: "", description: "Why, for those who read the settings." }),
    rules: settings.list(settings.string(), {
      default: [],
      description: "The rules that leave them alone; empty: all of the plugin's.",
    }),
    ...fields,
    containers: settings.list(Pattern.setting(), {
      default: [],
      description: "Patterns of containers' names; empty: the whole object.",
    }),
  });
  const checked = settings.made(exemption, ({ rules, containers, ...rest }) => {
    const objects = new Selection(rest);
    if (objects.isEmpty && containers.length === 0) {
      throw new Error(
        "an exemption names kinds, names, namespaces, labels, annotations or containers; this one would exempt everything",
      );
    }
    return { rules, objects, containers };
  });
  return settings.list(checked, { default: [], description: "What is left alone." });
}

/** Whether one of them covers a rule's finding about an object, or one of its containers. */
export function exempts(list, rule, object, container = null) {
  return list.some(
    (it) =>
      (it.rules.length === 0 || it.rules.includes(rule)) &&
      it.objects.covers(object) &&
      (it.containers.length === 0 || (container !== null && Pattern.any(it.containers, container))),
  );
}

Object.assign(settings, {
  exemptions,
  labelSelector: LabelSelector.setting,
  pattern: Pattern.setting,
  selection: Selection.setting,
});
