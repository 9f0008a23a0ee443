//! Images from mirrors, and by the digests of a lock file.

mod lock;
mod mirror;

use std::fmt::Display;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use trimtab_plugin::image::{self, Reference};
use trimtab_plugin::{
    Context, Exemption, Level, Levels, Object, Report, Rule, Transformer, pod_spec,
};

use lock::Lock;
use mirror::Mirrors;

/// Where images come from instead, and how they are pinned.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Mirrors by the registry or repository that they stand for; `*` is all. The longest wins.
    pub mirrors: Mirrors,
    /// Whether images are pinned by the lock files in `data`; by default if there are any.
    pub pin: Option<bool>,
    /// Leave tags out where there is a digest.
    pub drop_tags: bool,
    /// Where custom resources name images.
    pub fields: Vec<Field>,
    /// `error`, `warning`, `info` or `ignore` by a rule's id.
    pub levels: Levels<ImageRewrite>,
    /// What is left alone.
    pub exempt: Vec<Exemption>,
}

/// Where objects name images.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Field {
    /// Kinds, as `Prometheus` or `Prometheus.monitoring.coreos.com`.
    pub kinds: Vec<String>,
    /// Pointers (RFC 6901) in which `*` is each item: `/spec/containers/*/image`.
    pub paths: Vec<String>,
}

pub struct ImageRewrite;

impl Rule for ImageRewrite {
    type Settings = Settings;
    const NAME: &'static str = "image-rewrite";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Takes images from mirrors, and pins them by a lock file.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        ("reference", "what names an image is a reference"),
        (
            "unlocked",
            "the lock has an entry for an image that is named by tag",
        ),
        ("differs", "the digest that is written is the lock's"),
        ("lock", "the lock file says which image has which digest"),
    ];
}

/// One place that names an image.
struct Place {
    pointer: String,
    /// `container web`; where a custom resource names it, the pointer.
    owner: String,
    image: String,
}

impl Transformer for ImageRewrite {
    fn transform(context: &Context<Settings>, objects: &mut Vec<Object>, report: &mut Report) {
        let settings = &context.settings;
        let lock = match settings.pin.unwrap_or(!context.data.is_empty()) {
            true => Some(Lock::read(&context.data, |message, document| {
                let level = settings.levels.of("lock", Level::Error);
                report.tell(level, "lock", message, document, "");
            })),
            false => None,
        };
        let mut rewriter = Rewriter {
            settings,
            lock,
            report,
        };
        for object in objects {
            for place in places(settings, object) {
                let image = rewriter.rewritten(&place, object);
                if let (Some(image), Some(value)) =
                    (image, object.value.pointer_mut(&place.pointer))
                {
                    *value = Value::from(image);
                }
            }
        }
    }
}

fn places(settings: &Settings, object: &Object) -> Vec<Place> {
    let spared = |container| Exemption::any(&settings.exempt, "", object, container);
    let pods = pod_spec(object).map(|pods| pods.images());
    let pods = pods.into_iter().flatten();
    let named = pods.filter(|it| !spared(it.container)).filter_map(|it| {
        Some(Place {
            image: it.image.as_str()?.to_owned(),
            pointer: it.pointer,
            owner: it.owner,
        })
    });
    let fields = settings.fields.iter();
    let fields = fields.filter(|it| it.kinds.iter().any(|kind| object.is_kind(kind)));
    let custom = fields
        .flat_map(|it| &it.paths)
        .flat_map(|path| object.places(path))
        .filter(|_| !spared(None))
        .filter_map(|pointer| {
            Some(Place {
                image: object.at(&pointer).as_str()?.to_owned(),
                owner: pointer.clone(),
                pointer,
            })
        });
    named
        .chain(custom)
        .filter(|it| !it.image.is_empty())
        .collect()
}

struct Rewriter<'r> {
    settings: &'r Settings,
    lock: Option<Lock<'r>>,
    report: &'r mut Report,
}

impl Rewriter<'_> {
    fn tell(
        &mut self,
        rule: &str,
        otherwise: Level,
        place: &Place,
        object: &Object,
        message: impl Display,
        instead: Option<&str>,
    ) {
        if Exemption::any(&self.settings.exempt, rule, object, None) {
            return;
        }
        let level = self.settings.levels.of(rule, otherwise);
        let message = format!("{}: {message}", place.owner);
        let told = self
            .report
            .tell(level, rule, message, object, &place.pointer);
        if let (Some(finding), Some(instead)) = (told, instead) {
            finding.propose(instead);
        }
    }

    /// None if it stays as it is.
    fn rewritten(&mut self, place: &Place, object: &Object) -> Option<String> {
        let image = match image::parse(&place.image) {
            Ok(image) => image,
            Err(fault) => {
                let message = format!("{:?} is no image reference: {fault}", place.image);
                self.tell("reference", Level::Error, place, object, message, None);
                return None;
            }
        };
        let mirrored = self.settings.mirrors.instead_of(&image.repository);
        let digest = self.pinned(place, object, &image, mirrored.as_deref());
        let name = mirrored.as_deref().unwrap_or(image.written);
        let tag = image
            .tag
            .filter(|_| digest.is_none() || !self.settings.drop_tags);
        let text = written(name, tag, digest.as_deref());
        (text != place.image).then_some(text)
    }

    /// The digest that is written, or the lock's.
    fn pinned(
        &mut self,
        place: &Place,
        object: &Object,
        image: &Reference<'_>,
        mirrored: Option<&str>,
    ) -> Option<String> {
        let own = image.digest.map(str::to_owned);
        let Some(lock) = &self.lock else { return own };
        let mut names = [Some(&*image.repository), mirrored].into_iter().flatten();
        let tag = image.tag.unwrap_or("latest");
        // What is named by digest alone is of no tag that a lock could know.
        let asked = own.is_none() || image.tag.is_some();
        let locked = names
            .find_map(|name| lock.digest(name, tag))
            .filter(|_| asked)
            .map(str::to_owned);
        match (own, locked) {
            (Some(own), Some(locked)) if own != locked => {
                let message = format!(
                    "the digest of {}:{tag} is {own}, and {locked} in the lock; it stays as it is written",
                    image.written
                );
                let instead = written(image.written, image.tag, Some(&locked));
                self.tell(
                    "differs",
                    Level::Error,
                    place,
                    object,
                    message,
                    Some(&instead),
                );
                Some(own)
            }
            (None, None) => {
                let message = format!(
                    "{} has no entry in the lock; add {}:{tag} with its digest, as `crane digest` prints it",
                    place.image, image.repository
                );
                self.tell("unlocked", Level::Error, place, object, message, None);
                None
            }
            (own, locked) => own.or(locked),
        }
    }
}

fn written(name: &str, tag: Option<&str>, digest: Option<&str>) -> String {
    let (colon, at) = (tag.map_or("", |_| ":"), digest.map_or("", |_| "@"));
    let (tag, digest) = (tag.unwrap_or_default(), digest.unwrap_or_default());
    format!("{name}{colon}{tag}{at}{digest}")
}

trimtab_plugin::export_transformer!(ImageRewrite);

#[cfg(test)]
mod tests;
