//! The verdict on a revision.

use super::{Fault, Policy};
use crate::kit::{Rewrites, VerificationMode};
use crate::signature::{SignatureState, Signer, Times};
use crate::source::{ChangeFault, Commit, History, Revision, SignedCommit, SourceError};

/// Faults that are told; their number is in the last one.
const FAULTS_LIMIT: usize = 50;
const SIGN: &str = "sign it with one of the keys that are given and push it again, or accept it in spec.verify.accepted of the Repository";

/// What is asked.
pub struct Question<'q> {
    pub head: &'q Commit,
    /// The revision that was taken up last, if it was found where the head is.
    pub taken: Option<&'q Revision>,
    /// Seconds since the epoch.
    pub now: i64,
}

/// What is said of a revision. It may be taken up if there are no faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What the signature of the head, or of the tag, is worth.
    pub signature: SignatureState,
    pub faults: Vec<Fault>,
}

/// # Errors
/// That the mirror is damaged; then nothing is known of the revision.
pub fn verify(
    history: &History,
    policy: &Policy,
    question: &Question<'_>,
) -> Result<Verdict, SourceError> {
    let judge = Judge {
        history,
        policy,
        question,
    };
    let head = &question.head.revision;
    let own = judge.commit_alone(&history.commit(head)?);
    // What is taken up stays so, whatever becomes of its keys.
    if question.taken == Some(head) {
        return Ok(Verdict {
            signature: state(&own),
            faults: Vec::new(),
        });
    }
    if let Some(accepted) = policy.accepted(head).filter(|it| it.and_before) {
        return Ok(Verdict {
            signature: SignatureState::Accepted {
                reason: accepted.reason.clone(),
            },
            faults: Vec::new(),
        });
    }
    let mut faults = Vec::new();
    let known = judge.known(&mut faults)?;
    if !faults.is_empty() {
        return Ok(Verdict {
            signature: state(&own),
            faults,
        });
    }
    let mode = policy.demands.mode;
    let mut told = own.clone();
    if mode.looks_at_tag() {
        told = judge.tag()?;
        match &told {
            Err(why) => faults.push(judge.of_head(why)),
            Ok(signer) if mode == VerificationMode::Tag => judge.answers(signer, &mut faults)?,
            Ok(_) => {}
        }
    }
    match mode {
        VerificationMode::Tag => {}
        VerificationMode::Head => match &own {
            _ if policy.accepted(head).is_some() => {}
            Err(why) => faults.push(judge.of_head(why)),
            Ok(signer) => judge.answers(signer, &mut faults)?,
        },
        VerificationMode::Every | VerificationMode::TagAndEvery => {
            judge.every(&known, &own, &mut faults)?;
        }
    }
    let accepted = policy
        .accepted(head)
        .filter(|_| mode != VerificationMode::Tag);
    let signature = match accepted {
        Some(accepted) if told.is_err() => SignatureState::Accepted {
            reason: accepted.reason.clone(),
        },
        _ => state(&told),
    };
    Ok(Verdict { signature, faults })
}

/// Whose signature it is, or why it does not count: "is not signed".
type Own = Result<Signer, String>;

fn state(own: &Own) -> SignatureState {
    match own {
        Ok(signer) => SignatureState::Good {
            signer: signer.names.join(","),
            key: signer.key.clone(),
        },
        Err(why) if why == UNSIGNED => SignatureState::Unsigned,
        Err(why) => SignatureState::Bad { why: why.clone() },
    }
}

const UNSIGNED: &str = "is not signed";

struct Judge<'q> {
    history: &'q History,
    policy: &'q Policy,
    question: &'q Question<'q>,
}

impl Judge<'_> {
    fn commit_alone(&self, commit: &SignedCommit) -> Own {
        let bytes = commit.bytes.as_ref().map_err(|why| counts_not(why))?;
        let Some(signed) = &bytes.signed else {
            return Err(UNSIGNED.into());
        };
        let times = Times {
            made: commit.commit.time,
            now: self.question.now,
        };
        self.policy
            .signer(signed, times)
            .map_err(|why| counts_not(&why))
    }

    fn tag(&self) -> Result<Own, SourceError> {
        let head = self.question.head;
        let Some(name) = &head.tag else {
            return Ok(Err("is followed by no tag".into()));
        };
        let Some(tag) = self.history.tag(name)? else {
            return Ok(Err(format!(
                "is followed by the tag {name}, which is not annotated, and so cannot be signed"
            )));
        };
        let tag = match tag {
            Ok(tag) => tag,
            Err(why) => {
                return Ok(Err(format!(
                    "has the tag {name}, which does not count: {why}"
                )));
            }
        };
        // A signed tag under another name is an old one that somebody passes off as new.
        if tag.name != *name || tag.kind != "commit" || tag.object != head.revision.as_str() {
            return Ok(Err(format!(
                "is not what the tag {name} was made for: it says {:?}, of {} {}",
                tag.name, tag.kind, tag.object
            )));
        }
        let Some(signed) = &tag.signed else {
            return Ok(Err(format!("has the tag {name}, which is not signed")));
        };
        let times = Times {
            made: tag.made,
            now: self.question.now,
        };
        let own = self.policy.signer(signed, times);
        Ok(own.map_err(|why| format!("has the tag {name}, which does not count: {why}")))
    }

    fn of_head(&self, why: &str) -> Fault {
        Fault::of(self.question.head, why, SIGN)
    }

    /// Commits from which on the history is looked at. None: there is nothing to go by yet.
    fn known(&self, faults: &mut Vec<Fault>) -> Result<Vec<Revision>, SourceError> {
        let head = &self.question.head.revision;
        let mut known = Vec::new();
        for accepted in self
            .policy
            .demands
            .accepted
            .iter()
            .filter(|it| it.and_before)
        {
            let revision = Revision::new(accepted.commit.as_str());
            if self.history.has(&revision) && self.history.builds_on(head, &revision)? {
                known.push(revision);
            }
        }
        let Some(taken) = self.question.taken else {
            return Ok(known);
        };
        let rewrites = format!(
            "accept it in spec.verify.accepted of the Repository, with andBefore, if {} is to be left",
            taken.short()
        );
        if !self.history.has(taken) {
            // What the platform team takes with all that is before it has been dealt with already.
            let why = format!(
                "cannot be compared: {}, which was taken up last, is no longer to be had",
                taken.short()
            );
            faults.push(Fault::whole(head, why, rewrites));
            return Ok(known);
        }
        if self.history.builds_on(head, taken)? {
            known.push(taken.clone());
            return Ok(known);
        }
        // Only a commit that the platform team named since then says that the old line is left.
        for accepted in &known {
            if !self.history.builds_on(taken, accepted)? {
                return Ok(known);
            }
        }
        match self.policy.demands.rewrites {
            Rewrites::Allow => known.push(taken.clone()),
            Rewrites::Refuse => {
                let why = format!(
                    "does not build on {}, which was taken up last",
                    taken.short()
                );
                faults.push(Fault::whole(head, why, rewrites));
            }
        }
        Ok(known)
    }

    /// Whoever signed the head or the tag answers for all that is otherwise since.
    fn answers(&self, signer: &Signer, faults: &mut Vec<Fault>) -> Result<(), SourceError> {
        let (Some(taken), true) = (self.question.taken, self.policy.asks_who_changes_what()) else {
            return Ok(());
        };
        let head = &self.question.head.revision;
        let files = self.history.changed_between(Some(taken), head);
        faults.extend(self.forbidden(self.question.head, signer, files)?);
        Ok(())
    }

    fn forbidden(
        &self,
        commit: &Commit,
        signer: &Signer,
        files: Result<Vec<Vec<u8>>, ChangeFault>,
    ) -> Result<Option<Fault>, SourceError> {
        let why = match files {
            Ok(files) => self.policy.forbids(signer, &files),
            Err(ChangeFault::Unclear(why)) => Some(format!("cannot be judged: {why}")),
            Err(ChangeFault::Source(error)) => return Err(error),
        };
        let next =
            "have somebody who may sign it, or accept it in spec.verify.accepted of the Repository";
        Ok(why.map(|why| Fault::of(commit, why, next)))
    }

    /// Every commit since what is known; the head alone if nothing is.
    fn every(
        &self,
        known: &[Revision],
        own: &Own,
        faults: &mut Vec<Fault>,
    ) -> Result<(), SourceError> {
        let head = &self.question.head.revision;
        let new = match known {
            [] => vec![head.clone()],
            known => match self.history.since(head, known)? {
                Ok(new) => new,
                Err(many) => {
                    let next = "accept one of them in spec.verify.accepted of the Repository, with andBefore";
                    faults.push(Fault::whole(
                        head,
                        format!("cannot be judged: {many}"),
                        next,
                    ));
                    return Ok(());
                }
            },
        };
        let mut untold = 0;
        for revision in &new {
            let fault = self.one(revision, known)?;
            // Clocks that are wrong may have led to a commit that was taken up long ago.
            match fault.filter(|_| known.is_empty() || !self.is_known(known, revision)) {
                Some(_) if faults.len() == FAULTS_LIMIT => untold += 1,
                fault => faults.extend(fault),
            }
        }
        if untold > 0 {
            let why = format!("brings {untold} more commits that are not verified");
            faults.push(Fault::whole(head, why, SIGN));
        }
        self.undone(known, own, faults)
    }

    fn is_known(&self, known: &[Revision], revision: &Revision) -> bool {
        let mut known = known.iter();
        known.any(|known| self.history.builds_on(known, revision).unwrap_or(false))
    }

    fn one(&self, revision: &Revision, known: &[Revision]) -> Result<Option<Fault>, SourceError> {
        if self.policy.accepted(revision).is_some() {
            return Ok(None);
        }
        let commit = self.history.commit(revision)?;
        let signer = match self.commit_alone(&commit) {
            Ok(signer) => signer,
            Err(why) => return Ok(Some(Fault::of(&commit.commit, why, SIGN))),
        };
        let (Ok(bytes), false, true) = (
            &commit.bytes,
            known.is_empty(),
            self.policy.asks_who_changes_what(),
        ) else {
            return Ok(None);
        };
        let files = self.history.changed_by(bytes);
        self.forbidden(&commit.commit, &signer, files)
    }

    /// A rewritten history undoes what was on the old line alone: that is a change as any other, of
    /// whoever signed the head.
    fn undone(
        &self,
        known: &[Revision],
        own: &Own,
        faults: &mut Vec<Fault>,
    ) -> Result<(), SourceError> {
        let head = &self.question.head.revision;
        let (Some(taken), true, Ok(signer)) = (
            self.question.taken,
            self.policy.asks_who_changes_what(),
            own,
        ) else {
            return Ok(());
        };
        if !known.contains(taken) || self.history.builds_on(head, taken)? {
            return Ok(());
        }
        let base = self.history.parting(head, taken)?;
        let files = self.history.changed_between(base.as_ref(), taken);
        faults.extend(self.forbidden(self.question.head, signer, files)?);
        Ok(())
    }
}

fn counts_not(why: &str) -> String {
    format!("has a signature that does not count: {why}")
}
