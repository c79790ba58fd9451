//! The published JSON schemas, made from the types that are written. `schema/` holds them; a test compares.
//!
//! Never: a schema edited by hand.

use schemars::schema_for;
use serde_json::Value;

use super::{
    checks::ChecksDocument,
    get::{AssignmentsDocument, RelationshipsDocument},
    plan::{PlanDocument, ReportDocument},
    problems::ProblemsDocument,
};

/// Each schema by the name of its file.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("assignments", schema_for!(AssignmentsDocument).to_value()),
        ("checks", schema_for!(ChecksDocument).to_value()),
        ("plan", schema_for!(PlanDocument).to_value()),
        ("problems", schema_for!(ProblemsDocument).to_value()),
        ("relationships", schema_for!(RelationshipsDocument).to_value()),
        ("report", schema_for!(ReportDocument).to_value()),
    ]
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use super::*;

    #[test]
    fn the_published_schemas_are_those_of_the_documents() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/render/schema");
        for (name, schema) in schemas() {
            let file = folder.join(format!("{name}.json"));
            let text = format!("{schema:#}\n");
            if env::var_os("UPDATE").is_some() {
                fs::write(&file, &text).unwrap();
            }
            let published = fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(published, text, "{name}.json: run the tests with `UPDATE=1`");
        }
    }
}
