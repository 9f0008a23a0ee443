//! An ApplicationSet: the Applications of the directories that are there, and one pattern for those
//! that will be.

use serde_json::{Map, Value, json};

use super::super::left::{Left, Object, quoted};
use super::super::tree::{Tree, join, rooted};
use super::super::wanted::Pattern;
use super::App;
use super::template::{Names, filled, of_directory, of_element};

/// Applications of one set.
const APPLICATIONS: usize = 5_000;

#[derive(Default)]
pub(super) struct Expanded {
    pub apps: Vec<App>,
    pub pattern: Option<Pattern>,
    pub left: Vec<Left>,
}

/// `number` is what its pattern is called.
pub(super) fn expanded(object: &Object, tree: &Tree, number: usize) -> Expanded {
    let mut made = Expanded::default();
    made.left.extend(object.unknown(
        "/spec",
        &[
            "generators",
            "template",
            "goTemplate",
            "goTemplateOptions",
            "syncPolicy",
            "preservedFields",
            "ignoreApplicationDifferences",
            "applyNestedSelectors",
        ],
    ));
    if object.get("/spec/templatePatch").is_some() {
        made.left.push(object.left(
            "/spec/templatePatch",
            "the Applications are patched by a template of text",
            "import what it made: kubectl get applications -A -o yaml | trimtab import argocd -",
        ));
        return made;
    }
    let generators = object.list("/spec/generators");
    for (index, generator) in generators.iter().enumerate() {
        let pointer = format!("/spec/generators/{index}");
        let kinds = generator.as_object().into_iter().flat_map(Map::keys);
        let kinds: Vec<&String> = kinds.filter(|it| *it != "selector").collect();
        if generator.get("selector").is_some_and(|it| !it.is_null()) {
            made.left.push(object.left(
                &format!("{pointer}/selector"),
                "what a generator gives is not selected from",
                "write the Applications that are meant, and import those",
            ));
            continue;
        }
        match kinds[..] {
            [kind] if kind == "list" => made.list(object, &pointer),
            [kind]
                if kind == "git"
                    && !object
                        .list(&format!("{pointer}/git/directories"))
                        .is_empty() =>
            {
                let pattern = (generators.len() == 1).then_some(number);
                made.directories(object, &pointer, tree, pattern);
            }
            _ => {
                let kind = kinds.first().map_or("nothing", |it| it.as_str());
                let files = kind == "git";
                made.left.push(object.left(
                    &pointer,
                    match files {
                        true => "the git generator of files is not carried over".to_owned(),
                        false => format!("the generator {} is not carried over", quoted(kind)),
                    },
                    "import what it made: kubectl get applications -A -o yaml | trimtab import argocd -",
                ));
            }
        }
    }
    made
}

impl Expanded {
    fn list(&mut self, object: &Object, pointer: &str) {
        let at = format!("{pointer}/list/elements");
        if object
            .get(&format!("{pointer}/list/elementsYaml"))
            .is_some()
        {
            self.left.push(object.left(
                &format!("{pointer}/list/elementsYaml"),
                "a list that is a template is not carried over",
                "import what it made: kubectl get applications -A -o yaml | trimtab import argocd -",
            ));
        }
        let is_go = object.flag("/spec/goTemplate") == Some(true);
        for element in object.list(&at) {
            if !self.app(object, pointer, "list", &of_element(element, is_go), None) {
                return;
            }
        }
    }

    fn directories(&mut self, object: &Object, pointer: &str, tree: &Tree, number: Option<usize>) {
        let at = format!("{pointer}/git");
        let is_go = object.flag("/spec/goTemplate") == Some(true);
        let prefix = object.text(&format!("{at}/pathParamPrefix"));
        let mut fault = match number {
            Some(_) => None,
            None => Some("it has several generators".to_owned()),
        };
        let (mut wanted, mut excluded) = (Vec::new(), Vec::new());
        for directory in object.list(&format!("{at}/directories")) {
            let path = directory["path"].as_str().and_then(|it| rooted(".", it));
            match (path, directory["exclude"].as_bool() == Some(true)) {
                (Some(path), false) => wanted.push(path),
                (Some(path), true) => excluded.push(path),
                (None, _) => {}
            }
        }
        let mut found = Vec::new();
        for pattern in &wanted {
            let Some(directories) = matched(tree, pattern) else {
                let next = "name the directories in spec.kits of the Repository";
                let why = format!("{} is no pattern of whole names and `*`", quoted(pattern));
                self.left
                    .push(object.left(&format!("{at}/directories"), why, next));
                continue;
            };
            found.extend(directories);
        }
        found.sort();
        found.dedup();
        let all = found.len();
        found.retain(|path| !excluded.iter().any(|pattern| fits(pattern, path)));
        if found.len() < all {
            fault.get_or_insert("a pattern of Trimtab's has no exceptions".to_owned());
        }
        if wanted.len() != 1 {
            fault.get_or_insert("it has several patterns".to_owned());
        }
        for path in &found {
            let mut names = of_directory(path, prefix, is_go);
            names.extend(values(object, &at, &names, is_go));
            if !self.app(object, pointer, "git", &names, number) {
                return self.no_pattern(object, Some("its template is not understood".into()));
            }
        }
        let [pattern] = &wanted[..] else {
            self.no_pattern(object, fault);
            return;
        };
        let rule = match fault {
            None => rule(object, pattern, prefix, is_go, &at),
            Some(fault) => Err(fault),
        };
        match rule {
            Ok(rule) => {
                self.pattern = Some(Pattern {
                    object: object.clone(),
                    rule,
                    fault: None,
                });
            }
            Err(fault) => self.no_pattern(object, Some(fault)),
        }
    }

    fn no_pattern(&mut self, object: &Object, fault: Option<String>) {
        self.pattern = Some(Pattern {
            object: object.clone(),
            rule: Map::new(),
            fault: Some(fault.unwrap_or_else(|| "its pattern is not known here".to_owned())),
        });
    }

    /// False if the template is more than is understood.
    fn app(
        &mut self,
        object: &Object,
        pointer: &str,
        kind: &str,
        names: &Names,
        pattern: Option<usize>,
    ) -> bool {
        let mut template = object.get("/spec/template").cloned().unwrap_or_default();
        // A generator may say more than the set does.
        if let Some(own) = object.get(&format!("{pointer}/{kind}/template")) {
            merge(&mut template, own);
        }
        let made = match filled(&template, names) {
            Ok(made) => made,
            Err(expression) => {
                self.left.push(object.left(
                    "/spec/template",
                    format!("{} in the template is more than a name", quoted(&expression)),
                    "import what it made: kubectl get applications -A -o yaml | trimtab import argocd -",
                ));
                return false;
            }
        };
        if self.apps.len() >= APPLICATIONS {
            let why = format!("it makes more than {APPLICATIONS} Applications");
            self.left
                .push(object.left(pointer, why, "make it several sets"));
            return false;
        }
        let name = made["metadata"]["name"].as_str().unwrap_or(&object.name);
        let name = name.to_owned();
        let object = object.made(made, "Application", &name, "/spec/template");
        self.apps.push(App { object, pattern });
        true
    }
}

/// `values` of a generator, which may name what it gives.
fn values(object: &Object, at: &str, names: &Names, is_go: bool) -> Names {
    let own = object.map(&format!("{at}/values")).into_iter().flatten();
    let lead = if is_go { "." } else { "" };
    let filled = own.filter_map(|(name, value)| {
        let value = filled(value, names).ok()?;
        Some((format!("{lead}values.{name}"), value.as_str()?.to_owned()))
    });
    filled.collect()
}

/// The entry in the Repository's `kits`: the template of a directory whose names are captures.
fn rule(
    object: &Object,
    pattern: &str,
    prefix: Option<&str>,
    is_go: bool,
    at: &str,
) -> Result<Map<String, Value>, String> {
    let stars = pattern.split('/').filter(|it| *it == "*").count();
    let mut star = 0;
    let segments = pattern.split('/').map(|segment| match segment {
        "*" => {
            star += 1;
            match star == stars {
                true => "{name}".to_owned(),
                false => format!("{{part{star}}}"),
            }
        }
        name => name.to_owned(),
    });
    let captured = segments.collect::<Vec<_>>().join("/");
    let mut names = of_directory(&captured, prefix, is_go);
    names.extend(values(object, at, &names, is_go));
    let template = object.get("/spec/template").cloned().unwrap_or_default();
    let made = filled(&template, &names).map_err(|it| format!("it has {}", quoted(&it)))?;
    let text = |pointer: &str| made.pointer(pointer).and_then(Value::as_str);
    let path = text("/spec/source/path").and_then(|it| rooted(".", it));
    let path = path.ok_or("its template has no path")?;
    let mut rule = Map::new();
    rule.insert("path".into(), path.into());
    rule.insert("clusterScoped".into(), true.into());
    if let Some(namespace) = text("/spec/destination/namespace") {
        rule.insert("namespace".into(), namespace.into());
        let options = made.pointer("/spec/syncPolicy/syncOptions");
        let create = options
            .and_then(Value::as_array)
            .is_some_and(|it| it.contains(&json!("CreateNamespace=true")));
        rule.insert("createNamespace".into(), create.into());
    }
    Ok(rule)
}

/// Directories that a pattern of whole names and `*` means; `None` if it is more.
fn matched(tree: &Tree, pattern: &str) -> Option<Vec<String>> {
    let mut level = vec![".".to_owned()];
    for segment in pattern.split('/') {
        if segment != "*" && segment.contains(['*', '?', '[', '\\', '{']) {
            return None;
        }
        let below = level.iter().flat_map(|above| {
            let names = tree.directories(above).into_iter();
            names
                .filter(|name| segment == "*" || name == segment)
                .map(|name| join(above, &name))
                .collect::<Vec<_>>()
        });
        level = below.collect();
    }
    Some(level)
}

fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&str>) =
        (pattern.split('/').collect(), path.split('/').collect());
    let same = |(a, b): (&&str, &&str)| *a == "*" || a == b;
    pattern.len() == path.len() && pattern.iter().zip(&path).all(same)
}

/// Fields of the second one over those of the first.
fn merge(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                merge(under.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (under, over) => *under = over.clone(),
    }
}
