//! The history on SQLite: what appending costs, and whether reading costs more in a long one.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use trimtab::history::{
    Cause, Change, Durations, Entry, KitOf, Outcome, PlanNote, PluginUse, Query, RevisionNote,
    Store, Told, Writer, WriterOptions, sqlite_url,
};

use crate::Figure;
use crate::rule::milliseconds;

const RECORDS: u64 = 1_000_000;
/// Another number of records, for a look at it that takes less time.
const OTHER: &str = "TRIMTAB_BENCH_RECORDS";
/// Records of the history that the long one is compared with.
const SHORT: u64 = 10_000;
/// Records that are handed over at once: a revision that changes every kit.
const BURST: u64 = 10_000;
const KITS: u64 = 1_000;
const LOOKS: u64 = 200;
const PATIENCE: Duration = Duration::from_secs(600);

/// An attempt as most are: three rules, four objects, one of them changed. Two a revision and kit.
fn entry(number: u64) -> Entry {
    let (revision, kit) = (number / 4, number / 2 % KITS);
    let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_700_000_000 + number as i64 * 30);
    let outcome = [Outcome::Applied, Outcome::Healthy][(number % 2) as usize];
    let path = format!("kits/group-{}/app-{kit}", kit / 100);
    let mut entry = Entry::new(at, "acme", "platform", Some(path), Cause::Commit, outcome);
    let author = format!(
        "Admin {} <admin-{}@example.org>",
        revision % 40,
        revision % 40
    );
    entry.revision = Some(RevisionNote {
        id: id(revision),
        author: Told::new(author.clone()),
        committer: Some(Told::new(author)),
        committed_at: Some(at),
        subject: Told::new(format!(
            "shop: the port that the partners ask for, number {revision}"
        )),
        signature: Some(Told::new("not asked for")),
    });
    let digest = |of: u64| format!("sha256:{:064x}", of.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    entry.plugins = ["port-policy", "namespace-guard", "images"]
        .map(|name| PluginUse {
            path: format!("rules/{name}.wasm"),
            digest: digest(name.len() as u64),
        })
        .into();
    entry.inputs = Some(digest(number));
    entry.digest = Some(digest(revision));
    if outcome == Outcome::Applied {
        entry.plan = PlanNote {
            changed: vec![Change {
                object: format!("Service group-{}/app-{kit}", kit / 100),
                fields: vec![
                    "/spec/ports/0/port".into(),
                    "/spec/ports/0/targetPort".into(),
                ],
                by: None,
            }],
            left: 3,
            ..PlanNote::default()
        };
    }
    entry.message = "live: 1 changed, 0 deleted, 3 as they were; all healthy".into();
    entry.durations = Durations {
        evaluated_ms: Some(3),
        applied_ms: Some(41),
        healthy_ms: None,
    };
    entry
}

fn id(revision: u64) -> String {
    format!(
        "{:016x}{revision:024x}",
        (revision + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    )
}

pub fn measure() -> Result<Vec<Figure>> {
    let records = match std::env::var(OTHER) {
        Ok(number) => number
            .parse()
            .with_context(|| format!("{OTHER} is a number"))?,
        Err(_) => RECORDS,
    };
    ensure!(records > SHORT, "{OTHER} is more than {SHORT}");
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(measured(records))
}

async fn measured(records: u64) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("history.db");
    let writer = Writer::start(WriterOptions {
        url: sqlite_url(&path),
        spool: folder.path().join("spool"),
        keep: None,
    })?;
    append(&writer, 0..SHORT).await?;
    let store = writer.store().context("it is open")?;
    let short = looks(&store, SHORT).await?;
    let (mut handed_over, began) = (Duration::ZERO, Instant::now());
    let mut next = SHORT;
    while next < records {
        let end = (next + BURST).min(records);
        handed_over += append(&writer, next..end).await?;
        next = end;
    }
    let added = (records - SHORT) as f64;
    let mut figures = vec![
        Figure::new(
            format!("{records} records appended, as a host does, records a second"),
            added / began.elapsed().as_secs_f64(),
            "/s",
        ),
        Figure::new(
            "what whoever records waits for, each record",
            handed_over.as_secs_f64() * 1e6 / added,
            "µs",
        ),
        Figure::new(
            "one record alone, to the disk, p50",
            alone(&writer, records).await?,
            "ms",
        ),
        Figure::new(
            "size of a record with its indices and texts",
            size(&path)? as f64 / records as f64,
            "bytes",
        ),
    ];
    for ((name, long), (_, short)) in looks(&store, records).await?.into_iter().zip(short) {
        figures.push(
            Figure::new(format!("{name}, of {records} records, p50"), long, "ms")
                .against(format!("of {SHORT}"), short),
        );
    }
    let began = Instant::now();
    let report = store
        .verify(&writer.anchor().into_iter().collect::<Vec<_>>())
        .await?;
    ensure!(report.is_whole(), "{:?}", report.fault);
    figures.push(Figure::new(
        "history --verify, records a second",
        report.records as f64 / began.elapsed().as_secs_f64(),
        "/s",
    ));
    Ok(figures)
}

/// Gives how long handing over took.
async fn append(writer: &Writer, numbers: std::ops::Range<u64>) -> Result<Duration> {
    let entries: Vec<Entry> = numbers.map(entry).collect();
    let began = Instant::now();
    entries.into_iter().for_each(|entry| writer.record(entry));
    let handed_over = began.elapsed();
    ensure!(writer.settled(PATIENCE).await, "{:?}", writer.trouble());
    Ok(handed_over)
}

async fn alone(writer: &Writer, from: u64) -> Result<f64> {
    let mut times = Vec::new();
    for number in from..from + LOOKS {
        let began = Instant::now();
        append(writer, number..number + 1).await?;
        times.push(milliseconds(began.elapsed()));
    }
    Ok(median(times))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// What people and verbs ask for, each of kits all over the history.
async fn looks(store: &Store, records: u64) -> Result<Vec<(&'static str, f64)>> {
    let (mut page, mut last, mut healthy, mut applied, mut month) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for look in 0..LOOKS {
        let number = look * 7919 % (records / 2);
        let Entry { kit, at, .. } = entry(number);
        let path = kit.context("a kit's")?;
        let of = KitOf {
            namespace: "acme",
            repository: "platform",
            kit: &path,
        };
        let query = Query {
            kit: Some(path.clone()),
            ..Query::default()
        };
        let began = Instant::now();
        ensure!(
            !store.page(&query).await?.records.is_empty(),
            "{path} has records"
        );
        page.push(milliseconds(began.elapsed()));

        let began = Instant::now();
        store.last_of(of).await?.context("the last one")?;
        last.push(milliseconds(began.elapsed()));

        let began = Instant::now();
        ensure!(
            !store.healthy_revisions(of, 10).await?.is_empty(),
            "{path} was healthy"
        );
        healthy.push(milliseconds(began.elapsed()));

        let began = Instant::now();
        store
            .last_applied(of, &id(number / 4))
            .await?
            .context("it was applied")?;
        applied.push(milliseconds(began.elapsed()));

        let window = Query {
            since: Some(at),
            until: Some(at + SignedDuration::from_hours(1)),
            ..Query::default()
        };
        let began = Instant::now();
        store.page(&window).await?;
        month.push(milliseconds(began.elapsed()));
    }
    Ok(vec![
        ("history KIT, a page of 50", median(page)),
        ("a kit's last record", median(last)),
        (
            "a kit's last 10 healthy revisions, for rollback",
            median(healthy),
        ),
        (
            "what a revision of a kit was applied by, for blame and verify",
            median(applied),
        ),
        ("history of one hour long ago", median(month)),
    ])
}

/// The database's file and its log.
fn size(path: &Path) -> Result<u64> {
    let log = path.with_extension("db-wal");
    Ok(path.metadata()?.len() + log.metadata().map_or(0, |it| it.len()))
}
