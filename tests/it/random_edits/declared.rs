//! What the manifests of a folder say, read by a second reader: no more of it than the rules need.
//!
//! Never: a judgement of what is valid; that is the program's.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    cast::ROLES,
    edits::{instant_of, text},
    snapshot::Lineage,
};

/// All of it. Objects are named `namespace/name`.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    pub grants: BTreeMap<String, Grant>,
    pub relationships: BTreeMap<String, Relationship>,
    pub boundaries: BTreeMap<String, Bounds>,
    pub answers: Vec<Answer>,
    pub namespaces: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    pub namespace: String,
    /// The relationships it reaches.
    pub lineages: BTreeSet<Lineage>,
    pub grantee: String,
    /// None where it asks for tasks: any role may be the answer.
    pub roles: Option<BTreeSet<String>>,
    /// `[from, until)`.
    pub from: i64,
    pub until: i64,
    pub suspended: bool,
}

impl Grant {
    pub fn gives(&self, lineage: &Lineage, grantee: &str, role: &str) -> bool {
        self.lineages.contains(lineage)
            && self.grantee == grantee
            && self.roles.as_ref().is_none_or(|roles| roles.contains(role))
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Relationship {
    pub lineage: Lineage,
    pub customer: String,
    /// Neither suspended nor only observed.
    pub is_live: bool,
    pub extends: bool,
    labels: Value,
    namespace: String,
}

/// How much may be lost and gained within a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    pub window: i64,
    pub revocations: (i64, i64),
    pub terminations: (i64, i64),
    pub privileged_gains: i64,
    pub new_grantees: i64,
    pub replacements: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    pub name: String,
    pub namespaces: BTreeSet<String>,
    pub limits: Limits,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub namespace: String,
    pub name: String,
    pub decision: String,
    pub customer: String,
    pub partner: String,
    pub invitation: String,
    pub at: i64,
}

/// The boundary of whoever has none.
pub const DEFAULT: &str = "default";

impl Declared {
    pub fn read<'a>(objects: impl Iterator<Item = &'a Value>) -> Self {
        let mut by_kind: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for object in objects {
            by_kind.entry(object["kind"].as_str().unwrap_or_default()).or_default().push(object);
        }
        let of = |kind: &str| by_kind.get(kind).into_iter().flatten().copied();
        let offers: BTreeMap<String, &Value> =
            of("PartnerOffer").map(|offer| (named(offer), &offer["spec"])).collect();
        let mut declared = Self::default();
        for object in of("PartnerRelationship") {
            declared.relationships.insert(named(object), relationship(object, &offers));
        }
        for object in of("RoleGrant") {
            let grant = grant(object, &declared.relationships);
            declared.grants.insert(named(object), grant);
        }
        declared.answers = of("AgreementAcceptance").map(answer).collect();
        for object in of("PartnerBoundary") {
            let name = text(&object["metadata"]["name"]);
            let bounds = Bounds {
                name: name.clone(),
                namespaces: texts(&object["spec"]["namespaces"]),
                limits: limits(&object["spec"]["limits"]),
            };
            declared.boundaries.insert(name, bounds);
        }
        let namespaced = by_kind.values().flatten().map(|object| &object["metadata"]["namespace"]);
        declared.namespaces = namespaced.filter_map(Value::as_str).map(str::to_owned).collect();
        declared
    }

    /// What bounds a namespace.
    pub fn bounds_of(&self, namespace: &str) -> Bounds {
        let mut all = self.boundaries.values();
        let own = all.find(|bounds| bounds.namespaces.contains(namespace)).cloned();
        own.unwrap_or_else(|| {
            let bounded = self.boundaries.values().flat_map(|bounds| &bounds.namespaces);
            let bounded: BTreeSet<&String> = bounded.collect();
            let free = super::cast::NAMESPACES.into_iter().map(str::to_owned);
            Bounds {
                name: DEFAULT.to_owned(),
                namespaces: free.filter(|namespace| !bounded.contains(namespace)).collect(),
                limits: limits(&Value::Null),
            }
        })
    }
}

fn named(object: &Value) -> String {
    let metadata = &object["metadata"];
    format!("{}/{}", text(&metadata["namespace"]), text(&metadata["name"]))
}

fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(text).collect()
}

fn relationship(object: &Value, offers: &BTreeMap<String, &Value>) -> Relationship {
    let (metadata, spec) = (&object["metadata"], &object["spec"]);
    let namespace = text(&metadata["namespace"]);
    let referred = format!("{namespace}/{}", text(&spec["offerRef"]["name"]));
    let inline = Some(&spec["offer"]).filter(|offer| !offer.is_null());
    let offer = inline.or_else(|| offers.get(&referred).copied());
    let partner = offer.map(|offer| text(&offer["partner"]["tenantId"])).unwrap_or_default();
    Relationship {
        lineage: (partner, text(&spec["displayName"])),
        customer: text(&spec["customer"]["tenantId"]),
        is_live: spec["suspend"] != true && spec["managementPolicy"] != "Observe",
        extends: spec["autoExtendDuration"] == "P180D",
        labels: metadata["labels"].clone(),
        namespace,
    }
}

fn grant(object: &Value, relationships: &BTreeMap<String, Relationship>) -> Grant {
    let (metadata, spec) = (&object["metadata"], &object["spec"]);
    let namespace = text(&metadata["namespace"]);
    let wanted = spec["relationshipSelector"]["matchLabels"].as_object();
    let referred = format!("{namespace}/{}", text(&spec["relationshipRef"]["name"]));
    let is_meant = |name: &str, relationship: &Relationship| match wanted {
        Some(wanted) => {
            relationship.namespace == namespace
                && wanted.iter().all(|(label, value)| relationship.labels[label] == *value)
        }
        None => name == referred,
    };
    let meant = relationships.iter().filter(|(name, relationship)| is_meant(name, relationship));
    let of_level = |level: &Value| match level.as_str() {
        Some("FullAdministration") => Some(BTreeSet::from([ROLES[4].1.to_owned()])),
        Some("LimitedAdministration") => Some(BTreeSet::from([ROLES[0].1.to_owned()])),
        Some(_) | None => None,
    };
    let ids = |names: &Value| -> BTreeSet<String> {
        let names = texts(names);
        let found = ROLES.iter().filter(|(name, _)| names.contains(*name));
        found.map(|(_, id)| (*id).to_owned()).collect()
    };
    let grantee = &spec["grantee"];
    let group = &grantee["securityGroup"]["id"];
    Grant {
        lineages: meant.map(|(_, relationship)| relationship.lineage.clone()).collect(),
        grantee: text(if group.is_null() { &grantee["customerUser"]["id"] } else { group }),
        roles: if spec["roles"].is_null() {
            of_level(&spec["accessLevel"])
        } else {
            Some(ids(&spec["roles"]))
        },
        from: instant_of(&spec["notBefore"]).unwrap_or(i64::MIN),
        until: instant_of(&spec["notAfter"]).unwrap_or(i64::MAX),
        suspended: spec["suspend"] == true,
        namespace,
    }
}

fn answer(object: &Value) -> Answer {
    let (metadata, spec) = (&object["metadata"], &object["spec"]);
    Answer {
        namespace: text(&metadata["namespace"]),
        name: text(&metadata["name"]),
        decision: text(&spec["decision"]),
        customer: text(&spec["customer"]["tenantId"]),
        partner: text(&spec["partner"]["tenantId"]),
        invitation: text(&spec["invitation"]),
        at: instant_of(&spec["acceptedAt"]).unwrap_or(i64::MAX),
    }
}

/// What is left out is as the kinds say.
fn limits(spec: &Value) -> Limits {
    let number = |value: &Value, default: i64| value.as_i64().unwrap_or(default);
    let share = |value: &Value, count, percent| {
        (number(&value["count"], count), number(&value["share"], percent))
    };
    let minutes = match spec["window"].as_str() {
        Some("PT10M") => 10,
        Some("PT6H") => 360,
        Some(_) | None => 60,
    };
    Limits {
        window: minutes * 60_000,
        revocations: share(&spec["revocations"], 25, 30),
        terminations: share(&spec["terminations"], 3, 10),
        privileged_gains: number(&spec["privilegedGains"], 25),
        new_grantees: number(&spec["newGrantees"], 100),
        replacements: number(&spec["replacements"], 10),
    }
}
