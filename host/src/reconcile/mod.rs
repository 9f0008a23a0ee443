//! When: polling, evaluation of revisions, kits side by side, retries, pre-emption.
//! Ties the rooms together and decides nothing that they decide.
//! A newer revision of a kit is taken up at once; nothing waits for a time-out of the old one.

mod adoption;
mod ages;
mod answers;
mod asked;
mod blame;
mod blamed;
mod carry_out;
mod commit_states;
mod credentials;
mod deletion;
mod diff;
mod differing;
mod drift;
mod evaluating;
mod fetching;
mod fields_of;
mod fights;
mod foreseen;
mod health;
mod host;
mod index;
mod kit;
mod kit_state;
mod line_history;
mod live;
mod news;
mod notable;
mod notices;
mod others;
mod outcome;
mod pins;
mod policy_report;
mod polling;
mod record_anchor;
mod record_answers;
mod recorded;
mod recording;
mod report;
mod repository;
mod repository_record;
mod repository_status;
mod revision;
mod rollback;
mod sent;
mod settling;
mod status;
mod supplies;
mod verify;
mod verifying;
mod waiting;

pub use blamed::{Blame, BlameLine, By, FieldManager, Place, TransformerStep};
pub use diff::{Diff, KitDiff, KitState, ObjectChange, ObjectDiff};
pub use host::{HostError, Options, Settled, run};
pub use verify::{Differing, KitVerdict, Verification};
