//! `get`: what the store holds, as rows.
//!
//! Never: a group's name without its id where there is room for both.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answer, FORMAT_VERSION, Format, Rendered, Unsupported, plan::Detail, table::Table};
use crate::domain::{
    catalogue::Catalogue,
    digest::Digest,
    ids::{RoleId, TenantId},
    state::{Observed, ObservedAssignment, ObservedRelationship, RelationshipKey},
};

/// The relationships of a store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RelationshipsDocument {
    /// The version of this form.
    pub format_version: u32,
    /// `Relationships`.
    pub kind: String,
    /// The store's clock when it was read.
    #[schemars(with = "String")]
    pub now: Timestamp,
    /// The relationships, by name.
    pub items: Vec<RelationshipView>,
    /// What could not be read, so that the answer is not whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<UnreadView>,
}

/// One relationship.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RelationshipView {
    /// Its name in the store.
    pub name: String,
    /// The cloud.
    pub cloud: String,
    /// The partner's tenant.
    pub partner: String,
    /// The partner's name, free text.
    pub partner_name: Option<String>,
    /// The customer's tenant.
    pub customer: String,
    /// The customer's name, free text.
    pub customer_name: Option<String>,
    /// What sort of partner.
    #[serde(rename = "type")]
    pub type_: String,
    /// Its stage; one whose time is over has expired, also where nobody has recorded that yet.
    pub lifecycle: String,
    /// When it ends or ended.
    #[schemars(with = "Option<String>")]
    pub ends_at: Option<Timestamp>,
    /// The ceiling, by name.
    pub roles: Vec<String>,
    /// How many grantees hold something.
    pub grantees: usize,
    /// Who owns the row: `instance/namespace/name`; empty for what stands at Microsoft and is nobody's here.
    pub owner: String,
    /// The digest of its invitation; absent where nobody here has invited.
    #[schemars(with = "Option<String>")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<Digest>,
    /// Its id at Microsoft, where it stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_microsoft: Option<String>,
}

/// What grantees hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentsDocument {
    /// The version of this form.
    pub format_version: u32,
    /// `Assignments`.
    pub kind: String,
    /// The store's clock when it was read.
    #[schemars(with = "String")]
    pub now: Timestamp,
    /// What each grantee holds, by relationship.
    pub items: Vec<AssignmentView>,
    /// What could not be read, so that the answer is not whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<UnreadView>,
}

/// What one grantee holds under one relationship.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentView {
    /// The relationship's name in the store.
    pub relationship: String,
    /// The customer's tenant.
    pub customer: String,
    /// The customer's name, free text.
    pub customer_name: Option<String>,
    /// The grantee's object id.
    pub grantee: String,
    /// Its name, free text.
    pub grantee_name: Option<String>,
    /// `SecurityGroup` or `CustomerUser`.
    pub grantee_kind: String,
    /// Each role with its end.
    pub roles: Vec<HeldRoleView>,
    /// The grants that explain it.
    pub grants: Vec<String>,
}

/// A role that is held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldRoleView {
    /// Its template id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Until when.
    #[schemars(with = "String")]
    pub until: Timestamp,
}

/// A relationship that could not be read at Microsoft.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnreadView {
    /// Its name in the store.
    pub relationship: String,
    /// Why.
    pub reason: String,
}

impl UnreadView {
    /// All that could not be read.
    pub fn of_each(observed: &Observed) -> Vec<Self> {
        let unread = observed.service.iter().flat_map(|service| &service.unread);
        let view = |(key, reason): (&RelationshipKey, &String)| Self {
            relationship: key.name.to_string(),
            reason: reason.clone(),
        };
        unread.map(view).collect()
    }
}

/// The relationships of a store.
pub fn relationships(
    observed: &Observed,
    format: Format,
    detail: Detail,
) -> Result<Rendered, Unsupported> {
    let document = RelationshipsDocument::of(observed);
    written(&document, &relationships_table(&document, with_ids(format, detail)), format)
}

/// What each grantee holds.
pub fn assignments(
    observed: &Observed,
    format: Format,
    detail: Detail,
) -> Result<Rendered, Unsupported> {
    let document = AssignmentsDocument::of(observed);
    written(&document, &assignments_table(&document, with_ids(format, detail)), format)
}

/// A spreadsheet has room for everything, and is compared with other ones by the ids.
fn with_ids(format: Format, detail: Detail) -> Detail {
    if format == Format::Csv { Detail::Wide } else { detail }
}

fn written(
    document: &impl Serialize,
    table: &Table,
    format: Format,
) -> Result<Rendered, Unsupported> {
    match Answer::Table.admits(format)? {
        Format::Json | Format::Yaml => Ok(Rendered::document(document)),
        Format::Markdown => Ok(Rendered::Text(table.markdown())),
        Format::Csv => Ok(Rendered::Text(table.csv())),
        Format::Text | Format::Short | Format::Sarif | Format::Junit | Format::Github => {
            Ok(Rendered::Text(table.text()))
        }
    }
}

/// The column of the partner. Where there is one, and without a name, only a wide table has it.
const PARTNER: usize = 1;

fn relationships_table(document: &RelationshipsDocument, detail: Detail) -> Table {
    let short = ["NAME", "PARTNER", "CUSTOMER", "TYPE", "LIFECYCLE", "ENDS", "ROLES"];
    let wide = ["GRANTEES", "CLOUD", "PARTNER ID", "CUSTOMER ID", "OWNER", "INVITATION"];
    let mut headings = short.to_vec();
    let partners: BTreeSet<&String> = document.items.iter().map(|row| &row.partner).collect();
    let is_named = document.items.iter().any(|row| row.partner_name.is_some());
    let tells_partner = detail == Detail::Wide || is_named || partners.len() > 1;
    if !tells_partner {
        headings.remove(PARTNER);
    }
    if detail == Detail::Wide {
        headings.extend(wide);
    }
    let at_microsoft = document.items.iter().any(|row| row.at_microsoft.is_some());
    if at_microsoft && detail == Detail::Wide {
        headings.push("AT MICROSOFT");
    }
    let mut table = Table::new(&headings);
    for row in &document.items {
        let mut cells = vec![
            row.name.clone(),
            row.partner_name.clone().unwrap_or_else(|| row.partner.clone()),
            row.customer_name.clone().unwrap_or_else(|| row.customer.clone()),
            row.type_.clone(),
            row.lifecycle.clone(),
            row.ends_at.map(|end| end.to_string()).unwrap_or_default(),
            row.roles.join(", "),
        ];
        if !tells_partner {
            cells.remove(PARTNER);
        }
        if detail == Detail::Wide {
            cells.extend([
                row.grantees.to_string(),
                row.cloud.clone(),
                row.partner.clone(),
                row.customer.clone(),
                row.owner.clone(),
                row.invitation.map(|digest| digest.to_string()).unwrap_or_default(),
            ]);
            if at_microsoft {
                cells.push(row.at_microsoft.clone().unwrap_or_default());
            }
        }
        table.row(cells);
    }
    table
}

fn assignments_table(document: &AssignmentsDocument, detail: Detail) -> Table {
    let mut headings = vec!["RELATIONSHIP", "CUSTOMER", "GRANTEE", "NAME", "ROLE", "UNTIL"];
    if detail == Detail::Wide {
        headings.extend(["CUSTOMER ID", "KIND", "ROLE ID", "GRANTS"]);
    }
    let mut table = Table::new(&headings);
    for row in &document.items {
        for role in &row.roles {
            let mut cells = vec![
                row.relationship.clone(),
                row.customer_name.clone().unwrap_or_else(|| row.customer.clone()),
                row.grantee.clone(),
                row.grantee_name.clone().unwrap_or_default(),
                role.name.clone(),
                role.until.to_string(),
            ];
            if detail == Detail::Wide {
                cells.extend([
                    row.customer.clone(),
                    row.grantee_kind.clone(),
                    role.id.clone(),
                    row.grants.join(", "),
                ]);
            }
            table.row(cells);
        }
    }
    table
}

impl RelationshipsDocument {
    /// The document of what was observed.
    pub fn of(observed: &Observed) -> Self {
        let rows = observed.relationships.values().flatten();
        Self {
            format_version: FORMAT_VERSION,
            kind: "Relationships".to_owned(),
            now: observed.now,
            items: rows.map(|row| RelationshipView::of(row, observed.now)).collect(),
            unread: UnreadView::of_each(observed),
        }
    }
}

impl AssignmentsDocument {
    /// The document of what was observed.
    pub fn of(observed: &Observed) -> Self {
        let rows = observed.relationships.values().flatten();
        let held = rows.flat_map(|row| {
            let all = row.assignments.values();
            all.map(|held| AssignmentView::of(row, held, observed.now))
        });
        let held = held.filter(|held| !held.roles.is_empty());
        Self {
            format_version: FORMAT_VERSION,
            kind: "Assignments".to_owned(),
            now: observed.now,
            items: held.collect(),
            unread: UnreadView::of_each(observed),
        }
    }
}

/// The customer's tenant; nothing where anybody may still accept.
fn customer(row: &ObservedRelationship) -> String {
    let customer = row.invitation.customer;
    if customer == TenantId::from_u128(0) { String::new() } else { customer.to_string() }
}

impl RelationshipView {
    fn of(row: &ObservedRelationship, now: Timestamp) -> Self {
        let all = row.assignments.values();
        let held = all.filter(|held| held_roles(row, held, now).next().is_some());
        Self {
            name: row.key.name.to_string(),
            cloud: format!("{:?}", row.key.cloud),
            partner: row.key.partner.to_string(),
            partner_name: row.partner_name.clone(),
            customer: customer(row),
            customer_name: row.customer_name.clone(),
            type_: format!("{:?}", row.invitation.type_),
            lifecycle: row.stage(now).to_string(),
            ends_at: row.ends_at,
            roles: names(&row.ceiling),
            grantees: held.count(),
            owner: if row.owner.is_nobody() { String::new() } else { row.owner.to_string() },
            invitation: (!row.owner.is_nobody()).then_some(row.digest),
            at_microsoft: row.at.as_ref().map(|at| at.id.to_string()),
        }
    }
}

impl AssignmentView {
    fn of(row: &ObservedRelationship, held: &ObservedAssignment, now: Timestamp) -> Self {
        let ObservedAssignment { grantee, version: _, state, flight: _ } = held;
        let roles = held_roles(row, held, now).map(|(id, until)| HeldRoleView {
            id: id.to_string(),
            name: Catalogue::compiled().name_of(id),
            until,
        });
        Self {
            relationship: row.key.name.to_string(),
            customer: row.invitation.customer.to_string(),
            customer_name: row.customer_name.clone(),
            grantee: grantee.id.to_string(),
            grantee_name: grantee.name.clone(),
            grantee_kind: format!("{:?}", grantee.kind),
            roles: roles.collect(),
            grants: state.contributions.keys().map(ToString::to_string).collect(),
        }
    }
}

/// What is held at an instant: nothing that is over, also where nobody has taken it away yet.
fn held_roles<'a>(
    row: &ObservedRelationship,
    held: &'a ObservedAssignment,
    now: Timestamp,
) -> impl Iterator<Item = (RoleId, Timestamp)> + use<'a> {
    let counts = row.gives_access(now);
    let roles = held.state.roles.iter().filter(move |(_, until)| counts && **until > now);
    roles.map(|(id, until)| (*id, *until))
}

fn names<'a>(roles: impl IntoIterator<Item = &'a RoleId>) -> Vec<String> {
    let mut names: Vec<String> =
        roles.into_iter().map(|role| Catalogue::compiled().name_of(*role)).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::render::plan::sample::world;

    fn text_of(rendered: Result<Rendered, Unsupported>) -> String {
        match rendered {
            Ok(Rendered::Text(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn relationships_and_assignments_are_rows_whose_names_stay_in_their_cells() {
        let (_, observed) = world();
        let rows = text_of(relationships(&observed, Format::Text, Detail::Short));
        let held = text_of(assignments(&observed, Format::Text, Detail::Short));
        assert_snapshot!(format!("{rows}\n{held}"));
        let wide = text_of(relationships(&observed, Format::Markdown, Detail::Wide));
        assert_snapshot!("a_wide_table_adds_the_ids_the_owner_and_the_digest", wide);
    }

    #[test]
    fn a_partner_that_is_an_id_alone_is_told_where_there_are_several_and_in_a_wide_table() {
        let (_, mut observed) = world();
        let headings = |observed: &Observed, detail| {
            let text = text_of(relationships(observed, Format::Text, detail));
            text.lines().next().unwrap_or_default().contains("PARTNER ")
        };
        assert!(headings(&observed, Detail::Short), "it has a name");
        observed.relationships.values_mut().flatten().for_each(|row| row.partner_name = None);
        assert!(!headings(&observed, Detail::Short));
        assert!(headings(&observed, Detail::Wide));
        let row = observed.relationships.values_mut().flatten().next();
        row.expect("there are two").key.partner = TenantId::from_u128(7);
        assert!(headings(&observed, Detail::Short));
    }

    #[test]
    fn what_is_over_is_left_out_or_expired_also_where_nobody_has_recorded_it() {
        let (_, mut observed) = world();
        let active = |view: &&RelationshipView| view.lifecycle == "Active";
        assert!(RelationshipsDocument::of(&observed).items.iter().any(|view| active(&view)));
        let ends = observed.relationships.values().flatten().filter_map(|row| row.ends_at);
        observed.now = ends.max().expect("one of them ends");
        let document = RelationshipsDocument::of(&observed);
        assert!(document.items.iter().all(|view| !active(&view) && view.grantees == 0));
        assert_eq!(AssignmentsDocument::of(&observed).items, []);
    }

    #[test]
    fn an_empty_store_says_so_and_its_document_has_no_items() {
        let (_, mut observed) = world();
        observed.relationships.clear();
        let text = text_of(relationships(&observed, Format::Text, Detail::Short));
        assert_eq!(text, "We didn't find anything to show here.\n");
        assert_eq!(RelationshipsDocument::of(&observed).items, []);
        assert!(assignments(&observed, Format::Junit, Detail::Short).is_err());
    }
}
