//! One tiny component per behaviour, each an example of this crate; `behaviours.rs` runs them all.
