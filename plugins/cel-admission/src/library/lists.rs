//! Lists and sets.

use std::cmp::Ordering;
use std::rc::Rc;

use crate::equality::{all, any, equal, within};
use crate::evaluate::known;
use crate::operators;
use crate::value::{Fault, Outcome, Value};

pub fn call(name: &str, arguments: &[Value]) -> Option<Outcome> {
    use Value::{Int, List};
    Some(match (name, arguments) {
        ("isSorted", [List(items)]) => sorted(items),
        ("sum", [List(items)]) => sum(items),
        ("min", [List(items)]) => extreme("min", items, Ordering::is_lt),
        ("max", [List(items)]) => extreme("max", items, Ordering::is_gt),
        ("indexOf", [List(items), item]) => first_of(items.iter().enumerate(), item),
        ("lastIndexOf", [List(items), item]) => first_of(items.iter().enumerate().rev(), item),
        ("slice", [List(items), Int(from), Int(to)]) => slice(items, *from, *to),
        ("flatten", [List(items)]) => flatten(items, 1),
        ("flatten", [List(items), Int(depth)]) => flatten(items, *depth),
        ("distinct", [List(items)]) => distinct(items),
        ("reverse", [List(items)]) => Ok(Value::list(items.iter().rev().cloned().collect())),
        ("sort", [List(items)]) => sort(items),
        ("first", [List(items)]) => optional(items.first()),
        ("last", [List(items)]) => optional(items.last()),
        ("lists.range", [Int(count)]) => range(*count),
        ("sets.contains", [List(items), List(others)]) => contains(items, others).map(Value::Bool),
        ("sets.equivalent", [List(items), List(others)]) => {
            let both = [contains(items, others), contains(others, items)];
            all(both.into_iter()).map(Value::Bool)
        }
        ("sets.intersects", [List(items), List(others)]) => {
            any(items.iter().map(|it| within(others, it))).map(Value::Bool)
        }
        _ => return None,
    })
}

fn contains(items: &[Value], others: &[Value]) -> Result<bool, Fault> {
    all(others.iter().map(|it| within(items, it)))
}

/// The index of the first of these that is equal.
fn first_of<'i>(items: impl Iterator<Item = (usize, &'i Value)>, item: &Value) -> Outcome {
    for (index, it) in items {
        if equal(it, item)? {
            return Ok(Value::Int(index as i64));
        }
    }
    Ok(Value::Int(-1))
}

fn distinct(items: &[Value]) -> Outcome {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        if !within(&kept, item)? {
            kept.push(item.clone());
        }
    }
    Ok(Value::list(kept))
}

fn optional(item: Option<&Value>) -> Outcome {
    let known = item.cloned().map(known).transpose()?;
    Ok(Value::Optional(known.map(Rc::new)))
}

fn compare(one: &Value, other: &Value) -> Result<Ordering, Fault> {
    one.compare(other).ok_or_else(Fault::overload)
}

fn sorted(items: &[Value]) -> Outcome {
    for pair in items.windows(2) {
        if compare(&pair[0], &pair[1])?.is_gt() {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn sum(items: &[Value]) -> Outcome {
    let Some((first, rest)) = items.split_first() else {
        return Ok(Value::Int(0));
    };
    match first {
        Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::Duration(_) => {}
        _ => return Err(Fault::new("no such overload: sum(list)")),
    }
    rest.iter()
        .try_fold(first.clone(), |sum, item| operators::add(&sum, item))
}

fn extreme(name: &str, items: &[Value], better: fn(Ordering) -> bool) -> Outcome {
    let mut items = items.iter();
    let Some(mut best) = items.next() else {
        return Err(Fault::new(format!("{name} called on empty list")));
    };
    for item in items {
        if better(compare(item, best)?) {
            best = item;
        }
    }
    Ok(best.clone())
}

fn slice(items: &[Value], from: i64, to: i64) -> Outcome {
    let wrong = |words: String| Err(Fault::new(words));
    if from < 0 || to < 0 {
        return wrong(format!(
            "cannot slice({from}, {to}), negative indexes not supported"
        ));
    }
    if from > to {
        return wrong(format!(
            "cannot slice({from}, {to}), start index must be less than or equal to end index"
        ));
    }
    let length = items.len();
    match items.get(from as usize..to as usize) {
        Some(part) => Ok(Value::list(part.to_vec())),
        None => wrong(format!(
            "cannot slice({from}, {to}), list is length {length}"
        )),
    }
}

fn flatten(items: &[Value], depth: i64) -> Outcome {
    if depth < 0 {
        return Err(Fault::new("level must be non-negative"));
    }
    let mut flat = Vec::new();
    for item in items {
        match item {
            Value::List(inner) if depth > 0 => match flatten(inner, depth - 1)? {
                Value::List(inner) => flat.extend(inner.iter().cloned()),
                other => flat.push(other),
            },
            other => flat.push(other.clone()),
        }
    }
    Ok(Value::list(flat))
}

fn range(count: i64) -> Outcome {
    match count > crate::evaluate::STEPS as i64 {
        true => Err(Fault::unknown(
            "it makes a longer list than the API server's bound on the cost lets through",
        )),
        false => Ok(Value::list((0..count).map(Value::Int).collect())),
    }
}

fn sort(items: &[Value]) -> Outcome {
    let mut keyed: Vec<(Value, Value)> = items.iter().map(|it| (it.clone(), it.clone())).collect();
    in_order(&mut keyed)?;
    Ok(Value::list(keyed.into_iter().map(|(_, it)| it).collect()))
}

/// By keys, which must be of one type that has an order.
pub fn in_order(keyed: &mut [(Value, Value)]) -> Result<(), Fault> {
    if let Some((first, _)) = keyed.first() {
        let first = first.clone();
        for (key, _) in keyed.iter() {
            if key.type_name() != first.type_name() {
                return Err(Fault::new("list elements must have the same type"));
            }
            if key.compare(key).is_none() {
                return Err(Fault::new("list elements must be comparable"));
            }
        }
    }
    keyed.sort_by(|(one, _), (other, _)| one.compare(other).unwrap_or(Ordering::Equal));
    Ok(())
}
