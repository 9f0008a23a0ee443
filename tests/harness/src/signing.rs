//! People who sign with the real programs, ssh-keygen and gpg, by keys that are made for a test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::git::Fixture;

/// How a person signs.
#[derive(Clone, Debug)]
enum Way {
    Ssh(PathBuf),
    /// The fingerprint of a key in the keyring.
    OpenPgp(String),
}

/// A person with a key.
#[derive(Clone, Debug)]
pub struct Person {
    pub name: &'static str,
    way: Way,
    /// The public key, as a Repository takes it.
    pub public: String,
}

/// Keys, in a folder of their own. gpg keeps a socket there, whose path must be short.
pub struct Keyring {
    folder: tempfile::TempDir,
}

impl Keyring {
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("keys").tempdir_in("/tmp")?;
        Ok(Self { folder })
    }

    /// A person with a key of SSH: `ed25519`, `ecdsa`, `rsa`, and its bits (0: as usual).
    pub fn ssh(&self, name: &'static str, kind: &str, bits: u32) -> Result<Person> {
        let file = self.folder.path().join(format!("{name}-{kind}-{bits}"));
        let size = bits.to_string();
        let mut arguments = vec!["-q", "-t", kind, "-N", "", "-C", name, "-f"];
        let path = file.display().to_string();
        arguments.push(&path);
        if bits > 0 {
            arguments.extend(["-b", &size]);
        }
        said("ssh-keygen", &[], &arguments)?;
        let public = std::fs::read_to_string(file.with_added_extension("pub"))?;
        Ok(Person {
            name,
            way: Way::Ssh(file),
            public: public.trim().to_owned(),
        })
    }

    /// A person with a key of OpenPGP: `ed25519`, `rsa2048`; `expires` as gpg takes it, `never` or
    /// `seconds=9`.
    pub fn openpgp(&self, name: &'static str, kind: &str, expires: &str) -> Result<Person> {
        let user = format!("{name} <{name}@example.org>");
        self.gpg(&["--quick-generate-key", &user, kind, "sign", expires])?;
        let listed = self.gpg(&["--list-keys", "--with-colons", &user])?;
        let print = listed.lines().find(|line| line.starts_with("fpr:"));
        let print = print.and_then(|line| line.split(':').nth(9));
        let print = print.context("a new key has a fingerprint")?.to_owned();
        self.person(name, print)
    }

    fn person(&self, name: &'static str, print: String) -> Result<Person> {
        let public = self.gpg(&["--armor", "--export", &print])?;
        Ok(Person {
            name,
            way: Way::OpenPgp(print),
            public,
        })
    }

    /// Gives a person of OpenPGP a subkey, which is what gpg signs with from then on.
    pub fn with_subkey(&self, person: &Person, kind: &str, expires: &str) -> Result<Person> {
        let print = fingerprint(person)?;
        self.gpg(&["--quick-add-key", &print, kind, "sign", expires])?;
        self.person(person.name, print)
    }

    /// The person's key, revoked by the certificate that gpg made along with it.
    pub fn revoked(&self, person: &Person) -> Result<Person> {
        let print = fingerprint(person)?;
        let folder = self.folder.path().join("openpgp-revocs.d");
        let file = folder.join(format!("{print}.rev"));
        // gpg writes a colon before it, against accidents.
        let text = std::fs::read_to_string(&file)?.replace(":-----BEGIN", "-----BEGIN");
        std::fs::write(&file, text)?;
        self.gpg(&["--import", &file.display().to_string()])?;
        self.person(person.name, print)
    }

    fn gpg(&self, arguments: &[&str]) -> Result<String> {
        let quiet = [
            "--batch",
            "--quiet",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        ];
        let all: Vec<&str> = quiet.iter().chain(arguments).copied().collect();
        said("gpg", &[("GNUPGHOME", self.folder.path())], &all)
    }

    /// A program that git runs as gpg, with further arguments.
    fn gpg_program(&self, more: &str) -> Result<PathBuf> {
        use std::os::unix::fs::PermissionsExt as _;
        let count = std::fs::read_dir(self.folder.path())?.count();
        let file = self.folder.path().join(format!("gpg-{count}.sh"));
        let home = self.folder.path().display();
        let text = format!("#!/bin/sh\nGNUPGHOME='{home}' exec gpg --batch {more} \"$@\"\n");
        std::fs::write(&file, text)?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))?;
        Ok(file)
    }

    /// Options of git's by which a person signs.
    fn options(&self, person: &Person, more: &str) -> Result<Vec<String>> {
        let all = match &person.way {
            Way::Ssh(file) => vec![
                "gpg.format=ssh".into(),
                format!("user.signingKey={}", file.display()),
            ],
            Way::OpenPgp(print) => vec![
                format!("user.signingKey={print}"),
                format!("gpg.program={}", self.gpg_program(more)?.display()),
            ],
        };
        Ok(all.into_iter().flat_map(|it| ["-c".into(), it]).collect())
    }

    /// Commits all that is there, signed by a person. Gives the commit's id.
    pub fn commit(&self, git: &Fixture, person: &Person, subject: &str) -> Result<String> {
        self.commit_with(git, person, subject, "")
    }

    /// With further arguments of gpg's.
    pub fn commit_with(
        &self,
        git: &Fixture,
        person: &Person,
        subject: &str,
        more: &str,
    ) -> Result<String> {
        git.git(&["add", "--all"])?;
        let commit = ["commit", "--quiet", "--allow-empty", "--gpg-sign"];
        self.run(
            git,
            person,
            more,
            &[&commit[..], &["--message", subject]].concat(),
        )?;
        git.git(&["rev-parse", "HEAD"])
    }

    /// Runs git as a person who signs.
    pub fn run(
        &self,
        git: &Fixture,
        person: &Person,
        more: &str,
        arguments: &[&str],
    ) -> Result<()> {
        let options = self.options(person, more)?;
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        git.git(&[&options[..], arguments].concat())?;
        Ok(())
    }

    /// A signature of SSH's for another purpose than Git's.
    pub fn for_another_purpose(&self, person: &Person, bytes: &[u8]) -> Result<String> {
        let Way::Ssh(key) = &person.way else {
            bail!("{} has a key of OpenPGP", person.name);
        };
        let file = self.folder.path().join("signed");
        std::fs::write(&file, bytes)?;
        let (key, path) = (key.display().to_string(), file.display().to_string());
        let arguments = ["-q", "-Y", "sign", "-n", "file", "-f", &key, &path];
        said("ssh-keygen", &[], &arguments)?;
        let signature = file.with_added_extension("sig");
        let text = std::fs::read_to_string(&signature)?;
        std::fs::remove_file(signature)?;
        Ok(text)
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        // gpg starts an agent of its own for each folder; it would stay for a while.
        let home = [("GNUPGHOME", self.folder.path())];
        let _ = said("gpgconf", &home, &["--kill", "all"]);
    }
}

fn fingerprint(person: &Person) -> Result<String> {
    match &person.way {
        Way::OpenPgp(print) => Ok(print.clone()),
        Way::Ssh(_) => bail!("{} has a key of SSH", person.name),
    }
}

fn said(program: &str, variables: &[(&str, &Path)], arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{program} cannot be run; install it"))?;
    if !output.status.success() {
        bail!(
            "{program} {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}
