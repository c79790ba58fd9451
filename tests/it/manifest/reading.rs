//! What is read from a text: the objects in it, in order, each with its place.
//!
//! Never: a place that is only near the right one.

use concordat::{
    domain::{
        ids::Kind,
        problem::{FieldPath, Problem, SourceId},
    },
    manifest,
};

use super::{OFFER, input, said};

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
         labels: {tier: gold}\n  annotations: {concordat.dev/approve: \"12\"}\nspec: {}\n",
    );
    assert_eq!(said(&input.problems), "");
    let document = &input.documents[0];
    assert_eq!(document.key.to_string(), "PartnerBoundary/msp");
    assert_eq!((document.generation, document.uid.as_deref()), (Some(3), Some("abc")));
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
fn a_column_counts_characters() {
    let input = input(OFFER.replace("{name: helpdesk", "{x: é東😀, name: Bad"));
    assert_eq!(input.problems[0].place.as_ref().unwrap().to_string(), "-:3:26");
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
