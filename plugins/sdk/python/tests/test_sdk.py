"""`python3 -m unittest`: the SDK natively, as a component has it."""

import json
import sys
import unittest
import warnings
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, Literal

from trimtab_plugin import (
    Exemption,
    FieldPattern,
    KubernetesObject,
    LabelSelector,
    Level,
    Pattern,
    Plugin,
    SettingsFault,
    exempts,
    parse_image,
    pod_spec,
    setting,
)
from trimtab_plugin import plugin as run
from trimtab_plugin.settings import read, schema

WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web-canary", "namespace": "shop", "labels": {"tier": "front"}},
    "spec": {
        "replicas": 3,
        "template": {
            "spec": {
                "initContainers": [{"name": "a", "restartPolicy": "Always"}],
                "containers": [{"name": "b"}],
            }
        },
    },
}


def text(value: Any) -> SimpleNamespace:
    written = value if isinstance(value, str) else json.dumps(value)
    return SimpleNamespace(json=written, origin=SimpleNamespace(path="kits/shop/web.yaml", line=7))


def platform(settings: Any) -> SimpleNamespace:
    data = [text({"a": 1})]
    return SimpleNamespace(kubernetes="1.34", settings=json.dumps(settings), data=data)


def context(settings: Any = {}) -> SimpleNamespace:
    return SimpleNamespace(
        platform=platform(settings),
        kit="kits/shop",
        namespace="shop",
        allowed_namespaces=["shop"],
        cluster_scoped=False,
    )


def plugin(**more: Any) -> Plugin:
    about = {"name": "a-rule", "version": "0.1.0", "summary": "A rule.", "rules": {"one": "asks"}}
    return Plugin(**about, **more)


@dataclass
class Inner:
    x: bool


@dataclass
class Settings:
    teams: list[str]
    most_replicas: int = setting("Most.", default=3, minimum=1, maximum=9)
    mode: Literal["a", "b"] = "a"
    by: dict[str, Inner] = setting("By.", default_factory=dict)
    note: str | None = None
    share: float = 0.5


@dataclass
class Weighed:
    levels: dict[Literal["one"], Level] = setting("How much.", default_factory=dict)


class Sdk(unittest.TestCase):
    def test_a_pointer_leads_where_rfc_6901_says(self) -> None:
        it = KubernetesObject({"a/b": {"m~n": [1, {"c": 2}]}, "list": []})
        for pointer, value in (
            ("", it.value),
            ("/a~1b/m~0n/0", 1),
            ("/a~1b/m~0n/1/c", 2),
            ("/a~1b/m~0n/01", None),
            ("/a~1b/m~0n/-1", None),
            ("/list/0", None),
            ("list", None),
        ):
            self.assertEqual(it.at(pointer), value, pointer)
        self.assertEqual(list(it.items("/a~1b/m~0n"))[0], ("/a~1b/m~0n/0", 1))
        self.assertEqual(list(it.items("/nowhere")), [])

    def test_a_finding_says_rule_place_proposal_and_tags(self) -> None:
        made = plugin()

        @made.validate
        def one(context: Any, objects: Any, report: Any) -> None:
            self.assertEqual(context.data[0].at("/a"), 1)
            (web,) = objects
            about = f"{web.kind} {web.name} at {web.origin}"
            report.error("one", about, web, "/spec/replicas").propose(2).tag("most", 2)
            report.warning("one", "of nothing", context.data[0], "/a")

        error, warning = run.validate(made, context(), [text(WEB)])
        self.assertEqual(error.message, "Deployment web-canary at kits/shop/web.yaml:7")
        self.assertEqual((error.severity, error.object, error.field), ("error", 0, "/spec/replicas"))
        self.assertEqual((error.proposed, error.tags), ("2", [("most", "2")]))
        self.assertEqual((warning.severity, warning.object, warning.field), ("warning", None, None))
        with self.assertRaises(TypeError):
            made.validate(one)

    def test_changes_have_both_sides_and_one_index(self) -> None:
        made, seen = plugin(), []
        made.validate_change(lambda context, changes, report: seen.extend(changes))
        new = SimpleNamespace(before=None, after=text(WEB))
        gone = SimpleNamespace(before=text(WEB), after=None)
        run.validate_change(made, context(), [new, gone])
        self.assertEqual((seen[0].before, seen[0].after.index), (None, 0))
        self.assertEqual((seen[1].before.index, seen[1].after), (1, None))

    def test_a_transformer_leaves_the_bytes_alone_that_it_does_not_change(self) -> None:
        made = plugin()

        @made.transform
        def change(context: Any, objects: Any, report: Any) -> None:
            objects[0].value["spec"]["replicas"] = 3.0
            objects.append(KubernetesObject({"kind": "Secret"}))

        odd = '{"kind": "ConfigMap",  "n": 9007199254740993}'
        objects, _ = run.transform(made, context(), [text(WEB), text(odd)])
        self.assertEqual([source for _, source in objects], [0, 1, None])
        self.assertIn('"replicas": 3.0', objects[0][0])
        self.assertEqual(objects[1][0], odd)

    def test_settings_are_read_by_the_dataclass_and_a_fault_says_where_it_is(self) -> None:
        made = schema(Settings)
        self.assertEqual(made["required"], ["teams"])
        most = {"type": "integer", "default": 3, "minimum": 1, "maximum": 9, "description": "Most."}
        self.assertEqual(made["properties"]["mostReplicas"], most)
        self.assertEqual(read(Settings, {"teams": ["x"], "share": 1}), Settings(["x"], share=1.0))
        for given, field in (
            ({}, ""),
            ([], ""),
            ({"teams": [], "other": 1}, "/other"),
            ({"teams": [1]}, "/teams/0"),
            ({"teams": [], "mostReplicas": 0}, "/mostReplicas"),
            ({"teams": [], "mostReplicas": True}, "/mostReplicas"),
            ({"teams": [], "mode": "c"}, "/mode"),
            ({"teams": [], "by": {"a/b": {"x": 1}}}, "/by/a~1b/x"),
        ):
            with self.assertRaises(SettingsFault) as raised:
                read(Settings, given)
            self.assertEqual(raised.exception.field, field, given)
        refused = plugin(settings=Settings)
        refused.validate_all(lambda platform, objects, report: self.fail("it is not asked"))
        with self.assertRaises(SettingsFault):
            run.validate_all(refused, platform({"teams": 1}), [])

    def test_a_type_that_is_none_of_a_setting_is_refused_when_the_plugin_is_loaded(self) -> None:
        @dataclass
        class Odd:
            both: int | str

        with self.assertRaisesRegex(TypeError, "no type of a setting"):
            plugin(settings=Odd)

    def test_a_rule_whose_findings_would_come_after_the_call_is_refused_not_passed(self) -> None:
        async def coroutine(*given: Any) -> None:
            given[2].error("one", "late")

        def generator(*given: Any) -> Any:
            yield given[2].error("one", "late")

        async def both(*given: Any) -> Any:
            yield given[2].error("one", "late")

        class Called:
            async def __call__(self, *given: Any) -> None:
                given[2].error("one", "late")

        self.addCleanup(setattr, sys, "unraisablehook", sys.unraisablehook)
        before = warnings.catch_warnings()
        before.__enter__()
        self.addCleanup(before.__exit__, None, None, None)
        run.hear_of_lost_coroutines()
        words = "not async, and no generator"
        for name, call, given in (
            ("validate", run.validate, context()),
            ("validate_change", run.validate_change, context()),
            ("transform", run.transform, context()),
            ("validate_all", run.validate_all, platform({})),
        ):
            for later in (coroutine, generator, both, partial(coroutine), Called()):
                with self.assertRaisesRegex(TypeError, words):
                    getattr(plugin(), name)(later)
                made = plugin()
                getattr(made, name)(lambda *given, later=later: later(*given))
                with self.assertRaisesRegex(TypeError, words):
                    call(made, given, [])
            made = plugin()
            getattr(made, name)(lambda context, objects, report: map(report.error, objects))
            with self.assertRaisesRegex(TypeError, words):
                call(made, given, [])
            dropped = plugin()
            getattr(dropped, name)(lambda *given: coroutine(*given) and None)
            with self.assertRaisesRegex(TypeError, "never awaited; a rule is " + words):
                call(dropped, given, [])
            for result in (None, 1, "x", [], {}):
                made = plugin()
                getattr(made, name)(lambda *given, result=result: result)
                call(made, given, [])

    def test_a_pattern_matches_the_whole_name(self) -> None:
        for pattern, name, matches in (
            ("web", "web2", False),
            ("web*", "web", True),
            ("", "a", False),
            ("*", "", True),
            ("*-canary", "shop-canary-2", False),
            ("a*b*c", "a-b-b-c", True),
            ("v?", "v", False),
            ("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", False),
        ):
            self.assertEqual(Pattern(pattern).matches(name), matches, (pattern, name))

    def test_a_selector_selects_what_kubernetes_selects(self) -> None:
        def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
            return {"matchExpressions": [{"key": key, "operator": operator, "values": [*values]}]}

        for selector, matches in (
            ({}, True),
            ({"matchLabels": {"app": "api"}}, False),
            (expression("app", "In", "web"), True),
            (expression("team", "NotIn", "a"), True),
            (expression("team", "Exists"), False),
            (expression("team", "DoesNotExist"), True),
            (expression("none", "Exists"), False),
            (expression("none", "DoesNotExist"), True),
            (expression("count", "Exists"), False),
        ):
            labels = {"app": "web", "none": None, "count": 1}
            found = read(LabelSelector, selector).matches(labels)
            self.assertEqual(found, matches, selector)

    def test_exemptions_cover_what_they_name_and_none_covers_everything(self) -> None:
        web = KubernetesObject(WEB)
        absent = {"key": "a", "operator": "DoesNotExist"}
        for exemption, container, covered in (
            ({"names": ["*-canary"], "namespaces": ["shop"]}, None, True),
            ({"names": ["*-canary"], "namespaces": ["prod-*"]}, None, False),
            ({"labels": {"matchLabels": {"tier": "front"}}, "rules": ["tag"]}, None, True),
            ({"kinds": ["Deployment"], "rules": ["digest"]}, None, False),
            ({"kinds": ["Deployment.apps"]}, None, True),
            ({"kinds": ["Deployment.example.org"]}, None, False),
            ({"annotations": {"matchExpressions": [absent]}}, None, True),
            ({"annotations": {"matchLabels": {"a": "b"}}}, None, False),
            ({"containers": ["istio-*"]}, "istio-proxy", True),
            ({"containers": ["istio-*"]}, None, False),
        ):
            found = exempts([read(Exemption, exemption)], "tag", web, container)
            self.assertEqual(found, covered, exemption)
        for wrong in ({}, {"rules": ["tag"]}, {"reason": "x", "labels": {}}):
            with self.assertRaises(SettingsFault) as raised:
                read(list[Exemption], [wrong])
            self.assertEqual(raised.exception.field, "/0")

    def test_pods_are_found_in_any_workload(self) -> None:
        pods = pod_spec(KubernetesObject(WEB))
        assert pods is not None
        found = [(it.pointer, it.sort, it.name) for it in pods.containers]
        first = ("/spec/template/spec/initContainers/0", "sidecar", "a")
        self.assertEqual(found, [first, ("/spec/template/spec/containers/0", "main", "b")])
        self.assertIsNone(pod_spec(KubernetesObject({"apiVersion": "v1", "kind": "Service"})))

    def test_a_pods_images_are_those_of_its_containers_and_its_volumes(self) -> None:
        spec = {
            "initContainers": [{"name": "a", "image": "x"}],
            "containers": [{"name": "b", "image": "y:1"}, {"name": "c"}],
            "volumes": [{"name": "d", "emptyDir": {}}, {"name": "e", "image": {"reference": "z"}}],
        }
        pods = pod_spec(KubernetesObject({"apiVersion": "v1", "kind": "Pod", "spec": spec}))
        assert pods is not None
        found = [(it.pointer, it.owner, it.container, it.image) for it in pods.images]
        expected = [
            ("/spec/initContainers/0/image", "init container a", "a", "x"),
            ("/spec/containers/0/image", "container b", "b", "y:1"),
            ("/spec/containers/1/image", "container c", "c", None),
            ("/spec/volumes/1/image/reference", "volume e", None, "z"),
        ]
        self.assertEqual(found, expected)

    def test_a_field_pattern_leads_to_every_place_and_tells_named_items_apart(self) -> None:
        items = [{"port": 1}, {"name": "x"}, {"port": None}]
        it = KubernetesObject({"a/b": {"c": 2}, "list": items})
        self.assertEqual(it.find("/list/*/port"), [("/list/0/port", 1), ("/list/2/port", None)])
        named = KubernetesObject({"p": [{"name": "a", "port": None}, {"name": "b"}]})
        self.assertEqual(named.find("/p/*/port"), [("/p/0/port", None)])
        self.assertEqual(KubernetesObject({"a": None}).places("/*"), ["/a"])
        self.assertEqual(it.places("/*/c"), ["/a~1b/c"])
        self.assertEqual(it.find("/nowhere/*"), [])

        def changed(field: str, before: Any, after: Any) -> list[str]:
            pairs = FieldPattern(field).pairs(before, after)
            return [it.pointer for it in pairs if it.differs]

        a, b = {"name": "a", "port": 1}, {"name": "b", "port": 2}
        self.assertEqual(changed("/p/*/port", {"p": [a, b]}, {"p": [b, a]}), [])
        other = {"p": [{"name": "b", "port": 3}]}
        self.assertEqual(changed("/p/*/port", {"p": [a, b]}, other), ["/p/port", "/p/0/port"])
        before, after = ({"p": [{"port": it} for it in ports]} for ports in ([1, 2], [2, 2, 3]))
        self.assertEqual(changed("/p/*/port", before, after), ["/p/0/port", "/p/2/port"])
        before, after = {"a": {"x/y": {"b": 1}, "z": None}}, {"a": {"x/y": {"b": True}}}
        self.assertEqual(changed("/a/*", before, after), ["/a/x~1y"])
        with self.assertRaises(SettingsFault) as raised:
            read(FieldPattern, "spec", "/field")
        self.assertEqual(raised.exception.field, "/field")

    def test_a_rule_is_told_at_the_level_that_settings_give_it(self) -> None:
        made = plugin(settings=Weighed)

        @made.validate
        def one(context: Any, objects: Any, report: Any) -> None:
            level = context.settings.levels.get("one", "error")
            report.tell(level, "one", "it is so", objects[0])

        def told(levels: Any) -> list[str]:
            found = run.validate(made, context({"levels": levels}), [text(WEB)])
            return [it.severity for it in found]

        self.assertEqual(told({}), ["error"])
        self.assertEqual(told({"one": "info"}), ["info"])
        self.assertEqual(told({"one": "ignore"}), [])
        for levels, field in (({"one": "off"}, "/levels/one"), ({"two": "info"}, "/levels/two")):
            with self.assertRaises(SettingsFault) as raised:
                told(levels)
            self.assertEqual(raised.exception.field, field)
        closed = schema(Weighed)["properties"]["levels"]
        self.assertFalse(closed["additionalProperties"])
        self.assertEqual(list(closed["properties"]), ["one"])

    def test_an_image_is_read_as_registries_read_it_and_what_is_none_says_why(self) -> None:
        digest = "sha256:" + "a" * 64
        for written, repository, tag, found in (
            ("nginx", "docker.io/library/nginx", None, None),
            ("index.docker.io/a/b:1.2", "docker.io/a/b", "1.2", None),
            (f"localhost:5000/a@{digest}", "localhost:5000/a", None, digest),
            (f"ghcr.io/a/b--c__d.e:v1@{digest}", "ghcr.io/a/b--c__d.e", "v1", digest),
            ("[fe80::1]:80/a", "[fe80::1]:80/a", None, None),
        ):
            image = parse_image(written)
            self.assertEqual((image.repository, image.tag, image.digest), (repository, tag, found))
        for wrong, why in (
            ("", "empty"),
            (" nginx", "white space"),
            ("nginx@sha256:1", "digest"),
            ("nginx:", "tag"),
            ("nginx:" + "a" * 129, "tag"),
            ("a" * 64, "an image's id"),
            ("my_host.io/web", "registry"),
            ("Web", "lower case"),
            ("ghcr.io/" + "a" * 256, "255"),
            ("a___b", "not of lower case letters"),
            ("a//b", "not of lower case letters"),
        ):
            with self.assertRaisesRegex(ValueError, why, msg=wrong):
                parse_image(wrong)


if __name__ == "__main__":
    unittest.main()
