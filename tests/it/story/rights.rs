//! T18: what the operator's account asked the API server for, against what the chart lets it do.
//!
//! Never: a right that nothing uses, nor a request that the chart does not name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::scene::ACCOUNT;
use crate::{chart::NAMESPACE, cluster::Cluster, operator::field};

/// One verb on one resource, as a rule of the chart gives it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    /// Absent where it holds everywhere.
    namespace: Option<String>,
    group: String,
    resource: String,
    /// Absent where it holds for all.
    name: Option<String>,
    verb: String,
}

impl Right {
    fn allows(&self, asked: &Self) -> bool {
        let Self { namespace, group, resource, name, verb } = self;
        let holds =
            |limit: &Option<String>, asked: &Option<String>| limit.is_none() || limit == asked;
        holds(namespace, &asked.namespace)
            && holds(name, &asked.name)
            && (group, resource, verb) == (&asked.group, &asked.resource, &asked.verb)
    }
}

/// What the roles on the cluster give.
pub struct Rights(BTreeSet<Right>);

impl Rights {
    /// As they are now.
    pub fn given(cluster: &Cluster) -> Self {
        let mut rights = BTreeSet::new();
        for (kind, namespace) in [("clusterrole", None), ("role", Some(NAMESPACE.to_owned()))] {
            let role = format!("{kind}/concordat-operator");
            let rules = field(cluster, NAMESPACE, &role, "/rules");
            for rule in rules.as_array().unwrap() {
                rights.extend(of_rule(rule, namespace.as_ref()));
            }
        }
        Self(rights)
    }
}

fn words(rule: &Value, field: &str) -> Vec<String> {
    let words = rule[field].as_array().into_iter().flatten();
    words.map(|word| word.as_str().unwrap().to_owned()).collect()
}

fn of_rule(rule: &Value, namespace: Option<&String>) -> Vec<Right> {
    let names: Vec<_> = words(rule, "resourceNames").into_iter().map(Some).collect();
    let names = if names.is_empty() { vec![None] } else { names };
    let mut rights = Vec::new();
    for group in words(rule, "apiGroups") {
        for resource in words(rule, "resources") {
            for verb in words(rule, "verbs") {
                rights.extend(names.iter().map(|name| Right {
                    namespace: namespace.cloned(),
                    group: group.clone(),
                    resource: resource.clone(),
                    name: name.clone(),
                    verb: verb.clone(),
                }));
            }
        }
    }
    rights
}

/// What a line of the audit log asked for; nothing where it is about no resource.
fn asked(line: &Value) -> Option<Right> {
    let object = line.get("objectRef")?;
    let word = |field: &str| object[field].as_str().map(str::to_owned);
    let resource = word("resource")?;
    let resource = match word("subresource") {
        Some(part) => format!("{resource}/{part}"),
        None => resource,
    };
    Some(Right {
        namespace: word("namespace"),
        group: word("apiGroup").unwrap_or_default(),
        resource,
        name: word("name"),
        verb: line["verb"].as_str().unwrap().to_owned(),
    })
}

/// Nothing was refused, nothing asked for that the chart does not name, and nothing named that was not used.
pub fn are_exactly_what_was_used(given: &Rights, cluster: &Cluster) {
    let audit = cluster.audit();
    let lines: Vec<_> = audit.iter().filter(|line| line["user"]["username"] == ACCOUNT).collect();
    let refused: Vec<_> =
        lines.iter().filter(|line| line["responseStatus"]["code"] == 403).collect();
    assert!(refused.is_empty(), "refused: {refused:#?}");
    let used: BTreeSet<_> = lines.iter().filter_map(|line| asked(line)).collect();
    let Rights(given) = given;
    let unnamed: Vec<_> =
        used.iter().filter(|asked| !given.iter().any(|right| right.allows(asked))).collect();
    assert!(unnamed.is_empty(), "used, and not in the chart: {unnamed:#?}");
    let unused: Vec<_> =
        given.iter().filter(|right| !used.iter().any(|asked| right.allows(asked))).collect();
    assert!(unused.is_empty(), "in the chart, and never used: {unused:#?}");
    println!("T18: {} requests used {} rights, all of the chart's", lines.len(), given.len());
}
