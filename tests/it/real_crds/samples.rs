//! What objects are made from: good objects, and texts that have a form, or nearly.
//!
//! Never: a choice; that is made elsewhere.

use concordat::api::field;
use serde_json::{Value, json};

use crate::verdict::good::{acceptance, boundary, grant, offer, relationship};

/// Good objects: each kind in each of the ways in which it can be written.
pub fn good() -> Vec<Value> {
    let mut inline = relationship();
    inline["spec"].as_object_mut().unwrap().remove("offerRef");
    inline["spec"]["offer"] = offer()["spec"].clone();
    let mut tasks = offer();
    tasks["spec"].as_object_mut().unwrap().remove("roles");
    tasks["spec"]["tasks"] = json!(["users/reset-password-non-admin", "a/b"]);
    tasks["spec"]["subscription"] = json!({ "kind": "Trial", "reference": "a b" });
    let mut selected = grant();
    selected["spec"].as_object_mut().unwrap().remove("relationshipRef");
    selected["spec"]["relationshipSelector"] = json!({ "matchLabels": { "team": "a" } });
    selected["spec"]["notBefore"] = json!("2026-12-01T00:00:00+01:00");
    let mut level = grant();
    level["spec"].as_object_mut().unwrap().remove("roles");
    level["spec"]["accessLevel"] = json!("FullAdministration");
    level["spec"]["grantee"] = json!({ "customerUser": level["spec"]["grantee"]["securityGroup"] });
    let mut alone = acceptance();
    for name in ["relationshipRef", "invitation"] {
        alone["spec"].as_object_mut().unwrap().remove(name);
    }
    vec![
        offer(),
        tasks,
        relationship(),
        inline,
        grant(),
        selected,
        level,
        acceptance(),
        alone,
        boundary(),
    ]
}

/// Texts that have a form, or nearly.
pub fn texts(pattern: Option<&str>) -> Vec<String> {
    let texts: &[&str] = match pattern {
        Some(it) if it == field::GUID.pattern => &[
            "729827e3-9c14-49f7-bb1b-9608f156bbb8",
            "729827E3-9C14-49F7-BB1B-9608F156BBB8",
            "00000000-0000-0000-0000-000000000000",
            "729827e3-9c14-49f7-bb1b-9608f156bbbg",
            "{729827e3-9c14-49f7-bb1b-9608f156bbb8}",
        ],
        Some(it) if it == field::SHA256.pattern => &[
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        ],
        Some(it) if it == field::DAYS.pattern => {
            &["P1D", "P9D", "P99D", "P699D", "P730D", "P731D", "P0D", "P01D", "P1M", "PT24H", "p1d"]
        }
        Some(it) if it == field::DURATION.pattern => {
            &["PT8H", "P1DT12H", "PT1H30M", "PT0S", "P1D", "P", "PT", "PT1.5H", "P1W", "P1DT"]
        }
        Some(it) if it == field::TIMESTAMP.pattern => &[
            "2026-11-21T17:00:00Z",
            "2026-11-21T17:00:00.123456789+05:30",
            "2027-02-28T23:59:59-12:00",
            "2027-02-29T00:00:00Z",
            "2028-02-29T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-10T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T23:60:00Z",
            "2026-11-21T23:59:60Z",
            "2026-11-21T17:00:00+23:59",
            "2026-11-21T17:00:00-23:59",
            "2026-11-21t17:00:00z",
            "2026-11-21",
            "2999-12-31T23:59:59Z",
            "2000-01-01T00:00:00+14:00",
            "1999-12-31T23:59:59Z",
            "2026-11-21T17:00:00.1234567890Z",
            "2026-12-31T23:00:00-01:00",
            "2027-01-01T00:00:00Z",
            "2027-01-01T00:00:00.000000001Z",
        ],
        Some(it) if it == field::STORE_NAME.pattern => {
            &["acme", " a ", "a_b-C 1", "a/b", "a.b", "ä"]
        }
        Some(it) if it == field::COUNTRY.pattern => &["DE", "de", "DEU", "D1"],
        Some(it) if it == field::LANGUAGE.pattern => {
            &["en", "pt-BR", "zh-Hant-TW", "EN", "e", "en-", "en_US", "deu-1996"]
        }
        Some(it) if it == field::URL.pattern => &[
            "https://example.com/a?b#c",
            "http://example.com",
            "https://",
            "https://a b",
            "https://ä",
        ],
        Some(it) if it == field::EMAIL.pattern => &[
            "ada@example.com",
            "ä@ö",
            "a@b@c",
            "ada",
            "a b@c",
            "a\u{a0}b@c",
            "a\u{b}b@c",
            "a\u{2003}@c",
            "a@c\u{85}",
        ],
        Some(it) if it == field::TELEPHONE.pattern => {
            &["+49 30 1234567", "110", "+", "(030) 12", "1", "٣٣٣٣", "+1-800/5.5 (2)"]
        }
        Some(it) if it == field::NAMESPACE.pattern => {
            &["a", "msp-helpdesk", "A", "a.b", "-a", "a-"]
        }
        Some(it) if it == field::OBJECT_NAME.pattern => {
            &["a", "a.b", "a-b.c-d", "A", "a..b", ".a", "a.", "a_b"]
        }
        Some(it) if it == field::LABEL.pattern => &["", "a", "A_b.c-D", "-a", "a-", "a b", "ä"],
        Some(it) if it == field::TASK.pattern => {
            &["users/reset-password-non-admin", "a/b", "a", "a/b/c", "A/b", "a/-b"]
        }
        Some("finalizer") => {
            &["concordat.dev/revoke", "a/b", "orphan", "a", "a b", "", "A.b/c", "a.b/"]
        }
        _ => &[
            "User Administrator",
            "Ada",
            "  a",
            "a ",
            "ä 😀",
            "a\u{202e}b",
            "a\nb",
            "\u{200d}",
            "\u{ad}a",
            "a\u{200f}",
        ],
    };
    texts.iter().map(|text| (*text).to_owned()).collect()
}
