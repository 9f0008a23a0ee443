//! Image references by the grammar of distribution (github.com/distribution/reference), with its
//! normalisation of short names. Stricter in one point: there, what looks like a registry and is no
//! host (`my_host.io/web`) is taken for a path of no registry.

/// What an image is named by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference<'t> {
    /// Registry and path, as `docker.io/library/nginx`.
    pub repository: String,
    /// The same as it was written.
    pub written: &'t str,
    pub tag: Option<&'t str>,
    pub digest: Option<&'t str>,
}

/// The longest path that a registry takes.
const LONGEST_PATH: usize = 255;

/// The error is what is wrong, to follow "is no image reference: ".
pub fn parse(text: &str) -> Result<Reference<'_>, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.trim() != text {
        return Err("there is white space around it");
    }
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    if !digest.is_none_or(is_digest) {
        return Err("the digest is not sha256: and 64 hexadecimal digits in lower case");
    }
    let last = rest.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match rest[last..].find(':') {
        Some(colon) => (&rest[..last + colon], Some(&rest[last + colon + 1..])),
        None => (rest, None),
    };
    if !tag.is_none_or(is_tag) {
        return Err("the tag is not of letters, digits, `_`, `.` and `-`, 128 at most");
    }
    if name.len() == 64 && name.bytes().all(is_lower_hex) {
        return Err("64 hexadecimal digits are an image's id, not a name");
    }
    let (registry, path) = split_registry(name);
    if !is_registry(registry) {
        return Err("the registry is no host with an optional port");
    }
    let lower = path.to_ascii_lowercase();
    if lower != path && lower.split('/').all(is_component) {
        return Err("a repository is in lower case");
    }
    if path.len() > LONGEST_PATH {
        return Err("the repository has more than 255 characters");
    }
    if !path.split('/').all(is_component) {
        return Err(
            "the repository is not of lower case letters and digits, with `.`, `_`, `__` or `-` between them",
        );
    }
    Ok(Reference {
        repository: normalised(registry, path),
        written: name,
        tag,
        digest,
    })
}

/// A first segment is a registry if it can be no part of a repository on Docker Hub.
pub fn split_registry(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((first, rest)) if names_registry(first) => (first, rest),
        _ => ("docker.io", name),
    }
}

pub fn names_registry(first: &str) -> bool {
    first.contains(['.', ':'])
        || first == "localhost"
        || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Docker Hub has an older name, and its official images are in `library`.
pub fn normalised(registry: &str, path: &str) -> String {
    match registry {
        "docker.io" | "index.docker.io" if !path.contains('/') => {
            format!("docker.io/library/{path}")
        }
        "docker.io" | "index.docker.io" => format!("docker.io/{path}"),
        _ => format!("{registry}/{path}"),
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let address_only = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
            if address.is_empty() || !address.bytes().all(address_only) {
                return false;
            }
            ("v6", port)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let label = |label: &str| {
        let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        ends(label.bytes().next())
            && ends(label.bytes().next_back())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    host.split('.').all(label) && (port.is_empty() || port.strip_prefix(':').is_some_and(digits))
}

/// Runs of lower case letters and digits, with `.`, `_`, `__` or any number of `-` between two.
fn is_component(text: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = bytes.first().is_some_and(plain) && bytes.last().is_some_and(plain);
    let mut between = bytes.split(plain).filter(|separator| !separator.is_empty());
    ends && between.all(|separator| {
        matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|byte| *byte == b'-')
    })
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = text.bytes();
    bytes.next().is_some_and(word)
        && bytes.all(|byte| word(byte) || byte == b'.' || byte == b'-')
        && text.len() <= 128
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

/// The registered algorithms (OCI image specification, descriptors).
fn is_digest(text: &str) -> bool {
    let hex = |digits: &str, length| digits.len() == length && digits.bytes().all(is_lower_hex);
    match text.split_once(':') {
        Some(("sha256" | "blake3", digits)) => hex(digits, 64),
        Some(("sha512", digits)) => hex(digits, 128),
        Some(("sha384", digits)) => hex(digits, 96),
        _ => false,
    }
}
