//! What is read as a duration and what is not.
//!
//! Never: a form that the reader takes and the writer would not give back.

use proptest::prelude::*;

use super::*;

#[test]
fn a_duration_is_read_and_written_in_one_form() {
    let cases = [
        ("P365D", "P365D", 365 * DAY),
        ("PT8H", "PT8H", 8 * HOUR),
        ("PT0S", "PT0S", 0),
        ("P0D", "PT0S", 0),
        ("P1W", "P7D", WEEK),
        ("P1W2D", "P9D", 9 * DAY),
        ("PT24H", "P1D", DAY),
        ("PT90M", "PT1H30M", 90 * MINUTE),
        ("P1DT1S", "P1DT1S", DAY + 1),
        ("P007D", "P7D", 7 * DAY),
        ("P3652500D", "P3652500D", LONGEST),
    ];
    for (text, canonical, seconds) in cases {
        let duration: Duration = text.parse().unwrap();
        assert_eq!((&*duration.to_string(), duration.seconds()), (canonical, seconds), "{text}");
    }
}

#[test]
fn what_is_not_a_duration_is_refused_with_a_way_out() {
    let cases = [
        ("", "is not a duration", "`P365D`"),
        ("P", "is not a duration", "`P365D`"),
        ("PT", "is not a duration", "`P365D`"),
        ("P1DT", "is not a duration", "`P365D`"),
        ("1D", "is not a duration", "`P365D`"),
        ("P1H", "is not a duration", "`P365D`"),
        ("PT1D", "is not a duration", "`P365D`"),
        ("PD", "is not a duration", "`P365D`"),
        ("P1", "is not a duration", "`P365D`"),
        (" P1D", "is not a duration", "`P365D`"),
        ("P1D ", "is not a duration", "`P365D`"),
        ("P١D", "is not a duration", "`P365D`"),
        ("365", "is not a duration", "`P365D`"),
        ("p1d", "capitals", "`P1D`"),
        ("-P1D", "sign", "no direction"),
        ("P-1D", "sign", "no direction"),
        ("P1.5D", "fraction", "smaller unit"),
        ("PT1,5H", "fraction", "smaller unit"),
        ("P1D1W", "out of order", "longest first"),
        ("P1D1D", "out of order", "longest first"),
        ("PT1M1H", "out of order", "longest first"),
        ("P1M", "months or years", "`P30D`"),
        ("P2Y", "months or years", "`P730D`"),
        ("P1Y2M3D", "months or years", "`P428D`"),
        ("P99999999999999999999Y", "too long", "P3652500D"),
        ("P9999999999999999999Y", "months or years", "`P365D`"),
        ("P3652501D", "too long", "P3652500D"),
        ("P18446744073709551615W", "too long", "P3652500D"),
    ];
    for (text, reason, help) in cases {
        let error = text.parse::<Duration>().unwrap_err();
        assert!(error.reason.contains(reason), "{text}: {}", error.reason);
        assert!(error.help.contains(help), "{text}: {}", error.help);
    }
}

#[test]
fn an_offer_lasts_from_1_to_730_whole_days() {
    for (text, number) in [("P1D", 1), ("P730D", 730), ("PT48H", 2), ("P52W", 364)] {
        assert_eq!(text.parse::<Days>().unwrap().number(), number, "{text}");
    }
    for (text, help) in [
        ("PT0S", "`P1D` to `P730D`"),
        ("P731D", "`P1D` to `P730D`"),
        ("P65537D", "`P1D` to `P730D`"),
        ("P1DT1H", "`P1D`"),
        ("PT8H", "`P1D`"),
        ("P2Y", "`P730D`"),
    ] {
        let error = text.parse::<Days>().unwrap_err();
        assert!(error.help.contains(help), "{text}: {}", error.help);
    }
}

#[test]
fn a_day_is_24_hours_and_time_does_not_overflow() {
    let start: Timestamp = "2026-03-28T12:00:00Z".parse().unwrap();
    let day = Duration::days(1);
    assert_eq!(day.after(start).unwrap().to_string(), "2026-03-29T12:00:00Z");
    assert_eq!(day.before(day.after(start).unwrap()), Some(start));
    assert_eq!(day.after(Timestamp::MAX), None);
    assert_eq!(Duration(LONGEST).before(Timestamp::MIN), None);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(seconds in 0..=LONGEST) {
        let duration = Duration(seconds);
        prop_assert_eq!(duration.to_string().parse::<Duration>(), Ok(duration));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        let _ = text.parse::<Duration>();
    }

    #[test]
    fn a_text_like_a_duration_is_read_or_refused(text in "[-+]?[Pp]?([0-9]{0,21}[YMWDHSTymwdhst.,]){0,6}[0-9]{0,3}") {
        if let Ok(duration) = text.parse::<Duration>() {
            prop_assert_eq!(duration.to_string().parse::<Duration>(), Ok(duration));
        } else {
            prop_assert!(text.parse::<Days>().is_err());
        }
    }
}
