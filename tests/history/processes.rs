//! Several processes at once, and processes that are killed.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use trimtab::history::{Query, Store, Writer, WriterOptions};
use trimtab_harness::{not_run, wait_for};

use crate::{Database, entry, whole};

const DEADLINE: Duration = Duration::from_secs(120);
const URL: &str = "TRIMTAB_HISTORY_TEST_URL";
const NAME: &str = "TRIMTAB_HISTORY_TEST_NAME";
const ENTRIES: &str = "TRIMTAB_HISTORY_TEST_ENTRIES";
const SPOOL: &str = "TRIMTAB_HISTORY_TEST_SPOOL";

/// Not a test of its own, but what the processes of the others run.
#[test]
fn child() {
    let Ok(url) = std::env::var(URL) else { return };
    let of = |name| std::env::var(name).expect("the parent says it");
    let entries: u64 = of(ENTRIES).parse().expect("a number");
    let entry = |number: u64| {
        let mut entry = entry(number);
        entry.kit = Some(of(NAME));
        entry.message = number.to_string();
        entry
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        match std::env::var(SPOOL) {
            Ok(spool) => {
                let options = WriterOptions {
                    url,
                    spool: spool.into(),
                    keep: None,
                };
                let writer = Writer::start(options).expect("it starts");
                (0..entries).for_each(|number| writer.record(entry(number)));
                assert!(writer.settled(DEADLINE).await, "{:?}", writer.trouble());
            }
            Err(_) => {
                let store = Store::open(&url).await.expect("it opens");
                for number in 0..entries {
                    store.append(vec![entry(number)]).await.expect("appended");
                }
            }
        }
    });
}

fn spawn(database: &Database, name: &str, entries: u64, spool: Option<&std::path::Path>) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args(["--exact", "processes::child", "--nocapture"])
        .env(URL, &database.url)
        .env(NAME, name)
        .env(ENTRIES, entries.to_string())
        .stdout(Stdio::null());
    if let Some(spool) = spool {
        command.env(SPOOL, spool);
    }
    command.spawn().expect("it runs")
}

async fn messages(store: &Store, kit: &str) -> Vec<u64> {
    let mut query = Query {
        kit: Some(kit.into()),
        limit: 1000,
        ..Query::default()
    };
    let mut messages: Vec<u64> = Vec::new();
    loop {
        let page = store.page(&query).await.unwrap();
        messages.extend(
            page.records
                .iter()
                .map(|it| it.entry.message.parse::<u64>().unwrap()),
        );
        match page.next {
            Some(next) => query.before = Some(next),
            None => break,
        }
    }
    messages.reverse();
    messages
}

#[tokio::test]
async fn processes_that_append_at_once_do_not_fork_the_chain() {
    for database in Database::each().await {
        // They also make the tables at once.
        let names = ["a", "b", "c"];
        let children = names.map(|name| spawn(&database, name, 60, None));
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let store = database.open().await;
        let report = store.verify(&[]).await.unwrap();
        whole(&report);
        assert_eq!(report.records, 180);
        for name in names {
            assert_eq!(
                messages(&store, name).await,
                (0..60).collect::<Vec<_>>(),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn a_host_that_is_killed_while_it_appends_leaves_a_whole_chain_and_loses_nothing_it_took() {
    for database in Database::each().await {
        let store = database.open().await;
        for round in 1..=3_u64 {
            let kit = format!("round-{round}");
            let spool = database.folder.path().join(format!("spool-{round}"));
            let mut child = spawn(&database, &kit, 10_000, Some(&spool));
            let mut stored = 0;
            while stored == 0 {
                stored = messages(&store, &kit).await.len();
                assert!(child.try_wait().unwrap().is_none() || stored > 0);
            }
            child.kill().unwrap();
            child.wait().unwrap();
            whole(&store.verify(&[]).await.unwrap());
            // The next host records what this one had taken, and each entry once.
            let options = WriterOptions {
                url: database.url.clone(),
                spool,
                keep: None,
            };
            let writer = Writer::start(options).unwrap();
            assert!(writer.settled(DEADLINE).await, "{:?}", writer.trouble());
            let all = messages(&store, &kit).await;
            assert!(all.len() >= stored);
            assert_eq!(
                all,
                (0..all.len() as u64).collect::<Vec<_>>(),
                "each one once, in order"
            );
        }
        let report = store.verify(&[]).await.unwrap();
        whole(&report);
    }
}

#[test]
fn a_postgresql_that_is_killed_meanwhile_gets_all_of_it_once_it_is_back() {
    let mut server = match trimtab_harness::postgres::Postgres::start() {
        Ok(server) => server,
        Err(error) => return not_run(&format!("a PostgreSQL that is killed: {error:#}")),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (database, writer) = runtime.block_on(async {
        let database = Database::postgres(&server).await;
        let spool = database.folder.path().join("spool");
        let options = WriterOptions {
            url: database.url.clone(),
            spool,
            keep: None,
        };
        (database, Writer::start(options).unwrap())
    });
    let record = |range: std::ops::Range<u64>| {
        for number in range {
            let mut entry = entry(number);
            (entry.kit, entry.message) = (Some("all".into()), number.to_string());
            writer.record(entry);
        }
    };
    record(0..1000);
    wait_for("the first are there", DEADLINE, || {
        writer.anchor().ok_or("none".to_owned())
    });
    server.kill();
    record(1000..2000);
    wait_for("it is told", DEADLINE, || match writer.trouble() {
        Some(told) if told.contains("alice@127.0.0.1") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    server.start_again().unwrap();
    runtime.block_on(async {
        assert!(writer.settled(DEADLINE).await, "{:?}", writer.trouble());
        let store = database.open().await;
        assert_eq!(messages(&store, "all").await, (0..2000).collect::<Vec<_>>());
        whole(
            &store
                .verify(&writer.anchor().into_iter().collect::<Vec<_>>())
                .await
                .unwrap(),
        );
        assert_eq!(writer.trouble(), None);
    });
}
