//! The libraries that the API server adds to CEL. Each gives none for what is not its own.

pub mod format;
pub mod lists;
pub mod network;
pub mod objects;
pub mod quantity;
pub mod regex;
pub mod semver;
pub mod strings;
pub mod url;
mod verbs;
