import { FieldPattern } from "./field-pattern.js";
import { at } from "./pointer.js";

/** A Kubernetes object in a rule's hands. */
export class KubernetesObject {
  /** As a transformer may add one; the host's own come with an index. */
  constructor(value, { path = "", line = 0, kit = "", index = null } = {}) {
    this.value = value;
    this.path = path;
    this.line = line;
    this.kit = kit;
    this.index = index;
  }

  at(pointer) {
    return at(this.value, pointer);
  }

  items(pointer) {
    const list = this.at(pointer);
    return Array.isArray(list) ? list.map((item, index) => [`${pointer}/${index}`, item]) : [];
  }

  find(pattern) {
    return new FieldPattern(pattern).values(this.value);
  }

  places(pattern) {
    return this.find(pattern).map(([pointer]) => pointer);
  }

  get apiVersion() {
    return text(this.at("/apiVersion"));
  }

  get kind() {
    return text(this.at("/kind"));
  }

  get group() {
    const slash = this.apiVersion.indexOf("/");
    return slash < 0 ? "" : this.apiVersion.slice(0, slash);
  }

  /** As `Service`, of any group, or `Deployment.apps`. */
  isKind(kind) {
    const dot = kind.indexOf(".");
    if (dot < 0) return kind === this.kind;
    return kind.slice(0, dot) === this.kind && kind.slice(dot + 1) === this.group;
  }

  get name() {
    return text(this.at("/metadata/name"));
  }

  get namespace() {
    return text(this.at("/metadata/namespace"));
  }

  get origin() {
    return `${this.path}:${this.line}`;
  }
}

function text(value) {
  return typeof value === "string" ? value : "";
}
