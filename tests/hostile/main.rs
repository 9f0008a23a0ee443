//! What a hostile repository hands to Kustomize and Helm, through the evaluation of a revision: each
//! kit is held, with words that help its author, and its neighbours are rendered as if they were
//! alone. The renderers are the real ones, with the limits of production.

mod archive;
mod archives;
mod attack;
mod charts;
mod isolation;
mod kustomizations;
mod platform;
mod templates;
