//! What the API server would refuse because of what stands there already: fields that cannot change.
//!
//! Never: a rule of its own; these are the rules of the definitions, about an object and the one it replaces.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    api::{
        API_VERSION, AgreementAcceptance, PartnerBoundary, PartnerOffer, PartnerRelationship,
        PathStep, RoleGrant, Schemas, Violation, ViolationKind,
    },
    domain::{
        ids::Kind,
        problem::{FieldPath, Problem},
        state::ObjectName,
        validate::{Object, Objects},
    },
    manifest::RULE_BROKEN,
    operator::index::{Index, Indexed, Table, Tabled, key},
};

/// Every change of a field that cannot change.
pub(super) fn refused(index: &Index, input: &Objects) -> Vec<Problem> {
    let schemas = Schemas::compiled();
    let tables = index.tables();
    let mut problems = Vec::new();
    judge::<PartnerOffer>(schemas, &tables.offers, &input.offers, &mut problems);
    judge::<PartnerRelationship>(
        schemas,
        &tables.relationships,
        &input.relationships,
        &mut problems,
    );
    judge::<RoleGrant>(schemas, &tables.grants, &input.grants, &mut problems);
    judge::<AgreementAcceptance>(schemas, &tables.acceptances, &input.acceptances, &mut problems);
    judge::<PartnerBoundary>(schemas, &tables.boundaries, &input.boundaries, &mut problems);
    problems
}

fn judge<K: Tabled<Spec: Serialize>>(
    schemas: &Schemas,
    table: &Table<K::Spec, K::Status>,
    input: &[Object<K::Spec>],
    problems: &mut Vec<Problem>,
) {
    for object in input {
        let Some(before) = table.get(&object.name).map(|seen| -> &Indexed<_> { seen }) else {
            continue;
        };
        if before.object.spec == object.spec {
            continue;
        }
        let old = document(K::KIND, &object.name, &before.object.spec);
        let mut new = document(K::KIND, &object.name, &object.spec);
        let violations = schemas.verdict(&K::KIND.to_string(), &mut new, Some(&old));
        let rules = violations.into_iter().filter(|found| found.kind == ViolationKind::Rule);
        problems.extend(rules.map(|violation| problem(K::KIND, object, violation)));
    }
}

fn document<S: Serialize>(kind: Kind, name: &ObjectName, spec: &S) -> Value {
    let mut metadata = json!({ "name": name.name });
    if !name.namespace.is_empty() {
        metadata["namespace"] = json!(name.namespace);
    }
    json!({
        "apiVersion": API_VERSION,
        "kind": kind.to_string(),
        "metadata": metadata,
        "spec": spec,
    })
}

fn problem<S>(kind: Kind, object: &Object<S>, violation: Violation) -> Problem {
    let path = violation.path.into_iter().fold(FieldPath::root(), |path, step| match step {
        PathStep::Field(name) => path.field(name),
        PathStep::Index(index) => path.index(index),
    });
    let problem = Problem::error(RULE_BROKEN, violation.message);
    problem.about(&key(kind, &object.name), object.source).path(path)
}
