//! What may be a secret that somebody has pasted, wherever it stands: told apart by its form, and never quoted.
//!
//! Never: a look at which field it stands in. A password in a wrong place is a password still.

use std::{borrow::Cow, ops::Range, sync::LazyLock};

use percent_encoding::percent_decode_str;
use regex::Regex;
use unicode_normalization::UnicodeNormalization;

/// Whether a text that was to be a link may hold a password: nobody can tell where the name of its host begins.
pub fn may_hold_secret(text: &str) -> bool {
    text.contains(['@', '\u{ff20}'])
}

/// Whether a text holds what may be a password, so that nothing is made of it.
pub fn tells_secret(text: &str) -> bool {
    matches!(without_secret(text), Cow::Owned(_))
}

/// A text without what may be a secret in it: what stands before the host of a link, after a word such as `password=`, or
/// looks like a key or a token. Of these, what tells it is left.
pub fn without_secret(text: &str) -> Cow<'_, str> {
    if is_name(text) {
        return Cow::Borrowed(text);
    }
    let plain = plain(text);
    if let Some(mark) = mark(&plain) {
        let before = if plain.starts_with(mark) { "" } else { "…" };
        return Cow::Owned(format!("{before}{mark}…"));
    }
    if let Some(shown) = without_login(&plain) {
        return Cow::Owned(shown);
    }
    let decoded = percent_decode_str(&plain).decode_utf8_lossy();
    if decoded != plain && (mark(&decoded).is_some() || without_login(&decoded).is_some()) {
        return Cow::Owned("…".to_owned());
    }
    Cow::Borrowed(text)
}

/// Whether a text most likely holds a secret and is not only about one: a key, a token, a login with a password before a
/// host, or a word such as `password:` before a value that is no plain word.
pub fn holds_secret(text: &str) -> bool {
    if is_name(text) {
        return false;
    }
    let plain = plain(text);
    let is_value = |rest: &str| {
        let value = rest.trim_start_matches(|sign: char| " \"'\\:=>".contains(sign));
        let value = value.split_whitespace().next().unwrap_or_default();
        value.len() >= 6
            && value.contains(|sign: char| sign.is_ascii_digit() || "!#$%^&*~+".contains(sign))
    };
    form(&plain).is_some()
        || marks(&plain).any(|mark| is_value(&plain[mark.end..]))
        || plain.split("://").nth(1).is_some_and(|rest| {
            let server = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let login = server.rfind('@').map_or("", |at| &server[..at]);
            login.split_once(':').is_some_and(|(_, password)| !password.is_empty())
        })
}

/// A text as it is read: full-width signs as their plain ones, and without what nobody sees.
fn plain(text: &str) -> Cow<'_, str> {
    static UNSEEN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"[\p{Cf}\x{34f}\x{fe00}-\x{fe0f}]").expect("it is a pattern"));
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let composed: String = text.nfkc().collect();
    Cow::Owned(UNSEEN.replace_all(&composed, "").into_owned())
}

/// A message in which each quotation, between two back quotes, is without what may be a secret.
pub fn quoting_no_secret(message: String) -> String {
    let mut parts = message.split('`').enumerate();
    let is_secret = |(at, part): (usize, &str)| at % 2 == 1 && tells_secret(part);
    if !parts.any(is_secret) {
        return message;
    }
    let parts = message.split('`').enumerate();
    let parts =
        parts.map(|(at, part)| if at % 2 == 1 { without_secret(part) } else { part.into() });
    parts.collect::<Vec<_>>().join("`")
}

/// Whether it is a short word, as most names of fields are.
fn is_name(text: &str) -> bool {
    text.len() < 20 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Words that stand before a secret, in the languages that many files are written in.
static WORD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?xi)
          pass [-\ _]? (?: word | wd | phrase | code | wort ) s? | kennwort | mot\ de\ passe | contrase[nñ]a
        | senha | wachtwoord | adgangskode | l[öo]senord | has[łl]o | heslo | jelsz[óo] | salasana | parol[ae] | [şs]ifre
        | пароль | пароля | κωδικός | סיסמה | パスワード | 暗証番号 | كلمة\ (?: المرور | السر ) | पासवर्ड | 密码 | 密碼 | 口令 | 비밀번호 | m[ậa]t\ kh[ẩa]u
        | \b pwd \b | [a-z]{2,} pwd \b | secret | token | credentials? | signature
        | (?: api | access | account | private | shared | ssl | storage | master ) [\ _-]? key",
    )
    .expect("it is a pattern")
});

/// The beginning of a secret, by which it is known: `password=`, `ghp_`.
fn mark(text: &str) -> Option<&str> {
    marks(text).next().map(|mark| &text[mark]).or_else(|| form(text))
}

/// What says that a secret follows: a word and what keeps it and the secret apart.
fn marks(text: &str) -> impl Iterator<Item = Range<usize>> {
    static AFTER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r#"(?x) ^ \\? ["']? (?: \s* (?: [:=]+>? | -> )
               | \s+ (?: (?: is | was | ist | lautet | est | es | [ée]s | é ) \b | [-–—] \s ) ) \s* \S"#,
        )
        .expect("it is a pattern")
    });
    static SHORT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?xi) ( (?: \b | _ ) (?: pass | pw ) \s* (?: [:=] | -> ) | (?: \b | _ ) (?: pin | sig | key ) \s* = ) \s* \S
            | ( \b pin ) \s* :? \s* [0-9]{4}
            | ( \b pwd ) \s+ [^\s]*[0-9]
            | ( --? [a-z-]* (?: pass | passwd | password | pwd | secret | token | key ) ) [\ =] \S",
        )
        .expect("it is a pattern")
    });
    let words = WORD.find_iter(text).filter_map(|word| {
        let after = AFTER.find(&text[word.end()..])?;
        // All but the first sign of the secret.
        let mut signs = after.as_str().chars();
        signs.next_back();
        Some(word.start()..word.end() + signs.as_str().trim_end().len())
    });
    let short = SHORT.captures_iter(text).filter_map(|found| {
        let mark = found.iter().skip(1).flatten().next()?;
        Some(mark.range())
    });
    words.chain(short)
}

/// The beginning of a key or a token, by which it is known whatever stands before it.
fn form(text: &str) -> Option<&str> {
    static FORMS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?x)
            ( \b (?i: bearer | basic ) \ ) [A-Za-z0-9._~+/=-]{20,}
            | (?: ^ | [^A-Za-z0-9] ) (?:
                  ( eyJ | gh[a-z]_ | github_pat_ | glpat- | xox[a-z]- | xapp- | sk_live_ | sk_test_ | rk_live_
                    | whsec_ | hvs\. | dop_v1_ | AGE-SECRET-KEY- | pypi- | SG\. | npm_ | hf_ )
                    [A-Za-z0-9_.~+/=-]{8,}
                | ( A[KS]IA ) [0-9A-Z]{16}
                | ( [0-9]{8,10}: ) AA [A-Za-z0-9_-]{33}
                | ( AIza | sk-(?: [a-z]+ - )? ) [A-Za-z0-9_-]{20,}
              )
            # Whoever knows the rest of such a link may write there.
            | ( hooks\.slack\.com/ (?: services | workflows | triggers ) / | discord(?:app)?\.com/api/webhooks/
                | webhook\.office\.com/webhookb2/ | api\.telegram\.org/bot ) [^\s/]
            # A secret of an application in Entra.
            | [A-Za-z0-9_.~-]{3} ( [0-9] Q ~ ) [A-Za-z0-9_.~-]{20,}
            # A key of an Azure storage account.
            | ( ) [A-Za-z0-9+/]{86}==
            | ( -----BEGIN\ [A-Z0-9\ ]* )
            ",
        )
        .expect("it is a pattern")
    });
    // Keys of AWS are of letters and digits; a word in capitals that begins so is none.
    let is_word =
        |found: &str| found.contains("SIA") && !found.contains(|sign: char| sign.is_ascii_digit());
    let mut found = FORMS.captures_iter(text).filter(|found| !is_word(&found[0]));
    found.next()?.iter().skip(1).flatten().next().map(|mark| mark.as_str())
}

/// A text in which a name with a password, or something for one, stands before a host: without it.
fn without_login(text: &str) -> Option<String> {
    /// Before an address stands what it is for.
    const ADDRESSES: [&str; 10] =
        ["mailto", "mail", "e-mail", "email", "smtp", "sip", "sips", "xmpp", "acct", "im"];
    static LOGIN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"([^\s:@<>"']+):[^\s@]+@"#).expect("it is a pattern"));
    if let Some((scheme, rest)) = text.split_once("://") {
        if let Some(at) = rest.rfind('@').filter(|at| !is_in_path(rest, *at)) {
            return Some(format!("{scheme}://…{}", &rest[at..]));
        }
        let server = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let port = server.rsplit_once(':').filter(|_| !server.ends_with(']'));
        let is_number = |port: &str| port.bytes().all(|digit| digit.is_ascii_digit());
        return port.is_some_and(|(_, port)| !is_number(port)).then(|| format!("{scheme}://…"));
    }
    let mut logins = LOGIN.captures_iter(text);
    let is_login = |name: &str| !ADDRESSES.iter().any(|it| name.eq_ignore_ascii_case(it));
    let login = logins.any(|login| is_login(&login[1]));
    login.then(|| format!("…{}", &text[text.rfind('@').unwrap_or_default()..]))
}

/// Whether a sign `@` begins a part of the path, as the names of people do in some links: no password ends so.
fn is_in_path(rest: &str, at: usize) -> bool {
    let before = &rest[..at];
    before.ends_with('/') && !before.contains(['@', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_known_in_every_form_and_what_tells_it_is_left() {
        for (text, shown) in [
            ("password=hunter2", "password=…"),
            ("the Password: hunter2", "…Password:…"),
            ("{\"password\": \"hunter2\"}", "…password\":…"),
            ("pass%77ord=hunter2", "…"),
            ("AccountName=a;AccountKey=hunter2==;EndpointSuffix=x", "…AccountKey=…"),
            ("client_secret: hunter2", "…secret:…"),
            ("?sv=1&sig=hunter2", "…sig=…"),
            ("Bearer hunter2hunter2hunter2", "Bearer …"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJodW50ZXIyIn0.x", "eyJ…"),
            ("ghp_hunter2hunter2", "ghp_…"),
            ("x ghp_hunter2hunter2", "…ghp_…"),
            ("xoxb-1234-hunter2", "xoxb-…"),
            ("abc8Q~hunter2hunter2hunter2hunter2", "…8Q~…"),
            ("-----BEGIN RSA PRIVATE KEY-----\nhunter2", "-----BEGIN RSA PRIVATE KEY…"),
            ("https://ada:hunter2@h.example/", "https://…@h.example/"),
            ("https%3A%2F%2Fada%3Ahunter2%40h", "…"),
            ("postgres://ada:hunter2/d", "postgres://…"),
            ("ada:hunter2@h.example", "…@h.example"),
            ("pw: hunter2", "pw:…"),
            ("DB_PASS=hunter2", "…_PASS=…"),
            ("the password is hunter2", "…password is…"),
            ("mysql --password hunter2", "…--password…"),
            ("Password＝hunter2", "Password=…"),
            ("pass\u{200b}word: hunter2", "password:…"),
            ("Пароль: hunter2", "Пароль:…"),
            ("hasło: hunter2", "hasło:…"),
            ("パスワード：hunter2", "パスワード:…"),
            ("كلمة المرور: hunter2", "كلمة المرور:…"),
            ("Password — hunter2", "Password —…"),
            ("pw -> hunter2", "pw ->…"),
            ("PIN 482915", "PIN…"),
            ("5839201746:AAHk3Zx9Kq2Lm7Np4Rt6Vw8YbXc1Qw0Er5T", "5839201746:…"),
            ("AIzaSyhunter2-hunter2_hunter2-x", "AIza…"),
            ("https://hooks.slack.com/services/T0/B0/hunter2", "…hooks.slack.com/services/…"),
        ] {
            assert_eq!(without_secret(text), shown, "{text}");
            assert_eq!(without_secret(shown), shown, "{text}");
            let message = format!("`{text}` is not `a` word");
            assert_eq!(quoting_no_secret(message), format!("`{shown}` is not `a` word"));
        }
        assert_eq!(without_secret(&("A".repeat(86) + "==")), "…");
    }

    #[test]
    fn what_is_none_is_shown() {
        for text in [
            "Password Administrator",
            "users/reset-password-non-admin",
            "secret",
            "ada@fabrikam.example",
            "mailto:ada@fabrikam.example",
            "Ada: <ada@fabrikam.example>",
            "https://contoso.example:8443/terms?a=b#c",
            "https://[2001:db8::1]/terms",
            "2026-11-21T17:00:00Z",
            "key:value",
            "sk-SK",
            "AKIA",
            "ASIASTRATEGICPARTNERSHIP",
            "Basic Authentication",
            "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
            "aaaabbbb-0000-cccc-1111-dddd2222eeee",
            "autoExtendDuration",
            "https://contoso.example/@ada/terms",
            "Kennwörter",
            "Ünïted",
        ] {
            assert_eq!(without_secret(text), text);
            assert!(!tells_secret(text), "{text}");
        }
    }

    #[test]
    fn a_text_about_a_secret_is_told_apart_from_one_that_holds_it() {
        for text in [
            "Password: hunter2",
            "emergency, pw=hunter2",
            "the password is hunter2",
            "пароль: хантер2",
            "see ghp_hunter2hunter2",
            "password: see the vault, token=abc8123456",
            "https://ada:hunter2@h.example/",
        ] {
            assert!(holds_secret(text), "{text}");
        }
        for text in [
            "Password: reset by the desk",
            "the password is forgotten often",
            "secret: none",
            "https://ada@dev.azure.com/contoso/x/_git/y",
            "pass: two",
            "ASIASTRATEGICPARTNERSHIP",
            "SSPR password=self-service",
            "Token Protection",
            "reads credentials: monthly review",
        ] {
            assert!(!holds_secret(text), "{text}");
        }
    }
}
