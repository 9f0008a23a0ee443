//! The webhook's own certificate authority and serving certificate, as they are kept in a Secret.
//! A function of what is kept and of the time: a new authority is told of long before anything is
//! signed by it, and an old one stays until it has ended, so that no rotation interrupts.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use serde::{Deserialize, Serialize};

const DAY: SignedDuration = SignedDuration::from_hours(24);
const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);
/// Left of an authority's life when the next one is made.
const AUTHORITY_LEFT: SignedDuration = SignedDuration::from_hours(120 * 24);
const SERVING_LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Left of the serving certificate's life when the next one is made.
const SERVING_LEFT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long an authority is in the bundle before it signs: every API server has it by then.
const KNOWN: SignedDuration = DAY;
/// How much clocks may differ.
const SKEW: SignedDuration = SignedDuration::from_hours(1);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no certificate can be made for the admission webhook: {0}")]
pub(super) struct CannotSign(String);

impl From<rcgen::Error> for CannotSign {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

/// A certificate with its key, PEM.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Certified {
    pub certificate: String,
    pub key: String,
    pub from: Timestamp,
    pub until: Timestamp,
}

impl fmt::Debug for Certified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certified(until {})", self.until)
    }
}

impl Certified {
    fn left(&self, now: Timestamp) -> SignedDuration {
        self.until.duration_since(now)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Certificates {
    /// In the order in which they were made.
    authorities: Vec<Certified>,
    pub serving: Certified,
    /// Of the serving certificate: DNS names and IP addresses.
    names: Vec<String>,
    /// Which authority signed it, by its certificate's beginning of life.
    signed_by: Timestamp,
}

impl Certificates {
    fn new(names: &[String], now: Timestamp) -> Result<Self, CannotSign> {
        let authority = authority(now)?;
        Ok(Self {
            serving: serving(&authority, names, now)?,
            signed_by: authority.from,
            authorities: vec![authority],
            names: names.to_vec(),
        })
    }

    /// What is to be kept from now on: `kept` itself, as long as nothing is due.
    pub(super) fn at(
        kept: Option<&Self>,
        names: &[String],
        now: Timestamp,
    ) -> Result<Self, CannotSign> {
        let Some(kept) = kept else {
            return Self::new(names, now);
        };
        let mut next = kept.clone();
        next.authorities.retain(|it| it.until > now);
        let Some(newest) = next.authorities.last() else {
            return Self::new(names, now);
        };
        if newest.left(now) < AUTHORITY_LEFT {
            next.authorities.push(authority(now)?);
        }
        // The newest that API servers know for sure; the oldest, if they know none.
        let known = |it: &&Certified| now.duration_since(it.from) >= KNOWN + SKEW;
        let signer = next.authorities.iter().rev().find(known);
        let Some(signer) = signer.or_else(|| next.authorities.first()).cloned() else {
            return Self::new(names, now);
        };
        let signed = next.authorities.iter().any(|it| it.from == next.signed_by);
        // One that a longer-lived authority could not make last longer is not made anew.
        let due = next.serving.left(now) < SERVING_LEFT
            && (signer.from != next.signed_by || signer.until > next.serving.until);
        if due || !signed || next.names != names || next.serving.until <= now {
            next.serving = serving(&signer, names, now)?;
            next.signed_by = signer.from;
            next.names = names.to_vec();
        }
        Ok(next)
    }

    /// All authorities, PEM: the webhook's `caBundle`.
    pub(super) fn bundle(&self) -> String {
        let all = self.authorities.iter();
        all.map(|it| it.certificate.as_str()).collect()
    }
}

/// Looked at as often as this; whatever is due is due for days.
pub(super) const LOOK: Duration = Duration::from_secs(3600);

/// Since 1970.
fn since(time: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(time.as_second()).unwrap_or_default())
}

/// Certificates tell seconds.
fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn authority_params(from: Timestamp, until: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    // Each has a name of its own, so that no verifier takes one for another.
    let name = format!("trimtab admission authority {}", from.as_second());
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.not_before = date_time_ymd(1970, 1, 1) + since(from);
    params.not_after = date_time_ymd(1970, 1, 1) + since(until);
    params
}

fn authority(now: Timestamp) -> Result<Certified, CannotSign> {
    let (from, until) = (whole(now - SKEW), whole(now + AUTHORITY_LIFE));
    let key = KeyPair::generate()?;
    Ok(Certified {
        certificate: authority_params(from, until).self_signed(&key)?.pem(),
        key: key.serialize_pem(),
        from,
        until,
    })
}

fn serving(
    authority: &Certified,
    names: &[String],
    now: Timestamp,
) -> Result<Certified, CannotSign> {
    let from = whole(now - SKEW).max(authority.from);
    let until = whole(now + SERVING_LIFE).min(authority.until);
    let issuer = Issuer::new(
        authority_params(authority.from, authority.until),
        KeyPair::from_pem(&authority.key)?,
    );
    let mut params = CertificateParams::new(names.to_vec())?;
    let name = names.first().cloned().unwrap_or_default();
    // RFC 5280 has an upper bound of 64 characters.
    let name: String = name.chars().take(64).collect();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.not_before = date_time_ymd(1970, 1, 1) + since(from);
    params.not_after = date_time_ymd(1970, 1, 1) + since(until);
    let key = KeyPair::generate()?;
    Ok(Certified {
        certificate: params.signed_by(&key, &issuer)?.pem(),
        key: key.serialize_pem(),
        from,
        until,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        vec!["trimtab-admission.trimtab-system.svc".into()]
    }

    fn start() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("a time")
    }

    fn after(days: i32) -> Timestamp {
        start() + DAY * days
    }

    #[test]
    fn nothing_is_made_anew_that_is_not_due() {
        let first = Certificates::at(None, &names(), start()).expect("made");
        let later = Certificates::at(Some(&first), &names(), after(59)).expect("kept");
        assert_eq!(later, first);
    }

    #[test]
    fn for_ten_years_each_certificate_is_signed_by_what_was_in_the_bundle_a_day_before() {
        let mut kept = Certificates::at(None, &names(), start()).expect("made");
        let (mut servings, mut authorities) = (1, 1);
        for day in 1..3650 {
            let now = after(day);
            let next = Certificates::at(Some(&kept), &names(), now).expect("made");
            assert!(next.serving.until > now + DAY, "day {day}");
            let signer = next.authorities.iter().find(|it| it.from == next.signed_by);
            let signer = signer.expect("its authority is in the bundle");
            assert!(signer.until >= next.serving.until, "day {day}");
            if next.serving != kept.serving {
                servings += 1;
                assert!(
                    kept.authorities.contains(signer),
                    "day {day}: not yet known"
                );
            }
            if next.authorities.last() != kept.authorities.last() {
                authorities += 1;
                // Whoever still has the old certificate is trusted.
                assert!(next.bundle().starts_with(&kept.bundle()), "day {day}");
            }
            assert!(next.authorities.len() <= 2, "day {day}");
            kept = next;
        }
        assert!((50..80).contains(&servings), "{servings}");
        assert!((14..17).contains(&authorities), "{authorities}");
    }

    #[test]
    fn a_host_that_was_away_until_all_had_ended_begins_anew() {
        let first = Certificates::at(None, &names(), start()).expect("made");
        let late = Certificates::at(Some(&first), &names(), after(100)).expect("made");
        assert_eq!(late.authorities, first.authorities);
        assert!(late.serving.until > after(150));
        let later = Certificates::at(Some(&first), &names(), after(400)).expect("made");
        assert_ne!(later.authorities, first.authorities);
        assert!(later.serving.until > after(450));
    }

    #[test]
    fn another_name_gets_another_certificate_of_the_same_authority() {
        let first = Certificates::at(None, &names(), start()).expect("made");
        let moved = Certificates::at(Some(&first), &["127.0.0.1".into()], start()).expect("made");
        assert_ne!(moved.serving, first.serving);
        assert_eq!(moved.bundle(), first.bundle());
    }

    #[test]
    fn no_key_is_in_a_log() {
        let made = Certificates::at(None, &names(), start()).expect("made");
        assert!(!format!("{made:?}").contains("PRIVATE KEY"));
    }
}
