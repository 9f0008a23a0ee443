//! Tells outboxes what the statuses say, and keeps in them what was told: a host that starts anew
//! finds there what is still to be told, and tells nothing twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::cluster::Note;
use crate::kit::{
    COMMIT_STATUS, EventKind, Kit, KitPath, NotableStatus, Notifications, RevisionStatus, validate,
};
use crate::notify::{About, CommitState, News, Outbox, Pace, Receipt, Report, Secrets, State};

use super::news::{delivered, is_of, kit_news, own_news, target, time};
use super::notable::{KitAt, Standing, commit_state, standing};
use super::outcome::Outcome;
use super::repository::{Actor, KitState};

/// Failures in a row until a repository that cannot be read is worth being told.
const FAILURES: u32 = 3;

pub(super) struct Notices {
    /// What the outboxes were made of.
    opened: Option<(Notifications, String)>,
    commit: Option<Outbox<CommitState>>,
    /// Each with its name.
    webhooks: Vec<(String, Outbox<News>)>,
    sender: mpsc::UnboundedSender<Report>,
    pub(super) reports: mpsc::UnboundedReceiver<Report>,
    /// When the newest event of each kit was that the outboxes know.
    told: BTreeMap<KitPath, Timestamp>,
    /// The revision whose failure was told.
    failing: Option<String>,
}

impl Default for Notices {
    fn default() -> Self {
        let (sender, reports) = mpsc::unbounded_channel();
        Self {
            opened: None,
            commit: None,
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
        kept.targets.retain(|it| names.contains(&it.name));
        let sender = self.notices.sender.clone();
        if let Some(spec) = &notifications.commit_status {
            let last = kept.targets.iter().find(|it| it.name == COMMIT_STATUS);
            let last = last.and_then(delivered);
            let pace = Pace::default();
            match Outbox::of_commit_status(spec, last, &about, &secrets, &sender, pace) {
                Ok(outbox) => self.notices.commit = Some(outbox),
                Err(error) => tracing::error!(repository = %about.name, %error, "no commit status"),
            }
        }
        let now = Timestamp::now();
        for webhook in &notifications.webhooks {
            let target = target(kept, &webhook.name);
            // Whoever is new hears what happens from now on.
            let until = target.until.get_or_insert_with(|| now.to_string());
            let until: Timestamp = until.parse().unwrap_or(now);
            let outbox = Outbox::of_webhook(webhook, &about, &secrets, &sender, Pace::default());
            self.notices.webhooks.push((webhook.name.clone(), outbox));
            let (_, outbox) = &self.notices.webhooks[self.notices.webhooks.len() - 1];
            let kits = self
                .shared
                .kits
                .of_repository(&about.namespace, &about.name);
            let kits_news = kits.iter().flat_map(|kit| kit_news(kit));
            for news in kits_news.filter(|it| it.at > until) {
                outbox.tell(news);
            }
            let own = kept.events.iter().filter(|it| time(it) > until);
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

    /// Tells that a revision was found.
    pub(super) fn tell_found(&mut self) {
        if let (Some(outbox), Some(head)) = (&self.notices.commit, &self.head) {
            outbox.tell(commit_state(head.revision.as_str(), &Standing::OnItsWay));
        }
    }

    /// Tells how far the newest revision is. The status is to be written after it.
    pub(super) fn tell_revision(&mut self) {
        if self.notices.opened.is_none() || self.deleting {
            return;
        }
        // Of what was found since, nothing is known yet.
        let evaluated = self.status.revision.clone();
        let head = self.head.as_ref().map(|it| it.revision.as_str());
        let Some(revision) = evaluated.filter(|it| Some(it.revision.as_str()) == head) else {
            return;
        };
        // While the platform is held, or may not be held where it is to be, nothing is known of what
        // was committed since.
        let held = self.repository.spec.revision.is_some();
        let taken = self.taken.as_ref().map(|it| it.revision.as_str());
        if self.evaluating.is_some() || held && taken != head {
            return;
        }
        let standing = self.standing(&revision.revision);
        let failing = matches!(standing, Standing::Failing(_));
        self.notices.failing = failing.then(|| revision.revision.clone());
        if let Some(outbox) = &self.notices.commit {
            outbox.tell(commit_state(&revision.revision, &standing));
        }
        match standing {
            Standing::Live { kits, .. } if !kits.is_empty() => {
                let count = kits.len();
                let message = match count {
                    1 => "1 kit is live and healthy".to_owned(),
                    _ => format!("{count} kits are live and healthy"),
                };
                let kits = kits.iter().map(ToString::to_string).collect();
                self.tell_once(EventKind::Applied, Some(revision), message, kits);
            }
            Standing::Failing(words) if self.findings.iter().any(|it| it.is_error()) => {
                self.tell_once(EventKind::Refused, Some(revision), words, Vec::new());
            }
            _ => {}
        }
    }

    /// Tells that a revision may not be taken up.
    pub(super) async fn tell_refused(&mut self, revision: &str, message: &str) {
        if let Some(outbox) = &self.notices.commit {
            outbox.tell(CommitState::new(revision, State::Failure, message));
        }
        let head = self.head.as_ref().map(|it| RevisionStatus::new(it, None));
        let head = head.filter(|it| it.revision == revision);
        self.tell_once(EventKind::Refused, head, message.to_owned(), Vec::new());
        self.put_status().await;
    }

    /// Tells a failure before all other kits have settled.
    pub(super) fn tell_failure(&mut self, path: &KitPath) {
        let outcome = self.kits.get(path).and_then(|it| it.outcome.as_ref());
        let failed = match outcome {
            Some(Outcome::Refused | Outcome::Failed) => true,
            Some(Outcome::Applied { health, .. }) => health.is_bad(),
            _ => false,
        };
        let head = self.head.as_ref().map(|it| it.revision.as_str());
        // The next ones are told with all the others, once these are at rest.
        if failed && self.notices.failing.as_deref() != head {
            self.tell_revision();
        }
    }

    fn standing(&self, revision: &str) -> Standing {
        let namespace = self.namespace();
        let known: Vec<(&KitPath, Option<Arc<Kit>>, String, &KitState)> = self
            .kits
            .iter()
            .filter(|(_, state)| !state.has_left())
            .map(|(path, state)| {
                let inputs = match &state.quarantine {
                    Some(quarantine) => quarantine.inputs.clone(),
                    None => state.verdict.kit.inputs.to_string(),
                };
                let kit = self.shared.kits.get(&namespace, &path.object_name());
                (path, kit, inputs, state)
            })
            .collect();
        let kits = known.iter().map(|(path, kit, inputs, state)| KitAt {
            path,
            status: kit.as_ref().and_then(|it| it.status.as_ref()),
            inputs: inputs.clone(),
            idle: state.running.is_none(),
            held: state.verdict.pinned.is_some() || kit.as_ref().is_some_and(|it| it.spec.suspend),
        });
        standing(revision, kits, &self.findings)
    }

    /// Of each kind, the newest is kept; the same of one revision is told once.
    fn tell_once(
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
            let kept = self.status.notifications.get_or_insert_default();
            let target = target(kept, &report.target);
            match report.receipt {
                Some(Receipt::Until(at)) => target.until = Some(at.to_string()),
                Some(Receipt::State(told)) => {
                    target.digest = Some(told.digest());
                    target.state = Some(told.state.as_str().to_owned());
                    target.revision = Some(told.revision);
                }
                None => {}
            }
            if let (None, Some(problem)) = (&target.problem, &report.problem) {
                trouble.push(format!("{}: {problem}", report.target));
            }
            target.problem = report.problem;
            next = self.notices.reports.try_recv().ok();
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
