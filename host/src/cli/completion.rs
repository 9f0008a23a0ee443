//! `trimtab completion`.

use clap::{Args, CommandFactory as _};

use super::{Cli, Failure, Outcome};

/// Print a completion script for a shell
///
///   trimtab completion bash > /etc/bash_completion.d/trimtab
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Completion {
    shell: clap_complete::Shell,
}

impl Completion {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        clap_complete::generate(
            self.shell,
            &mut Cli::command(),
            "trimtab",
            &mut std::io::stdout(),
        );
        Ok(Outcome::Fine)
    }
}
