//! Why a render waits, where in the line it stands, and when it will be there.
//!
//! Every process answers by itself: from the database, from the workers as Redis last named them, and from a picture of all lines that is
//! at most a few seconds old. Places are estimates: whose turn it is exactly, only the leader knows.

mod words;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use botflix_common::http::{Eta, RenderState, WaitReason, Waiting};
use botflix_common::id::DirectorId;
use botflix_common::report::WorkerHello;
use botflix_common::task::Lane;
use tokio::time::Instant;

use super::dispatcher::{slots, takes};
use super::pace::{self, Range};
use super::turns::weight;
use super::{Core, FarmConfig};
use crate::clock;
use crate::db::renders::RenderRow;
use crate::db::tasks::TaskState;
use crate::db::tasks::line::{self, Standing};
use crate::db::tasks::pick::{Line, Takes};
use crate::db::{Database, DbError};

/// How old a picture may be.
const FRESH: Duration = Duration::from_secs(2);

/// A lane as it is now.
#[derive(Debug, Default)]
struct LanePicture {
    /// Workers that serve it, whether or not they take tasks now.
    workers: usize,
    /// Those of them that do not understand the tasks of this farm.
    too_old: usize,
    /// Tasks that those who take tasks run at once.
    slots: u64,
    /// What those that take tasks take.
    takes: Takes,
    /// Waiting tasks that need more memory, and those of other kinds.
    too_large: u64,
    refused: u64,
    /// Tasks in the queue or at workers.
    handed_out: u64,
    /// Expected cost of what is left of the tasks at work, and of those that wait.
    at_work: f64,
    backlog: f64,
    waiting: u64,
    /// Who waits: tasks, weight, and whether its limit holds it back.
    lines: HashMap<DirectorId, (u64, f64, bool)>,
}

/// All lines.
pub(super) struct Picture {
    taken_at: Instant,
    lanes: HashMap<Lane, LanePicture>,
    paused: HashMap<Lane, u64>,
}

/// What can be said of a render that has not ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    /// Absent while something of it runs.
    pub waiting: Option<Waiting>,
    /// Until it is published, from how long tasks took lately.
    pub eta: Option<Eta>,
}

impl Picture {
    async fn take(
        db: &Database,
        workers: &[WorkerHello],
        config: &FarmConfig,
    ) -> Result<Self, DbError> {
        let now_ms = clock::now_ms();
        let mut lanes: HashMap<Lane, LanePicture> = HashMap::new();
        for lane in Lane::ALL {
            let picture = lanes.entry(lane).or_default();
            let serves = |worker: &&WorkerHello| worker.lanes.contains(&lane);
            picture.workers = workers.iter().filter(serves).count();
            let too_old = workers.iter().filter(|worker| worker.too_old);
            picture.too_old = too_old.filter(serves).count();
            picture.slots = slots(lane, workers);
            picture.takes = takes(lane, workers);
            if picture.takes != Takes::EVERYTHING {
                (picture.too_large, picture.refused) =
                    line::not_taken(db, lane, &picture.takes, now_ms).await?;
            }
        }
        let mut at_once: HashMap<DirectorId, u64> = HashMap::new();
        for (lane, director, tasks, cost) in line::at_work(db).await? {
            let picture = lanes.entry(lane).or_default();
            picture.at_work += cost;
            picture.handed_out += tasks;
            *at_once.entry(director).or_insert(0) += tasks;
        }
        for backlog in line::backlogs(db, now_ms).await? {
            let Line {
                director,
                task_limit,
                ..
            } = backlog.line;
            let limit = task_limit.or(config.tasks_per_director);
            let busy = at_once.get(&director).copied().unwrap_or(0);
            let held_back = limit.is_some_and(|limit| busy >= limit);
            let picture = lanes.entry(backlog.lane).or_default();
            picture.backlog += backlog.cost;
            picture.waiting += backlog.tasks;
            let line = (backlog.tasks, weight(&backlog.line, config), held_back);
            picture.lines.insert(director, line);
        }
        Ok(Self {
            taken_at: Instant::now(),
            lanes,
            paused: line::paused(db, now_ms).await?.into_iter().collect(),
        })
    }

    /// How many ready tasks wait in a lane, and why.
    pub fn waits(&self, lane: Lane) -> Vec<(WaitReason, u64)> {
        let Some(picture) = self.lanes.get(&lane) else {
            return Vec::new();
        };
        let held_back = picture.lines.values().filter(|(_, _, held)| *held);
        let held_back: u64 = held_back.map(|(tasks, _, _)| tasks).sum();
        let too_large = picture.too_large.min(picture.waiting - held_back);
        let refused = picture.refused.min(picture.waiting - held_back - too_large);
        let rest = picture.waiting - held_back - too_large - refused;
        let mut waits = vec![
            (WaitReason::Limit, held_back),
            (WaitReason::TooLarge, too_large),
            (WaitReason::WorkersOff, refused),
            (
                WaitReason::RetryPause,
                self.paused.get(&lane).copied().unwrap_or(0),
            ),
        ];
        for reason in [
            WaitReason::NoWorker,
            WaitReason::WorkersTooOld,
            WaitReason::WorkersAway,
            WaitReason::LaneBusy,
        ] {
            let here = reason == picture.reason();
            waits.push((reason, if here { rest } else { 0 }));
        }
        waits
    }
}

impl LanePicture {
    /// Why what is ready is not handed out, apart from limits.
    fn reason(&self) -> WaitReason {
        match (self.workers, self.slots) {
            (0, _) => WaitReason::NoWorker,
            (all, _) if all == self.too_old => WaitReason::WorkersTooOld,
            (_, 0) => WaitReason::WorkersAway,
            _ => WaitReason::LaneBusy,
        }
    }

    /// About how many tasks go before one that stands behind `before` others in its director's own line.
    fn position(&self, director: DirectorId, before: u64) -> u64 {
        let own = self
            .lines
            .get(&director)
            .map_or(1.0, |(_, weight, _)| *weight);
        let others = self.lines.iter().filter(|(other, _)| **other != director);
        let ahead = others.map(|(_, (tasks, weight, held_back))| {
            if *held_back {
                return 0;
            }
            let share = ((before + 1) as f64 * weight / own).floor();
            (share as u64).min(*tasks)
        });
        before + ahead.sum::<u64>()
    }

    /// Until a task with so many before it is handed out.
    fn until(&self, position: u64, pace: Range) -> Option<Eta> {
        if self.slots == 0 {
            return None;
        }
        let mean = self.backlog / self.waiting.max(1) as f64;
        // One of the places becomes free when a part of what is at work is done.
        let at_work = self.at_work / 2.0;
        Some(pace.of(at_work + mean * position as f64, self.slots))
    }
}

/// What of a render would go on first.
fn foremost(standing: &[Standing], now_ms: i64) -> Option<Standing> {
    let rank = |one: &Standing| match one.state {
        TaskState::Queued => 0,
        TaskState::Ready if one.due_at_ms <= now_ms => 1,
        _ => 2,
    };
    let ready = standing
        .iter()
        .filter(|one| matches!(one.state, TaskState::Queued | TaskState::Ready));
    ready.min_by_key(|one| (rank(one), one.due_at_ms)).copied()
}

impl Core {
    /// The picture of the moment, or one that is nearly as new.
    pub(super) async fn picture(&self) -> Result<Arc<Picture>, DbError> {
        // Held while it is taken: one takes it, the others wait for that.
        let mut kept = self.picture.lock().await;
        if let Some(picture) = kept.as_ref()
            && picture.taken_at.elapsed() < FRESH
        {
            return Ok(Arc::clone(picture));
        }
        let workers = self.workers();
        let picture = Arc::new(Picture::take(&self.db, &workers, &self.config).await?);
        *kept = Some(Arc::clone(&picture));
        Ok(picture)
    }

    pub(super) async fn outlook_of(&self, render: &RenderRow) -> Result<Outlook, DbError> {
        if !matches!(render.state, RenderState::Accepted | RenderState::Running) {
            return Ok(Outlook::default());
        }
        let now_ms = clock::now_ms();
        let standing = line::standing(&self.db, render.id).await?;
        let picture = self.picture().await?;
        let pace = self.latest_pace.read(&self.db).await?;
        let runs = standing.iter().any(|one| one.state == TaskState::Running);
        let waiting = match foremost(&standing, now_ms) {
            Some(first) if !runs => Some(self.why(render, first, (&picture, pace), now_ms).await?),
            _ => None,
        };
        Ok(Outlook {
            eta: eta(render.state, &standing, waiting.as_ref(), (&picture, pace)),
            waiting,
        })
    }

    async fn why(
        &self,
        render: &RenderRow,
        first: Standing,
        (picture, pace): (&Picture, Range),
        now_ms: i64,
    ) -> Result<Waiting, DbError> {
        let lane = first.lane;
        let nothing = LanePicture::default();
        let here = picture.lanes.get(&lane).unwrap_or(&nothing);
        let place = match first.state {
            TaskState::Ready => line::place(&self.db, render.id, lane, now_ms).await?,
            _ => None,
        };
        let own_line = place.is_none_or(|(director, _)| director == render.director_id);
        let waiting = |reason, position: Option<u64>, goes_on_in| Waiting {
            reason,
            message: words::message(reason, lane, position, own_line),
            lane: Some(lane.name().to_owned()),
            position,
            goes_on_in,
        };
        if first.memory_bytes > here.takes.memory_bytes && here.workers > 0 {
            let message = words::too_large(lane, first.memory_bytes, here.takes.memory_bytes);
            return Ok(Waiting {
                message,
                ..waiting(WaitReason::TooLarge, None, None)
            });
        }
        if !here.takes.refused.is_empty()
            && line::all_refused(&self.db, render.id, first, &here.takes).await?
        {
            return Ok(waiting(WaitReason::WorkersOff, None, None));
        }
        if first.state == TaskState::Queued {
            return Ok(match here.reason() {
                WaitReason::LaneBusy if here.handed_out <= here.slots => {
                    waiting(WaitReason::Starting, Some(0), here.until(0, pace))
                }
                // Handed out before a place is free, so that the first that becomes free finds it.
                WaitReason::LaneBusy => waiting(WaitReason::LaneBusy, Some(0), here.until(0, pace)),
                away => waiting(away, Some(0), None),
            });
        }
        if first.due_at_ms > now_ms {
            let seconds = (first.due_at_ms - now_ms) as f64 / 1000.0;
            let pause = Eta {
                low_seconds: seconds,
                high_seconds: seconds,
            };
            return Ok(waiting(WaitReason::RetryPause, None, Some(pause)));
        }
        let Some((director, before)) = place else {
            // It was handed out meanwhile.
            return Ok(waiting(WaitReason::Starting, Some(0), None));
        };
        let position = here.position(director, before);
        let held_back = here
            .lines
            .get(&director)
            .is_some_and(|(_, _, held_back)| *held_back);
        let reason = match here.reason() {
            WaitReason::LaneBusy if held_back => WaitReason::Limit,
            reason => reason,
        };
        let until = here.until(position, pace);
        Ok(waiting(reason, Some(position), until))
    }
}

/// Until all of it is done: what goes before it, and its own work spread over the places that it can use.
fn eta(
    state: RenderState,
    standing: &[Standing],
    waiting: Option<&Waiting>,
    (picture, pace): (&Picture, Range),
) -> Option<Eta> {
    if state != RenderState::Running {
        // What there is to do is not planned yet.
        return None;
    }
    let places: u64 = standing
        .iter()
        .map(|one| {
            let slots = picture.lanes.get(&one.lane).map_or(0, |lane| lane.slots);
            slots.min(one.tasks)
        })
        .max()?;
    if places == 0 {
        return None;
    }
    let own = pace.of(standing.iter().map(|one| one.cost).sum(), places);
    match waiting {
        Some(waiting) => Some(pace::sum(waiting.goes_on_in?, own)),
        None => Some(own),
    }
}
