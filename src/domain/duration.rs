//! Durations as ISO 8601 writes them, of which only those count that always last equally long: `P365D`, `PT8H`.
//!
//! Never: a month or a year, whose length depends on when it begins.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};

use super::ids::as_text;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

/// The longest duration that can be written: 10,000 years, more than any time that can be written apart.
const LONGEST: u64 = 3_652_500 * DAY;

/// A length of time in whole seconds. A day is 24 hours, as in UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidDuration {
    /// What is wrong, with the text in backticks.
    pub reason: String,
    /// The way out.
    pub help: String,
}

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// That many days.
    pub const fn days(days: u32) -> Self {
        Self(days as u64 * DAY)
    }

    /// That many hours.
    pub const fn hours(hours: u32) -> Self {
        Self(hours as u64 * HOUR)
    }

    /// So many days.
    pub const fn from_days(days: u16) -> Self {
        Self::days(days as u32)
    }

    /// So many seconds.
    pub const fn from_seconds(seconds: u32) -> Self {
        Self(seconds as u64)
    }

    /// Whether it lasts no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Its length in seconds.
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// The time that lies this much after `start`; nothing where it cannot be written any more.
    pub fn after(self, start: Timestamp) -> Option<Timestamp> {
        start.checked_add(self.signed()).ok()
    }

    /// The time that lies this much before `end`; nothing where it cannot be written any more.
    pub fn before(self, end: Timestamp) -> Option<Timestamp> {
        end.checked_sub(self.signed()).ok()
    }

    fn signed(self) -> SignedDuration {
        SignedDuration::from_secs(i64::try_from(self.0).expect("the longest duration fits"))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("PT0S");
        }
        f.write_str("P")?;
        if self.0 >= DAY {
            write!(f, "{}D", self.0 / DAY)?;
        }
        let rest = self.0 % DAY;
        if rest > 0 {
            f.write_str("T")?;
        }
        for (amount, unit) in
            [(rest / HOUR, 'H'), (rest % HOUR / MINUTE, 'M'), (rest % MINUTE, 'S')]
        {
            if amount > 0 {
                write!(f, "{amount}{unit}")?;
            }
        }
        Ok(())
    }
}

as_text!(Duration);

impl FromStr for Duration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let parsed = parts(text).and_then(|parts| sum(&parts));
        parsed.map_err(|fault| fault.explain(text))
    }
}

/// Why a text is not a duration, before it is put into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Form,
    LowerCase,
    Sign,
    Fraction,
    Order,
    TooLong,
    /// That many days instead of months or years.
    Calendar(u64),
}

/// A number and its unit in seconds, in the order written.
fn parts(text: &str) -> Result<Vec<(u64, u64)>, Fault> {
    if text.starts_with(['-', '+']) {
        return Err(Fault::Sign);
    }
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err(Fault::LowerCase);
    }
    let (mut days, mut parts, mut last) = (0_u64, Vec::new(), u64::MAX);
    let mut rest = text.strip_prefix('P').ok_or(Fault::Form)?;
    let mut in_time = false;
    let mut calendar = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            if in_time || after.is_empty() {
                return Err(Fault::Form);
            }
            (in_time, rest) = (true, after);
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = rest.split_at(digits);
        let Some(name) = unit.chars().next() else { return Err(Fault::Form) };
        if matches!(name, '.' | ',') && digits > 0 {
            return Err(Fault::Fraction);
        }
        if matches!(name, '-' | '+') {
            return Err(Fault::Sign);
        }
        if digits == 0 {
            return Err(Fault::Form);
        }
        let number: u64 = number.parse().map_err(|_| Fault::TooLong)?;
        rest = &unit[name.len_utf8()..];
        let seconds = match (name, in_time) {
            ('Y', false) => 365 * DAY + 1,
            ('M', false) => 30 * DAY + 1,
            ('W', false) => WEEK,
            ('D', false) => DAY,
            ('H', true) => HOUR,
            ('M', true) => MINUTE,
            ('S', true) => 1,
            _ => return Err(Fault::Form),
        };
        if seconds >= last {
            return Err(Fault::Order);
        }
        last = seconds;
        calendar |= matches!((name, in_time), ('Y' | 'M', false));
        days = days.saturating_add(number.saturating_mul(seconds / DAY));
        parts.push((number, seconds));
    }
    if calendar {
        return Err(Fault::Calendar(days));
    }
    if parts.is_empty() { Err(Fault::Form) } else { Ok(parts) }
}

fn sum(parts: &[(u64, u64)]) -> Result<Duration, Fault> {
    let total = parts.iter().try_fold(0_u64, |total, (number, seconds)| {
        total.checked_add(number.checked_mul(*seconds)?)
    });
    total.filter(|total| *total <= LONGEST).map(Duration).ok_or(Fault::TooLong)
}

impl Fault {
    fn explain(self, text: &str) -> InvalidDuration {
        let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
        let example = "write it as in `P365D` or `PT8H`";
        let (reason, help) = match self {
            Self::Form => (format!("`{shown}` is not a duration"), example.to_owned()),
            Self::LowerCase => (
                format!("`{shown}` is not a duration: its letters are capitals"),
                match text.to_ascii_uppercase().parse::<Duration>() {
                    Ok(_) => format!("write `{}`", text.to_ascii_uppercase()),
                    Err(_) => example.to_owned(),
                },
            ),
            Self::Sign => (
                format!("`{shown}` is not a duration: it has a sign"),
                format!("a duration has no direction; {example}"),
            ),
            Self::Fraction => (
                format!("`{shown}` is not a duration: it has a fraction"),
                "use a smaller unit, for example `PT90M` instead of `PT1.5H`".to_owned(),
            ),
            Self::Order => (
                format!("`{shown}` is not a duration: its units are out of order"),
                "each unit once and the longest first, as in `P1DT12H30M`".to_owned(),
            ),
            Self::TooLong => {
                (format!("`{shown}` is too long"), "the longest duration is `P3652500D`".to_owned())
            }
            Self::Calendar(days) => {
                let instead =
                    if days <= LONGEST / DAY { format!("P{days}D") } else { "P365D".to_owned() };
                (
                    format!(
                        "`{shown}` has months or years, whose length depends on when they begin"
                    ),
                    format!("write days, for example `{instead}`"),
                )
            }
        };
        InvalidDuration { reason, help }
    }
}

/// How long an offer lasts: 1 to 730 whole days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Days(u16);

impl Days {
    /// The longest that the service accepts.
    pub const LONGEST: u16 = 730;

    /// How many.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The instant so many days after `start`, if there is one.
    pub fn after(self, start: Timestamp) -> Option<Timestamp> {
        self.duration().after(start)
    }

    /// The same as a length of time.
    pub fn duration(self) -> Duration {
        Duration::days(u32::from(self.0))
    }
}

impl TryFrom<Duration> for Days {
    type Error = InvalidDuration;

    fn try_from(duration: Duration) -> Result<Self, InvalidDuration> {
        let days = duration.0 / DAY;
        if !duration.0.is_multiple_of(DAY) {
            let instead = days.clamp(1, u64::from(Self::LONGEST));
            return Err(InvalidDuration {
                reason: format!("`{duration}` is not a number of whole days"),
                help: format!("write whole days, for example `P{instead}D`"),
            });
        }
        match u16::try_from(days) {
            Ok(days @ 1..=Self::LONGEST) => Ok(Self(days)),
            _ => Err(InvalidDuration {
                reason: format!("`{duration}` is not from 1 to {} days", Self::LONGEST),
                help: format!("write `P1D` to `P{}D`", Self::LONGEST),
            }),
        }
    }
}

impl FromStr for Days {
    type Err = InvalidDuration;
    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        text.parse::<Duration>()?.try_into()
    }
}

as_text!(Days);

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.duration().fmt(f)
    }
}

#[cfg(test)]
mod tests;
