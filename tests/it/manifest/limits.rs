//! Texts that are made to exhaust the reader, and large ones that are not: both take little time.
//!
//! Never: a limit in seconds that a busy machine exceeds.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use concordat::manifest::{self, Input};

use super::{OFFER, input, said};

/// Runs what must not take long even when the machine is busy.
fn quickly(text: impl AsRef<[u8]>) -> Input {
    let start = Instant::now();
    let input = input(text);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    input
}

#[test]
fn aliases_that_grow_a_small_text_are_refused_quickly() {
    let mut bomb = "apiVersion: concordat.dev/v1alpha1\nkind: RoleGrant\na0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let expected = "C0011 : the aliases (`*name`) make the document many times larger than its text\n  help: write the values out\n";
    assert!(said(&quickly(&bomb).problems).ends_with(expected));
    let long = "x".repeat(100_000);
    let list = vec!["*a"; 100_000].join(", ");
    let strings = format!("a: &a {long}\nb: [{list}]\n");
    assert!(said(&quickly(strings).problems).ends_with(expected));
    let own = said(&quickly("a: &a [*a]\n").problems);
    assert!(own.contains("C0010") && own.contains("an alias holds itself"), "{own}");
    let merges = (1..40).fold("a0: &a0 {x: 1}\n".to_owned(), |text, level| {
        format!(
            "{text}a{level}: &a{level} {{<<: [*a{0}, *a{0}, *a{0}], y{level}: *a{0}}}\n",
            level - 1
        )
    });
    assert!(said(&quickly(merges).problems).ends_with(expected));
}

#[test]
fn nesting_ten_thousand_deep_and_more_is_refused_quickly() {
    for depth in [129, 10_000, 1_000_000] {
        for (open, close) in
            [("[", "]"), ("{\"a\":", "}"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("a: {b: [", "")]
        {
            let text = open.repeat(depth) + "1" + &close.repeat(depth);
            let input = quickly(&text);
            assert_eq!(input.problems.len(), 1, "{depth} × {open}");
            let text = format!("x: {text}");
            assert_eq!(quickly(&text).problems.len(), 1, "x: {depth} × {open}");
        }
    }
    let indented: String = (0..2_000).map(|depth| " ".repeat(depth) + "a:\n").collect();
    assert_eq!(quickly(indented).problems.len(), 1);
}

#[test]
fn brackets_that_are_text_are_not_counted_as_nesting_however_many_there_are() {
    let json = "    {\"a\": [1, {\"it's\": \"c #\"}]}\n".repeat(3_000);
    let open = "[{".repeat(5_000);
    let map = |data: &str| format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  {data}\n");
    for text in [
        map(&format!("a.json: |\n{json}")),
        map(&format!("a.json: >-\n{json}  b: |2-\n{json}")),
        map(&format!("a: \"{}\"", open.replace('{', "\\\"{"))),
        map(&format!("a: '{}'", open.replace('{', "''{"))),
        map(&format!("a: x{open}\n    {open}")),
        map(&format!("a: b # {open}")),
        map(&format!("a: [{}]", "{\"x\": [1], y: 'z'}, ".repeat(5_000))),
        format!("# {open}\n---\n{}", OFFER.replace("helpdesk", "other")),
    ] {
        let input = quickly(format!("{OFFER}---\n{text}"));
        assert_eq!(said(&input.problems), "", "{}", text.chars().take(80).collect::<String>());
    }
}

#[test]
fn brackets_that_nest_are_counted_wherever_text_seems_to_begin_before_them() {
    let open = "[".repeat(100_000);
    for before in [
        "a: \"x\"\nb: ",
        "a: 'x''y'\nb: ",
        "a: x\n  \"\nb: ",
        "a: x # '\nb: ",
        "a: |\n  '\nb: ",
        "a: |\n  \"\n b: ",
        "- |\n  x\n- ",
        "- a: |\n    x\n  b: ",
        "a: |+1\n  '\nb: ",
        "a: \"\\\\\"\nb: ",
        "a: it's\nb: ",
        "a: x#y\nb: ",
        "a: &x ",
        "a: !t ",
        "a: !<x> ",
        "? ",
        "? |\n  '\n: ",
        "[a, '#', \"]\", b|c, ",
        "{a: |, b: ",
        "'a': ",
        "a:\n- ",
        "%YAML 1.2\n--- ",
        "--- |\n '\n...\n",
    ] {
        let text = format!("{before}{open}");
        let input = quickly(&text);
        let said = said(&input.problems);
        assert!(said.contains("C0010") || said.contains("C0007"), "{before}: {said}");
        assert!(!input.problems.is_empty());
    }
}

#[test]
fn a_document_of_100_megabytes_is_refused_quickly() {
    let text = format!("{OFFER}---\na: \"{}\"\n", "x".repeat(100_000_000));
    let input = quickly(text);
    assert_eq!(
        said(&input.problems),
        "-:9:1 C0003 : the document holds more than 16 MiB\n  help: write one document for each object, separated by `---`\n"
    );
    assert_eq!(input.documents.len(), 1);
}

#[test]
fn a_file_above_the_limit_is_refused_and_never_read_whole() {
    let endless = manifest::standard_input(std::io::repeat(b'a')).unwrap();
    assert_eq!(endless.len() as u64, manifest::FILE_LIMIT + 1);
    let input = quickly(endless);
    assert_eq!(
        said(&input.problems),
        "-:1:1 C0003 : the file holds more than 256 MiB\n  help: split it into several files\n"
    );
}

#[test]
fn many_documents_keep_their_order_and_their_lines() {
    let mut text = String::new();
    for number in 0..3_000 {
        text += "---\n";
        text += &OFFER.replace("helpdesk", &format!("o{number}"));
    }
    let input = quickly(&text);
    assert_eq!(said(&input.problems), "");
    for (number, document) in input.documents.iter().enumerate() {
        assert_eq!((document.source.0, &*document.key.name), (number, &*format!("o{number}")));
        assert_eq!(document.line, number * 8 + 2);
    }
    let bad = text.replace("kind: PartnerOffer", "kind: PartnerOfer");
    let input = quickly(bad);
    assert_eq!(input.problems.len(), 3_000);
    assert_eq!(input.problems[2_999].place.as_ref().unwrap().to_string(), "-:23995:7");
}
