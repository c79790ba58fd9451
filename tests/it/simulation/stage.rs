//! Where a history takes place: a server, a store on disk, a clock that is set by hand, and an operator that may be
//! running.
//!
//! Never: the time of this machine.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, Ordering},
    },
};

use concordat::{
    domain::{
        entry::Head,
        ids::{Kind, ObjectKey},
        state::Observed,
    },
    operator::reconcile::{Reconciled, Settings},
    store::{
        Read as _, Scope, StoreError, StoreUrl, Write as _,
        sql::{Clock, SqlReader, open_reader, open_writer_again, open_writer_at},
    },
};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use super::{
    cast::{settings, start},
    chance::Chance,
    model::Model,
    operator::{Around, OBSERVES_EVERY, Operator},
    server::Server,
    store::{Late, Weather},
};

/// After so many rounds with nothing new everything must be done.
const ROUNDS: usize = 12;

/// Everything there is.
pub struct Stage {
    pub server: Server,
    pub operator: Option<Operator>,
    /// Another process, which watches and does not lead.
    pub standby: Option<Operator>,
    pub weather: Arc<Mutex<Weather>>,
    pub chance: Chance,
    /// What has passed on a clock that nobody sets.
    pub passed: SignedDuration,
    /// Everything that rounds have told since somebody looked.
    pub told: Vec<Reconciled>,
    pub settings: Settings,
    pub url: StoreUrl,
    pub rounds: usize,
    /// Whether the end of the history is known.
    pub exact: bool,
    /// Whether things go wrong between the steps of a history.
    pub bad: bool,
    /// How many processes were started.
    pub processes: usize,
    /// How often another process took the Lease, and how often a list was older than what was seen before.
    pub taken_over: usize,
    pub travels: usize,
    /// How often a watch was broken, repeated or lost with its process.
    pub relists: usize,
    pub model: Model,
    /// Assignments that were compared.
    pub held: usize,
    /// Statuses that were compared.
    pub statuses_compared: usize,
    /// What happened, for whoever has to understand a failure.
    pub story: String,
    /// How often what happened, by its first word.
    pub happened: BTreeMap<String, usize>,
    pub epoch: i64,
    /// How far the clocks of the cluster and of users are ahead of the store's.
    pub skew: SignedDuration,
    reader: Option<SqlReader>,
    clock: Arc<AtomicI64>,
    _folder: TempDir,
}

/// A folder in memory, where this machine has one.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let root = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    TempDir::new_in(root).unwrap()
}

/// A store without a row, made once: copying a file is faster than making its tables.
pub async fn empty_store(at: &Path) {
    static EMPTY: tokio::sync::OnceCell<Vec<u8>> = tokio::sync::OnceCell::const_new();
    let bytes = EMPTY
        .get_or_init(|| async {
            let folder = folder();
            let path = folder.path().join("empty.db");
            let instance = concordat::domain::state::Instance("nobody".into());
            let store = open_writer_at(&StoreUrl::Sqlite(path.clone()), &instance, 1).await;
            store.unwrap().close().await.unwrap();
            std::fs::read(path).unwrap()
        })
        .await;
    std::fs::write(at, bytes).unwrap();
}

impl Stage {
    pub async fn new(seed: u64) -> Self {
        let folder = folder();
        let path: PathBuf = folder.path().join("store.db");
        empty_store(&path).await;
        let chance = Chance::of(seed);
        let weather = Weather::fair(Chance::of(seed ^ 0x5eed));
        let mut stage = Self {
            server: Server::default(),
            operator: None,
            standby: None,
            weather,
            chance,
            passed: SignedDuration::ZERO,
            told: Vec::new(),
            settings: settings(),
            url: StoreUrl::Sqlite(path),
            rounds: 0,
            exact: true,
            bad: false,
            processes: 0,
            taken_over: 0,
            travels: 0,
            relists: 0,
            model: Model::default(),
            held: 0,
            statuses_compared: 0,
            story: String::new(),
            happened: BTreeMap::new(),
            epoch: 0,
            skew: SignedDuration::ZERO,
            reader: None,
            clock: Arc::new(AtomicI64::new(start().as_millisecond())),
            _folder: folder,
        };
        stage.server.now = start();
        stage
    }

    /// The store's clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.load(Ordering::SeqCst)).unwrap()
    }

    /// Whoever reads the store beside the operator. It is opened once: that takes longer than a look.
    pub async fn reader(&mut self) -> &mut SqlReader {
        if self.reader.is_none() {
            let reader = open_reader(&self.url).await.unwrap().with_clock(self.store_clock());
            self.reader = Some(reader);
        }
        self.reader.as_mut().expect("it was opened just now")
    }

    pub async fn observed(&mut self) -> Observed {
        self.reader().await.observe(&Scope::All).await.unwrap()
    }

    pub fn weather(&self) -> MutexGuard<'_, Weather> {
        self.weather.lock().unwrap()
    }

    pub fn tell(&mut self, what: &str) {
        let now = self.now();
        writeln!(self.story, "{now} {what}").unwrap();
        let word = what.split([' ', '(', ':']).next().unwrap_or_default();
        *self.happened.entry(word.to_lowercase()).or_default() += 1;
    }

    fn store_clock(&self) -> Clock {
        let clock = Arc::clone(&self.clock);
        Arc::new(move || Timestamp::from_millisecond(clock.load(Ordering::SeqCst)).unwrap())
    }

    /// Time passes, and nobody does anything.
    pub fn pass(&mut self, time: SignedDuration) {
        self.passed += time;
        self.set_back(-time);
    }

    /// Somebody sets the store's clock.
    pub fn set_back(&mut self, by: SignedDuration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        self.clock.fetch_sub(by, Ordering::SeqCst);
        self.server.now = self.now() + self.skew;
    }

    /// The operator is started, where it does not run.
    pub fn begin(&mut self) {
        if self.operator.is_none() {
            self.epoch += 1;
            self.processes += 1;
            self.weather().dead = false;
            self.operator = Some(Operator::new(self.epoch, &self.settings));
        }
    }

    /// The process is gone, and everything it knew.
    pub fn crash(&mut self) {
        self.operator = None;
    }

    /// The Lease is lost and taken again.
    pub fn lead_again(&mut self) {
        if let Some(operator) = &mut self.operator {
            self.epoch += 1;
            operator.lead_again(self.epoch, &self.settings);
        }
    }

    /// One time around the loop. A process that is to die here is gone then.
    pub async fn turn(&mut self) {
        let clock = self.store_clock();
        let Some(operator) = &mut self.operator else { return };
        let mut around = Around {
            url: &self.url,
            clock: &clock,
            weather: &self.weather,
            passed: self.passed,
            settings: &self.settings,
            told: &mut self.told,
        };
        self.rounds += 1;
        let turned = Box::pin(operator.turn(&mut around)).await;
        let is_newest = operator.term.epoch == self.epoch;
        let dead = self.weather().dead;
        if dead {
            self.crash();
        } else if let Err(error) = turned {
            let outdated = !is_newest && matches!(error, StoreError::StaleEpoch { .. });
            let wanted = error == super::store::gone();
            assert!(wanted || outdated, "only the fault that is wanted: {error}\n{}", self.story);
        }
    }

    /// Writes what waits for one object.
    pub fn post(&mut self, object: &ObjectKey) {
        let Some(operator) = &mut self.operator else { return };
        operator.post(object, &mut self.server, &self.weather);
        let dead = self.weather().dead;
        if dead {
            self.crash();
        }
    }

    pub fn post_all(&mut self) {
        let objects = |stage: &Self| -> Vec<ObjectKey> {
            stage.operator.iter().flat_map(|operator| operator.outbox.keys().cloned()).collect()
        };
        for object in objects(self) {
            self.post(&object);
        }
    }

    /// One of the many things that the process does beside each other, well or badly.
    pub async fn some_step(&mut self) {
        let bad = self.bad;
        if let Some(standby) = &mut self.standby {
            let kind = self.chance.pick(&Kind::ALL);
            standby.watch(kind, &self.server, false);
        } else if bad && self.chance.one_in(8) {
            self.stand_by();
        }
        let Some(operator) = &mut self.operator else {
            if self.chance.one_in(4) {
                self.begin();
            }
            return;
        };
        match self.chance.below(12) {
            0..=2 => {
                let waiting: Vec<ObjectKey> = operator.outbox.keys().cloned().collect();
                if !waiting.is_empty() {
                    let object = self.chance.pick(&waiting);
                    self.post(&object);
                }
            }
            3..=7 => {
                let kind = self.chance.pick(&Kind::ALL);
                let twice = bad && self.chance.one_in(8);
                operator.watch(kind, &self.server, twice);
                self.relists += usize::from(twice);
            }
            8 if bad => {
                let (kind, fails) = (self.chance.pick(&Kind::ALL), self.chance.one_in(2));
                operator.list(kind, &self.server, 0, fails);
                self.relists += 1;
            }
            9 if bad && self.chance.one_in(6) => {
                self.tell("crash");
                self.crash();
                self.relists += 1;
            }
            10 if bad => self.land().await,
            11 if bad => self.travel(),
            _ => self.turn().await,
        }
    }

    /// A change that everybody had given up comes to the store.
    pub async fn land(&mut self) {
        let late = self.weather().landing();
        for Late { changes, limits, by, epoch } in late {
            let store =
                open_writer_again(&self.url, &self.settings.instance, epoch, &Head::empty()).await;
            // A newer leader has begun: the store refuses it.
            let Ok(store) = store else { continue };
            let mut store = store.with_clock(self.store_clock());
            let _ = store.apply(&changes, &limits, &by).await;
        }
    }

    /// Works until nothing is left to do at this instant.
    pub async fn settle(&mut self) {
        let mut rounds = 0;
        while rounds < ROUNDS {
            self.begin();
            if let Some(operator) = &mut self.operator {
                operator.catch_up(&self.server);
            }
            self.turn().await;
            self.post_all();
            // A look at everything has as many parts as there are relationships.
            let sweeps = |operator: &Operator| operator.term.rounds.is_sweeping();
            rounds += usize::from(!self.operator.as_ref().is_some_and(sweeps));
            let lags = |operator: &Operator| {
                Kind::ALL.into_iter().any(|kind| operator.lags(kind, &self.server))
            };
            let rests = |operator: &Operator| !lags(operator) && operator.rests(self.passed);
            if self.operator.as_ref().is_some_and(rests) {
                return;
            }
        }
        let operator = self.operator.as_ref().expect("a process lives");
        panic!(
            "not at rest after {ROUNDS} rounds: work {:?}, outbox {:#?}, due in {:?}\n{}",
            operator.term.work,
            operator.outbox,
            operator.due_in(self.passed),
            self.story
        );
    }

    /// Things go wrong from now on.
    pub fn storm(&mut self, one_in: usize) {
        self.bad = true;
        self.weather().fails_one_in = one_in;
    }

    /// Nothing goes wrong until everything is done, what settles included; then the store holds what is expected.
    pub async fn calm(&mut self) {
        let one_in = std::mem::take(&mut self.weather().fails_one_in);
        self.land().await;
        self.live(SignedDuration::from_secs(65)).await;
        if !self.exact {
            // What somebody does in the store is found when everything is looked at, and recorded once the relationship
            // was not changed in the same round.
            self.live(OBSERVES_EVERY).await;
            self.live(OBSERVES_EVERY).await;
        }
        if self.exact {
            self.holds_what_is_expected().await;
        }
        self.weather().fails_one_in = one_in;
    }

    /// Time passes while the operator works. It looks at everything when something is due, and at the end: more often
    /// than that takes long.
    pub async fn live(&mut self, time: SignedDuration) {
        let end = self.passed + time;
        self.settle().await;
        while self.passed < end {
            let operator = self.operator.as_ref().expect("it rests");
            let due = operator.due_in(self.passed).unwrap_or(SignedDuration::MAX);
            self.pass(due.max(SignedDuration::from_millis(1)).min(end - self.passed));
            self.settle().await;
        }
    }
}
