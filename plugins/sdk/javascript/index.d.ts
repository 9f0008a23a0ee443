/** Any value of JSON. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** One object, where it was read, and, for rules over several kits, whose it is. */
export class KubernetesObject {
  /** A new object, as a transformer may add one. */
  constructor(value: Json);
  value: any;
  /** From the repository's root; empty for a new object. */
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  /** The kit's path; empty for rules over one kit. */
  readonly kit: string;
  /** Its place among what was handed over; null for a new object, and for data. */
  readonly index: number | null;
  /** The value at an RFC 6901 pointer; undefined if there is none. */
  at(pointer: string): any;
  /** The items of a list at a pointer, each with its own pointer; none if it is no list. */
  items(pointer: string): [pointer: string, item: any][];
  /** Where a pattern such as `/spec/ports/*` leads, with `*` for any name or item. */
  find(pattern: string): [pointer: string, value: any][];
  /** The pointers alone, for who changes what they lead to. */
  places(pattern: string): string[];
  /** Whether it is of a kind, as `Service`, of any group, or `Deployment.apps`. */
  isKind(kind: string): boolean;
  readonly apiVersion: string;
  readonly kind: string;
  /** The API group; empty for the core group. */
  readonly group: string;
  readonly name: string;
  /** Empty for cluster-scoped objects, and for kinds that the host does not know. */
  readonly namespace: string;
  /** `path:line`. */
  readonly origin: string;
}

export type Severity = "error" | "warning" | "info";
/** What settings may give a rule; of `ignore` nothing is told. */
export type Level = Severity | "ignore";

/** A finding that was reported, to which more can be said. */
export interface Finding {
  /** What to write instead, in place of the value at the finding's pointer. */
  propose(value: Json): Finding;
  /** A name and a value for machines. */
  tag(name: string, value: unknown): Finding;
}

/** Collects findings. `pointer` is an RFC 6901 pointer into the object; empty: all of it. */
export interface Report {
  /** Keeps the kit from the cluster. */
  error(rule: string, message: string, object?: KubernetesObject | null, pointer?: string): Finding;
  warning(rule: string, message: string, object?: KubernetesObject | null, pointer?: string): Finding;
  info(rule: string, message: string, object?: KubernetesObject | null, pointer?: string): Finding;
  /** At the level that settings give the rule; null if it is `ignore`. */
  tell(
    level: Level,
    rule: string,
    message: string,
    object?: KubernetesObject | null,
    pointer?: string,
  ): Finding | null;
}

/** What is the same for every kit. */
export interface Platform<S> {
  /** The cluster's version of Kubernetes, `1.34`, as the platform team declares it, or empty. */
  kubernetes: string;
  settings: S;
  /** Documents of the files that the plugin is given to read. */
  data: KubernetesObject[];
}

/** What a rule may know of the kit that it looks at. */
export interface Context<S> extends Platform<S> {
  /** The kit's path from the repository's root. */
  kit: string;
  /** Where objects without a namespace go; empty if the kit has none. */
  namespace: string;
  /** Where the kit's objects may be; empty: anywhere. */
  allowedNamespaces: string[];
  /** Whether cluster-scoped objects are granted. */
  clusterScoped: boolean;
}

/** An object as the live revision has it, and as the new one does. */
export interface Change {
  /** null: it is new. */
  before: KubernetesObject | null;
  /** null: it is taken away. */
  after: KubernetesObject | null;
}

/**
 * What a rule returns says nothing. But it is no promise and no generator: nobody would wait for
 * what they find.
 */
export type Done =
  | void
  | null
  | boolean
  | number
  | string
  | (object & { then?: never; next?: never });

/** What a plugin says of itself, and at least one of the functions. */
export interface Rule<S> {
  /** Lower case words joined by `-`. */
  name: string;
  /** SemVer. */
  version: string;
  summary: string;
  /** Ids and what each asks for. The host refuses a finding of a rule that is not here. */
  rules?: Record<string, string>;
  /** Kinds it reads, as `Service` or `Deployment.apps`; left out: all. */
  kinds?: string[];
  settings?: Setting<S>;
  /** Looks at a kit's objects and reports. */
  validate?(context: Context<S>, objects: KubernetesObject[], report: Report): Done;
  /** Looks at what a revision changes of a kit's objects, against the revision that is live. */
  validateChange?(context: Context<S>, changes: Change[], report: Report): Done;
  /** Changes the objects and the list in place; findings are about them as they were. */
  transform?(context: Context<S>, objects: KubernetesObject[], report: Report): Done;
  /** Looks at the objects of several kits at once. */
  validateAll?(platform: Platform<S>, objects: KubernetesObject[], report: Report): Done;
}

export interface Plugin {
  /** The interfaces of the contract, as the host calls them. */
  readonly interfaces: Record<string, Record<string, (...given: any[]) => any>>;
}

/** Makes a rule a plugin: the default export of `src/plugin`. */
export function plugin<S = {}>(rule: Rule<S>): Plugin;

/** Settings that are not what the rule can work with. */
export class SettingsFault extends Error {
  /** `field` is an RFC 6901 pointer into the settings. */
  constructor(field: string, message: string);
  readonly field: string;
}

/** One setting, its JSON Schema, and how it is read. */
export interface Setting<T> {
  readonly schema: { [key: string]: any };
  read(value: unknown, field: string): T;
}

/** `default` makes it one that may be left out, as `optional` does, which has none. */
export interface About<D> {
  description?: string;
  default?: D;
  optional?: boolean;
}

/** The type of what a setting reads. */
export type Read<T> = T extends Setting<infer V> ? V : never;
type Fields = { [name: string]: Setting<any> };
type ReadFields<F extends Fields> = { [name in keyof F]: Read<F[name]> };
/** A regular expression, of the linear kind. */
type Shape = { pattern?: string };
type Bounds = { minimum?: number; maximum?: number };
/** What may be undefined where it was left out. */
type Optional = { optional: true };

export interface SettingBuilders {
  string(more: About<string> & Shape & Optional): Setting<string | undefined>;
  string(more?: About<string> & Shape): Setting<string>;
  boolean(more: About<boolean> & Optional): Setting<boolean | undefined>;
  boolean(more?: About<boolean>): Setting<boolean>;
  integer(more: About<number> & Bounds & Optional): Setting<number | undefined>;
  integer(more?: About<number> & Bounds): Setting<number>;
  number(more: About<number> & Bounds & Optional): Setting<number | undefined>;
  number(more?: About<number> & Bounds): Setting<number>;
  oneOf<const V extends Json>(values: readonly V[], more?: About<V>): Setting<V>;
  list<T>(item: Setting<T>, more?: About<Json[]>): Setting<T[]>;
  map<T>(item: Setting<T>, more?: About<{ [key: string]: Json }>): Setting<Record<string, T>>;
  /** A mapping with these fields and no others. */
  object<F extends Fields>(fields: F, more?: About<Json>): Setting<ReadFields<F>>;
  /** What another setting reads, made into something else; what `make` throws is told at its field. */
  made<T, U>(from: Setting<T>, make: (value: T) => U): Setting<U>;
  /** How much each of these rules weighs, for `report.tell(levels.a ?? "error", "a", …)`. */
  levels<const R extends string>(
    rules: readonly R[],
    more?: About<Json>,
  ): Setting<{ [rule in R]?: Level }>;
  pattern(more?: About<string>): Setting<Pattern>;
  fieldPattern(more?: About<string>): Setting<FieldPattern>;
  labelSelector(more?: About<Json>): Setting<LabelSelector>;
  selection(more?: About<Json>): Setting<Selection>;
  /** A list of exemptions, as the library's plugins have them, for `exempts`. */
  exemptions(): Setting<Exemption[]>;
}
export const settings: SettingBuilders;

/** A name in which `*` is any characters, and `?` any one. */
export class Pattern {
  constructor(text: string);
  matches(name: string): boolean;
  static any(patterns: Pattern[], name: string): boolean;
}

/** An RFC 6901 pointer in which `*` is any name of a mapping or item of a list. */
export class FieldPattern {
  constructor(text: string);
  /** Where the pattern leads, each with its pointer. */
  values(value: unknown): [pointer: string, value: any][];
  /**
   * Where the pattern leads in both. Items of a list whose items all have a name of their own are
   * told apart by it, so that their order says nothing; others by their index.
   */
  pairs(before: unknown, after: unknown): Pair[];
}

/** A place that two states of an object have, or one of them. */
export interface Pair {
  /** In the new state; of an item that is gone, the list's. */
  readonly pointer: string;
  readonly before: any;
  readonly after: any;
  /** Null is as good as nothing. */
  readonly differs: boolean;
}

/** A label selector of Kubernetes. */
export class LabelSelector {
  constructor(parts?: {
    matchLabels?: Record<string, string>;
    matchExpressions?: { key: string; operator: string; values?: string[] }[];
  });
  readonly isEmpty: boolean;
  matches(labels: unknown): boolean;
}

/** Objects for which all that is given holds. */
export class Selection {
  constructor(parts?: {
    kinds?: string[];
    names?: Pattern[];
    namespaces?: Pattern[];
    labels?: LabelSelector;
    annotations?: LabelSelector;
  });
  readonly isEmpty: boolean;
  covers(object: KubernetesObject): boolean;
}

/** Objects, or containers of theirs, that rules leave alone. */
export interface Exemption {
  readonly rules: string[];
  readonly objects: Selection;
  readonly containers: Pattern[];
}

/** Whether one of them covers a rule's finding about an object, or one of its containers. */
export function exempts(
  list: Exemption[],
  rule: string,
  object: KubernetesObject,
  container?: string | null,
): boolean;

/** One container of a Pod, with the RFC 6901 pointer to it. */
export interface Container {
  pointer: string;
  sort: "init" | "sidecar" | "main" | "ephemeral";
  name: string;
  value: any;
  /** `container web`, `init container migrate`, `sidecar proxy`. */
  toString(): string;
}

/** One place of a Pod that names an image. */
export interface ImagePlace {
  /** RFC 6901 pointer to the reference. */
  pointer: string;
  /** `container web`, `volume models`. */
  owner: string;
  /** The container's name; null for a volume. */
  container: string | null;
  image: any;
}

/** The part of an object that describes its Pods. */
export interface PodSpec {
  pointer: string;
  spec: any;
  /** The Pods' labels. */
  labels: any;
  /** In the order that they start in. */
  containers: Container[];
  /** The images of every sort of container, and those that are mounted. */
  readonly images: ImagePlace[];
}

/** The kinds that `podSpec` finds Pods in, for `kinds`. */
export const WORKLOADS: string[];
/** The Pods of an object of WORKLOADS; null of any other. */
export function podSpec(object: KubernetesObject): PodSpec | null;

/** What an image is named by. */
export interface ImageReference {
  /** Registry and path, as `docker.io/library/nginx`. */
  repository: string;
  /** The same as it was written. */
  written: string;
  tag: string | null;
  digest: string | null;
}
/** Throws what is wrong, to follow "is no image reference: ". */
export function parseImage(text: string): ImageReference;

declare global {
  /** Writes to the host's log. */
  interface Console {
    error(...parts: any[]): void;
    warn(...parts: any[]): void;
    info(...parts: any[]): void;
    log(...parts: any[]): void;
    debug(...parts: any[]): void;
  }
  var console: Console;
}
