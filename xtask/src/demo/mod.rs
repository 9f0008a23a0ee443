//! `cargo xtask demo`: the story of examples/platform. Every claim that it prints, it has checked.

mod stage;
mod story;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::prepare;
use stage::Stage;

#[derive(Args)]
pub struct Demo {
    /// Leave all running at the end, with a kubeconfig to play with, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Play on a cluster of yours, in namespaces of the demo's own, which are removed afterwards
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The kubeconfig of --context
    #[arg(long, value_name = "FILE", requires = "context")]
    kubeconfig: Option<PathBuf>,
}

impl Demo {
    pub fn run(self) -> Result<()> {
        prepare::wasm_target()?;
        let host = prepare::host()?;
        let mut stage = Stage::set(&host, self.context.as_deref(), self.kubeconfig)?;
        let played = story::play(&mut stage);
        if played.is_ok() && self.keep {
            stage.tell_how_to_play();
            prepare::until_interrupted();
        }
        let cleared = stage.clear();
        played.and(cleared)
    }
}
