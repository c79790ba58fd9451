//! Values that only hold the place of one: `tbd`, what a spreadsheet writes for an error, an id of one digit.
//!
//! Never: a word that a person, a group or a reason may be called by.

use std::sync::LazyLock;

use regex::Regex;

/// What holds the place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placeholder {
    /// A word for something that is still to be written.
    Word,
    /// An id or a digest that somebody made up.
    MadeUp,
    /// The digest of a text in which nothing stands.
    DigestOfNothing,
}

/// In small letters.
const WORDS: &[&str] = &[
    "todo",
    "to do",
    "tbd",
    "tba",
    "tbd.",
    "t.b.d.",
    "fixme",
    "fix me",
    "xxx",
    "xxxx",
    "xxxxx",
    "???",
    "changeme",
    "change me",
    "change-me",
    "change_me",
    "changeit",
    "replaceme",
    "replace me",
    "replace-me",
    "replace_me",
    "fill me in",
    "fill in",
    "fillme",
    "placeholder",
    "lorem ipsum",
    "n/a",
    "n.a.",
    "n/a.",
    "#n/a",
    "#n/v",
    "#nv",
    "#ref!",
    "#bezug!",
    "#name?",
    "#value!",
    "#wert!",
    "#null!",
    "#num!",
    "#zahl!",
    "#div/0!",
    "undefined",
    "[object object]",
    "yourcompany",
    "yourdomain",
    "yourtenant",
    "yourcustomer",
    "your name",
    "customer-name",
    "customer_name",
    "company-name",
    "tenant-name",
    "partner-name",
    "group-name",
    "customer name",
    "company name",
    "tenant name",
    "partner name",
    "group name",
    "display name",
    "kundenname",
    "firmenname",
];

/// SHA-256 of no bytes, of one line end, and of one with a carriage return before it.
const OF_NOTHING: [&str; 3] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b",
    "7eb70257593da06f682a3ddda54a9d260d4fc514f645237f5ca74b08f8da61a6",
];

/// No placeholder of words is longer.
const LONGEST: usize = 60;
/// No link or mail address that only holds the place of one is longer.
const LONGEST_ADDRESS: usize = 200;

/// What a text holds the place of a value as, where nobody can mean it.
pub(super) fn placeholder(text: &str) -> Option<Placeholder> {
    let text = text.trim();
    match text.len() {
        36 if is_made_up(text) && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) => {
            Some(Placeholder::MadeUp)
        }
        64 if is_made_up(text) => Some(Placeholder::MadeUp),
        64 if OF_NOTHING.contains(&text) => Some(Placeholder::DigestOfNothing),
        3..=LONGEST if is_word(text) => Some(Placeholder::Word),
        3..=LONGEST_ADDRESS if is_address(text) => Some(Placeholder::Word),
        _ => None,
    }
}

/// Whether it is one hexadecimal digit again and again, but for what says how an id was made, or the digits as they stand
/// on the keyboard. Of zeros, and of `f` alone, an id is refused by its schema.
fn is_made_up(text: &str) -> bool {
    let is_id = text.len() == 36;
    let Some(first) = text.bytes().next().filter(u8::is_ascii_hexdigit) else { return false };
    let is_refused = is_id && matches!(first, b'0' | b'f' | b'F');
    let is_same = |(position, digit): (usize, u8)| match position {
        8 | 13 | 18 | 23 if is_id => digit == b'-',
        14 if is_id => digit == first || digit == b'4',
        19 if is_id => digit == first || b"89aAbB".contains(&digit),
        _ => digit == first,
    };
    !is_refused && text.bytes().enumerate().all(is_same)
        || text.starts_with("12345678-1234-1234-1234-")
        || text.starts_with("01234567-89ab-cdef-0123-")
        || text.starts_with("12345678-90ab-cdef-1234-")
}

fn is_word(text: &str) -> bool {
    static INSTRUCTION: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?x)
            ^ (?i:your) [-_\ ] [A-Za-z0-9_\ -]* (?i:id|guid|name|tenant|customer|company|group|email) $
            | ^ (?i:insert|enter|replace|put|add|type|paste) [-_\ ] [A-Za-z0-9_\ -]* [-_\ ] (?i:here) $
            | ^ [A-Z0-9_-]+ [-_] HERE $
            | ^ (?: TENANT|CUSTOMER|PARTNER|GROUP|OBJECT|USER|COMPANY ) _ (?: [A-Z0-9]+ _ )* (?: ID|GUID|NAME ) $
            | ^ (?: TODO|FIXME|TBD ) :
            # Without a number they are variables that were left over; with a long one, they are of a ticket.
            | ^ __ [A-Za-z]{3} [A-Za-z_]* [0-9]{1,2} __ $
            | ^ < [A-Za-z]{3} [A-Za-z\ _.-]* [0-9]{1,2} > $
            | ^ \{ [A-Za-z]{3} [A-Za-z\ _.-]* [0-9]{1,2} \} $
            | ^ \[ [A-Z]{3} [A-Z\ _.-]* [0-9]{1,2} \] $
            | ^ [\[({<] \s* (?i: todo | tbd | tba | fixme | xxx+ | change[-_\ ]?me | replace[-_\ ]?me | placeholder | n/a ) \s* [\])}>] $
            # In brackets, what belongs there.
            | ^ [\[({<]+ \s* (?i: (?: your | the | insert | enter | name | of | customer | client | company | partner | tenant
                | organi[sz]ation | group | user | person | display | first | last | object | mail | email | phone | telephone
                | number | domain | date | reason | ticket | id | guid | url | link
                | kunde | kunden | kundenname | firma | firmenname | mandant | gruppe | vorname | nachname | datum )
                [-_\ ]* )+ \s* [\])}>]+ $",
        )
        .expect("it is a pattern")
    });
    // Some people are called so.
    let is_name = text == "Todo";
    let is_one =
        |word: &&str| word.len() == text.len() && word.eq_ignore_ascii_case(text) && !is_name;
    let begins = b"yierpatcgouf_<{[(".contains(&text.as_bytes()[0].to_ascii_lowercase());
    WORDS.iter().any(is_one)
        || (begins || text.ends_with("HERE"))
            && text.bytes().any(|byte| !byte.is_ascii_alphanumeric())
            && INSTRUCTION.is_match(text)
}

/// Whether a link or a mail address holds the place of one: its host is a word such as `todo`, or one of its parts is such
/// a word in capital letters.
fn is_address(text: &str) -> bool {
    static HOST: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?x)^ (?i: your [-_]? (?: company | domain | tenant | site | host | organi[sz]ation | name | partner | customer ) )
              (?: \. [A-Za-z0-9.-]+ )? $",
        )
        .expect("it is a pattern")
    });
    const IN_CAPITALS: [&str; 16] = [
        "TODO",
        "TBD",
        "TBA",
        "FIXME",
        "XXX",
        "CHANGEME",
        "REPLACEME",
        "PLACEHOLDER",
        "TENANT",
        "CUSTOMER",
        "COMPANY",
        "PARTNER",
        "DOMAIN",
        "HOST",
        "YOURDOMAIN",
        "YOURCOMPANY",
    ];
    let (before, rest) = match (text.split_once("://"), text.split_once('@')) {
        (Some((_, rest)), _) => ("", rest),
        (None, Some(parts)) => parts,
        (None, None) => return false,
    };
    if text.contains(char::is_whitespace) {
        return false;
    }
    let host = rest.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let is_word = |it: &str| WORDS.iter().any(|word| word.eq_ignore_ascii_case(it));
    let mut parts = [before].into_iter().chain(rest.split(['/', '?', '#', ':', '.', '=', '&']));
    is_word(host) || HOST.is_match(host) || parts.any(|part| IN_CAPITALS.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_can_mean_is_known_and_real_values_are_not_taken_for_it() {
        for text in [
            "TODO",
            "todo",
            "TODO: ask Ada",
            "Tbd",
            "xxx",
            "#N/A",
            "#REF!",
            "#NAME?",
            "n/a",
            "changeme",
            "your-tenant-id",
            "Your Company Name",
            "TENANT_ID_HERE",
            "(TBD)",
            "[todo]",
            "customer-name",
            "YOURCOMPANY",
            "CUSTOMER_TENANT_ID",
            "insert tenant id here",
            "__TENANT_1__",
            "<TENANT_1>",
            "[CUSTOMER 2]",
        ] {
            assert_eq!(placeholder(text), Some(Placeholder::Word), "{text}");
        }
        for text in [
            "11111111-1111-1111-1111-111111111111",
            "AAAAAAAA-AAAA-AAAA-AAAA-AAAAAAAAAAAA",
            "12345678-1234-1234-1234-123456789012",
            "11111111-1111-4111-8111-111111111111",
            &"a".repeat(64),
            &"0".repeat(64),
        ] {
            assert_eq!(placeholder(text), Some(Placeholder::MadeUp), "{text}");
        }
        assert_eq!(placeholder(OF_NOTHING[0]), Some(Placeholder::DigestOfNothing));
        for text in [
            "[INC0012345]",
            "__L1__",
            "Null",
            "Nan",
            "TBC",
            "Na",
            "Todorov",
            "Todo list of the desk",
            "Enter the tenant",
            "Xxo",
            "A/N",
            "we work here",
            "User_Name",
            "GRP_NAME",
            "Your Friendly Desk",
            "-",
            "aaaabbbb-0000-cccc-1111-dddd2222eeee",
            "00000000-0000-0000-0000-000000000000",
            "111111111111111111111111111111111111",
        ] {
            assert_eq!(placeholder(text), None, "{text}");
        }
    }
}
