//! The functions that the API server's CEL has: the standard ones, strings, lists, math and encoders
//! of the language's extensions, and of Kubernetes' own those over lists and regular expressions.

use std::cmp::Ordering;

use cel::common::functions::Function;
use cel::common::types::{CelBool, CelInt, CelString, DYN_TYPE, LIST_TYPE, STRING_TYPE, Type};
use cel::common::value::{CowVal, Val};
use cel::{Env, ExecutionError, Value as Cel, extensions};

use crate::pattern;

type Arguments<'b, 'v> = Vec<CowVal<'b, 'v>>;
type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

pub fn environment() -> Env {
    let mut env = Env::stdlib();
    let done = extend(&mut env);
    done.expect("no function is declared twice");
    env
}

fn extend(env: &mut Env) -> Result<(), cel::DeclarationError> {
    extensions::strings(env)?;
    extensions::lists(env)?;
    extensions::math(env)?;
    extensions::encoders(env)?;
    env.add_overload(
        "matches",
        "k8s_matches",
        vec![STRING_TYPE, STRING_TYPE],
        matches,
    )?;
    let mut method = |name: &str, target: Type, arguments: Vec<Type>, function: Function| {
        let id = format!("k8s_list_or_text_{name}");
        env.add_member_overload(name, &id, target, arguments, function)
    };
    method("matches", STRING_TYPE, vec![STRING_TYPE], matches)?;
    method("find", STRING_TYPE, vec![STRING_TYPE], find)?;
    method("findAll", STRING_TYPE, vec![STRING_TYPE], find_all)?;
    method("isSorted", LIST_TYPE, vec![], is_sorted)?;
    method("min", LIST_TYPE, vec![], min)?;
    method("max", LIST_TYPE, vec![], max)?;
    method("sum", LIST_TYPE, vec![], sum)?;
    method("indexOf", LIST_TYPE, vec![DYN_TYPE], index_of)?;
    method("lastIndexOf", LIST_TYPE, vec![DYN_TYPE], last_index_of)
}

fn fails(function: &str, message: impl Into<String>) -> ExecutionError {
    ExecutionError::FunctionError {
        function: function.into(),
        message: message.into(),
    }
}

fn value(arguments: &Arguments<'_, '_>, index: usize) -> Result<Cel, ExecutionError> {
    let argument = arguments
        .get(index)
        .ok_or(ExecutionError::MissingArgumentOrTarget)?;
    Cel::try_from(argument.as_ref())
}

fn list(arguments: &Arguments<'_, '_>) -> Result<Vec<Cel>, ExecutionError> {
    match value(arguments, 0)? {
        Cel::List(items) => Ok(items.to_vec()),
        _ => Err(ExecutionError::MissingArgumentOrTarget),
    }
}

fn text(arguments: &Arguments<'_, '_>, index: usize) -> Result<String, ExecutionError> {
    match value(arguments, index)? {
        Cel::String(text) => Ok(text.to_string()),
        _ => Err(ExecutionError::MissingArgumentOrTarget),
    }
}

fn answer<'b, 'v>(value: Cel) -> Answer<'b, 'v> {
    let value: Box<dyn Val> = value.try_into()?;
    Ok(CowVal::Owned(value))
}

fn expression(
    function: &str,
    arguments: &Arguments<'_, '_>,
) -> Result<(String, regex::Regex), ExecutionError> {
    let pattern = text(arguments, 1)?;
    let compiled = pattern::compile(&pattern).map_err(|error| {
        fails(
            function,
            format!("{pattern:?} is no regular expression: {error}"),
        )
    })?;
    Ok((text(arguments, 0)?, compiled))
}

fn matches<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    let (text, expression) = expression("matches", &arguments)?;
    Ok(CowVal::owned(CelBool::from(expression.is_match(&text))))
}

fn find<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    let (text, expression) = expression("find", &arguments)?;
    let found = expression.find(&text).map_or("", |it| it.as_str());
    Ok(CowVal::owned(CelString::from(found.to_owned())))
}

fn find_all<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    let (text, expression) = expression("findAll", &arguments)?;
    let found = expression.find_iter(&text).map(|it| it.as_str().to_owned());
    answer(found.collect::<Vec<String>>().into())
}

fn order(function: &str, a: &Cel, b: &Cel) -> Result<Ordering, ExecutionError> {
    a.partial_cmp(b)
        .ok_or_else(|| fails(function, "the items cannot be compared"))
}

fn is_sorted<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    let items = list(&arguments)?;
    let mut sorted = true;
    for pair in items.windows(2) {
        sorted &= order("isSorted", &pair[0], &pair[1])? != Ordering::Greater;
    }
    Ok(CowVal::owned(CelBool::from(sorted)))
}

fn extreme<'b, 'v>(
    function: &str,
    wanted: Ordering,
    arguments: &Arguments<'b, 'v>,
) -> Answer<'b, 'v> {
    let mut items = list(arguments)?.into_iter();
    let mut best = items
        .next()
        .ok_or_else(|| fails(function, "the list is empty"))?;
    for item in items {
        if order(function, &item, &best)? == wanted {
            best = item;
        }
    }
    answer(best)
}

fn min<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    extreme("min", Ordering::Less, &arguments)
}

fn max<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    extreme("max", Ordering::Greater, &arguments)
}

fn sum<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    let mut items = list(&arguments)?.into_iter();
    let first = items.next().unwrap_or(Cel::Int(0));
    let add = |total: Cel, item: Cel| match (total, item) {
        (Cel::Int(a), Cel::Int(b)) => a.checked_add(b).map(Cel::Int),
        (Cel::Float(a), Cel::Float(b)) => Some(Cel::Float(a + b)),
        (Cel::Duration(a), Cel::Duration(b)) => a.checked_add(&b).map(Cel::Duration),
        _ => None,
    };
    let total = items.try_fold(first, add);
    answer(total.ok_or_else(|| fails("sum", "the items cannot be added"))?)
}

fn position<'b, 'v>(
    arguments: &Arguments<'b, 'v>,
    of: impl Fn(&[Cel], &Cel) -> Option<usize>,
) -> Answer<'b, 'v> {
    let found = of(&list(arguments)?, &value(arguments, 1)?);
    let index = found.and_then(|it| i64::try_from(it).ok()).unwrap_or(-1);
    Ok(CowVal::owned(CelInt::from(index)))
}

fn index_of<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    position(&arguments, |items, item| {
        items.iter().position(|it| it == item)
    })
}

fn last_index_of<'b, 'v>(arguments: Arguments<'b, 'v>) -> Answer<'b, 'v> {
    position(&arguments, |items, item| {
        items.iter().rposition(|it| it == item)
    })
}
