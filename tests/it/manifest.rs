//! The reader of manifests against real files and against everything that may be wrong with one.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use concordat::{
    domain::{
        ids::Kind,
        problem::{FieldPath, Problem, SourceId},
    },
    manifest::{self, Input, Source, read},
};
use proptest::prelude::*;

const OFFER: &str = "\
apiVersion: concordat.dev/v1alpha1
kind: PartnerOffer
metadata: {name: helpdesk, namespace: msp}
spec:
  type: GranularDelegatedAdmin
  roles:
    - Helpdesk Administrator
";

fn input(text: impl AsRef<[u8]>) -> Input {
    read(&[Source::Stdin(text.as_ref().to_vec())], "default")
        .expect("standard input is there already")
}

fn from(path: &Path) -> Result<Input, String> {
    read(&[Source::Path(path.to_owned())], "default").map_err(|error| error.to_string())
}

/// Every problem as people read it.
fn said(problems: &[Problem]) -> String {
    let mut said = String::new();
    for Problem { code, place, path, message, help, .. } in problems {
        let place = place.as_ref().expect("the reader fills in every place");
        said.extend([&*format!("{place} {code} {path}: {message}"), "\n"]);
        if let Some(help) = help {
            said.extend(["  help: ", help, "\n"]);
        }
    }
    said
}

/// An offer with a line more in its `spec`.
fn with(line: &str) -> String {
    format!("{OFFER}  {line}\n")
}

#[track_caller]
fn refused(text: impl AsRef<[u8]>, expected: &str) {
    assert_eq!(said(&input(text).problems), expected);
}

#[test]
fn a_document_knows_its_object_and_its_place() {
    let input = input(
        format!("# mine\n---\n{OFFER}---\nkind: ConfigMap\napiVersion: v1\n---\n---\n{OFFER}")
            .replacen("helpdesk", "other", 1),
    );
    assert_eq!(said(&input.problems), "");
    let [one, two] = &*input.documents else { panic!("two documents") };
    assert_eq!(
        (one.key.to_string(), one.line, &*one.file),
        ("PartnerOffer/msp/other".to_owned(), 3, "-")
    );
    assert_eq!((two.key.to_string(), two.line), ("PartnerOffer/msp/helpdesk".to_owned(), 15));
    assert_eq!(two.source, SourceId(1));
    assert_eq!(manifest::skipped_in_words(&input.skipped), "1 v1 ConfigMap");
    let role = FieldPath::spec().field("roles").index(0);
    let places = [
        (role.clone(), "-:21:7"),
        (FieldPath::spec().field("roles").index(7), "-:20:3"),
        (FieldPath::spec().field("type"), "-:19:9"),
        (FieldPath::spec().field("duration"), "-:18:1"),
        (FieldPath::root().field("metadata").field("name"), "-:17:18"),
        (FieldPath::root(), "-:15:1"),
    ];
    for (path, place) in places {
        assert_eq!(input.place(SourceId(1), &path).unwrap().to_string(), place, "{path}");
    }
    assert_eq!(input.written(SourceId(1), &role).unwrap().text, "Helpdesk Administrator");
}

#[test]
fn what_a_cluster_adds_is_read() {
    let input = input(
        "apiVersion: concordat.dev/v1alpha1\nkind: PartnerBoundary\nmetadata:\n  name: msp\n  generation: 3\n  uid: abc\n  \
         deletionTimestamp: 2026-01-31T12:00:00Z\n  labels: {tier: gold}\n  annotations: {concordat.dev/approve: \"12\"}\nspec: {}\n",
    );
    assert_eq!(said(&input.problems), "");
    let document = &input.documents[0];
    assert_eq!(document.key.to_string(), "PartnerBoundary/msp");
    assert_eq!((document.generation, document.uid.as_deref()), (Some(3), Some("abc")));
    assert_eq!(document.deletion_timestamp.unwrap().to_string(), "2026-01-31T12:00:00Z");
    assert_eq!(document.labels["tier"], "gold");
    assert_eq!(document.annotations["concordat.dev/approve"], "12");
}

#[test]
fn json_streams_lists_and_lists_in_lists_are_read() {
    let object = |name: &str| {
        format!(
            "{{\"apiVersion\":\"concordat.dev/v1alpha1\",\"kind\":\"RoleGrant\",\"metadata\":{{\"name\":\"{name}\"}},\n\t\"spec\":{{\"suspend\":true}}}}"
        )
    };
    let list = format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{},{{\"apiVersion\":\"concordat.dev/v1alpha1\",\"kind\":\"RoleGrantList\",\"items\":[{}]}}]}}",
        object("a"),
        object("b")
    );
    let input = input(format!("{list}\n{}{}\n---\n{}", object("c"), object("d"), object("e")));
    assert_eq!(said(&input.problems), "");
    let names: Vec<_> = input.documents.iter().map(|document| &*document.key.name).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    let suspend = FieldPath::spec().field("suspend");
    assert_eq!(input.place(SourceId(1), &suspend).unwrap().to_string(), "-:3:20");
    assert_eq!(input.place(SourceId(4), &suspend).unwrap().to_string(), "-:9:20");
    assert_eq!(input.documents[0].key.namespace, "default");
    assert_eq!(input.documents[0].key.kind, Kind::RoleGrant);
}

#[test]
fn the_places_of_a_stream_of_json_are_those_of_each_object() {
    let object = |name: &str| {
        format!(
            "{{\"apiVersion\":\"concordat.dev/v1alpha1\",\"kind\":\"RoleGrant\",\n\"metadata\":{{\"name\":\"{name}\"}}}}\n"
        )
    };
    let input = input(format!("{}{}", object("a"), object("b")));
    let name = FieldPath::root().field("metadata").field("name");
    assert_eq!(input.place(SourceId(0), &name).unwrap().to_string(), "-:2:20");
    assert_eq!(input.place(SourceId(1), &name).unwrap().to_string(), "-:4:20");
}

#[test]
fn anchors_aliases_and_merges_are_followed_and_keep_their_places() {
    let text = "apiVersion: concordat.dev/v1alpha1\nkind: PartnerOffer\nmetadata: {name: a}\nspec:\n  one: &one {x: first, w: second}\n  two:\n    <<: *one\n    x: own\n  three: *one\n  four: {<<: [*one, {z: third}]}\n";
    let input = input(text);
    assert_eq!(said(&input.problems), "");
    let spec = &input.documents[0].value["spec"];
    assert_eq!(spec["two"].to_string(), r#"{"w":"second","x":"own"}"#);
    assert_eq!(spec["three"], spec["one"]);
    assert_eq!(spec["four"].to_string(), r#"{"w":"second","x":"first","z":"third"}"#);
    let place = |one: &str, two: &str| {
        input.place(SourceId(0), &FieldPath::spec().field(one).field(two)).unwrap().to_string()
    };
    assert_eq!(place("two", "x"), "-:8:8");
    assert_eq!(place("two", "w"), "-:5:27");
    assert_eq!(place("three", "x"), "-:5:17");
    assert_eq!(place("four", "z"), "-:10:25");
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_accepted() {
    let input = input(format!("\u{feff}{}", OFFER.replace('\n', "\r\n")));
    assert_eq!(said(&input.problems), "");
    assert_eq!(input.documents[0].value["spec"]["roles"][0], "Helpdesk Administrator");
    let role = FieldPath::spec().field("roles").index(0);
    assert_eq!(input.place(SourceId(0), &role).unwrap().to_string(), "-:7:7");
}

#[test]
fn nothing_at_all_is_empty_and_not_an_error() {
    for text in
        ["", "\n", "# only a comment\n", "---\n---\n", "null", "\u{feff}", "---\n# c\n...\n", "["]
    {
        let input = input(text);
        assert_eq!(input.is_empty(), text != "[", "{text:?}: {}", said(&input.problems));
    }
    assert!(!input("apiVersion: v1\nkind: ConfigMap\n").is_empty());
}

#[test]
fn folders_are_read_in_order_with_hidden_ones_and_other_files_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, object: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, OFFER.replace("helpdesk", object)).unwrap();
    };
    write("b.yml", "b");
    write("a/z.json", "a-z");
    write("a/a.YAML", "a-a");
    write(".git/x.yaml", "hidden");
    write(".x.yaml", "hidden");
    write("notes.txt", "hidden");
    fs::write(folder.path().join("kustomization.yaml"), "resources: [b.yml]\n").unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/loop")).unwrap();
    let input = from(folder.path()).unwrap();
    assert_eq!(said(&input.problems), "");
    let names: Vec<_> = input.documents.iter().map(|document| &*document.key.name).collect();
    assert_eq!(names, ["a-a", "a-z", "b"]);
    assert_eq!(
        manifest::skipped_in_words(&input.skipped),
        "1 kustomize.config.k8s.io Kustomization"
    );
    let twice =
        [Source::Path(folder.path().to_owned()), Source::Path(folder.path().join("a/../b.yml"))];
    assert_eq!(read(&twice, "default").unwrap().documents.len(), 3);
    let chosen = from(&folder.path().join("notes.txt")).unwrap();
    assert_eq!(chosen.documents.len(), 1);
}

#[test]
fn what_cannot_be_read_is_an_error_and_each_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink(at("self.yaml"), at("self.yaml")).unwrap();
    std::os::unix::fs::symlink(at("nowhere"), at("dangling.yaml")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(at("pipe.yaml")).status().unwrap();
    assert!(pipe.success());
    let error =
        from(folder.path()).unwrap_err().replace(&folder.path().display().to_string(), "DIR");
    assert_eq!(
        error,
        "could not read `DIR/dangling.yaml`: it is a link to something that does not exist\n\
         could not read `DIR/pipe.yaml`: it is neither a file nor a folder (what comes from a pipe is read with `-f -`)\n\
         could not read `DIR/self.yaml`: too many levels of symbolic links"
    );
    for (path, reason) in [
        (at("missing.yaml"), "no such file or folder (names are relative to the current folder)"),
        (at("pipe.yaml"), "it is neither a file nor a folder"),
        (Path::new("/dev/zero").to_owned(), "it is neither a file nor a folder"),
        (at("pipe.yaml/x"), "not a directory"),
    ] {
        let error = from(&path).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_file_or_folder_without_permission_is_an_error() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.yaml");
    fs::write(&path, OFFER).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser reads it all the same; everybody else must not take it for an empty file.
    match from(folder.path()) {
        Ok(input) => assert_eq!(input.documents.len(), 1),
        Err(error) => assert!(error.ends_with("permission denied"), "{error}"),
    }
}

#[test]
fn text_that_is_not_yaml_is_refused_at_its_place() {
    refused(
        "a: b: c\n",
        "-:1:5 C0007 : this is not YAML: mapping values are not allowed in this context\n  \
         help: check the indentation, and put a value that holds `: ` in quotes\n",
    );
    refused(
        format!("{OFFER}---\na: \"b\n"),
        "-:10:1 C0007 : this is not YAML: found unexpected end of stream\n  help: a quote or a bracket is not closed\n",
    );
    refused(
        "kind: X\nspec:\n\tname: y\n",
        "-:3:1 C0008 : the line is indented with a tab\n  help: indent with spaces\n",
    );
    refused(
        "a: *nobody\n",
        "-:1:4 C0007 : this is not YAML: unknown anchor\n  \
         help: an alias `*name` needs an anchor `&name` before it; put text that begins with `*` in quotes\n",
    );
    refused(
        "{\"é\": [1, 2\n",
        "-:2:1 C0007 : this is not YAML: EOF while parsing a list\n  help: a quote or a bracket is not closed\n",
    );
}

#[test]
fn a_document_that_is_no_object_is_refused() {
    let help = "  help: every object begins with `apiVersion:` and `kind:`\n";
    for (text, found) in
        [("- a\n", "a list"), ("text\n", "the text `text`"), ("17\n", "the number `17`")]
    {
        refused(
            text,
            &format!(
                "-:1:1 C0014 : a document must be a mapping, not {found}\n  \
                 help: begin with `apiVersion: concordat.dev/v1alpha1` and `kind:`\n"
            ),
        );
    }
    refused(
        "replicas: 3\n",
        &format!(
            "-:1:1 C0014 apiVersion: the document has no `apiVersion`, so it is no Kubernetes object\n{help}"
        ),
    );
    refused(
        "apiVersion: v1\n",
        &format!(
            "-:1:1 C0014 kind: the document has no `kind`, so it is no Kubernetes object\n{help}"
        ),
    );
    refused(
        "apiVersion: v1\nkind: 1\n",
        &format!("-:2:7 C0014 kind: `kind` must be text, not the number `1`\n{help}"),
    );
    refused(
        "apiVersion: v1\nkind: List\nitems: {}\n",
        "-:3:1 C0014 items: `items` must be a list, not a mapping\n  help: begin each item with `- `\n",
    );
}

#[test]
fn an_unknown_version_or_kind_of_our_group_is_refused_with_a_suggestion() {
    refused(
        OFFER.replace("v1alpha1", "v1"),
        "-:1:13 C0016 apiVersion: no version of `concordat.dev` is called `v1`\n  help: write `apiVersion: concordat.dev/v1alpha1`\n",
    );
    for other in [
        "concordat.io/v1",
        "v1alpha1",
        "concordat.dev",
        "Concordat.dev/v1alpha1",
        "concordt.dev/v1alpha1",
    ] {
        refused(
            OFFER.replace("concordat.dev/v1alpha1", other),
            &format!(
                "-:1:13 C0016 apiVersion: `{other}` is not the API version of a PartnerOffer\n  \
                 help: write `apiVersion: concordat.dev/v1alpha1`\n"
            ),
        );
    }
    refused(
        OFFER.replace("PartnerOffer", "partneroffers"),
        "-:2:7 C0017 kind: no kind of `concordat.dev` is called `partneroffers`\n  help: did you mean `PartnerOffer`?\n",
    );
    refused(
        OFFER.replace("PartnerOffer", "Zebra"),
        "-:2:7 C0017 kind: no kind of `concordat.dev` is called `Zebra`\n  help: the kinds are `PartnerOffer`, \
         `PartnerRelationship`, `RoleGrant`, `AgreementAcceptance`, `PartnerBoundary`\n",
    );
    assert_eq!(
        input(OFFER.replace("concordat.dev/v1alpha1", "rbac.example.com/v1")).skipped.len(),
        1
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
        "-:2:2 C0009 a: the key `a` stands twice, first at -:1:2\n  help: keep one of the two; YAML does not say which one would count\n",
    );
}

#[test]
fn the_same_object_in_two_documents_is_refused_with_both_places() {
    refused(
        format!("{OFFER}---\n{OFFER}"),
        "-:11:18 C0015 metadata.name: `PartnerOffer/msp/helpdesk` is described twice, first at -:3:18\n  \
         help: keep one of the two, or give one of them another name\n",
    );
    let defaulted = OFFER.replace(", namespace: msp", "");
    let explicit = OFFER.replace("msp", "default");
    assert_eq!(input(format!("{defaulted}---\n{explicit}")).problems.len(), 1);
}

#[test]
fn metadata_of_the_wrong_form_is_refused_all_at_once() {
    refused(
        "apiVersion: concordat.dev/v1alpha1\nkind: RoleGrant\nmetadata:\n  name: 123\n  namespace: My_Space\n  labels:\n    on-call: true\n    since: 2026-01-01\n    count: 1_000\n  annotations: text\n  generation: x\n  deletionTimestamp: yesterday\n",
        "-:4:9 C0018 metadata.name: `name` must be text, not the number `123`\n  help: put it in quotes: `\"123\"`\n\
         -:5:14 C0019 metadata.namespace: `My_Space` is not a namespace that Kubernetes accepts\n  \
         help: use at most 63 of `a-z`, `0-9` and `-`, beginning and ending with a letter or digit\n\
         -:7:14 C0018 metadata.labels.on-call: `on-call` must be text, not the truth value `true`\n  help: put it in quotes: `\"true\"`\n\
         -:10:16 C0018 metadata.annotations: `annotations` must be a mapping of texts, not the text `text`\n  help: write a mapping of texts\n\
         -:11:15 C0018 metadata.generation: `generation` must be a whole number, not the text `x`\n  help: write a whole number\n\
         -:12:22 C0018 metadata.deletionTimestamp: `yesterday` is not a time\n  help: write it as in `2026-01-31T12:00:00Z`\n\
         -:9:12 C0013 metadata.labels.count: `1_000` is text in YAML 1.2 but a number for kubectl, which reads YAML 1.1\n  \
         help: put it in quotes, `\"1_000\"`, or write the number in plain digits\n",
    );
    let named = |metadata: &str| OFFER.replace("{name: helpdesk, namespace: msp}", metadata);
    refused(
        named("{}"),
        "-:3:1 C0018 metadata.name: the PartnerOffer has no `metadata.name`\n  help: write `name:` below `metadata:`\n",
    );
    refused(
        named("{generateName: a-}"),
        "-:3:1 C0018 metadata.name: the PartnerOffer has no `metadata.name`\n  \
         help: write `name:`; a generated name would make a new object each time\n",
    );
    refused(
        named("[]"),
        "-:3:1 C0018 metadata: `metadata` must be a mapping, not a list\n  help: begin with `name:`\n",
    );
    refused(
        named("{name: Acme Helpdesk}"),
        "-:3:18 C0019 metadata.name: `Acme Helpdesk` is not a name that Kubernetes accepts\n  \
         help: write it as `acme-helpdesk`: only `a-z`, `0-9`, `-` and `.`\n",
    );
    for name in ["a..b", "-a", "a-", "é", "a/b"] {
        assert_eq!(input(named(&format!("{{name: {name}}}"))).problems.len(), 1, "{name}");
    }
    for name in ["a", "a.b", "0-0", &"x".repeat(253)] {
        assert_eq!(said(&input(named(&format!("{{name: {name:?}}}"))).problems), "", "{name}");
    }
}

#[test]
fn a_boundary_belongs_to_the_whole_cluster_whatever_namespace_kustomize_writes() {
    let input = input(OFFER.replace("PartnerOffer", "PartnerBoundary"));
    assert_eq!(said(&input.problems), "");
    assert_eq!(input.documents[0].key.namespace, "");
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
            "-:8:6 C0012 : the tag `!secret` is not supported\n  help: write the value without a tag\n",
        ),
        (
            "a: .inf",
            "-:8:6 C0012 : `inf` is not a number that JSON can hold\n  help: put it in quotes if it is meant as text\n",
        ),
        (
            "a: 99999999999999999999",
            "-:8:6 C0012 : `99999999999999999999` is not a number that JSON can hold\n  help: put it in quotes if it is meant as text\n",
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
         help: type the word again with Latin letters\n",
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

#[test]
fn a_column_counts_characters() {
    let input = input(OFFER.replace("{name: helpdesk", "{x: é東😀, name: Bad"));
    assert_eq!(input.problems[0].place.as_ref().unwrap().to_string(), "-:3:26");
}

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

#[test]
fn problems_found_later_are_given_their_places() {
    let input = input(format!("{OFFER}---\n{}", OFFER.replace("helpdesk", "b")));
    let code = manifest::DUPLICATE_OBJECT;
    let about = |number: usize, path: FieldPath| {
        Problem::error(code, "x")
            .about(&input.documents[number].key, Some(SourceId(number)))
            .path(path)
    };
    let mut problems = [
        about(1, FieldPath::spec().field("roles").index(0)),
        about(0, FieldPath::spec()),
        about(1, FieldPath::spec().field("none").field("at all")),
        Problem::error(code, "about nothing"),
    ];
    input.locate(&mut problems);
    let places: Vec<_> =
        problems.iter().map(|problem| problem.place.as_ref().map(ToString::to_string)).collect();
    assert_eq!(
        places,
        [Some("-:15:7".to_owned()), Some("-:4:1".to_owned()), Some("-:12:1".to_owned()), None]
    );
}

#[test]
fn what_is_written_as_yaml_is_read_back() {
    let document = &input(OFFER).documents[0];
    let yaml = manifest::to_yaml(&document.value);
    assert_eq!(input(yaml).documents[0].value, document.value);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let input = input(bytes);
        prop_assert!(input.problems.iter().all(|problem| problem.place.is_some()));
    }

    #[test]
    fn random_yaml_never_makes_the_reader_panic(text in "([-?:,\\[\\]{}#&*!|>'\"%@` \n\ta0é\u{410}]|<<|---\n|apiVersion: concordat.dev/v1alpha1\n){0,60}") {
        let input = input(text);
        prop_assert!(input.problems.iter().all(|problem| problem.place.is_some()));
    }

    #[test]
    fn a_mutated_manifest_never_makes_the_reader_panic(edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..6)) {
        let mut bytes = format!("{OFFER}---\n{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{{\"a\": &a 1}}, *a]}}\n").into_bytes();
        for (index, what, byte) in edits {
            let at = index.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.drain(at..(at + usize::from(byte % 16)).min(bytes.len()))),
                _ => bytes.extend_from_within(at.saturating_sub(usize::from(byte))..at),
            }
            if bytes.is_empty() {
                break;
            }
        }
        let input = input(bytes);
        prop_assert!(input.problems.iter().all(|problem| problem.place.is_some()));
        for document in &input.documents {
            prop_assert!(input.place(document.source, &FieldPath::spec()).is_some());
        }
    }
}
