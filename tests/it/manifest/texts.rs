//! Texts that are refused whatever object they describe: no YAML, traps of YAML, characters that deceive.
//!
//! Never: a refusal that only one of our kinds meets.

use super::{OFFER, input, refused, said, with};

#[test]
fn text_that_is_not_yaml_is_refused_at_its_place() {
    refused(
        "a: b: c\n",
        "-:1:5 C0007 : this is not YAML: mapping values are not allowed in this context\n  \
         help: check the indentation, and put a value that holds `: ` in quotes\n",
    );
    refused(
        format!("{OFFER}---\na: \"b\n"),
        "-:9:4 C0007 : the quote `\"` that opens here is not closed\n  help: close it where the value ends\n",
    );
    refused(
        "kind: X\nspec:\n\tname: y\n",
        "-:3:1 C0008 : the line is indented with a tab\n  help: indent with spaces\n",
    );
    refused(
        "a: *nobody\n",
        "-:1:4 C0007 : this is not YAML: unknown anchor\n  \
         help: an alias `*name` needs an anchor `&name` before it in the same document; put text that begins with `*` in quotes\n",
    );
    refused(
        "{\"é\": [1, 2\n",
        "-:1:7 C0007 : the bracket `[` that opens here is not closed\n  \
         help: close it, or put a value that begins with a bracket in quotes\n",
    );
}

#[test]
fn every_duplicate_key_is_refused_with_both_places() {
    refused(
        format!("{OFFER}  type: Advisor\nspec: {{a: 1, \"a\": 2}}\n"),
        "-:9:1 C0009 spec: the key `spec` stands twice, first at -:4:1\n  help: keep one of the two; YAML does not say which one would count\n\
         -:8:3 C0009 spec.type: the key `type` stands twice, first at -:5:3\n  help: keep one of the two; YAML does not say which one would count\n\
         -:9:14 C0009 spec.a: the key `a` stands twice, first at -:9:8\n  help: keep one of the two; YAML does not say which one would count\n",
    );
    refused(
        "{\"a\": 1,\n \"a\": 2}",
        "-:2:2 C0009 : a key stands twice\n  help: keep one of the two; YAML does not say which one would count\n",
    );
}

#[test]
fn the_traps_of_yaml_1_1_are_refused_unless_quoted() {
    refused(
        with("country: NO"),
        "-:8:12 C0013 spec.country: `NO` is text in YAML 1.2 but `false` for kubectl, which reads YAML 1.1\n  \
         help: put it in quotes, `\"NO\"`, or write `false`\n",
    );
    refused(
        with("on: 0123"),
        "-:8:3 C0013 spec.on: `on` is text in YAML 1.2 but `true` for kubectl, which reads YAML 1.1\n  \
         help: put it in quotes, `\"on\"`, or write `true`\n\
         -:8:7 C0013 spec.on: `0123` is text in YAML 1.2 but a number for kubectl, which reads YAML 1.1\n  \
         help: put it in quotes, `\"0123\"`, or write the number in plain digits\n",
    );
    for line in [
        "country: \"NO\"",
        "country: 'no'",
        "country: !!str no",
        "phone: \"0123\"",
        "text: |\n    no",
        "a: nO",
        "a: Oslo",
    ] {
        assert_eq!(said(&input(with(line)).problems), "", "{line}");
    }
    assert!(input("apiVersion: v1\nkind: ConfigMap\ndata: {a: no}\n").problems.is_empty());
}

#[test]
fn what_json_cannot_hold_is_refused() {
    for (line, expected) in [
        ("1: a", "-:8:3 C0012 : the key `1` is not text\n  help: put it in quotes: `\"1\"`\n"),
        (
            "a: !secret b",
            "-:8:6 C0012 : the tag `!secret` is not supported\n  help: write the value without a tag; put text that begins with `!` in quotes\n",
        ),
        (
            "a: .inf",
            "-:8:6 C0012 : the number `.inf` is not one that JSON can hold\n  help: put it in quotes if it is meant as text\n",
        ),
        (
            "<<: text",
            "-:5:3 C0012 : the merge key `<<` takes a mapping or a list of mappings\n  help: merge an alias of a mapping, `<<: *name`\n",
        ),
    ] {
        refused(with(line), expected);
    }
}

#[test]
fn characters_that_cannot_be_seen_or_told_apart_are_refused() {
    let help = "  help: remove it; what is read must be what is reviewed\n";
    refused(
        format!("# safe \u{202e}\n{OFFER}"),
        &format!(
            "-:1:8 C0005 : the text holds the character U+202E, which reorders the text around it on the screen\n{help}"
        ),
    );
    refused(
        with("name: \"éa\u{200b}b\""),
        &format!(
            "-:8:12 C0005 : the text holds the character U+200B, which cannot be seen\n{help}"
        ),
    );
    refused(
        with("name: \"a\\u202Eb\""),
        &format!(
            "-:8:9 C0005 spec.name: `a\\u{{202e}}b` holds the character U+202E, which reorders the text around it on the screen\n{help}"
        ),
    );
    refused(
        with("name: \"a\\0b\""),
        "-:8:9 C0004 spec.name: `a\\u{0}b` holds the control character U+0000 (NUL)\n  \
         help: save the file as UTF-8; NUL bytes often mean that it is UTF-16\n",
    );
    refused(
        OFFER.replace("Administrator", "Аdministrator"),
        "-:7:7 C0006 spec.roles[0]: in `Helpdesk Аdministrator`, `А` (U+0410) looks like the letter `A` but is another one\n  \
         help: write each word in letters of one script: `Helpdesk Administrator`\n",
    );
    for line in ["name: Café Zürich", "name: Банк Acme", "name: 東京", "name: \"tab\\tand\\nline\""]
    {
        assert_eq!(said(&input(with(line)).problems), "", "{line}");
    }
    assert!(input("apiVersion: v1\nkind: ConfigMap\ndata: {a: \u{202e}}\n").problems.is_empty());
}

#[test]
fn control_characters_and_other_encodings_are_refused() {
    refused(
        with("a: \0"),
        "-:8:6 C0004 : the text holds the control character U+0000 (NUL)\n  \
         help: save the file as UTF-8; NUL bytes often mean that it is UTF-16\n",
    );
    refused(
        with("a: \u{1b}[31m"),
        "-:8:6 C0004 : the text holds the control character U+001B\n  help: remove it\n",
    );
    refused(
        "a: 1\rb: 2\n",
        "-:1:5 C0004 : the text holds a carriage return without a line feed (U+000D)\n  help: end lines with LF or CRLF\n",
    );
    refused(
        "a: \u{2028}",
        "-:1:4 C0004 : the text holds the line separator U+2028\n  help: end lines with LF or CRLF\n",
    );
    refused(
        b"a: 1\nb: \xc3\xa9\xff\n",
        "-:2:5 C0002 : the file is not UTF-8: byte 0xFF at offset 10\n  help: save it as UTF-8\n",
    );
    refused(
        b"\xff\xfea\0",
        "-:1:1 C0002 : the file is UTF-16, not UTF-8\n  help: save it as UTF-8, for example with `iconv -f UTF-16 -t UTF-8`\n",
    );
}
