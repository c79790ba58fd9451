//! One JSON schema of the five kinds, for editors and for checks of files, made of the definitions.
//!
//! Never: a form that the definitions do not have. Their rules have no place in it, and `validate` judges by them.

use serde_json::{Map, Value, json};

use super::{API_VERSION, crds};

/// The schema, of draft 7, which editors know best. Which kind is meant, an object says itself.
pub fn json_schema() -> Value {
    let mut definitions = Map::new();
    let mut choices = Vec::new();
    for crd in crds() {
        let kind = crd.spec.names.kind;
        let mut versions = crd.spec.versions.into_iter();
        let schema = versions.next().and_then(|version| version.schema?.open_api_v3_schema);
        let mut schema = serde_json::to_value(schema).expect("a schema has text keys");
        plain(&mut schema);
        schema["properties"]["apiVersion"] = json!({ "const": API_VERSION });
        schema["properties"]["kind"] = json!({ "const": kind });
        schema["properties"]["metadata"] = json!({
            "description": "Its name and namespace, labels and annotations.",
            "type": "object",
            "required": ["name"],
        });
        schema["required"] = json!(["apiVersion", "kind", "metadata", "spec"]);
        choices.push(json!({
            "if": { "properties": { "kind": { "const": kind } } },
            "then": { "$ref": format!("#/definitions/{kind}") },
        }));
        definitions.insert(kind, schema);
    }
    let kinds: Vec<&String> = definitions.keys().collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Concordat",
        "description": "Partner access as code: the kinds of concordat.dev.",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": { "apiVersion": { "const": API_VERSION }, "kind": { "enum": kinds } },
        "allOf": choices,
        "definitions": definitions,
    })
}

/// The same as text, in which every character can be seen.
pub fn json_schema_text() -> String {
    let mut text = String::new();
    for character in format!("{:#}\n", json_schema()).chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            let units = character.encode_utf16(&mut [0; 2]).to_vec();
            text.extend(units.into_iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text
}

/// A pattern with the characters themselves: `\x{a0}` is of Go and `\u00a0` of JavaScript, and each knows only its own.
fn pattern(text: &str) -> String {
    let mut parts = text.split("\\x{");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').unwrap_or((part, ""));
        let character = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
        plain.extend(character);
        plain.push_str(rest);
    }
    plain
}

/// Takes out what only the API server knows, and refuses fields that no schema names.
fn plain(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    if fields.get("x-kubernetes-list-type").and_then(Value::as_str) == Some("set") {
        fields.insert("uniqueItems".to_owned(), json!(true));
    }
    if let Some(Value::String(text)) = fields.get_mut("pattern") {
        *text = pattern(text);
    }
    fields.retain(|name, _| !name.starts_with("x-kubernetes-"));
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(plain);
        fields.entry("additionalProperties").or_insert(json!(false));
    }
    for inner in ["items", "additionalProperties"] {
        fields.get_mut(inner).into_iter().for_each(plain);
    }
}
