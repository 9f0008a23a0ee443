//! From an object that was filled in and mutated back to the manifest: only what the mutation
//! changed is written, so that no manifest gets what the API server would fill in anyway.

use serde_json::{Map, Value as Json};

/// The original with what differs between before and after.
pub fn carry(original: &Json, before: &Json, after: &Json) -> Json {
    if before == after {
        return original.clone();
    }
    match (original, before, after) {
        (Json::Object(original), Json::Object(before), Json::Object(after)) => {
            Json::Object(fields(original, before, after))
        }
        (Json::Array(original), Json::Array(before), Json::Array(after))
            if original.len() == before.len() =>
        {
            Json::Array(items(original, before, after))
        }
        _ => after.clone(),
    }
}

fn fields(
    original: &Map<String, Json>,
    before: &Map<String, Json>,
    after: &Map<String, Json>,
) -> Map<String, Json> {
    let mut made = Map::new();
    for (name, value) in original {
        match (before.get(name), after.get(name)) {
            (Some(before), Some(after)) => {
                made.insert(name.clone(), carry(value, before, after));
            }
            // A null that is as one that is not there.
            (None, None) => {
                made.insert(name.clone(), value.clone());
            }
            (Some(_), None) => {}
            (None, Some(after)) => {
                made.insert(name.clone(), after.clone());
            }
        }
    }
    for (name, value) in after {
        if original.contains_key(name) || before.get(name) == Some(value) {
            continue;
        }
        // What was filled in and then changed is written without the rest that was filled in.
        let empty = match value {
            Json::Object(_) => Json::Object(Map::new()),
            _ => Json::Null,
        };
        let before = before.get(name).cloned().unwrap_or_else(|| empty.clone());
        made.insert(name.clone(), carry(&empty, &before, value));
    }
    made
}

fn items(original: &[Json], before: &[Json], after: &[Json]) -> Vec<Json> {
    if before.len() == after.len() {
        let same = original.iter().zip(before).zip(after);
        return same
            .map(|((original, before), after)| carry(original, before, after))
            .collect();
    }
    let name = |item: &Json| item.get("name").cloned();
    let mut taken = vec![false; before.len()];
    let mut found = |item: &Json| {
        let equal = |(index, it): (usize, &Json)| !taken[index] && it == item;
        let named = |(index, it): (usize, &Json)| {
            !taken[index] && name(it).is_some() && name(it) == name(item)
        };
        let numbered = || before.iter().enumerate();
        let index = numbered()
            .position(equal)
            .or_else(|| numbered().position(named))?;
        taken[index] = true;
        Some(index)
    };
    let carried = |item: &Json| match found(item) {
        Some(index) => carry(&original[index], &before[index], item),
        None => item.clone(),
    };
    after.iter().map(carried).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_manifest_gets_what_was_changed_and_not_what_was_filled_in() {
        let original = json!({"spec": {"a": 1, "list": [{"name": "x"}], "gone": 2}});
        let before = json!({"spec": {"a": 1, "list": [{"name": "x", "pull": "Always"}], "gone": 2, "filled": {"p": 1}, "other": 5}});
        let after = json!({"spec": {"a": 3, "list": [{"name": "new"}, {"name": "x", "pull": "Always"}], "filled": {"p": 1, "q": 2}, "other": 6}});
        assert_eq!(
            carry(&original, &before, &after),
            json!({"spec": {"a": 3, "list": [{"name": "new"}, {"name": "x"}], "filled": {"q": 2}, "other": 6}})
        );
    }
}
