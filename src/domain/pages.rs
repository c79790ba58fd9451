//! The page of each code, as `concordat explain` prints it. The list is `@generated` from the folder by
//! `UPDATE=1 cargo test`.
//!
//! Never: a code without a page.

use super::problem::Code;

/// Every page, by code.
pub const PAGES: &[(Code, &str)] = &[
    (Code(101), include_str!("pages/C0101.md")),
    (Code(102), include_str!("pages/C0102.md")),
    (Code(103), include_str!("pages/C0103.md")),
    (Code(104), include_str!("pages/C0104.md")),
    (Code(105), include_str!("pages/C0105.md")),
    (Code(106), include_str!("pages/C0106.md")),
    (Code(530), include_str!("pages/C0530.md")),
    (Code(531), include_str!("pages/C0531.md")),
    (Code(701), include_str!("pages/C0701.md")),
    (Code(702), include_str!("pages/C0702.md")),
    (Code(703), include_str!("pages/C0703.md")),
    (Code(704), include_str!("pages/C0704.md")),
    (Code(705), include_str!("pages/C0705.md")),
    (Code(706), include_str!("pages/C0706.md")),
    (Code(707), include_str!("pages/C0707.md")),
    (Code(708), include_str!("pages/C0708.md")),
    (Code(810), include_str!("pages/C0810.md")),
    (Code(811), include_str!("pages/C0811.md")),
    (Code(812), include_str!("pages/C0812.md")),
    (Code(813), include_str!("pages/C0813.md")),
    (Code(814), include_str!("pages/C0814.md")),
    (Code(815), include_str!("pages/C0815.md")),
];

/// The page of a code.
pub fn page(code: Code) -> Option<&'static str> {
    PAGES.iter().find(|(of, _)| *of == code).map(|(_, page)| *page)
}

/// The title of a page: its first line.
pub fn title(page: &str) -> &str {
    page.lines().next().unwrap_or_default().trim_start_matches("# ")
}
