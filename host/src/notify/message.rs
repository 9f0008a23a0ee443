//! What one delivery to a webhook says: news of one kind about one revision, of any number of kits.

use base64::Engine as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::kit::{EventKind, Provider, RevisionStatus};

use super::news::{News, commit_page, revision_json};
use super::text::{clipped, line, name};

/// Kits that a message names; it tells how many more there are.
pub(super) const KITS: usize = 20;

/// Whose news they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub namespace: String,
    pub name: String,
    /// The Repository's.
    pub url: String,
    pub provider: Option<Provider>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    /// All of one kind and one revision; never empty.
    pub news: Vec<News>,
}

impl Message {
    pub(super) fn first(&self) -> Option<&News> {
        self.news.first()
    }

    pub(super) fn event(&self) -> EventKind {
        self.first().map_or(EventKind::Applied, |it| it.event)
    }

    pub(super) fn revision(&self) -> Option<&RevisionStatus> {
        self.first()?.revision.as_ref()
    }

    pub(super) fn newest(&self) -> Timestamp {
        let times = self.news.iter().map(|it| it.at);
        times.max().unwrap_or_default()
    }

    /// The same for the same news, whatever host sends them and however often: a receiver can tell
    /// by it that it has them already.
    pub(super) fn id(&self, about: &About) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("{}/{}", about.namespace, about.name));
        for it in &self.news {
            let line = (it.event, &it.kit, it.revision_id(), it.at.to_string());
            hash.update(format!("\n{line:?}"));
        }
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        format!("msg_{}", engine.encode(&hash.finalize()[..18]))
    }

    /// `acme/platform at 1a2b3c4: 3 kits refused`, with nothing in it that the repository's
    /// authors wrote.
    pub(super) fn title(&self, about: &About) -> String {
        let place = format!("{}/{}", about.namespace, about.name);
        let at = match self.revision() {
            Some(revision) => format!("{place} at {}", revision.short),
            None => place,
        };
        let kits = self.news.iter().filter(|it| it.kit.is_some()).count();
        let whose = match kits {
            0 => "",
            1 => "a kit ",
            _ => return format!("{at}: {kits} kits {}", self.verb()),
        };
        format!("{at}: {whose}{}", self.verb())
    }

    fn verb(&self) -> &'static str {
        match self.event() {
            EventKind::Applied => "live and healthy",
            EventKind::Refused => "refused",
            EventKind::Failed => "not wholly applied",
            EventKind::Unhealthy => "not healthy",
            EventKind::RolledBack => "rolled back",
            EventKind::Held => "held by a person",
            EventKind::Recovered => "fine again",
            EventKind::Drift => "changed by hand",
            EventKind::SourceFailed => "cannot be read",
            EventKind::HistoryRewritten => "history was rewritten",
        }
    }

    /// Who made the revision, and what they said of it.
    pub(super) fn byline(&self) -> Option<String> {
        let revision = self.revision()?;
        let subject = clipped(&line(&revision.subject), 200);
        Some(format!("{}: {subject}", name(&revision.author)))
    }

    /// One text for each piece of news, as many as a message names, and how many more there are.
    pub(super) fn paragraphs(&self) -> Vec<String> {
        let mut all: Vec<String> = self.news.iter().take(KITS).map(paragraph).collect();
        let more = self.news.len().saturating_sub(KITS);
        if more > 0 {
            all.push(format!("and {more} more"));
        }
        all
    }

    pub(super) fn page(&self, about: &About) -> Option<String> {
        commit_page(&about.url, about.provider, &self.revision()?.revision)
    }

    /// All there is, as the default of a generic webhook and as what its template reads.
    pub(super) fn json(&self, about: &About) -> Value {
        let page = self.page(about);
        let revision = self.revision();
        let revision = revision.map(|it| revision_json(it, page.as_deref()));
        let news: Vec<Value> = self.news.iter().take(KITS).map(News::json).collect();
        json!({
            "id": self.id(about), "event": self.event(), "trouble": self.event().is_trouble(),
            "at": self.newest().to_string(), "title": self.title(about),
            "repository": {"namespace": about.namespace, "name": about.name},
            "revision": revision, "news": news,
            "more": self.news.len().saturating_sub(KITS),
        })
    }
}

fn paragraph(news: &News) -> String {
    let mut text = match &news.kit {
        Some(kit) => format!("{kit}: {}", news.words()),
        None => news.words(),
    };
    for finding in news.finding_lines() {
        if !text.contains(&finding) {
            text.push_str("\n• ");
            text.push_str(&finding);
        }
    }
    if !news.kits.is_empty() {
        let named: Vec<&str> = news.kits.iter().take(KITS).map(String::as_str).collect();
        let more = match news.kits.len().saturating_sub(KITS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        text.push_str(&format!("\n{}{more}", named.join(", ")));
    }
    text
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
