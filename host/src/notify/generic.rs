//! A webhook of any other kind: JSON, or what a template of the platform team's makes of it.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::Value;

/// Instructions of one rendering.
const FUEL: u64 = 100_000;
/// Bytes of a body.
const BODY: usize = 256 << 10;

const JSON: &str = "application/json";

/// Gives the body and its content type.
pub(super) fn body(
    all: &Value,
    template: Option<&str>,
    content_type: Option<&str>,
) -> Result<(String, String), String> {
    let kind = content_type.unwrap_or(JSON).to_owned();
    let Some(template) = template else {
        return Ok((all.to_string(), kind));
    };
    let json = kind
        .split(';')
        .next()
        .is_some_and(|it| it.trim().ends_with("json"));
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // What a commit says cannot end a text of the template's JSON and begin a field of its own.
    environment.set_auto_escape_callback(move |_| match json {
        true => AutoEscape::Json,
        false => AutoEscape::None,
    });
    let told = |error: minijinja::Error| format!("the template cannot be filled: {error}");
    let template = environment.template_from_str(template).map_err(told)?;
    let mut made = Bounded(Vec::new());
    template
        .render_captured_to(Serde(all), &mut made)
        .map_err(told)?;
    let text = String::from_utf8(made.0).map_err(|error| error.to_string())?;
    if json && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        return Err(format!("what the template makes is no JSON: {error}"));
    }
    Ok((text, kind))
}

struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > BODY {
            let words = format!("it makes more than {BODY} bytes");
            return Err(std::io::Error::other(words));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
