//! What a Repository asks of signatures: which keys count, who may change what, and what the
//! platform team takes without them.

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RepositorySpec;
use crate::signature::{KeyFault, Keys};
use crate::source::Follow;

/// Stands for every key that is given.
const ANY_SIGNER: &str = "*";

/// What has to be signed before a revision is taken up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VerificationMode {
    /// Every commit since the revision that was taken up last.
    #[default]
    Every,
    /// The newest commit; whoever signed it answers for all that it brings.
    Head,
    /// The annotated tag that is followed; whoever signed it answers for all that it brings.
    Tag,
    /// The tag, and every commit.
    TagAndEvery,
}

impl VerificationMode {
    pub fn looks_at_tag(self) -> bool {
        matches!(self, Self::Tag | Self::TagAndEvery)
    }
}

/// What is made of a revision that does not build on the one that was taken up last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Rewrites {
    /// It is refused: a signature says nothing of what a branch was moved away from.
    #[default]
    Refuse,
    /// It is taken, if whoever signed it may also change what it undoes.
    Allow,
}

/// A Repository's demands of signatures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verification {
    /// What has to be signed.
    #[serde(default)]
    pub mode: VerificationMode,
    /// Public keys, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<VerificationKey>,
    /// Where more keys are, in the Repository's namespace; read for each new revision, so that
    /// they can be exchanged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys_from: Vec<KeySource>,
    /// Who may change which files; the first entry that means a file counts, and a file that none
    /// means may be changed by nobody. Empty: every key may change everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub committers: Vec<Committers>,
    /// What is made of a revision that does not build on the one that was taken up last.
    #[serde(default)]
    pub rewrites: Rewrites,
    /// Commits that are taken by the platform team's word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Acceptance>,
}

/// One of `ssh` and `openpgp`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerificationKey {
    /// What the key is called in `committers`, in statuses and in the history. Several keys may
    /// have one name.
    pub name: String,
    /// A public key of SSH, as a `.pub` file has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh: Option<String>,
    /// A public key of OpenPGP, as `gpg --armor --export` writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openpgp: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeySourceKind {
    #[default]
    Secret,
    ConfigMap,
}

/// A Secret or a ConfigMap whose entries are keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeySource {
    #[serde(default)]
    pub kind: KeySourceKind,
    pub name: String,
}

/// Who may change which files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Committers {
    /// Patterns of gitignore(5), from the repository's root.
    pub paths: Vec<String>,
    /// Names of keys; `*` is every key.
    pub signers: Vec<String>,
}

/// A commit that is taken whatever its signature says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Acceptance {
    /// The full id.
    pub commit: String,
    /// Told as the commit's signature.
    pub reason: String,
    /// Also all that it builds on: history begins anew with it.
    #[serde(default)]
    pub and_before: bool,
}

impl Committers {
    /// # Errors
    /// The first pattern that is none.
    pub fn patterns(&self) -> Result<Gitignore, String> {
        let mut builder = GitignoreBuilder::new(".");
        for pattern in &self.paths {
            builder
                .add_line(None, pattern)
                .map_err(|error| error.to_string())?;
        }
        builder.build().map_err(|error| error.to_string())
    }

    pub fn names(&self, signer: &str) -> bool {
        self.signers
            .iter()
            .any(|it| it == signer || it == ANY_SIGNER)
    }
}

impl Verification {
    /// Those that stand in the spec itself.
    ///
    /// # Errors
    /// The field below `verify` that has a key which cannot be taken.
    pub fn inline_keys(&self) -> Result<Keys, (String, String)> {
        let mut keys = Keys::default();
        for (index, key) in self.keys.iter().enumerate() {
            let (field, added) = match (&key.ssh, &key.openpgp) {
                (Some(text), None) => ("ssh", keys.add_ssh(&key.name, text)),
                (None, Some(text)) => ("openpgp", keys.add_openpgp(&key.name, text.as_bytes())),
                _ => {
                    let why = "a key is one of ssh and openpgp".to_owned();
                    return Err((format!("keys/{index}"), why));
                }
            };
            added.map_err(|KeyFault { why, .. }| (format!("keys/{index}/{field}"), why))?;
        }
        Ok(keys)
    }
}

/// Fields below `verify`, and what is wrong with them.
pub(super) fn signing_faults(spec: &RepositorySpec) -> Vec<(String, String)> {
    let Some(verification) = &spec.verify else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    let tagged = matches!(spec.follow(), Ok(Follow::Tag(_) | Follow::Semver(_)));
    if verification.mode.looks_at_tag() && !tagged {
        let message = "there is a tag to be looked at only where spec.ref follows one";
        faults.push(("mode".to_owned(), message.to_owned()));
    }
    if verification.keys.is_empty() && verification.keys_from.is_empty() {
        faults.push((
            "keys".into(),
            "without keys nothing could ever be taken up".into(),
        ));
    }
    let inline = verification.inline_keys();
    let known: Option<Vec<String>> = match inline {
        Ok(keys) => Some(keys.names().map(str::to_owned).collect()),
        Err(fault) => {
            faults.push(fault);
            None
        }
    };
    let known = known.filter(|_| verification.keys_from.is_empty());
    for (index, key) in verification.keys.iter().enumerate() {
        if key.name.is_empty() || key.name == ANY_SIGNER {
            faults.push((format!("keys/{index}/name"), "a key needs a name".into()));
        }
    }
    for (index, source) in verification.keys_from.iter().enumerate() {
        if source.name.is_empty() {
            faults.push((format!("keysFrom/{index}/name"), "it needs a name".into()));
        }
    }
    for (index, entry) in verification.committers.iter().enumerate() {
        let field = |name: &str| format!("committers/{index}/{name}");
        if entry.paths.is_empty() {
            faults.push((field("paths"), "without paths it means nothing".into()));
        }
        faults.extend(entry.patterns().err().map(|error| (field("paths"), error)));
        for signer in &entry.signers {
            let unknown = |known: &Vec<String>| signer != ANY_SIGNER && !known.contains(signer);
            if known.as_ref().is_some_and(unknown) {
                faults.push((field("signers"), format!("no key is called {signer:?}")));
            }
        }
    }
    for (index, entry) in verification.accepted.iter().enumerate() {
        let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if entry.commit.len() != 40 || !entry.commit.bytes().all(digits) {
            let message = format!("{:?} is no full commit id", entry.commit);
            faults.push((format!("accepted/{index}/commit"), message));
        }
        if entry.reason.trim().is_empty() {
            faults.push((
                format!("accepted/{index}/reason"),
                "it needs a reason".into(),
            ));
        }
    }
    faults
}

impl KeySource {
    /// For messages: `Secret keys`.
    pub fn shown(&self) -> String {
        format!("{:?} {}", self.kind, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::validate;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBFm5S1BqOJL7AAbrvtTXEAMGQoRZKZXQBX7FaqYUWqV";

    fn faults(verification: Verification) -> Vec<String> {
        let mut spec = RepositorySpec::of("https://git.example.org/a");
        spec.verify = Some(verification);
        let fields = validate(&spec).into_iter().filter_map(|it| it.field);
        fields.collect()
    }

    fn good() -> Verification {
        Verification {
            keys: vec![VerificationKey {
                name: "alice".into(),
                ssh: Some(KEY.into()),
                openpgp: None,
            }],
            committers: vec![Committers {
                paths: vec!["/kits/acme/".into()],
                signers: vec!["alice".into()],
            }],
            ..Verification::default()
        }
    }

    #[test]
    fn every_fault_of_a_verification_is_told_at_its_field() {
        assert_eq!(faults(good()), Vec::<String>::new());
        assert_eq!(faults(Verification::default()), ["/spec/verify/keys"]);
        let mut wrong = good();
        wrong.mode = VerificationMode::Tag;
        wrong.keys[0].openpgp = Some("x".into());
        wrong.committers[0].paths.push("{a".into());
        wrong.accepted.push(Acceptance {
            commit: "HEAD".into(),
            ..Acceptance::default()
        });
        let expected = [
            "/spec/verify/mode",
            "/spec/verify/keys/0",
            "/spec/verify/committers/0/paths",
            "/spec/verify/accepted/0/commit",
            "/spec/verify/accepted/0/reason",
        ];
        assert_eq!(faults(wrong), expected);
    }

    #[test]
    fn a_signer_that_no_key_is_called_is_a_fault_where_all_keys_are_known() {
        let mut unknown = good();
        unknown.committers[0].signers.push("bob".into());
        assert_eq!(
            faults(unknown.clone()),
            ["/spec/verify/committers/0/signers"]
        );
        unknown.keys_from.push(KeySource {
            kind: KeySourceKind::Secret,
            name: "keys".into(),
        });
        assert_eq!(faults(unknown), Vec::<String>::new());
    }
}
