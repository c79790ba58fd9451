//! The forms of single fields, so that a GUID or a duration is bounded in the same way wherever it stands.
//!
//! Never: a string without a greatest length or a list without a greatest number of items.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::copied;

/// A pattern of a string, and what it asks for in words.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// The regular expression as it stands in the schema.
    pub pattern: &'static str,
    /// What a value should be: "a GUID such as `…`".
    pub expected: &'static str,
    /// What to write instead of a value in one of the other forms in which it is usually copied.
    pub instead: fn(&str) -> Option<String>,
}

/// The id of a tenant, group, user or role.
pub const GUID: Form = Form {
    pattern: "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
    expected: "a GUID such as `729827e3-9c14-49f7-bb1b-9608f156bbb8`",
    instead: copied::guid,
};
/// The digest of a text.
pub const SHA256: Form = Form {
    pattern: "^[0-9a-f]{64}$",
    expected: "a SHA-256 in 64 lower-case hexadecimal digits",
    instead: copied::sha256,
};
/// From one day to 730.
pub const DAYS: Form = Form {
    pattern: "^P([1-9]|[1-9][0-9]|[1-6][0-9]{2}|7[0-2][0-9]|730)D$",
    expected: "a number of days from `P1D` to `P730D`; months and years are written as days",
    instead: copied::days,
};
/// Any length of days, hours, minutes and seconds.
pub const DURATION: Form = Form {
    pattern: "^P([0-9]{1,4}D|([0-9]{1,4}D)?T([0-9]{1,5}H([0-9]{1,5}M)?([0-9]{1,5}S)?|[0-9]{1,5}M([0-9]{1,5}S)?|[0-9]{1,5}S))$",
    expected: "an ISO 8601 duration of days, hours, minutes or seconds such as `PT8H` or `P1DT12H`",
    instead: copied::duration,
};
/// A point in time with its offset, of the years 2000 to 2999.
pub const TIMESTAMP: Form = Form {
    pattern: r"^2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$",
    expected: "a date and time with an offset, of the years 2000 to 2999, such as `2026-11-21T17:00:00Z`",
    instead: copied::timestamp,
};
/// The name of a relationship in the store.
pub const STORE_NAME: Form = Form {
    pattern: "^ *[A-Za-z0-9_-][A-Za-z0-9 _-]*$",
    expected: "1 to 44 letters, digits, blanks, `_` and `-`, and not blanks alone",
    instead: copied::store_name,
};
/// An ISO 3166-1 country; whether it exists is judged with the rest of the agreement.
pub const COUNTRY: Form = Form {
    pattern: "^[A-Z]{2}$",
    expected: "a country in two capital letters such as `DE` (ISO 3166-1)",
    instead: copied::country,
};
/// A BCP 47 language; whether it exists is judged with the rest of the agreement.
pub const LANGUAGE: Form = Form {
    pattern: "^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$",
    expected: "a language such as `en` or `pt-BR` (BCP 47)",
    instead: copied::language,
};
/// A link that a person can follow: a host, nothing that could be a password before it, and a port that exists.
pub const URL: Form = Form {
    pattern: r"^https://((([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?\.)*[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9_])?\.?)|((25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})|\[[0-9A-Fa-f:.]{2,45}\])(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[0-5]?[0-9]{1,4}))?([/?#][!-~]*)?$",
    expected: "a link that starts with `https://` and the name of a host, and has no blanks",
    instead: copied::url,
};
/// A mail address: one `@`, single dots between the parts on both sides, and nothing that cannot be seen. What a blank is
/// stands here, since the languages that read this pattern do not agree about `\s`.
pub const EMAIL: Form = Form {
    pattern: r"^[^\x00-\x20\x22(),.:;<>@\x5b-\x5d\x7f-\x{a0}\x{61c}\x{1680}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{2069}\x{3000}\x{feff}]+(\.[^\x00-\x20\x22(),.:;<>@\x5b-\x5d\x7f-\x{a0}\x{61c}\x{1680}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{2069}\x{3000}\x{feff}]+)*@[^\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x{a0}\x{61c}\x{1680}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{2069}\x{3000}\x{feff}]+((-+|\.)[^\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x{a0}\x{61c}\x{1680}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{2069}\x{3000}\x{feff}]+)*$",
    expected: "a mail address such as `ada@example.com`",
    instead: copied::email,
};
/// A telephone number.
pub const TELEPHONE: Form = Form {
    pattern: r"^(\+?|\()[0-9][0-9 ()./-]{2,30}$",
    expected: "a telephone number such as `+49 30 1234567`",
    instead: copied::telephone,
};
/// The name of a namespace.
pub const NAMESPACE: Form = Form {
    pattern: "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
    expected: "the name of a namespace: lower-case letters, digits and `-`",
    instead: copied::object_name,
};
/// The name of an object.
pub const OBJECT_NAME: Form = Form {
    pattern: r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    expected: "the name of an object: lower-case letters, digits, `-` and `.`",
    instead: copied::object_name,
};
/// The value of a label.
pub const LABEL: Form = Form {
    pattern: "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$",
    expected: "the value of a label: letters, digits, `-`, `_` and `.`, with a letter or digit at both ends",
    instead: copied::label,
};
/// The key of a label, or a finalizer.
pub const QUALIFIED_NAME: Form = Form {
    pattern: r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
    expected: "a name of at most 63 letters, digits, `-`, `_` and `.`, with or without a domain before it such as `example.com/`",
    instead: copied::nothing,
};
/// The key of an annotation, whose domain may have capital letters.
pub const ANNOTATION_KEY: Form = Form {
    pattern: r"^([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
    expected: "a name of at most 63 letters, digits, `-`, `_` and `.`, with or without a domain before it such as `example.com/`",
    instead: copied::nothing,
};
/// The id of a task.
pub const TASK: Form = Form {
    pattern: "^[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*$",
    expected: "a task as `area/task` such as `users/reset-password-non-admin`",
    instead: copied::task,
};
/// Text on one line that shows what it says: no control characters, and none that cannot be seen or turn the direction
/// of writing.
pub const ONE_LINE: Form = Form {
    pattern: r"^[^\x00-\x20\x7f-\x{9f}\x{61c}\x{200b}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}\x{feff}][^\x00-\x1f\x7f-\x{9f}\x{61c}\x{200b}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}\x{feff}]*$",
    expected: "text on one line that begins with a letter or sign, without characters that cannot be seen or turn the direction of writing",
    instead: copied::one_line,
};

/// Every form, so that a broken pattern can be told in words.
pub const FORMS: [Form; 18] = [
    GUID,
    SHA256,
    DAYS,
    DURATION,
    TIMESTAMP,
    STORE_NAME,
    COUNTRY,
    LANGUAGE,
    URL,
    EMAIL,
    TELEPHONE,
    NAMESPACE,
    OBJECT_NAME,
    LABEL,
    QUALIFIED_NAME,
    ANNOTATION_KEY,
    TASK,
    ONE_LINE,
];

fn string(form: Form, longest: usize) -> Schema {
    json_schema!({ "type": "string", "pattern": form.pattern, "maxLength": longest })
}

fn set(items: &Schema, most: usize) -> Schema {
    json_schema!({
        "type": "array",
        "items": items,
        "minItems": 1,
        "maxItems": most,
        "x-kubernetes-list-type": "set",
    })
}

/// The GUID that programs write where none is set.
pub const NIL: &str = "00000000-0000-0000-0000-000000000000";
/// A rule that every GUID obeys that was really given to something. `api::cel` judges it without CEL: there may be
/// thousands of them.
pub const GIVEN: &str = "self != '00000000-0000-0000-0000-000000000000' && self != 'ffffffff-ffff-ffff-ffff-ffffffffffff' && self != 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'";

/// A [`GUID`] that was given to something.
pub fn guid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": GUID.pattern,
        "maxLength": 36,
        "x-kubernetes-validations": [{
            "rule": GIVEN,
            "message": "the GUID of zeros, or of `f` alone, is nobody's: write the id that the directory shows",
        }],
    })
}

/// Whether [`GIVEN`] holds. An empty text is no GUID, and its form says so.
pub fn is_given(guid: &str) -> bool {
    guid.is_empty()
        || guid != NIL
            && !guid.bytes().all(|byte| matches!(byte, b'f' | b'-'))
            && !guid.bytes().all(|byte| matches!(byte, b'F' | b'-'))
}

/// A [`SHA256`].
pub fn sha256(_: &mut SchemaGenerator) -> Schema {
    string(SHA256, 64)
}

/// A length in [`DAYS`].
pub fn days(_: &mut SchemaGenerator) -> Schema {
    string(DAYS, 5)
}

/// A [`DURATION`].
pub fn duration(_: &mut SchemaGenerator) -> Schema {
    string(DURATION, 24)
}

/// A rule that every value obeys that can be read at all: the API server does not look at the type of a list where text
/// with a format belongs, and would store it.
pub const READS: &str = "self == self";

/// A [`TIMESTAMP`].
pub fn timestamp(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "format": "date-time",
        "pattern": TIMESTAMP.pattern,
        "maxLength": 35,
        "x-kubernetes-validations": [{
            "rule": READS,
            "message": "a date and time is one text such as `2026-11-21T17:00:00Z`, not a list",
        }],
    })
}

/// A point in time that the operator writes: any that Kubernetes itself would write.
pub fn observed_timestamp(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "maxLength": 35 })
}

/// A [`STORE_NAME`].
pub fn store_name(_: &mut SchemaGenerator) -> Schema {
    string(STORE_NAME, 44)
}

/// A [`COUNTRY`].
pub fn country(_: &mut SchemaGenerator) -> Schema {
    string(COUNTRY, 2)
}

/// A [`LANGUAGE`].
pub fn language(_: &mut SchemaGenerator) -> Schema {
    string(LANGUAGE, 35)
}

/// A [`URL`].
pub fn url(_: &mut SchemaGenerator) -> Schema {
    string(URL, 2048)
}

/// An [`EMAIL`].
pub fn email(_: &mut SchemaGenerator) -> Schema {
    string(EMAIL, 254)
}

/// A [`TELEPHONE`].
pub fn telephone(_: &mut SchemaGenerator) -> Schema {
    string(TELEPHONE, 32)
}

/// An [`OBJECT_NAME`].
pub fn object_name(_: &mut SchemaGenerator) -> Schema {
    string(OBJECT_NAME, 253)
}

/// A short text for people, such as a name.
pub fn name(_: &mut SchemaGenerator) -> Schema {
    string(ONE_LINE, 256)
}

/// A longer text for people; line breaks are allowed.
pub fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 2000 })
}

/// A text that the operator writes.
pub fn observed_text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 32768 })
}

/// A set of roles: each a name, also a former one, or a template id.
pub fn roles(_: &mut SchemaGenerator) -> Schema {
    set(&string(ONE_LINE, 128), 150)
}

/// A set of tasks.
pub fn tasks(_: &mut SchemaGenerator) -> Schema {
    set(&string(TASK, 160), 250)
}

/// A set of namespaces.
pub fn namespaces(_: &mut SchemaGenerator) -> Schema {
    set(&string(NAMESPACE, 63), 100)
}

/// A set of GUIDs.
pub fn guids(generator: &mut SchemaGenerator) -> Schema {
    set(&guid(generator), 5000)
}

/// Labels and their values, at least one.
pub fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "maxLength": 63, "pattern": LABEL.pattern },
        "minProperties": 1,
        "maxProperties": 16,
    })
}
