//! How far the whole film is and when it will be ready: one more line under the stages.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use botflix_common::http::{Eta, Stage, Waiting};
use botflix_common::task::TaskKind;

/// Results that were remembered go by at once, right after the plan is there; they say nothing of how fast the rest is.
const SETTLING: Duration = Duration::from_millis(500);

/// Watches a local render. Before the plan is there nobody knows how much there is to do, and nothing is said.
pub struct Outlook(Mutex<Option<Seen>>);

struct Seen {
    planned_at: Instant,
    /// Where the straight line begins.
    since: Instant,
    from: f64,
    progress: f64,
}

impl Outlook {
    pub fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Overall progress, which never falls, and the rest of the time where something can be said of it.
    pub fn heard(&self, stages: &[Stage], progress: f64) -> Option<(f64, Option<Eta>)> {
        self.heard_at(Instant::now(), stages, progress)
    }

    fn heard_at(
        &self,
        now: Instant,
        stages: &[Stage],
        progress: f64,
    ) -> Option<(f64, Option<Eta>)> {
        if stages.iter().all(|stage| stage.kind == TaskKind::Inspect) {
            return None;
        }
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.get_or_insert(Seen {
            planned_at: now,
            since: now,
            from: progress,
            progress,
        });
        seen.progress = progress.max(seen.progress);
        if now.duration_since(seen.planned_at) < SETTLING {
            seen.since = now;
            seen.from = seen.progress;
            return Some((seen.progress, None));
        }
        let elapsed = now.duration_since(seen.since).as_secs_f64();
        let left = 1.0 - seen.from;
        let share = (seen.progress - seen.from) / left.max(f64::EPSILON);
        Some((seen.progress, Eta::extrapolated(elapsed, share)))
    }
}

/// `1:10–2:30 left`.
pub fn rest(eta: Option<Eta>) -> String {
    match eta {
        Some(eta) => format!("{} left", span(eta)),
        None => String::new(),
    }
}

fn span(eta: Eta) -> String {
    let (low, high) = (minutes(eta.low_seconds), minutes(eta.high_seconds));
    if low == high {
        low
    } else {
        format!("{low}–{high}")
    }
}

/// Why a render waits, and for how long.
pub fn wait(waiting: &Waiting) -> String {
    match waiting.goes_on_in {
        Some(eta) => format!("{} (in about {})", waiting.message, span(eta)),
        None => waiting.message.clone(),
    }
}

/// `1:05`; whole seconds, rounded up, so that nothing is ready sooner than said by half a second.
fn minutes(seconds: f64) -> String {
    let seconds = seconds.max(0.0).ceil() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(kind: TaskKind) -> Stage {
        Stage {
            kind,
            total: 1,
            done: 0,
            progress: 0.0,
        }
    }

    #[test]
    fn nothing_is_said_before_the_plan_and_what_was_remembered_is_no_speed() {
        let outlook = Outlook::new();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs_f64(seconds);
        let inspect = [stage(TaskKind::Inspect)];
        assert_eq!(outlook.heard_at(start, &inspect, 1.0), None);
        let all = [stage(TaskKind::Inspect), stage(TaskKind::Conform)];
        assert_eq!(outlook.heard_at(start, &all, 0.2), Some((0.2, None)));
        assert_eq!(outlook.heard_at(after(0.4), &all, 0.6), Some((0.6, None)));
        // Half of the rest, 0.2 of the whole, took ten seconds; the other half takes about ten more.
        let (progress, eta) = outlook.heard_at(after(10.4), &all, 0.8).unwrap();
        assert_eq!(progress, 0.8);
        let eta = eta.unwrap();
        assert!(eta.low_seconds < 10.0 && eta.high_seconds > 10.0, "{eta:?}");
        let (progress, _) = outlook.heard_at(after(11.0), &all, 0.7).unwrap();
        assert_eq!(progress, 0.8, "never back");
    }

    #[test]
    fn a_rest_is_a_range_of_minutes() {
        let eta = |low_seconds, high_seconds| {
            rest(Some(Eta {
                low_seconds,
                high_seconds,
            }))
        };
        assert_eq!(eta(69.2, 150.0), "1:10–2:30 left");
        assert_eq!(eta(0.2, 0.7), "0:01 left");
        assert_eq!(rest(None), "");
    }
}
