//! stub
#[derive(clap::Args)]
pub struct Demo {}
impl Demo {
    pub fn run(self) -> anyhow::Result<()> {
        Ok(())
    }
}
