export { FieldPattern } from "./field-pattern.js";
export { parseImage } from "./image.js";
export { KubernetesObject } from "./object.js";
export { plugin } from "./plugin.js";
export { Finding, Report } from "./report.js";
export { exempts, LabelSelector, Pattern, Selection } from "./selection.js";
export { settings, SettingsFault } from "./settings.js";
export { podSpec, WORKLOADS } from "./workload.js";
