//! Lengths of time as the service takes them: whole days, written as ISO 8601 in several ways.
//!
//! Never: a length that is rounded; what is not whole days is refused.

use std::fmt;

/// Whole days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days(pub u32);

impl Days {
    /// Reads `P730D`, `P2Y`, `P4W`, `P0D`, `PT0S`, `PT48H` and what is put together of these.
    pub fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('P')?;
        let (days, clock) = match rest.split_once('T') {
            Some((days, clock)) if !clock.is_empty() => (days, clock),
            Some(_) => return None,
            None => (rest, ""),
        };
        if days.is_empty() && clock.is_empty() {
            return None;
        }
        let days = seconds(days, &[('Y', 365 * DAY), ('M', 30 * DAY), ('W', 7 * DAY), ('D', DAY)])?;
        let clock = seconds(clock, &[('H', 3600), ('M', 60), ('S', 1)])?;
        let all = days.checked_add(clock)?;
        (all % DAY == 0).then(|| u32::try_from(all / DAY).ok().map(Self))?
    }
}

const DAY: u64 = 86_400;

/// Numbers with units that come in this order, each at most once.
fn seconds(mut text: &str, units: &[(char, u64)]) -> Option<u64> {
    let mut all = 0_u64;
    let mut units = units.iter();
    while !text.is_empty() {
        let end = text.find(|letter: char| !letter.is_ascii_digit())?;
        let number: u64 = text[..end].parse().ok()?;
        let unit = text[end..].chars().next()?;
        let (_, length) = units.by_ref().find(|(name, _)| *name == unit)?;
        all = all.checked_add(number.checked_mul(*length)?)?;
        text = &text[end + unit.len_utf8()..];
    }
    Some(all)
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{}D", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_whole_days_is_read() {
        let cases = [
            ("P730D", Some(730)),
            ("P2Y", Some(730)),
            ("P1Y1D", Some(366)),
            ("P4W", Some(28)),
            ("P1M", Some(30)),
            ("P0D", Some(0)),
            ("PT0S", Some(0)),
            ("P0DT0H0M0S", Some(0)),
            ("PT48H", Some(2)),
            ("P1DT24H", Some(2)),
            ("P1DT1H", None),
            ("P", None),
            ("PT", None),
            ("P1DT", None),
            ("730 days, 0:00:00", None),
            ("-P1D", None),
            ("P-1D", None),
            ("P1D1Y", None),
            ("P1D1D", None),
            ("PD", None),
            ("P1", None),
            ("P1é", None),
            ("P99999999999999999999D", None),
            ("P18446744073709551615D", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Days::read(text), expected.map(Days), "{text}");
        }
        assert_eq!(Days(730).to_string(), "P730D");
    }
}
