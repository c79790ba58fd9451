//! How fast the service is asked at most, and how long it wants to be left alone.
//!
//! Never: a call before its turn, or one that waits where nobody would wait for it.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Nobody waits longer than this for a turn that the service has put off.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The pace of one class of calls to one service. A batch of twenty is twenty of them.
#[derive(Debug)]
pub struct Pace {
    each: Duration,
    turns: Mutex<Turns>,
    in_flight: Semaphore,
}

/// When the next turn is, and until when there is none.
#[derive(Debug, Clone, Copy)]
struct Turns {
    next: Instant,
    not_before: Instant,
}

impl Turns {
    /// How long to wait for a turn of this length; or, where the service wants to be left alone for longer than anybody
    /// waits, how long that is.
    fn take(&mut self, now: Instant, length: Duration) -> Result<Duration, Duration> {
        self.alone(now)?;
        let turn = self.next.max(self.not_before).max(now);
        self.next = turn + length;
        Ok(turn - now)
    }

    /// How long the service wants to be left alone; an error where that is longer than anybody waits.
    fn alone(&self, now: Instant) -> Result<Duration, Duration> {
        let alone = self.not_before.saturating_duration_since(now);
        if alone > PATIENCE { Err(alone) } else { Ok(alone) }
    }

    fn put_off(&mut self, until: Instant) {
        self.not_before = self.not_before.max(until);
    }
}

impl Pace {
    /// So many in a second, so many at a time.
    pub fn new(per_second: u16, in_flight: u8) -> Self {
        let now = Instant::now();
        Self {
            each: Duration::from_secs(1) / u32::from(per_second.max(1)),
            turns: Mutex::new(Turns { next: now, not_before: now }),
            in_flight: Semaphore::new(usize::from(in_flight.max(1))),
        }
    }

    /// Waits for a turn of so many requests, and for a place among those in flight. None at all take no turn: they wait for
    /// the place, and for as long as the service wants to be left alone.
    ///
    /// # Errors
    /// How long it takes until the service may be asked again, where that is too long to wait for.
    pub async fn turn(&self, requests: u32) -> Result<SemaphorePermit<'_>, Duration> {
        let length = self.each * requests;
        loop {
            let wait = if requests == 0 {
                self.turns().alone(Instant::now())?
            } else {
                self.turns().take(Instant::now(), length)?
            };
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            let place = self.in_flight.acquire().await.expect("nobody closes it");
            // Others may have been put off meanwhile, and that is for everybody.
            if self.turns().not_before <= Instant::now() {
                return Ok(place);
            }
        }
    }

    /// Nobody has a turn for this long.
    pub fn put_off(&self, wait: Duration) {
        let now = Instant::now();
        self.turns().put_off(now.checked_add(wait).unwrap_or(now));
    }

    fn turns(&self) -> std::sync::MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn turns_come_one_after_the_other_and_a_batch_is_as_long_as_what_is_in_it() {
        let now = Instant::now();
        let mut turns = Turns { next: now, not_before: now };
        let each = SECOND / 40;
        assert_eq!(turns.take(now, each * 20), Ok(Duration::ZERO));
        assert_eq!(turns.take(now, each), Ok(SECOND / 2));
        assert_eq!(turns.take(now, each), Ok(SECOND / 2 + each));
        let later = now + SECOND * 10;
        assert_eq!(turns.take(later, each), Ok(Duration::ZERO), "rest is not saved up");
        assert_eq!(turns.take(later, each), Ok(each));
    }

    #[test]
    fn any_ten_seconds_hold_no_more_than_ten_seconds_of_turns_and_one_batch() {
        let begin = Instant::now();
        let mut turns = Turns { next: begin, not_before: begin };
        let each = SECOND / 40;
        let mut starts = Vec::new();
        for number in 0..400_u32 {
            let size = if number % 3 == 0 { 20 } else { 1 };
            starts.push((turns.take(begin, each * size).unwrap(), size));
        }
        for (from, _) in &starts {
            let window = starts.iter().filter(|(at, _)| at >= from && *at < *from + SECOND * 10);
            let sum: u32 = window.map(|(_, size)| size).sum();
            assert!(sum <= 400 + 20, "{sum}");
        }
    }

    #[test]
    fn whoever_is_put_off_waits_a_minute_at_most() {
        let now = Instant::now();
        let mut turns = Turns { next: now, not_before: now };
        turns.put_off(now + SECOND * 30);
        turns.put_off(now + SECOND * 10);
        assert_eq!(turns.take(now, SECOND), Ok(SECOND * 30));
        turns.put_off(now + SECOND * 3600);
        assert_eq!(turns.take(now, SECOND), Err(SECOND * 3600));
        assert_eq!(turns.take(now + SECOND * 3600, SECOND), Ok(Duration::ZERO));
    }
}
