//! The ladder of modules: `main → cli → operator → { render · manifest · store · ledger · emulator } → domain → api`.
//!
//! Never: an exception for one file; who needs a step to the left has put something in the wrong module.
//!
//! How: each file is read as tokens; every path that begins with `crate`, `super`, `self` or `concordat`, also inside
//! a group, an inline module or the text of an attribute, is resolved to the module of the crate that it enters.

use crate::sources::{CodePath, Kind, Source, below};

/// Each module and its rung. A module may use itself and whatever stands on a lower rung.
const LADDER: [(&str, u8); 10] = [
    ("main", 6),
    ("cli", 5),
    ("operator", 4),
    ("render", 3),
    ("manifest", 3),
    ("store", 3),
    ("ledger", 3),
    ("emulator", 3),
    ("domain", 2),
    ("api", 1),
];

fn rung(module: &str) -> Option<u8> {
    LADDER.iter().find(|(name, _)| *name == module).map(|(_, rung)| *rung)
}

/// The path from the root of the crate, or `None` where it does not begin in the crate.
fn resolved(source: &Source, path: &CodePath) -> Option<Vec<String>> {
    let mut segments = path.segments.iter().map(String::as_str).peekable();
    let mut module = match segments.peek()? {
        // `main.rs` is the root of another crate, whose own `crate` is that file.
        &"crate" | &"concordat" => {
            segments.next();
            Vec::new()
        }
        &"self" | &"super" => {
            let mut module = source.module();
            module.extend(path.inside.iter().cloned());
            module
        }
        _ => return None,
    };
    for segment in segments {
        match segment {
            "self" => {}
            "super" => {
                module.pop();
            }
            name => module.push(name.to_owned()),
        }
    }
    Some(module)
}

/// Every step of the file to the left, and every way around the ladder.
fn steps_to_the_left(source: &Source) -> Vec<String> {
    let own = source.module();
    let Some(own) = own.first() else { return more_than_modules(source) };
    let Some(own_rung) = rung(own) else {
        return vec![format!("{}: `{own}` is not on the ladder", source.at(1))];
    };
    let mut found = Vec::new();
    for path in source.paths().into_iter().chain(paths_in_attributes(source)) {
        // `pub(crate)`, `pub(super)`, `self` as a receiver: a lone word enters nothing.
        if path.segments.len() == 1 {
            continue;
        }
        let Some(target) = resolved(source, &path) else { continue };
        let written = path.segments.join("::");
        let complaint = match target.first().map(String::as_str) {
            Some(name) if name == own => continue,
            Some(name) => match rung(name) {
                Some(rung) if rung < own_rung => continue,
                Some(_) => format!("`{own}` may not use `{name}`"),
                None => format!("`{name}` is not on the ladder"),
            },
            None => "the root of the crate has no name of its own".to_owned(),
        };
        found.push(format!("{}: `{written}`: {complaint}", source.at(path.line)));
    }
    let code = source.code();
    for (index, token) in code.iter().enumerate() {
        let next = |ahead: usize| code.get(index + ahead).map_or("", |token| token.text.as_str());
        if token.text == "#" && next(1) == "[" && next(2) == "path" {
            found.push(format!("{}: `#[path]` hides where a module is", source.at(token.line)));
        }
        if matches!(token.text.as_str(), "crate" | "concordat") && next(1) == "as" {
            found.push(format!("{}: the crate is given another name", source.at(token.line)));
        }
    }
    found
}

/// The paths that stand in texts after `=`, as in `#[serde(with = "crate::api::time")]`.
fn paths_in_attributes(source: &Source) -> Vec<CodePath> {
    let code = source.code();
    let texts = code.windows(2).filter(|pair| pair[0].text == "=" && pair[1].kind == Kind::Text);
    let paths = texts.flat_map(|pair| {
        let text = pair[1].text.trim_matches('"');
        let paths = Source::new(&source.name, text).paths().into_iter();
        paths.take(1).map(|path| CodePath { line: pair[1].line, ..path })
    });
    paths.collect()
}

/// What `lib.rs` holds besides `pub mod NAME;`: a name there would let everybody reach everything.
fn more_than_modules(source: &Source) -> Vec<String> {
    let code = source.code();
    let mut found = Vec::new();
    for statement in code.split(|token| token.text == ";").filter(|tokens| !tokens.is_empty()) {
        let words: Vec<_> = statement.iter().map(|token| token.text.as_str()).collect();
        let declares = matches!(words[..], ["pub", "mod", name] if rung(name).is_some());
        if !declares {
            let place = source.at(statement[0].line);
            found.push(format!("{place}: `{}` is not `pub mod` of the ladder", words.join(" ")));
        }
    }
    found
}

#[test]
fn no_module_uses_what_stands_to_its_left() {
    let sources = below("src");
    assert!(!sources.is_empty(), "no sources were found");
    let found: Vec<_> = sources.iter().flat_map(steps_to_the_left).collect();
    assert!(found.is_empty(), "steps to the left:\n{}", found.join("\n"));
}

#[test]
fn a_step_to_the_left_is_found_however_it_is_written() {
    let cases = [
        ("src/domain/plan.rs", "use crate::store::Sql;"),
        ("src/domain/plan.rs", "use crate::{api, store};"),
        ("src/domain/plan.rs", "use {crate::{api::A, store::{self, B}}};"),
        ("src/domain/plan.rs", "use super::super::ledger::Entry;"),
        ("src/domain/plan.rs", "use super::{super::ledger, ids};"),
        ("src/domain/plan.rs", "fn f() { self::super::super::cli::run() }"),
        ("src/domain/plan.rs", "mod tests { use super::super::super::cli; }"),
        ("src/domain/plan.rs", "fn f(x: Option<crate::ledger::Entry>) {}"),
        ("src/domain/plan.rs", "fn f() { $crate::ledger::x!() }"),
        ("src/domain/plan.rs", "use ::concordat::cli;"),
        ("src/domain/plan.rs", "use crate::*;"),
        ("src/domain/plan.rs", "use super::super::*;"),
        ("src/domain/plan.rs", "use crate as root;"),
        ("src/domain/plan.rs", "use crate::{self as root};"),
        ("src/domain/plan.rs", "use crate::somewhere::Else;"),
        ("src/domain/plan.rs", "#[path = \"../store/mod.rs\"] mod plan;"),
        ("src/domain/plan.rs", "#[serde(with = \"crate::store::time\")] struct A;"),
        ("src/store/mod.rs", "use crate::ledger;"),
        ("src/manifest.rs", "use super::render;"),
        ("src/api/mod.rs", "use crate::domain::ids;"),
        ("src/lib.rs", "pub mod domain; pub use domain::ids;"),
        ("src/lib.rs", "pub mod extras;"),
        ("src/extras/mod.rs", ""),
    ];
    for (name, text) in cases {
        let found = steps_to_the_left(&Source::new(name, text));
        assert!(!found.is_empty(), "{name}: {text}");
    }
}

#[test]
fn a_step_to_the_right_is_allowed() {
    let cases = [
        ("src/main.rs", "use concordat::{cli, domain::ids};"),
        ("src/cli/diff.rs", "use super::Output; use crate::{render, store::{self, Sql}};"),
        ("src/domain/catalogue/solve.rs", "use super::super::ids::RoleId; use super::roles;"),
        ("src/domain/plan.rs", "pub(crate) fn f(self) {} mod tests { use super::*; }"),
        ("src/domain/plan.rs", "//! [`crate::cli`]\nfn f() -> &str { \"crate::cli\" }"),
        ("src/domain/plan.rs", "mod a { mod b { use super::super::super::ids; } } use super::ids;"),
        ("src/lib.rs", "//! Words.\npub mod api; pub mod domain;"),
    ];
    for (name, text) in cases {
        assert_eq!(steps_to_the_left(&Source::new(name, text)), [""; 0], "{name}: {text}");
    }
}
