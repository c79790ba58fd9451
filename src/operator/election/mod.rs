//! Which replica writes: whoever holds the Lease. Taking it begins an epoch, above that of the Lease and above that of
//! the store, and the store refuses whoever comes with an older one (docs/concepts.md, Stores).
//!
//! Never: leads over a store that lacks what was published of it, or for longer than the Lease was surely held.

mod candidate;
mod record;

use std::{
    panic,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kube::{Api, Client};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

pub use record::{EPOCH, LEDGER_HEAD, OBSERVED_THROUGH, Published};

use crate::{
    domain::state::Instance,
    store::{StoreError, StoreUrl},
};

/// What this replica does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It keeps its caches warm.
    Follower,
    /// It writes.
    Leader {
        /// With this epoch.
        epoch: i64,
    },
}

/// Why nobody here leads, or may soon lead no longer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The store is not to be led, or not now.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody has changed the Lease by hand.
    #[error(
        "the annotation `{annotation}` of the lease cannot be read; without it the store alone counts"
    )]
    Unreadable {
        /// Which.
        annotation: &'static str,
    },
    /// The Lease could be neither read nor written.
    #[error("the lease cannot be read or written: {0}")]
    Lease(String),
}

/// What a candidate needs to know.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Where the Lease is.
    pub namespace: String,
    /// What it is called.
    pub lease: String,
    /// Who this is; nobody else may be called the same.
    pub identity: String,
    /// The store that is led.
    pub store: StoreUrl,
    /// For whom.
    pub instance: Instance,
    /// How fast all this is.
    pub pace: Pace,
}

/// How fast a Lease changes hands.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long others wait for a holder who does not renew.
    pub lasts: Duration,
    /// How often the holder renews.
    pub renew_every: Duration,
    /// How long the holder goes on without a renewal; surely less than others wait.
    pub give_up_after: Duration,
    /// How often everybody else looks, and how soon the holder tries again.
    pub ask_again_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            lasts: Duration::from_secs(15),
            renew_every: Duration::from_secs(5),
            give_up_after: Duration::from_secs(10),
            ask_again_after: Duration::from_secs(2),
        }
    }
}

impl Pace {
    /// For a store whose changes are calls of up to 20 seconds to a service: a holder gives up so early before others may
    /// begin that no two of their calls overlap.
    pub fn of_service() -> Self {
        Self {
            lasts: Duration::from_secs(60),
            renew_every: Duration::from_secs(10),
            give_up_after: Duration::from_secs(35),
            ask_again_after: Duration::from_secs(2),
        }
    }
}

/// A candidate at work. When it is dropped nobody renews any more.
pub struct Leadership {
    role: watch::Receiver<Role>,
    trouble: watch::Receiver<Option<Trouble>>,
    published: watch::Sender<Option<(i64, Published)>>,
    requests: Arc<Requests>,
    until: Arc<Until>,
    task: AbortOnDropHandle<()>,
}

impl Leadership {
    /// Begins to try.
    pub fn begin(client: Client, candidate: Candidate) -> Self {
        let (role_told, role) = watch::channel(Role::Follower);
        let (trouble_told, trouble) = watch::channel(None);
        let (published, to_publish) = watch::channel(None);
        let requests = Arc::new(Requests::default());
        let until = Arc::new(Until::default());
        let term = candidate::Term {
            api: Api::namespaced(client, &candidate.namespace),
            candidate,
            watched: record::Watched::default(),
            role: role_told,
            trouble: trouble_told,
            published: to_publish,
            requests: Arc::clone(&requests),
            until: Arc::clone(&until),
        };
        let task = AbortOnDropHandle::new(tokio::spawn(term.run()));
        Self { role, trouble, published, requests, until, task }
    }

    /// What this replica does, from now on.
    pub fn role(&self) -> watch::Receiver<Role> {
        self.role.clone()
    }

    /// What stands in the way, from now on.
    pub fn trouble(&self) -> watch::Receiver<Option<Trouble>> {
        self.trouble.clone()
    }

    /// Whether nobody else can lead at this very moment, by this machine's clock. To be asked before whatever no store
    /// fences, such as a status: a process that was paused believes for a while that it still leads.
    pub fn leads_now(&self) -> bool {
        self.until.get().is_some_and(|until| Instant::now() < until)
    }

    /// Lets everybody know with the next renewal, if the epoch is still the same by then.
    pub fn publish(&self, epoch: i64, published: Published) {
        self.published.send_replace(Some((epoch, published)));
    }

    /// Lets somebody else lead, and stays behind for as long as a Lease lasts: for who finds that the store follows
    /// another one already.
    pub fn step_down(&self) {
        self.requests.step_down.notify_one();
    }

    /// Frees the Lease, once nothing is written any more, with whatever was published last.
    pub async fn release(self) {
        self.requests.stop.cancel();
        if let Err(error) = self.task.await
            && error.is_panic()
        {
            panic::resume_unwind(error.into_panic());
        }
    }
}

#[derive(Default)]
struct Requests {
    stop: CancellationToken,
    step_down: Notify,
}

/// Until when nobody else can lead.
#[derive(Default)]
struct Until(Mutex<Option<Instant>>);

impl Until {
    fn get(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, until: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}
