//! The tokens of an RFC 6901 pointer.

/// A field's name as a token of a pointer.
pub fn pointer_token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The field's name that a token of a pointer stands for.
pub fn pointer_name(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}
