//! What can go wrong outside, and when to try again.
//!
//! Never: a password, or "empty" for what could not be read.

use jiff::Timestamp;

/// What can go wrong outside. Never holds a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no such store.
    #[error("there is no store at `{store}`")]
    Missing {
        /// Where.
        store: String,
    },
    /// The server has no such database.
    #[error("the server has no database `{database}`: `{store}`")]
    NoDatabase {
        /// Where.
        store: String,
        /// Its name.
        database: String,
    },
    /// It is something else.
    #[error("`{store}` is not a Concordat store")]
    NotConcordat {
        /// Where.
        store: String,
    },
    /// A newer program has written it.
    #[error("`{store}` has schema {found}, and this program knows up to {known}")]
    NewerSchema {
        /// Where.
        store: String,
        /// What was found.
        found: i64,
        /// What is known.
        known: i64,
    },
    /// An older program has written it, and this handle may not migrate it.
    #[error("`{store}` has schema {found}, and this program needs {known}")]
    OlderSchema {
        /// Where.
        store: String,
        /// What was found.
        found: i64,
        /// What is needed.
        known: i64,
    },
    /// Somebody else holds it for longer than we wait.
    #[error("`{store}` is locked by {holder}")]
    Locked {
        /// Where.
        store: String,
        /// Who.
        holder: String,
    },
    /// It cannot be written.
    #[error("`{store}` cannot be written: {reason}")]
    ReadOnly {
        /// Where.
        store: String,
        /// Why.
        reason: String,
    },
    /// There is no room.
    #[error("there is no room left for `{store}`")]
    Full {
        /// Where.
        store: String,
    },
    /// It is damaged.
    #[error("`{store}` is damaged: {reason}")]
    Corrupt {
        /// Where.
        store: String,
        /// How.
        reason: String,
    },
    /// It does not answer.
    #[error("`{store}` cannot be reached: {reason}")]
    Unreachable {
        /// Where.
        store: String,
        /// Why.
        reason: String,
    },
    /// Its URL, or what stands beside it, names nothing that can be opened.
    #[error("`{store}` cannot be opened as it is named: {reason}")]
    Misnamed {
        /// Where.
        store: String,
        /// What is wrong, and what to write instead.
        reason: String,
    },
    /// The user or password is wrong.
    #[error("`{store}` refuses the user or the password{}", because(.reason))]
    Unauthenticated {
        /// Where.
        store: String,
        /// What it says of the reason, where it says anything.
        reason: String,
    },
    /// The user lacks a right.
    #[error("`{store}` does not allow it: {reason}")]
    Forbidden {
        /// Where.
        store: String,
        /// What is missing.
        reason: String,
    },
    /// Somebody else made, or may make, what our statements would use.
    #[error("`{store}` may run somebody else's code: {reason}")]
    Untrusted {
        /// Where.
        store: String,
        /// What, and whose.
        reason: String,
    },
    /// There is no connection left.
    #[error("`{store}` has no connection left")]
    TooManyConnections {
        /// Where.
        store: String,
    },
    /// A newer session of the same instance writes now.
    #[error("a newer session writes for `{instance}`")]
    StaleEpoch {
        /// The instance.
        instance: String,
    },
    /// It once had an entry that is not there any more.
    #[error(
        "`{store}` was restored from a backup or is another one: entry {sequence} of its ledger was published, and is not there"
    )]
    Rewound {
        /// Where.
        store: String,
        /// Which entry.
        sequence: i64,
    },
    /// There is no way into a cluster.
    #[error("there is no cluster to ask: {reason}")]
    NoCluster {
        /// Why.
        reason: String,
    },
    /// The cluster does not know a kind.
    #[error(
        "the cluster does not know `{resource}`: its custom resource definitions are not there"
    )]
    NoDefinitions {
        /// Which.
        resource: String,
    },
    /// No operator says what it has observed.
    #[error("no operator says what it has observed: {reason}")]
    NotObserved {
        /// Why.
        reason: String,
    },
    /// The operator has seen nothing for too long.
    #[error("the operator has not seen everything since {through}, {age} ago: more than {allowed}")]
    TooOld {
        /// Until when it had.
        through: Timestamp,
        /// How long that is ago.
        age: String,
        /// How long it may be.
        allowed: String,
    },
    /// Statuses do not say what the store holds now.
    #[error("statuses do not say what the store holds now: {objects}")]
    Behind {
        /// Of which objects, each with why.
        objects: String,
    },
    /// The cluster tells what is held, and nothing else.
    #[error("`cluster:` can only be read, by `diff` and `get`: {instead}")]
    OnlyRead {
        /// What to do instead.
        instead: String,
    },
    /// What was asked for is not offered there.
    #[error("`{store}` does not offer it: {reason}")]
    NotOffered {
        /// Where.
        store: String,
        /// What is missing.
        reason: String,
    },
    /// It answers what cannot be the whole truth, so that nothing is made of it.
    #[error("`{store}` answers what is not plausible: {reason}")]
    Implausible {
        /// Where.
        store: String,
        /// What.
        reason: String,
    },
    /// It wants to be left alone for longer than anybody waits.
    #[error("`{store}` wants to be left alone until {again}")]
    Throttled {
        /// Where.
        store: String,
        /// When to try again.
        again: Timestamp,
    },
    /// It does not believe who the app is, or that it may.
    #[error("`{store}` does not let the app in: {reason}")]
    NotLetIn {
        /// Where.
        store: String,
        /// Why, and the way out.
        reason: String,
    },
    /// The store answered something that cannot be.
    #[error("`{store}` answered something unexpected: {reason}")]
    Unexpected {
        /// Where.
        store: String,
        /// What.
        reason: String,
    },
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Later, and later each time.
    WithBackoff,
    /// Once somebody has changed something.
    WhenChanged,
}

impl StoreError {
    /// When to try again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Locked { .. }
            | Self::Unreachable { .. }
            | Self::TooManyConnections { .. }
            | Self::TooOld { .. }
            | Self::Behind { .. }
            | Self::Implausible { .. }
            | Self::Throttled { .. }
            | Self::Full { .. } => Retry::WithBackoff,
            Self::Missing { .. }
            | Self::NoDatabase { .. }
            | Self::NotConcordat { .. }
            | Self::NewerSchema { .. }
            | Self::OlderSchema { .. }
            | Self::ReadOnly { .. }
            | Self::Corrupt { .. }
            | Self::Misnamed { .. }
            | Self::Unauthenticated { .. }
            | Self::Forbidden { .. }
            | Self::Untrusted { .. }
            | Self::StaleEpoch { .. }
            | Self::Rewound { .. }
            | Self::NoCluster { .. }
            | Self::NoDefinitions { .. }
            | Self::NotObserved { .. }
            | Self::OnlyRead { .. }
            | Self::NotOffered { .. }
            | Self::NotLetIn { .. }
            | Self::Unexpected { .. } => Retry::WhenChanged,
        }
    }
}
