//! Instants as they are written elsewhere: with the month in words, without an offset, as the number of a program.
//!
//! Never: one of two readings of a date. Without an offset nothing says which instant is meant.

use std::{collections::BTreeSet, sync::LazyLock};

use jiff::{
    Timestamp, ToSpan as _, Zoned,
    civil::{Date, DateTime, ISOWeekDate, Time, Weekday, date},
    fmt::rfc2822,
    tz::Offset,
};
use regex::{Captures, Regex};

use super::{length, plain};

/// No instant is longer in any form.
const LONGEST: usize = 80;

/// Without seconds, with a blank for the `T`, with an offset in another form, with a zone, with the month in words, as
/// seconds since 1970.
pub fn timestamp(text: &str) -> Option<String> {
    let text = plain(text);
    if text.len() > LONGEST {
        return None;
    }
    let text = text.trim_start_matches('\\').trim_end_matches('\\').replace(")\\/", ")/");
    let of_json = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/"));
    let text = of_json.map_or(&*text, |number| number.split(['+', '-']).next().unwrap_or(number));
    let instant = |instant: Timestamp| instant.to_string();
    if let Ok(number) = text.parse::<i64>() {
        return since_1970(number, text.len()).map(instant);
    }
    // The end of a day is the beginning of the next.
    if let Some((day, zone)) = text.split_once("T24:00:00") {
        let begin = format!("{day}T00:00:00{zone}").parse::<Timestamp>().ok()?;
        return begin.checked_add(24.hours()).ok().map(instant);
    }
    if text.contains('[') {
        return text.parse::<Zoned>().ok().map(|zoned| instant(zoned.timestamp()));
    }
    if let Ok(found) = text.parse::<Timestamp>() {
        return Some(instant(found));
    }
    if let Ok(found) = rfc2822::parse(text) {
        return Some(instant(found.timestamp()));
    }
    let Written { days, time, offset } = Written::read(text)?;
    let [day] = days[..] else { return None };
    offset?.to_timestamp(day.to_datetime(time?)).ok().map(instant)
}

/// As Unix counts, or in the ticks of Active Directory.
fn since_1970(number: i64, digits: usize) -> Option<Timestamp> {
    const FROM_1601_TO_1970: i64 = 11_644_473_600;
    match digits {
        10 => Timestamp::from_second(number).ok(),
        13 => Timestamp::from_millisecond(number).ok(),
        18 => Timestamp::from_second(number / 10_000_000 - FROM_1601_TO_1970).ok(),
        _ => None,
    }
}

/// What is written of an instant.
struct Written {
    /// The day, in each reading.
    days: Vec<Date>,
    time: Option<Time>,
    offset: Option<Offset>,
}

impl Written {
    fn read(text: &str) -> Option<Self> {
        static HOUR: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(
                r"(?i)\b(?<hour>[0-9]{1,2})\s*(?<half>[ap])\.?m\b|\b(?<clock>[0-9]{1,2})\s*uhr$",
            )
            .expect("it is a pattern")
        });
        static FIRST: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"^([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)[ ,]+(.*[0-9]{4}.*)$")
                .expect("it is a pattern")
        });
        static TIME: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(
                r"(?ix) (?:^|[\ T,]) (?:at|um|à|om|kl\.?)? \s*
                (?<hour>[0-9]{1,2}) (?: : | h ) (?<minute>[0-9]{2})
                (?: : (?<second>[0-9]{2}) (?: [.,] [0-9]{1,9} )? )?
                \s* (?<half>[ap]\.?m\b\.?)? \s* (?: uhr | h )? \s*
                (?: (?<utc>z|utc|gmt)? \s* (?<offset>[+-][0-9]{1,2} (?: :?[0-9]{2} )? )? | \(?[a-z]{2,5}\)? | [a-z]+ / [a-z_/]+ )
                (?: \s* \( [^()]* \) )? $",
            )
            .expect("it is a pattern")
        });
        if text.len() > LONGEST {
            return None;
        }
        let text = &*FIRST.replace(text, "$2 $1");
        let is_timed = text.contains(['T', 't', ' ']);
        if let Some(found) = text.parse::<DateTime>().ok().filter(|_| is_timed) {
            return Some(Self { days: vec![found.date()], time: Some(found.time()), offset: None });
        }
        if let Some(found) = of_spreadsheet(text) {
            let time = (found.time() != Time::midnight()).then(|| found.time());
            return Some(Self { days: vec![found.date()], time, offset: None });
        }
        let timed = if text.contains(':') {
            text.into()
        } else {
            HOUR.replace(text, |found: &Captures<'_>| match found.name("half") {
                Some(half) => format!("{}:00 {}m", &found["hour"], half.as_str()),
                None => format!("{}:00", &found["clock"]),
            })
        };
        let (day, time, offset) = match TIME.captures(&timed) {
            Some(found) => {
                let begin = found.get(0).map_or(0, |whole| whole.start());
                (&timed[..begin], Some(time(&found)?), offset(&found))
            }
            None => (&*timed, None, None),
        };
        Some(Self { days: days(day), time, offset })
    }
}

fn time(found: &Captures<'_>) -> Option<Time> {
    let number = |name| found.name(name).map_or(Some(0), |part| part.as_str().parse::<i8>().ok());
    let hour = number("hour")?;
    let hour = match found.name("half").map(|half| half.as_str().as_bytes()[0]) {
        Some(b'p' | b'P') if hour < 12 => hour + 12,
        Some(b'a' | b'A') if hour == 12 => 0,
        _ => hour,
    };
    Time::new(hour, number("minute")?, number("second")?, 0).ok()
}

fn offset(found: &Captures<'_>) -> Option<Offset> {
    let Some(offset) = found.name("offset") else {
        return found.name("utc").map(|_| Offset::UTC);
    };
    let (sign, digits) = offset.as_str().split_at(1);
    let of_hours = if digits.len() > 2 { digits.len() - 2 } else { digits.len() };
    let (hours, minutes) = digits.split_once(':').unwrap_or_else(|| digits.split_at(of_hours));
    let hours: i32 = hours.parse().ok().filter(|hours| *hours <= 14)?;
    let minutes: i32 = if minutes.is_empty() { 0 } else { minutes.parse().ok()? };
    if minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

/// A day as a spreadsheet counts, of the years 2000 to 2100.
fn of_spreadsheet(text: &str) -> Option<DateTime> {
    let (days, part) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if days.len() != 5 || !is_number(days) || !is_number(part) {
        return None;
    }
    let days: i64 = days.parse().ok().filter(|days| (36_526..73_416).contains(days))?;
    let part: f64 = format!("0.{part}0").parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "it is less than a day")]
    let minutes = (part * 1440.0).round() as i64;
    let first = date(1899, 12, 30).at(0, 0, 0, 0);
    first.checked_add(days.days()).ok()?.checked_add(minutes.minutes()).ok()
}

/// Each day that a text may stand for.
fn days(text: &str) -> Vec<Date> {
    static WEEK: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^([0-9]{4})-?[Ww]([0-9]{2})-?([1-7])$").expect("it is a pattern")
    });
    let text = text.trim_matches(|sign: char| sign.is_whitespace() || sign == ',');
    if let Some(day) = text.parse().ok().filter(|_| !text.contains(['T', 't', ' '])) {
        return vec![day];
    }
    if let Some(week) = WEEK.captures(text) {
        let part = |number: usize| week[number].parse::<i16>().ok();
        let day = || {
            let weekday = Weekday::from_monday_one_offset(i8::try_from(part(3)?).ok()?).ok()?;
            ISOWeekDate::new(part(1)?, i8::try_from(part(2)?).ok()?, weekday).ok()
        };
        return day().map(ISOWeekDate::date).into_iter().collect();
    }
    if text.len() == 8 && text.bytes().all(|digit| digit.is_ascii_digit()) {
        let part = |from: usize, to: usize| text[from..to].parse().unwrap_or(0);
        return readings([
            (part(4, 8), part(2, 4), part(0, 2)),
            (part(4, 8), part(0, 2), part(2, 4)),
        ]);
    }
    let Some((month, numbers)) = parts(text) else { return Vec::new() };
    match (month, &numbers[..]) {
        (Some(month), [(year, 4), (day, 1 | 2)] | [(day, 1 | 2), (year, 4)]) => {
            readings([(*year, month, *day)])
        }
        (Some(month), [(day, 1 | 2), (year, 2)]) => readings([(2000 + year, month, *day)]),
        (None, [(first, 4), (second, _), (third, _)]) => readings([(*first, *second, *third)]),
        (None, [(first, _), (second, _), (year, 4)]) => of_two(text, *year, *first, *second),
        (None, [(first, 1 | 2), (second, 1 | 2), (third, 2)]) => {
            let mut days = of_two(text, 2000 + third, *first, *second);
            if *first > 12 {
                days.extend(readings([(2000 + first, *second, *third)]));
                days.sort_unstable();
                days.dedup();
            }
            days
        }
        _ => Vec::new(),
    }
}

/// With dots between, the day comes first; otherwise either may.
fn of_two(text: &str, year: i16, first: i16, second: i16) -> Vec<Date> {
    let day_first = readings([(year, second, first)]);
    if text.contains('.') && !day_first.is_empty() {
        return day_first;
    }
    readings([(year, second, first), (year, first, second)])
}

/// Those of the days that exist: year, month and day.
fn readings<const N: usize>(all: [(i16, i16, i16); N]) -> Vec<Date> {
    let day = |(year, month, day): (i16, i16, i16)| {
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    };
    let found: BTreeSet<Date> = all.into_iter().filter_map(day).collect();
    found.into_iter().collect()
}

/// A number, and how many digits it was written with.
type Figure = (i16, usize);

/// The month, where it is written in words, and the numbers of a date; nothing where another word stands in it.
fn parts(text: &str) -> Option<(Option<i16>, Vec<Figure>)> {
    let text = text.to_lowercase().replace(['年', '月', '日', '년', '월', '일'], " ");
    let text = apart(&text);
    let (mut month, mut numbers) = (None, Vec::new());
    for word in text.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if word.bytes().all(|digit| digit.is_ascii_digit()) {
            numbers.push((word.parse().ok()?, word.len()));
        } else if let Some(found) = month_of(word) {
            if month.replace(found).is_some() {
                return None;
            }
        } else if !BESIDE.contains(&word) {
            return None;
        }
    }
    Some((month, numbers))
}

/// A text with a blank between its digits and its letters.
fn apart(text: &str) -> String {
    let mut apart = String::with_capacity(2 * text.len());
    let mut was_digit = None;
    for sign in text.chars() {
        let is_digit = sign.is_ascii_digit();
        if was_digit.is_some_and(|was_digit| was_digit != is_digit) {
            apart.push(' ');
        }
        apart.push(sign);
        was_digit = Some(is_digit);
    }
    apart
}

/// Words that stand beside a date, the ends of ordinal numbers, and the days of the week.
const BESIDE: &[&str] = &[
    "st",
    "nd",
    "rd",
    "th",
    "er",
    "º",
    "ª",
    "until",
    "till",
    "bis",
    "zum",
    "by",
    "of",
    "the",
    "de",
    "del",
    "den",
    "le",
    "el",
    "der",
    "am",
    "on",
    "do",
    "r",
    "г",
    "mon",
    "tue",
    "wed",
    "thu",
    "fri",
    "sat",
    "sun",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "mo",
    "di",
    "mi",
    "fr",
    "sa",
    "so",
    "montag",
    "dienstag",
    "mittwoch",
    "donnerstag",
    "freitag",
    "samstag",
    "sonntag",
    "lundi",
    "mardi",
    "mercredi",
    "jeudi",
    "vendredi",
    "samedi",
    "dimanche",
    "lunes",
    "martes",
    "miércoles",
    "jueves",
    "viernes",
    "sábado",
    "domingo",
    "lunedì",
    "martedì",
    "mercoledì",
    "giovedì",
    "venerdì",
    "sabato",
    "domenica",
    "maandag",
    "dinsdag",
    "woensdag",
    "donderdag",
    "vrijdag",
];

/// The names of the months, from January on.
const MONTHS: [&str; 12] = [
    "january januar janvier enero gennaio januari janeiro stycznia styczeń января",
    "february februar février fevrier febrero febbraio februari fevereiro lutego февраля",
    "march märz maerz mars marzo maart mrt março marca марта",
    "april avril abril aprile kwietnia апреля",
    "may mai mayo maggio mei maio maja мая",
    "june juni juin junio giugno junho czerwca июня",
    "july juli juillet julio luglio julho lipca июля",
    "august août aout agosto augustus sierpnia августа",
    "september sept septembre septiembre settembre setembro września сентября",
    "october oktober octobre octubre ottobre outubro października октября",
    "november novembre noviembre novembro ноября",
    "december dezember décembre decembre diciembre dicembre dezembro grudnia декабря",
];

/// The month with this name, or with one that begins so.
fn month_of(word: &str) -> Option<i16> {
    word.chars().nth(2)?;
    let mut all =
        (1..).zip(MONTHS).filter(|(_, names)| names.split(' ').any(|name| name.starts_with(word)));
    let (month, _) = all.next()?;
    all.next().is_none().then_some(month)
}

/// What a date stands for that nobody means as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoDate {
    /// The first moment that a program knows, which it writes where nothing was set.
    First,
    /// The last one.
    Last,
}

/// The dates that programs write for no date at all.
fn no_date(text: &str) -> Option<NoDate> {
    let day = text.split([' ', 'T', 't', ',']).next().unwrap_or(text);
    if matches!(day, "1/1/0001" | "01/01/0001" | "01.01.0001" | "1.1.0001") {
        return Some(NoDate::First);
    }
    let [day] = days(day)[..] else { return None };
    match (day.year(), day.month(), day.day()) {
        (9000.., ..) => Some(NoDate::Last),
        (1 | 1601 | 1753 | 1900 | 1970, 1, 1) | (1899, 12, 30 | 31) => Some(NoDate::First),
        _ => None,
    }
}

/// What is to be done about a text that is no instant of ours, in a field for one.
pub fn aside(field: &str, text: &str) -> Option<String> {
    const NEVER: &[&str] = &[
        "never",
        "none",
        "no",
        "infinite",
        "infinity",
        "forever",
        "permanent",
        "permanently",
        "perpetual",
        "eternal",
        "unlimited",
        "indefinite",
        "indefinitely",
        "noexpiration",
        "no expiration",
        "noend",
        "unbefristet",
        "unbegrenzt",
        "dauerhaft",
        "nie",
        "jamais",
        "illimité",
        "nunca",
        "+infinity",
        "∞",
    ];
    const NOW: &[&str] = &["now", "immediately", "at once", "none", "sofort", "immédiatement"];
    let lower = text.to_lowercase();
    match (field, no_date(text)) {
        // Whatever a program means by it, what is over gives nothing, and no end gives most.
        ("notAfter", Some(NoDate::First)) => {
            return Some(
                "that is over: write when the roles are to end, or remove the grant where they are not to be held"
                    .to_owned(),
            );
        }
        ("notAfter", found) if found.is_some() || NEVER.contains(&&*lower) => {
            return Some(
                "leave `notAfter` out where the roles are to be held for good: they end with the relationship"
                    .to_owned(),
            );
        }
        ("notBefore", found) if found == Some(NoDate::First) || NOW.contains(&&*lower) => {
            return Some("leave `notBefore` out where the roles are to be held at once".to_owned());
        }
        _ => {}
    }
    let text = plain(text);
    let is_known = text.contains('[') || text.parse::<Timestamp>().is_ok();
    let Written { days, time, offset } = Written::read(&text)?;
    if !days.is_empty() && !days.iter().any(|day| (2000..3000).contains(&day.year())) {
        return Some("write the year that is meant, of 2000 to 2999".to_owned());
    }
    let written =
        |day: &Date, time: Time| day.to_datetime(time).strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let at = time.unwrap_or(Time::midnight());
    match &days[..] {
        _ if is_known => None,
        [_] if time.is_some() && offset.is_some() => None,
        [] if figures(&text) == Some(3) => {
            Some("there is no such day: write the one that is meant".to_owned())
        }
        [] if matches!(figures(&text), Some(1 | 2)) => {
            Some("write the day and the time as well".to_owned())
        }
        [] => is_no_instant(&lower).then(|| {
            "write the date and time itself: neither a length nor a word such as `tomorrow` is one".to_owned()
        }),
        [day] if field == "notAfter" && time.is_none() => Some(format!(
            "write `\"{}Z\"`, or `\"{}Z\"` for the end of that day, with the offset of the place that is meant",
            written(day, at), written(&day.tomorrow().ok()?, at)
        )),
        [day] => Some(format!(
            "write `\"{}Z\"`, with the offset of the place that is meant for the `Z`", written(day, at)
        )),
        days => {
            let all: Vec<_> = days.iter().map(|day| format!("`\"{}Z\"`", written(day, at))).collect();
            Some(format!(
                "that may be more than one day: write {}, whichever is meant, with the offset of the place that is meant for the `Z`",
                all.join(" or ")
            ))
        }
    }
}

/// How many of day, month and year a text names, where a year is among them.
fn figures(text: &str) -> Option<usize> {
    let (month, numbers) = parts(text)?;
    let has_year = numbers.iter().any(|(_, digits)| *digits == 4);
    has_year.then_some(numbers.len() + usize::from(month.is_some()))
}

/// Whether it is a length, or a word that means another instant each day.
fn is_no_instant(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "now",
        "today",
        "tonight",
        "tomorrow",
        "yesterday",
        "next",
        "end of",
        "in ",
        "jetzt",
        "sofort",
        "heute",
        "morgen",
        "gestern",
        "nächste",
        "ende",
        "maintenant",
        "aujourd",
        "demain",
        "hoy",
        "mañana",
    ];
    WORDS.iter().any(|word| text.starts_with(word))
        || length(text).is_some()
        || text.ends_with(" from now")
}
