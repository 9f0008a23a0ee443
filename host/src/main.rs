//! The `trimtab` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    // A worker speaks JSON on standard input and output, and must not be mistaken for a person's call.
    let verb = std::env::args_os().nth(1).unwrap_or_default();
    if verb == trimtab::source::WORKER_VERB {
        return trimtab::source::worker_main();
    }
    if verb == trimtab::sandbox::COMPILE_VERB {
        return trimtab::sandbox::compile_main();
    }
    trimtab::cli::main()
}
