//! A level of the Pod Security Standards at a version.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// The newest version whose standards are known here.
pub const NEWEST: u64 = 37;

/// How much a Pod may do; each level forbids what the one before it forbids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Privileged,
    #[default]
    Baseline,
    Restricted,
}

impl Level {
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "privileged" => Self::Privileged,
            "baseline" => Self::Baseline,
            "restricted" => Self::Restricted,
            _ => return None,
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        })
    }
}

/// `latest`, or the minor version of `v1.34`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Version {
    #[default]
    Latest,
    Minor(u64),
}

impl Version {
    pub fn parse(text: &str) -> Option<Self> {
        if text == "latest" {
            return Some(Self::Latest);
        }
        let minor = text.strip_prefix("v1.")?;
        let digits = minor.bytes().all(|byte| byte.is_ascii_digit());
        let canonical = digits && (minor == "0" || !minor.starts_with('0'));
        // Go's int, which the API server reads it into.
        let minor: i64 = minor.parse().ok().filter(|_| canonical)?;
        minor.try_into().ok().map(Self::Minor)
    }

    /// The minor version whose checks are run: what is newer than `newest` is taken as that.
    pub fn minor(self, newest: u64) -> u64 {
        match self {
            Self::Latest => newest,
            Self::Minor(minor) => minor.min(newest),
        }
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
            .ok_or_else(|| format!("{text:?} is neither `latest` nor `v1.` and a number"))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Minor(minor) => write!(f, "v1.{minor}"),
        }
    }
}

impl JsonSchema for Version {
    fn schema_name() -> Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": r"^(latest|v1\.(0|[1-9][0-9]*))$"})
    }
}

/// `baseline:v1.34`, as the API server writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standard {
    pub level: Level,
    pub version: Version,
}

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.level, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_api_server_reads_them() {
        for (text, expected) in [
            ("latest", Some(Version::Latest)),
            ("v1.0", Some(Version::Minor(0))),
            ("v1.34", Some(Version::Minor(34))),
            (
                "v1.9223372036854775807",
                Some(Version::Minor(i64::MAX as u64)),
            ),
            ("v1.9223372036854775808", None),
            ("v1.034", None),
            ("v1.+4", None),
            ("v1.", None),
            ("v1", None),
            ("1.34", None),
            ("v2.0", None),
            ("v1.34.1", None),
            ("Latest", None),
            ("", None),
        ] {
            assert_eq!(Version::parse(text), expected, "{text}");
            if let Some(version) = expected {
                assert_eq!(version.to_string(), text);
            }
        }
    }

    #[test]
    fn what_is_newer_than_is_known_is_the_newest() {
        assert_eq!(Version::Latest.minor(37), 37);
        assert_eq!(Version::Minor(99).minor(37), 37);
        assert_eq!(Version::Minor(24).minor(37), 24);
    }
}
