//! Patterns of `spec.kits[].path`.

use std::collections::BTreeMap;

/// What captures matched.
pub(super) type Captures = BTreeMap<String, String>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Name(String),
    Any,
    Capture(String),
}

/// `kits/{company}/*`, or `**`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Segments(Vec<Segment>),
    /// Every directory with a kit.yaml.
    Everywhere,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "**" {
            return Ok(Self::Everywhere);
        }
        let mut captures = Vec::new();
        let segments = text.trim_end_matches('/').split('/').map(|segment| {
            if segment == "." && text == "." {
                return Ok(Segment::Name(".".into()));
            }
            if let Some(name) = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
            {
                let valid = !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                if !valid || captures.contains(&name) {
                    return Err(format!("{segment:?} is no capture: it takes a name, once"));
                }
                captures.push(name);
                return Ok(Segment::Capture(name.to_owned()));
            }
            match segment {
                "*" => Ok(Segment::Any),
                "" | "." | ".." | "**" => Err(format!("{segment:?} cannot be a segment of a path")),
                name if name.contains(['*', '{', '}']) => Err(format!(
                    "{name:?} mixes a pattern with a name; a segment is one or the other"
                )),
                name => Ok(Segment::Name(name.to_owned())),
            }
        });
        segments.collect::<Result<_, _>>().map(Self::Segments)
    }

    /// Whether a directory of this path is one that the pattern means.
    pub(super) fn matches(&self, path: &str) -> bool {
        let Self::Segments(segments) = self else {
            return true;
        };
        let names: Vec<&str> = path.split('/').collect();
        let fits = |(segment, name): (&Segment, &&str)| match segment {
            Segment::Name(wanted) => wanted == *name,
            Segment::Any | Segment::Capture(_) => !name.starts_with('.'),
        };
        segments.len() == names.len() && segments.iter().zip(&names).all(fits)
    }

    /// What its names in braces are in a path that it matches.
    pub(super) fn captured(&self, path: &str) -> Captures {
        let Self::Segments(segments) = self else {
            return Captures::new();
        };
        let pairs = segments.iter().zip(path.split('/'));
        let captured = pairs.filter_map(|(segment, name)| match segment {
            Segment::Capture(capture) => Some((capture.clone(), name.to_owned())),
            _ => None,
        });
        captured.collect()
    }

    pub(super) fn captures(&self) -> Vec<&str> {
        match self {
            Self::Everywhere => Vec::new(),
            Self::Segments(segments) => segments
                .iter()
                .filter_map(|segment| match segment {
                    Segment::Capture(name) => Some(name.as_str()),
                    _ => None,
                })
                .collect(),
        }
    }
}

/// Fills captures into a template (`{company}-system`). Gives the name of one that is not known.
pub(super) fn fill(template: &str, captures: &Captures) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        let end = rest[start..]
            .find('}')
            .ok_or_else(|| rest[start..].to_owned())?
            + start;
        let name = &rest[start + 1..end];
        filled.push_str(&rest[..start]);
        filled.push_str(captures.get(name).ok_or_else(|| name.to_owned())?);
        rest = &rest[end + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

/// A DNS label (RFC 1123): what a namespace can be called.
/// Whether it may name a namespace: RFC 1123.
pub fn is_dns_label(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.len() <= 63
        && text.bytes().next().is_some_and(fits)
        && text.bytes().last().is_some_and(fits)
        && text.bytes().all(|b| fits(b) || b == b'-')
}

/// A DNS subdomain (RFC 1123): what an object can be called.
pub(super) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && !text.is_empty() && text.split('.').all(is_dns_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_names_stars_and_captures() {
        let pattern = Pattern::parse("kits/{company}/*").expect("valid");
        assert_eq!(pattern.captures(), ["company"]);
        assert!(pattern.matches("kits/acme/web") && !pattern.matches("kits/acme"));
        assert_eq!(Pattern::parse("**"), Ok(Pattern::Everywhere));
        for wrong in ["", "a//b", "../a", "a*", "{a}/{a}", "{}", "a/**"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_template_takes_captures_and_names_what_it_lacks() {
        let captures = Captures::from([("company".to_owned(), "acme".to_owned())]);
        assert_eq!(fill("{company}-dev", &captures), Ok("acme-dev".into()));
        assert_eq!(fill("{other}", &captures), Err("other".into()));
    }
}
