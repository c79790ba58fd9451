//! What is usually copied into each field, and what is to be written instead.
//!
//! Never: a value that the field refuses.

use crate::api::field::{FORMS, Form};

#[test]
fn a_value_in_a_form_in_which_it_is_usually_copied_is_led_to_ours() {
    let guid = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
    let sha = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    let guids = [
        "{AAAABBBB-0000-CCCC-1111-DDDD2222EEEE}".to_owned(),
        format!("{guid} "),
        format!("urn:uuid:{guid}"),
        "aaaabbbb0000cccc1111dddd2222eeee".to_owned(),
        format!("({guid})"),
        format!("https://login.microsoftonline.com/{guid}/v2.0"),
        "aaaabbbb–0000–cccc–1111–dddd2222eeee".to_owned(),
        format!("\u{feff}\"{guid}\""),
    ];
    for text in guids {
        assert_eq!(super::guid(&text).as_deref(), Some(guid), "{text}");
    }
    let colons = sha.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
    let colons = colons.collect::<Vec<_>>().join(":").to_uppercase();
    let digests = [
        sha.to_uppercase(),
        format!("sha256:{sha}"),
        format!("{sha}  agreement.pdf"),
        format!("SHA256 (agreement.pdf) = {sha}"),
        colons,
        "sha256-LCa0a2j/xo/5m0U8HTBBNBNCLXBkg7+g+YpeiGJm564=".to_owned(),
    ];
    for text in digests {
        assert_eq!(super::sha256(&text).as_deref(), Some(sha), "{text}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one row for each form")]
fn what_is_written_instead_has_the_form_of_the_field() {
    type Case<'a> = (fn(&str) -> Option<String>, &'a str, Option<&'a str>);
    let cases: &[Case<'_>] = &[
        (super::guid, "contoso.onmicrosoft.com", None),
        (
            super::guid,
            "aaaabbbb-0000-cccc-1111-dddd2222eeee, bbbbcccc-0000-cccc-1111-dddd2222eeee",
            None,
        ),
        (super::days, "P2Y", Some("P730D")),
        (super::days, "P1Y", Some("P365D")),
        (super::days, "P6M", Some("P180D")),
        (super::days, "P52W", Some("P364D")),
        (super::days, "365", Some("P365D")),
        (super::days, "p365d", Some("P365D")),
        (super::days, "365d", Some("P365D")),
        (super::days, "365 days", Some("P365D")),
        (super::days, "P365DT0H", Some("P365D")),
        (super::days, "PT8760H", Some("P365D")),
        (super::days, "365.00:00:00", Some("P365D")),
        (super::days, "730D", Some("P730D")),
        (super::days, "P730", Some("P730D")),
        (super::days, "P 365 D", Some("P365D")),
        (super::days, "2 Jahre", Some("P730D")),
        (super::days, "24 mois", Some("P730D")),
        (super::days, "two years", None),
        (super::duration, "8h", Some("PT8H")),
        (super::duration, "PT480M", Some("PT8H")),
        (super::duration, "1h30m", Some("PT1H30M")),
        (super::duration, "08:00:00", Some("PT8H")),
        (super::duration, "P1W", Some("P7D")),
        (super::duration, "pt8h", Some("PT8H")),
        (super::duration, "PT1H5S", Some("PT1H0M5S")),
        (super::timestamp, "2028-06-30", None),
        (super::timestamp, "2028-06-30 12:00:00Z", Some("2028-06-30T12:00:00Z")),
        (super::timestamp, "2028-06-30T12:00:00", None),
        (super::timestamp, "2028-06-30T12:00Z", Some("2028-06-30T12:00:00Z")),
        (super::timestamp, "2028-06-30t12:00:00z", Some("2028-06-30T12:00:00Z")),
        (super::timestamp, "2028-06-30T12:00:00+0200", Some("2028-06-30T10:00:00Z")),
        (super::timestamp, "Fri, 30 Jun 2028 12:00:00 GMT", Some("2028-06-30T12:00:00Z")),
        (super::timestamp, "30.06.2028", None),
        (super::timestamp, "06/30/2028", None),
        (super::timestamp, "05/06/2028", None),
        (super::timestamp, "2028-06-30T12:00:00[No/Where]", None),
        (super::timestamp, "2028-06-30T12:00:00Z[UTC]", Some("2028-06-30T12:00:00Z")),
        (super::timestamp, "46934", None),
        (super::timestamp, "1845979200", Some("2028-06-30T12:00:00Z")),
        (super::timestamp, "June 30, 2028 12:00 UTC", Some("2028-06-30T12:00:00Z")),
        (super::timestamp, "30.06.2028 12:00:00 +02:00", Some("2028-06-30T10:00:00Z")),
        (super::timestamp, "05/06/2028 12:00 UTC", None),
        (
            super::timestamp,
            "Fri Jun 30 2028 14:00:00 GMT+0200 (CEST)",
            Some("2028-06-30T12:00:00Z"),
        ),
        (super::timestamp, "2028-06-30 12:00 CET", None),
        (super::timestamp, "/Date(1845979200000+0200)/", Some("2028-06-30T12:00:00Z")),
        (super::timestamp, "134904528000000000", Some("2028-06-30T12:00:00Z")),
        (super::store_name, "Müller & Söhne", Some("Muller - Sohne")),
        (super::country, "de", Some("DE")),
        (super::country, "DEU", Some("DE")),
        (super::country, "Germany", Some("DE")),
        (super::country, "de-AT", Some("AT")),
        (super::country, "de_DE", Some("DE")),
        (super::country, "zh-Hans-CN", Some("CN")),
        (super::country, "DE-BY", Some("DE")),
        (super::country, "US-NY", Some("US")),
        (super::country, "DE-BE", None),
        (super::country, "EN-US", None),
        (super::country, "UK", Some("GB")),
        (super::country, "el", Some("GR")),
        (super::country, "Frankreich", Some("FR")),
        (super::country, "Guinea-Bissau", Some("GW")),
        (super::country, "Saudi Arabia", Some("SA")),
        (super::country, "EN", None),
        (super::country, "ZZ", None),
        (super::language, "jp", Some("ja")),
        (super::language, "ger", Some("de")),
        (super::language, "en-UK", Some("en-GB")),
        (super::language, "en-EN", Some("en")),
        (super::language, "日本語", Some("ja")),
        (super::url, "https:/contoso.example/a", Some("https://contoso.example/a")),
        (super::url, "hxxps://contoso.example", Some("https://contoso.example")),
        (super::url, "https://", None),
        (super::email, "a@x.", None),
        (super::country, "de-by", None),
        (super::language, "de_DE.UTF-8", Some("de-DE")),
        (super::language, "EN-us", Some("en-US")),
        (super::language, "English", Some("en")),
        (super::url, "http://contoso.example/terms", Some("https://contoso.example/terms")),
        (super::url, "contoso.example/a b", Some("https://contoso.example/a%20b")),
        (super::url, "<https://contoso.example>", Some("https://contoso.example")),
        (super::url, "[terms](https://contoso.example/t)", Some("https://contoso.example/t")),
        (super::url, "ftp://contoso.example", None),
        (super::url, r"C:\terms.pdf", None),
        (super::url, r"\\server.example\share", None),
        (super::url, "http://ada:secret@contoso.example/terms", None),
        (super::email, "Ada Lovelace <ada@fabrikam.example>", Some("ada@fabrikam.example")),
        (super::email, "mailto:ada@fabrikam.example", Some("ada@fabrikam.example")),
        (super::email, "ada@fabrikam.example;", Some("ada@fabrikam.example")),
        (super::email, "ada(at)fabrikam.example", Some("ada@fabrikam.example")),
        (super::email, "ada [at] fabrikam [dot] example", Some("ada@fabrikam.example")),
        (super::email, "ada(AT)fabrikam(dot)example", Some("ada@fabrikam.example")),
        (super::email, "mailto:ada@fabrikam", None),
        (super::email, "a@b.example, c@d.example", None),
        (super::email, "ada lovelace@fabrikam.example", None),
        (super::email, "E-mail: ada@fabrikam.example", Some("ada@fabrikam.example")),
        (super::telephone, "tel:+49-30-1234567", Some("+49-30-1234567")),
        (super::telephone, "+49\u{a0}30\u{2011}1234567", Some("+49 30-1234567")),
        (super::telephone, "+1 555 0100 ext. 4", None),
        (super::telephone, "tel:+1-555-0100;ext=4", None),
        (super::telephone, "+1 555 0100 #4", None),
        (super::telephone, "unknown", Some("")),
        (super::object_name, "First Line", Some("first-line")),
        (super::label, "tier 1", Some("tier-1")),
        (super::task, "Users: Reset password (non-admin)", Some("users/reset-password-non-admin")),
        (super::task, "reset-password", None),
        (super::one_line, " First line\n", Some("First line")),
        (super::one_line, "First\u{a0}line", Some("First\u{a0}line")),
        (super::one_line, "First\u{202e} line", Some("First line")),
        (super::nothing, "x", None),
    ];
    for (instead, text, expected) in cases {
        assert_eq!(instead(text).as_deref(), *expected, "{text}");
    }
}

#[test]
fn only_what_programs_write_for_no_date_leads_to_roles_for_good() {
    let for_good = "leave `notAfter` out";
    let at_once = "leave `notBefore` out";
    let over = "that is over: write when the roles are to end";
    let year = "the year that is meant";
    let offset = "with the offset of the place that is meant";
    for (field, text, expected) in [
        ("notAfter", "9999-12-31T23:59:59Z", for_good),
        ("notAfter", "9999-12-31", for_good),
        ("notAfter", "12/31/9999", for_good),
        ("notAfter", "12/31/9999 11:59:59 PM", for_good),
        ("notAfter", "31.12.9999 23:59:59", for_good),
        ("notAfter", "unbefristet", for_good),
        ("notAfter", "Never", for_good),
        ("notAfter", "0001-01-01T00:00:00Z", over),
        ("notAfter", "1/1/0001 12:00:00 AM", over),
        ("notAfter", "1601-01-01T00:00:00Z", over),
        ("notAfter", "1/1/1970", over),
        ("notAfter", "1845849600", ""),
        ("notAfter", "1845849600000", ""),
        ("notAfter", "46934", "`\"2028-06-30T00:00:00Z\"`"),
        ("notAfter", "31-Dec-9999", for_good),
        ("notAfter", "December 31, 9999", year),
        ("notAfter", "2027", "the day and the time"),
        ("notAfter", "June 2027", "the day and the time"),
        ("notAfter", "22:00 30.06.2028", "`\"2028-06-30T22:00:00Z\"`"),
        ("notAfter", "30JUN2028", "`\"2028-06-30T00:00:00Z\"`"),
        ("notAfter", "20280630T220000", "`\"2028-06-30T22:00:00Z\"`"),
        ("notAfter", "bis 30.06.2028", "`\"2028-06-30T00:00:00Z\"`"),
        ("notAfter", "30.06.2028 um 22 Uhr", "`\"2028-06-30T22:00:00Z\"`"),
        ("notAfter", "next year", "the date and time itself"),
        ("notAfter", "27.06.30", "`\"2027-06-30T00:00:00Z\"` or `\"2030-06-27T00:00:00Z\"`"),
        ("notAfter", "1. listopada 2027", ""),
        ("notAfter", "27/06/30", "`\"2027-06-30T00:00:00Z\"` or `\"2030-06-27T00:00:00Z\"`"),
        ("notAfter", "05.06.2028", "`\"2028-06-05T00:00:00Z\"`"),
        ("notAfter", "Friday, 30 June 2028", "`\"2028-06-30T00:00:00Z\"`"),
        ("notAfter", "30 de junio de 2028", "`\"2028-06-30T00:00:00Z\"`"),
        ("notAfter", "June 30th, 2028 10 pm", "`\"2028-06-30T22:00:00Z\"`"),
        ("notAfter", "30/06/2028 12:00 AM", "`\"2028-06-30T00:00:00Z\"`"),
        ("notAfter", "2028-06-30 22:00 CEST", "`\"2028-06-30T22:00:00Z\"`"),
        ("notAfter", "30 Juny jun 2028", ""),
        ("notAfter", "33/33/2028", "no such day"),
        ("notAfter", "2028-06-31", "no such day"),
        ("notAfter", "2028-13-01", "no such day"),
        ("notAfter", "2028-06-30T22", "`\"2028-06-30T22:00:00Z\"`"),
        ("notAfter", "Wed Jun 30 2028 22:00:00 CEST (Central European Time)", offset),
        ("notAfter", "2028-06-30T22:00:00 Europe/Berlin", offset),
        ("notAfter", "0", ""),
        ("notAfter", "n/a", ""),
        ("notBefore", "-", ""),
        ("notAfter", "1234", "the day and the time"),
        ("notAfter", "0228-06-30T22:00:00Z", year),
        ("notAfter", "1028-06-30T22:00:00Z", year),
        ("notAfter", "1999-12-31T00:00:00Z", year),
        ("notAfter", "1970-06-30T00:00:00Z", year),
        ("notAfter", "3000-01-01T00:00:00Z", year),
        ("notAfter", "soon", ""),
        ("notAfter", "2028-06-30T12:00:00", offset),
        ("notAfter", "30.06.2028", "`\"2028-07-01T00:00:00Z\"` for the end of that day"),
        ("notBefore", "0227-01-01T00:00:00Z", year),
        ("notBefore", "1999-12-31T00:00:00Z", year),
        ("notBefore", "0001-01-01T00:00:00Z", at_once),
        ("notBefore", "now", at_once),
        ("notBefore", "9999-12-31T00:00:00Z", year),
        ("notBefore", "2028-06-30", offset),
        ("acceptedAt", "2028-06-30 12:00", offset),
        ("acceptedAt", "2028-06-30T12:00:00[Europe/Berlin]", ""),
    ] {
        let said = super::aside(field, text).unwrap_or_default();
        let is_expected = said.contains(expected) && said.is_empty() == expected.is_empty();
        assert!(is_expected, "{field} {text}: {said}");
    }
}

#[test]
fn whatever_is_written_nothing_comes_out_that_has_the_form_already_but_differs() {
    let good = [
        "729827e3-9c14-49f7-bb1b-9608f156bbb8",
        "P365D",
        "PT8H",
        "2026-11-21T17:00:00Z",
        "DE",
        "pt-BR",
        "https://contoso.example/terms",
        "ada@example.com",
        "+49 30 1234567",
        "acme",
        "users/reset-password-non-admin",
    ];
    for Form { pattern, instead, expected } in FORMS {
        let pattern = regex::Regex::new(pattern).unwrap();
        for text in good.iter().filter(|text| pattern.is_match(text)) {
            if let Some(value) = instead(text) {
                assert!(value == *text || pattern.is_match(&value), "{text} {value} {expected}");
            }
        }
    }
}

#[test]
fn a_value_of_a_few_is_found_by_its_name_elsewhere_and_never_its_opposite() {
    let durations = ["PT0S", "P180D"];
    for (text, expected) in [
        ("P0D", Some("PT0S")),
        ("0", Some("PT0S")),
        ("P0Y", Some("PT0S")),
        ("PT0H", Some("PT0S")),
        ("180", Some("P180D")),
        ("P6M", Some("P180D")),
        ("P90D", None),
    ] {
        assert_eq!(super::choice("autoExtendDuration", text, &durations), expected, "{text}");
    }
    let clouds = ["Global", "USGovL4", "USGovDoD", "China21Vianet"];
    for (text, expected) in [
        ("usgov_l4", Some("USGovL4")),
        ("USGovL5", Some("USGovDoD")),
        ("GCC High", Some("USGovL4")),
        ("AzureCloud", Some("Global")),
        ("Germany", None),
    ] {
        assert_eq!(super::choice("cloud", text, &clouds), expected, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_of_copied_values_panic(text in ".{0,40}|[-a-zA-Z0-9äß@./:()\u{a0}+ ]{0,40}|P?[0-9]{1,19}[YMWDTHS:./-]{0,3}[0-9]{0,19}|[0-9]{1,4}[-./ WJ年]{1,2}[0-9]{1,4}[-./ 月a]{1,2}[0-9]{1,9}[ T,]{0,2}[0-9:]{0,8} ?[-+a-z0-9:]{0,6}") {
        for form in FORMS {
            (form.instead)(&text);
        }
        for field in ["tenantId", "digest", "notAfter", "notBefore", "cloud", "email", "url", "country", "language", "autoExtendDuration"] {
            super::aside(field, &text);
            super::choice(field, &text, &["PT0S", "P180D"]);
            super::field(&text, ["tenantId", "cloud"].into_iter());
        }
    }
}

#[test]
fn an_offset_of_one_digit_is_one_of_hours_and_one_that_no_place_has_is_none() {
    for (text, expected) in [
        ("2027-05-01T10:00:00-1:00", Some("2027-05-01T11:00:00Z")),
        ("2027-05-01 10:00 +2:00", Some("2027-05-01T08:00:00Z")),
        ("2027-05-01 10:00 GMT+2:00", Some("2027-05-01T08:00:00Z")),
        ("2027-05-01 10:00 +200", Some("2027-05-01T08:00:00Z")),
        ("2027-05-01 10:00 +02", Some("2027-05-01T08:00:00Z")),
        ("2027-05-01 10:00 +0530", Some("2027-05-01T04:30:00Z")),
        ("2027-05-01 10:00 +25:00", None),
        ("2027-05-01 10:00 +02:60", None),
    ] {
        assert_eq!(super::timestamp(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn months_that_may_be_minutes_are_nobodys_to_choose() {
    for text in ["P30M", "p15m", "P90M"] {
        assert_eq!(super::duration(text), None, "{text}");
    }
    let said = super::aside("maxWindow", "P30M").unwrap();
    assert_eq!(said, "write `PT30M` for minutes, or `P900D` for months");
    assert_eq!(super::days("P24M").as_deref(), Some("P730D"));
}

#[test]
fn no_address_is_made_of_a_link_or_of_a_name_with_a_password() {
    for text in ["https://ada@fabrikam.example", "ada:secret@x.de"] {
        assert_eq!(super::email(text), None, "{text}");
    }
    assert_eq!(super::email("E-Mail: ada@x.de").as_deref(), Some("ada@x.de"));
    assert_eq!(super::url("https://contoso.example/terms, https://b.example"), None);
}

#[test]
fn a_country_in_capitals_is_no_language() {
    for text in ["CH", "BE", "CA", "BR", "CHS", "ESN"] {
        assert_eq!(super::language(text), None, "{text}");
    }
    assert_eq!(super::language("EN").as_deref(), Some("en"));
    assert_eq!(super::language("ENG").as_deref(), Some("en"));
}
