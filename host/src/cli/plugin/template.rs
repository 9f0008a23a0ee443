//! What `trimtab plugin new` writes: a small rule with cases, in each language, and the SDK where
//! no registry has it.

use super::project::Language;
use super::{cargo, node, project, python};

type Files = &'static [(&'static str, &'static str)];

const RUST: Files = &[
    (cargo::MANIFEST, include_str!("rust/Cargo.toml.template")),
    ("src/lib.rs", include_str!("rust/lib.rs.template")),
    ("README.md", include_str!("rust/README.md.template")),
    (".gitignore", "/target\n"),
];
const JAVASCRIPT: Files = &[
    (
        project::PACKAGE_JSON,
        include_str!("javascript/package.json.template"),
    ),
    (
        "src/plugin.js",
        include_str!("javascript/plugin.js.template"),
    ),
    ("README.md", include_str!("javascript/README.md.template")),
    (".gitignore", "/node_modules\n/target\n"),
];
const TYPESCRIPT: Files = &[
    (
        project::PACKAGE_JSON,
        include_str!("typescript/package.json.template"),
    ),
    (
        "tsconfig.json",
        include_str!("typescript/tsconfig.json.template"),
    ),
    (
        "src/plugin.ts",
        include_str!("typescript/plugin.ts.template"),
    ),
    ("README.md", include_str!("javascript/README.md.template")),
    (".gitignore", "/node_modules\n/target\n"),
];
const PYTHON: Files = &[
    (
        project::PYPROJECT,
        include_str!("python/pyproject.toml.template"),
    ),
    (
        "requirements.txt",
        include_str!("python/requirements.txt.template"),
    ),
    ("src/plugin.py", include_str!("python/plugin.py.template")),
    ("README.md", include_str!("python/README.md.template")),
    (".gitignore", "/.trimtab\n/target\n__pycache__/\n"),
];
const CASES: Files = &[
    (
        "cases/too-many-replicas/input.yaml",
        include_str!("cases/deployment.yaml.template"),
    ),
    ("cases/too-many-replicas/settings.yaml", "maxReplicas: 2\n"),
    (
        "cases/too-many-replicas/expected.yaml",
        include_str!("cases/too-many.yaml.template"),
    ),
    (
        "cases/within-the-limit/input.yaml",
        include_str!("cases/deployment.yaml.template"),
    ),
    ("cases/within-the-limit/expected.yaml", "[]\n"),
];

/// Files of the SDK by their names in its folder.
macro_rules! sdk {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../plugins/sdk/", $folder, "/", $name)))),*]
    };
}

const JAVASCRIPT_SDK: Files = sdk!("javascript":
    "package.json", "index.js", "index.d.ts", "component.js", "field-pattern.js", "image.js",
    "object.js", "plugin.js", "pointer.js", "report.js", "selection.js", "settings.js", "workload.js",
);
const PYTHON_SDK: Files = sdk!("python":
    "trimtab_plugin/__init__.py", "trimtab_plugin/component.py", "trimtab_plugin/field_pattern.py",
    "trimtab_plugin/image.py", "trimtab_plugin/kubernetes.py", "trimtab_plugin/plugin.py",
    "trimtab_plugin/pointer.py", "trimtab_plugin/py.typed", "trimtab_plugin/report.py",
    "trimtab_plugin/selection.py", "trimtab_plugin/settings.py", "trimtab_plugin/workload.py",
);

/// Where a project has its own copy of the SDK.
pub(super) const SDK: &str = "sdk";

/// A project's files, with what is in braces filled in; `sdk` as its manifest names it.
pub(super) fn project(language: Language, name: &str, sdk: &str) -> Vec<(String, String)> {
    let files = match language {
        Language::Rust => RUST,
        Language::Javascript => JAVASCRIPT,
        Language::Typescript => TYPESCRIPT,
        Language::Python => PYTHON,
    };
    let fill = |text: &str| {
        let tool = match language {
            Language::Python => python::COMPONENTIZE,
            _ => node::COMPONENTIZE,
        };
        text.replace("{name}", name)
            .replace("{type}", &type_name(name))
            .replace("{sdk}", sdk)
            .replace("{componentize}", tool)
            .replace("{esbuild}", node::ESBUILD)
            .replace("{typescript}", node::TYPESCRIPT)
    };
    let own = files.iter().map(|(path, text)| (*path, fill(text)));
    let cases = CASES.iter().map(|(path, text)| (*path, (*text).to_owned()));
    own.chain(cases)
        .map(|(path, text)| (path.to_owned(), text))
        .collect()
}

/// The SDK as a project has a copy of it; none for Rust, which depends on a crate.
pub(super) fn sdk(language: Language) -> Vec<(String, String)> {
    let files = match language {
        Language::Rust => &[],
        Language::Javascript | Language::Typescript => JAVASCRIPT_SDK,
        Language::Python => PYTHON_SDK,
    };
    let copied = |(name, text): &(&str, &str)| (format!("{SDK}/{name}"), (*text).to_owned());
    files.iter().map(copied).collect()
}

/// `max-replicas` as `MaxReplicas`.
fn type_name(name: &str) -> String {
    name.split('-')
        .flat_map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            [first.to_uppercase(), rest.to_owned()]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_name_becomes_a_type() {
        assert_eq!(type_name("max-replicas-2"), "MaxReplicas2");
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        for language in [
            Language::Rust,
            Language::Javascript,
            Language::Typescript,
            Language::Python,
        ] {
            for (path, text) in project(language, "a-rule", "sdk") {
                for word in [
                    "name",
                    "type",
                    "sdk",
                    "componentize",
                    "esbuild",
                    "typescript",
                ] {
                    assert!(!text.contains(&format!("{{{word}}}")), "{path}: {word}");
                }
            }
        }
    }

    #[test]
    fn the_copy_of_an_sdk_has_every_file_of_it() {
        let sdks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/sdk");
        for (language, folder, extensions) in [
            (Language::Javascript, "javascript", &["js", "ts"][..]),
            (Language::Python, "python/trimtab_plugin", &["py", "typed"]),
        ] {
            let copied = sdk(language);
            for entry in std::fs::read_dir(sdks.join(folder)).expect("the SDK") {
                let path = entry.expect("an entry").path();
                let name = path
                    .file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned();
                let is_code = extensions
                    .iter()
                    .any(|it| name.ends_with(&format!(".{it}")));
                let is_there = copied
                    .iter()
                    .any(|(path, _)| path.ends_with(&format!("/{name}")));
                assert!(!is_code || is_there, "{name} is not copied");
            }
        }
    }
}
