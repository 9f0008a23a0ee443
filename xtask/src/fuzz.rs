//! `cargo xtask fuzz`: libFuzzer, with the coverage of our own crates. The flags are those of
//! cargo-fuzz, given to the workspace's crates alone: what they stand on is not built twice.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use sha2::{Digest as _, Sha256};
use trimtab_harness::{attacks, cargo, mirror, root};

use crate::prepare::{self, Step};
use crate::renderers;

/// Said to this program where cargo runs it in place of the compiler.
const AS_COMPILER: &str = "TRIMTAB_COVERAGE";
/// Crates whose branches lead the fuzzer.
const LED: [&str; 4] = ["trimtab", "fuzz_components", "fuzz_answers", "fuzz_renders"];
/// Lines of a failure that are shown.
const SHOWN: usize = 40;
const COVERAGE: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Ccodegen-units=1",
];

#[derive(Args)]
pub struct Fuzz {
    /// What is fuzzed; all in turn if none is given
    #[arg(value_enum)]
    target: Option<Target>,
    /// Inputs to run instead: what a fuzzer found
    #[arg(requires = "target")]
    inputs: Vec<PathBuf>,
    /// For how long, each
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Where its chance begins; the same always, if nothing is said
    #[arg(long, default_value_t = 1)]
    seed: u32,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Target {
    /// Bytes of a repository as a component
    Components,
    /// Whatever a plugin may answer
    Answers,
    /// Kustomizations and charts
    Renders,
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Components => "components",
            Self::Answers => "answers",
            Self::Renders => "renders",
        }
    }

    /// Bytes of an input at most.
    fn most(self) -> usize {
        match self {
            Self::Components => 32 << 10,
            Self::Answers => mirror::MOST,
            Self::Renders => 256,
        }
    }

    fn seeds(self) -> Result<Vec<Vec<u8>>> {
        match self {
            Self::Components => {
                let attacks = attacks::all()?.into_iter().map(|attack| attack.component);
                let mirrors = [mirror::judge()?, mirror::transformer()?];
                Ok(attacks.chain(mirrors).collect())
            }
            Self::Answers => Ok(mirror::answers()),
            // A byte is a choice: each of these has other ones.
            Self::Renders => Ok((0..32).map(choices).collect()),
        }
    }
}

/// A chain of bytes that is another for each seed.
fn choices(seed: u8) -> Vec<u8> {
    Sha256::digest([seed]).repeat(4)
}

/// What the program says, if cargo runs it in place of the compiler.
pub fn as_compiler() -> Option<ExitCode> {
    std::env::var_os(AS_COMPILER)?;
    let mut arguments = std::env::args_os().skip(1);
    let compiler = arguments.next()?;
    let arguments: Vec<OsString> = arguments.collect();
    let name = arguments
        .windows(2)
        .find(|pair| pair[0] == "--crate-name")
        .and_then(|pair| pair[1].to_str());
    let flags = match name {
        Some(name) if LED.contains(&name) => &COVERAGE[..],
        _ => &[],
    };
    let status = Command::new(compiler).args(arguments).args(flags).status();
    let well = status.is_ok_and(|status| status.success());
    Some(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Fuzz {
    pub fn run(self) -> Result<()> {
        prepare::tools(&[prepare::CC, prepare::CXX])?;
        let step = Step::begin("building the fuzz targets");
        build(&["--bin".into(), "trimtab".into()], false)?;
        let programs = Target::value_variants().iter();
        let programs = programs.flat_map(|it| ["--bin".to_owned(), format!("fuzz-{}", it.name())]);
        build(&programs.collect::<Vec<_>>(), true)?;
        step.done();
        let targets = match self.target {
            Some(target) => vec![target],
            None => Target::value_variants().to_vec(),
        };
        if targets.contains(&Target::Renders) {
            renderers::prepare()?;
        }
        for target in targets {
            self.fuzz(target)?;
        }
        Ok(())
    }

    fn fuzz(&self, target: Target) -> Result<()> {
        let name = target.name();
        let folder = root().join("target/fuzz").join(name);
        let seeds = folder.join("seeds");
        let corpus = folder.join("corpus");
        let artifacts = folder.join("found");
        for folder in [&seeds, &corpus, &artifacts] {
            fs::create_dir_all(folder)
                .with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        for seed in target.seeds()? {
            write(&seeds, &seed)?;
        }
        let mut command = Command::new(root().join(format!("target/debug/fuzz-{name}")));
        command
            .current_dir(&folder)
            .env("TRIMTAB", root().join("target/debug/trimtab"))
            .args(["-timeout=60", "-rss_limit_mb=2560", "-print_final_stats=1"])
            .arg(format!("-artifact_prefix={}/", artifacts.display()));
        if self.inputs.is_empty() {
            command
                .arg(format!("-max_total_time={}", self.seconds))
                .arg(format!("-max_len={}", target.most()))
                .arg(format!("-seed={}", self.seed))
                .args([&corpus, &seeds]);
        } else {
            let there = |input: &PathBuf| {
                let found = fs::canonicalize(input);
                found.with_context(|| format!("{} cannot be read", input.display()))
            };
            let inputs = self.inputs.iter().map(there);
            command.args(inputs.collect::<Result<Vec<_>>>()?);
        }
        let log = folder.join("log");
        let file = fs::File::create(&log)
            .with_context(|| format!("{} cannot be written", log.display()))?;
        let step = Step::begin(&format!("fuzzing {name}"));
        let ended = command.stdout(file.try_clone()?).stderr(file).status()?;
        step.done();
        let text = fs::read_to_string(&log)?;
        if !ended.success() {
            let from = text.lines().position(|line| line.contains("panicked at"));
            for line in text.lines().skip(from.unwrap_or_default()).take(SHOWN) {
                eprintln!("{line}");
            }
            bail!(
                "{name}: an input breaks what holds; it is in {}, what was said of it in {}, and `cargo xtask fuzz {name} FILE` runs it again",
                artifacts.display(),
                log.display()
            );
        }
        println!("{name}: {}", summary(&text));
        Ok(())
    }
}

fn build(arguments: &[String], led: bool) -> Result<()> {
    let mut cargo = cargo();
    cargo
        .current_dir(root())
        // An example is built with what tests are: with the same features of all that they stand
        // on, which are not built once more.
        .args(["build", "--quiet", "--workspace", "--example", "honest"])
        .args(arguments);
    if led {
        cargo
            .env("RUSTC_WORKSPACE_WRAPPER", std::env::current_exe()?)
            .env(AS_COMPILER, "1");
    }
    if !cargo.status()?.success() {
        bail!("the build failed; the compiler's words are above");
    }
    Ok(())
}

/// `12345 inputs, 678 edges of our code reached, 90 MB at most`.
fn summary(log: &str) -> String {
    let stat = |name: &str| {
        let mut lines = log.lines().rev();
        let value = lines.find_map(|line| line.strip_prefix(&format!("stat::{name}:")));
        value.map_or("?", str::trim).to_owned()
    };
    let edges = log
        .lines()
        .rev()
        .find_map(|line| line.split_once(" cov: ")?.1.split(' ').next());
    format!(
        "{} inputs, {} edges of our code reached, {} MB at most, {} s the slowest; none breaks what holds",
        stat("number_of_executed_units"),
        edges.unwrap_or("?"),
        stat("peak_rss_mb"),
        stat("slowest_unit_time_sec"),
    )
}

fn write(folder: &Path, seed: &[u8]) -> Result<()> {
    let digest = Sha256::digest(seed);
    let name: String = digest[..8].iter().map(|it| format!("{it:02x}")).collect();
    let path = folder.join(name);
    fs::write(&path, seed).with_context(|| format!("{} cannot be written", path.display()))
}
