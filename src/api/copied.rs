//! How the value of a field is usually copied from elsewhere, and what to write instead: one place for every field.
//!
//! Never: another value than the one that was meant. What could mean two things is nobody's to choose.

use std::sync::LazyLock;

use jiff::Span;
use regex::Regex;
use unicode_normalization::UnicodeNormalization as _;

mod codes;
mod instants;
mod secrets;

pub use codes::{aside_of_country, aside_of_language, country, is_country, is_language, language};
pub use instants::timestamp;
pub use secrets::{holds_secret, may_hold_secret, quoting_no_secret, tells_secret, without_secret};

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
        .map(latin_digit)
        .filter(|character| !matches!(character, '\u{ad}' | '\u{200b}'))
        .collect()
}

/// A digit of Arabic, Persian or Hindi as the one that programs read.
fn latin_digit(character: char) -> char {
    let zeros = ['\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{e50}'];
    let of = |zero: char| u32::from(character).checked_sub(u32::from(zero)).filter(|it| *it < 10);
    zeros
        .into_iter()
        .find_map(of)
        .and_then(|digit| char::from_digit(digit, 10))
        .unwrap_or(character)
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
    } else if let Some(count) = text.strip_prefix('P').and_then(|rest| rest.parse().ok()) {
        count
    } else {
        let (days, seconds) = length(&text)?;
        (seconds % 86_400 == 0).then_some(days + seconds / 86_400)?
    };
    (count > 0).then(|| format!("P{count}D"))
}

/// The number in `P30M`, of which nobody can tell whether months or minutes are meant.
fn months_or_minutes(text: &str) -> Option<i64> {
    let number = text.to_ascii_uppercase();
    number
        .strip_prefix('P')?
        .strip_suffix('M')?
        .parse()
        .ok()
        .filter(|number| (1..10_000).contains(number))
}

/// In weeks, in words, or as `8:00:00`.
pub fn duration(text: &str) -> Option<String> {
    let text = plain(text);
    if months_or_minutes(&text).is_some() {
        return None;
    }
    let (days, seconds) = length(&text)?;
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
    let span: Span = spellings(text).into_iter().find_map(|text| text.parse().ok())?;
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

/// A length as it is written, in capital and in small letters, without blanks and in English.
fn spellings(text: &str) -> [String; 4] {
    const UNITS: [(&str, &str); 12] = [
        ("jahr", "years"),
        ("monat", "months"),
        ("woche", "weeks"),
        ("tag", "days"),
        ("stunde", "hours"),
        ("année", "years"),
        ("annee", "years"),
        ("mois", "months"),
        ("semaine", "weeks"),
        ("jour", "days"),
        ("heure", "hours"),
        ("año", "years"),
    ];
    let whole: String = text.split_whitespace().collect();
    let lower = text.to_lowercase();
    let unit =
        |word: &str| UNITS.iter().find(|(unit, _)| word.starts_with(unit)).map(|(_, it)| *it);
    let words = lower.split_whitespace().map(|word| unit(word).unwrap_or(word).to_owned());
    let english = words.collect::<Vec<_>>().join(" ");
    [text.to_owned(), whole.to_ascii_uppercase(), lower, english]
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

/// Without `https://` or a sign of it, between angle brackets, as a link of Markdown, with blanks or letters that a link has
/// not.
pub fn url(text: &str) -> Option<String> {
    static MARKDOWN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^\[[^\]]*\]\(([^)]+)\)$").expect("it is a pattern"));
    static SCHEME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)^(url:)?\s*(h(tt|xx)ps?(:/*|;/+|/{2})|//)").expect("it is a pattern")
    });
    let text = bare(text);
    let text =
        MARKDOWN.captures(text).and_then(|link| link.get(1)).map_or(text, |link| link.as_str());
    let text = text.trim_start_matches('<').trim_end_matches('>').trim();
    if text.matches("://").count() > 1 {
        return None;
    }
    let rest = match SCHEME.find(text) {
        Some(scheme) => &text[scheme.end()..],
        None => text,
    };
    let (host, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // A path of Windows is no link, and what stands before `@` may be a password.
    if rest.contains(['\\', '@']) || host.contains(['\\', '@', ' ']) {
        return None;
    }
    let is_local = host == "localhost" || host.starts_with("localhost:");
    let host = if host.is_ascii() { host.to_owned() } else { registered(host)? };
    if !is_local && !host.contains('.') {
        return None;
    }
    let mut link = format!("https://{host}");
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

/// The name of a host with other letters than ASCII as it is registered, with its port.
fn registered(host: &str) -> Option<String> {
    let (name, port) = host.split_at(host.rfind(':').unwrap_or(host.len()));
    let name = idna::domain_to_ascii_strict(name).ok()?;
    Some(name + port)
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
    // A link, or a name with a password.
    if text.contains("://") {
        return None;
    }
    let address = only(&ADDRESS, text)?;
    // A word before it may be a part of it, in which only a blank is wrong.
    let before = text[..text.find(address)?].trim_end();
    let is_named = ["mail:", "mailto:"].iter().any(|it| before.to_ascii_lowercase().ends_with(it));
    if !before.is_empty() && !before.ends_with(['<', '(', '[', '"']) && !is_named {
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
    let text = match text.strip_prefix("(+") {
        Some(rest) => format!("+{}", rest.replacen(')', " ", 1)),
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

/// What to do about a text in a field that no other value says.
pub fn aside(field: &str, text: &str) -> Option<String> {
    let text = bare(text);
    match field {
        "notAfter" | "notBefore" | "acceptedAt" => instants::aside(field, text),
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
        "maxWindow" | "window" | "before" => months_or_minutes(&plain(text)).map(|number| {
            format!("write `PT{number}M` for minutes, or `P{}D` for months", number * 30)
        }),
        "email" => Some(aside_of_address(text).to_owned()),
        "url" => Some(aside_of_link(text).to_owned()),
        "phoneNumber" => aside_of_telephone(text).map(str::to_owned),
        "duration" => Some(aside_of_duration(text).to_owned()),
        "country" => aside_of_country(text),
        "language" => aside_of_language(text),
        _ => None,
    }
}

fn aside_of_duration(text: &str) -> &'static str {
    static DATE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"[0-9]{4}[-./][0-9]{1,2}[-./][0-9]{1,2}|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{4}")
            .expect("it is a pattern")
    });
    let days = text.parse().ok().map(|days| (days, 0)).or_else(|| length(&plain(text)));
    match days {
        _ if DATE.is_match(text) => {
            "write how long it is to last, such as `P365D`, not when it ends"
        }
        Some((0, 0)) => "write at least `P1D`: a relationship always lasts for a time",
        Some((731.., _)) => "write at most `P730D`, two years: it can be extended or renewed then",
        Some((_, 1..)) => "write whole days, such as `P365D`",
        _ => "write a number of days, such as `P365D`: at most `P730D`, two years",
    }
}

fn aside_of_address(text: &str) -> &'static str {
    match text.matches(['@', '\u{ff20}']).count() {
        0 => "write the whole address, with `@` and the domain of the mailbox",
        1 if text.contains(char::is_whitespace) => "write the address alone, without blanks",
        1 => {
            "write the address alone: single dots between its parts and none at an end, without quotes or brackets"
        }
        _ => "write one address: that of the person who accepted",
    }
}

fn aside_of_telephone(text: &str) -> Option<&'static str> {
    static EXTENSION: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)[0-9)]\s*[/,;]?\s*(?:#|x\.?|ext[a-z]*\.?|app\.?|durchwahl|dw\.?|poste|int\.?|wew\.?)[\s:=]*[0-9]+\W*$")
            .expect("it is a pattern")
    });
    static NUMBER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\+?[0-9][0-9 ()./-]{5,}").expect("it is a pattern"));
    if EXTENSION.is_match(text) {
        return Some(
            "the field takes no extension: write a number that reaches the person without one",
        );
    }
    let is_several = text.rfind('+').is_some_and(|at| at > 0) || NUMBER.find_iter(text).count() > 1;
    is_several.then_some("write one number, at which the person is reached")
}

fn aside_of_link(text: &str) -> &'static str {
    if may_hold_secret(text) {
        "write the link without a name or a password, as everybody may read it"
    } else if !text.split(['/', '?', '#']).nth(2).unwrap_or_default().is_ascii() {
        "write the name of the host as it is registered: with other letters, it begins with `xn--`"
    } else {
        "write the whole link as the browser shows it, `https://` and the name of the host first"
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
            ("gallatin", "China21Vianet"),
            ("mooncake", "China21Vianet"),
            ("fairfax", "USGovL4"),
            ("arlington", "USGovL4"),
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
            ("ga", "GlobalAdministrator"),
            ("companyadministrator", "GlobalAdministrator"),
            ("62e9039469f542379190012177145e10", "GlobalAdministrator"),
            ("globaleradministrator", "GlobalAdministrator"),
            ("administrateurgénéral", "GlobalAdministrator"),
            ("administradorglobal", "GlobalAdministrator"),
            ("amministratoreglobale", "GlobalAdministrator"),
            ("globalebeheerder", "GlobalAdministrator"),
            ("администраторглобальногоуровня", "GlobalAdministrator"),
            ("глобальныйадминистратор", "GlobalAdministrator"),
            ("グローバル管理者", "GlobalAdministrator"),
            ("全局管理员", "GlobalAdministrator"),
            ("billingadmin", "BillingAdministrator"),
            ("b0f54661271244a8aad0bdbb8b2d7d32", "BillingAdministrator"),
            ("abrechnungsadministrator", "BillingAdministrator"),
            ("administrateurdefacturation", "BillingAdministrator"),
            ("administradordefacturación", "BillingAdministrator"),
            ("課金管理者", "BillingAdministrator"),
            ("计费管理员", "BillingAdministrator"),
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
