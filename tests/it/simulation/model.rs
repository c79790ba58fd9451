//! What should be held, as a careful reader of the rules would work it out: instant by instant, from the objects in the
//! cluster and what each grant last gave.
//!
//! Never: a look at what the planner records, or arithmetic on intervals.

use std::collections::{BTreeMap, BTreeSet};

use concordat::{
    api::{GrantDeletionPolicy, ManagementPolicy, RelationshipDeletionPolicy, RoleGrantSpec},
    domain::{
        ids::{Kind, RoleId},
        lifecycle::Phase,
        state::{Observed, ObservedRelationship, Roles},
    },
};
use jiff::Timestamp;

use super::{
    cast::{relationship_key, store_name},
    cluster::{Cluster, Name, Seen, Stand, known, selects},
    server::{Server, leaves},
};

/// What one grant gives under one relationship.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    uid: String,
    grantee: String,
    roles: BTreeSet<RoleId>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    retained: bool,
}

impl Given {
    pub fn grantee(&self) -> &str {
        &self.grantee
    }

    pub fn roles(&self) -> impl Iterator<Item = &RoleId> {
        self.roles.iter()
    }

    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// What each grant last gave under each relationship, and how much of the log of changes was read.
#[derive(Debug, Clone, Default)]
pub struct Model {
    given: BTreeMap<(Name, String), Given>,
    /// The number and the end of the row in which it is held.
    row: BTreeMap<Name, (u32, Option<Timestamp>)>,
    read: BTreeMap<Kind, usize>,
}

/// The row in which access is held: the newest that is active.
pub fn active<'a>(observed: &'a Observed, name: &Name) -> Option<&'a ObservedRelationship> {
    let first = store_name(&name.0, &name.1);
    let rows = observed.relationships.iter().find(|(key, _)| key.name == first)?.1;
    rows.iter().rfind(|row| row.lifecycle.phase() == Phase::Active)
}

fn declared(grant: &Seen<RoleGrantSpec>) -> Given {
    let RoleGrantSpec { grantee, roles, not_before, not_after, deletion_policy, .. } = &grant.spec;
    Given {
        uid: grant.uid.clone(),
        grantee: grantee.security_group.as_ref().unwrap().id.clone(),
        roles: known(roles).unwrap_or_default(),
        from: *not_before,
        until: *not_after,
        retained: *deletion_policy == GrantDeletionPolicy::Retain,
    }
}

impl Model {
    /// What a grant gives, by relationship.
    pub fn given_by(&self, namespace: &str, grant: &str) -> impl Iterator<Item = (&Name, &Given)> {
        let own = self.given.iter().filter(move |((of, by), _)| of.0 == namespace && by == grant);
        own.map(|((of, _), given)| (of, given))
    }

    /// Takes note of everything that is done by now.
    pub fn settled(&mut self, server: &Server, observed: &Observed) {
        self.bury(server);
        let cluster = Cluster::of(server);
        let mut names: BTreeSet<Name> = cluster.relationships.keys().cloned().collect();
        names.extend(self.given.keys().map(|(name, _)| name.clone()));
        for name in names {
            let Some(row) = active(observed, &name) else {
                self.given.retain(|(of, _), _| *of != name);
                continue;
            };
            self.moved(&name, row, observed);
            let here = cluster.grants.keys().filter(|(namespace, _)| *namespace == name.0);
            let mut grants: BTreeSet<String> = here.map(|(_, grant)| grant.clone()).collect();
            let had = self.given.keys().filter(|(of, _)| *of == name);
            grants.extend(had.map(|(_, grant)| grant.clone()));
            for grant in grants {
                let at = (name.clone(), grant.clone());
                let had = self.given.remove(&at);
                if let Some(mut gives) = gives(&cluster, &name, &grant, had) {
                    gives.roles.retain(|role| row.ceiling.contains(role));
                    self.given.insert(at, gives);
                }
            }
            self.begun(&name, row, observed.now);
        }
    }

    /// What moved to a successor, or whose row was extended, lasts no longer than where it was given, unless its grant gives
    /// it anew.
    fn moved(&mut self, name: &Name, row: &ObservedRelationship, observed: &Observed) {
        let is = (row.number, row.ends_at);
        let was = self.row.insert(name.clone(), is).unwrap_or(is);
        if was == is {
            return;
        }
        let first = store_name(&name.0, &name.1);
        let rows = observed.relationships.iter().filter(|(key, _)| key.name == first);
        let left = rows.flat_map(|(_, rows)| rows).filter(|left| {
            (was.0..row.number).contains(&left.number) && left.activated_at.is_some()
        });
        let Some(end) = left.filter_map(|left| left.ends_at).chain(was.1).min() else { return };
        for (_, given) in self.given.iter_mut().filter(|((of, _), _)| of == name) {
            given.until = Some(given.until.map_or(end, |until| until.min(end)));
        }
    }

    /// What is merely planned is not given: what takes no part in a stretch that has begun is forgotten.
    fn begun(&mut self, name: &Name, row: &ObservedRelationship, now: Timestamp) {
        let mut kept = self.given.clone();
        for ((of, _), gives) in kept.iter_mut().filter(|((of, _), _)| of == name) {
            let held = self.held(of, row, &gives.grantee, now);
            let (from, until) = (gives.from, gives.until);
            gives.roles.retain(|role| {
                held.get(role).is_some_and(|end| {
                    from.is_none_or(|from| from < *end) && until.is_none_or(|until| until > now)
                })
            });
        }
        kept.retain(|_, gives| !gives.roles.is_empty());
        self.given = kept;
    }

    /// What went since it was last looked, and took its effect with it.
    fn bury(&mut self, server: &Server) {
        for kind in [Kind::RoleGrant, Kind::PartnerRelationship] {
            let log = server.log.get(&kind).map_or(&[][..], Vec::as_slice);
            let read = self.read.insert(kind, log.len()).unwrap_or_default();
            for told in log.iter().skip(read).filter(|told| told.gone && leaves(&told.object)) {
                let metadata = &told.object["metadata"];
                let uid = metadata["uid"].as_str().unwrap();
                let text = |field: &str| metadata[field].as_str().unwrap().to_owned();
                let (namespace, name) = (text("namespace"), text("name"));
                let policy = &told.object["spec"]["deletionPolicy"];
                if kind == Kind::RoleGrant {
                    self.given.retain(|(of, grant), given| {
                        (&of.0, grant) != (&namespace, &name)
                            || given.uid != uid
                            || policy == "Retain"
                    });
                } else {
                    let mut before = server.as_it_is();
                    let key = relationship_key(&namespace, &name);
                    before.objects.insert(key, told.object.clone());
                    let cluster = Cluster::of(&before);
                    let own = (namespace, name);
                    let stays = |grant: &String, given: &Given| {
                        policy != "Terminate" && stays(&cluster, &own, grant, given)
                    };
                    self.given.retain(|(of, grant), given| *of != own || stays(grant, given));
                }
            }
        }
    }

    /// Who holds which roles under a relationship at an instant.
    fn at(
        &self,
        name: &Name,
        row: &ObservedRelationship,
        who: &str,
        at: Timestamp,
    ) -> BTreeSet<RoleId> {
        if row.ends_at.is_some_and(|ends_at| ends_at <= at) {
            return BTreeSet::new();
        }
        self.given
            .iter()
            .filter(|((of, _), given)| of == name && given.grantee == who && given.contains(at))
            .flat_map(|(_, given)| given.roles.iter().copied())
            .filter(|role| row.ceiling.contains(role))
            .collect()
    }

    /// What a grantee holds from now on, each role until it would first be missing.
    pub fn held(
        &self,
        name: &Name,
        row: &ObservedRelationship,
        who: &str,
        now: Timestamp,
    ) -> Roles {
        let windows = self.given.values().flat_map(|given| [given.from, given.until]);
        let instants: BTreeSet<Timestamp> =
            windows.chain([row.ends_at]).flatten().filter(|at| *at > now).collect();
        let until = |role: RoleId| {
            let missing = |at: &&Timestamp| !self.at(name, row, who, **at).contains(&role);
            *instants.iter().find(missing).expect("every relationship ends")
        };
        let held = self.at(name, row, who, now);
        held.into_iter().map(|role| (role, until(role))).collect()
    }

    /// Everybody who should hold something, by the name in the store.
    pub fn everything(&self, observed: &Observed) -> BTreeMap<(String, String), Roles> {
        let mut everything = BTreeMap::new();
        for ((name, _), given) in &self.given {
            let Some(row) = active(observed, name) else { continue };
            let held = self.held(name, row, &given.grantee, observed.now);
            if !held.is_empty() {
                everything.insert((row.key.name.to_string(), given.grantee.clone()), held);
            }
        }
        everything
    }
}

/// Whether what a grant gave outlives its relationship.
fn stays(cluster: &Cluster, name: &Name, grant: &str, given: &Given) -> bool {
    let object = cluster.grants.get(&(name.0.clone(), grant.to_owned()));
    retains(object, given) || object.is_some_and(|grant| grant.stand == Stand::Held)
}

/// What the grant says now is to happen when it goes, or else what it said before.
fn retains(object: Option<&Seen<RoleGrantSpec>>, given: &Given) -> bool {
    object
        .map_or(given.retained, |object| object.spec.deletion_policy == GrantDeletionPolicy::Retain)
}

/// What is left of a grant where nothing but its own deletion takes it away.
fn left(object: Option<&Seen<RoleGrantSpec>>, had: Option<Given>) -> Option<Given> {
    let leaves = |had: &Given| {
        object.is_some_and(|object| object.stand == Stand::Leaving && object.uid == had.uid)
            && !retains(object, had)
    };
    had.filter(|had| !leaves(had)).map(|had| capped_by_declared(object, had))
}

/// What was given, and no later than the grant says now.
fn capped_by_declared(object: Option<&Seen<RoleGrantSpec>>, had: Given) -> Given {
    match object {
        Some(object) => earlier(had, &declared(object)),
        None => had,
    }
}

/// What a grant gives from now on, if it gave `had` until now.
fn gives(cluster: &Cluster, name: &Name, grant: &str, had: Option<Given>) -> Option<Given> {
    let object = cluster.grants.get(&(name.0.clone(), grant.to_owned()));
    let Some(relationship) = cluster.relationships.get(name) else { return left(object, had) };
    if relationship.spec.management_policy == ManagementPolicy::Observe {
        return had;
    }
    let retained = relationship.spec.deletion_policy == RelationshipDeletionPolicy::Retain;
    match relationship.stand {
        Stand::Held => had.map(|had| capped_by_declared(object, had)),
        Stand::Leaving if retained => left(object, had),
        Stand::Leaving => had
            .filter(|had| stays(cluster, name, grant, had))
            .map(|had| capped_by_declared(object, had)),
        Stand::Live => match object {
            Some(object) if object.stand == Stand::Live => {
                selects(&object.spec, name, &relationship.labels).then(|| declared(object))
            }
            _ => left(object, had),
        },
    }
}

fn earlier(had: Given, declared: &Given) -> Given {
    let until = match (had.until, declared.until) {
        (Some(had), Some(declared)) => Some(had.min(declared)),
        (had, declared) => had.or(declared),
    };
    Given { until, ..had }
}
