//! What is done about an answer. Pure: the time comes in.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::outgoing::Answer;

/// A server is not believed that wants more patience.
const LONGEST: Duration = Duration::from_secs(3600);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next {
    Delivered,
    /// At the earliest after this, if the server said so.
    Again {
        after: Option<Duration>,
        why: String,
    },
    /// The same would be refused again.
    Never(String),
}

pub(super) fn next(answer: Answer, now: Timestamp) -> Next {
    let (status, headers, excerpt) = match answer {
        Answer::None(why) => return Next::Again { after: None, why },
        Answer::Response {
            status,
            headers,
            excerpt,
        } => (status, headers, excerpt),
    };
    let why = match excerpt.is_empty() {
        true => format!("answered {}", status.as_u16()),
        false => format!("answered {}: {excerpt}", status.as_u16()),
    };
    // GitLab's way to say that the status is as it should be already.
    if status == StatusCode::BAD_REQUEST && excerpt.contains("Cannot transition status") {
        return Next::Delivered;
    }
    match status.as_u16() {
        200..=299 => Next::Delivered,
        // Credentials, rights, and where a repository is can be put right while it waits.
        300..=399 | 401 | 403 | 404 | 407 | 408 | 425 | 429 | 500..=599 => Next::Again {
            after: wait(&headers, now),
            why,
        },
        _ => Next::Never(why),
    }
}

/// RFC 9110, 10.2.3; and what GitHub and GitLab say of their rate limits.
fn wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| text(name)?.parse::<i64>().ok();
    let until = |second: i64| second.saturating_sub(now.as_second());
    let date = |text: &str| {
        let at = jiff::fmt::rfc2822::parse(text).ok()?;
        Some(until(at.timestamp().as_second()))
    };
    let after = text("retry-after").and_then(|it| it.parse().ok().or_else(|| date(it)));
    let reset = |left: &str, reset: &str| match number(left) {
        Some(0) => number(reset).map(until),
        _ => None,
    };
    let seconds = after
        .or_else(|| reset("x-ratelimit-remaining", "x-ratelimit-reset"))
        .or_else(|| reset("ratelimit-remaining", "ratelimit-reset"))?;
    let seconds = u64::try_from(seconds).unwrap_or(0).max(1);
    Some(Duration::from_secs(seconds).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, headers: &[(&'static str, &str)], excerpt: &str) -> Next {
        let now = Timestamp::from_second(1_800_000_000).expect("a time");
        let headers = headers.iter().map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, value.parse().expect("a value"))
        });
        let answer = Answer::Response {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: headers.collect(),
            excerpt: excerpt.into(),
        };
        next(answer, now)
    }

    fn pause(status: u16, headers: &[(&'static str, &str)]) -> Option<u64> {
        match answered(status, headers, "") {
            Next::Again { after, .. } => after.map(|it| it.as_secs()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_server_says_how_long_it_wants_to_be_left_alone() {
        assert_eq!(pause(429, &[("retry-after", "7")]), Some(7));
        let date = "Fri, 15 Jan 2027 08:01:40 GMT";
        assert_eq!(pause(503, &[("retry-after", date)]), Some(100));
        let github = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1800000060"),
        ];
        assert_eq!(pause(403, &github), Some(60));
        let gitlab = [
            ("ratelimit-remaining", "0"),
            ("ratelimit-reset", "1800000030"),
        ];
        assert_eq!(pause(429, &gitlab), Some(30));
        assert_eq!(pause(429, &[("retry-after", "99999999999")]), Some(3600));
        assert_eq!(pause(429, &[("retry-after", "-5")]), Some(1));
        assert_eq!(pause(429, &[("retry-after", "soon")]), None);
        let left = [
            ("x-ratelimit-remaining", "9"),
            ("x-ratelimit-reset", "1800000060"),
        ];
        assert_eq!(pause(403, &left), None);
    }

    #[test]
    fn what_would_be_refused_again_is_given_up_and_what_may_be_mended_is_not() {
        for status in [200, 201, 202, 204] {
            assert_eq!(answered(status, &[], ""), Next::Delivered);
        }
        for status in [302, 401, 403, 404, 408, 429, 500, 503] {
            assert!(
                matches!(answered(status, &[], ""), Next::Again { .. }),
                "{status}"
            );
        }
        for status in [400, 410, 413, 422] {
            assert!(
                matches!(answered(status, &[], ""), Next::Never(_)),
                "{status}"
            );
        }
        let words = r#"{"message":"Cannot transition status via :enqueue from :pending"}"#;
        assert_eq!(answered(400, &[], words), Next::Delivered);
    }
}
