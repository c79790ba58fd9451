//! Durations as people write them in ISO 8601, with units that always have the same length.
//!
//! Never: a month or a year, whose length depends on where one starts.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const DAY: i64 = 86_400;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration: {reason}")]
pub struct InvalidDuration {
    /// What was given.
    pub text: String,
    /// What is wrong with it, and what to write instead.
    pub reason: String,
}

/// Whole seconds, 0 or more; a day has 24 hours, as it has in UTC.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Duration {
    seconds: i64,
}

impl Duration {
    /// So many days.
    pub const fn from_days(days: u16) -> Self {
        Self { seconds: days as i64 * DAY }
    }

    /// So many seconds, at least 0.
    pub const fn from_seconds(seconds: u32) -> Self {
        Self { seconds: seconds as i64 }
    }

    /// Whether it lasts no time at all.
    pub const fn is_zero(self) -> bool {
        self.seconds == 0
    }

    /// Its length in seconds.
    pub const fn seconds(self) -> i64 {
        self.seconds
    }

    /// The instant at this distance after `start`, if there is one.
    pub fn after(self, start: Timestamp) -> Option<Timestamp> {
        start.checked_add(SignedDuration::from_secs(self.seconds)).ok()
    }

    /// The instant at this distance before `end`, if there is one.
    pub fn before(self, end: Timestamp) -> Option<Timestamp> {
        end.checked_sub(SignedDuration::from_secs(self.seconds)).ok()
    }
}

impl FromStr for Duration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let invalid =
            |reason: &str| InvalidDuration { text: text.to_owned(), reason: reason.to_owned() };
        let shape = "write it like `P30D`, `PT8H` or `P1DT12H`";
        let rest = text.strip_prefix('P').ok_or_else(|| invalid(shape))?;
        let (date, time) = match rest.split_once('T') {
            Some((_, "")) => return Err(invalid(shape)),
            Some((date, time)) => (date, time),
            None => (rest, ""),
        };
        if date.is_empty() && time.is_empty() {
            return Err(invalid(shape));
        }
        let mut seconds = 0_i64;
        for (part, units) in [(date, "WD"), (time, "HMS")] {
            let mut left = part;
            let mut units = units;
            while !left.is_empty() {
                let digits = left.bytes().take_while(u8::is_ascii_digit).count();
                let (number, tail) = left.split_at(digits);
                let unit = tail.chars().next().ok_or_else(|| invalid(shape))?;
                if part == date && matches!(unit, 'Y' | 'M') {
                    return Err(invalid(&in_days(unit, number)));
                }
                if matches!(unit, '.' | ',') {
                    return Err(invalid("fractions are not allowed: use a smaller unit"));
                }
                let place =
                    units.find(unit).filter(|_| digits > 0).ok_or_else(|| invalid(shape))?;
                units = &units[place + 1..];
                let number: i64 = number.parse().map_err(|_| invalid("it is too long"))?;
                seconds = number
                    .checked_mul(length(unit))
                    .and_then(|more| seconds.checked_add(more))
                    .filter(|seconds| *seconds <= LONGEST)
                    .ok_or_else(|| invalid("it is too long"))?;
                left = &tail[unit.len_utf8()..];
            }
        }
        Ok(Self { seconds })
    }
}

/// A hundred years: longer than anything that is asked for.
const LONGEST: i64 = 36_525 * DAY;

fn length(unit: char) -> i64 {
    match unit {
        'W' => 7 * DAY,
        'D' => DAY,
        'H' => 3_600,
        'M' => 60,
        _ => 1,
    }
}

fn in_days(unit: char, number: &str) -> String {
    let (word, days) = if unit == 'Y' { ("years", 365) } else { ("months", 30) };
    match number.parse::<u16>().ok().and_then(|number| number.checked_mul(days)) {
        Some(days) => format!("{word} differ in length, so write days, for example `P{days}D`"),
        None => format!("{word} differ in length, so write days"),
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.seconds / DAY, self.seconds % DAY);
        if self.seconds == 0 {
            return f.write_str("PT0S");
        }
        f.write_str("P")?;
        if days > 0 {
            write!(f, "{days}D")?;
        }
        if seconds > 0 {
            f.write_str("T")?;
        }
        for (amount, unit) in
            [(seconds / 3_600, 'H'), (seconds % 3_600 / 60, 'M'), (seconds % 60, 'S')]
        {
            if amount > 0 {
                write!(f, "{amount}{unit}")?;
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Duration {
    type Error = InvalidDuration;

    fn try_from(text: String) -> Result<Self, InvalidDuration> {
        text.parse()
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> Self {
        duration.to_string()
    }
}

/// How long an offer lasts: 1 to 730 days (Microsoft Graph accepts `P1D` to `P2Y`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Days(u16);

impl Days {
    /// The longest.
    pub const MAX: u16 = 730;

    /// The instant so many days after `start`, if there is one.
    pub fn after(self, start: Timestamp) -> Option<Timestamp> {
        Duration::from_days(self.0).after(start)
    }
}

impl FromStr for Days {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let duration: Duration = text.parse()?;
        let days = u16::try_from(duration.seconds / DAY).ok();
        match days.filter(|days| (1..=Self::MAX).contains(days) && duration.seconds % DAY == 0) {
            Some(days) => Ok(Self(days)),
            None => Err(InvalidDuration {
                text: text.to_owned(),
                reason: "it must be whole days, from `P1D` to `P730D`".to_owned(),
            }),
        }
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{}D", self.0)
    }
}

impl TryFrom<String> for Days {
    type Error = InvalidDuration;

    fn try_from(text: String) -> Result<Self, InvalidDuration> {
        text.parse()
    }
}

impl From<Days> for String {
    fn from(days: Days) -> Self {
        days.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_weeks_days_hours_minutes_and_seconds_in_that_order() {
        let cases = [
            ("PT0S", 0, "PT0S"),
            ("P0D", 0, "PT0S"),
            ("P2W", 14 * DAY, "P14D"),
            ("P1DT12H", DAY + 43_200, "P1DT12H"),
            ("PT90M", 5_400, "PT1H30M"),
            ("PT8H", 28_800, "PT8H"),
        ];
        for (text, seconds, canonical) in cases {
            let duration: Duration = text.parse().unwrap();
            assert_eq!(duration.seconds(), seconds, "{text}");
            assert_eq!(duration.to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn what_has_no_fixed_length_or_no_fixed_form_is_refused_with_a_way_out() {
        let cases = [
            ("P1M", "`P30D`"),
            ("P2Y", "`P730D`"),
            ("P", "write it like"),
            ("PT", "write it like"),
            ("p30d", "write it like"),
            ("-P1D", "write it like"),
            ("PT1.5H", "fractions"),
            ("P1D2W", "write it like"),
            ("P99999999999999999999D", "too long"),
            ("P9999999D", "too long"),
            ("30 days", "write it like"),
            ("P1é", "write it like"),
        ];
        for (text, part) in cases {
            let error = text.parse::<Duration>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn an_offer_lasts_from_1_to_730_whole_days() {
        assert_eq!("P730D".parse::<Days>().unwrap().to_string(), "P730D");
        for text in ["P0D", "P731D", "PT8H", "P1DT1H"] {
            assert!(text.parse::<Days>().is_err(), "{text}");
        }
    }
}
