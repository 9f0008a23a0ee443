//! Tells outboxes what the statuses say, and keeps in them what was told: a host that starts anew
//! finds there what is still to be told, and tells nothing twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::cluster::Note;
use crate::kit::{
    COMMIT_STATUS, CommitStatusSpec, EventKind, Kit, KitPath, NotableStatus, Notifications,
    RevisionStatus, validate,
};
use crate::notify::{About, CommitState, News, Outbox, Pace, Report, Secrets};

use super::news::{delivered, is_due, is_of, keep, kit_news, own_news, target, time};
use super::repository::Actor;

/// Failures in a row until a repository that cannot be read is worth being told.
const FAILURES: u32 = 3;

pub(super) struct Notices {
    /// What the outboxes were made of.
    pub(super) opened: Option<(Notifications, String)>,
    pub(super) commit: Option<Outbox<CommitState>>,
    /// Of what kits' own outboxes are made, where the spec wants them.
    pub(super) per_kit: Option<(CommitStatusSpec, About, Secrets)>,
    pub(super) kits: BTreeMap<KitPath, Outbox<CommitState>>,
    /// Each with its name.
    webhooks: Vec<(String, Outbox<News>)>,
    pub(super) sender: mpsc::UnboundedSender<Report>,
    pub(super) reports: mpsc::UnboundedReceiver<Report>,
    /// When the newest event of each kit was that the outboxes know.
    told: BTreeMap<KitPath, Timestamp>,
    /// The revision whose failure was told.
    pub(super) failing: Option<String>,
}

impl Default for Notices {
    fn default() -> Self {
        let (sender, reports) = mpsc::unbounded_channel();
        Self {
            opened: None,
            commit: None,
            per_kit: None,
            kits: BTreeMap::new(),
            webhooks: Vec::new(),
            sender,
            reports,
            told: BTreeMap::new(),
            failing: None,
        }
    }
}

impl Notices {
    fn tell(&self, news: &News) {
        for (_, webhook) in &self.webhooks {
            webhook.tell(news.clone());
        }
    }
}

impl Actor {
    /// Brings the outboxes in line with the spec. What they had yet to send is found again in the
    /// statuses.
    pub(super) fn open_outboxes(&mut self) {
        let spec = &self.repository.spec;
        let wanted = spec.notifications.clone();
        let wanted = wanted.map(|it| (it, spec.url.clone()));
        if wanted == self.notices.opened {
            return;
        }
        self.notices = Notices::default();
        if wanted.is_none() {
            self.status.notifications = None;
        }
        let Some((notifications, url)) = wanted.clone().filter(|_| validate(spec).is_empty())
        else {
            return;
        };
        let provider = notifications.commit_status.as_ref();
        let about = About {
            namespace: self.namespace(),
            name: self.name(),
            url,
            provider: provider.and_then(|it| it.provider),
        };
        let (cluster, namespace) = (self.shared.cluster.clone(), self.namespace());
        let secrets: Secrets = Arc::new(move |name| {
            let (cluster, namespace) = (cluster.clone(), namespace.clone());
            Box::pin(async move {
                let read = cluster.secret(&namespace, &name).await;
                read.map_err(|error| error.to_string())
            })
        });
        let names = notifications.webhooks.iter().map(|it| it.name.clone());
        let names: Vec<String> = names.chain([COMMIT_STATUS.to_owned()]).collect();
        let kept = self.status.notifications.get_or_insert_default();
        let per_kit = notifications.commit_status.as_ref();
        let per_kit = per_kit.is_some_and(|it| it.per_kit);
        let of_kit = |name: &str| per_kit && kit_of(name).is_some();
        kept.targets
            .retain(|it| names.contains(&it.name) || of_kit(&it.name));
        let sender = self.notices.sender.clone();
        if let Some(spec) = &notifications.commit_status {
            let last = kept.targets.iter().find(|it| it.name == COMMIT_STATUS);
            let last = last.map(delivered).unwrap_or_default();
            let pace = Pace::default();
            match Outbox::of_commit_status(spec, None, last, &about, &secrets, &sender, pace) {
                Ok(outbox) => self.notices.commit = Some(outbox),
                Err(error) => tracing::error!(repository = %about.name, %error, "no commit status"),
            }
            let made_of = (spec.clone(), about.clone(), secrets.clone());
            self.notices.per_kit = per_kit.then_some(made_of);
        }
        let now = Timestamp::now();
        for webhook in &notifications.webhooks {
            let target = target(kept, &webhook.name);
            // Whoever is new hears what happens from now on.
            let until = target.until.get_or_insert_with(|| now.to_string());
            let until: Timestamp = until.parse().unwrap_or(now);
            let target = target.clone();
            let outbox = Outbox::of_webhook(webhook, &about, &secrets, &sender, Pace::default());
            self.notices.webhooks.push((webhook.name.clone(), outbox));
            let (_, outbox) = &self.notices.webhooks[self.notices.webhooks.len() - 1];
            let kits = self
                .shared
                .kits
                .of_repository(&about.namespace, &about.name);
            let kits_news = kits.iter().flat_map(|kit| kit_news(kit));
            for news in kits_news.filter(|it| is_due(&target, until, it.at)) {
                outbox.tell(news);
            }
            let own = kept.events.iter();
            let own = own.filter(|it| is_due(&target, until, time(it)));
            for event in own {
                let revision = self.status.revision.clone();
                let revision = revision.filter(|it| it.revision == event.revision);
                let changed = kits.iter().filter(|it| is_of(it, &event.revision));
                let changed = changed.filter_map(|it| it.path()).map(|it| it.to_string());
                let mut news = own_news(event, revision);
                if event.event == EventKind::Applied {
                    news.kits = changed.collect();
                }
                outbox.tell(news);
            }
        }
        for kit in self
            .shared
            .kits
            .of_repository(&about.namespace, &about.name)
        {
            self.know(&kit);
        }
        self.notices.opened = wanted;
    }

    fn know(&mut self, kit: &Kit) -> Option<Timestamp> {
        let events = &kit.status.as_ref()?.events;
        let newest = events.iter().map(time).max()?;
        self.notices.told.insert(kit.path()?, newest)
    }

    /// Tells what is new of a kit.
    pub(super) fn tell_kit(&mut self, path: &KitPath) {
        self.tell_kit_state(path);
        if self.notices.webhooks.is_empty() {
            return;
        }
        let kit = self.shared.kits.get(&self.namespace(), &path.object_name());
        let Some(kit) = kit.filter(|it| it.repository() == Some(&self.name())) else {
            return;
        };
        let known = self.know(&kit);
        for news in kit_news(&kit)
            .into_iter()
            .filter(|it| known.is_none_or(|known| it.at > known))
        {
            self.notices.tell(&news);
        }
    }

    /// Of each kind, the newest is kept; the same of one revision is told once.
    pub(super) fn tell_once(
        &mut self,
        event: EventKind,
        revision: Option<RevisionStatus>,
        message: String,
        kits: Vec<String>,
    ) {
        if self.notices.webhooks.is_empty() {
            return;
        }
        let id = revision
            .as_ref()
            .map(|it| it.revision.clone())
            .unwrap_or_default();
        let kept = self.status.notifications.get_or_insert_default();
        let told = kept
            .events
            .iter()
            .any(|it| it.event == event && it.revision == id);
        if told && event != EventKind::Recovered {
            return;
        }
        kept.events.retain(|it| it.event != event);
        let notable = NotableStatus {
            event,
            revision: id,
            message,
            at: Timestamp::now().to_string(),
        };
        let mut news = own_news(&notable, revision);
        news.kits = kits;
        kept.events.push(notable);
        self.notices.tell(&news);
    }

    pub(super) async fn tell_rewritten(&mut self, message: &str) {
        let revision = self.head.as_ref().map(|it| RevisionStatus::new(it, None));
        self.tell_once(
            EventKind::HistoryRewritten,
            revision,
            message.to_owned(),
            Vec::new(),
        );
        self.put_status().await;
    }

    /// A repository that cannot be read is told when it lasts, or is not for the network to mend.
    pub(super) async fn tell_source(&mut self, reason: &str, message: &str, passing: bool) {
        if reason == "Suspended" || (passing && self.failures < FAILURES) {
            return;
        }
        self.tell_once(
            EventKind::SourceFailed,
            None,
            message.to_owned(),
            Vec::new(),
        );
        self.put_status().await;
    }

    pub(super) async fn tell_source_recovered(&mut self) {
        let Some(kept) = &mut self.status.notifications else {
            return;
        };
        let before = kept.events.len();
        kept.events.retain(|it| it.event != EventKind::SourceFailed);
        if kept.events.len() < before {
            let message = "the repository can be read again".to_owned();
            self.tell_once(EventKind::Recovered, None, message, Vec::new());
            self.put_status().await;
        }
    }

    /// Keeps what was told.
    pub(super) async fn told_target(&mut self, report: Report) {
        let mut trouble = Vec::new();
        let mut next = Some(report);
        while let Some(report) = next {
            next = self.notices.reports.try_recv().ok();
            // A kit's own that made room for another one is not kept any more.
            if kit_of(&report.target).is_some_and(|it| !self.notices.kits.contains_key(&it)) {
                continue;
            }
            let kept = self.status.notifications.get_or_insert_default();
            let target = target(kept, &report.target);
            if let Some(receipt) = report.receipt {
                keep(target, receipt);
            }
            let first = target.problem.is_none() || report.given_up;
            if let Some(problem) = report.problem.as_ref().filter(|_| first) {
                trouble.push(format!("{}: {problem}", report.target));
            }
            target.problem = report.problem;
        }
        self.put_status().await;
        for message in trouble {
            let note = Note {
                warning: true,
                reason: "NotificationFailed",
                message,
            };
            self.publish(note).await;
        }
    }
}

/// The kit whose own status a target is.
pub(super) fn kit_of(target: &str) -> Option<KitPath> {
    let path = target.strip_prefix(COMMIT_STATUS)?.strip_prefix('/')?;
    Some(KitPath::new(path))
}
