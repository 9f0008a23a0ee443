//! What a Secret says to a Git server.

use std::collections::BTreeMap;

use crate::source::Auth;

/// Reads the entries that Flux names, so that a team's Secrets work as they are: `username`,
/// `password`, `bearerToken`, `identity`, `passphrase`, `known_hosts`, `ca.crt` (or `caFile`).
/// An entry that is not UTF-8 is an error that names the entry, never its value.
pub(super) fn auth_of(mut secret: BTreeMap<String, Vec<u8>>) -> Result<Auth, String> {
    let mut take = |name: &str| match secret.remove(name).map(String::from_utf8) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => Err(format!("the Secret's entry `{name}` is not UTF-8 text")),
    };
    let password = take("password")?;
    let token = take("bearerToken")?;
    let ca = take("ca.crt")?;
    let old_ca = take("caFile")?;
    Ok(Auth {
        username: take("username")?,
        password: password.or(token).map(|text| text.trim_end().to_owned()),
        ssh_key: take("identity")?,
        ssh_passphrase: take("passphrase")?,
        known_hosts: take("known_hosts")?,
        ca: ca.or(old_ca),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_is_not_text_is_named_without_its_value() {
        let secret = BTreeMap::from([("password".to_owned(), vec![0xff, 0xfe, b'x'])]);
        let error = auth_of(secret).expect_err("not text");
        assert_eq!(error, "the Secret's entry `password` is not UTF-8 text");
    }

    #[test]
    fn a_token_stands_where_a_password_does() {
        let secret = BTreeMap::from([("bearerToken".to_owned(), b"abc\n".to_vec())]);
        let auth = auth_of(secret).expect("text");
        assert_eq!(auth.password.as_deref(), Some("abc"));
    }
}
