//! The clock of the emulated service: as the machine's, faster, or standing still until it is moved.
//!
//! Never: goes back.

use jiff::{SignedDuration, Timestamp};

/// The year 9000, where the clock stands still: no date that the service writes is beyond what can be written.
pub const HORIZON: Timestamp = Timestamp::constant(221_845_392_000, 0);

/// Where the time stands, and how fast it goes.
#[derive(Debug, Clone)]
pub struct Clock {
    /// What it showed at `since`.
    shown: Timestamp,
    /// When that was, by the machine.
    since: Timestamp,
    /// Seconds of the service for one of the machine; 0 stands still.
    factor: u32,
}

impl Clock {
    /// One that shows `shown` now.
    pub fn new(shown: Timestamp, factor: u32, machine: Timestamp) -> Self {
        Self { shown, since: machine, factor }
    }

    /// What it shows when the machine says `machine`.
    pub fn now(&self, machine: Timestamp) -> Timestamp {
        let passed = machine.duration_since(self.since).max(SignedDuration::ZERO);
        let passed = passed.checked_mul(i32::try_from(self.factor).unwrap_or(i32::MAX));
        later(self.shown, passed.unwrap_or(SignedDuration::MAX)).min(HORIZON)
    }

    /// Moves it on, to the horizon at most.
    pub fn advance(&mut self, by: SignedDuration, machine: Timestamp) {
        self.shown = later(self.now(machine), by.max(SignedDuration::ZERO)).min(HORIZON);
        self.since = machine;
    }

    /// Lets it go at another speed from now on.
    pub fn go(&mut self, factor: u32, machine: Timestamp) {
        self.shown = self.now(machine);
        self.since = machine;
        self.factor = factor;
    }

    /// How fast it goes.
    pub fn factor(&self) -> u32 {
        self.factor
    }
}

/// An instant after another; the last that can be written where it lies beyond.
pub fn later(from: Timestamp, by: SignedDuration) -> Timestamp {
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn it_goes_as_fast_as_was_asked_and_never_back() {
        let start = at("2026-12-01T00:00:00Z");
        let cases = [
            (0, 60, "2026-12-01T00:00:00Z"),
            (1, 60, "2026-12-01T00:01:00Z"),
            (3600, 24, "2026-12-02T00:00:00Z"),
            (1, -60, "2026-12-01T00:00:00Z"),
        ];
        for (factor, passed, expected) in cases {
            let clock = Clock::new(start, factor, start);
            let now = clock.now(start + SignedDuration::from_secs(passed));
            assert_eq!(now, at(expected), "{factor} {passed}");
        }
    }

    #[test]
    fn it_is_moved_and_goes_on_from_there() {
        let start = at("2026-12-01T00:00:00Z");
        let mut clock = Clock::new(start, 1, start);
        clock.advance(SignedDuration::from_hours(1), start + SignedDuration::from_secs(5));
        let now = clock.now(start + SignedDuration::from_secs(10));
        assert_eq!(now, at("2026-12-01T01:00:10Z"));
        clock.advance(SignedDuration::from_hours(-1), start + SignedDuration::from_secs(10));
        assert_eq!(clock.now(start + SignedDuration::from_secs(10)), now);
        clock.go(0, start + SignedDuration::from_secs(10));
        assert_eq!(clock.now(start + SignedDuration::from_hours(10)), now);
        clock.advance(SignedDuration::MAX, start);
        assert_eq!(clock.now(start), HORIZON);
        assert_eq!(HORIZON, at("9000-01-01T00:00:00Z"));
    }
}
