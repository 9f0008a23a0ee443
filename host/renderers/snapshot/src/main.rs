//! What `cargo xtask renderers` runs: a snapshot, or one render for a person who looks into something.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use trimtab_snapshot::{guest, take, with_stack};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["take", module, to] => {
            let bytes = fs::read(module).with_context(|| format!("{module} cannot be read"))?;
            fs::write(to, take(&bytes)?).with_context(|| format!("{to} cannot be written"))
        }
        ["render", module, repository] => render(Path::new(module), Path::new(repository)),
        _ => bail!("usage: trimtab-snapshot take MODULE TO | render MODULE REPOSITORY <REQUEST"),
    }
}

fn render(module: &Path, repository: &Path) -> Result<()> {
    let mut request = String::new();
    std::io::stdin().read_to_string(&mut request)?;
    let repository = fs::canonicalize(repository)?;
    let outcome = with_stack(|| {
        let engine = guest::engine(true)?;
        let module = guest::module(&engine, module)?;
        guest::render(&engine, &module, &repository, &request)
    })?;
    eprint!("{}", outcome.log);
    eprintln!("fuel: {}", outcome.fuel);
    for path in outcome.looked_for {
        eprintln!("looked for: {path}");
    }
    println!("{}", outcome.answer);
    Ok(())
}
