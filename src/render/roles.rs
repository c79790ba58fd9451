//! `roles`: what the catalogue knows, and which roles do for which tasks.
//!
//! Never: a verdict without what it leaves out.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    Answer, FORMAT_VERSION, Format, Rendered, Style, Unsupported, counted, escape, style::Paint,
    table::Table,
};
use crate::domain::catalogue::{
    Availability, Catalogue, Comparison, GdapSupport, Holder, Role, Solution, Task,
};

/// What is asked about roles.
#[derive(Debug, Clone, Copy)]
pub enum RolesAnswer<'a> {
    /// These roles.
    List(&'a [&'a Role]),
    /// One role in full.
    Show(&'a Role),
    /// Two roles side by side.
    Compare(&'a Comparison),
    /// These tasks.
    Tasks(&'a [&'a Task]),
    /// The smallest role set for some tasks.
    Solve(&'a Solution),
}

/// An answer about roles in a format.
pub fn render(
    answer: &RolesAnswer<'_>,
    format: Format,
    style: Style,
) -> Result<Rendered, Unsupported> {
    match Answer::Roles.admits(format)? {
        Format::Json | Format::Yaml => Ok(Rendered::Document(document(answer))),
        Format::Markdown => Ok(Rendered::Text(match answer {
            RolesAnswer::List(roles) => list(roles).markdown(),
            RolesAnswer::Tasks(tasks) => task_list(tasks).markdown(),
            RolesAnswer::Show(_) | RolesAnswer::Compare(_) | RolesAnswer::Solve(_) => {
                format!("```text\n{}```\n", text(answer, Style::default()))
            }
        })),
        Format::Text
        | Format::Short
        | Format::Sarif
        | Format::Junit
        | Format::Github
        | Format::Csv => Ok(Rendered::Text(text(answer, style))),
    }
}

fn text(answer: &RolesAnswer<'_>, style: Style) -> String {
    match answer {
        RolesAnswer::List(roles) => list(roles).text(),
        RolesAnswer::Show(role) => show(role, style),
        RolesAnswer::Compare(comparison) => compare(comparison, style),
        RolesAnswer::Tasks(tasks) => task_list(tasks).text(),
        RolesAnswer::Solve(solution) => solve(solution),
    }
}

fn document(answer: &RolesAnswer<'_>) -> Value {
    let catalogue = Catalogue::compiled();
    let (kind, name, value) = match answer {
        RolesAnswer::List(roles) => ("Roles", "items", json!(roles)),
        RolesAnswer::Show(role) => {
            let mut value = json!(role);
            value["ownActions"] = json!(catalogue.own_actions(role.id));
            value["actions"] = json!(catalogue.expanded_actions(role.id));
            ("Role", "role", value)
        }
        RolesAnswer::Compare(comparison) => ("RoleComparison", "comparison", json!(comparison)),
        RolesAnswer::Tasks(tasks) => ("Tasks", "items", json!(tasks)),
        RolesAnswer::Solve(solution) => ("RoleSolution", "solution", json!(solution)),
    };
    json!({
        "formatVersion": FORMAT_VERSION,
        "kind": kind,
        "catalogue": catalogue.version(),
        name: value,
    })
}

fn list(roles: &[&Role]) -> Table {
    let mut table = Table::new(&["NAME", "PRIVILEGED", "GDAP", "AVAILABLE", "TEMPLATE ID"]);
    for role in roles {
        table.row([
            role.name.to_owned(),
            if role.privileged { "privileged" } else { "" }.to_owned(),
            support(role.gdap).to_owned(),
            availability(role.availability).to_owned(),
            role.id.to_string(),
        ]);
    }
    table
}

fn support(support: GdapSupport) -> &'static str {
    match support {
        GdapSupport::Supported => "supported",
        GdapSupport::SupportedReported => "supported (reported)",
        GdapSupport::CommunityListed => "supported (community)",
        GdapSupport::Unknown => "unknown",
        GdapSupport::Excluded => "excluded",
        GdapSupport::NotApplicable => "",
    }
}

fn availability(availability: Availability) -> &'static str {
    match availability {
        Availability::Assignable => "yes",
        Availability::Deprecated => "no, deprecated",
        Availability::AssignedBySystem => "no, assigned by the system",
        Availability::NotForGeneralUse => "no, not for general use",
    }
}

fn show(role: &Role, style: Style) -> String {
    let catalogue = Catalogue::compiled();
    let mut text = style.paint(Paint::Strong, role.name) + "\n";
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<12} {value}");
        }
    };
    line("template id", &role.id.to_string());
    line("also called", &role.former_names.join(", "));
    line("privileged", if role.privileged { "yes" } else { "no" });
    line("available", availability(role.availability));
    line("GDAP", support(role.gdap));
    line("evidence", &role.gdap_evidence.join(", "));
    let inherits: Vec<String> = role.inherits.iter().map(|id| catalogue.name_of(*id)).collect();
    line("inherits", &inherits.join(", "));
    for note in &role.notes {
        text.push_str(&style.wrap(note, "  note         ", "               "));
        text.push('\n');
    }
    let own = catalogue.own_actions(role.id);
    let all = catalogue.expanded_actions(role.id);
    let _ = writeln!(text, "\n{}", style.paint(Paint::Strong, &counted(own.len(), "action")));
    for action in &own {
        let _ = writeln!(text, "  {action}");
    }
    let inherited: Vec<_> = all.difference(&own).collect();
    if !inherited.is_empty() {
        let heading = format!("{} inherited", counted(inherited.len(), "action"));
        let _ = writeln!(text, "\n{}", style.paint(Paint::Strong, &heading));
        for action in inherited {
            let _ = writeln!(text, "  {action}");
        }
    }
    text
}

fn compare(comparison: &Comparison, style: Style) -> String {
    let Comparison { a, b, only_a, only_b, both, verdict, caveats } = comparison;
    let catalogue = Catalogue::compiled();
    let (a, b) = (catalogue.name_of(*a), catalogue.name_of(*b));
    let heading = format!("{a} and {b}: {verdict}");
    let mut text = style.paint(Paint::Strong, &heading) + "\n";
    for caveat in caveats {
        text.push_str(&style.wrap(&caveat.to_string(), "  note: ", "        "));
        text.push('\n');
    }
    let sides = [
        (format!("only {a}"), Paint::Loss, "<", only_a),
        (format!("only {b}"), Paint::Gain, ">", only_b),
        ("both".to_owned(), Paint::Faint, "=", both),
    ];
    for (name, paint, sign, actions) in sides {
        if actions.is_empty() {
            continue;
        }
        let heading = format!("{name}: {}", counted(actions.len(), "action"));
        let _ = writeln!(text, "\n{}", style.paint(Paint::Strong, &heading));
        for action in actions {
            let _ = writeln!(text, "  {}", style.paint(paint, &format!("{sign} {action}")));
        }
    }
    text
}

fn task_list(tasks: &[&Task]) -> Table {
    let mut table = Table::new(&["TASK", "LEAST PRIVILEGED", "NOTE"]);
    for task in tasks {
        let names = |holders: &[Holder], word: &str| {
            let names: Vec<String> = holders.iter().map(ToString::to_string).collect();
            names.join(word)
        };
        let mut notes: Vec<String> = task.note.iter().map(|note| (*note).to_owned()).collect();
        if let Some(other) = &task.disagreement {
            notes.push(format!("another page says {}", names(&other.least, " and ")));
        }
        table.row([task.id.to_string(), names(&task.least, " and "), notes.join("; ")]);
    }
    table
}

fn solve(solution: &Solution) -> String {
    escape::visible_lines(&solution.proof.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue::Support;

    fn text_of(answer: &RolesAnswer<'_>) -> String {
        text(answer, Style::default())
    }

    #[test]
    fn a_role_is_listed_with_what_is_known_about_it() {
        let catalogue = Catalogue::compiled();
        let role = catalogue.find("User Administrator").unwrap();
        let list = text_of(&RolesAnswer::List(&[role]));
        assert!(list.starts_with("NAME"), "{list}");
        assert!(list.contains("fe930be7-5e62-47db-91af-98c3a49a38b1"), "{list}");
        let show = text_of(&RolesAnswer::Show(role));
        assert!(show.contains("also called"), "{show}");
        assert!(show.contains("  microsoft.directory/users/password/update\n"), "{show}");
    }

    #[test]
    fn two_roles_are_compared_by_their_actions_with_the_caveats() {
        let catalogue = Catalogue::compiled();
        let id = |name: &str| catalogue.find(name).unwrap().id;
        let comparison =
            catalogue.compare(id("Helpdesk Administrator"), id("User Administrator")).unwrap();
        let text = text_of(&RolesAnswer::Compare(&comparison));
        assert!(text.starts_with("Helpdesk Administrator and User Administrator: "), "{text}");
        assert!(text.contains("  note: "), "{text}");
    }

    #[test]
    fn a_solution_and_the_tasks_are_told_and_have_a_document() {
        let catalogue = Catalogue::compiled();
        let task = catalogue.task("users/reset-password-non-admin").unwrap();
        let solution = catalogue.solve(&[task], &Support::Gdap).unwrap();
        let text = text_of(&RolesAnswer::Solve(&solution));
        assert!(text.contains("documented as least privileged"), "{text}");
        let list = text_of(&RolesAnswer::Tasks(&[task]));
        assert!(list.contains("users/reset-password-non-admin"), "{list}");
        let document = document(&RolesAnswer::Solve(&solution));
        assert_eq!(document["kind"], "RoleSolution");
        assert_eq!(document["formatVersion"], FORMAT_VERSION);
    }
}
