//! An attack: a kit's files, and how they are to end.

use std::time::{Duration, Instant};

use trimtab::manifest::Finding;
use trimtab::pipeline::{Evaluation, Verdict};
use trimtab::sandbox::clean;

use crate::platform::{Platform, evaluator, told};

/// Bytes of a finding that a person still reads.
const READABLE: usize = 1_200;

/// What all attacks of a test may take together, in a debug build on a busy machine. One that the host
/// pays for takes many minutes; one that runs out of fuel takes five seconds.
const PATIENCE: Duration = Duration::from_secs(180);

pub struct Attack {
    /// Also the name of the kit's directory.
    name: &'static str,
    files: Vec<(String, Vec<u8>)>,
    links: Vec<(String, &'static str)>,
    end: End,
}

enum End {
    /// The rule; where, from the kit's directory on; words of the finding, its hint among them.
    Held(&'static str, &'static str, &'static [&'static str]),
    /// It is harmless after all, and gives objects with these texts.
    Renders(&'static [&'static str]),
}

impl Attack {
    pub fn by(name: &'static str) -> Self {
        Self {
            name,
            files: Vec::new(),
            links: Vec::new(),
            end: End::Renders(&[]),
        }
    }

    /// `path` is from the kit's directory, or with `/` from the repository's root.
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((self.place(path), content.into()));
        self
    }

    pub fn link(mut self, path: &str, to: &'static str) -> Self {
        self.links.push((self.place(path), to));
        self
    }

    pub fn kustomization(self, text: impl Into<Vec<u8>>) -> Self {
        self.file("kustomization.yaml", text)
    }

    /// With a kit.yaml.
    pub fn kit(self, spec: &str) -> Self {
        let name = self.name;
        let kit = format!(
            "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {{name: {name}}}\nspec: {spec}\n"
        );
        self.file("kit.yaml", kit)
    }

    /// With a chart whose values are `values.yaml`'s.
    pub fn chart(self, values: impl Into<Vec<u8>>) -> Self {
        self.file("Chart.yaml", CHART).file("values.yaml", values)
    }

    /// With a chart of one template.
    pub fn template(self, text: impl Into<Vec<u8>>) -> Self {
        self.file("Chart.yaml", CHART)
            .file("templates/a.yaml", text)
    }

    pub fn ends_held(
        mut self,
        rule: &'static str,
        place: &'static str,
        words: &'static [&'static str],
    ) -> Self {
        self.end = End::Held(rule, place, words);
        self
    }

    pub fn renders(mut self, texts: &'static [&'static str]) -> Self {
        self.end = End::Renders(texts);
        self
    }

    fn place(&self, path: &str) -> String {
        match path.strip_prefix('/') {
            Some(rooted) => rooted.to_owned(),
            None => format!("kits/{}/{path}", self.name),
        }
    }

    /// What is not as it should be.
    fn judge(&self, verdict: &Verdict) -> Vec<String> {
        let mut faults: Vec<String> = verdict.findings().filter_map(unfit).collect();
        let all = told(verdict).join("\n");
        match &self.end {
            End::Renders(texts) => {
                let missing = texts.iter().filter(|it| !all.contains(**it));
                faults.extend(missing.map(|it| format!("does not give {it:?}")));
                faults.extend(verdict.has_errors().then(|| "is held".to_owned()));
            }
            End::Held(rule, place, words) => {
                let Some(first) = verdict.findings().next() else {
                    faults.push("is not held".into());
                    return faults;
                };
                let origin = first.origin.as_ref().map(ToString::to_string);
                let place = format!("kits/{}/{place}", self.name);
                if first.rule != format!("trimtab/{rule}") || origin != Some(place) {
                    faults.push(format!("is held by {} at {origin:?}", first.rule));
                }
                let missing = words.iter().filter(|it| !all.contains(**it));
                faults.extend(missing.map(|it| format!("does not say {it:?}")));
                if !verdict.rendered.manifests.is_empty() {
                    faults.push("gives objects".into());
                }
            }
        }
        faults
    }
}

pub const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

/// Why a person could not be shown it.
fn unfit(finding: &Finding) -> Option<String> {
    let text = finding.to_string();
    if clean(&text, usize::MAX) != text {
        return Some("would paint a terminal".into());
    }
    if text.len() > READABLE {
        return Some(format!("takes {} bytes to say", text.len()));
    }
    finding.message.is_empty().then(|| "says nothing".into())
}

const NEIGHBOURS: [&str; 3] = ["kits/0-kustomize", "kits/0-plain", "kits/zz-helm"];

/// One of each kind, before and after the others.
fn write_neighbours(platform: &Platform) {
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let [kustomize, plain, helm] = NEIGHBOURS;
    platform.write(
        &format!("{kustomize}/kustomization.yaml"),
        "resources: [a.yaml]\nnamePrefix: x-\n",
    );
    platform.write(&format!("{kustomize}/a.yaml"), config);
    platform.write(&format!("{plain}/a.yaml"), config);
    platform.write(&format!("{helm}/Chart.yaml"), CHART);
    let template = config.replace("name: a", "name: {{ .Release.Name }}");
    platform.write(&format!("{helm}/templates/a.yaml"), template);
}

fn neighbours(evaluation: &Evaluation) -> Vec<Vec<String>> {
    let of = |path: &str| {
        evaluation
            .verdicts
            .iter()
            .find(|it| it.kit.path.as_str() == path)
    };
    NEIGHBOURS
        .map(|path| told(of(path).expect("a neighbour")))
        .into()
}

/// All in one revision, with neighbours of every kind. What they came to is printed.
pub fn all_are_held(attacks: Vec<Attack>) {
    let platform = Platform::new();
    write_neighbours(&platform);
    let alone = neighbours(&platform.evaluate(&mut evaluator(1)));
    for attack in &attacks {
        for (path, content) in &attack.files {
            platform.write(path, content);
        }
        for (path, to) in &attack.links {
            platform.link(path, to);
        }
    }
    let mut evaluator = evaluator(2);
    let began = Instant::now();
    let evaluation = platform.evaluate(&mut evaluator);
    println!("{} attacks took {:?}", attacks.len(), began.elapsed());
    assert!(began.elapsed() < PATIENCE, "it took {:?}", began.elapsed());
    assert_eq!(neighbours(&evaluation), alone);
    let mut faults = Vec::new();
    for attack in &attacks {
        let path = format!("kits/{}", attack.name);
        let verdict = evaluation
            .verdicts
            .iter()
            .find(|it| it.kit.path.as_str() == path)
            .unwrap_or_else(|| panic!("{path} is no kit"));
        let shown: String = told(verdict).join("\n").chars().take(4_000).collect();
        println!("--- {}\n{shown}", attack.name);
        let found = attack.judge(verdict);
        faults.extend(
            found
                .iter()
                .map(|it| format!("{} {it}:\n{shown}", attack.name)),
        );
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));

    // Another revision, of a neighbour's own: nobody pays for the attacks once more.
    platform.write(
        "kits/0-plain/b.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
    );
    let next = platform.evaluate(&mut evaluator);
    let looked_at = next.verdicts.iter().filter(|it| it.looked_at);
    let looked_at: Vec<&str> = looked_at.map(|it| it.kit.path.as_str()).collect();
    assert_eq!(looked_at, ["kits/0-plain"]);
}
