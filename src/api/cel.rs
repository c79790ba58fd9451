//! The rules of a schema, written in CEL and evaluated as the API server does.
//!
//! Never: a value handed to a rule that does not look at it; that is where the time would go.

use std::{collections::BTreeMap, sync::Arc};

use kube::core::cel::{
    KubeCelExt,
    cel::{
        Context, Program,
        common::ast::{Expr, IdedExpr},
        objects::{Key, Map, Value as CelValue},
    },
};
use serde_json::Value;

use super::{
    field::{self, GIVEN, READS},
    schema::{PathStep, ViolationKind},
    structure::{Check, Node, Shape, Way},
};

/// The rules of one node of a schema.
#[derive(Debug, Default)]
pub struct Rules {
    of_values: Group,
    of_changes: Group,
    /// What is said of a GUID that was given to nothing.
    given: Option<String>,
}

/// Rules that are judged together, and what they look at.
#[derive(Debug, Default)]
struct Group {
    rules: Vec<Rule>,
    looks_at: Looks,
}

#[derive(Debug)]
struct Rule {
    program: Program,
    message: String,
    /// The field that is named where it is broken, from the node at which it stands.
    field: Vec<String>,
    looks_at: Looks,
}

/// What rules look at below `self` and `oldSelf`.
#[derive(Debug, Default)]
struct Looks {
    /// The whole value; otherwise only whether it is there.
    whole: bool,
    fields: BTreeMap<String, Looks>,
}

impl Rules {
    /// The rules that stand at this node of a schema.
    pub fn compile(schema: &Value) -> Self {
        let mut rules = Self::default();
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let text = rule["rule"].as_str().expect("every rule has its text");
            if text == READS {
                continue;
            }
            let message = rule["message"].as_str().expect("every rule of ours has a message");
            if text == GIVEN {
                rules.given = Some(message.to_owned());
                continue;
            }
            let field = rule["fieldPath"].as_str().unwrap_or_default().split('.');
            let field = field.filter(|step| !step.is_empty()).map(str::to_owned).collect();
            let program = Program::compile(text).expect("a test compiles every rule");
            let group = if program.references().has_variable("oldSelf") {
                &mut rules.of_changes
            } else {
                &mut rules.of_values
            };
            group.looks_at.add(program.expression());
            let mut looks_at = Looks::default();
            looks_at.add(program.expression());
            group.rules.push(Rule { program, message: message.to_owned(), field, looks_at });
        }
        rules
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.of_values.rules.is_empty() && self.of_changes.rules.is_empty() && self.given.is_none()
    }
}

impl Looks {
    fn add(&mut self, expression: &IdedExpr) {
        match &expression.expr {
            Expr::Select(select) => match self.at(&select.operand) {
                Some(operand) => {
                    let field = operand.fields.entry(select.field.clone()).or_default();
                    field.whole |= !select.test;
                }
                None => self.add(&select.operand),
            },
            Expr::Call(call) => {
                call.target.iter().for_each(|target| self.add(target));
                call.args.iter().for_each(|argument| self.add(argument));
            }
            Expr::Literal(_) => {}
            Expr::Unspecified
            | Expr::Comprehension(_)
            | Expr::Ident(_)
            | Expr::List(_)
            | Expr::Map(_)
            | Expr::Struct(_) => self.whole = true,
        }
    }

    /// Whether a value that stands there is looked at, and not only whether one does.
    fn reads(&self, steps: &[PathStep]) -> bool {
        match steps {
            _ if self.whole => true,
            [] => !self.fields.is_empty(),
            [PathStep::Field(name), rest @ ..] => {
                self.fields.get(name).is_some_and(|looks_at| looks_at.reads(rest))
            }
            [PathStep::Index(_), ..] => false,
        }
    }

    /// Where the value of an expression such as `self.grantee` is noted; nothing where it is another.
    fn at(&mut self, expression: &IdedExpr) -> Option<&mut Self> {
        match &expression.expr {
            Expr::Ident(name) if name == "self" || name == "oldSelf" => Some(self),
            Expr::Select(select) if !select.test => {
                Some(self.at(&select.operand)?.fields.entry(select.field.clone()).or_default())
            }
            Expr::Select(_)
            | Expr::Unspecified
            | Expr::Call(_)
            | Expr::Comprehension(_)
            | Expr::Ident(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Struct(_) => None,
        }
    }
}

impl Check {
    fn broken(&mut self, way: Way<'_>, field: &[String], message: &str) {
        match field {
            [] => self.refuse(way, ViolationKind::Rule, message.to_owned(), None),
            [first, rest @ ..] => self.broken(way.field(first), rest, message),
        }
    }

    /// Judges the rules at this node and below it.
    pub fn rules(&mut self, node: &Node, object: &Value, old: Option<&Value>) {
        self.rules_at(node, object, old, Way::ROOT);
    }

    fn rules_at(&mut self, node: &Node, value: &Value, old: Option<&Value>, way: Way<'_>) {
        if !node.has_rules {
            return;
        }
        if let (Some(message), Value::String(guid)) = (&node.rules.given, value)
            && !field::is_given(guid)
        {
            self.refuse(way, ViolationKind::Rule, message.clone(), None);
        }
        self.group(&node.rules.of_values, node, value, None, way);
        if old.is_some() {
            self.group(&node.rules.of_changes, node, value, old, way);
        }
        match node.shape() {
            Shape::Object { fields, .. } => {
                for (name, field) in fields {
                    if let Some(value) = value.get(name) {
                        self.rules_at(
                            field,
                            value,
                            old.and_then(|old| old.get(name)),
                            way.field(name),
                        );
                    }
                }
            }
            Shape::Map { values, .. } => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    self.rules_at(
                        values,
                        value,
                        old.and_then(|old| old.get(name)),
                        way.field(name),
                    );
                }
            }
            Shape::List { items, .. } => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.rules_at(items, item, None, way.index(index));
                }
            }
            Shape::Anything | Shape::Text { .. } | Shape::Integer { .. } | Shape::Boolean => {}
        }
    }

    fn group(
        &mut self,
        group: &Group,
        node: &Node,
        value: &Value,
        old: Option<&Value>,
        way: Way<'_>,
    ) {
        thread_local! {
            static FUNCTIONS: Context<'static> = Context::default().with_all();
        }
        if group.rules.is_empty() {
            return;
        }
        FUNCTIONS.with(|functions| {
            let mut scope = functions.new_inner_scope();
            scope.add_variable_from_value("self", seen(node, value, &group.looks_at));
            if let Some(old) = old {
                scope.add_variable_from_value("oldSelf", seen(node, old, &group.looks_at));
            }
            for rule in &group.rules {
                let cannot_read = |value| has_no_time(node, value, &rule.looks_at);
                if !self.violations.is_empty()
                    && (cannot_read(value) || old.is_some_and(cannot_read))
                {
                    continue;
                }
                if self
                    .stand_ins
                    .iter()
                    .any(|path| way.below(path).is_some_and(|steps| rule.looks_at.reads(steps)))
                {
                    continue;
                }
                let broken = match rule.program.execute(&scope) {
                    Ok(CelValue::Bool(holds)) => !holds,
                    // a rule that makes no sense of the value fails; where something else is wrong, that is why
                    Ok(_) | Err(_) => self.violations.is_empty(),
                };
                if broken {
                    self.broken(way, &rule.field, &rule.message);
                }
            }
        });
    }
}

/// Whether something else stands where a rule looks for a time. The rule cannot be judged then, and that is told already.
fn has_no_time(node: &Node, value: &Value, looks_at: &Looks) -> bool {
    match (node.shape(), value) {
        _ if !looks_at.whole && looks_at.fields.is_empty() => false,
        (Shape::Text { date_time: true, .. }, value) => value.as_str().and_then(time).is_none(),
        (Shape::Object { fields, .. }, Value::Object(object)) => {
            fields.iter().any(|(name, field)| {
                let whole = Looks { whole: true, ..Looks::default() };
                let looks_at =
                    if looks_at.whole { Some(&whole) } else { looks_at.fields.get(name) };
                let value = object.get(name).zip(looks_at);
                value.is_some_and(|(value, looks_at)| has_no_time(field, value, looks_at))
            })
        }
        _ => false,
    }
}

/// A time as the API server reads it for a rule: without small letters.
fn time(text: &str) -> Option<chrono::DateTime<chrono::FixedOffset>> {
    let has_capitals = !text.contains(['t', 'z']);
    has_capitals.then(|| chrono::DateTime::parse_from_rfc3339(text).ok()).flatten()
}

/// A value as CEL sees it, with the fields that are looked at.
fn seen(node: &Node, value: &Value, looks_at: &Looks) -> CelValue {
    match (node.shape(), value) {
        _ if !looks_at.whole && looks_at.fields.is_empty() => CelValue::Bool(true),
        (Shape::Object { fields, .. }, Value::Object(object)) if !looks_at.whole => {
            let fields = looks_at.fields.iter().filter_map(|(name, looks_at)| {
                let (field, value) = (fields.get(name)?, object.get(name)?);
                Some((Key::from(name.as_str()), seen(field, value, looks_at)))
            });
            CelValue::Map(Map { map: Arc::new(fields.collect()) })
        }
        _ => whole(node, value),
    }
}

/// A value as CEL sees it. Names are not escaped: a test shows that no field of ours needs it.
fn whole(node: &Node, value: &Value) -> CelValue {
    match (node.shape(), value) {
        (_, Value::Bool(truth)) => CelValue::Bool(*truth),
        (_, Value::Number(number)) => number.as_i64().map_or(CelValue::Null, CelValue::Int),
        (Shape::Text { date_time: true, .. }, Value::String(text)) => {
            time(text).map_or_else(|| CelValue::from(text.as_str()), CelValue::Timestamp)
        }
        (_, Value::String(text)) => CelValue::from(text.as_str()),
        (Shape::List { items, unique, .. }, Value::Array(list)) => {
            let mut list: Vec<_> = list.iter().collect();
            if unique.is_some() {
                list.sort_by_cached_key(ToString::to_string);
            }
            let list = list.into_iter().map(|item| whole(items, item));
            CelValue::List(Arc::new(list.collect()))
        }
        (Shape::Object { fields, .. }, Value::Object(object)) => {
            let fields = object.iter().filter_map(|(name, value)| {
                Some((Key::from(name.as_str()), whole(fields.get(name)?, value)))
            });
            CelValue::Map(Map { map: Arc::new(fields.collect()) })
        }
        (Shape::Map { values, .. }, Value::Object(map)) => {
            let map =
                map.iter().map(|(name, value)| (Key::from(name.as_str()), whole(values, value)));
            CelValue::Map(Map { map: Arc::new(map.collect()) })
        }
        (_, Value::Null | Value::Array(_) | Value::Object(_)) => CelValue::Null,
    }
}
