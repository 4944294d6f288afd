//! What a worker does that was taken off a kind of task: it tries its host again, after ever longer pauses, and takes the kind again when that
//! goes as well as at its start.

use std::collections::HashMap;
use std::time::Duration;

use botflix_common::task::TaskKind;
use botflix_common::worker::{OffKind, Proven, SelfTest};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::presence::Presence;
use crate::runner::TaskRunner;
use crate::selftest;

/// How often it looks whether it was taken off something.
const LOOKS_EVERY: Duration = Duration::from_secs(1);
/// Before the first self-test; before every further one of the same kind twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// A kind that went well for this long begins anew.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// How often each kind was tried, and when last.
#[derive(Default)]
struct Tries(HashMap<TaskKind, (u32, Instant)>);

impl Tries {
    /// How long the next self-test for a kind waits; counts it.
    fn pause(&mut self, kind: TaskKind) -> Duration {
        let now = Instant::now();
        let (tries, last) = self.0.entry(kind).or_insert((0, now));
        if last.elapsed() > FORGOTTEN_AFTER {
            *tries = 0;
        }
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(*tries));
        (*tries, *last) = (tries.saturating_add(1), now);
        pause.min(LONGEST_PAUSE)
    }
}

/// Until stopped. `at_start`: what the host did then.
pub(crate) async fn serve(
    presence: Presence,
    runner: TaskRunner,
    at_start: SelfTest,
    stop: CancellationToken,
) {
    let mut tries = Tries::default();
    loop {
        let pause = match presence.off_kind() {
            Some(off) => {
                let pause = tries.pause(off.kind);
                let tried = async {
                    tokio::time::sleep(pause).await;
                    try_again(&presence, &runner, &at_start, &off).await;
                };
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tried => Duration::ZERO,
                }
            }
            None => LOOKS_EVERY,
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn try_again(presence: &Presence, runner: &TaskRunner, at_start: &SelfTest, off: &OffKind) {
    match selftest::host(runner).await {
        Ok(now) => match worse(at_start, &now) {
            None => {
                info!(
                    kind = off.kind.name(),
                    "the self-test passed: taking the kind again"
                );
                presence.prove(Proven {
                    kind: off.kind,
                    since_ms: off.since_ms,
                });
                presence.announce().await;
            }
            Some(check) => {
                warn!(
                    kind = off.kind.name(),
                    check, "the self-test failed: the kind is left to others"
                );
            }
        },
        Err(error) => {
            warn!(%error, kind = off.kind.name(), "the self-test failed: the kind is left to others");
        }
    }
}

/// The first check that went better at the start.
fn worse<'a>(at_start: &SelfTest, now: &'a SelfTest) -> Option<&'a str> {
    let passed = |name: &str| {
        let mut checks = at_start.checks.iter();
        checks.any(|check| check.name == name && check.failed.is_none())
    };
    let failed = now
        .checks
        .iter()
        .find(|check| check.failed.is_some() && passed(&check.name));
    failed.map(|check| check.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use botflix_common::worker::SelfCheck;

    #[tokio::test(start_paused = true)]
    async fn every_further_try_of_a_kind_waits_twice_as_long() {
        let mut tries = Tries::default();
        let pauses: Vec<u64> = (0..4)
            .map(|_| tries.pause(TaskKind::Mix).as_secs())
            .collect();
        assert_eq!(pauses, [2, 4, 8, 16]);
        assert_eq!(tries.pause(TaskKind::Check), FIRST_PAUSE);
        for _ in 0..40 {
            tries.pause(TaskKind::Mix);
        }
        assert_eq!(tries.pause(TaskKind::Mix), LONGEST_PAUSE);
        tokio::time::advance(FORGOTTEN_AFTER * 2).await;
        assert_eq!(tries.pause(TaskKind::Mix), FIRST_PAUSE);
    }

    #[test]
    fn what_never_worked_here_is_not_held_against_it() {
        let test = |failed: [Option<&str>; 2]| SelfTest {
            checks: ["decode h264", "encode nvenc-h264/1"]
                .into_iter()
                .zip(failed)
                .map(|(name, failed)| SelfCheck {
                    name: name.to_owned(),
                    failed: failed.map(str::to_owned),
                })
                .collect(),
            ..SelfTest::default()
        };
        let start = test([None, Some("no device")]);
        assert_eq!(worse(&start, &start), None);
        assert_eq!(
            worse(&start, &test([Some("died"), None])),
            Some("decode h264")
        );
    }
}
