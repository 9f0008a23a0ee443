//! Values of CEL as the API server has them: JSON, and the types of its libraries.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use serde_json::Value as Json;

use crate::library::format::Format;
use crate::library::network::Cidr;
use crate::library::quantity::Quantity;
use crate::library::url::Url;

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub message: String,
    /// The API server might well have one: what it needs is not known before the cluster is asked.
    pub unknown: bool,
}

pub type Outcome = Result<Value, Fault>;

impl Fault {
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            unknown: false,
        }
    }

    pub fn unknown(what: impl Into<String>) -> Self {
        Self {
            message: what.into(),
            unknown: true,
        }
    }

    pub fn overload() -> Self {
        Self::new("no such overload")
    }
}

#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Rc<str>),
    Bytes(Rc<[u8]>),
    List(Rc<Vec<Value>>),
    Map(Rc<Fields>),
    Type(Rc<str>),
    /// Nanoseconds.
    Duration(i64),
    /// Nanoseconds since 1970, of which CEL has the years 1 to 9999.
    Timestamp(i128),
    Optional(Option<Rc<Value>>),
    Ip(IpAddr),
    Cidr(Cidr),
    Url(Rc<Url>),
    Quantity(Rc<Quantity>),
    Semver(Rc<semver::Version>),
    Format(&'static Format),
    /// `Object.spec{…}` and `JSONPatch{…}`.
    Structure(Rc<Structure>),
    /// Something of the request that nobody knows before there is one.
    Unknown(Rc<str>),
}

pub type Fields = BTreeMap<Key, Value>;

#[derive(Clone, Debug, PartialEq)]
pub struct Structure {
    pub name: Rc<str>,
    pub fields: BTreeMap<Rc<str>, Value>,
}

/// A map's key. Whole numbers are one key, whatever their type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Bool(bool),
    Number(i128),
    String(Rc<str>),
}

impl Key {
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(flag) => Some(Self::Bool(*flag)),
            Value::Int(number) => Some(Self::Number(i128::from(*number))),
            Value::Uint(number) => Some(Self::Number(i128::from(*number))),
            Value::Double(number) if number.fract() == 0.0 && number.abs() < 1e19 => {
                Some(Self::Number(*number as i128))
            }
            Value::String(text) => Some(Self::String(text.clone())),
            _ => None,
        }
    }

    pub fn value(&self) -> Value {
        match self {
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(number) => match i64::try_from(*number) {
                Ok(number) => Value::Int(number),
                Err(_) => Value::Uint(u64::try_from(*number).unwrap_or(u64::MAX)),
            },
            Self::String(text) => Value::String(text.clone()),
        }
    }

    pub fn text(&self) -> String {
        match self {
            Self::Bool(flag) => flag.to_string(),
            Self::Number(number) => number.to_string(),
            Self::String(text) => text.to_string(),
        }
    }
}

impl Value {
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::String(text.as_ref().into())
    }

    pub fn list(items: Vec<Value>) -> Self {
        Self::List(Rc::new(items))
    }

    pub fn some(value: Value) -> Self {
        Self::Optional(Some(Rc::new(value)))
    }

    pub const NONE: Self = Self::Optional(None);

    /// As the API server reads an object that has no schema: whole numbers are `int`.
    pub fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Bool(*flag),
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Self::Int(whole),
                None => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::text(text),
            Json::Array(items) => Self::list(items.iter().map(Self::from_json).collect()),
            Json::Object(fields) => Self::map(
                fields
                    .iter()
                    .map(|(name, value)| (name.as_str(), Self::from_json(value))),
            ),
        }
    }

    pub fn map<'n>(fields: impl IntoIterator<Item = (&'n str, Value)>) -> Self {
        let fields = fields
            .into_iter()
            .map(|(name, value)| (Key::String(name.into()), value));
        Self::Map(Rc::new(fields.collect()))
    }

    /// As it would stand in an object.
    ///
    /// # Errors
    /// It has no form in JSON.
    pub fn to_json(&self) -> Result<Json, Fault> {
        Ok(match self {
            Self::Null => Json::Null,
            Self::Bool(flag) => Json::from(*flag),
            Self::Int(number) => Json::from(*number),
            Self::Uint(number) => Json::from(*number),
            // The API server's own conversion writes whole doubles without a fraction.
            Self::Double(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Json::from(*number as i64)
            }
            Self::Double(number) => Json::from(*number),
            Self::String(text) => Json::from(&**text),
            Self::List(items) => {
                let items = items.iter().map(Self::to_json);
                Json::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Map(fields) => {
                let pairs = fields
                    .iter()
                    .map(|(key, value)| Ok((key.text(), value.to_json()?)));
                Json::Object(pairs.collect::<Result<_, Fault>>()?)
            }
            Self::Structure(structure) => {
                let pairs = structure
                    .fields
                    .iter()
                    .map(|(name, value)| Ok((name.to_string(), value.to_json()?)));
                Json::Object(pairs.collect::<Result<_, Fault>>()?)
            }
            Self::Optional(Some(value)) => value.to_json()?,
            Self::Bytes(bytes) => Json::from(crate::library::format::base64(bytes)),
            Self::Duration(_) | Self::Timestamp(_) => Json::from(crate::time::text(self)),
            Self::Unknown(what) => return Err(Fault::unknown(&**what)),
            other => return Err(Fault::new(format!("a {} is no JSON", other.type_name()))),
        })
    }

    pub fn type_name(&self) -> &str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Type(_) => "type",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Optional(_) => "optional_type",
            Self::Ip(_) => "net.IP",
            Self::Cidr(_) => "net.CIDR",
            Self::Url(_) => "kubernetes.URL",
            Self::Quantity(_) => "kubernetes.Quantity",
            Self::Semver(_) => "kubernetes.Semver",
            Self::Format(_) => "kubernetes.NamedFormat",
            Self::Structure(structure) => &structure.name,
            Self::Unknown(_) => "unknown",
        }
    }

    /// How two values of types that have an order compare; none if they have not.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        use Value::{Bool, Bytes, Double, Duration, Int, String, Timestamp, Uint};
        match (self, other) {
            (Bool(one), Bool(other)) => Some(one.cmp(other)),
            (String(one), String(other)) => Some(one.cmp(other)),
            (Bytes(one), Bytes(other)) => Some(one.cmp(other)),
            (Duration(one), Duration(other)) => Some(one.cmp(other)),
            (Timestamp(one), Timestamp(other)) => Some(one.cmp(other)),
            (Int(one), Int(other)) => Some(one.cmp(other)),
            (Uint(one), Uint(other)) => Some(one.cmp(other)),
            (Int(one), Uint(other)) => Some(i128::from(*one).cmp(&i128::from(*other))),
            (Uint(one), Int(other)) => Some(i128::from(*one).cmp(&i128::from(*other))),
            (Double(one), Double(other)) => one.partial_cmp(other),
            (Double(one), Int(other)) => with_whole(*one, i128::from(*other)),
            (Double(one), Uint(other)) => with_whole(*one, i128::from(*other)),
            (Int(one), Double(other)) => {
                with_whole(*other, i128::from(*one)).map(Ordering::reverse)
            }
            (Uint(one), Double(other)) => {
                with_whole(*other, i128::from(*one)).map(Ordering::reverse)
            }
            _ => None,
        }
    }
}

/// A double with a whole number: no digit of either is lost.
fn with_whole(double: f64, whole: i128) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    if double.abs() >= 1e30 {
        return double.partial_cmp(&0.0);
    }
    let floor = double.floor();
    let order = (floor as i128).cmp(&whole);
    Some(order.then(if double > floor {
        Ordering::Greater
    } else {
        Ordering::Equal
    }))
}

/// Equal as CEL has it: numbers by what they are worth; values of other types are not equal.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::List(one), Self::List(other)) => one == other,
            (Self::Map(one), Self::Map(other)) => one == other,
            (Self::Type(one), Self::Type(other)) => one == other,
            (Self::Optional(one), Self::Optional(other)) => one == other,
            (Self::Ip(one), Self::Ip(other)) => one == other,
            (Self::Cidr(one), Self::Cidr(other)) => one == other,
            (Self::Url(one), Self::Url(other)) => one == other,
            (Self::Quantity(one), Self::Quantity(other)) => one == other,
            (Self::Semver(one), Self::Semver(other)) => one.cmp_precedence(other).is_eq(),
            (Self::Format(one), Self::Format(other)) => one.name == other.name,
            (Self::Structure(one), Self::Structure(other)) => one == other,
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }
}
