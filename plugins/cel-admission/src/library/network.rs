//! IP addresses and CIDR blocks.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::value::{Fault, Outcome, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    bits: u8,
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Cidr {
    fn masked(self) -> Self {
        let address = match self.address {
            IpAddr::V4(it) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from(u32::from(it) & mask))
            }
            IpAddr::V6(it) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(self.bits))
                    .unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from(u128::from(it) & mask))
            }
        };
        Self { address, ..self }
    }

    fn contains(self, address: IpAddr) -> bool {
        let other = Self {
            address,
            bits: self.bits,
        };
        self.address.is_ipv4() == address.is_ipv4() && self.masked() == other.masked()
    }
}

pub fn call(name: &str, arguments: &[Value]) -> Option<Outcome> {
    use Value::{Bool, Int, Ip, String};
    Some(match (name, arguments) {
        ("ip", [String(text)]) => ip(text).map(Ip),
        ("isIP", [String(text)]) => Ok(Bool(ip(text).is_ok())),
        ("ip.isCanonical", [String(text)]) => ip(text).map(|it| Bool(it.to_string() == **text)),
        ("family", [Ip(it)]) => Ok(Int(if it.is_ipv4() { 4 } else { 6 })),
        ("isUnspecified", [Ip(it)]) => Ok(Bool(it.is_unspecified())),
        ("isLoopback", [Ip(it)]) => Ok(Bool(it.is_loopback())),
        ("isLinkLocalMulticast", [Ip(it)]) => Ok(Bool(match it {
            IpAddr::V4(it) => it.octets()[..3] == [224, 0, 0],
            IpAddr::V6(it) => it.segments()[0] & 0xff0f == 0xff02,
        })),
        ("isLinkLocalUnicast", [Ip(it)]) => Ok(Bool(link_local(it))),
        ("isGlobalUnicast", [Ip(it)]) => {
            let broadcast = *it == IpAddr::V4(Ipv4Addr::BROADCAST);
            let other = it.is_unspecified() || it.is_loopback() || it.is_multicast();
            Ok(Bool(!broadcast && !other && !link_local(it)))
        }
        ("cidr", [String(text)]) => cidr(text).map(Value::Cidr),
        ("isCIDR", [String(text)]) => Ok(Bool(cidr(text).is_ok())),
        ("containsIP", [Value::Cidr(it), Ip(other)]) => Ok(Bool(it.contains(*other))),
        ("containsIP", [Value::Cidr(it), String(text)]) => {
            ip(text).map(|other| Bool(it.contains(other)))
        }
        ("containsCIDR", [Value::Cidr(it), Value::Cidr(other)]) => Ok(within(*it, *other)),
        ("containsCIDR", [Value::Cidr(it), String(text)]) => {
            cidr(text).map(|other| within(*it, other))
        }
        ("ip", [Value::Cidr(it)]) => Ok(Ip(it.address)),
        ("prefixLength", [Value::Cidr(it)]) => Ok(Int(i64::from(it.bits))),
        ("masked", [Value::Cidr(it)]) => Ok(Value::Cidr(it.masked())),
        _ => return None,
    })
}

fn link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => it.is_link_local(),
        IpAddr::V6(it) => it.segments()[0] & 0xffc0 == 0xfe80,
    }
}

fn within(it: Cidr, other: Cidr) -> Value {
    Value::Bool(it.bits <= other.bits && it.contains(other.address))
}

fn ip(text: &str) -> Result<IpAddr, Fault> {
    let address: IpAddr = text.parse().map_err(|_| {
        Fault::new(format!(
            "IP Address {text:?} parse error during conversion from string: ParseAddr({text:?}): unable to parse IP"
        ))
    })?;
    match mapped(&address) {
        true => Err(Fault::new(format!(
            "IPv4-mapped IPv6 address {text:?} is not allowed"
        ))),
        false => Ok(address),
    }
}

fn mapped(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(it) if it.to_ipv4_mapped().is_some())
}

fn cidr(text: &str) -> Result<Cidr, Fault> {
    let wrong = |why: &str| {
        Fault::new(format!(
            "network address parse error during conversion from string: network address parse error during conversion from string: netip.ParsePrefix({text:?}): {why}"
        ))
    };
    let (address, bits) = text.rsplit_once('/').ok_or_else(|| wrong("no '/'"))?;
    let address: IpAddr = address.parse().map_err(|_| wrong("it is no address"))?;
    let digits =
        bits.bytes().all(|it| it.is_ascii_digit()) && (bits == "0" || !bits.starts_with('0'));
    let bits: u8 = digits
        .then(|| bits.parse().ok())
        .flatten()
        .ok_or_else(|| wrong("bad bits after slash"))?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    match bits > most || mapped(&address) {
        true => Err(wrong("prefix length out of range")),
        false => Ok(Cidr { address, bits }),
    }
}
