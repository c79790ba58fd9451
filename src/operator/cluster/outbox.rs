//! What is to be written to the API server, a few objects at a time, and of each object only the newest.
//!
//! Never: two writes to one object at once, or an object that waits behind another that fails.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{
    domain::ids::ObjectKey,
    operator::reconcile::{MetadataPatch, StatusPatch},
};

/// What is to be written to one object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Post {
    /// Its finalizers.
    pub mark: Option<Box<MetadataPatch>>,
    /// Its status.
    pub report: Option<StatusPatch>,
    /// How often it was tried.
    pub tried: u32,
}

#[derive(Debug, Default)]
struct Waiting {
    posts: BTreeMap<ObjectKey, Post>,
    queue: VecDeque<ObjectKey>,
    late: BTreeSet<(Instant, ObjectKey)>,
    under_way: BTreeSet<ObjectKey>,
    /// When something was taken last.
    taken_at: Option<Instant>,
}

/// Everything that waits to be written.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

/// After a failure it is tried again, later each time.
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(60);

impl Outbox {
    /// None yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Adds what is to be written; what waits for the same object already is replaced.
    pub fn put(&self, object: ObjectKey, post: Post) {
        let mut waiting = self.waiting();
        let Waiting { posts, queue, late, under_way, .. } = &mut *waiting;
        let is_new = !posts.contains_key(&object);
        let merged = posts.entry(object.clone()).or_default();
        merged.mark = post.mark.or(merged.mark.take());
        merged.report = post.report.or(merged.report.take());
        merged.tried = 0;
        let was_late = late.iter().find(|(_, late)| *late == object).cloned();
        if let Some(entry) = &was_late {
            late.remove(entry);
        }
        if (is_new && !under_way.contains(&object)) || was_late.is_some() {
            queue.push_back(object);
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// The next object and what is to be written to it. It is nobody else's until [`Outbox::done`] or
    /// [`Outbox::failed`].
    pub async fn next(&self) -> (ObjectKey, Post) {
        loop {
            let changed = self.changed.notified();
            let until = match self.take() {
                Ok(found) => return found,
                Err(until) => until,
            };
            match until {
                Some(until) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(until) => {}
                    }
                }
                None => changed.await,
            }
        }
    }

    /// What can be taken now, or until when nothing can.
    fn take(&self) -> Result<(ObjectKey, Post), Option<Instant>> {
        let mut waiting = self.waiting();
        let now = Instant::now();
        while waiting.late.first().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, object)) = waiting.late.pop_first() {
                waiting.queue.push_back(object);
            }
        }
        let Some(object) = waiting.queue.pop_front() else {
            return Err(waiting.late.first().map(|(at, _)| *at));
        };
        let post = waiting.posts.remove(&object).unwrap_or_default();
        waiting.under_way.insert(object.clone());
        waiting.taken_at = Some(now);
        if !waiting.queue.is_empty() {
            self.changed.notify_one();
        }
        Ok((object, post))
    }

    /// Returns once nothing was taken, and nothing could be, for so long.
    pub async fn rests_for(&self, long: Duration) {
        loop {
            let until = {
                let waiting = self.waiting();
                let busy = !waiting.queue.is_empty();
                let last = if busy { Some(Instant::now()) } else { waiting.taken_at };
                last.map(|last| last + long)
            };
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return,
            }
        }
    }

    /// It is written.
    pub fn done(&self, object: &ObjectKey) {
        let mut waiting = self.waiting();
        waiting.under_way.remove(object);
        if waiting.posts.contains_key(object) {
            waiting.queue.push_back(object.clone());
            drop(waiting);
            self.changed.notify_one();
        }
    }

    /// It could not be written, and is to be tried again, unless something newer waits.
    pub fn failed(&self, object: &ObjectKey, post: Post) {
        let mut waiting = self.waiting();
        waiting.under_way.remove(object);
        if waiting.posts.contains_key(object) {
            waiting.queue.push_back(object.clone());
        } else {
            let wait = FIRST_RETRY.saturating_mul(1 << post.tried.min(10)).min(LAST_RETRY);
            let post = Post { tried: post.tried + 1, ..post };
            waiting.posts.insert(object.clone(), post);
            waiting.late.insert((Instant::now() + wait, object.clone()));
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// How many objects wait or are under way.
    pub fn len(&self) -> usize {
        let waiting = self.waiting();
        waiting.posts.len() + waiting.under_way.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything that waits: somebody else writes now.
    pub fn clear(&self) {
        let mut waiting = self.waiting();
        waiting.posts.clear();
        waiting.queue.clear();
        waiting.late.clear();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
