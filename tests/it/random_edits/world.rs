//! Where a sequence of edits takes place: a folder, a store on disk, a clock that is set by hand, and the same line from
//! manifests to effects as `concordat diff` and `concordat apply` draw it.
//!
//! Never: the time of this machine, or a plan that is not made anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use concordat::{
    domain::{
        catalogue::Catalogue,
        change::{Change, Effect},
        digest::Digest,
        entry::{Actor, ActorKind, ActorStanding, Intent},
        limits::{Checked, check},
        plan::{Claimant, Foreign, Plan, access_changes, plan},
        problem::Severity,
        state::{Absence, Desired, Instance, Observed},
        validate::validate,
    },
    manifest::{Source, read_objects},
    store::{
        Outcome, Read, Scope, Signature, StoreUrl, Write as _,
        apply::{Report, apply, seen_outside},
        plan_hash,
        sql::{Clock, SqlReader, SqlWriter, open_reader, open_writer},
    },
};
use jiff::Timestamp;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

use super::{
    cast::start,
    folder::Folder,
    snapshot::{Roles, Snapshot},
};
use crate::simulation::stage::{empty_store, folder};

/// What is typed.
#[derive(Debug, Clone)]
pub struct Command {
    /// The folders that are named; none is everything.
    pub folders: Vec<String>,
    pub absence: Absence,
    pub approve: BTreeSet<Digest>,
}

/// One change as it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Partner and name of the row.
    pub row: (String, String),
    pub grantee: Option<String>,
    pub before: Roles,
    pub after: Roles,
    /// The batch under whose approval it runs, where it runs.
    pub approved: Option<String>,
}

/// What waits for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    pub hash: Digest,
    pub scope: String,
    pub members: Vec<Member>,
}

/// What somebody gains or loses, as it is told: partner, customer, grantee and role; before and after.
pub type Access = BTreeMap<(String, String, String, String), (Option<i64>, Option<i64>)>;

/// What one run told.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// What is wrong with the input. Where anything is, nothing else happened.
    pub problems: Vec<String>,
    /// The changes that `diff` said would be made, and those that `apply` made.
    pub announced: Vec<Digest>,
    pub made: Vec<Digest>,
    /// What the changes that were made mean for people.
    pub access: Access,
    pub waiting: Vec<Waiting>,
    /// What was made under an approval.
    pub approved: Vec<Member>,
    pub refused: Vec<String>,
}

impl Told {
    pub fn is_refused_input(&self) -> bool {
        !self.problems.is_empty()
    }
}

pub struct World {
    pub folder: Folder,
    pub url: StoreUrl,
    pub eye: SqliteConnection,
    writer: Option<SqlWriter>,
    reader: Option<SqlReader>,
    clock: Arc<AtomicI64>,
    /// What the last input wants, unless it was refused.
    read: Option<Desired>,
    _place: TempDir,
}

impl World {
    pub async fn new() -> Self {
        let place = folder();
        let path = place.path().join("store.db");
        empty_store(&path).await;
        let manifests = place.path().join("manifests");
        std::fs::create_dir(&manifests).unwrap();
        let clock = Arc::new(AtomicI64::new(start()));
        let eye = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
        let eye = SqliteConnection::connect_with(&eye).await.unwrap();
        Self {
            folder: Folder::new(&manifests),
            url: StoreUrl::Sqlite(path),
            eye,
            writer: None,
            reader: None,
            clock,
            read: None,
            _place: place,
        }
    }

    /// The store's clock, and everybody's.
    pub fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    pub fn pass(&mut self, time: i64) {
        self.clock.fetch_add(time, Ordering::SeqCst);
    }

    /// The next run is another process.
    pub fn leave(&mut self) {
        self.writer = None;
    }

    pub async fn snapshot(&mut self) -> Snapshot {
        let now = self.now();
        Snapshot::take(&mut self.eye, now).await
    }

    fn clock(&self) -> Clock {
        let clock = Arc::clone(&self.clock);
        Arc::new(move || Timestamp::from_millisecond(clock.load(Ordering::SeqCst)).unwrap())
    }

    pub async fn reader(&mut self) -> &mut SqlReader {
        if self.reader.is_none() {
            let reader = open_reader(&self.url).await.unwrap().with_clock(self.clock());
            self.reader = Some(reader);
        }
        self.reader.as_mut().expect("it was opened just now")
    }

    async fn writer(&mut self) -> &mut SqlWriter {
        if self.writer.is_none() {
            let writer = open_writer(&self.url, &Instance::cli(), |_| ()).await.unwrap();
            self.writer = Some(writer.with_clock(self.clock()));
        }
        self.writer.as_mut().expect("it was opened just now")
    }

    /// What the manifests want, or what is wrong with them.
    fn desired(&self, command: &Command) -> Result<Desired, Vec<String>> {
        let root = &self.folder.root;
        let mut sources: Vec<Source> = command
            .folders
            .iter()
            .map(|folder| root.join(folder))
            .filter(|path| path.is_dir())
            .map(Source::Path)
            .collect();
        if command.folders.is_empty() {
            sources.push(Source::Path(root.clone()));
        }
        let read = read_objects(&sources, "default", command.absence);
        let (input, objects, mut problems) = read.map_err(|error| vec![error.to_string()])?;
        if input.documents.is_empty() && input.problems.is_empty() {
            return Err(vec!["no object was found".to_owned()]);
        }
        let now = Timestamp::from_millisecond(self.now()).unwrap();
        let verdict = validate(&objects, Catalogue::compiled(), now);
        problems.extend(input.problems.iter().cloned());
        problems.extend(verdict.problems);
        problems.retain(|problem| problem.severity == Severity::Error);
        if problems.is_empty() {
            Ok(verdict.desired)
        } else {
            Err(problems.iter().map(|problem| problem.message.clone()).collect())
        }
    }

    /// `concordat diff`, then `concordat apply`, of the same folder at the same instant.
    pub async fn run(&mut self, command: &Command) -> Told {
        self.read = None;
        match self.desired(command) {
            Ok(desired) => self.read = Some(desired),
            Err(problems) => return Told { problems, ..Told::default() },
        }
        self.run_again(command).await
    }

    /// The same with what was read last, which reading once more would give again.
    pub async fn run_again(&mut self, command: &Command) -> Told {
        let Some(desired) = self.read.take() else { return Told::default() };
        let told = self.carry_out(&desired, command).await;
        self.read = Some(desired);
        told
    }

    async fn carry_out(&mut self, desired: &Desired, command: &Command) -> Told {
        let read_as = Claimant::cli(Foreign::ReadAs);
        let diff = planned(self.reader().await, desired, &read_as, &command.approve).await;
        let writer = self.writer().await;
        let claimant = Claimant::cli(Foreign::Conflict);
        let planned = planned(writer, desired, &claimant, &command.approve).await;
        let report = carried_out(writer, &planned, desired, &command.approve).await;
        told(&diff, &planned, &report)
    }
}

/// A plan, what of it may run, and what it was made from.
pub struct Planned {
    pub plan: Plan,
    pub checked: Checked,
    observed: Observed,
}

/// As `cli/planning.rs` observes, plans and checks.
async fn planned(
    store: &mut impl Read,
    desired: &Desired,
    claimant: &Claimant,
    approvals: &BTreeSet<Digest>,
) -> Planned {
    let keys = desired.relationships.keys().cloned().collect();
    let customers = desired.acceptances.iter().map(|acceptance| acceptance.customer).collect();
    let owned = match desired.absence {
        Absence::Keep => None,
        Absence::Prune => Some((claimant.instance.clone(), desired.namespaces.clone())),
    };
    let bounded = Some((claimant.instance.clone(), desired.namespaces.clone()));
    let scope = Scope::Of { keys, customers, owned, bounded, adopted: BTreeSet::new() };
    let observed = store.observe(&scope).await.unwrap();
    let plan = plan(desired, &observed, claimant);
    let budgets = store.budgets(&plan.governing.limits(desired)).await.unwrap();
    let checked = check(&plan, desired, &budgets, approvals);
    Planned { plan, checked, observed }
}

/// As `cli/apply.rs` blocks what waits, records approvals, makes the changes, and says what differs outside.
async fn carried_out(
    store: &mut SqlWriter,
    planned: &Planned,
    desired: &Desired,
    approvals: &BTreeSet<Digest>,
) -> Report {
    let by = signature(plan_hash(&planned.checked.run));
    store.block(&planned.checked.blocked, &by).await.unwrap();
    for batch in planned.checked.approved.iter().filter(|batch| approvals.contains(&batch.hash)) {
        store.approve(batch, &by).await.unwrap();
    }
    let (changes, limits) = (planned.checked.run.clone(), planned.plan.governing.limits(desired));
    let go_on = |_| ControlFlow::Continue(());
    let report = apply(store, changes, &limits, &by.into(), go_on).await;
    assert_eq!(report.stopped, None, "nothing fails here");
    let changed = report.tried.iter().map(|(admitted, _)| &admitted.change);
    let seen = seen_outside(&planned.plan, &planned.observed, changed);
    if !seen.is_empty() {
        store.record(seen, &signature(plan_hash(&[]))).await.unwrap();
    }
    report
}

fn signature(plan: Digest) -> Signature {
    Signature {
        actor: Actor {
            name: "ada".to_owned(),
            kind: ActorKind::Person,
            standing: ActorStanding::Claimed,
        },
        intent: Intent {
            plan: Some(plan),
            catalogue: Catalogue::compiled().version().to_owned(),
            ..Intent::default()
        },
    }
}

fn told(diff: &Planned, planned: &Planned, report: &Report) -> Told {
    let announced = diff.checked.run.iter().map(|admitted| admitted.change.id()).collect();
    let is_done = |outcome: &Outcome| *outcome == Outcome::Done;
    let done: Vec<_> = report.tried.iter().filter(|(_, outcome)| is_done(outcome)).collect();
    let refused = report.tried.iter().filter(|(_, outcome)| !is_done(outcome));
    let refused = refused.map(|(admitted, outcome)| {
        format!("{outcome:?} {:?} {}", admitted.change.subject.relationship, word(&admitted.change))
    });
    let approved = done.iter().filter_map(|(admitted, _)| {
        let approved = Some(admitted.approved?.to_string());
        Some(Member { approved, ..member(&admitted.change) })
    });
    let changes = || done.iter().map(|(admitted, _)| &admitted.change);
    let waiting = planned.checked.blocked.iter().map(|batch| Waiting {
        hash: batch.hash,
        scope: batch.scope.clone(),
        members: batch.changes.iter().map(member).collect(),
    });
    Told {
        problems: Vec::new(),
        announced,
        made: changes().map(Change::id).collect(),
        access: access(changes(), planned),
        waiting: waiting.collect(),
        approved: approved.collect(),
        refused: refused.collect(),
    }
}

fn access<'a>(changes: impl Iterator<Item = &'a Change>, planned: &Planned) -> Access {
    let mut access = Access::new();
    for told in access_changes(changes, &planned.plan.besides) {
        let (partner, customer) = (told.partner.id.to_string(), told.customer.id.to_string());
        for role in told.roles {
            let ms = |until: Option<Timestamp>| until.map(Timestamp::as_millisecond);
            let grantee = told.grantee.id.to_string();
            let who = (partner.clone(), customer.clone(), grantee, role.id.to_string());
            access.insert(who, (ms(role.before), ms(role.after)));
        }
    }
    access
}

fn member(change: &Change) -> Member {
    let row = change.subject.relationship.as_ref();
    let row = row.map(|row| (row.partner.to_string(), row.name.to_string())).unwrap_or_default();
    let mut member =
        Member { row, grantee: None, before: Roles::new(), after: Roles::new(), approved: None };
    if let Effect::SetRoles { grantee, before, after } = &change.effect {
        let roles = |roles: &concordat::domain::state::Roles| {
            roles.iter().map(|(role, until)| (role.to_string(), until.as_millisecond())).collect()
        };
        member.grantee = Some(grantee.id.to_string());
        (member.before, member.after) = (roles(&before.roles), roles(&after.roles));
    }
    member
}

/// What a change does, in a word.
fn word(change: &Change) -> String {
    let told = format!("{:?}", change.effect);
    told.split([' ', '{']).next().unwrap_or_default().to_owned()
}
