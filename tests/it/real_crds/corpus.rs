//! Objects good and bad, made from good ones by breaking them where their schema says that they can be broken.
//!
//! Never: an object whose verdict depends on anything but itself and what stood there before.

use std::collections::BTreeMap;

use concordat::api::field;
use serde_json::{Map, Value, json};

use super::{
    chance::Chance,
    samples::{good, texts},
};
use crate::crds::schemas;

/// Where good objects come from, and how they are broken.
pub struct Corpus {
    chance: Chance,
    schemas: BTreeMap<String, Value>,
    /// Good objects of every kind.
    pub good: Vec<Value>,
}

impl Corpus {
    /// Everything that belongs to a seed.
    pub fn new(seed: u64) -> Self {
        let mut schemas: BTreeMap<_, _> = schemas().into_iter().collect();
        for schema in schemas.values_mut() {
            let fields = schema["properties"].as_object_mut().unwrap();
            fields.remove("status");
            fields.insert("metadata".to_owned(), metadata());
        }
        let mut corpus = Self { chance: Chance::new(seed), schemas, good: good() };
        let full: Vec<_> = corpus.good.iter().map(|object| corpus.clone_full(object)).collect();
        corpus.good.extend(full);
        corpus
    }

    /// A good object, broken or changed in one place, seldom in two or three.
    pub fn next(&mut self) -> Value {
        let position = self.chance.below(self.good.len());
        let object = self.good[position].clone();
        self.changed(object)
    }

    /// The object with one change, seldom two or three.
    pub fn changed(&mut self, mut object: Value) -> Value {
        let kind = object["kind"].as_str().unwrap().to_owned();
        let schema = self.schemas[&kind].clone();
        if self.chance.below(20) == 0 {
            object["status"] = self.status();
        }
        for _ in 0..=self.chance.below(6).saturating_sub(3) {
            let part = if self.chance.below(8) == 0 { "metadata" } else { "spec" };
            let part_schema = &schema["properties"][part];
            match object.get_mut(part) {
                Some(value) if self.chance.below(40) > 0 => self.change(part_schema, value),
                _ => object[part] = self.wrong(),
            }
        }
        object
    }

    /// A status, which is not for people to write.
    fn status(&mut self) -> Value {
        let all = [
            json!({}),
            json!({ "x": 1 }),
            json!({ "observedGeneration": 7, "conditions": [] }),
            json!({ "observedGeneration": "x", "conditions": { "x": 1 } }),
            json!({ "conditions": [{ "type": "Ready", "x": 1 }] }),
            json!({ "conditions": [{ "type": 1 }] }),
        ];
        if self.chance.below(3) == 0 { self.wrong() } else { self.chance.one_of(&all).clone() }
    }

    /// Goes down by chance and changes what is there.
    fn change(&mut self, schema: &Value, value: &mut Value) {
        match value {
            Value::Object(object) if self.chance.below(4) > 0 && !object.is_empty() => {
                let names: Vec<_> = object.keys().cloned().collect();
                let name = self.chance.one_of(&names).clone();
                let field = field_schema(schema, &name).clone();
                match self.chance.below(12) {
                    0 => drop(object.remove(&name)),
                    1 => object[&name] = Value::Null,
                    2 => object[&name] = self.wrong(),
                    _ => self.change(&field, object.get_mut(&name).expect("it is one of them")),
                }
            }
            Value::Object(object) => self.change_fields(schema, object),
            Value::Array(list) if self.chance.below(3) > 0 && !list.is_empty() => {
                let position = self.chance.below(list.len());
                self.change(&schema["items"], &mut list[position]);
            }
            Value::Array(list) => self.change_list(schema, list),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                *value = self.other(schema, value);
            }
        }
    }

    /// Adds, or takes away.
    fn change_fields(&mut self, schema: &Value, object: &mut Map<String, Value>) {
        match self.chance.below(6) {
            0 => {
                let names = ["rolse", "Roles", "x", "", "spec", "a.b", "ünknown"];
                let name = (*self.chance.one_of(&names)).to_owned();
                let value = self.wrong();
                object.insert(name, value);
            }
            1 => object.clear(),
            _ => {
                let known: Vec<_> =
                    schema["properties"].as_object().into_iter().flatten().collect();
                if known.is_empty() {
                    let keys = [
                        "a",
                        "a.b/c",
                        "",
                        "bad key",
                        "-a",
                        "a/b/c",
                        "ä",
                        "A.b/c",
                        "a./b",
                        "a/b_",
                        "kubernetes.io/x",
                        "a_b/c",
                    ];
                    let key = (*self.chance.one_of(&keys)).to_owned();
                    let value = self.sample(&schema["additionalProperties"]);
                    object.insert(key, value);
                } else {
                    let (name, field) = *self.chance.one_of(&known);
                    let value = self.sample(field);
                    object.insert(name.clone(), value);
                }
            }
        }
    }

    fn change_list(&mut self, schema: &Value, list: &mut Vec<Value>) {
        let most = schema["maxItems"].as_u64().map_or(0, |most| usize::try_from(most).unwrap());
        match self.chance.below(9) {
            0 => list.clear(),
            1 => list.reverse(),
            2 => list.push(Value::Null),
            3 => list.push(self.wrong()),
            4 | 5 => list.extend(list.first().cloned()),
            6 if most <= 150 => list.resize(most + 1, list.first().cloned().unwrap_or(Value::Null)),
            _ => {
                let item = self.sample(&schema["items"]);
                let position = self.chance.below(list.len() + 1);
                list.insert(position, item);
            }
        }
    }

    /// Something else of the same type, mostly; right or wrong.
    fn other(&mut self, schema: &Value, value: &Value) -> Value {
        if self.chance.below(5) == 0 {
            return self.wrong();
        }
        let Value::String(text) = value else { return self.sample(schema) };
        if schema["enum"].is_array() {
            return match self.chance.below(4) {
                0 => json!(text.to_lowercase()),
                1 => json!(""),
                _ => self.sample(schema),
            };
        }
        let longest = schema["maxLength"].as_u64().map_or(300, |it| usize::try_from(it).unwrap());
        let oddities = [
            "\u{a0}", "\u{202e}", "\u{200b}", "\u{301}", "😀", "\u{85}", "\u{b}", "\t", "\n", "\r",
            "\u{0}", "İ", "\u{2028}", "\u{feff}", " ", "-", ".", "/", "'", "\"", "\\", "%", "٣",
            "Ａ",
        ];
        match self.chance.below(10) {
            0 => json!(""),
            1 => json!(text.repeat(longest / text.len().max(1) + 1)),
            2 => json!("a".repeat(longest)),
            3 => json!("ä".repeat(longest + self.chance.below(2))),
            4 => json!(format!("{text}{}", self.chance.one_of(&oddities))),
            5 => json!(format!("{}{text}", self.chance.one_of(&oddities))),
            6 => {
                let middle = text.char_indices().nth(text.chars().count() / 2);
                let (left, right) = text.split_at(middle.map_or(0, |(position, _)| position));
                json!(format!("{left}{}{right}", self.chance.one_of(&oddities)))
            }
            7 => json!(if text == &text.to_uppercase() {
                text.to_lowercase()
            } else {
                text.to_uppercase()
            }),
            _ => self.sample(schema),
        }
    }

    /// What belongs nowhere, or nearly nowhere.
    fn wrong(&mut self) -> Value {
        let all = [
            Value::Null,
            json!(0),
            json!(1),
            json!(-1),
            json!(1.0),
            json!(1.5),
            json!(true),
            json!(false),
            json!(""),
            json!("x"),
            json!("true"),
            json!("1"),
            json!([]),
            json!(["x"]),
            json!([null]),
            json!({}),
            json!({ "x": 1 }),
            json!({ "name": "x" }),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(1e300),
        ];
        self.chance.one_of(&all).clone()
    }

    /// A value for a schema, right more often than not.
    fn sample(&mut self, schema: &Value) -> Value {
        if let Some(values) = schema["enum"].as_array() {
            return self.chance.one_of(values).clone();
        }
        match schema["type"].as_str() {
            Some("string") => {
                let texts = texts(schema["pattern"].as_str());
                json!(self.chance.one_of(&texts))
            }
            Some("integer") => {
                let whole = |name: &str| schema[name].as_f64().unwrap_or_default();
                let (least, most) = (whole("minimum"), whole("maximum"));
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "bounds of our schemas are whole numbers"
                )]
                let numbers =
                    [least - 1.0, least, least + 1.0, most, most + 1.0].map(|it| json!(it as i64));
                match self.chance.below(6) {
                    0 => json!(least),
                    _ => self.chance.one_of(&numbers).clone(),
                }
            }
            Some("boolean") => json!(self.chance.below(2) == 0),
            Some("array") => {
                let count = 1 + self.chance.below(3);
                (0..count).map(|_| self.sample(&schema["items"])).collect()
            }
            Some("object") if schema["additionalProperties"].is_object() => {
                let value = self.sample(&schema["additionalProperties"]);
                json!({ "team": value })
            }
            Some("object") => self.full(schema),
            _ => self.wrong(),
        }
    }

    /// Most fields of the schema, and every one that is required.
    fn full(&mut self, schema: &Value) -> Value {
        let fields = schema["properties"].as_object().into_iter().flatten();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let fields = fields.filter_map(|(name, field)| {
            let wanted = required.contains(&json!(name)) || self.chance.below(4) > 0;
            wanted.then(|| (name.clone(), self.sample(field)))
        });
        Value::Object(fields.collect())
    }

    fn clone_full(&self, object: &Value) -> Value {
        let mut object = object.clone();
        let schema = &self.schemas[object["kind"].as_str().unwrap()]["properties"]["spec"];
        // Only defaults and what cannot collide with a rule between fields; breaking adds the rest.
        for (name, field) in schema["properties"].as_object().unwrap() {
            if let Some(default) = field.get("default")
                && object["spec"].get(name).is_none()
            {
                object["spec"][name] = default.clone();
            }
        }
        object["metadata"]["labels"] = json!({ "team": "a", "concordat.dev/b": "C_1.x" });
        object["metadata"]["annotations"] = json!({ "concordat.dev/note": "ä\n" });
        object
    }
}

/// The part of `metadata` that people write and that says nothing about where the object goes.
fn metadata() -> Value {
    let texts = json!({ "type": "object", "additionalProperties": { "type": "string", "pattern": field::LABEL.pattern, "maxLength": 63 } });
    json!({ "type": "object", "properties": {
        "labels": texts,
        "annotations": texts,
        "finalizers": { "type": "array", "maxItems": 3, "items": { "type": "string", "pattern": "finalizer" } },
    } })
}

fn field_schema<'s>(schema: &'s Value, name: &str) -> &'s Value {
    schema["properties"].get(name).unwrap_or(&schema["additionalProperties"])
}
