//! Macros with variables of their own.

use std::rc::Rc;

use crate::evaluate::{Evaluation, worse};
use crate::node::{Loop, Node, Sort};
use crate::value::{Fault, Fields, Key, Outcome, Value};

impl Evaluation<'_> {
    pub(crate) fn looped(&mut self, it: &Loop) -> Outcome {
        let range = self.node(&it.range)?;
        match it.sort {
            Sort::OptMap | Sort::OptFlatMap => self.of_optional(it, &range),
            Sort::All | Sort::AllOfTwo => self.quantified(it, &range, false),
            Sort::Exists | Sort::ExistsOfTwo => self.quantified(it, &range, true),
            Sort::ExistsOne | Sort::ExistsOneOfTwo => {
                let mut found = 0;
                for round in rounds(it, &range)? {
                    found += usize::from(self.holds(it, round, &it.body)?);
                }
                Ok(Value::Bool(found == 1))
            }
            Sort::Map | Sort::TransformList => {
                let mut list = Vec::new();
                for round in rounds(it, &range)? {
                    list.extend(self.body(it, round)?);
                }
                Ok(Value::list(list))
            }
            Sort::TransformMap => {
                let mut fields = Fields::new();
                for round in rounds(it, &range)? {
                    let key = Key::of(&round.0).ok_or_else(Fault::overload)?;
                    let value = self.body(it, round)?;
                    fields.extend(value.map(|value| (key, value)));
                }
                Ok(Value::Map(Rc::new(fields)))
            }
            Sort::TransformMapEntry => self.entries(it, &range),
            Sort::ByKey => self.sorted(it, &range),
        }
    }

    fn entries(&mut self, it: &Loop, range: &Value) -> Outcome {
        let mut fields = Fields::new();
        for round in rounds(it, range)? {
            match self.body(it, round)? {
                None => {}
                Some(Value::Map(entries)) => {
                    for (key, value) in entries.iter() {
                        if fields.insert(key.clone(), value.clone()).is_some() {
                            let key = key.text();
                            let message = format!("insert failed: key {key} already exists");
                            return Err(Fault::new(message));
                        }
                    }
                }
                Some(_) => return Err(Fault::overload()),
            }
        }
        Ok(Value::Map(Rc::new(fields)))
    }

    fn sorted(&mut self, it: &Loop, range: &Value) -> Outcome {
        let mut keyed = Vec::new();
        for round in rounds(it, range)? {
            let item = round.0.clone();
            let key = self.with(it, round, &it.body)?;
            keyed.push((key, item));
        }
        crate::library::lists::in_order(&mut keyed)?;
        Ok(Value::list(
            keyed.into_iter().map(|(_, item)| item).collect(),
        ))
    }

    fn of_optional(&mut self, it: &Loop, range: &Value) -> Outcome {
        let value = match range {
            Value::Optional(None) => return Ok(Value::NONE),
            Value::Optional(Some(value)) => (**value).clone(),
            _ => return Err(Fault::overload()),
        };
        let made = self.with(it, (value, None), &it.body)?;
        match (it.sort, &made) {
            (Sort::OptMap, _) => Ok(Value::some(made)),
            (_, Value::Optional(_)) => Ok(made),
            _ => Err(Fault::overload()),
        }
    }

    /// `all` ends with the first that does not hold, `exists` with the first that does; a fault
    /// matters only if nothing ends it.
    fn quantified(&mut self, it: &Loop, range: &Value, ends: bool) -> Outcome {
        let mut fault = None;
        for round in rounds(it, range)? {
            match self.holds(it, round, &it.body) {
                Ok(holds) if holds == ends => return Ok(Value::Bool(ends)),
                Ok(_) => {}
                Err(found) => fault = worse(fault, found),
            }
        }
        fault.map_or(Ok(Value::Bool(!ends)), Err)
    }

    /// What a round makes; none if the condition does not hold.
    fn body(&mut self, it: &Loop, round: Round) -> Result<Option<Value>, Fault> {
        if let Some(condition) = &it.condition
            && !self.holds(it, round.clone(), condition)?
        {
            return Ok(None);
        }
        self.with(it, round, &it.body).map(Some)
    }

    fn holds(&mut self, it: &Loop, round: Round, node: &Node) -> Result<bool, Fault> {
        match self.with(it, round, node)? {
            Value::Bool(holds) => Ok(holds),
            _ => Err(Fault::overload()),
        }
    }

    fn with(&mut self, it: &Loop, (first, second): Round, node: &Node) -> Outcome {
        let outside = self.around.len();
        self.around.push((it.first.clone(), first));
        if let (Some(name), Some(value)) = (&it.second, second) {
            self.around.push((name.clone(), value));
        }
        let value = self.node(node);
        self.around.truncate(outside);
        value
    }
}

type Round = (Value, Option<Value>);

fn rounds(it: &Loop, range: &Value) -> Result<Vec<Round>, Fault> {
    let two = it.second.is_some();
    Ok(match range {
        Value::List(items) if two => {
            let numbered = items.iter().enumerate();
            let round =
                |(index, item): (usize, &Value)| (Value::Int(index as i64), Some(item.clone()));
            numbered.map(round).collect()
        }
        Value::List(items) => items.iter().map(|item| (item.clone(), None)).collect(),
        Value::Map(fields) => {
            let round = |(key, value): (&Key, &Value)| (key.value(), two.then(|| value.clone()));
            fields.iter().map(round).collect()
        }
        other => {
            let kind = match other {
                Value::Null => "types.Null",
                Value::Bool(_) => "types.Bool",
                Value::Int(_) => "types.Int",
                Value::Uint(_) => "types.Uint",
                Value::Double(_) => "types.Double",
                Value::String(_) => "types.String",
                other => other.type_name(),
            };
            return Err(Fault::new(format!("got '{kind}', expected iterable type")));
        }
    })
}
