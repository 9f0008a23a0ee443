//! Slack's incoming webhooks. What a repository's authors wrote stands in `plain_text` objects,
//! which know no mentions and no links, and escaped in the fallback text
//! (https://api.slack.com/reference/surfaces/formatting#escaping).

use serde_json::{Value, json};

use super::message::{About, Message};
use super::text::clipped;

/// Slack takes 3,000 characters of a section's text.
const SECTION: usize = 2_900;

/// `<!channel>` is a text and no mention of everybody.
pub(super) fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

pub(super) fn body(message: &Message, about: &About) -> Value {
    let title = message.title(about);
    let section = |text: &str| {
        let text = clipped(text, SECTION);
        json!({"type": "section", "text": {"type": "plain_text", "emoji": false, "text": text}})
    };
    let mut blocks = vec![section(&title)];
    blocks.extend(message.paragraphs().iter().map(|it| section(it)));
    if let Some(byline) = message.byline() {
        let element = json!({"type": "plain_text", "emoji": false, "text": byline});
        blocks.push(json!({"type": "context", "elements": [element]}));
    }
    // Made of the Repository's URL and a commit's id alone.
    if let (Some(page), Some(revision)) = (message.page(about), message.revision()) {
        let link = format!("<{page}|{}>", escaped(&revision.short));
        let element = json!({"type": "mrkdwn", "verbatim": true, "text": link});
        blocks.push(json!({"type": "context", "elements": [element]}));
    }
    let color = match message.event().is_trouble() {
        true => "#c0392b",
        false => "#27ae60",
    };
    let fallback = match message.byline() {
        Some(byline) => format!("{title} ({byline})"),
        None => title,
    };
    json!({"text": escaped(&fallback), "attachments": [{"color": color, "blocks": blocks}]})
}
