//! `trimtab import`: what Flux or Argo CD is told to do, as a Repository and its kit.yaml files, and
//! what could not be carried over. It reads files alone, and asks no cluster; what it writes are new
//! files in the clone.

mod argocd;
mod files;
mod flux;
mod ignore;
mod input;
mod left;
mod settle;
mod tree;
#[cfg(test)]
mod trial;
mod values;
mod wanted;

use std::fs::OpenOptions;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use serde_json::json;

use self::files::{File, State};
use self::input::Input;
use self::left::Left;
use self::tree::Tree;
use super::{Failure, Outcome, Output, counted, local};
use crate::kit::is_dns_label;
use crate::manifest::write_yaml;
use crate::sandbox::clean;

/// Bytes of a line that is shown on a terminal.
const LINE: usize = 8192;

/// Make a Repository and kit.yaml files of what another tool is told to do
///
/// Reads files, or what `kubectl get … -o yaml` gives, and shows what it would write. What could not
/// be carried over is listed, with what to do by hand; then it exits with 1.
///
///   trimtab import flux clusters/production
///   trimtab import flux clusters/production --write --to repository.yaml
///   kubectl get applications,applicationsets,appprojects -A -o yaml | trimtab import argocd -
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Import {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(Subcommand)]
enum Tool {
    /// GitRepositories, Kustomizations, and HelmReleases of charts in Git
    Flux(Box<ImportArgs>),
    /// Applications, and ApplicationSets of directories and lists
    Argocd(Box<ImportArgs>),
}

#[derive(Args)]
struct ImportArgs {
    /// Files and directories of YAML; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The clone that kit.yaml files are written into; by default the one around this directory
    #[arg(long, value_name = "DIR")]
    repository: Option<PathBuf>,
    #[command(flatten)]
    which: Which,
    /// Where directories are made for kits that cannot be where their files are
    #[arg(long, default_value = "kits", value_name = "DIR")]
    kits: String,
    /// Write the Repository into this file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Write the files into the clone; by default they are shown
    #[arg(long)]
    write: bool,
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

/// Of which repository, and what it is called.
#[derive(Args, Clone, Default)]
struct Which {
    /// Of which repository the directory is a clone, if there are several: NAMESPACE/NAME of a
    /// GitRepository, or a URL for Argo CD
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// What the Repository is called; by default as the GitRepository, or `platform`
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The Repository's namespace; by default the GitRepository's, or `trimtab-system`
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
}

impl Import {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        match self.tool {
            Tool::Flux(arguments) => arguments.run(flux::import),
            Tool::Argocd(arguments) => arguments.run(argocd::import),
        }
    }
}

type Reading = fn(&Input, &Tree, &Which) -> Result<wanted::Import, Failure>;

impl ImportArgs {
    fn run(&self, reading: Reading) -> Result<Outcome, Failure> {
        let folder = self.folder()?;
        let root = self.root()?;
        let input = Input::of(&self.paths, &root)?;
        let tree = Tree::of(&root)?;
        let import = reading(&input, &tree, &self.which)?;
        let settled = settle::settle(import, &tree, &folder);
        let (mut files, conflicts) = files::files(&settled, &tree);
        let mut left = settled.left;
        left.extend(conflicts);
        if self.write {
            left.extend(files::write(&mut files, &root));
        }
        let repository = write_yaml([&settled.repository]);
        if let Some(file) = &self.to {
            write_repository(file, &repository)?;
        }
        match self.output {
            Output::Json => {
                let files: Vec<_> = files.iter().map(File::json).collect();
                let told = json!({
                    "repository": settled.repository, "files": files,
                    "notCarriedOver": left, "notes": settled.notes,
                });
                super::print(&format!("{told:#}\n"))?;
            }
            Output::Text => self.tell(&repository, &files, &left, &settled.notes)?,
        }
        Ok(match left.is_empty() {
            true => Outcome::Fine,
            false => Outcome::Findings,
        })
    }

    /// The Repository and the patch are for programs as well; what there is to say is not.
    fn tell(
        &self,
        repository: &str,
        files: &[File],
        left: &[Left],
        notes: &[String],
    ) -> Result<(), Failure> {
        let mut text = String::new();
        if self.to.is_none() {
            text.push_str(repository);
        }
        for file in files {
            text.push_str(&file.diff());
        }
        if std::io::stdout().is_terminal() {
            let lines = text.lines().map(|line| format!("{}\n", clean(line, LINE)));
            text = lines.collect();
        }
        super::print(&text)?;
        for file in files.iter().filter(|it| it.state == State::Written) {
            eprintln!("written: {}", clean(&file.path, LINE));
        }
        for note in notes {
            eprintln!("note: {}", clean(note, LINE));
        }
        for it in left {
            eprint!("not carried over: {}", it.told());
        }
        let new = |it: &&File| matches!(it.state, State::New | State::Written);
        let count = files.iter().filter(new).count();
        let what = if self.write { "written" } else { "to write" };
        eprintln!(
            "{} {what}, {} not carried over",
            counted(count, "file"),
            counted(left.len(), "thing")
        );
        if !self.write && count > 0 {
            eprintln!("nothing was written into the clone; --write does");
        }
        Ok(())
    }

    /// Where directories are made, from the root.
    fn folder(&self) -> Result<String, Failure> {
        let folder = tree::rooted(".", &self.kits);
        let fits = |it: &String| it.split('/').all(is_dns_label);
        folder.filter(fits).ok_or_else(|| {
            Failure::Usage(anyhow!(
                "--kits {} is no directory of the repository with names that kits can have",
                self.kits
            ))
        })
    }

    fn root(&self) -> Result<PathBuf, Failure> {
        let path = self.repository.as_deref().unwrap_or(Path::new("."));
        let real = path.canonicalize();
        let real = real.with_context(|| format!("{} cannot be read", path.display()))?;
        if !real.is_dir() {
            return Err(Failure::Usage(anyhow!(
                "{} is not a directory",
                path.display()
            )));
        }
        Ok(match self.repository {
            Some(_) => real,
            None => local::root_of(&real),
        })
    }
}

fn write_repository(file: &Path, text: &str) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    match opened {
        Ok(mut opened) => Ok(opened.write_all(text.as_bytes())?),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Failure::Usage(anyhow!(
            "{} is there already; name another file, or take it away",
            file.display()
        ))),
        Err(error) => Err(error.into()),
    }
}
