//! Recording beside the work: whoever records never waits for the database. What waits is appended
//! in one transaction, and tried again while the database is away.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use super::append::{Anchor, Numbered};
use super::database::{self, Store};
use super::entry::{Cause, Entry, Outcome};
use super::error::HistoryError;
use super::spool::{Batch, Spool};

/// Entries of one transaction, and the bytes that are read for them.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 4 << 20;
/// Entries that are kept in memory where the spool's disk is full.
const IN_MEMORY: usize = 10_000;
/// A database that does not answer by then is away.
const PATIENCE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often old records are looked for.
const RETENTION: Duration = Duration::from_secs(3600);

#[derive(Clone)]
pub struct WriterOptions {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// A file for what waits; no two writers share one.
    pub spool: PathBuf,
    /// What is older is let go; all is kept if nothing is said.
    pub keep: Option<Duration>,
}

/// Without the URL's password.
impl std::fmt::Debug for WriterOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WriterOptions")
            .field("spool", &self.spool)
            .field("keep", &self.keep)
            .finish_non_exhaustive()
    }
}

/// Records. Clones are the same one; with the last of them the writing ends, and what waits is in the
/// spool.
#[derive(Clone)]
pub struct Writer {
    pub(super) shared: Arc<Shared>,
    _writing: Arc<Writing>,
}

struct Writing(tokio::task::AbortHandle);

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) struct Shared {
    waiting: Mutex<Waiting>,
    pub(super) wake: Notify,
    pub(super) progress: watch::Sender<Progress>,
}

pub(super) struct Waiting {
    spool: Spool,
    /// What came when the spool could not be written.
    memory: VecDeque<Entry>,
    /// Entries that nothing had room for.
    lost: u64,
    taken: u64,
    /// What the chain must have, by Repository, and is yet to be looked for.
    pub(super) expected: BTreeMap<Of, Anchor>,
}

/// A Repository: its namespace and name.
pub(super) type Of = (String, String);

#[derive(Clone, Default)]
pub(super) struct Progress {
    stored: u64,
    pub(super) anchor: Option<Anchor>,
    /// What Repositories know of the record, and the chain does not have.
    pub(super) lost: BTreeMap<Of, Anchor>,
    trouble: Option<String>,
    store: Option<Store>,
}

impl Writer {
    /// Begins, on this runtime; what an earlier host left in the spool is recorded first. The
    /// database may be away.
    ///
    /// # Errors
    /// That the URL is none, or the spool cannot be used.
    pub fn start(options: WriterOptions) -> Result<Self, HistoryError> {
        database::place(&options.url)?;
        let spool = Spool::open(&options.spool).map_err(|reason| HistoryError::File {
            path: options.spool.display().to_string(),
            reason,
        })?;
        let waiting = Waiting {
            taken: spool.count() as u64,
            spool,
            memory: VecDeque::new(),
            lost: 0,
            expected: BTreeMap::new(),
        };
        let shared = Arc::new(Shared {
            waiting: Mutex::new(waiting),
            wake: Notify::new(),
            progress: watch::Sender::new(Progress::default()),
        });
        let hand = Hand {
            shared: shared.clone(),
            options,
            store: None,
            retained: None,
        };
        let writing = Writing(tokio::spawn(hand.write()).abort_handle());
        Ok(Self {
            shared,
            _writing: Arc::new(writing),
        })
    }

    /// Takes an entry, and returns at once. It is in a file then, unless the disk is full.
    pub fn record(&self, entry: Entry) {
        let entry = entry.bounded();
        let mut waiting = self.shared.waiting();
        waiting.taken += 1;
        // In the order in which they came: none passes those in memory.
        if waiting.memory.is_empty() {
            match waiting.spool.push(entry.clone()) {
                Ok(()) => {
                    drop(waiting);
                    return self.shared.wake.notify_one();
                }
                Err(error) => {
                    tracing::warn!(%error, "the history's spool cannot be written; what is to be recorded is in memory alone")
                }
            }
        }
        if waiting.memory.len() < IN_MEMORY {
            waiting.memory.push_back(entry);
        } else {
            waiting.lost += 1;
        }
        drop(waiting);
        self.shared.wake.notify_one();
    }

    /// Why nothing is recorded at the moment.
    pub fn trouble(&self) -> Option<String> {
        self.shared.progress.borrow().trouble.clone()
    }

    /// The last entry of this writer that the database has.
    pub fn anchor(&self) -> Option<Anchor> {
        self.shared.progress.borrow().anchor
    }

    /// The database, once it has been there.
    pub fn store(&self) -> Option<Store> {
        self.shared.progress.borrow().store.clone()
    }

    /// Waits until the database has what was taken until now. False if the time is over before;
    /// then it is in the spool, and recorded later.
    pub async fn settled(&self, deadline: Duration) -> bool {
        let taken = self.shared.waiting().taken;
        let mut progress = self.shared.progress.subscribe();
        let stored = progress.wait_for(|it| it.stored >= taken);
        tokio::time::timeout(deadline, stored)
            .await
            .is_ok_and(|it| it.is_ok())
    }
}

impl Shared {
    pub(super) fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Whoever panicked has not left a half entry: it would be past the end.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stored(&self, count: u64, last: Option<&Anchor>) {
        self.progress.send_modify(|progress| {
            progress.stored += count;
            progress.anchor = last.copied().or(progress.anchor);
        });
    }

    /// Tells of trouble once.
    fn troubled(&self, trouble: Option<String>) {
        self.progress.send_if_modified(|progress| {
            if progress.trouble == trouble {
                return false;
            }
            match &trouble {
                Some(trouble) => tracing::warn!(%trouble, "the history is not written"),
                None => tracing::info!("the history is written again"),
            }
            progress.trouble = trouble;
            true
        });
    }
}

/// Whoever appends what waits.
pub(super) struct Hand {
    pub(super) shared: Arc<Shared>,
    options: WriterOptions,
    store: Option<Store>,
    retained: Option<Instant>,
}

impl Hand {
    async fn write(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.turn().await {
                Ok(()) => pause = FIRST_PAUSE,
                Err(error) => {
                    self.shared.troubled(Some(error.to_string()));
                    self.keep_on_disk().await;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// One batch, or a wait for one.
    async fn turn(&mut self) -> Result<(), HistoryError> {
        let store = self.store().await?;
        self.look_for_anchors(&store).await?;
        let (bytes, writer, entries, lost) = {
            let waiting = self.shared.waiting();
            if !waiting.expected.is_empty() {
                // It came in between, and stands before what came after it.
                return Ok(());
            }
            let bytes = waiting.spool.waiting(BATCH_BYTES);
            let bytes = bytes.map_err(|reason| self.spool_failed(reason))?;
            let memory = waiting.memory.iter().take(BATCH).cloned();
            (bytes, waiting.spool.writer, memory.collect(), waiting.lost)
        };
        if !bytes.is_empty() {
            self.append_spooled(&store, &writer, Spool::batch(&bytes, BATCH))
                .await?;
        } else if !Vec::is_empty(&entries) || lost > 0 {
            self.append_remembered(&store, entries, lost).await?;
        } else {
            self.rest(&store).await?;
        }
        self.shared.troubled(None);
        Ok(())
    }

    async fn store(&mut self) -> Result<Store, HistoryError> {
        if let Some(store) = &self.store {
            return Ok(store.clone());
        }
        let store = Store::open(&self.options.url).await?;
        self.shared
            .progress
            .send_modify(|it| it.store = Some(store.clone()));
        self.store = Some(store.clone());
        Ok(store)
    }

    async fn append_spooled(
        &self,
        store: &Store,
        writer: &[u8; 16],
        mut batch: Batch,
    ) -> Result<(), HistoryError> {
        let first = batch.first;
        let entries = std::mem::take(&mut batch.entries);
        let count = entries.len() as u64;
        let mut appended = Vec::new();
        if count > 0 {
            let numbered = Some(Numbered { writer, first });
            appended = in_time(store, store.append_numbered(entries, numbered)).await?;
        }
        let emptied = {
            let mut waiting = self.shared.waiting();
            waiting.lost += batch.unreadable;
            waiting.spool.is_stored(&batch)
        };
        self.shared.stored(count, appended.last());
        emptied.map_err(|reason| self.spool_failed(reason))
    }

    /// Appends what is in memory alone, and says how much was lost. Where the answer to a commit
    /// does not come, these may be recorded twice: better than not at all.
    async fn append_remembered(
        &self,
        store: &Store,
        mut entries: Vec<Entry>,
        lost: u64,
    ) -> Result<(), HistoryError> {
        let count = entries.len();
        if lost > 0 {
            let mut entry = Entry::new(
                Timestamp::now(),
                "",
                "",
                None,
                Cause::Retry,
                Outcome::Failed,
            );
            entry.message = format!(
                "{lost} records were lost: the database was away, and there was no room to keep them"
            );
            entries.push(entry);
        }
        let appended = in_time(store, store.append(entries)).await?;
        {
            let mut waiting = self.shared.waiting();
            waiting.memory.drain(..count);
            waiting.lost -= lost;
        }
        self.shared.stored(count as u64 + lost, appended.last());
        Ok(())
    }

    /// Until there is something to record; lets old records go meanwhile.
    async fn rest(&mut self, store: &Store) -> Result<(), HistoryError> {
        self.shared.troubled(None);
        let Some(keep) = self.options.keep else {
            self.shared.wake.notified().await;
            return Ok(());
        };
        let rested = self.retained.map_or(RETENTION, |it| it.elapsed());
        match RETENTION.checked_sub(rested).filter(|left| !left.is_zero()) {
            Some(left) => {
                // Either way there is something to do.
                let _ = tokio::time::timeout(left, self.shared.wake.notified()).await;
            }
            None => {
                // What fails is tried again in its time: each try is a record.
                self.retained = Some(Instant::now());
                store.retain(keep, Timestamp::now()).await?;
            }
        }
        Ok(())
    }

    /// What waits survives a loss of power as well, where it waits for long.
    async fn keep_on_disk(&self) {
        let file = self.shared.waiting().spool.file();
        let synced = match file {
            Ok(file) => tokio::task::spawn_blocking(move || file.sync_data()).await,
            Err(error) => Ok(Err(error)),
        };
        if let Ok(Err(error)) = synced {
            tracing::warn!(%error, "the history's spool is not on the disk");
        }
    }

    fn spool_failed(&self, reason: std::io::Error) -> HistoryError {
        HistoryError::File {
            path: self.options.spool.display().to_string(),
            reason,
        }
    }
}

pub(super) async fn in_time<T>(
    store: &Store,
    work: impl Future<Output = Result<T, HistoryError>>,
) -> Result<T, HistoryError> {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.unwrap_or_else(|_| Err(store.silent(PATIENCE)))
}
