//! Where images come from, and by what they are named.

mod repositories;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use trimtab_plugin::image::{self, Reference};
use trimtab_plugin::{
    Context, Exemption, Finished, ImagePlace, Object, Pattern, Report, Rule, Validator, WORKLOADS,
    pod_spec,
};

use repositories::Repositories;

/// Which images are allowed.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Registries and repositories that images may come from; any by default.
    pub allow: Vec<Repositories>,
    /// Registries and repositories that they may not come from, whatever `allow` says.
    pub deny: Vec<Repositories>,
    /// Patterns of tags that move from image to image; `latest` by default. No tag is `latest`.
    pub floating_tags: Vec<Pattern>,
    /// Registries and repositories whose tags may move.
    pub floating: Vec<Repositories>,
    /// Registries and repositories whose images must be named by digest; none by default, `*` is all.
    pub digests: Vec<Repositories>,
    /// What is left alone.
    pub exempt: Vec<Exemption>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            deny: Vec::new(),
            floating_tags: vec![Pattern::new("latest")],
            floating: Vec::new(),
            digests: Vec::new(),
            exempt: Vec::new(),
        }
    }
}

pub struct Images;

impl Rule for Images {
    type Settings = Settings;
    const NAME: &'static str = "images";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Images come from allowed registries, and are named by what does not move.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        (
            "reference",
            "every container names an image, by a reference that is one",
        ),
        (
            "repository",
            "an image is of settings.allow and not of settings.deny",
        ),
        (
            "tag",
            "an image's tag is not of settings.floatingTags, unless it has a digest",
        ),
        ("digest", "an image of settings.digests is named by digest"),
    ];
    const KINDS: &'static [&'static str] = WORKLOADS;
}

/// One place that names an image, and the object that it is of.
struct Place<'o> {
    object: &'o Object,
    at: ImagePlace<'o>,
}

impl Validator for Images {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        let places: Vec<Place<'_>> = objects.iter().flat_map(places).collect();
        let known: Vec<Reference<'_>> = places
            .iter()
            .filter_map(|place| image::parse(place.at.image.as_str()?).ok())
            .collect();
        let mut judge = Judge {
            settings: &context.settings,
            known: &known,
            report,
        };
        for place in &places {
            judge.image(place);
        }
    }
}

fn places(object: &Object) -> Vec<Place<'_>> {
    let images = pod_spec(object).map(|pods| pods.images());
    let images = images.into_iter().flatten();
    images.map(|at| Place { object, at }).collect()
}

struct Judge<'j> {
    settings: &'j Settings,
    /// All images of the kit, to propose from.
    known: &'j [Reference<'j>],
    report: &'j mut Report,
}

impl Judge<'_> {
    fn error(&mut self, rule: &str, place: &Place<'_>, message: &str) -> Option<Finished<'_>> {
        let exempt = &self.settings.exempt;
        if Exemption::any(exempt, rule, place.object, place.at.container) {
            return None;
        }
        let message = format!("{}: {message}", place.at.owner);
        Some(
            self.report
                .error(rule, message, place.object, &place.at.pointer),
        )
    }

    fn image(&mut self, place: &Place<'_>) {
        let text = match place.at.image {
            Value::Null => "",
            Value::String(text) => text,
            _ => {
                self.error("reference", place, "the image is no text");
                return;
            }
        };
        if text.is_empty() {
            self.error("reference", place, "no image is named");
            return;
        }
        match image::parse(text) {
            Ok(image) => {
                self.repository(place, &image);
                self.tag(place, &image);
                self.digest(place, &image);
            }
            Err(fault) => {
                let message = format!("{text:?} is no image reference: {fault}");
                let lower = text.to_lowercase();
                if let Some(finding) = self.error("reference", place, &message)
                    && fault == "a repository is in lower case"
                    && image::parse(&lower).is_ok()
                {
                    finding.propose(lower);
                }
            }
        }
    }

    fn repository(&mut self, place: &Place<'_>, image: &Reference<'_>) {
        let settings = self.settings;
        let name = full(image);
        if let Some(denied) = Repositories::find(&settings.deny, &image.repository) {
            let message = format!("{name} may not be used; denied is {denied}");
            self.error("repository", place, &message);
            return;
        }
        let allow = &settings.allow;
        if allow.is_empty() || Repositories::find(allow, &image.repository).is_some() {
            return;
        }
        let message = format!(
            "{name} is not of an allowed repository; allowed are {}",
            list(allow)
        );
        let instead = allow
            .iter()
            .find_map(|it| it.instead_of(&image.repository))
            .map(|repository| text_of(repository, image.tag, image.digest));
        propose(self.error("repository", place, &message), instead);
    }

    fn tag(&mut self, place: &Place<'_>, image: &Reference<'_>) {
        let settings = self.settings;
        let floats = |image: &Reference<'_>| {
            image.digest.is_none()
                && Pattern::any(&settings.floating_tags, image.tag.unwrap_or("latest"))
        };
        if !floats(image) || Repositories::find(&settings.floating, &image.repository).is_some() {
            return;
        }
        let named = match image.tag {
            Some(tag) => format!("the tag {tag} of {} moves", image.written),
            None => format!("{} has no tag, which is the tag latest", image.written),
        };
        let message = format!("{named}: nobody can tell what runs; name a version or a digest");
        // What the kit has elsewhere is a version that exists.
        let instead = self
            .known
            .iter()
            .find(|it| it.repository == image.repository && !floats(it))
            .map(|it| text_of(it.written, it.tag, it.digest));
        propose(self.error("tag", place, &message), instead);
    }

    fn digest(&mut self, place: &Place<'_>, image: &Reference<'_>) {
        if image.digest.is_some() {
            return;
        }
        let Some(wanted) = Repositories::find(&self.settings.digests, &image.repository) else {
            return;
        };
        let named = text_of(image.written, image.tag, None);
        let message = format!(
            "{named} has no digest, which images of {wanted} need; write {named}@sha256:…, as `crane digest {named}` prints it"
        );
        let same = |it: &&Reference<'_>| {
            it.repository == image.repository && it.tag == image.tag && it.digest.is_some()
        };
        let instead = self.known.iter().find(same);
        let instead = instead.map(|it| text_of(image.written, image.tag, it.digest));
        propose(self.error("digest", place, &message), instead);
    }
}

fn propose(finding: Option<Finished<'_>>, instead: Option<String>) {
    if let (Some(finding), Some(instead)) = (finding, instead) {
        finding.propose(instead);
    }
}

/// A short name with what it stands for.
fn full(image: &Reference<'_>) -> String {
    match image.written == image.repository {
        true => image.repository.clone(),
        false => format!("{} ({})", image.written, image.repository),
    }
}

fn text_of(name: &str, tag: Option<&str>, digest: Option<&str>) -> String {
    let (colon, at) = (tag.map_or("", |_| ":"), digest.map_or("", |_| "@"));
    let (tag, digest) = (tag.unwrap_or_default(), digest.unwrap_or_default());
    format!("{name}{colon}{tag}{at}{digest}")
}

fn list(repositories: &[Repositories]) -> String {
    let texts: Vec<String> = repositories.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

trimtab_plugin::export_validator!(Images);

#[cfg(test)]
mod tests;
