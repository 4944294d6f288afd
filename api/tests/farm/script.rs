//! A worker without ffmpeg: takes attempts from the real queue, reads their inputs from storage, and reports what the test wants.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use botflix_common::queue::{Queue, ReportSender};
use botflix_common::report::{Report, ReportBody};
use botflix_common::storage::Storage;
use botflix_common::storage_key;
use botflix_common::task::{AttemptId, Lane, TaskInput, TaskKind, TaskSpec};
use botflix_testkit::deadline;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::facts::record;
use crate::rig::{LIMIT, Rig};

/// What an attempt ends with.
type Play = dyn Fn(&Taken) -> ReportBody + Send + Sync;

/// An attempt that was taken out of the queue.
#[derive(Clone, Debug)]
pub struct Taken {
    pub id: AttemptId,
    pub input: TaskInput,
}

impl Taken {
    pub fn kind(&self) -> TaskKind {
        self.input.spec.kind()
    }

    pub fn spec(&self) -> &TaskSpec {
        &self.input.spec
    }

    /// The report of its success.
    pub fn done_by(&self, worker: &str) -> ReportBody {
        ReportBody::Done {
            record: Box::new(record(&self.input.spec, worker)),
            memoized: false,
        }
    }
}

/// The hands of a scripted worker.
pub struct Hands {
    queue: Queue,
    storage: Storage,
    reports: ReportSender,
    name: String,
}

impl Hands {
    pub fn of(rig: &Rig, name: &str) -> Self {
        let queue = rig.base.queue();
        Self {
            reports: queue.report_sender(),
            storage: rig.base.storage(),
            name: name.to_owned(),
            queue,
        }
    }

    /// Everything that waits in the lanes, taken out of them.
    pub async fn take_all(&self) -> anyhow::Result<Vec<Taken>> {
        self.take_from(&Lane::ALL).await
    }

    pub async fn take_from(&self, lanes: &[Lane]) -> anyhow::Result<Vec<Taken>> {
        let mut taken = Vec::new();
        for lane in lanes.iter().copied() {
            for entry in self.queue.snapshot(lane).await?.entries {
                if entry.holder.is_some() || !self.queue.remove(lane, entry.id).await? {
                    continue;
                }
                let key = storage_key::input(&entry.id);
                let input: Option<TaskInput> = self.storage.get_json(&key).await?;
                // Written before the message, and deleted when the attempt is over: then nobody wants it any more.
                let Some(input) = input else { continue };
                let upstream: HashSet<_> = input.upstream.keys().copied().collect();
                assert_eq!(
                    upstream,
                    input.spec.needs().into_iter().collect(),
                    "every need has its record"
                );
                taken.push(Taken {
                    id: entry.id,
                    input,
                });
            }
        }
        Ok(taken)
    }

    /// The next attempt of a kind; others that wait are taken and dropped.
    pub async fn take(&self, kind: TaskKind) -> Taken {
        self.take_kind_from(&Lane::ALL, kind).await
    }

    /// The same, and what waits in other lanes stays there.
    pub async fn take_kind_from(&self, lanes: &[Lane], kind: TaskKind) -> Taken {
        deadline::until(
            &format!("a {} task in the queue", kind.name()),
            LIMIT,
            async || {
                Ok(self
                    .take_from(lanes)
                    .await?
                    .into_iter()
                    .find(|taken| taken.kind() == kind))
            },
        )
        .await
        .unwrap()
    }

    pub async fn report(&self, id: AttemptId, body: ReportBody) {
        let report = Report {
            id,
            worker: self.name.clone(),
            body,
        };
        self.reports.send(report).await.unwrap();
    }

    /// The same, and returns when Redis has it.
    pub async fn report_surely(&self, id: AttemptId, body: ReportBody) {
        let worker = self.name.clone();
        let report = Report { id, worker, body };
        self.reports.send_durable(report).await.unwrap();
    }

    pub async fn finish(&self, taken: &Taken) {
        self.report(taken.id, ReportBody::Started).await;
        self.report(taken.id, taken.done_by(&self.name)).await;
    }
}

/// A worker that goes on until it is dropped.
pub struct Script {
    ran: Arc<Mutex<Vec<Taken>>>,
    stop: CancellationToken,
    _running: AbortOnDropHandle<()>,
}

impl Script {
    /// Everything succeeds.
    pub fn start(rig: &Rig) -> Self {
        Self::playing(rig, |taken| taken.done_by("script"))
    }

    pub fn playing(rig: &Rig, play: impl Fn(&Taken) -> ReportBody + Send + Sync + 'static) -> Self {
        let (ran, stop) = (Arc::new(Mutex::new(Vec::new())), CancellationToken::new());
        let hands = Hands::of(rig, "script");
        let running = run(hands, Arc::new(play), Arc::clone(&ran), stop.clone());
        Self {
            ran,
            stop,
            _running: AbortOnDropHandle::new(tokio::spawn(running)),
        }
    }

    /// The attempts that ran so far, in order.
    pub fn ran(&self) -> Vec<Taken> {
        self.ran.lock().unwrap().clone()
    }

    pub fn kinds(&self) -> Vec<&'static str> {
        self.ran().iter().map(|taken| taken.kind().name()).collect()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn run(hands: Hands, play: Arc<Play>, ran: Arc<Mutex<Vec<Taken>>>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        // An error is a Redis that is away for a while, which some tests want.
        for taken in hands.take_all().await.unwrap_or_default() {
            ran.lock().unwrap().push(taken.clone());
            hands.report(taken.id, ReportBody::Started).await;
            let half = ReportBody::Progress {
                fraction: 0.5,
                speed: None,
            };
            hands.report(taken.id, half).await;
            hands.report(taken.id, play(&taken)).await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
