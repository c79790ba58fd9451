//! Who leads: several candidates for one Lease, on a real API server.
//!
//! Never: two who lead at the same time.

mod replicas;
mod wire;

use std::{path::PathBuf, time::Duration};

use concordat::{
    domain::{
        digest::Digest,
        entry::{EntryKind, Head},
        state::Instance,
    },
    operator::election::{
        Candidate, EPOCH, LEDGER_HEAD, Leadership, OBSERVED_THROUGH, Pace, Published, Role, Trouble,
    },
    store::{
        Observation, Read, StoreError, StoreUrl, Write,
        sql::{open_writer_at, stored_epoch},
    },
};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use wire::Wire;

use crate::{
    cluster::{Cluster, PATIENCE, access::As},
    store_samples::by,
};

/// As in a cluster, several times faster.
const PACE: Pace = Pace {
    lasts: Duration::from_secs(3),
    renew_every: Duration::from_millis(500),
    give_up_after: Duration::from_secs(2),
    ask_again_after: Duration::from_millis(200),
};

/// A namespace with a Lease to be, and a store.
struct Ground {
    cluster: &'static Cluster,
    namespace: String,
    folder: tempfile::TempDir,
}

impl Ground {
    fn new(hint: &str) -> Self {
        let cluster = Cluster::shared();
        let (namespace, folder) = (cluster.namespace(hint), tempfile::tempdir().unwrap());
        Self { cluster, namespace, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    fn url(&self) -> StoreUrl {
        StoreUrl::Sqlite(self.file())
    }

    fn candidate(&self, identity: &str) -> Candidate {
        Candidate {
            namespace: self.namespace.clone(),
            lease: "concordat".to_owned(),
            identity: identity.to_owned(),
            store: self.url(),
            instance: instance(),
            pace: PACE,
        }
    }

    async fn begin(&self, identity: &str) -> Leadership {
        Leadership::begin(self.cluster.client().await, self.candidate(identity))
    }

    async fn leases(&self) -> Api<Lease> {
        Api::namespaced(self.cluster.client().await, &self.namespace)
    }

    async fn lease(&self) -> Lease {
        self.leases().await.get("concordat").await.unwrap()
    }

    async fn annotate(&self, annotation: &str, value: Option<&str>) {
        let patch = json!({ "metadata": { "annotations": { annotation: value } } });
        let (leases, parameters) = (self.leases().await, PatchParams::default());
        leases.patch("concordat", &parameters, &Patch::Merge(patch)).await.unwrap();
    }

    /// What a leader of this epoch writes to its store; the end of the ledger then.
    async fn write(&self, epoch: i64) -> Head {
        let mut store = open_writer_at(&self.url(), &instance(), epoch).await.unwrap();
        let (kind, subject) = (EntryKind::Difference, "acme".to_owned());
        let payload = format!("{epoch} {}", Timestamp::now()).into();
        store.record(vec![Observation { kind, subject, payload }], &by("ada")).await.unwrap();
        let head = store.head().await.unwrap();
        store.close().await.unwrap();
        head
    }
}

fn instance() -> Instance {
    Instance("operator".into())
}

async fn reaches<T: Clone>(
    mut watched: watch::Receiver<T>,
    what: &str,
    holds: impl Fn(&T) -> bool,
) -> T {
    let reached = timeout(PATIENCE, watched.wait_for(holds)).await;
    reached.unwrap_or_else(|_| panic!("it does not come to {what}")).unwrap().clone()
}

/// Waits until it leads, and gives its epoch.
async fn leads(leadership: &Leadership) -> i64 {
    let role = reaches(leadership.role(), "lead", |role| *role != Role::Follower).await;
    let Role::Leader { epoch } = role else { unreachable!("it leads") };
    epoch
}

async fn follows(leadership: &Leadership) {
    reaches(leadership.role(), "follow", |role| *role == Role::Follower).await;
    assert!(!leadership.leads_now());
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let reached = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("it does not come to {what}"));
}

#[tokio::test]
async fn one_of_several_leads_and_the_next_begins_at_once_with_a_higher_epoch() {
    let ground = Ground::new("leader");
    let first = ground.begin("first").await;
    assert_eq!(leads(&first).await, 1);
    assert!(first.leads_now());
    let (second, third) = (ground.begin("second").await, ground.begin("third").await);
    let head = ground.write(1).await;
    let published = Published { observed_through: Some(Timestamp::now()), head };
    first.publish(1, published);
    until("publish", async || ground.lease().await.annotations().contains_key(LEDGER_HEAD)).await;
    let lease = ground.lease().await;
    let told = |lease: &Lease, annotation| lease.annotations()[annotation].clone();
    assert_eq!(told(&lease, EPOCH), "1");
    assert_eq!(told(&lease, OBSERVED_THROUGH), published.observed_through.unwrap().to_string());
    assert_eq!(told(&lease, LEDGER_HEAD), format!("1:{}", head.hash));
    let spec = lease.spec.unwrap();
    assert_eq!(spec.holder_identity.as_deref(), Some("first"));
    assert_eq!((spec.lease_duration_seconds, spec.lease_transitions), (Some(3), Some(1)));
    assert!(!second.leads_now() && !third.leads_now());

    let began = Instant::now();
    let before_it_goes = Published { observed_through: Some(Timestamp::now()), head };
    first.publish(1, before_it_goes);
    first.release().await;
    let (next, other) = tokio::select! {
        epoch = leads(&second) => { assert_eq!(epoch, 2); (second, third) }
        epoch = leads(&third) => { assert_eq!(epoch, 2); (third, second) }
    };
    assert!(began.elapsed() < PACE.lasts, "{:?}", began.elapsed());
    assert!(!other.leads_now());
    let lease = ground.lease().await;
    let through = before_it_goes.observed_through.unwrap().to_string();
    assert_eq!(told(&lease, OBSERVED_THROUGH), through, "the last word of the first one");
    // What somebody says of an epoch that is over is not published.
    next.publish(
        1,
        Published { observed_through: Some(Timestamp::UNIX_EPOCH), head: Head::empty() },
    );
    let renewed = lease.spec.unwrap().renew_time;
    until("renew", async || ground.lease().await.spec.unwrap().renew_time != renewed).await;
    let lease = ground.lease().await;
    assert_eq!(told(&lease, OBSERVED_THROUGH), through);
    assert_eq!(lease.spec.unwrap().lease_transitions, Some(2));
}

#[tokio::test]
async fn whoever_vanishes_is_passed_once_the_lease_has_lapsed_and_not_before() {
    let ground = Ground::new("leader");
    let first = ground.begin("first").await;
    leads(&first).await;
    let second = ground.begin("second").await;
    until("a first look", async || second.trouble().borrow().is_none()).await;
    let vanished = Instant::now();
    drop(first);
    assert_eq!(leads(&second).await, 2);
    // It would have given up by itself, had it not renewed shortly before.
    assert!(vanished.elapsed() + PACE.give_up_after > PACE.lasts);

    // The same one, started again, need not wait for itself; and the store has the last word.
    drop(second);
    drop(open_writer_at(&ground.url(), &instance(), 40).await.unwrap());
    let again = Instant::now();
    let second = ground.begin("second").await;
    assert_eq!(leads(&second).await, 41);
    assert!(again.elapsed() < PACE.lasts, "{:?}", again.elapsed());
    assert_eq!(stored_epoch(&ground.url(), &instance()).await, Ok(40));
}

#[tokio::test]
async fn whoever_is_cut_off_gives_up_before_another_leads() {
    let ground = Ground::new("leader");
    let wire = Wire::to(ground.cluster).await;
    let client = wire.client(ground.cluster).await;
    let first = Leadership::begin(client, ground.candidate("first"));
    leads(&first).await;
    let second = ground.begin("second").await;
    for round in 1..=2 {
        wire.cut(true);
        let cut = Instant::now();
        follows(&first).await;
        let gave_up = cut.elapsed();
        assert!(!second.leads_now(), "both lead");
        assert!(gave_up < PACE.lasts, "{gave_up:?}");
        assert!(matches!(*first.trouble().borrow(), Some(Trouble::Lease(_))));
        assert_eq!(leads(&second).await, 2 * round);
        assert!(!first.leads_now(), "both lead");

        wire.cut(false);
        // The other lets it have another try.
        second.step_down();
        assert_eq!(leads(&first).await, 2 * round + 1);
        follows(&second).await;
    }
}

#[tokio::test]
async fn a_holder_stays_while_others_write_to_its_lease_and_begins_anew_once_it_is_gone() {
    let ground = Ground::new("leader");
    let leader = ground.begin("first").await;
    let epoch = leads(&leader).await;
    ground.write(epoch).await;
    for number in 0..5 {
        ground.annotate("example.com/somebody", Some(&number.to_string())).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(*leader.role().borrow(), Role::Leader { epoch });
    assert!(leader.leads_now());
    let annotations = ground.lease().await.annotations().clone();
    assert_eq!(annotations["example.com/somebody"], "4", "what is not ours stays");

    let leases = ground.leases().await;
    leases.delete("concordat", &DeleteParams::default()).await.unwrap();
    let next = Role::Leader { epoch: epoch + 1 };
    reaches(leader.role(), "lead again", |role| *role == next).await;
    ground.write(epoch + 1).await;
}

#[tokio::test]
async fn nobody_leads_over_a_store_that_was_restored_from_a_backup() {
    let ground = Ground::new("leader");
    let first = ground.begin("first").await;
    let epoch = leads(&first).await;
    ground.write(epoch).await;
    let backup = ground.folder.path().join("backup.db");
    std::fs::copy(ground.file(), &backup).unwrap();
    first.release().await;

    let second = ground.begin("second").await;
    let epoch = leads(&second).await;
    let head = ground.write(epoch).await;
    second.publish(epoch, Published { observed_through: Some(Timestamp::now()), head });
    second.release().await;
    let of_second = std::fs::read(ground.file()).unwrap();
    std::fs::copy(&backup, ground.file()).unwrap();

    let third = ground.begin("third").await;
    let rewound = StoreError::Rewound { store: ground.url().to_string(), sequence: 2 };
    let told = |told: &Option<Trouble>| *told == Some(Trouble::Store(rewound.clone()));
    reaches(third.trouble(), "say so", told).await;
    // As long as it takes to take a lease that is free.
    tokio::time::sleep(PACE.ask_again_after * 5).await;
    assert_eq!(*third.role().borrow(), Role::Follower);
    assert!(told(&third.trouble().borrow()));
    assert_eq!(ground.lease().await.spec.unwrap().holder_identity, None);

    // A newer backup is there after all.
    std::fs::write(ground.file(), of_second).unwrap();
    let epoch = leads(&third).await;
    assert_eq!(*third.trouble().borrow(), None);
    third.release().await;

    // Or there is none, and somebody wants to go on.
    std::fs::copy(&backup, ground.file()).unwrap();
    let fourth = ground.begin("fourth").await;
    reaches(fourth.trouble(), "say so", told).await;
    ground.annotate(LEDGER_HEAD, None).await;
    assert_eq!(leads(&fourth).await, epoch + 1, "the lease still knows the epoch");
    ground.write(epoch + 1).await;
}

#[tokio::test]
async fn a_store_that_cannot_be_read_or_an_annotation_that_makes_no_sense_is_said() {
    let ground = Ground::new("leader");
    std::fs::write(ground.file(), "this is no database, and nobody makes one of it").unwrap();
    let leadership = ground.begin("first").await;
    let trouble = reaches(leadership.trouble(), "say so", Option::is_some).await;
    let not_concordat = StoreError::NotConcordat { store: ground.url().to_string() };
    assert_eq!(trouble, Some(Trouble::Store(not_concordat)));
    assert!(ground.leases().await.get_opt("concordat").await.unwrap().is_none());
    std::fs::remove_file(ground.file()).unwrap();
    leads(&leadership).await;
    leadership.release().await;

    let strange = format!("x:{}", Digest::ZERO);
    for (annotation, value) in [(EPOCH, "high"), (LEDGER_HEAD, strange.as_str())] {
        ground.annotate(annotation, Some(value)).await;
        let leadership = ground.begin("second").await;
        let trouble = reaches(leadership.trouble(), "say so", Option::is_some).await;
        assert_eq!(trouble, Some(Trouble::Unreadable { annotation }));
        ground.annotate(annotation, None).await;
        leads(&leadership).await;
        leadership.release().await;
    }
}

#[tokio::test]
async fn whoever_steps_down_lets_another_begin_and_three_verbs_are_enough() {
    let ground = Ground::new("leader");
    let right = |verbs: &str| {
        ground.cluster.apply(&format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n\
             metadata: {{name: leader, namespace: {0}}}\nrules:\n\
             - {{apiGroups: [coordination.k8s.io], resources: [leases], verbs: [{verbs}]}}\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n\
             metadata: {{name: leader, namespace: {0}}}\n\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: leader}}\n\
             subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: {0}}}]\n",
            ground.namespace
        ))
    };
    right("get, create");
    let user = As::Person(&ground.namespace, &[]);
    let begin = async |identity| {
        Leadership::begin(ground.cluster.client_of(user).await, ground.candidate(identity))
    };
    let first = begin("first").await;
    leads(&first).await;
    let trouble = reaches(first.trouble(), "say so", Option::is_some).await.unwrap().to_string();
    assert!(trouble.contains("cannot update resource \"leases\""), "{trouble}");
    right("get, create, update");
    reaches(first.trouble(), "be well again", Option::is_none).await;
    leads(&first).await;

    let second = begin("second").await;
    // To ask a follower means nothing, also later.
    second.step_down();
    first.step_down();
    leads(&second).await;
    follows(&first).await;
    tokio::time::sleep(PACE.lasts).await;
    assert!(second.leads_now() && !first.leads_now());
}
