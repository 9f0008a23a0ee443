//! The `trimtab` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    // A worker speaks JSON on standard input and output, and must not be mistaken for a person's call.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|verb| verb == trimtab::source::WORKER_VERB)
    {
        return trimtab::source::worker_main();
    }
    trimtab::cli::main()
}
