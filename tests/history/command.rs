//! `trimtab history`, as a person meets it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use trimtab_harness::{not_run, root};

use crate::{Database, filled, whole};

fn history(database: &Database, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trimtab"));
    command
        .current_dir(database.folder.path())
        .arg("history")
        .args(arguments)
        .env("TRIMTAB_HISTORY", &database.url)
        .env("XDG_STATE_HOME", database.folder.path().join("state"))
        .env("KUBECONFIG", "/nonexistent");
    command.output().expect("trimtab runs")
}

fn told(output: &Output) -> String {
    let told = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(told).expect("UTF-8")
}

fn fine(database: &Database, arguments: &[&str]) -> String {
    let output = history(database, arguments);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{arguments:?}: {}",
        told(&output)
    );
    told(&output)
}

fn write(database: &Database, name: &str, text: &str) {
    std::fs::write(database.folder.path().join(name), text).expect("written");
}

async fn recorded() -> Vec<Database> {
    let each = Database::each().await;
    for database in &each {
        let store = database.open().await;
        filled(&store, 0..30).await;
        store.close().await;
    }
    each
}

#[tokio::test]
async fn a_kit_is_told_newest_first_in_text_and_json() {
    for database in recorded().await {
        let table = fine(&database, &["kits/acme/app-1/", "--limit", "2"]);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("NUMBER  TIME"), "{table}");
        assert!(
            lines[1].starts_with("30 ") && lines[2].starts_with("23 "),
            "{table}"
        );
        for cell in [
            "2026-01-02T05:00:00Z",
            "kits/acme/app-1",
            "Bob Baker",
            "refused",
            "commit",
        ] {
            assert!(lines[1].contains(cell), "{cell}: {table}");
        }
        assert_eq!(lines[3], "there are more: --before 23");
        assert!(
            !table.contains('\u{1b}'),
            "no colour where there is no terminal"
        );
        let painted = fine(&database, &["--outcome", "healthy", "--color", "always"]);
        assert!(painted.contains("\u{1b}[32mhealthy"), "{painted}");

        let json: Value = serde_json::from_str(&fine(&database, &["-o", "json"])).unwrap();
        assert_eq!(json["records"][0]["sequence"], 30);
        assert_eq!(
            json["records"][0]["revision"]["author"],
            "Bob Baker <bob@example.org>"
        );
        let shown = fine(&database, &["show", "2"]);
        for line in [
            "2  healthy  live: 1 changed",
            "subject      change 0",
            "changed      Service acme/shop /spec/ports/0/port",
            "rule         rules/port-policy.wasm sha256:",
        ] {
            assert!(shown.contains(line), "{line}: {shown}");
        }
        for (arguments, words) in [
            (&["show", "31"][..], "there is no record 31"),
            (&["--revision", "main"], "no commit id"),
            (&["--since", "yesterday"], "is no time"),
            (&["--outcome", "fine"], "unknown variant"),
        ] {
            let output = history(&database, arguments);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}");
            assert!(told(&output).contains(words), "{}", told(&output));
        }
    }
}

#[tokio::test]
async fn verification_tells_tampering_by_its_exit_code_in_the_database_and_in_an_export() {
    for database in recorded().await {
        let verified = fine(&database, &["--verify"]);
        assert!(
            verified.starts_with("30 records verified, 1 to 30; "),
            "{verified}"
        );
        let anchor = verified
            .lines()
            .last()
            .and_then(|it| it.rsplit(' ').next())
            .expect("one");
        let export = fine(&database, &["export"]);
        write(&database, "history.jsonl", &export);
        let from_file = ["--verify", "--file", "history.jsonl", "--anchor", anchor];
        assert!(fine(&database, &from_file).contains("1 anchor found in the chain"));
        write(
            &database,
            "history.jsonl",
            &export.replacen("\"refused\"", "\"healthy\"", 1),
        );
        let output = history(&database, &from_file);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            told(&output).contains("not as it was recorded: record 3: its hash"),
            "{}",
            told(&output)
        );
        let cut: Vec<&str> = export.lines().take(20).collect();
        write(&database, "history.jsonl", &cut.join("\n"));
        assert_eq!(history(&database, &from_file).status.code(), Some(1));
        let kit = fine(&database, &["export", "kits/acme/app-1", "--without-names"]);
        assert!(!kit.contains("example.org"), "{kit}");
        write(&database, "kit.jsonl", &kit);
        let output = history(&database, &["--verify", "--file", "kit.jsonl"]);
        assert!(
            told(&output).contains("say --filtered"),
            "{}",
            told(&output)
        );
        assert_eq!(output.status.code(), Some(1));
        fine(
            &database,
            &["--verify", "--file", "kit.jsonl", "--filtered"],
        );

        let trigger = if database.is_postgres {
            " ON trimtab_records"
        } else {
            ""
        };
        database
            .execute(&format!("DROP TRIGGER trimtab_records_stay{trigger}"))
            .await;
        database
            .execute("UPDATE trimtab_records SET outcome = 'healthy' WHERE sequence = 3")
            .await;
        let output = history(&database, &["--verify"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            told(&output).contains("record 3: its column outcome"),
            "{}",
            told(&output)
        );
    }
}

#[tokio::test]
async fn statements_are_signed_by_the_machines_key_or_openssls_and_verify_offline() {
    for database in recorded().await {
        write(&database, "own.pub", &fine(&database, &["key"]));
        let statements = fine(&database, &["export", "--format", "in-toto"]);
        write(&database, "own.jsonl", &statements);
        let verify =
            |file: &str, key: &str| history(&database, &["--verify", "--file", file, "--key", key]);
        let output = verify("own.jsonl", "own.pub");
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        assert!(
            told(&output).starts_with("20 statements signed by "),
            "{}",
            told(&output)
        );

        let openssl = |arguments: &[&str]| {
            let mut command = Command::new("openssl");
            let done = command
                .current_dir(database.folder.path())
                .args(arguments)
                .output();
            let done = done.expect("openssl runs");
            assert!(done.status.success(), "{}", told(&done));
        };
        openssl(&["genpkey", "-algorithm", "ed25519", "-out", "made.pem"]);
        openssl(&["pkey", "-in", "made.pem", "-pubout", "-out", "made.pub"]);
        // OpenSSL reads the machine's own as well.
        openssl(&[
            "pkey",
            "-in",
            "state/trimtab/history-key.pem",
            "-pubout",
            "-out",
            "again.pub",
        ]);
        let read = |name: &str| std::fs::read(database.folder.path().join(name)).expect("read");
        assert_eq!(read("own.pub"), read("again.pub"));
        let statements = fine(
            &database,
            &["export", "--format", "in-toto", "--key", "made.pem"],
        );
        write(&database, "made.jsonl", &statements);
        assert_eq!(verify("made.jsonl", "made.pub").status.code(), Some(0));
        let output = verify("made.jsonl", "own.pub");
        assert_eq!(output.status.code(), Some(1));
        assert!(
            told(&output).contains("made.jsonl:1: this was not signed by the key"),
            "{}",
            told(&output)
        );
    }
}

#[tokio::test]
async fn erasing_says_what_it_would_do_first_and_old_records_go_by_hand() {
    for database in recorded().await {
        let would = fine(&database, &["erase", "alice@example.org"]);
        assert!(
            would.starts_with("2 texts would be erased; say --yes"),
            "{would}"
        );
        assert!(
            would.contains("  Alice Archer <alice@example.org>\n"),
            "{would}"
        );
        assert!(fine(&database, &["show", "1"]).contains("Alice Archer"));
        let erased = fine(&database, &["erase", "alice@example.org", "--yes"]);
        assert!(erased.starts_with("2 texts erased"), "{erased}");
        assert!(fine(&database, &["show", "1"]).contains("author       (erased)"));
        assert!(
            fine(&database, &["--limit", "1"]).contains("2 texts that name a person were erased")
        );
        fine(&database, &["--verify"]);

        let would = fine(&database, &["expire", "--keep", "90d"]);
        assert!(would.contains("say --yes"), "{would}");
        let gone = fine(&database, &["expire", "--keep", "1h", "--yes"]);
        assert!(gone.starts_with("30 records let go"), "{gone}");
        fine(&database, &["--verify"]);
    }
}

#[test]
fn where_there_is_no_history_the_command_says_what_to_give() {
    let database = Database::sqlite();
    let output = history(&database, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told(&output).contains("there is no history at"),
        "{}",
        told(&output)
    );
    let away = Database {
        url: "postgres://alice:hunter2@127.0.0.1:1/history".into(),
        ..Database::sqlite()
    };
    let output = history(&away, &["--verify"]);
    assert_eq!(output.status.code(), Some(3));
    let words = told(&output);
    assert!(
        words.contains("alice@127.0.0.1:1") && !words.contains("hunter2"),
        "{words}"
    );
    assert!(!told(&history(&away, &["--help"])).contains("hunter2"));
}

/// The program in docs/history.md, by which an auditor needs no Trimtab.
#[tokio::test]
async fn the_auditors_own_program_of_the_documentation_verifies_an_export() {
    if Command::new("python3").arg("--version").output().is_err() {
        return not_run("the auditor's program: install Python 3");
    }
    let page = std::fs::read_to_string(root().join("docs/history.md")).expect("the page");
    let program = page
        .split("```python\n")
        .nth(1)
        .and_then(|it| it.split("```").next());
    let program = program.expect("a program in Python");
    let database = Database::sqlite();
    let store = database.open().await;
    let mut odd = crate::entry(30);
    odd.message = "\u{7}\u{1f} \"é\" \\ / \u{2028} 😀".into();
    store.append(vec![odd]).await.unwrap();
    filled(&store, 0..10).await;
    whole(&store.verify(&[]).await.unwrap());
    let export = fine(&database, &["export"]);
    let run = |folder: &Path| {
        let mut command = Command::new("python3");
        command
            .current_dir(folder)
            .args(["-c", program, "history.jsonl"])
            .output()
            .expect("runs")
    };
    write(&database, "history.jsonl", &export);
    let output = run(database.folder.path());
    assert!(
        output.status.success() && told(&output).contains("11 records"),
        "{}",
        told(&output)
    );
    write(
        &database,
        "history.jsonl",
        &export.replacen("\"healthy\"", "\"applied\"", 1),
    );
    assert!(!run(database.folder.path()).status.success());
}

#[tokio::test]
async fn verification_names_where_texts_are_gone_and_what_was_lost_and_exits_with_1() {
    for database in recorded().await {
        fine(&database, &["erase", "Alice Archer", "--yes"]);
        let verified = fine(&database, &["--verify"]);
        assert!(
            verified.contains(" erased (first of record 1; as told by record 31)"),
            "{verified}"
        );
        database
            .execute("DELETE FROM trimtab_texts WHERE text = 'change 3'")
            .await;
        let output = history(&database, &["--verify"]);
        assert_eq!(output.status.code(), Some(1));
        let words = "record 10: a text is gone from the records 10, and no record says";
        assert!(told(&output).contains(words), "{}", told(&output));
    }
    for database in Database::each().await {
        let store = database.open().await;
        let before = filled(&store, 0..1).await[0];
        let mut lost = crate::entry(1);
        lost.lost = Some(before);
        store.append(vec![lost]).await.unwrap();
        store.close().await;
        let output = history(&database, &["--verify"]);
        assert_eq!(output.status.code(), Some(1));
        let words = format!(
            "lost: record 2 says that the record before it, which had got to 1:{}, is not continued",
            before.hash
        );
        assert!(told(&output).contains(&words), "{}", told(&output));
    }
}
