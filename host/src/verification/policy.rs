//! What a Repository demands, with its keys.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use ignore::gitignore::Gitignore;

use crate::kit::{Acceptance, Committers, Verification};
use crate::signature::{Keys, Signed, Signer, Times, one_line};
use crate::source::Revision;

/// A Repository's `spec.verify`, with all keys read.
pub struct Policy {
    pub(super) demands: Verification,
    keys: Keys,
    committers: Vec<(Gitignore, Committers)>,
}

impl Policy {
    /// `entries`: of the Secrets and ConfigMaps that the Repository names, with what each is called
    /// in messages.
    ///
    /// # Errors
    /// The key or the pattern that cannot be taken.
    pub fn new<'e>(
        demands: &Verification,
        entries: impl IntoIterator<Item = (&'e str, &'e str, &'e [u8])>,
    ) -> Result<Self, String> {
        let mut keys = demands
            .inline_keys()
            .map_err(|(field, why)| format!("spec.verify.{}: {why}", field.replace('/', ".")))?;
        for (place, entry, bytes) in entries {
            keys.add_entry(entry, bytes)
                .map_err(|fault| format!("{place}: {fault}"))?;
        }
        if keys.is_empty() {
            return Err("no key is given, and so nothing can be taken up".into());
        }
        let committers = demands.committers.iter();
        let committers = committers.map(|entry| Ok((entry.patterns()?, entry.clone())));
        Ok(Self {
            committers: committers.collect::<Result<_, String>>()?,
            demands: demands.clone(),
            keys,
        })
    }

    pub(super) fn asks_who_changes_what(&self) -> bool {
        !self.committers.is_empty()
    }

    /// Whose signature it is, or why it does not count.
    pub(super) fn signer(&self, signed: &Signed, times: Times) -> Result<Signer, String> {
        self.keys.judge(signed, times)
    }

    /// What the platform team says of a commit.
    pub(super) fn accepted(&self, revision: &Revision) -> Option<&Acceptance> {
        let mut accepted = self.demands.accepted.iter();
        accepted.find(|it| it.commit == revision.as_str())
    }

    /// Why a signer may not change these files, if that is so.
    pub(super) fn forbids(&self, signer: &Signer, files: &[Vec<u8>]) -> Option<String> {
        let mut refused = files
            .iter()
            .filter_map(|file| Some((file, self.refuses(signer, file)?)));
        let (first, who) = refused.next()?;
        let others = match refused.count() {
            0 => String::new(),
            count => format!(", and {count} more files that it changes are not theirs"),
        };
        let name = one_line(&signer.names.join(", "), 80);
        let shown = one_line(&String::from_utf8_lossy(first), 200);
        Some(format!(
            "is signed by {name}, who may not change {shown} ({who}){others}"
        ))
    }

    /// Who may change a file, if the signer may not.
    fn refuses(&self, signer: &Signer, file: &[u8]) -> Option<String> {
        let path = Path::new(OsStr::from_bytes(file));
        // A pattern for directories means what is no directory as well: a link in the place of
        // one is as good.
        let means = |(patterns, _): &&(Gitignore, Committers)| {
            patterns.matched_path_or_any_parents(path, true).is_ignore()
        };
        let Some((_, entry)) = self.committers.iter().find(means) else {
            return Some("no entry of spec.verify.committers means it".into());
        };
        if signer.names.iter().any(|name| entry.names(name)) {
            return None;
        }
        Some(match entry.signers.is_empty() {
            true => "nobody may".into(),
            false => format!("{} may", one_line(&entry.signers.join(", "), 200)),
        })
    }
}
