//! Operators, with the overflows that CEL has.

use std::cmp::Ordering;
use std::rc::Rc;

use crate::equality;
use crate::node::Operator;
use crate::time;
use crate::value::{Fault, Key, Outcome, Value};

pub fn binary(operator: Operator, one: &Value, other: &Value) -> Outcome {
    use Operator::{
        Add, Divide, Equal, Greater, GreaterOrEqual, In, Less, LessOrEqual, Modulo, Multiply,
        NotEqual, Subtract,
    };
    match operator {
        Equal => Ok(Value::Bool(equality::equal(one, other)?)),
        NotEqual => Ok(Value::Bool(!equality::equal(one, other)?)),
        Less => ordered(one, other, Ordering::is_lt),
        LessOrEqual => ordered(one, other, Ordering::is_le),
        Greater => ordered(one, other, Ordering::is_gt),
        GreaterOrEqual => ordered(one, other, Ordering::is_ge),
        In => within(one, other),
        Add => add(one, other),
        Subtract => subtract(one, other),
        Multiply => match (one, other) {
            (Value::Double(one), Value::Double(other)) => Ok(Value::Double(one * other)),
            _ => whole(one, other, i64::checked_mul, u64::checked_mul),
        },
        Divide => match (one, other) {
            (Value::Double(one), Value::Double(other)) => Ok(Value::Double(one / other)),
            (_, Value::Int(0) | Value::Uint(0)) => Err(Fault::new("division by zero")),
            _ => whole(one, other, i64::checked_div, u64::checked_div),
        },
        Modulo => match other {
            Value::Int(0) | Value::Uint(0) => Err(Fault::new("modulus by zero")),
            _ => whole(one, other, i64::checked_rem, u64::checked_rem),
        },
    }
}

pub fn negate(value: &Value) -> Outcome {
    match value {
        Value::Int(number) => number.checked_neg().map(Value::Int).ok_or_else(overflow),
        Value::Double(number) => Ok(Value::Double(-number)),
        Value::Duration(nanos) => nanos
            .checked_neg()
            .map(Value::Duration)
            .ok_or_else(overflow),
        _ => Err(Fault::overload()),
    }
}

fn overflow() -> Fault {
    Fault::new("integer overflow")
}

fn whole(
    one: &Value,
    other: &Value,
    signed: fn(i64, i64) -> Option<i64>,
    unsigned: fn(u64, u64) -> Option<u64>,
) -> Outcome {
    match (one, other) {
        (Value::Int(one), Value::Int(other)) => {
            signed(*one, *other).map(Value::Int).ok_or_else(overflow)
        }
        (Value::Uint(one), Value::Uint(other)) => unsigned(*one, *other)
            .map(Value::Uint)
            .ok_or_else(|| Fault::new("unsigned integer overflow")),
        _ => Err(Fault::overload()),
    }
}

fn ordered(one: &Value, other: &Value, wanted: fn(Ordering) -> bool) -> Outcome {
    if let (Value::Double(number), _) | (_, Value::Double(number)) = (one, other)
        && number.is_nan()
    {
        return Err(Fault::new("NaN values cannot be ordered"));
    }
    let order = one.compare(other).ok_or_else(Fault::overload)?;
    Ok(Value::Bool(wanted(order)))
}

fn within(one: &Value, other: &Value) -> Outcome {
    match other {
        Value::List(items) => Ok(Value::Bool(equality::within(items, one)?)),
        Value::Map(fields) => {
            let found = Key::of(one).and_then(|key| fields.get(&key));
            match found {
                // It might not be there either.
                Some(Value::Unknown(what)) => Err(Fault::unknown(&**what)),
                found => Ok(Value::Bool(found.is_some())),
            }
        }
        _ => Err(Fault::overload()),
    }
}

pub fn add(one: &Value, other: &Value) -> Outcome {
    match (one, other) {
        (Value::Double(one), Value::Double(other)) => Ok(Value::Double(one + other)),
        (Value::String(one), Value::String(other)) => Ok(Value::text(format!("{one}{other}"))),
        (Value::Bytes(one), Value::Bytes(other)) => {
            Ok(Value::Bytes([&**one, &**other].concat().into()))
        }
        (Value::List(one), Value::List(other)) => {
            Ok(Value::List(Rc::new([&***one, &***other].concat())))
        }
        (Value::Duration(one), Value::Duration(other)) => {
            let sum = one.checked_add(*other).map(Value::Duration);
            sum.ok_or_else(|| Fault::new("duration overflow"))
        }
        (Value::Timestamp(at), Value::Duration(by))
        | (Value::Duration(by), Value::Timestamp(at)) => time::moved(*at, i128::from(*by)),
        _ => whole(one, other, i64::checked_add, u64::checked_add),
    }
}

fn subtract(one: &Value, other: &Value) -> Outcome {
    match (one, other) {
        (Value::Double(one), Value::Double(other)) => Ok(Value::Double(one - other)),
        (Value::Duration(one), Value::Duration(other)) => {
            let difference = one.checked_sub(*other).map(Value::Duration);
            difference.ok_or_else(|| Fault::new("duration overflow"))
        }
        (Value::Timestamp(at), Value::Duration(by)) => time::moved(*at, -i128::from(*by)),
        (Value::Timestamp(one), Value::Timestamp(other)) => i64::try_from(one - other)
            .map(Value::Duration)
            .map_err(|_| Fault::new("duration overflow")),
        _ => whole(one, other, i64::checked_sub, u64::checked_sub),
    }
}
