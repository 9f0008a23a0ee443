//! Render, transform, validate, in that order: from a kit's source to a verdict.
//! A function of the commit: no cluster, clock or network. Blocking and CPU-bound.
//! Every error of a kit is reported in one go.

mod as_read;
mod change;
mod data;
mod digest;
mod earlier;
mod enforcement;
mod evaluation;
mod gate;
#[cfg(test)]
mod given_tests;
mod guardrails;
mod late;
mod pins;
mod plugins;
mod referential;
mod rendered;
#[cfg(test)]
mod renderers_tests;
mod reproduction;
mod secrets;
mod substituted;
#[cfg(test)]
mod tests;
mod trace;
mod trial;
mod vendoring;
mod verdict;

pub use digest::RenderDigest;
pub use evaluation::{Evaluator, Superseded};
pub use gate::settle;
pub use guardrails::{Guardrails, Standing};
pub use late::{Finished, Unfinished, finished_at_once};
pub use pins::{Pin, Pinned, Revisions};
pub use plugins::PluginStore;
pub use rendered::{Rendered, render_kit};
pub use reproduction::{Reproduced, reproduce};
pub use secrets::{MASK, SECRET_FIELDS_ANNOTATION, Secrets, is_secret};
pub use trace::{Change, FieldTrace, Maker, Stage, Trace, Transformer, files, trace};
pub use trial::{Trial, TrialKit, Tried};
pub use vendoring::{Asked, KitReferences, references};
pub use verdict::{Evaluation, Verdict};
