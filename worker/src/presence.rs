//! How a worker is seen by the farm and told what to do: says hello every few seconds, reads its orders with it, and opens or closes its gate
//! accordingly.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use botflix_common::queue::{Gate, Queue};
use botflix_common::report::WorkerHello;
use botflix_common::task::TaskKind;
use botflix_common::worker::{IdleCode, OffKind, Proven, WantedState, WorkerOrders, WorkerState};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::attempt::Bench;
use crate::host;
use crate::limits::Disk;
use crate::scratch::ScratchError;
use crate::standing::Standing;

/// Also how late an order may be noticed.
const HELLO_EVERY: Duration = Duration::from_secs(3);
/// How often the metrics are left, rounded up to a hello.
const METRICS_EVERY: Duration = Duration::from_secs(9);
/// How often it is looked for what processes left in scratch that are gone.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);

/// A task that it did not understand says for so long why it is idle.
const DECLINED_LATELY: Duration = Duration::from_secs(30);

/// How an operator wants a worker to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopOrder {
    /// Once what runs has finished, however long that takes.
    AfterCurrent,
    /// What runs is handed back.
    Now,
}

#[derive(Clone)]
pub(crate) struct Presence {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Queue,
    gate: Gate,
    bench: Arc<Bench>,
    /// What running tasks have to finish when the worker is drained.
    grace: Duration,
    ordered: watch::Sender<Option<StopOrder>>,
    inner: Mutex<Inner>,
}

struct Inner {
    hello: WorkerHello,
    standing: Standing,
    /// Since when, and whether what was left has been handed back.
    draining: Option<(Instant, Left)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Running,
    HandedBack,
}

impl Presence {
    pub fn new(
        queue: Queue,
        gate: Gate,
        bench: Arc<Bench>,
        grace: Duration,
        hello: WorkerHello,
        standing: Standing,
    ) -> Self {
        let inner = Mutex::new(Inner {
            hello,
            standing,
            draining: None,
        });
        Self {
            shared: Arc::new(Shared {
                queue,
                gate,
                bench,
                grace,
                ordered: watch::Sender::new(None),
                inner,
            }),
        }
    }

    /// Renews the registration and follows orders until stopped.
    pub async fn keep(self, stop: CancellationToken) {
        let mut ticks = interval(HELLO_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut left_at: Option<Instant> = None;
        let mut swept_at = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            self.mind_the_disk().await;
            if swept_at.elapsed() >= SWEEP_EVERY {
                swept_at = Instant::now();
                self.sweep_scratch();
            }
            self.announce().await;
            if left_at.is_none_or(|at| at.elapsed() >= METRICS_EVERY) {
                left_at = Some(Instant::now());
                self.leave_metrics().await;
            }
        }
    }

    /// For the API to show. What is not heard now is left again soon: these are counts since the start.
    async fn leave_metrics(&self) {
        let page = match self.shared.bench.metrics.text() {
            Ok(page) => page,
            Err(error) => {
                warn!(%error, "metrics cannot be written");
                return;
            }
        };
        let instance = self.inner().hello.instance.clone();
        if let Err(error) = self.shared.queue.leave_metrics(&instance, &page).await {
            debug!(%error, "the metrics were not left");
        }
    }

    /// Says hello, and follows what it is answered. Redis may be away: the next hello is soon.
    pub async fn announce(&self) {
        let hello = self.settle();
        match self.shared.queue.hello(&hello).await {
            Ok(Some(orders)) if self.obey(&orders) => {
                let hello = self.settle();
                if let Err(error) = self.shared.queue.hello(&hello).await {
                    debug!(%error, "hello was not heard");
                }
            }
            Ok(_) => {}
            Err(error) => debug!(%error, "hello was not heard"),
        }
    }

    /// A kind that this process was taken off.
    pub fn off_kind(&self) -> Option<OffKind> {
        self.inner().standing.off().next().cloned()
    }

    /// A self-test passed: the kind is taken again, and the farm hears of it with the next hello.
    pub fn prove(&self, proven: Proven) {
        let mut inner = self.inner();
        // An older proof of the kind has done its work.
        inner.standing.proven.retain(|one| one.kind != proven.kind);
        inner.standing.proven.push(proven);
    }

    /// No new task from here on, and everybody may know.
    pub async fn drain(&self) {
        self.inner().standing.ending = true;
        self.announce().await;
    }

    pub async fn goodbye(&self) {
        let instance = self.inner().hello.instance.clone();
        if let Err(error) = self.shared.queue.goodbye(&instance).await {
            debug!(%error, "goodbye was not heard: the registration runs out by itself");
        }
    }

    /// Waits until an operator wants the worker to end; follows what is wanted instead later.
    pub fn stop_orders(&self) -> watch::Receiver<Option<StopOrder>> {
        self.shared.ordered.subscribe()
    }

    /// Whether the orders were news.
    fn obey(&self, orders: &WorkerOrders) -> bool {
        let mut inner = self.inner();
        if *orders == inner.standing.orders {
            return false;
        }
        info!(
            revision = orders.revision,
            wanted = orders.wanted_of(&inner.hello.instance).name(),
            "new orders"
        );
        inner.standing.orders = orders.clone();
        true
    }

    /// Brings gate, tasks and hello in line with how the worker stands now.
    fn settle(&self) -> WorkerHello {
        // Held to the end, so that the gate follows the newest standing.
        let mut inner = self.inner();
        let stance = inner.standing.at(unix_seconds());
        let gate = &self.shared.gate;
        gate.admit(
            stance.lanes.clone(),
            stance.limit.unwrap_or(u32::MAX),
            stance.pace,
        );
        gate.refuse(stance.refuses.clone());
        let budget = inner.standing.budget;
        gate.budget(budget);
        match stance.barred {
            None => gate.open(),
            Some(_) => gate.close(),
        }
        let metrics = &self.shared.bench.metrics;
        metrics.slots(stance.slots);
        metrics.draining(stance.state != WorkerState::Active);
        metrics.disk_full(stance.barred == Some(IdleCode::DiskFull));
        self.follow(&mut inner);

        let nothing_to_do = if stance.refuses.is_empty() {
            IdleCode::NoTasks
        } else {
            IdleCode::KindsOff
        };
        let held = gate.held();
        let mut busy: BTreeMap<TaskKind, u32> = BTreeMap::new();
        for kind in &held {
            *busy.entry(*kind).or_default() += 1;
        }
        let Inner {
            hello, standing, ..
        } = &mut *inner;
        if hello.state != stance.state {
            info!(state = stance.state.name(), "the worker stands differently");
        }
        hello.state = stance.state;
        hello.draining = stance.state != WorkerState::Active;
        hello.disk_full = stance.barred == Some(IdleCode::DiskFull);
        hello.lanes = stance.lanes;
        hello.slots = stance.slots;
        hello.tags = stance.tags;
        hello.idle = held.is_empty().then(|| {
            stance
                .barred
                .unwrap_or_else(|| self.why_nothing_comes(nothing_to_do))
        });
        hello.busy = busy;
        hello.off_kinds = stance.refuses;
        hello.proven.clone_from(&standing.proven);
        hello.budget = Some(budget);
        hello.in_use = gate.in_use();
        metrics.room.uses(&budget, &hello.in_use);
        metrics.room.idles(hello.idle);
        hello.load_percent = host::load_percent();
        hello.clone()
    }

    fn why_nothing_comes(&self, otherwise: IdleCode) -> IdleCode {
        match self.shared.gate.declined_within(DECLINED_LATELY) {
            Some(_) => IdleCode::TooOld,
            None => otherwise,
        }
    }

    /// Hands back what a drained worker still runs after its grace, and passes a stop on.
    fn follow(&self, inner: &mut Inner) {
        let wanted = inner.standing.wanted();
        inner.draining = match (wanted, inner.draining) {
            (WantedState::Draining, None) => Some((Instant::now(), Left::Running)),
            (WantedState::Draining, Some((since, Left::Running)))
                if since.elapsed() >= self.shared.grace =>
            {
                info!("what still runs is handed back");
                self.shared.bench.hand_back.all();
                Some((since, Left::HandedBack))
            }
            (WantedState::Draining, draining) => draining,
            _ => None,
        };
        let ordered = match wanted {
            WantedState::StopAfterCurrent => Some(StopOrder::AfterCurrent),
            WantedState::StopNow => Some(StopOrder::Now),
            WantedState::Active | WantedState::Paused | WantedState::Draining => None,
        };
        // An end that has begun is not taken back.
        self.shared.ordered.send_if_modified(|known| {
            let news = ordered.is_some() && *known != ordered;
            if news {
                *known = ordered;
            }
            news
        });
    }

    /// Beside everything else: what is left may be large, and hellos must not wait.
    fn sweep_scratch(&self) {
        let runner = self.shared.bench.runner.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = runner.scratch().sweep() {
                warn!(%error, "scratch could not be swept");
            }
        });
    }

    async fn mind_the_disk(&self) {
        let runner = self.shared.bench.runner.clone();
        let admitted = self.shared.gate.in_use().scratch_bytes;
        let looking = tokio::task::spawn_blocking(move || {
            let disk = runner.disk()?;
            runner.make_room(disk.to_be_written(admitted))?;
            Ok((disk, runner.check_room()))
        });
        let looked: Result<(Disk, Result<(), ScratchError>), ScratchError> = match looking.await {
            Ok(looked) => looked,
            Err(error) => {
                warn!(%error, "the disk could not be looked at");
                return;
            }
        };
        let (disk, room) = match looked {
            Ok((disk, room)) => (Some(disk), room),
            Err(error) => (None, Err(error)),
        };
        let mut inner = self.inner();
        if let Some(disk) = disk {
            inner.standing.budget.scratch_bytes = disk.for_tasks();
        }
        let full = room.is_err();
        match room {
            Ok(()) if inner.standing.disk_full => {
                warn!("scratch has room again: taking tasks");
            }
            Err(error) if !inner.standing.disk_full => warn!(%error, "no new task is taken"),
            Ok(()) | Err(_) => {}
        }
        inner.standing.disk_full = full;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.shared
            .inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn unix_seconds() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
}
