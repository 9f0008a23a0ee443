//! One probe of a container, and what it asks.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// How a probe asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Handler {
    HttpGet,
    TcpSocket,
    Grpc,
    Exec,
}

pub const HANDLERS: [Handler; 4] = [
    Handler::HttpGet,
    Handler::TcpSocket,
    Handler::Grpc,
    Handler::Exec,
];

impl Handler {
    pub fn field(self) -> &'static str {
        match self {
            Self::HttpGet => "httpGet",
            Self::TcpSocket => "tcpSocket",
            Self::Grpc => "grpc",
            Self::Exec => "exec",
        }
    }
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field())
    }
}

#[derive(Clone, Copy)]
pub struct Probe<'o> {
    pub field: &'static str,
    pub value: &'o Value,
}

impl<'o> Probe<'o> {
    pub fn read(container: &'o Value, field: &'static str) -> Option<Self> {
        let value = &container[field];
        (!value.is_null()).then_some(Self { field, value })
    }

    pub fn handlers(&self) -> Vec<Handler> {
        let there = |handler: &Handler| !self.value[handler.field()].is_null();
        HANDLERS.into_iter().filter(there).collect()
    }

    /// The port that it asks in the Pod, with the pointer from the probe on.
    pub fn port(&self) -> Option<(String, &'o Value)> {
        let handler = self.handlers().first()?.field();
        let asked = &self.value[handler];
        // A probe of another host says nothing about the Pod.
        let elsewhere = asked["host"]
            .as_str()
            .is_some_and(|host| !matches!(host, "" | "localhost" | "127.0.0.1" | "::1"));
        let port = &asked["port"];
        (!elsewhere && !port.is_null()).then(|| (format!("{handler}/port"), port))
    }

    fn number(&self, field: &str, otherwise: u64) -> u64 {
        // The API server reads 0 as left out.
        let given = self.value[field].as_u64().filter(|number| *number > 0);
        given.unwrap_or(otherwise)
    }

    pub fn period(&self) -> u64 {
        self.number("periodSeconds", 10)
    }

    /// Seconds of failing after which it is believed.
    pub fn patience(&self) -> u64 {
        self.period()
            .saturating_mul(self.number("failureThreshold", 3))
    }

    /// Whether another one asks the same.
    pub fn asks_as(&self, other: &Self, ports: &Value) -> bool {
        let (Some(mine), Some(others)) = (
            self.handlers().first().copied(),
            other.handlers().first().copied(),
        ) else {
            return false;
        };
        let (left, right) = (&self.value[mine.field()], &other.value[mine.field()]);
        mine == others
            && number_of(&left["port"], ports) == number_of(&right["port"], ports)
            && [
                ("path", "/"),
                ("host", ""),
                ("scheme", "HTTP"),
                ("service", ""),
            ]
            .iter()
            .all(|(field, default)| {
                let text = |value: &Value| value[field].as_str().unwrap_or(default).to_owned();
                text(left) == text(right)
            })
            && left["command"] == right["command"]
    }
}

/// The number of a port; `"8080"` is one as well. Names are looked up in a container's `ports`.
pub fn number_of(port: &Value, ports: &Value) -> Option<u64> {
    match port {
        Value::String(name) => {
            let named = ports.as_array()?.iter().find(|it| it["name"] == **name);
            let number = named.and_then(|it| it["containerPort"].as_u64());
            number.or_else(|| name.parse().ok())
        }
        port => port.as_u64(),
    }
}
