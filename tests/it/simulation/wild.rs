//! What else happens: outsiders in the store, objects that nobody can read, limits, approvals by anybody, and clocks that
//! are set back.
//!
//! Never: an end that the second opinion is asked about; what must hold here holds whatever the end is.

use std::collections::{BTreeMap, BTreeSet};

use concordat::{
    domain::ids::{Kind, RoleId},
    store::StoreUrl,
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    cast::{
        ASKER, NAMESPACES, RELATIONSHIPS, boundary, boundary_key, group, key, role, store_name,
    },
    history::{Step, USERS, some_step},
    stage::Stage,
};

/// Who held what: the name in the store, the grantee and the role.
type Held = BTreeSet<(String, String, RoleId)>;

/// What somebody in the store has given.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    given: Held,
}

pub async fn outsider(stage: &Stage) -> SqliteConnection {
    let StoreUrl::Sqlite(path) = &stage.url else { panic!("it is a file") };
    let options = SqliteConnectOptions::new().filename(path).foreign_keys(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}

async fn held(stage: &mut Stage) -> Held {
    let observed = stage.observed().await;
    let rows = observed.relationships.values().flatten();
    let rows = rows.filter(|row| row.lifecycle.to_string() == "Active");
    let assignments = rows.flat_map(|row| {
        row.assignments.iter().map(|(who, assignment)| (row.key.name.to_string(), who, assignment))
    });
    assignments
        .flat_map(|(name, who, assignment)| {
            let now = observed.now;
            let live = assignment.state.roles.iter().filter(move |(_, until)| **until > now);
            live.map(move |(role, _)| (name.clone(), who.to_string(), *role))
        })
        .collect()
}

impl Stage {
    /// Somebody writes in the store.
    async fn outside(&mut self, outside: &mut Outside) {
        let name = store_name(NAMESPACES[0], self.chance.pick(&RELATIONSHIPS));
        let (who, what) = (group(self.chance.below(3)), role(self.chance.below(3)));
        let until = self.now() + SignedDuration::from_hours(self.chance.between(1, 60));
        let mut store = outsider(self).await;
        let of = "(SELECT id FROM relationships WHERE name = $1 AND lifecycle = 'Active')";
        let change = (name.clone(), who.to_string(), what);
        match self.chance.below(5) {
            0 | 1 => {
                self.tell(&format!("outside: {change:?} until {until}"));
                let assignment = "INSERT OR IGNORE INTO assignments (relationship_id, grantee_id, grantee_kind) \
                     SELECT id, $2, 'SecurityGroup' FROM relationships \
                     WHERE name = $1 AND lifecycle = 'Active'";
                let assignment = sqlx::query(assignment);
                assignment.bind(&name).bind(who.to_string()).execute(&mut store).await.unwrap();
                let role = format!(
                    "INSERT OR REPLACE INTO assignment_roles SELECT id, $2, $3, $4 \
                     FROM relationships WHERE id = {of}"
                );
                let role = sqlx::query(sqlx::AssertSqlSafe(role)).bind(&name).bind(who.to_string());
                let role = role.bind(what.to_string()).bind(until.as_millisecond());
                role.execute(&mut store).await.unwrap();
                outside.given.insert(change);
            }
            2 | 3 => {
                let had = held(self).await.contains(&change);
                let role = format!(
                    "DELETE FROM assignment_roles WHERE relationship_id = {of} \
                     AND grantee_id = $2 AND role_id = $3"
                );
                let role = sqlx::query(sqlx::AssertSqlSafe(role)).bind(&name).bind(who.to_string());
                role.bind(what.to_string()).execute(&mut store).await.unwrap();
                if had {
                    self.tell(&format!("outside: not {change:?}"));
                }
            }
            _ => {
                self.tell(&format!("outside: {name} is ended"));
                let roles = format!("DELETE FROM assignment_roles WHERE relationship_id = {of}");
                let roles = sqlx::query(sqlx::AssertSqlSafe(roles)).bind(&name);
                roles.execute(&mut store).await.unwrap();
                let end = "UPDATE relationships SET lifecycle = 'Terminated', \
                           revision = revision + 1 WHERE name = $1 AND lifecycle = 'Active'";
                sqlx::query(end).bind(&name).execute(&mut store).await.unwrap();
            }
        }
    }

    /// One thing that may go wrong besides.
    pub async fn wild_step(&mut self, outside: &mut Outside) {
        match self.chance.below(12) {
            0 => self.outside(outside).await,
            1 => {
                let namespace = self.chance.pick(&NAMESPACES);
                let spec = boundary(namespace, &some_limits(self));
                self.happens(&Step::Put(boundary_key(namespace), json!({}), spec)).await;
            }
            2 | 5 => {
                let user = self.chance.pick(&USERS);
                self.happens(&Step::Approve(user)).await;
            }
            3 => {
                let kind = self.chance.pick(&Kind::ALL[..4]);
                let name = format!("poison-{}", self.chance.below(2));
                let spec = json!({ "offerRef": 7, "decision": "Perhaps", "roles": "all" });
                let key = key(kind, NAMESPACES[0], &name);
                self.tell(&format!("poison {key}"));
                self.server.create(&key, &json!({ "tier": "gold" }), &spec, ASKER);
            }
            4 if self.chance.one_in(3) => {
                let by = SignedDuration::from_secs(self.chance.between(1, 4_000));
                self.tell(&format!("the clock is set back by {by}"));
                self.set_back(by);
            }
            _ => {
                let step = some_step(self);
                self.happens(&step).await;
            }
        }
    }

    /// Nobody holds what no object and no outsider has ever asked for, at any time.
    pub async fn nobody_holds_more(&mut self, outside: &Outside) {
        let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for told in self.server.log.get(&Kind::RoleGrant).into_iter().flatten() {
            let spec = &told.object["spec"];
            let Some(who) = spec["grantee"]["securityGroup"]["id"].as_str() else { continue };
            let roles = spec["roles"].as_array().into_iter().flatten().filter_map(Value::as_str);
            asked.entry(who.to_owned()).or_default().extend(roles.map(str::to_owned));
        }
        for (name, who, what) in held(self).await {
            let roles = asked.get(&who).into_iter().flatten();
            let mut roles = roles.filter_map(|role| {
                concordat::domain::catalogue::Catalogue::compiled().find(role).ok().map(|it| it.id)
            });
            let given = outside.given.contains(&(name.clone(), who.clone(), what));
            assert!(given || roles.any(|role| role == what), "{who} {what}\n{}", self.story);
        }
    }
}

fn some_limits(stage: &mut Stage) -> Value {
    let mut count = || stage.chance.below(4);
    json!({
        "revocations": { "count": count(), "share": 50 },
        "terminations": { "count": count(), "share": 50 },
        "privilegedGains": count(),
        "newGrantees": count(),
        "replacements": count(),
        "window": "PT10M",
    })
}
