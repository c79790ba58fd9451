//! What a person may do to a folder of manifests between two runs: one edit at a time, of many sorts.
//!
//! Never: an edit that looks at what the program would make of it.

use serde_json::{Value, json};

use super::{
    cast::{
        NAMESPACES, OFFERS, Pending, ROLES, TASKS, TIERS, answer, grant, group, object, partner,
        partner_of, proposal, relationship, written,
    },
    folder::{Folder, file_of},
};
use crate::simulation::chance::Chance;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Somebody at work in a folder.
pub struct Editor<'a> {
    pub folder: &'a mut Folder,
    pub chance: &'a mut Chance,
    pub now: i64,
    /// Invitations that can be answered, as `concordat offer` shows them.
    pub pending: &'a [Pending],
}

/// A sort of edit: its name, how often it is tried, and whether it found something to edit.
pub type Sort = (&'static str, usize, fn(&mut Editor<'_>) -> bool);

pub const SORTS: &[Sort] = &[
    ("add grant", 22, |editor| editor.add_grant()),
    ("remove grant", 7, |editor| editor.remove("RoleGrant")),
    ("roles", 7, |editor| editor.other_roles()),
    ("tasks", 2, |editor| editor.tasks()),
    ("access level", 1, |editor| editor.access_level()),
    ("group", 4, |editor| editor.other_group()),
    ("user", 1, |editor| editor.user()),
    ("window", 5, |editor| editor.window()),
    ("longer", 6, |editor| editor.move_end(1)),
    ("shorter", 6, |editor| editor.move_end(-1)),
    ("open window", 4, |editor| editor.open_window()),
    ("past window", 1, |editor| editor.past_window()),
    ("reversed window", 1, |editor| editor.reversed_window()),
    ("end to end", 5, |editor| editor.end_to_end()),
    ("under another", 3, |editor| editor.under_another()),
    ("by label", 2, |editor| editor.by_label()),
    ("label", 2, |editor| editor.label()),
    ("justification", 1, |editor| editor.justification()),
    ("add relationship", 5, |editor| editor.add_relationship()),
    ("remove relationship", 3, |editor| editor.remove_relationship()),
    ("other offer", 7, |editor| editor.other_offer()),
    ("inline offer", 2, |editor| editor.inline_offer()),
    ("edit offer", 4, |editor| editor.edit_offer()),
    ("remove offer", 1, |editor| editor.remove("PartnerOffer")),
    ("automatic extension", 2, |editor| editor.automatic_extension()),
    ("renewal", 2, |editor| editor.renewal()),
    ("management", 1, |editor| {
        editor.set("PartnerRelationship", "managementPolicy", &["Manage", "Manage", "Observe"])
    }),
    ("unmanaged", 1, |editor| {
        editor.set("PartnerRelationship", "unmanagedAssignments", &["Keep", "Revoke"])
    }),
    ("deletion of a relationship", 2, |editor| {
        let policies = &["Revoke", "Terminate", "Retain"];
        editor.set("PartnerRelationship", "deletionPolicy", policies)
    }),
    ("deletion of a grant", 2, |editor| {
        editor.set("RoleGrant", "deletionPolicy", &["Revoke", "Retain"])
    }),
    ("suspend", 3, |editor| editor.suspend()),
    ("display name", 2, |editor| editor.display_name()),
    ("move grant", 1, |editor| editor.move_to_other_namespace("RoleGrant")),
    ("move relationship", 1, |editor| editor.move_to_other_namespace("PartnerRelationship")),
    ("adopt", 2, |editor| editor.adopt()),
    ("annotation", 1, |editor| editor.annotation()),
    ("accept", 26, |editor| editor.answer("Accept", 0)),
    ("accept late", 2, |editor| editor.answer("Accept", -3 * DAY)),
    ("accept in the future", 1, |editor| editor.answer("Accept", HOUR)),
    ("accept something else", 1, |editor| editor.accept_something_else()),
    ("accept for another", 1, |editor| editor.accept_for_another()),
    ("decline", 2, |editor| editor.answer("Decline", 0)),
    ("accept again", 2, |editor| editor.accept_again()),
    ("remove acceptance", 2, |editor| editor.remove("AgreementAcceptance")),
    ("boundary", 5, |editor| editor.some_boundary()),
    ("limits", 5, |editor| editor.other_limits()),
    ("rename boundary", 1, |editor| editor.rename_boundary()),
    ("namespaces of a boundary", 1, |editor| editor.namespaces_of_boundary()),
    ("remove boundary", 1, |editor| editor.remove("PartnerBoundary")),
    ("duplicate", 1, |editor| editor.duplicate()),
    ("remove file", 2, |editor| editor.remove_file()),
    ("restore file", 3, |editor| editor.restore_file()),
    ("check out", 1, |editor| editor.check_out()),
    ("break", 1, |editor| editor.break_text()),
];

/// One edit, by chance.
pub fn edit(editor: &mut Editor<'_>) -> &'static str {
    let all: usize = SORTS.iter().map(|(_, weight, _)| weight).sum();
    loop {
        let mut left = editor.chance.below(all);
        for (name, weight, edit) in SORTS {
            if left < *weight {
                if edit(editor) {
                    return name;
                }
                break;
            }
            left -= weight;
        }
    }
}

impl Editor<'_> {
    /// A file whose object is of this kind, if there is one.
    fn some(&mut self, kind: &str) -> Option<String> {
        let files = self.folder.of_kind(kind);
        (!files.is_empty()).then(|| self.chance.pick(&files))
    }

    fn change(&mut self, kind: &str, change: impl FnOnce(&mut Value)) -> bool {
        let Some(file) = self.some(kind) else { return false };
        self.folder.edit(&file, change);
        true
    }

    fn set(&mut self, kind: &str, field: &str, values: &[&str]) -> bool {
        let value = self.chance.pick(values);
        self.change(kind, |object| object["spec"][field] = json!(value))
    }

    fn remove(&mut self, kind: &str) -> bool {
        let Some(file) = self.some(kind) else { return false };
        self.folder.remove(&file);
        true
    }

    fn namespace(&mut self) -> &'static str {
        if self.chance.one_in(4) { NAMESPACES[1] } else { NAMESPACES[0] }
    }

    fn some_roles(&mut self) -> Vec<usize> {
        let admin = self.chance.one_in(12);
        let mut roles: Vec<usize> = (0..4).filter(|_| self.chance.one_in(3)).collect();
        if admin {
            roles.push(4);
        }
        if roles.is_empty() { vec![self.chance.below(3)] } else { roles }
    }

    /// Roles that the offer of a relationship has, mostly.
    fn roles_under(&mut self, namespace: &str, relationship: &str) -> Vec<usize> {
        let file = file_of("PartnerRelationship", namespace, relationship);
        let offer =
            self.folder.object(&file).map(|object| text(&object["spec"]["offerRef"]["name"]));
        let file = file_of("PartnerOffer", namespace, &offer.unwrap_or_default());
        let offered = self.folder.object(&file).map(|object| object["spec"]["roles"].clone());
        let roles = self.some_roles();
        let Some(Value::Array(offered)) = offered.filter(|_| !self.chance.one_in(12)) else {
            return roles;
        };
        let is_offered = |role: &usize| offered.iter().any(|offered| offered == ROLES[*role].0);
        let first = (0..ROLES.len()).find(is_offered);
        let roles: Vec<usize> = roles.into_iter().filter(is_offered).collect();
        if roles.is_empty() { first.into_iter().collect() } else { roles }
    }

    /// An instant around now, to the second.
    fn instant(&mut self, from: i64, to: i64) -> i64 {
        let at = self.now + self.chance.between(from, to);
        at - at.rem_euclid(1_000)
    }

    /// The relationships of a namespace, by their objects.
    fn relationships(&self, namespace: &str) -> Vec<String> {
        let files = self.folder.of_kind("PartnerRelationship");
        let objects = files.iter().filter_map(|file| self.folder.object(file));
        let metadata = objects.map(|object| &object["metadata"]);
        let here = metadata.filter(|metadata| metadata["namespace"] == namespace);
        here.map(|metadata| text(&metadata["name"])).collect()
    }

    pub fn add_grant(&mut self) -> bool {
        let namespace = self.namespace();
        let names = self.relationships(namespace);
        if names.is_empty() {
            return false;
        }
        let (under, group_number) = (self.chance.pick(&names), self.chance.below(9));
        let roles = self.roles_under(namespace, &under);
        let mut spec = grant(&under, group_number, &roles);
        let mut from = self.now;
        if self.chance.one_in(3) {
            from = self.instant(-2 * DAY, 3 * DAY);
            spec["notBefore"] = json!(written(from));
        }
        if self.chance.one_in(2) {
            let until = from + self.chance.between(HOUR, 20 * DAY);
            spec["notAfter"] = json!(written(until));
        }
        if self.chance.one_in(8) {
            spec["deletionPolicy"] = json!("Retain");
        }
        let name = format!("g{}", self.chance.below(14));
        let file = file_of("RoleGrant", namespace, &name);
        self.folder.put(&file, &object("RoleGrant", namespace, &name, spec));
        true
    }

    fn other_roles(&mut self) -> bool {
        let Some(file) = self.some("RoleGrant") else { return false };
        let Some(object) = self.folder.object(&file) else { return false };
        let namespace = text(&object["metadata"]["namespace"]);
        let under = text(&object["spec"]["relationshipRef"]["name"]);
        let roles = self.roles_under(&namespace, &under);
        let roles: Vec<&str> = roles.into_iter().map(|role| ROLES[role].0).collect();
        self.folder.edit(&file, |object| asks(object, "roles", json!(roles)));
        true
    }

    fn tasks(&mut self) -> bool {
        let task = self.chance.pick(&TASKS);
        self.change("RoleGrant", |object| asks(object, "tasks", json!([task])))
    }

    fn access_level(&mut self) -> bool {
        let level = self.chance.pick(&["FullAdministration", "LimitedAdministration"]);
        self.change("RoleGrant", |object| asks(object, "accessLevel", json!(level)))
    }

    fn other_group(&mut self) -> bool {
        let other = group(self.chance.below(9));
        self.change("RoleGrant", |object| {
            object["spec"]["grantee"] =
                json!({ "securityGroup": { "id": other, "displayName": "another group" } });
        })
    }

    fn user(&mut self) -> bool {
        let user = group(self.chance.below(9));
        self.change("RoleGrant", |object| {
            object["spec"]["grantee"] =
                json!({ "customerUser": { "id": user, "displayName": "a user" } });
        })
    }

    fn window(&mut self) -> bool {
        let from = self.instant(-2 * DAY, 2 * DAY);
        let until = from + self.chance.between(HOUR, 10 * DAY);
        self.change("RoleGrant", |object| {
            object["spec"]["notBefore"] = json!(written(from));
            object["spec"]["notAfter"] = json!(written(until));
        })
    }

    fn move_end(&mut self, direction: i64) -> bool {
        let by = direction * self.chance.between(10 * MINUTE, 5 * DAY);
        let least = self.instant(HOUR, 2 * DAY);
        self.change("RoleGrant", |object| {
            let end = &mut object["spec"]["notAfter"];
            let at = instant_of(end).map_or(least, |at| at + by);
            *end = json!(written(at));
        })
    }

    fn open_window(&mut self) -> bool {
        let which = self.chance.pick(&["notBefore", "notAfter", "notAfter"]);
        self.change("RoleGrant", |object| unset(&mut object["spec"], which))
    }

    fn past_window(&mut self) -> bool {
        let until = self.instant(-3 * DAY, 0);
        self.change("RoleGrant", |object| {
            object["spec"]["notBefore"] = json!(written(until - DAY));
            object["spec"]["notAfter"] = json!(written(until));
        })
    }

    fn reversed_window(&mut self) -> bool {
        let from = self.instant(-DAY, DAY);
        self.change("RoleGrant", |object| {
            object["spec"]["notBefore"] = json!(written(from));
            object["spec"]["notAfter"] = json!(written(from - HOUR));
        })
    }

    /// Another grant of the same that begins when this one ends, a little before, or a little after.
    fn end_to_end(&mut self) -> bool {
        let Some(file) = self.some("RoleGrant") else { return false };
        let Some(mut next) = self.folder.object(&file).cloned() else { return false };
        let end = instant_of(&next["spec"]["notAfter"]);
        let end = end.unwrap_or_else(|| self.instant(HOUR, DAY));
        let from = end + self.chance.pick(&[0, 0, -HOUR, MINUTE]);
        let until = from + self.chance.between(HOUR, 3 * DAY);
        next["spec"]["notBefore"] = json!(written(from));
        next["spec"]["notAfter"] = json!(written(until));
        let name = format!("g{}", self.chance.below(14));
        let namespace = text(&next["metadata"]["namespace"]);
        next["metadata"]["name"] = json!(name);
        self.folder.edit(&file, |object| object["spec"]["notAfter"] = json!(written(end)));
        self.folder.put(&file_of("RoleGrant", &namespace, &name), &next);
        true
    }

    fn under_another(&mut self) -> bool {
        let name = format!("r{}", self.chance.below(4));
        self.change("RoleGrant", |object| {
            unset(&mut object["spec"], "relationshipSelector");
            object["spec"]["relationshipRef"] = json!({ "name": name });
        })
    }

    fn by_label(&mut self) -> bool {
        let tier = self.chance.pick(&TIERS);
        self.change("RoleGrant", |object| {
            unset(&mut object["spec"], "relationshipRef");
            object["spec"]["relationshipSelector"] = json!({ "matchLabels": { "tier": tier } });
        })
    }

    fn label(&mut self) -> bool {
        let tier = self.chance.pick(&TIERS);
        self.change("PartnerRelationship", |object| {
            object["metadata"]["labels"] = json!({ "tier": tier });
        })
    }

    fn justification(&mut self) -> bool {
        self.change("RoleGrant", |object| unset(&mut object["spec"], "justification"))
    }

    pub fn add_relationship(&mut self) -> bool {
        let namespace = self.namespace();
        let name = format!("r{}", self.chance.below(4));
        let offer = self.chance.pick(&OFFERS);
        let mut spec = relationship(&name, namespace, self.chance.below(3), offer);
        if self.chance.one_in(5) {
            spec["autoExtendDuration"] = json!("P180D");
        }
        if self.chance.one_in(5) {
            spec["deletionPolicy"] = json!("Terminate");
        }
        let mut new = object("PartnerRelationship", namespace, &name, spec);
        new["metadata"]["labels"] = json!({ "tier": self.chance.pick(&TIERS) });
        self.folder.put(&file_of("PartnerRelationship", namespace, &name), &new);
        true
    }

    /// With what refers to it, mostly.
    fn remove_relationship(&mut self) -> bool {
        let Some(file) = self.some("PartnerRelationship") else { return false };
        let Some(object) = self.folder.object(&file).cloned() else { return false };
        self.folder.remove(&file);
        if self.chance.one_in(4) {
            return true;
        }
        let metadata = &object["metadata"];
        for file in ["RoleGrant", "AgreementAcceptance"]
            .iter()
            .flat_map(|kind| self.folder.of_kind(kind))
            .collect::<Vec<_>>()
        {
            let refers = self.folder.object(&file).is_some_and(|other| {
                other["metadata"]["namespace"] == metadata["namespace"]
                    && other["spec"]["relationshipRef"]["name"] == metadata["name"]
            });
            if refers {
                self.folder.remove(&file);
            }
        }
        true
    }

    fn other_offer(&mut self) -> bool {
        let offer = self.chance.pick(&OFFERS);
        self.change("PartnerRelationship", |object| {
            unset(&mut object["spec"], "offer");
            object["spec"]["offerRef"] = json!({ "name": offer });
        })
    }

    fn inline_offer(&mut self) -> bool {
        let name = self.chance.pick(&["all", "few", "short", "legacy"]);
        let partner_number = self.chance.below(2);
        self.change("PartnerRelationship", |object| {
            let namespace = text(&object["metadata"]["namespace"]);
            let own = partner_of(&namespace);
            let number = if name == "short" { partner_number } else { own };
            unset(&mut object["spec"], "offerRef");
            object["spec"]["offer"] = proposal(number, name);
        })
    }

    fn edit_offer(&mut self) -> bool {
        let duration = self.chance.pick(&["P2D", "P40D", "P100D", "P365D"]);
        let roles: Vec<&str> = self.some_roles().into_iter().map(|role| ROLES[role].0).collect();
        let what = self.chance.below(8);
        let other = partner(self.chance.below(2));
        self.change("PartnerOffer", |object| match what {
            0..=2 => object["spec"]["duration"] = json!(duration),
            3..=5 => object["spec"]["roles"] = json!(roles),
            6 => object["spec"]["partner"]["tenantId"] = json!(other),
            _ => object["spec"]["type"] = json!("DelegatedAdmin"),
        })
    }

    fn automatic_extension(&mut self) -> bool {
        self.set("PartnerRelationship", "autoExtendDuration", &["PT0S", "P180D"])
    }

    fn renewal(&mut self) -> bool {
        let mode = self.chance.pick(&["Invite", "Invite", "Notify"]);
        let before = self.chance.pick(&["P1D", "P10D", "P60D"]);
        self.change("PartnerRelationship", |object| {
            object["spec"]["renewal"] = json!({ "mode": mode, "before": before });
        })
    }

    fn suspend(&mut self) -> bool {
        let kind = self.chance.pick(&["RoleGrant", "PartnerRelationship"]);
        let on = self.chance.one_in(2);
        self.change(kind, |object| object["spec"]["suspend"] = json!(on))
    }

    fn display_name(&mut self) -> bool {
        let number = self.chance.below(3);
        let which = self.chance.below(4);
        self.change("PartnerRelationship", |object| {
            let name = format!("{}-x{number}", text(&object["spec"]["displayName"]));
            match which {
                0 => object["spec"]["displayName"] = json!(name),
                1 => {
                    object["spec"]["customer"]["displayName"] = json!(format!("Customer {number}"));
                }
                2 => object["spec"]["displayName"] = json!("msp-r0"),
                _ => object["metadata"]["name"] = json!(format!("r{number}")),
            }
        })
    }

    fn move_to_other_namespace(&mut self, kind: &str) -> bool {
        let Some(file) = self.some(kind) else { return false };
        let Some(mut moved) = self.folder.object(&file).cloned() else { return false };
        let here = text(&moved["metadata"]["namespace"]);
        let there = if here == NAMESPACES[0] { NAMESPACES[1] } else { NAMESPACES[0] };
        moved["metadata"]["namespace"] = json!(there);
        self.folder.remove(&file);
        self.folder.put(&file_of(kind, there, &text(&moved["metadata"]["name"])), &moved);
        true
    }

    fn adopt(&mut self) -> bool {
        let (namespace, name) = (self.chance.pick(&NAMESPACES), self.chance.below(4));
        let owner = format!("cli/{namespace}/r{name}");
        let number = self.chance.below(4);
        let store_name = format!("{namespace}-r{name}");
        let takes_name = self.chance.one_in(2);
        self.change("PartnerRelationship", |object| {
            object["metadata"]["annotations"] = json!({ "concordat.dev/adopt-from": owner });
            if takes_name {
                object["spec"]["displayName"] = json!(store_name);
                object["spec"]["customer"]["tenantId"] = json!(super::cast::customer(number % 3));
            }
        })
    }

    fn annotation(&mut self) -> bool {
        let kind = self.chance.pick(&["RoleGrant", "PartnerRelationship", "PartnerOffer"]);
        let number = self.chance.below(100);
        self.change(kind, |object| {
            object["metadata"]["annotations"] = json!({ "team": format!("t{number}") });
        })
    }

    pub fn answer(&mut self, decision: &str, later: i64) -> bool {
        if self.pending.is_empty() {
            return false;
        }
        let pending = self.chance.pick(self.pending);
        self.put_answer(&pending, decision, self.now + later);
        true
    }

    fn put_answer(&mut self, to: &Pending, decision: &str, at: i64) {
        let name = format!("a{}", self.chance.below(10_000));
        let spec = answer(to, decision, at);
        let file = file_of("AgreementAcceptance", &to.namespace, &name);
        self.folder.put(&file, &object("AgreementAcceptance", &to.namespace, &name, spec));
    }

    fn accept_something_else(&mut self) -> bool {
        if self.pending.is_empty() {
            return false;
        }
        let digest = format!("{:064x}", self.chance.bits());
        let other = Pending { digest, ..self.chance.pick(self.pending) };
        self.put_answer(&other, "Accept", self.now);
        true
    }

    fn accept_for_another(&mut self) -> bool {
        if self.pending.is_empty() {
            return false;
        }
        let name = format!("r{}", self.chance.below(4));
        let other = Pending { name, ..self.chance.pick(self.pending) };
        self.put_answer(&other, "Accept", self.now);
        true
    }

    /// The same answer under another name, perhaps in other words about its time.
    fn accept_again(&mut self) -> bool {
        let Some(file) = self.some("AgreementAcceptance") else { return false };
        let Some(mut again) = self.folder.object(&file).cloned() else { return false };
        let name = format!("a{}", self.chance.below(10_000));
        let namespace = text(&again["metadata"]["namespace"]);
        again["metadata"]["name"] = json!(name);
        if self.chance.one_in(2) {
            again["spec"]["acceptedAt"] = json!(written(self.now));
        }
        self.folder.put(&file_of("AgreementAcceptance", &namespace, &name), &again);
        true
    }

    fn duplicate(&mut self) -> bool {
        let kind = self.chance.pick(&["RoleGrant", "PartnerRelationship", "PartnerOffer"]);
        let Some(file) = self.some(kind) else { return false };
        let text = self.folder.texts[&file].clone();
        self.folder.write(&file.replace(".yaml", "-copy.yaml"), text);
        true
    }

    fn remove_file(&mut self) -> bool {
        let files: Vec<String> = self.folder.texts.keys().cloned().collect();
        if files.len() < 3 {
            return false;
        }
        let file = self.chance.pick(&files);
        self.folder.remove(&file);
        true
    }

    /// A file comes back as it was once.
    fn restore_file(&mut self) -> bool {
        let Some(past) = self.some_commit() else { return false };
        let past = &self.folder.commits[past];
        let mut other =
            past.iter().filter(|(file, text)| self.folder.texts.get(*file) != Some(*text));
        let many = other.clone().count();
        if many == 0 {
            return false;
        }
        let (file, text) = other.nth(self.chance.below(many)).expect("there are so many");
        let (file, text) = (file.clone(), text.clone());
        self.folder.write(&file, text);
        true
    }

    /// Everything becomes as it was once.
    fn check_out(&mut self) -> bool {
        let Some(past) = self.some_commit() else { return false };
        let texts = self.folder.commits[past].clone();
        self.folder.restore(&texts);
        true
    }

    fn some_commit(&mut self) -> Option<usize> {
        let many = self.folder.commits.len();
        (many > 3).then(|| 3 + self.chance.below(many - 3))
    }

    fn break_text(&mut self) -> bool {
        let files: Vec<String> = self.folder.texts.keys().cloned().collect();
        let file = self.chance.pick(&files);
        let text = self.folder.texts[&file].clone();
        let broken = match self.chance.below(5) {
            0 => text.replacen("  ", "\t", 1),
            1 => text.chars().take(text.len() * 2 / 3).collect(),
            2 => text.replacen("spec:", "spec:\n  sepc: 1", 1),
            3 => text.replace("Administrator", "Administrater"),
            _ => text.replacen("name:", "name: x\n  name:", 1),
        };
        if broken == text {
            return false;
        }
        self.folder.write(&file, broken);
        true
    }
}

/// Asks in one way and no longer in the others.
fn asks(grant: &mut Value, how: &str, what: Value) {
    for other in ["roles", "tasks", "accessLevel"] {
        unset(&mut grant["spec"], other);
    }
    grant["spec"][how] = what;
}

fn unset(object: &mut Value, field: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(field);
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Milliseconds since 1970.
pub fn instant_of(value: &Value) -> Option<i64> {
    value.as_str()?.parse().ok().map(jiff::Timestamp::as_millisecond)
}
