//! Logs, to standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging. `RUST_LOG` wins over `level` (`info`, `trimtab=debug`).
pub fn start(format: LogFormat, level: &str) {
    // kube logs the text of answers that it cannot read, which may be a Secret's.
    let quiet = ["kube_client=error", "kube_runtime=error"].map(|rule| rule.parse());
    let mut filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    for rule in quiet.into_iter().flatten() {
        filter = filter.add_directive(rule);
    }
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // They would be told on standard error too; where that cannot be written, on a full disk
        // say, telling them ends the task that wanted to log.
        .log_internal_errors(false)
        .with_target(false);
    // It fails only if logging was started before, as tests in one process do.
    let _ = match format {
        LogFormat::Text => logs.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
}
