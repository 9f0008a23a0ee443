//! Microsoft Teams, by a workflow that is begun by a webhook: an Adaptive Card. What a repository's
//! authors wrote stands in `TextRun`s, which know no Markdown and no mentions.

use serde_json::{Value, json};

use super::message::{About, Message};
use super::text::clipped;

/// Teams takes cards of 28 KB.
const BYTES: usize = 24 << 10;
const TEXT: usize = 2_000;

pub(super) fn body(message: &Message, about: &About) -> Value {
    let run = |text: &str, look: Value| {
        let mut run = json!({"type": "TextRun", "text": text});
        for (name, value) in look.as_object().into_iter().flatten() {
            run[name] = value.clone();
        }
        json!({"type": "RichTextBlock", "inlines": [run]})
    };
    let color = match message.event().is_trouble() {
        true => "attention",
        false => "good",
    };
    let look = json!({"weight": "bolder", "size": "medium", "color": color});
    let mut body = vec![run(&message.title(about), look)];
    if let Some(byline) = message.byline() {
        body.push(run(&byline, json!({"isSubtle": true})));
    }
    let (mut bytes, mut left_out) = (0, 0);
    for text in message.paragraphs() {
        let text = clipped(&text, TEXT);
        bytes += text.len();
        match bytes <= BYTES / 2 {
            true => body.push(run(&text, json!({}))),
            false => left_out += 1,
        }
    }
    if left_out > 0 {
        body.push(run(
            &format!("{left_out} more have no room here"),
            json!({}),
        ));
    }
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard", "version": "1.4", "body": body,
    });
    if let Some(page) = message.page(about) {
        card["actions"] = json!([{"type": "Action.OpenUrl", "title": "Commit", "url": page}]);
    }
    json!({"type": "message", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card,
    }]})
}
