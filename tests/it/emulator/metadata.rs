//! Microsoft's metadata of the service: which paths there are, what they answer, and what each property is.
//!
//! Never: a property, a member of an enumeration or a status that the metadata does not have.

use std::{collections::BTreeSet, fs};

use serde_json::{Map, Value, json};

use crate::program::root;

/// The metadata.
pub struct Metadata(Value);

/// How an object came.
#[derive(Clone, Copy)]
struct Way {
    /// A caller may leave out what he does not set.
    whole: bool,
    /// Whether the caller can read the newer members.
    prefers: bool,
}

impl Metadata {
    pub fn new() -> Self {
        let text = fs::read_to_string(root().join("tests/data/graph-api/gdap.json")).unwrap();
        Self(serde_json::from_str(&text).unwrap())
    }

    /// Every path with every status of success, as `GET /groups/{id} 200`.
    pub fn paths(&self) -> BTreeSet<String> {
        let all = self.0["paths"].as_array().unwrap().iter();
        all.flat_map(|path| path["success"].as_array().unwrap().iter().map(|it| key(path, it)))
            .collect()
    }

    /// Compares a call that has succeeded, and gives its path and status.
    #[expect(clippy::too_many_arguments, reason = "a call and its answer")]
    pub fn fits(
        &self,
        method: &str,
        path: &str,
        status: u16,
        body: Option<&Value>,
        answer: &Value,
        prefers: bool,
        selects: bool,
    ) -> String {
        let known = self.0["paths"].as_array().unwrap().iter();
        let known = known.filter(|it| it["method"] == method).find(|it| same(it, path));
        let known = known.unwrap_or_else(|| panic!("nobody knows `{method} {path}`"));
        let key = key(known, &json!(status));
        assert!(known["success"].as_array().unwrap().contains(&json!(status)), "{key}");
        if let (Some(kind), Some(body)) = (known["body"].as_str(), body) {
            self.is(kind, body, Way { whole: false, prefers: true }, &key);
        }
        let way = Way { whole: !selects, prefers };
        match known["returns"].as_str() {
            _ if answer.is_null() => assert!([202, 204].contains(&status), "{key}: no body"),
            Some(kind) => self.returned(kind, answer, way, &key),
            None if path == "/$batch" => {}
            // 200 where nothing differs.
            None => self.returned(known["body"].as_str().unwrap(), answer, way, &key),
        }
        key
    }

    fn returned(&self, kind: &str, answer: &Value, way: Way, place: &str) {
        let Some(item) = collection(kind) else { return self.is(kind, answer, way, place) };
        for name in answer.as_object().unwrap().keys() {
            assert!(name == "value" || name.starts_with("@odata."), "{place}: {name}");
        }
        for item_ in answer["value"].as_array().unwrap() {
            self.is(item, item_, way, place);
        }
    }

    /// Compares a value with its type.
    fn is(&self, kind: &str, value: &Value, way: Way, place: &str) {
        let complaint = || format!("{place}: {value} is no {kind}");
        if let Some(item) = collection(kind) {
            let all = value.as_array().unwrap_or_else(|| panic!("{}", complaint()));
            for value in all {
                self.is(item, value, way, place);
            }
            return;
        }
        let text = value.as_str();
        match kind {
            "Edm.String" => assert!(text.is_some(), "{}", complaint()),
            "Edm.Boolean" => assert!(value.is_boolean(), "{}", complaint()),
            "Edm.DateTimeOffset" => {
                let good = text
                    .is_some_and(|it| it.ends_with('Z') && it.parse::<jiff::Timestamp>().is_ok());
                assert!(good, "{}", complaint());
            }
            "Edm.Duration" => {
                let good =
                    text.is_some_and(|it| it.starts_with('P') && it.parse::<jiff::Span>().is_ok());
                assert!(good, "{}", complaint());
            }
            _ if self.0["enums"][kind].is_object() => {
                let members = &self.0["enums"][kind];
                assert!(members["members"].as_array().unwrap().contains(value), "{}", complaint());
                let newer = members["needsPreferHeader"].as_array().unwrap().contains(value);
                assert!(way.prefers || !newer, "{}: and nobody asked for it", complaint());
            }
            _ => self.is_object(kind, value, way, place),
        }
    }

    fn is_object(&self, kind: &str, value: &Value, way: Way, place: &str) {
        let object = value.as_object().unwrap_or_else(|| panic!("{place}: {value} is no {kind}"));
        let own = object.get("@odata.type").and_then(Value::as_str);
        let own = own.map_or(kind, |own| own.strip_prefix("#microsoft.graph.").unwrap());
        let properties = self.properties(own);
        for (name, value) in object.iter().filter(|(name, _)| !name.starts_with("@odata.")) {
            if name == "id" {
                assert!(value.is_string(), "{place}: {value}");
                continue;
            }
            let property = properties.get(name);
            let property = property.unwrap_or_else(|| panic!("{place}: {own} has no `{name}`"));
            let inner = property["type"].as_str().unwrap();
            let null = value.is_null() && property["nullable"] == true;
            assert!(!value.is_null() || null, "{place}: `{name}` is null");
            if !null {
                self.is(inner, value, way, &format!("{place} {name}"));
            }
        }
        let required = properties.iter().filter(|(_, it)| it["nullable"] == false);
        for (name, _) in required.filter(|_| way.whole) {
            assert!(object.contains_key(name), "{place}: `{name}` is missing in {value}");
        }
    }

    /// The properties of a type, with those of what it is a sort of.
    fn properties(&self, kind: &str) -> Map<String, Value> {
        let found = [&self.0["entityTypes"][kind], &self.0["complexTypes"][kind]];
        let found = found.into_iter().find(|it| it.is_object());
        let found = found.unwrap_or_else(|| panic!("the metadata has no `{kind}`"));
        let mut all = match found["base"].as_str() {
            None | Some("entity" | "directoryObject") => Map::new(),
            Some(base) => self.properties(base),
        };
        for property in found["properties"].as_array().unwrap() {
            all.insert(property["name"].as_str().unwrap().to_owned(), property.clone());
        }
        all
    }
}

fn key(path: &Value, status: &Value) -> String {
    format!("{} {} {status}", path["method"].as_str().unwrap(), path["path"].as_str().unwrap())
}

fn collection(kind: &str) -> Option<&str> {
    kind.strip_prefix("Collection(")?.strip_suffix(')')
}

fn same(known: &Value, path: &str) -> bool {
    let known: Vec<&str> = known["path"].as_str().unwrap().split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    let fits = |(known, own): (&&str, &&str)| known.starts_with('{') || known == own;
    known.len() == path.len() && known.iter().zip(&path).all(fits)
}

#[test]
fn what_the_metadata_does_not_have_is_found() {
    let metadata = Metadata::new();
    let role = json!({"unifiedRoles": [{"roleDefinitionId": "a"}]});
    let good =
        json!({"displayName": "a", "duration": "P1D", "accessDetails": role, "status": "active"});
    let cases: [(&str, Value, bool); 9] = [
        ("status", json!("active"), true),
        ("status", Value::Null, true),
        ("status", json!("frozen"), false),
        ("duration", json!("730 days"), false),
        ("duration", Value::Null, false),
        ("createdDateTime", json!("yesterday"), false),
        ("colour", json!("red"), false),
        ("customer", json!({"displayName": "x"}), false),
        ("accessDetails", json!({"unifiedRoles": [{}]}), false),
    ];
    for (name, value, fits) in cases {
        let mut body = good.clone();
        body[name] = value.clone();
        let path = "/tenantRelationships/delegatedAdminRelationships/x";
        let compared = std::panic::catch_unwind(|| {
            Metadata::new().fits("GET", path, 200, None, &body, false, false)
        });
        assert_eq!(compared.is_ok(), fits, "{name}: {value}");
    }
    assert!(metadata.paths().len() > 20);
}
