//! From when until when an X.509 certificate is good, read from its DER.
//!
//! Never: a judgement of anything else in it; that is for whoever verifies it.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// The time of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

const SEQUENCE: u8 = 0x30;
const EXPLICIT_VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The time of the certificate with this DER, if it can be read.
pub fn of(der: &[u8]) -> Option<Validity> {
    let (_, certificate, _) = element(der).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, mut fields, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    if let (EXPLICIT_VERSION, _, rest) = element(fields)? {
        fields = rest;
    }
    // The serial number, the algorithm and the issuer stand before it.
    for _ in 0..3 {
        fields = element(fields)?.2;
    }
    let (_, times, _) = element(fields).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (tag, from, times) = element(times)?;
    let from = instant(tag, from)?;
    let (tag, until, _) = element(times)?;
    Some(Validity { from, until: instant(tag, until)? })
}

/// The first element: its tag, its content, and what comes after it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// A time as X.509 writes it: in UTC, to the second, with two or four digits for the year.
fn instant(tag: u8, content: &[u8]) -> Option<Timestamp> {
    let text = str::from_utf8(content).ok()?;
    let text = match tag {
        UTC_TIME => {
            let century = if text.get(..2)? < "50" { "20" } else { "19" };
            format!("{century}{text}")
        }
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", &text).ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}
