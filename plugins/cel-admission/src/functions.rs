//! Which functions there are: those of the API server's environment for Kubernetes 1.37, and no
//! others; and those of CEL's standard library themselves.

use std::rc::Rc;

use crate::library;
use crate::time;
use crate::value::{Fault, Outcome, Value};

/// How a function is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Global,
    Method,
    Both,
}
use Form::{Both, Global, Method};

/// Names, forms, and how many arguments there may be, the receiver not counted.
const FUNCTIONS: &[(&str, Form, usize, usize)] = &[
    ("size", Both, 0, 1),
    ("type", Global, 1, 1),
    ("int", Global, 1, 1),
    ("uint", Global, 1, 1),
    ("double", Global, 1, 1),
    ("string", Global, 1, 1),
    ("bytes", Global, 1, 1),
    ("bool", Global, 1, 1),
    ("dyn", Global, 1, 1),
    ("duration", Global, 1, 1),
    ("timestamp", Global, 1, 1),
    ("matches", Both, 1, 2),
    ("contains", Method, 1, 1),
    ("startsWith", Method, 1, 1),
    ("endsWith", Method, 1, 1),
    ("getFullYear", Method, 0, 1),
    ("getMonth", Method, 0, 1),
    ("getDate", Method, 0, 1),
    ("getDayOfMonth", Method, 0, 1),
    ("getDayOfYear", Method, 0, 1),
    ("getDayOfWeek", Method, 0, 1),
    ("getHours", Method, 0, 1),
    ("getMinutes", Method, 0, 1),
    ("getSeconds", Method, 0, 1),
    ("getMilliseconds", Method, 0, 1),
    ("optional.none", Global, 0, 0),
    ("optional.of", Global, 1, 1),
    ("optional.ofNonZeroValue", Global, 1, 1),
    ("optional.unwrap", Global, 1, 1),
    ("unwrapOpt", Method, 0, 0),
    ("hasValue", Method, 0, 0),
    ("value", Method, 0, 0),
    ("or", Method, 1, 1),
    ("orValue", Method, 1, 1),
    ("charAt", Method, 1, 1),
    ("indexOf", Method, 1, 2),
    ("lastIndexOf", Method, 1, 2),
    ("join", Method, 0, 1),
    ("lowerAscii", Method, 0, 0),
    ("upperAscii", Method, 0, 0),
    ("replace", Method, 2, 3),
    ("split", Method, 1, 2),
    ("substring", Method, 1, 2),
    ("trim", Method, 0, 0),
    ("format", Method, 1, 1),
    ("strings.quote", Global, 1, 1),
    ("find", Method, 1, 1),
    ("findAll", Method, 1, 2),
    ("isSorted", Method, 0, 0),
    ("sum", Method, 0, 0),
    ("min", Method, 0, 0),
    ("max", Method, 0, 0),
    ("slice", Method, 2, 2),
    ("flatten", Method, 0, 1),
    ("distinct", Method, 0, 0),
    ("reverse", Method, 0, 0),
    ("sort", Method, 0, 0),
    ("first", Method, 0, 0),
    ("last", Method, 0, 0),
    ("lists.range", Global, 1, 1),
    ("sets.contains", Global, 2, 2),
    ("sets.equivalent", Global, 2, 2),
    ("sets.intersects", Global, 2, 2),
    ("url", Global, 1, 1),
    ("isURL", Global, 1, 1),
    ("getScheme", Method, 0, 0),
    ("getHost", Method, 0, 0),
    ("getHostname", Method, 0, 0),
    ("getPort", Method, 0, 0),
    ("getEscapedPath", Method, 0, 0),
    ("getQuery", Method, 0, 0),
    ("ip", Both, 0, 1),
    ("isIP", Global, 1, 1),
    ("ip.isCanonical", Global, 1, 1),
    ("family", Method, 0, 0),
    ("isUnspecified", Method, 0, 0),
    ("isLoopback", Method, 0, 0),
    ("isLinkLocalMulticast", Method, 0, 0),
    ("isLinkLocalUnicast", Method, 0, 0),
    ("isGlobalUnicast", Method, 0, 0),
    ("cidr", Global, 1, 1),
    ("isCIDR", Global, 1, 1),
    ("containsIP", Method, 1, 1),
    ("containsCIDR", Method, 1, 1),
    ("prefixLength", Method, 0, 0),
    ("masked", Method, 0, 0),
    ("quantity", Global, 1, 1),
    ("isQuantity", Global, 1, 1),
    ("sign", Global, 1, 1),
    ("isInteger", Method, 0, 0),
    ("asInteger", Method, 0, 0),
    ("asApproximateFloat", Method, 0, 0),
    ("add", Method, 1, 1),
    ("sub", Method, 1, 1),
    ("isGreaterThan", Method, 1, 1),
    ("isLessThan", Method, 1, 1),
    ("compareTo", Method, 1, 1),
    ("semver", Global, 1, 2),
    ("isSemver", Global, 1, 2),
    ("major", Method, 0, 0),
    ("minor", Method, 0, 0),
    ("patch", Method, 0, 0),
    ("format.named", Global, 1, 1),
    ("validate", Method, 1, 1),
    ("jsonpatch.escapeKey", Global, 1, 1),
    // Of the authorizer, whose receiver cannot be had: known so that it is that which is told.
    ("path", Method, 1, 1),
    ("group", Method, 1, 1),
    ("serviceAccount", Method, 2, 2),
    ("resource", Method, 1, 1),
    ("subresource", Method, 1, 1),
    ("namespace", Method, 1, 1),
    ("name", Method, 1, 1),
    ("fieldSelector", Method, 1, 1),
    ("labelSelector", Method, 1, 1),
    ("check", Method, 1, 1),
    ("allowed", Method, 0, 0),
    ("reason", Method, 0, 0),
    ("errored", Method, 0, 0),
    ("error", Method, 0, 0),
];

/// Whether there is a function of this name: those with a dot are looked for before variables.
pub fn known(name: &str) -> bool {
    let format = name.strip_prefix("format.");
    format.is_some_and(|name| library::format::named(name).is_some())
        || FUNCTIONS.iter().any(|(it, ..)| *it == name)
}

/// # Errors
/// The API server's compiler would refuse the call.
pub fn check(name: &str, method: bool, arguments: usize) -> Result<(), String> {
    if let Some(format) = name.strip_prefix("format.")
        && format != "named"
    {
        return match library::format::named(format).is_some() && arguments == 0 {
            true => Ok(()),
            false => Err(format!("{name} takes no arguments")),
        };
    }
    let Some((_, form, least, most)) = FUNCTIONS.iter().find(|(it, ..)| *it == name) else {
        return Err(format!(
            "undeclared reference to {name:?}: the API server has no such function"
        ));
    };
    // What can be both has its receiver as the first of a global call's arguments.
    let (least, most) = match (form, method) {
        (Both, true) => (*least, most - 1),
        (Both, false) => (*most, *most),
        _ => (*least, *most),
    };
    let fits =
        (*form == Both || (*form == Method) == method) && (least..=most).contains(&arguments);
    match fits {
        true => Ok(()),
        false => Err(format!("found no matching overload for {name:?}")),
    }
}

pub fn call(name: &str, arguments: &[Value]) -> Outcome {
    for group in [
        standard,
        optionals,
        library::strings::call,
        library::lists::call,
        library::network::call,
        library::url::call,
        library::quantity::call,
        library::semver::call,
        library::format::call,
        library::objects::call,
    ] {
        if let Some(outcome) = group(name, arguments) {
            return outcome;
        }
    }
    match name {
        "size" => return Err(Fault::new("no such overload: size")),
        // The API server tells no types of those that ask for one type alone.
        "contains" | "startsWith" | "endsWith" | "matches" | "find" | "findAll" | "or" => {
            return Err(Fault::overload());
        }
        _ => {}
    }
    let kinds: Vec<&str> = arguments.iter().map(Value::type_name).collect();
    let kinds = kinds.join(", ");
    Err(Fault::new(format!("no such overload: {name}({kinds})")))
}

fn standard(name: &str, arguments: &[Value]) -> Option<Outcome> {
    use Value::{Bytes, Duration, Int, List, Map, String, Timestamp};
    Some(match (name, arguments) {
        ("size", [String(text)]) => Ok(Int(text.chars().count() as i64)),
        ("size", [Bytes(bytes)]) => Ok(Int(bytes.len() as i64)),
        ("size", [List(items)]) => Ok(Int(items.len() as i64)),
        ("size", [Map(fields)]) => Ok(Int(fields.len() as i64)),
        ("type", [value]) => Ok(Value::Type(value.type_name().into())),
        ("dyn", [value]) => Ok(value.clone()),
        ("int", [value]) => int(value)?,
        ("uint", [value]) => uint(value)?,
        ("double", [value]) => double(value)?,
        ("bool", [Value::Bool(flag)]) => Ok(Value::Bool(*flag)),
        ("bool", [String(text)]) => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(conversion("string", "bool")),
        },
        ("bytes", [Bytes(bytes)]) => Ok(Bytes(bytes.clone())),
        ("bytes", [String(text)]) => Ok(Bytes(text.as_bytes().into())),
        ("string", [value]) => string(value)?,
        ("duration", [Duration(nanos)]) => Ok(Duration(*nanos)),
        ("duration", [String(text)]) => time::duration(text),
        ("timestamp", [Timestamp(at)]) => Ok(Timestamp(*at)),
        ("timestamp", [String(text)]) => time::timestamp(text),
        ("timestamp", [Int(seconds)]) => {
            time::moved(0, i128::from(*seconds) * i128::from(time::SECOND))
        }
        (_, [value @ (Duration(_) | Timestamp(_))]) if name.starts_with("get") => {
            time::part(name, value, None)
        }
        (_, [value @ Timestamp(_), String(zone)]) if name.starts_with("get") => {
            time::part(name, value, Some(zone))
        }
        ("contains", [String(text), String(part)]) => Ok(Value::Bool(text.contains(&**part))),
        ("startsWith", [String(text), String(part)]) => Ok(Value::Bool(text.starts_with(&**part))),
        ("endsWith", [String(text), String(part)]) => Ok(Value::Bool(text.ends_with(&**part))),
        _ => return None,
    })
}

pub fn conversion(from: &str, to: &str) -> Fault {
    Fault::new(format!("type conversion error from '{from}' to '{to}'"))
}

fn int(value: &Value) -> Option<Outcome> {
    let overflow = || Fault::new("integer overflow");
    Some(match value {
        Value::Int(number) => Ok(Value::Int(*number)),
        Value::Uint(number) => i64::try_from(*number)
            .map(Value::Int)
            .map_err(|_| overflow()),
        Value::Double(number) if number.is_finite() && number.abs() < 9.223_372_036_854_775e18 => {
            Ok(Value::Int(*number as i64))
        }
        Value::Double(_) => Err(overflow()),
        Value::String(text) => text
            .parse()
            .map(Value::Int)
            .map_err(|_| conversion("string", "int")),
        Value::Timestamp(at) => Ok(Value::Int(at.div_euclid(i128::from(time::SECOND)) as i64)),
        Value::Duration(nanos) => Ok(Value::Int(*nanos)),
        _ => return None,
    })
}

fn uint(value: &Value) -> Option<Outcome> {
    let overflow = || Fault::new("unsigned integer overflow");
    Some(match value {
        Value::Uint(number) => Ok(Value::Uint(*number)),
        Value::Int(number) => u64::try_from(*number)
            .map(Value::Uint)
            .map_err(|_| overflow()),
        Value::Double(number) if *number >= 0.0 && *number < 1.844_674_407_370_955e19 => {
            Ok(Value::Uint(*number as u64))
        }
        Value::Double(_) => Err(overflow()),
        Value::String(text) => text
            .parse()
            .map(Value::Uint)
            .map_err(|_| conversion("string", "uint")),
        _ => return None,
    })
}

fn double(value: &Value) -> Option<Outcome> {
    Some(match value {
        Value::Double(number) => Ok(Value::Double(*number)),
        Value::Int(number) => Ok(Value::Double(*number as f64)),
        Value::Uint(number) => Ok(Value::Double(*number as f64)),
        Value::String(text) => text
            .parse()
            .map(Value::Double)
            .map_err(|_| conversion("string", "double")),
        _ => return None,
    })
}

fn string(value: &Value) -> Option<Outcome> {
    Some(Ok(match value {
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::text(text),
            Err(_) => {
                return Some(Err(Fault::new(
                    "invalid UTF-8 in bytes, cannot convert to string",
                )));
            }
        },
        Value::String(_)
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Double(_)
        | Value::Duration(_)
        | Value::Timestamp(_)
        | Value::Ip(_)
        | Value::Cidr(_) => Value::text(plain(value)),
        _ => return None,
    }))
}

/// As `string()` writes it, and messages of faults do.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) | Value::Type(text) => text.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => library::strings::shortest(*number),
        Value::Duration(_) | Value::Timestamp(_) => time::text(value),
        Value::Ip(ip) => ip.to_string(),
        Value::Cidr(cidr) => cidr.to_string(),
        Value::Null => "null".into(),
        other => other.type_name().into(),
    }
}

fn optionals(name: &str, arguments: &[Value]) -> Option<Outcome> {
    Some(match (name, arguments) {
        ("optional.none", []) => Ok(Value::NONE),
        ("optional.of", [value]) => Ok(Value::some(value.clone())),
        ("optional.ofNonZeroValue", [value]) => Ok(match zero(value) {
            true => Value::NONE,
            false => Value::some(value.clone()),
        }),
        ("optional.unwrap" | "unwrapOpt", [Value::List(items)]) => {
            let value = |item: &Value| match item {
                Value::Optional(value) => value.as_ref().map(|it| (**it).clone()),
                other => Some(other.clone()),
            };
            Ok(Value::list(items.iter().filter_map(value).collect()))
        }
        ("hasValue", [Value::Optional(value)]) => Ok(Value::Bool(value.is_some())),
        ("value", [Value::Optional(value)]) => match value {
            Some(value) => Ok((**value).clone()),
            None => Err(Fault::new("optional.none() dereference")),
        },
        ("or", [Value::Optional(value), other @ Value::Optional(_)]) => Ok(match value {
            Some(value) => Value::Optional(Some(Rc::clone(value))),
            None => other.clone(),
        }),
        ("orValue", [Value::Optional(value), other]) => Ok(value
            .as_ref()
            .map_or_else(|| other.clone(), |it| (**it).clone())),
        _ => return None,
    })
}

fn zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Int(number) | Value::Duration(number) => *number == 0,
        Value::Uint(number) => *number == 0,
        Value::Double(number) => *number == 0.0,
        Value::String(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(fields) => fields.is_empty(),
        Value::Optional(value) => value.is_none(),
        Value::Structure(structure) => structure.fields.is_empty(),
        _ => false,
    }
}
