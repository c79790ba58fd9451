//! Files that are no YAML, or hold several objects in one document: each fault is told once, by its name, at its line,
//! and what follows from it is not told as well.
//!
//! Never: the words of the parser alone.

use concordat::{
    domain::{
        catalogue::Catalogue,
        problem::{Problem, Severity},
        state::Absence,
        validate::validate,
    },
    manifest::{Source, read_objects},
};

const OFFER: &str = "\
apiVersion: concordat.dev/v1alpha1
kind: PartnerOffer
metadata:
  name: desk
  namespace: msp
spec:
  partner:
    tenantId: aaaabbbb-0000-cccc-1111-dddd2222eeee
    displayName: Contoso
  type: GranularDelegatedAdmin
  duration: P365D
  roles:
  - Helpdesk Administrator
  - Message Center Reader
";

const RELATIONSHIP: &str = "\
# Fabrikam is the customer.
apiVersion: concordat.dev/v1alpha1
kind: PartnerRelationship
metadata:
  name: fabrikam
  namespace: msp
spec:
  customer:
    tenantId: bbbbcccc-1111-dddd-2222-eeee3333ffff
    displayName: Fabrikam
  displayName: fabrikam-desk
  offerRef:
    name: desk
";

const GRANT: &str = "\
kind: RoleGrant
apiVersion: concordat.dev/v1alpha1
metadata:
  name: first-line
  namespace: msp
spec:
  relationshipRef:
    name: fabrikam
  grantee:
    securityGroup:
      id: 0a0a0a0a-1111-4222-8333-444444444444
      displayName: First line
  roles:
  - Message Center Reader
";

fn all(text: impl Into<Vec<u8>>) -> Vec<Problem> {
    let sources = [Source::Stdin(text.into())];
    let (input, objects, mut problems) = read_objects(&sources, "default", Absence::Keep).unwrap();
    problems.extend(input.problems.iter().cloned());
    let now = "2026-11-29T00:00:00Z".parse().unwrap();
    problems.extend(validate(&objects, Catalogue::compiled(), now).problems);
    input.locate(&mut problems);
    problems
}

/// Each problem on a line: `line code message (help)`.
fn said(text: impl Into<Vec<u8>>) -> String {
    let line = |Problem { code, message, help, place, .. }: &Problem| {
        let line = place.as_ref().map_or(0, |place| place.line);
        format!("{line} {code} {message} ({})\n", help.as_deref().unwrap_or_default())
    };
    all(text).iter().map(line).collect()
}

fn is_told_once(text: impl Into<Vec<u8>>, line: usize, words: &str) {
    let said = said(text);
    let is_there = said.starts_with(&format!("{line} ")) && said.contains(words);
    assert!(said.lines().count() == 1 && is_there, "{line} {words}: {said}");
}

#[test]
fn objects_that_no_line_keeps_apart_are_read_one_by_one() {
    assert_eq!(said([OFFER, "---\n", RELATIONSHIP, "---\n", GRANT].concat()), "");
    let forgotten = "another object begins here, and no line keeps it apart from the one before \
                     (put a line `---` before it)";
    is_told_once([OFFER, RELATIONSHIP, "---\n", GRANT].concat(), 16, forgotten);
    is_told_once([RELATIONSHIP, GRANT, "---\n", OFFER].concat(), 14, forgotten);
    let both = said([OFFER, "\n\n", RELATIONSHIP, GRANT].concat());
    assert_eq!(both.matches(forgotten).count(), 2, "{both}");
    assert_eq!(both.lines().count(), 2, "{both}");
    for separator in
        ["--", "----", "-----", "—", "––", "***", "===", "- -", " ---", "--- ---", "- --", "___"]
    {
        let words = "does not keep two objects apart (write exactly `---`, at the beginning";
        let text = [OFFER, separator, "\n\n", RELATIONSHIP, "---\n", GRANT].concat();
        is_told_once(text, 15, words);
        let windows = [OFFER, separator, "\n", RELATIONSHIP, "---\n", GRANT].concat();
        is_told_once(windows.replace('\n', "\r\n"), 15, words);
    }
}

#[test]
fn of_several_wrong_separators_in_a_row_and_of_one_at_an_end_each_is_told() {
    let words =
        "does not keep two objects apart (write exactly `---`, at the beginning of the line)";
    for (between, lines) in [
        ("--\n--\n", &[15, 16][..]),
        ("----\n\n# and\n===\n", &[15, 18]),
        ("--\n---\n", &[15]),
        ("--\n--\n---\n", &[15, 16]),
        ("---\n--\n", &[16]),
    ] {
        let said = said([OFFER, between, RELATIONSHIP, "---\n", GRANT].concat());
        let at = |line: &i32| {
            said.lines().any(|it| it.starts_with(&format!("{line} ")) && it.contains(words))
        };
        assert!(lines.iter().all(at), "{between}: {said}");
        assert_eq!(said.lines().count(), lines.len(), "{between}: {said}");
    }
    is_told_once([OFFER, "---\n", RELATIONSHIP, "---\n", GRANT, "--\n"].concat(), 44, words);
}

#[test]
fn whatever_else_is_wrong_with_an_object_of_several_is_told_too() {
    let grant = GRANT.replace("Message Center Reader", "Mesage Center Reader");
    let text = [OFFER, &RELATIONSHIP.replace("name: desk", "name: desc"), &grant].concat();
    let said = said(text);
    for words in ["16 C0009 ", "28 C0009 ", "27 C0303 ", "41 C0201 "] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(said.lines().count(), 4, "{said}");
}

#[test]
fn a_key_that_stands_twice_in_one_object_is_no_other_object() {
    for (twice, line) in [("kind: PartnerOffer\n", 3), ("apiVersion: concordat.dev/v1alpha1\n", 2)]
    {
        let text = OFFER.replace(twice, &[twice, twice].concat());
        is_told_once(text, line, "stands twice, first at");
    }
}

#[test]
fn the_marks_of_a_conflict_are_told_also_where_it_is_over_several_documents() {
    let ours = RELATIONSHIP.replace("Fabrikam\n", "Fabrikam AG\n");
    let text = [
        OFFER,
        "---\n<<<<<<< HEAD\n",
        &ours,
        "---\n",
        GRANT,
        "=======\n",
        RELATIONSHIP,
        ">>>>>>> main\n",
    ]
    .concat();
    let said = said(text);
    assert_eq!(
        said.matches("the marks of a merge conflict stand in the text").count(),
        2,
        "{said}"
    );
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.starts_with("16 ") && said.contains("\n45 "), "{said}");
}

#[test]
fn what_is_seen_on_a_line_is_told_and_not_the_words_of_the_parser() {
    for (good, bad, line, words) in [
        ("    tenantId: aaaa", "    tenantId:aaaa", 8, "no blank follows the colon"),
        ("    displayName: Con", "    displayName:Con", 9, "no blank follows the colon"),
        ("  name: desk", "  name： desk", 4, "the colon is `：` (U+FF1A)"),
        ("  name: desk", "  name = desk", 4, "a field and its value are kept apart by `=`"),
        ("  duration: P", "\u{a0} duration: P", 11, "indented with U+00A0"),
        ("  duration: P", "\u{3000}duration: P", 11, "indented with U+3000"),
        (
            "  duration: P",
            "  duration:\u{a0}P",
            11,
            "U+00A0 follows the colon, which is no blank for YAML",
        ),
        ("  duration: P", "  duration:\u{2003}P", 11, "U+2003 follows the colon"),
        ("  partner:\n", "\u{a0}\u{a0}partner:\n", 7, "indented with U+00A0"),
        (
            "  - Message Center Reader\n",
            "  -\u{a0}Message Center Reader\n",
            14,
            "U+00A0 follows the `-` of an item, which is no blank",
        ),
        ("Name: Contoso", "Name: \"Contoso", 9, "the quote `\"` that opens here is not closed"),
        ("Name: Contoso", "Name: 'Contoso", 9, "the quote `'` that opens here is not closed"),
        ("  - Message", "  - 'Message", 14, "the quote `'` that opens here is not closed"),
        (
            "Name: Contoso\n  type: Gran",
            "Name: \"Contoso\n  type: \"Gran",
            9,
            "the quote `\"` that opens here is closed only on line 10",
        ),
        ("Name: Contoso", "Name: [Contoso", 9, "the bracket `[` that opens here is not closed"),
        (
            "    tenantId: aaaa",
            "    {tenantId: aaaa",
            8,
            "the bracket `{` that opens here is not closed",
        ),
        ("  duration: P", "\tduration: P", 11, "indented with a tab"),
        ("Name: Contoso", "Name: \"Contoso\" Ltd", 9, "text follows the quotes around a value"),
        ("Name: Contoso", "Name: 'O'Brien'", 9, "text follows the quotes around a value"),
        ("Name: Contoso", "Name: [Contoso] Ltd", 9, "text follows the brackets"),
        ("Name: Contoso", "Name: {Contoso} Ltd", 9, "text follows the brackets"),
        ("Name: Contoso", r#"Name: "C:\Temp\Contoso""#, 9, r"write each `\` between"),
        ("Name: Contoso", "Name: @contoso", 9, "put a value that begins with this character in"),
        ("Name: Contoso", "Name: Contoso: Helpdesk", 9, "put a value that holds `: ` in quotes"),
        ("Name: Contoso", "Name: *Contoso", 9, "in the same document"),
        ("  - Message", "  -Message", 14, "no blank follows the `-` of an item"),
        ("  duration: P", "<<<<<<< HEAD\n  duration: P", 11, "the marks of a merge conflict"),
        ("Reader\n", "Reader\n~~~\n", 15, "a fence of Markdown stands in the text"),
        ("apiVersion", "```yaml\napiVersion", 1, "a fence of Markdown stands in the text"),
        ("Reader\n", "Reader\n```\n", 15, "a fence of Markdown stands in the text"),
    ] {
        let offer = OFFER.replacen(good, bad, 1);
        assert_ne!(offer, OFFER, "{good}");
        let said = said([offer.as_str(), "---\n", RELATIONSHIP, "---\n", GRANT].concat());
        let is_there = said.starts_with(&format!("{line} ")) && said.contains(words);
        assert!(is_there && said.lines().count() == 1, "{bad}: {said}");
    }
}

#[test]
fn every_line_that_is_no_yaml_for_the_same_reason_is_told() {
    let at = |text: &str| -> Vec<String> {
        let problems = all(text);
        let place = |problem: &Problem| {
            let place = problem.place.as_ref().unwrap();
            format!("{}:{} {}", place.line, place.column, problem.code)
        };
        problems.iter().map(place).collect()
    };
    let text = OFFER
        .replace("displayName: ", "displayName:")
        .replace("duration: ", "duration:")
        .replace("type: ", "type： ")
        .replace("  - Helpdesk", "  -Helpdesk");
    assert_eq!(at(&text), ["9:16 C0007", "10:7 C0007", "11:11 C0007", "13:3 C0007"]);
    let text =
        OFFER.replace("displayName: ", "displayName:\u{a0}").replace("  type", "\u{a0} type");
    assert_eq!(at(&text), ["9:17 C0007", "10:1 C0007"]);
    let text = OFFER
        .replace("displayName: Contoso", "displayName: \"A\" B")
        .replace("duration: ", "duration:");
    assert_eq!(at(&text), ["9:18 C0007", "11:11 C0007"]);
    let dash = OFFER.replace("  - ", "  -");
    assert_eq!(at(&dash), ["13:3 C0007", "14:3 C0007"]);
    let wide = OFFER.replace("  - ", "  -\u{202f}");
    assert_eq!(at(&wide), ["13:4 C0007", "14:4 C0007"]);
    is_told_once(OFFER.replace("  - ", "    -"), 13, "(no blank follows the `-` of an item: write");
    is_told_once(OFFER.replace("  - ", "    -\u{a0}"), 13, "(U+00A0 follows the `-` of an item");
    // What is text is none of it.
    let text =
        OFFER.replace("duration: ", "duration:").replace("Contoso\n", "|\n      a:b\n      -c\n");
    assert_eq!(at(&text), ["13:11 C0007"]);
    let one = "{\"apiVersion\": \"concordat.dev/v1alpha1\",\n \"kind\": \"PartnerOffer\n}";
    let said = said(one);
    assert!(said.starts_with("2 C0007 the quote `\"` that opens here is not closed"), "{said}");
    assert_eq!(at(one), ["2:10 C0007"]);
}

#[test]
fn a_text_in_another_encoding_is_told_by_its_name_with_and_without_a_mark() {
    let wide =
        |order: fn(u16) -> [u8; 2]| -> Vec<u8> { OFFER.encode_utf16().flat_map(order).collect() };
    is_told_once(
        wide(u16::to_le_bytes),
        1,
        "UTF-16, not UTF-8 (save it as UTF-8, for example with `iconv -f UTF-16LE",
    );
    is_told_once(wide(u16::to_be_bytes), 1, "`iconv -f UTF-16BE");
    is_told_once([&[0xff, 0xfe][..], &wide(u16::to_le_bytes)].concat(), 1, "the file is UTF-16");
    let commented = format!("# 日本語 für Ä\n{OFFER}");
    let bytes: Vec<u8> = commented.encode_utf16().flat_map(u16::to_le_bytes).collect();
    is_told_once(bytes, 1, "`iconv -f UTF-16LE");
    let wider = |order: fn(u32) -> [u8; 4]| -> Vec<u8> {
        commented.chars().flat_map(|it| order(u32::from(it))).collect()
    };
    is_told_once(
        wider(u32::to_le_bytes),
        1,
        "UTF-32, not UTF-8 (save it as UTF-8, for example with `iconv -f UTF-32LE -t UTF-8`",
    );
    is_told_once(wider(u32::to_be_bytes), 1, "`iconv -f UTF-32BE");
    for (mark, order) in [
        ([0xff, 0xfe, 0, 0], u32::to_le_bytes as fn(u32) -> [u8; 4]),
        ([0, 0, 0xfe, 0xff], u32::to_be_bytes),
    ] {
        is_told_once([&mark[..], &wider(order)].concat(), 1, "`iconv -f UTF-32 -t UTF-8`");
    }
}

#[test]
fn an_object_without_a_version_or_a_name_is_not_told_as_missing() {
    let rest = ["---\n", RELATIONSHIP, "---\n", GRANT].concat();
    for (good, bad) in [
        ("apiVersion: concordat.dev/v1alpha1\n", ""),
        ("apiVersion: concordat.dev/v1alpha1\n", "apiversion: concordat.dev/v1alpha1\n"),
        ("  name: desk\n", "  name: \"\"\n"),
        ("  name: desk\n", ""),
        ("  name: desk\n", "  name: Desk!\n"),
        ("kind: PartnerOffer\n", "kind: PartnerOfer\n"),
        ("kind: PartnerOffer\n", ""),
    ] {
        let text = OFFER.replacen(good, bad, 1) + &rest;
        let said = said(text);
        assert_eq!(said.lines().count(), 1, "{bad:?}: {said}");
    }
}

#[test]
fn an_object_that_stands_twice_is_told_once() {
    is_told_once([OFFER, "---\n", OFFER].concat(), 19, "is described twice, first at -:4:9");
}

#[test]
fn a_fault_of_metadata_is_told_once_and_a_null_is_none() {
    for labels in ["labels: [tier]", "labels: {tier: 1}", "labels: {tier: true}", "labels: first"] {
        is_told_once(OFFER.replace("  name: desk", &format!("  name: desk\n  {labels}")), 5, "");
    }
    let null = "  name: desk\n  deletionTimestamp: null\n  creationTimestamp: null";
    assert_eq!(said(OFFER.replace("  name: desk", null)), "");
}

#[test]
fn a_name_that_no_role_has_hides_nothing_of_the_others() {
    let offer = ["---\n", OFFER, "---\n", RELATIONSHIP].concat();
    let roles = "- Mesage Center Reader\n  - Privileged Role Administrator\n";
    let said = said(GRANT.replace("- Message Center Reader\n", roles) + &offer);
    for code in ["C0201", "C0308", "C0222"] {
        assert_eq!(said.matches(code).count(), 1, "{code}: {said}");
    }
    assert_eq!(said.lines().count(), 3, "{said}");
}

#[test]
fn a_fault_elsewhere_in_the_offer_does_not_hide_what_goes_beyond_it_and_one_of_its_roles_does() {
    let grant = GRANT.replace("Message Center Reader", "Reports Reader");
    let with = |offer: String| said([&offer, "---\n", RELATIONSHIP, "---\n", &grant].concat());
    for (good, bad) in [("P365D", "365 days"), ("P365D", "P9000D"), ("aaaabbbb-0000", "aaaabbbb")] {
        let said = with(OFFER.replace(good, bad));
        assert!(said.contains("C0308") && said.lines().count() == 2, "{bad}: {said}");
    }
    for (good, bad) in [("Message Center Reader", "Global Raeder"), ("Granular", "Granlar")] {
        let said = with(OFFER.replace(good, bad));
        assert!(!said.contains("C0308"), "{bad}: {said}");
    }
}

#[test]
fn what_stands_in_an_object_of_another_kind_beside_ours_is_nobodys_to_judge() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: \"${X}\", b: yes, c: 010, \
               d: TODO, e: \"<name>\"}\n";
    let item = |text: &str| {
        let lines: Vec<String> = text.lines().map(|line| format!("  {line}\n")).collect();
        lines.concat().replacen("  ", "- ", 1)
    };
    let list = |items: &[&str]| {
        let items: String = items.iter().map(|text| item(text)).collect();
        format!("apiVersion: v1\nkind: List\nitems:\n{items}")
    };
    assert_eq!(said(list(&[map, OFFER])), "");
    let ours = OFFER.replace("Contoso", "\"${PARTNER}\"");
    is_told_once(list(&[map, &ours]), 16, "`${PARTNER}` is a placeholder");
}

#[test]
fn what_refers_to_an_object_of_a_file_that_cannot_be_read_is_not_told_as_missing() {
    let place = tempfile::tempdir().unwrap();
    let latin = [b"# f\xfcr Fabrikam\n", OFFER.as_bytes()].concat();
    std::fs::write(place.path().join("offer.yaml"), latin).unwrap();
    std::fs::write(place.path().join("rest.yaml"), [RELATIONSHIP, "---\n", GRANT].concat())
        .unwrap();
    let sources = [Source::Path(place.path().to_owned())];
    let (input, objects, mut problems) = read_objects(&sources, "default", Absence::Keep).unwrap();
    problems.extend(input.problems.iter().cloned());
    let now = "2026-11-29T00:00:00Z".parse().unwrap();
    problems.extend(validate(&objects, Catalogue::compiled(), now).problems);
    let codes: Vec<String> = problems.iter().map(|problem| problem.code.to_string()).collect();
    assert_eq!(codes, ["C0002"]);
}

#[test]
fn a_reason_may_speak_of_a_variable_and_is_none_itself() {
    let with = |reason: &str| {
        let grant = GRANT.replace("  roles:", &format!("  justification: {reason}\n  roles:"));
        let text = [OFFER, "---\n", RELATIONSHIP, "---\n", &grant].concat();
        all(text).into_iter().map(|problem| problem.severity).collect::<Vec<_>>()
    };
    assert_eq!(with("Helm chart {{ .Values.x }} is mended"), [Severity::Warning]);
    assert_eq!(with("\"{{ .Values.reason }}\""), [Severity::Error]);
}

#[test]
fn no_help_spells_out_a_password() {
    for (good, bad) in [
        ("displayName: Contoso", "displayName: \"https://u:Hunter2Secret@h.example\""),
        ("  - Message Center Reader", "  - \"https://u:Hunter2Secret@h.example\""),
        ("duration: P365D", "duration: \"https://u:Hunter2Secret@h.example\""),
        ("name: desk\n", "name: \"https://u:Hunter2Secret@h.example\"\n"),
    ] {
        let said = said(OFFER.replace(good, bad));
        assert!(!said.contains("Hunter2"), "{good}: {said}");
    }
    let named = RELATIONSHIP
        .replace("displayName: fabrikam-desk", "displayName: \"https://u:Hunter2Secret@h\"");
    assert!(!said([OFFER, "---\n", &named].concat()).contains("Hunter2"));
}
