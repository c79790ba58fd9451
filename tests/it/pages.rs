//! Each problem code has a page for `concordat explain`, and each page a code.
//!
//! Never: a page for a code that nothing raises.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    program::{assert_file, root},
    sources::{Source, below},
};

/// The codes that a file declares as `const NAME: Code = Code(123)`, each with its place.
fn codes(source: &Source) -> Vec<(String, String)> {
    let code = source.code();
    let declared = code.windows(9).filter_map(|next| {
        let words: Vec<_> = next.iter().map(|token| token.text.as_str()).collect();
        let ["const", _, ":", "Code", "=", "Code", "(", number, ")"] = words[..] else {
            return None;
        };
        let number: u16 = number.replace('_', "").parse().ok()?;
        Some((format!("C{number:04}"), source.at(next[0].line)))
    });
    declared.collect()
}

/// What does not fit between codes and pages. A page is given by its name and text.
fn mismatches(sources: &[Source], pages: &BTreeMap<String, String>) -> Vec<String> {
    let mut declared: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (code, place) in sources.iter().flat_map(codes) {
        declared.entry(code).or_default().push(place);
    }
    let mut found = Vec::new();
    for (code, places) in &declared {
        if places.len() > 1 {
            found.push(format!("{code} is declared more than once: {}", places.join(", ")));
        }
        if !pages.contains_key(&format!("{code}.md")) {
            found.push(format!("{}: {code} has no page src/domain/pages/{code}.md", places[0]));
        }
    }
    for (name, text) in pages {
        let code = name.trim_end_matches(".md");
        if !declared.contains_key(code) {
            found.push(format!("src/domain/pages/{name}: no constant declares {code}"));
        }
        let mut lines = text.lines();
        let title = lines.next().and_then(|line| line.strip_prefix("# ")).unwrap_or_default();
        let lower = title.chars().find(|letter| letter.is_alphabetic());
        if lower.is_none_or(char::is_uppercase) || title.ends_with('.') {
            found.push(format!(
                "src/domain/pages/{name}:1: the first line is `# title in lower case`"
            ));
        }
        if lines.filter(|line| !line.trim().is_empty()).count() < 3 {
            found.push(format!("src/domain/pages/{name}: what it means, an example, the way out"));
        }
    }
    found
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain/pages");
    let entries = fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let pages = entries
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    let found = mismatches(&below("src"), &pages);
    assert!(found.is_empty(), "{} to mend:\n{}", found.len(), found.join("\n"));
}

#[test]
fn a_missing_page_a_spare_page_a_double_code_and_a_bad_title_are_found() {
    let good = "# a name is used twice\n\nMeaning.\n\nExample.\n\nWay out.\n";
    let source = |text: &str| Source::new("src/domain/a.rs", text);
    let page = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let one = "/// Twice.\npub const TWICE: Code = Code(12);";

    let cases = [
        ("right", one, vec![page("C0012.md", good)], 0),
        ("no page", one, vec![], 1),
        ("no constant", "// pub const A: Code = Code(12);", vec![page("C0012.md", good)], 1),
        ("the wrong number", one, vec![page("C0013.md", good)], 2),
        ("twice", &[one, one].concat(), vec![page("C0012.md", good)], 1),
        ("an upper case title", one, vec![page("C0012.md", &good.replace("# a", "# A"))], 1),
        ("no title", one, vec![page("C0012.md", &good[2..])], 1),
        ("only a title", one, vec![page("C0012.md", "# a name is used twice\n")], 1),
        ("another ending", one, vec![page("C0012.md", good), page("notes.txt", good)], 1),
    ];
    for (name, text, pages, expected) in cases {
        let found = mismatches(&[source(text)], &pages.into_iter().collect());
        assert_eq!(found.len(), expected, "{name}: {found:?}");
    }
}

#[test]
fn the_list_of_pages_is_that_of_the_folder() {
    let mut names: Vec<String> = fs::read_dir(root().join("src/domain/pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let line = |name: &String| {
        let number: u16 = name[1..5].parse().unwrap();
        format!("    (Code({number}), include_str!(\"pages/{name}\")),\n")
    };
    let list: String = names.iter().map(line).collect();
    let path = root().join("src/domain/pages.rs");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("= &[\n").unwrap();
    let (_, after) = rest.split_once("];\n").unwrap();
    assert_file(&path, &format!("{before}= &[\n{list}];\n{after}"));
}
