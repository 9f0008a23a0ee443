//! What is applied, as text that JSON and YAML read alike.

use kube::client::Body;
use tower::BoxError;

/// The API server reads what is applied as YAML, which it is called: there, characters that JSON lets
/// stand would be line breaks, or an error. As escapes they are the same in both.
pub(super) async fn escaped(request: http::Request<Body>) -> Result<http::Request<Body>, BoxError> {
    let kind = request.headers().get(http::header::CONTENT_TYPE);
    if kind.is_none_or(|it| it != "application/apply-patch+yaml") {
        return Ok(request);
    }
    let (head, body) = request.into_parts();
    let bytes = body.collect_bytes().await?;
    let body = match std::str::from_utf8(&bytes).ok().and_then(escapes) {
        Some(text) => Body::from(text.into_bytes()),
        None => Body::from(bytes),
    };
    Ok(http::Request::from_parts(head, body))
}

/// JSON with escapes for what is no printable character of YAML 1.1, or a line break; if it has any.
fn escapes(text: &str) -> Option<String> {
    let special = |it: char| {
        matches!(
            it,
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
    };
    let mut left = text;
    let mut whole = String::new();
    while let Some(at) = left.find(special) {
        let (before, rest) = left.split_at(at);
        let mut rest = rest.chars();
        whole.push_str(before);
        // All of them have four digits at most.
        whole.extend(rest.next().map(|it| format!("\\u{:04x}", u32::from(it))));
        left = rest.as_str();
    }
    (!whole.is_empty()).then(|| whole + left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_yaml_would_alter_is_escaped_and_says_the_same_as_json() {
        let value = serde_json::json!({
            "a\u{85}b": "\u{7f} \u{9b}\u{2028}\u{2029}\u{feff}\u{ffff}", "plain": "ä \n\t\u{1f600}",
        });
        let text = escapes(&value.to_string()).expect("it has some");
        assert!(
            text.contains(r"a\u0085b") && text.contains(r"\u2028\u2029\ufeff\uffff"),
            "{text}"
        );
        let again: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(again, value);
        assert_eq!(escapes(r#"{"plain": "ä \n"}"#), None);
    }
}
