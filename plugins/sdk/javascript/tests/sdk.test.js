// `node --test`: the SDK in Node.js, as a component has it.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  exempts,
  FieldPattern,
  KubernetesObject,
  LabelSelector,
  parseImage,
  Pattern,
  plugin,
  podSpec,
  settings,
  SettingsFault,
} from "../index.js";

const WEB = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web-canary", namespace: "shop", labels: { tier: "front" } },
  spec: { replicas: 3, template: { spec: { initContainers: [{ name: "a", restartPolicy: "Always" }], containers: [{ name: "b" }] } } },
};

const ABOUT = { name: "a-rule", version: "0.1.0", summary: "A rule.", rules: { one: "asks for one" } };

function call(rule, name, method, { objects = [WEB], given = {} } = {}) {
  const text = (value) => ({ json: typeof value === "string" ? value : JSON.stringify(value), origin: { path: "kits/shop/web.yaml", line: 7 } });
  const platform = { kubernetes: "1.34", settings: JSON.stringify(given), data: [text({ a: 1 })] };
  const context = { kit: "kits/shop", namespace: "shop", allowedNamespaces: ["shop"], clusterScoped: false, platform };
  const made = plugin({ ...ABOUT, ...rule }).interfaces;
  return made[name][method](name === "referential" ? platform : context, objects.map(text));
}

function failure(run) {
  try {
    run();
  } catch (error) {
    return error.payload;
  }
  assert.fail("it did not fail");
}

test("a pointer leads where RFC 6901 says", () => {
  const object = new KubernetesObject({ "a/b": { "m~n": [1, { c: null }] }, list: [] });
  for (const [pointer, value] of [
    ["/a~1b/m~0n/0", 1],
    ["/a~1b/m~0n/1/c", null],
    ["/a~1b/m~0n/01", undefined],
    ["/list/length", undefined],
    ["/constructor", undefined],
    ["list", undefined],
    ["/list/0/x", undefined],
  ]) {
    assert.equal(object.at(pointer), value, pointer);
  }
  assert.equal(object.at(""), object.value);
  assert.deepEqual(object.items("/a~1b/m~0n"), [["/a~1b/m~0n/0", 1], ["/a~1b/m~0n/1", { c: null }]]);
  assert.deepEqual(object.items("/nowhere"), []);
});

test("a finding says rule, place, proposal and tags", () => {
  const validate = (context, [web], report) => {
    assert.equal(context.data[0].at("/a"), 1);
    assert.equal(context.kubernetes, "1.34");
    report.error("one", `${web.kind} ${web.name} at ${web.origin}`, web, "/spec/replicas").propose(2).tag("most", 2);
    report.warning("one", "of nothing", context.data[0], "/a");
  };
  assert.deepEqual(JSON.parse(JSON.stringify(call({ validate }, "validate", "validate"))), [
    { rule: "one", severity: "error", message: "Deployment web-canary at kits/shop/web.yaml:7", object: 0, field: "/spec/replicas", proposed: "2", tags: [["most", "2"]] },
    { rule: "one", severity: "warning", message: "of nothing", object: null, field: null, proposed: null, tags: [] },
  ]);
});

test("changes have both sides, and one index", () => {
  const seen = [];
  const validateChange = (_, changes) => seen.push(...changes);
  const made = plugin({ ...ABOUT, validateChange }).interfaces.validateChange;
  const text = { json: JSON.stringify(WEB), origin: { path: "a", line: 1 } };
  const platform = { kubernetes: "", settings: "{}", data: [] };
  made.validateChange({ platform }, [{ before: null, after: text }, { before: text, after: null }]);
  assert.deepEqual(seen.map(({ before, after }) => [before?.index, after?.index]), [[undefined, 0], [1, undefined]]);
});

test("a transformer leaves the bytes alone that it does not change", () => {
  const odd = '{"kind": "ConfigMap",  "data": {"n": 9007199254740993}}';
  const transform = (_, objects) => {
    objects[0].value.spec.replicas = 1;
    objects.push(new KubernetesObject({ kind: "Secret" }));
  };
  const { objects } = call({ transform }, "transform", "transform", { objects: [WEB, odd] });
  assert.deepEqual(objects.map(({ source }) => source), [0, 1, null]);
  assert.equal(JSON.parse(objects[0].json).spec.replicas, 1);
  assert.equal(objects[1].json, odd);
  const touch = (_, [object]) => (object.value.kind = "Other");
  const refused = failure(() => call({ transform: touch }, "transform", "transform", { objects: [odd] }));
  assert.equal(refused.tag, "unsupported");
});

test("settings are read by what was declared, and a fault says where it is", () => {
  const declared = settings.object({
    most: settings.integer({ minimum: 1, maximum: 9, default: 3, description: "Most." }),
    teams: settings.list(settings.string()),
    mode: settings.oneOf(["a", "b"], { default: "a" }),
    by: settings.map(settings.object({ x: settings.boolean() }), { default: {} }),
    note: settings.string({ optional: true }),
  });
  assert.deepEqual(declared.schema.required, ["teams"]);
  assert.deepEqual(declared.schema.properties.most, { type: "integer", minimum: 1, maximum: 9, default: 3, description: "Most." });
  assert.deepEqual(declared.read({ teams: ["x"] }, ""), { most: 3, teams: ["x"], mode: "a", by: {} });
  for (const [given, field] of [
    [{}, ""],
    [[], ""],
    [{ teams: [], other: 1 }, "/other"],
    [{ teams: [1] }, "/teams/0"],
    [{ teams: [], most: 0 }, "/most"],
    [{ teams: [], most: 1.5 }, "/most"],
    [{ teams: [], mode: "c" }, "/mode"],
    [{ teams: [], by: { "a/b": { x: 1 } } }, "/by/a~1b/x"],
  ]) {
    assert.throws(() => declared.read(given, ""), (error) => error instanceof SettingsFault && error.field === field, JSON.stringify(given));
  }
  const validate = () => assert.fail("it is not asked");
  const refused = failure(() => call({ validate, settings: declared }, "validate", "validate", { given: { teams: 1 } }));
  assert.deepEqual([refused.tag, refused.val.field], ["settings", "/teams"]);
});

test("what a rule throws is told, and settings that it cannot work with at their field", () => {
  const told = console.error;
  const lines = [];
  console.error = (line) => lines.push(line);
  const boom = () => {
    throw new TypeError("boom");
  };
  const internal = failure(() => call({ validate: boom }, "validate", "validate"));
  console.error = told;
  assert.deepEqual(internal, { tag: "internal", val: "TypeError: boom" });
  assert.match(lines[0], /^TypeError: boom/);
  const unfit = () => {
    throw new SettingsFault("/a", "is unfit");
  };
  const refused = failure(() => call({ validateAll: unfit }, "referential", "validateAll"));
  assert.deepEqual(refused, { tag: "settings", val: { field: "/a", message: "is unfit" } });
  assert.throws(() => plugin(ABOUT), /none of the functions/);
});

test("a rule whose findings would come after the call is refused, not passed", () => {
  const report = (given, objects, report) => report.error("one", "late");
  for (const [name, interfaceName, method] of [
    ["validate", "validate", "validate"],
    ["validateChange", "validateChange", "validateChange"],
    ["transform", "transform", "transform"],
    ["validateAll", "referential", "validateAll"],
  ]) {
    for (const later of [
      async (...given) => report(...given),
      async () => assert.fail("rejected"),
      function* (...given) {
        yield report(...given);
      },
      async function* (...given) {
        yield report(...given);
      },
    ]) {
      assert.throws(() => plugin({ ...ABOUT, [name]: later }), /not async, and no generator/);
      const hidden = (...given) => {
        const result = later(...given);
        result.catch?.(() => {});
        return result;
      };
      const refused = failure(() => call({ [name]: hidden }, interfaceName, method, { objects: [] }));
      assert.equal(refused.tag, "internal");
      assert.match(refused.val, /not async, and no generator/);
    }
    const thenable = failure(() => call({ [name]: () => ({ then() {} }) }, interfaceName, method, { objects: [] }));
    assert.match(thenable.val, /not async/);
    for (const result of [undefined, null, 1, "x", [], {}]) {
      call({ [name]: () => result }, interfaceName, method, { objects: [] });
    }
  }
});

test("a pattern matches the whole name", () => {
  for (const [pattern, name, matches] of [
    ["web", "web2", false],
    ["web*", "web", true],
    ["", "a", false],
    ["*", "", true],
    ["*-canary", "shop-canary-2", false],
    ["a*b*c", "a-b-b-c", true],
    ["v?", "v", false],
    ["*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false],
  ]) {
    assert.equal(new Pattern(pattern).matches(name), matches, `${pattern} ${name}`);
  }
});

test("a selector selects what Kubernetes selects", () => {
  const labels = { app: "web", none: null, count: 1 };
  for (const [parts, matches] of [
    [{}, true],
    [{ matchLabels: { app: "api" } }, false],
    [{ matchExpressions: [{ key: "app", operator: "In", values: ["web"] }] }, true],
    [{ matchExpressions: [{ key: "team", operator: "NotIn", values: ["a"] }] }, true],
    [{ matchExpressions: [{ key: "team", operator: "Exists" }] }, false],
    [{ matchExpressions: [{ key: "team", operator: "DoesNotExist" }] }, true],
    [{ matchExpressions: [{ key: "none", operator: "Exists" }] }, false],
    [{ matchExpressions: [{ key: "none", operator: "DoesNotExist" }] }, true],
    [{ matchExpressions: [{ key: "count", operator: "Exists" }] }, false],
  ]) {
    assert.equal(new LabelSelector(parts).matches(labels), matches, JSON.stringify(parts));
  }
});

test("exemptions cover what they name, and none covers everything", () => {
  const read = (list) => settings.exemptions().read(list, "/exempt");
  const web = new KubernetesObject(WEB);
  for (const [exemption, container, covered] of [
    [{ names: ["*-canary"], namespaces: ["shop"] }, null, true],
    [{ names: ["*-canary"], namespaces: ["prod-*"] }, null, false],
    [{ labels: { matchLabels: { tier: "front" } }, rules: ["tag"] }, null, true],
    [{ kinds: ["Deployment"], rules: ["digest"] }, null, false],
    [{ kinds: ["Deployment.apps"] }, null, true],
    [{ kinds: ["Deployment.example.org"] }, null, false],
    [{ annotations: { matchExpressions: [{ key: "a", operator: "DoesNotExist" }] } }, null, true],
    [{ annotations: { matchLabels: { a: "b" } } }, null, false],
    [{ containers: ["istio-*"] }, "istio-proxy", true],
    [{ containers: ["istio-*"] }, null, false],
  ]) {
    assert.equal(exempts(read([exemption]), "tag", web, container), covered, JSON.stringify(exemption));
  }
  for (const wrong of [{}, { rules: ["tag"] }, { reason: "x", labels: {} }]) {
    assert.throws(() => read([wrong]), (error) => error.field === "/exempt/0");
  }
});

test("Pods are found in any workload", () => {
  const pods = podSpec(new KubernetesObject(WEB));
  assert.deepEqual(pods.containers.map(({ pointer, sort, name }) => [pointer, sort, name]), [
    ["/spec/template/spec/initContainers/0", "sidecar", "a"],
    ["/spec/template/spec/containers/0", "main", "b"],
  ]);
  assert.equal(podSpec(new KubernetesObject({ apiVersion: "v1", kind: "Service" })), null);
});

test("a Pod's images are those of its containers and its volumes", () => {
  const spec = {
    initContainers: [{ name: "a", image: "x" }],
    containers: [{ name: "b", image: "y:1" }, { name: "c" }],
    volumes: [{ name: "d", emptyDir: {} }, { name: "e", image: { reference: "z" } }],
  };
  const { images } = podSpec(new KubernetesObject({ apiVersion: "v1", kind: "Pod", spec }));
  assert.deepEqual(images, [
    { pointer: "/spec/initContainers/0/image", owner: "init container a", container: "a", image: "x" },
    { pointer: "/spec/containers/0/image", owner: "container b", container: "b", image: "y:1" },
    { pointer: "/spec/containers/1/image", owner: "container c", container: "c", image: undefined },
    { pointer: "/spec/volumes/1/image/reference", owner: "volume e", container: null, image: "z" },
  ]);
});

test("a field pattern leads to every place, and tells named items apart by their names", () => {
  const object = new KubernetesObject({ "a/b": { c: 2 }, list: [{ port: 1 }, { name: "x" }, { port: null }] });
  assert.deepEqual(object.find("/list/*/port"), [["/list/0/port", 1], ["/list/2/port", null]]);
  assert.deepEqual(object.places("/*/c"), ["/a~1b/c"]);
  assert.deepEqual(object.find("/nowhere/*"), []);
  const changed = (field, before, after) =>
    new FieldPattern(field).pairs(before, after).filter((it) => it.differs).map((it) => it.pointer);
  const named = { p: [{ name: "a", port: 1 }, { name: "b", port: 2 }] };
  assert.deepEqual(changed("/p/*/port", named, { p: [{ name: "b", port: 2 }, { name: "a", port: 1 }] }), []);
  assert.deepEqual(changed("/p/*/port", named, { p: [{ name: "b", port: 3 }] }), ["/p/port", "/p/0/port"]);
  const plain = { p: [{ port: 1 }, { port: 2 }] };
  assert.deepEqual(changed("/p/*/port", plain, { p: [{ port: 2 }, { port: 2 }, { port: 3 }] }), ["/p/0/port", "/p/2/port"]);
  assert.deepEqual(changed("/a/*", { a: { "x/y": { b: 1, c: 2 }, z: null } }, { a: { "x/y": { c: 2, b: 1 } } }), []);
  const read = () => settings.fieldPattern().read("spec", "/field");
  assert.throws(read, (error) => error instanceof SettingsFault && error.field === "/field");
});

test("a rule is told at the level that settings give it", () => {
  const declared = settings.object({ levels: settings.levels(["one"]) });
  const validate = ({ settings: { levels } }, [web], report) =>
    report.tell(levels.one ?? "error", "one", "it is so", web)?.tag("a", 1);
  const told = (levels) =>
    call({ validate, settings: declared }, "validate", "validate", { given: { levels } }).map((it) => it.severity);
  assert.deepEqual(told({}), ["error"]);
  assert.deepEqual(told({ one: "info" }), ["info"]);
  assert.deepEqual(told({ one: "ignore" }), []);
  for (const [levels, field] of [[{ one: "off" }, "/levels/one"], [{ two: "info" }, "/levels/two"]]) {
    assert.equal(failure(() => told(levels)).val.field, field);
  }
});

test("an image is read as registries read it, and what is none says why", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  for (const [text, repository, tag, found] of [
    ["nginx", "docker.io/library/nginx", null, null],
    ["index.docker.io/a/b:1.2", "docker.io/a/b", "1.2", null],
    [`localhost:5000/a@${digest}`, "localhost:5000/a", null, digest],
    [`ghcr.io/a/b--c__d.e:v1@${digest}`, "ghcr.io/a/b--c__d.e", "v1", digest],
    ["[fe80::1]:80/a", "[fe80::1]:80/a", null, null],
  ]) {
    const image = parseImage(text);
    assert.deepEqual([image.repository, image.tag, image.digest], [repository, tag, found], text);
  }
  for (const [text, why] of [
    ["", /empty/],
    [" nginx", /white space/],
    ["nginx@sha256:1", /digest/],
    ["nginx:", /tag/],
    [`nginx:${"a".repeat(129)}`, /tag/],
    ["a".repeat(64), /an image's id/],
    ["my_host.io/web", /registry/],
    ["Web", /lower case/],
    [`ghcr.io/${"a".repeat(256)}`, /255/],
    ["a___b", /not of lower case letters/],
    ["a//b", /not of lower case letters/],
  ]) {
    assert.throws(() => parseImage(text), why, text);
  }
});
