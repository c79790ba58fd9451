//! What is said of the text of an agreement: the country it is for and its language.
//!
//! Never: a country or a language that does not exist, recorded as evidence.

use super::findings::{Findings, Subject};
use crate::{
    api::copied,
    domain::problem::{Code, FieldPath},
};

/// A country or a language that does not exist.
pub const NO_SUCH_COUNTRY: Code = Code(329);

/// Judges the country and the language of a text that stands at `path`. Their form the schema has checked.
pub(super) fn text(
    about: Subject<'_>,
    (country, language): (&str, &str),
    path: &FieldPath,
    findings: &mut Findings<'_>,
) {
    let write = |instead: String| format!("write `{instead}`");
    let at = |field: &str| path.clone().field(field);
    if !copied::is_country(country) {
        let message = format!("`{country}` is no country of ISO 3166-1");
        let help = copied::country(country).map(write).or(copied::aside_of_country(country));
        let help = help.unwrap_or_else(|| "write a country that exists, such as `DE`".to_owned());
        findings.error(about, NO_SUCH_COUNTRY, at("country"), message, help);
    }
    if !copied::is_language(language) {
        let message = format!("`{language}` is no language of BCP 47");
        let other = copied::language(language).map(write);
        let help = other.or(copied::aside_of_language(language));
        let help = help.unwrap_or_else(|| "write a language that exists, such as `de`".to_owned());
        findings.error(about, NO_SUCH_COUNTRY, at("language"), message, help);
    }
}
