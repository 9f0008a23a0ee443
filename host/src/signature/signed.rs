//! Git's commit and tag objects, taken apart into what is signed and the signature: gitformat-signature.
//! Read from the object's own bytes, so that nothing in a mirror (grafts, say) says otherwise.

/// Bytes of a commit or a tag. A message of this length is no message.
pub const OBJECT_LIMIT: usize = 1 << 20;
/// Bytes of one signature; one by RSA 16384 with all that goes along has a fifth of it.
pub const SIGNATURE_LIMIT: usize = 16 << 10;
/// Parents of one commit; an octopus of Git's own has at most 16.
const PARENTS_LIMIT: usize = 64;

/// What is signed, and the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    pub payload: Vec<u8>,
    pub signature: Vec<u8>,
}

/// A commit, as far as signatures are concerned. Ids are in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitBytes {
    pub tree: String,
    pub parents: Vec<String>,
    /// `None` if it is not signed.
    pub signed: Option<Signed>,
}

/// An annotated tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagBytes {
    pub object: String,
    /// `commit`, as a rule.
    pub kind: String,
    pub name: String,
    /// Seconds since the epoch of the tagger's clock; 0 if the tag says nothing.
    pub made: i64,
    pub signed: Option<Signed>,
}

impl CommitBytes {
    /// # Errors
    /// What is wrong with the object.
    pub fn read(object: &[u8]) -> Result<Self, String> {
        bounded(object)?;
        let mut payload = Vec::with_capacity(object.len());
        let mut signature: Option<Vec<u8>> = None;
        let mut within = false;
        let mut tree = None;
        let mut parents = Vec::new();
        let mut rest = object;
        let mut number = 0;
        while let Some((line, after)) = split_line(rest) {
            if line == b"\n" {
                break;
            }
            if within && line[0] == b' ' {
                signature
                    .get_or_insert_default()
                    .extend_from_slice(&line[1..]);
            } else if line.starts_with(b"gpgsig") {
                // Git leaves the signature of the repository's other hash function out of what is
                // signed; nothing makes commits for both.
                let Some(first) = line.strip_prefix(b"gpgsig ") else {
                    return Err("it has a signature of a kind that is not known".into());
                };
                if signature.is_some() {
                    return Err("it has more than one signature".into());
                }
                signature = Some(first.to_vec());
                within = true;
            } else {
                within = false;
                let value = |name: &str| text_after(line, name);
                match (number, value("tree "), value("parent ")) {
                    (0, Some(id), _) => tree = Some(object_id(id)?),
                    (_, _, Some(id)) if number == 1 + parents.len() => parents.push(object_id(id)?),
                    (_, None, None) => {}
                    _ => return Err("its tree and parents are not where they should be".into()),
                }
                payload.extend_from_slice(line);
                number += 1;
            }
            rest = after;
        }
        if parents.len() > PARENTS_LIMIT {
            return Err(format!("it has {} parents", parents.len()));
        }
        payload.extend_from_slice(rest);
        Ok(Self {
            tree: tree.ok_or("it has no tree")?,
            parents,
            signed: signed(payload, signature)?,
        })
    }
}

impl TagBytes {
    /// # Errors
    /// What is wrong with the object.
    pub fn read(object: &[u8]) -> Result<Self, String> {
        bounded(object)?;
        // As Git looks for it: the last line that begins one.
        let mut at = None;
        let mut offset = 0;
        while let Some((line, _)) = split_line(&object[offset..]) {
            if BEGINNINGS.iter().any(|it| line.starts_with(it)) {
                at = Some(offset);
            }
            offset += line.len();
        }
        let payload = object[..at.unwrap_or(object.len())].to_vec();
        let signature = at.map(|at| object[at..].to_vec());
        let mut lines = payload.split(|byte| *byte == b'\n');
        let mut next = |name: &str| {
            let line = lines.next().unwrap_or_default();
            let value = text_after(line, name).ok_or_else(|| format!("it has no {}", name.trim()));
            value.map(|value| String::from_utf8_lossy(value).into_owned())
        };
        let (object, kind, name) = (next("object ")?, next("type ")?, next("tag ")?);
        let made = next("tagger ").ok().and_then(|line| {
            let (_, time) = line.rsplit_once("> ")?;
            time.split(' ').next()?.parse().ok()
        });
        Ok(Self {
            object: object_id(object.as_bytes())?,
            kind,
            name,
            made: made.unwrap_or_default(),
            signed: signed(payload, signature)?,
        })
    }
}

const BEGINNINGS: [&[u8]; 4] = [
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"-----BEGIN SSH SIGNATURE-----",
    b"-----BEGIN SIGNED MESSAGE-----",
];

fn signed(payload: Vec<u8>, signature: Option<Vec<u8>>) -> Result<Option<Signed>, String> {
    let Some(signature) = signature else {
        return Ok(None);
    };
    if signature.len() > SIGNATURE_LIMIT {
        let size = signature.len();
        return Err(format!(
            "its signature has {size} bytes, over {SIGNATURE_LIMIT}"
        ));
    }
    Ok(Some(Signed { payload, signature }))
}

fn bounded(object: &[u8]) -> Result<(), String> {
    match object.len() > OBJECT_LIMIT {
        true => Err(format!(
            "it has {} bytes, over {OBJECT_LIMIT}",
            object.len()
        )),
        false => Ok(()),
    }
}

/// A line with its end, and what is after it.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if bytes.is_empty() {
        return None;
    }
    let end = bytes.iter().position(|byte| *byte == b'\n');
    Some(bytes.split_at(end.map_or(bytes.len(), |end| end + 1)))
}

fn text_after<'l>(line: &'l [u8], name: &str) -> Option<&'l [u8]> {
    let value = line.strip_prefix(name.as_bytes())?;
    Some(value.strip_suffix(b"\n").unwrap_or(value))
}

fn object_id(value: &[u8]) -> Result<String, String> {
    let digits = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    match std::str::from_utf8(value) {
        Ok(id) if id.len() == 40 && value.iter().all(digits) => Ok(id.to_owned()),
        _ => Err("it names an object by no full id".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

    fn commit(headers: &str) -> Result<CommitBytes, String> {
        CommitBytes::read(format!("tree {TREE}\n{headers}\nthe message\n\n -----\n").as_bytes())
    }

    #[test]
    fn a_signature_is_taken_out_of_a_commit_and_the_rest_is_what_was_signed() {
        let read = commit("author a <a> 1 +0000\ngpgsig one\n two\n \n three\nencoding x\n");
        let signed = read.expect("well formed").signed.expect("signed");
        assert_eq!(signed.signature, b"one\ntwo\n\nthree\n");
        let rest =
            format!("tree {TREE}\nauthor a <a> 1 +0000\nencoding x\n\nthe message\n\n -----\n");
        assert_eq!(String::from_utf8_lossy(&signed.payload), rest);
        let unsigned = commit("author a <a> 1 +0000\n").expect("well formed");
        assert_eq!(unsigned.signed, None);
        // A header of somebody else's goes on over lines of its own.
        let merged = commit("mergetag object\n gpgsig no\n more\n").expect("well formed");
        assert_eq!(merged.signed, None);
    }

    #[test]
    fn a_commit_that_two_readers_would_read_differently_is_refused() {
        let parent = format!("parent {TREE}\n");
        let long = format!("gpgsig {}\n", "x".repeat(SIGNATURE_LIMIT));
        let wrong = [
            "gpgsig a\ngpgsig b\n".to_owned(),
            "gpgsig a\nother b\ngpgsig c\n".into(),
            "gpgsig-sha256 a\n".into(),
            format!("tree {TREE}\n"),
            format!("author a\n{parent}"),
            "parent HEAD\n".into(),
            parent.repeat(PARENTS_LIMIT + 1),
            long,
        ];
        for headers in wrong {
            assert!(commit(&headers).is_err(), "{headers}");
        }
        assert_eq!(commit(&parent).expect("right").parents, [TREE]);
    }

    #[test]
    fn a_tag_is_signed_by_the_last_signature_in_it() {
        let begin = "-----BEGIN SSH SIGNATURE-----";
        let head = format!("object {TREE}\ntype commit\ntag v1\ntagger a b <a@b> 77 +0100\n\n");
        let text = format!("{head}{begin}\nnot this\nthe message\n{begin}\nthis\n");
        let tag = TagBytes::read(text.as_bytes()).expect("well formed");
        let signed = tag.signed.expect("signed");
        assert_eq!((tag.name.as_str(), tag.made), ("v1", 77));
        assert_eq!(signed.signature, format!("{begin}\nthis\n").as_bytes());
        assert!(signed.payload.ends_with(b"the message\n"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_fall_over(bytes: Vec<u8>, lines in "((tree|parent|gpgsig| |object|type|tag) ?[a-f0-9]{0,41}\n){0,9}") {
            let _ = (CommitBytes::read(&bytes), TagBytes::read(&bytes));
            let _ = (CommitBytes::read(lines.as_bytes()), TagBytes::read(lines.as_bytes()));
        }
    }
}
