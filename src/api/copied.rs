//! How the value of a field is usually copied from elsewhere, and what to write instead: one place for every field.
//!
//! Never: another value than the one that was meant. What could mean two things is nobody's to choose.

use std::sync::LazyLock;

use jiff::{
    Span, Timestamp, Zoned,
    civil::{Date, DateTime},
    fmt::rfc2822,
};
use regex::Regex;
use unicode_normalization::UnicodeNormalization as _;

/// The blanks and quotes that stand around a value after it was copied.
fn bare(text: &str) -> &str {
    text.trim_matches(|character: char| {
        character.is_whitespace()
            || matches!(
                character,
                '"' | '\''
                    | '`'
                    | '\u{200b}'
                    | '\u{feff}'
                    | '“'
                    | '”'
                    | '‘'
                    | '’'
                    | '„'
                    | ';'
                    | ','
            )
    })
}

/// The same in the letters, digits and dashes that a keyboard has.
fn plain(text: &str) -> String {
    let dash = |character| match character {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        other => other,
    };
    bare(text)
        .nfkc()
        .map(dash)
        .filter(|character| !matches!(character, '\u{ad}' | '\u{200b}'))
        .collect()
}

/// The one thing in a text that `pattern` finds, as often as it stands there.
fn only<'t>(pattern: &Regex, text: &'t str) -> Option<&'t str> {
    let mut all = pattern.find_iter(text).map(|found| found.as_str());
    let first = all.next()?;
    all.all(|other| other.eq_ignore_ascii_case(first)).then_some(first)
}

/// In braces, as a URN, without its hyphens, in a link: there is one GUID in it.
pub fn guid(text: &str) -> Option<String> {
    static GUID: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\b[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\b").expect("it is a pattern")
    });
    let text = plain(text);
    let text = text.trim_start_matches("N'").trim_start_matches("guid'");
    uuid::Uuid::parse_str(only(&GUID, text)?).ok().map(|id| id.to_string())
}

/// In capitals, with colons or blanks between, beside the name of the file, or in base 64.
pub fn sha256(text: &str) -> Option<String> {
    static DIGITS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)\b[0-9a-f]{64}\b").expect("it is a pattern"));
    let text = plain(text);
    if let Some(digits) = only(&DIGITS, &text) {
        return Some(digits.to_ascii_lowercase());
    }
    let alone = text.trim_start_matches("sha256").trim_start_matches("SHA256");
    let digits: String = alone
        .trim_start_matches([':', '-', '='])
        .chars()
        .filter(|character| !matches!(character, ':' | ' ' | '-'))
        .collect();
    if digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Some(digits.to_ascii_lowercase());
    }
    let encoded = text.strip_prefix("sha256-").unwrap_or(&text);
    let bytes = base64_of_32(encoded)?;
    Some(hex::encode(bytes))
}

fn base64_of_32(text: &str) -> Option<[u8; 32]> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// In years, months, weeks or hours, in words, or the number alone.
pub fn days(text: &str) -> Option<String> {
    let text = plain(text);
    let count = if let Ok(count) = text.parse::<i64>() {
        count
    } else {
        let (days, seconds) = length(&text)?;
        (seconds % 86_400 == 0).then_some(days + seconds / 86_400)?
    };
    (count > 0).then(|| format!("P{count}D"))
}

/// In weeks, in words, or as `8:00:00`.
pub fn duration(text: &str) -> Option<String> {
    let (days, seconds) = length(&plain(text))?;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let days = if days > 0 { format!("{days}D") } else { String::new() };
    let mut written = format!("P{days}");
    let time = [(hours, 'H'), (minutes, 'M'), (seconds, 'S')];
    if time.iter().any(|(count, _)| *count > 0) {
        written.push('T');
    }
    for (count, unit) in time {
        // The form has no gap between two units.
        let is_between = unit == 'M' && hours > 0 && seconds > 0;
        if count > 0 || is_between {
            written.extend([count.to_string(), unit.to_string()]);
        }
    }
    (written.len() > 1).then_some(written)
}

/// Days and seconds of a length in any common form. A year has 365 days and a month 30.
fn length(text: &str) -> Option<(i64, i64)> {
    static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(?:(\d{1,4})\.)?(\d{1,2}):(\d{2})(?::(\d{2}))?$").expect("it is a pattern")
    });
    if let Some(clock) = CLOCK.captures(text) {
        let part = |number: usize| clock.get(number).map_or(Ok(0), |part| part.as_str().parse());
        let (days, hours): (i64, i64) = (part(1).ok()?, part(2).ok()?);
        return Some((days, hours * 3600 + part(3).ok()? * 60 + part(4).ok()?));
    }
    let capitals = text.to_ascii_uppercase();
    let span: Span = text.parse().or_else(|_| capitals.parse()).ok()?;
    let months = i64::from(span.get_months());
    let days = i64::from(span.get_years()) * 365
        + months / 12 * 365
        + months % 12 * 30
        + i64::from(span.get_weeks()) * 7
        + i64::from(span.get_days());
    let seconds = i64::from(span.get_hours()) * 3600 + span.get_minutes() * 60 + span.get_seconds();
    let whole = span.get_milliseconds() == 0 && span.get_microseconds() == 0;
    (whole && days >= 0 && seconds >= 0).then_some((days, seconds))
}

/// Without seconds, with a blank for the `T`, with an offset in another form, with a zone, as seconds since 1970. Without
/// an offset nothing says which instant is meant.
pub fn timestamp(text: &str) -> Option<String> {
    let text = plain(text);
    let text =
        text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")).unwrap_or(&text);
    let instant = |instant: Timestamp| instant.to_string();
    if let Ok(number) = text.parse::<i64>() {
        return match text.len() {
            10 => Timestamp::from_second(number).ok().map(instant),
            13 => Timestamp::from_millisecond(number).ok().map(instant),
            _ => None,
        };
    }
    if text.contains('[') {
        return text.parse::<Zoned>().ok().map(|zoned| instant(zoned.timestamp()));
    }
    if let Ok(found) = text.parse::<Timestamp>() {
        return Some(instant(found));
    }
    rfc2822::parse(text).ok().map(|found| instant(found.timestamp()))
}

/// A date, or a date and time, to which nothing but the offset is wanting.
fn local(text: &str) -> Option<DateTime> {
    let text = plain(text);
    if text.contains('[') || text.parse::<Timestamp>().is_ok() {
        return None;
    }
    text.parse().ok().or_else(|| Some(date(&text)?.at(0, 0, 0, 0)))
}

/// A date as it is written where no two readings are possible.
pub fn date(text: &str) -> Option<Date> {
    if let Ok(date) = text.parse() {
        return Some(date);
    }
    let parts: Vec<i16> =
        text.split(['/', '.']).map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
    let [first, second, third] = parts[..] else { return None };
    let (year, month, day) = match (first, second, third) {
        (1000.., ..) => (first, second, third),
        (_, _, 1000..) if text.contains('.') || first > 12 => (third, second, first),
        (_, 13.., 1000..) => (third, first, second),
        (_, _, 1000..) if first == second => (third, first, second),
        _ => return None,
    };
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// With signs that the store does not take.
pub fn store_name(text: &str) -> Option<String> {
    static OTHERS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("[^A-Za-z0-9 _-]+").expect("it is a pattern"));
    let text: String = bare(text).nfkd().filter(|character| !is_mark(*character)).collect();
    let text = OTHERS.replace_all(&text, "-");
    let name: String = text.chars().take(44).collect();
    let name = name.trim_matches(['-', ' ']);
    (name.chars().any(|character| character.is_ascii_alphanumeric())).then(|| name.to_owned())
}

fn is_mark(character: char) -> bool {
    unicode_normalization::char::is_combining_mark(character)
}

/// In small letters, in three letters, by its name, or as the end of a language.
pub fn country(text: &str) -> Option<String> {
    const OTHERS: [(&str, &str); 60] = [
        ("ARE", "AE"),
        ("AUS", "AU"),
        ("AUT", "AT"),
        ("BEL", "BE"),
        ("BRA", "BR"),
        ("CAN", "CA"),
        ("CHE", "CH"),
        ("CHN", "CN"),
        ("CZE", "CZ"),
        ("DEU", "DE"),
        ("DNK", "DK"),
        ("ESP", "ES"),
        ("FIN", "FI"),
        ("FRA", "FR"),
        ("GBR", "GB"),
        ("IND", "IN"),
        ("IRL", "IE"),
        ("ITA", "IT"),
        ("JPN", "JP"),
        ("MEX", "MX"),
        ("NLD", "NL"),
        ("NOR", "NO"),
        ("NZL", "NZ"),
        ("POL", "PL"),
        ("PRT", "PT"),
        ("SWE", "SE"),
        ("TUR", "TR"),
        ("UKR", "UA"),
        ("USA", "US"),
        ("ZAF", "ZA"),
        ("AUSTRALIA", "AU"),
        ("AUSTRIA", "AT"),
        ("BELGIUM", "BE"),
        ("BRAZIL", "BR"),
        ("CANADA", "CA"),
        ("CHINA", "CN"),
        ("CZECHIA", "CZ"),
        ("DENMARK", "DK"),
        ("FINLAND", "FI"),
        ("FRANCE", "FR"),
        ("GERMANY", "DE"),
        ("DEUTSCHLAND", "DE"),
        ("GREAT BRITAIN", "GB"),
        ("INDIA", "IN"),
        ("IRELAND", "IE"),
        ("ITALY", "IT"),
        ("JAPAN", "JP"),
        ("MEXICO", "MX"),
        ("NETHERLANDS", "NL"),
        ("NEW ZEALAND", "NZ"),
        ("NORWAY", "NO"),
        ("POLAND", "PL"),
        ("PORTUGAL", "PT"),
        ("SPAIN", "ES"),
        ("SWEDEN", "SE"),
        ("SWITZERLAND", "CH"),
        ("UNITED KINGDOM", "GB"),
        ("UNITED STATES", "US"),
        ("UNITED STATES OF AMERICA", "US"),
        ("U.S.", "US"),
    ];
    let is_known = |text: &str| OTHERS.iter().any(|(_, country)| *country == text);
    let text = plain(text);
    let text = match (text.split_once(['-', '_']), text.rsplit_once(['-', '_'])) {
        (Some((first, _)), Some((_, last))) => {
            let is_language = first.bytes().all(|letter| letter.is_ascii_lowercase());
            let is_capital = last.bytes().all(|letter| letter.is_ascii_uppercase());
            // A part of a country, unless the end is a country as well.
            let is_part = is_known(first) && (first == last || !is_known(last));
            if is_language && is_capital {
                last
            } else if is_part {
                first
            } else {
                return None;
            }
        }
        _ => &text,
    };
    let text = text.to_ascii_uppercase();
    let found = OTHERS.iter().find(|(other, _)| *other == text).map(|(_, country)| *country);
    let country = found.unwrap_or(&text);
    (country.len() == 2).then(|| country.to_owned())
}

/// As programs write it, `de_DE.UTF-8`, in capitals, or by its name.
pub fn language(text: &str) -> Option<String> {
    const NAMES: [(&str, &str); 18] = [
        ("chinese", "zh"),
        ("czech", "cs"),
        ("danish", "da"),
        ("deutsch", "de"),
        ("dutch", "nl"),
        ("english", "en"),
        ("finnish", "fi"),
        ("french", "fr"),
        ("german", "de"),
        ("italian", "it"),
        ("japanese", "ja"),
        ("korean", "ko"),
        ("norwegian", "no"),
        ("polish", "pl"),
        ("portuguese", "pt"),
        ("spanish", "es"),
        ("swedish", "sv"),
        ("turkish", "tr"),
    ];
    let text = plain(text);
    let text = text.split(['.', '@']).next().unwrap_or(&text).replace('_', "-");
    if !text.is_ascii() {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    if let Some((_, language)) = NAMES.iter().find(|(name, _)| *name == lower) {
        return Some((*language).to_owned());
    }
    let (language, rest) = lower.split_once('-').unwrap_or((&lower, ""));
    let rest = rest.split('-').filter(|part| !part.is_empty()).map(|part| match part.len() {
        2 => part.to_ascii_uppercase(),
        4 => part[..1].to_ascii_uppercase() + &part[1..],
        _ => part.to_owned(),
    });
    Some([language.to_owned()].into_iter().chain(rest).collect::<Vec<_>>().join("-"))
}

/// Without `https://`, between angle brackets, as a link of Markdown, with blanks or letters that a link has not.
pub fn url(text: &str) -> Option<String> {
    static MARKDOWN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^\[[^\]]*\]\(([^)]+)\)$").expect("it is a pattern"));
    let text = bare(text);
    let text =
        MARKDOWN.captures(text).and_then(|link| link.get(1)).map_or(text, |link| link.as_str());
    let text = text.trim_start_matches('<').trim_end_matches('>').trim();
    let rest = match text.split_once("://") {
        Some((scheme, rest)) if matches!(&*scheme.to_ascii_lowercase(), "http" | "https") => rest,
        Some(_) => return None,
        None => text,
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    // A path of Windows is no link, and what stands before `@` may be a password.
    let is_host = host.is_ascii() && host.contains('.') && !host.contains([' ', '@']);
    if !is_host || rest.contains('\\') {
        return None;
    }
    let mut link = String::from("https://");
    for character in rest.chars() {
        if character.is_ascii_graphic() {
            link.push(character);
        } else {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                link.extend([format!("%{byte:02X}")]);
            }
        }
    }
    Some(link)
}

/// With the name before it, as a link, or with blanks.
pub fn email(text: &str) -> Option<String> {
    static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"[^\s<>()\[\],;:@\x22]+@[^\s<>()\[\],;:@\x22?]+").expect("it is a pattern")
    });
    static AT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\s*[(\[]\s*(at|@)\s*[)\]]\s*|\s+@\s+").expect("it is a pattern")
    });
    static DOT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\s*[(\[]\s*(dot|\.)\s*[)\]]\s*").expect("it is a pattern")
    });
    let text = bare(text);
    let text = text.replace(['\u{ff20}', '\u{fe6b}'], "@");
    let text = AT.replace_all(&text, "@");
    let text = DOT.replace_all(&text, ".");
    let text = text.strip_prefix("mailto:").unwrap_or(&text);
    let address = only(&ADDRESS, text)?;
    // A word before it may be a part of it, in which only a blank is wrong.
    let before = text[..text.find(address)?].trim_end();
    if !before.is_empty() && !before.ends_with(['<', '(', '[', ':', '"']) {
        return None;
    }
    let address: String = address
        .chars()
        .filter(|character| !matches!(character, '\u{200b}'..='\u{200f}' | '\u{feff}'))
        .collect();
    let address = address.trim_end_matches('.');
    let (_, domain) = address.split_once('@')?;
    domain.contains('.').then(|| address.to_owned())
}

/// As a link, with the code of the city in brackets first, or with signs that a keyboard has not. An extension has no place
/// in the field, and without it the number is another one.
pub fn telephone(text: &str) -> Option<String> {
    let text = plain(text);
    let text = text.trim_start_matches(|character: char| {
        character.is_alphabetic() || matches!(character, ':' | '.' | ' ')
    });
    let text = match text.strip_prefix('(') {
        Some(rest) => rest.replacen(')', " ", 1),
        None => text.to_owned(),
    };
    let digits = |character: &char| character.is_ascii_digit() || " ()./-+".contains(*character);
    let mut number = String::new();
    for character in text.chars() {
        match character {
            ' ' if number.ends_with(' ') => {}
            '+' if !number.is_empty() => return None,
            other if digits(&other) => number.push(other),
            other if other.is_whitespace() => number.push(' '),
            _ => return None,
        }
    }
    Some(number.trim().to_owned())
}

/// As people write it: with capitals, blanks and `_`.
pub fn object_name(text: &str) -> Option<String> {
    let text = bare(text).to_ascii_lowercase().replace([' ', '_', '/'], "-");
    filled(text.trim_matches(['-', '.']))
}

/// With signs that a label has not.
pub fn label(text: &str) -> Option<String> {
    let text = bare(text).replace([' ', '/', ':', '@', '+', '&', ','], "-");
    filled(text.trim_matches(['-', '.', '_']))
}

/// In words, or with other signs between them.
pub fn task(text: &str) -> Option<String> {
    let text = bare(text).to_ascii_lowercase();
    let (area, task) = text.split_once(['/', ':', '.'])?;
    let kebab = |words: &str| {
        let words = words.split(|character: char| !character.is_ascii_alphanumeric());
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
    };
    Some(format!("{}/{}", kebab(area), kebab(task)))
}

/// With a line end or a character that cannot be seen.
pub fn one_line(text: &str) -> Option<String> {
    let seen = text.chars().filter(|character| {
        !matches!(
            character,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
    });
    let blank = |character: char| match character {
        '\u{2028}' | '\u{2029}' => ' ',
        control if control.is_control() => ' ',
        other => other,
    };
    let text: String = seen.map(blank).collect();
    filled(&text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// No other form is known.
pub fn nothing(_: &str) -> Option<String> {
    None
}

/// What is to be done where somebody writes in words that an agreement was not read.
pub const NOT_READ: &str =
    "only `true` confirms that the agreement was read: read it, and write `true`";

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
    let day = date(day)?;
    match (day.year(), day.month(), day.day()) {
        (9000.., ..) => Some(NoDate::Last),
        (1 | 1601 | 1753 | 1900 | 1970, 1, 1) | (1899, 12, 30 | 31) => Some(NoDate::First),
        _ => None,
    }
}

/// What is to be done about a text that is no instant of ours, in a field for one.
fn aside_of_instant(field: &str, text: &str) -> Option<String> {
    const NEVER: [&str; 28] = [
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
        "n/a",
        "-",
        "0",
        "+infinity",
        "∞",
    ];
    const NOW: [&str; 8] =
        ["now", "immediately", "at once", "none", "-", "0", "sofort", "immédiatement"];
    let lower = text.to_lowercase();
    match (field, no_date(text)) {
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
    let day = text.split(['T', 't', ' ']).next().and_then(date);
    if day.is_some_and(|day| !(2000..3000).contains(&day.year())) {
        return Some("write the year that is meant, of 2000 to 2999".to_owned());
    }
    let local = local(text)?;
    let next = local.date().tomorrow().ok()?;
    let has_time = text.contains(':');
    let written = local.strftime("%Y-%m-%dT%H:%M:%S");
    Some(if field == "notAfter" && !has_time {
        format!(
            "write `\"{written}Z\"`, or `\"{next}T00:00:00Z\"` for the end of that day, with the offset of the place that is meant"
        )
    } else {
        format!("write `\"{written}Z\"`, with the offset of the place that is meant for the `Z`")
    })
}

/// What to do about a text in a field that no other value says.
pub fn aside(field: &str, text: &str) -> Option<String> {
    let text = bare(text);
    match field {
        "notAfter" | "notBefore" | "acceptedAt" => aside_of_instant(field, text),
        "tenantId" | "tenantIds" if is_domain(text) => Some(format!(
            "that is a domain; the id of its tenant stands in `issuer` of https://login.microsoftonline.com/{text}/v2.0/.well-known/openid-configuration"
        )),
        "tenantId" | "tenantIds" => Some(
            "the tenant id stands in the Microsoft Entra admin center, on the page `Overview`".to_owned(),
        ),
        "id" | "groupIds" => Some(
            "the object id stands in the Microsoft Entra admin center, on the page of the group or user"
                .to_owned(),
        ),
        "sha256" | "documentSha256" => {
            Some("`sha256sum FILE` prints it for the text that is meant".to_owned())
        }
        "invitation" => Some("`concordat offer` prints the digest of the invitation".to_owned()),
        _ => None,
    }
}

fn is_domain(text: &str) -> bool {
    static DOMAIN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$")
            .expect("it is a pattern")
    });
    DOMAIN.is_match(text)
}

/// Names of values in the words of other programs, by the field: what is written elsewhere, and ours.
const CHOICES: [(&str, &[(&str, &str)]); 15] = [
    (
        "type",
        &[
            ("gdap", "GranularDelegatedAdmin"),
            ("granulardelegatedadministration", "GranularDelegatedAdmin"),
            ("granulardelegatedadminprivileges", "GranularDelegatedAdmin"),
            ("dap", "DelegatedAdmin"),
            ("delegatedadministration", "DelegatedAdmin"),
            ("isv", "IndependentSoftwareVendor"),
            ("lob", "LineOfBusiness"),
            ("mpsa", "ProductsAndServicesAgreement"),
            ("oem", "OriginalEquipmentManufacturer"),
            ("adviser", "Advisor"),
            ("mca", "MicrosoftCustomerAgreement"),
        ],
    ),
    (
        "cloud",
        &[
            ("azurecloud", "Global"),
            ("azureglobal", "Global"),
            ("azurepublic", "Global"),
            ("public", "Global"),
            ("commercial", "Global"),
            ("worldwide", "Global"),
            ("gcc", "Global"),
            ("azureusgovernment", "USGovL4"),
            ("azureusgovernmentcloud", "USGovL4"),
            ("usgov", "USGovL4"),
            ("usgovhigh", "USGovL4"),
            ("gcchigh", "USGovL4"),
            ("usgovl5", "USGovDoD"),
            ("l5", "USGovDoD"),
            ("l4", "USGovL4"),
            ("dod", "USGovDoD"),
            ("usdod", "USGovDoD"),
            ("azurechinacloud", "China21Vianet"),
            ("azurechina", "China21Vianet"),
            ("china", "China21Vianet"),
            ("21vianet", "China21Vianet"),
        ],
    ),
    (
        "decision",
        &[
            ("accepted", "Accept"),
            ("approve", "Accept"),
            ("approved", "Accept"),
            ("yes", "Accept"),
            ("true", "Accept"),
            ("declined", "Decline"),
            ("reject", "Decline"),
            ("rejected", "Decline"),
            ("deny", "Decline"),
            ("denied", "Decline"),
            ("refuse", "Decline"),
            ("refused", "Decline"),
            ("no", "Decline"),
            ("false", "Decline"),
        ],
    ),
    (
        "role",
        &[
            ("globaladmin", "GlobalAdministrator"),
            ("companyadministrator", "GlobalAdministrator"),
            ("billingadmin", "BillingAdministrator"),
        ],
    ),
    (
        "managementPolicy",
        &[
            ("readonly", "Observe"),
            ("observeonly", "Observe"),
            ("default", "Manage"),
            ("managed", "Manage"),
            ("full", "Manage"),
        ],
    ),
    (
        "deletionPolicy",
        &[
            ("delete", "Revoke"),
            ("remove", "Revoke"),
            ("keep", "Retain"),
            ("orphan", "Retain"),
            ("end", "Terminate"),
        ],
    ),
    (
        "unmanagedAssignments",
        &[
            ("remove", "Revoke"),
            ("delete", "Revoke"),
            ("prune", "Revoke"),
            ("retain", "Keep"),
            ("ignore", "Keep"),
        ],
    ),
    (
        "mode",
        &[
            ("notification", "Notify"),
            ("notifyonly", "Notify"),
            ("none", "Notify"),
            ("auto", "Invite"),
            ("automatic", "Invite"),
            ("renew", "Invite"),
        ],
    ),
    ("gates", &[("purchases", "Purchase"), ("grants", "Access"), ("all", "Access")]),
    ("shareVisibility", &[("public", "Shared"), ("visible", "Shared"), ("hidden", "Private")]),
    ("kind", &[("buy", "Purchase"), ("paid", "Purchase"), ("free", "Trial")]),
    (
        "accessLevel",
        &[
            ("full", "FullAdministration"),
            ("limited", "LimitedAdministration"),
            ("fullaccess", "FullAdministration"),
            ("limitedaccess", "LimitedAdministration"),
        ],
    ),
    (
        "certifiedFor",
        &[
            ("gdap", "GranularDelegatedAdmin"),
            ("dap", "DelegatedAdmin"),
            ("isv", "IndependentSoftwareVendor"),
            ("lob", "LineOfBusiness"),
            ("mpsa", "ProductsAndServicesAgreement"),
            ("oem", "OriginalEquipmentManufacturer"),
        ],
    ),
    (
        "autoExtendDuration",
        &[
            ("off", "PT0S"),
            ("none", "PT0S"),
            ("no", "PT0S"),
            ("false", "PT0S"),
            ("never", "PT0S"),
            ("disabled", "PT0S"),
            ("true", "P180D"),
            ("yes", "P180D"),
            ("on", "P180D"),
            ("auto", "P180D"),
            ("enabled", "P180D"),
        ],
    ),
    ("", &[]),
];

/// The value of a field that has a few, where another spelling or word for it was written.
pub fn choice<'a>(field: &str, text: &str, allowed: &[&'a str]) -> Option<&'a str> {
    let folded = |text: &str| -> String {
        text.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let text = plain(text);
    let word = folded(&text);
    if let Some(same) = allowed.iter().find(|value| folded(value) == word) {
        return Some(same);
    }
    let others = CHOICES.iter().find(|(of, _)| *of == field).map_or(&[][..], |(_, others)| others);
    let other = others.iter().find(|(other, _)| *other == word).map(|(_, ours)| *ours);
    let is_length = field == "autoExtendDuration";
    let same_length = || {
        let of = |text: &str| match text.parse::<i64>() {
            Ok(days) => days.checked_mul(86_400),
            Err(_) => length(text).map(|(days, seconds)| days * 86_400 + seconds),
        };
        let wanted = of(&text)?;
        allowed.iter().find(|value| of(value) == Some(wanted))
    };
    match other {
        Some(ours) => allowed.iter().find(|value| **value == ours).copied(),
        None if is_length => same_length().copied(),
        None => None,
    }
}

/// Names of fields in the words of other programs, and ours; the first that stands at that place is meant.
const FIELDS: [(&str, &[&str]); 24] = [
    ("description", &["justification"]),
    ("email", &["email"]),
    ("emailaddress", &["email"]),
    ("enddate", &["notAfter"]),
    ("enddatetime", &["notAfter"]),
    ("endsat", &["notAfter"]),
    ("expires", &["notAfter"]),
    ("expiresat", &["notAfter"]),
    ("expirationdatetime", &["notAfter"]),
    ("group", &["securityGroup"]),
    ("groupid", &["id"]),
    ("givenname", &["firstName"]),
    ("mail", &["email"]),
    ("name", &["displayName"]),
    ("objectid", &["id"]),
    ("phone", &["phoneNumber"]),
    ("reason", &["justification"]),
    ("startdate", &["notBefore"]),
    ("startdatetime", &["notBefore"]),
    ("startsat", &["notBefore"]),
    ("surname", &["lastName"]),
    ("tenant", &["tenantId"]),
    ("user", &["customerUser"]),
    ("validuntil", &["notAfter"]),
];

/// The field that is called otherwise elsewhere.
pub fn field<'a>(name: &str, mut fields: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let folded = folded.to_ascii_lowercase();
    let ours = FIELDS.iter().find(|(other, _)| *other == folded).map(|(_, ours)| *ours)?;
    fields.find(|field| ours.contains(field))
}

#[cfg(test)]
mod tests;
