//! One attempt of one task under its lease: fetch what to do, run it, tell the API how it ended.
//!
//! The handler never fails towards apalis: retries and limits are SQL's. It ends silently when nobody wants the result any more, and otherwise
//! only after Redis has its report.

mod input;

use std::sync::Arc;
use std::time::Duration;

use apalis_core::task::data::Data;
use botflix_common::fail_point::{self, FailPoint, Passing};
use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::queue::{Lease, QueueError, ReportSender, Signal};
use botflix_common::report::{Report, ReportBody};
use botflix_common::storage_key;
use botflix_common::task::{TaskInput, TaskMessage};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, debug, error, info, info_span, warn};

use crate::failure::{canceled, input_lost, storage_failure};
use crate::hand_back::HandBack;
use crate::metrics::{Metrics, Outcome};
use crate::runner::{Ran, TaskRunner};

/// Reports of progress per attempt.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// How long the input is asked for while storage is away, before the attempt is given back as failed.
const INPUT_PATIENCE: Duration = Duration::from_secs(30);
const INPUT_PAUSE: Duration = Duration::from_millis(500);
/// A task that was told to stop is waited for this long, so that its processes are gone and its scratch is removed.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// What all attempts of one worker share.
pub(crate) struct Bench {
    pub runner: TaskRunner,
    pub reports: ReportSender,
    pub instance: String,
    pub metrics: Metrics,
    pub hand_back: HandBack,
    /// The newest that it understands, as its queue does.
    pub payload_version: u32,
}

/// The apalis handler.
pub(crate) async fn handle(message: TaskMessage, lease: Data<Lease>, bench: Data<Arc<Bench>>) {
    let span = info_span!("attempt", id = %message.id, kind = message.kind.name());
    let attempt = Attempt {
        message,
        lease: (*lease).clone(),
        bench: Arc::clone(&bench),
    };
    attempt.run().instrument(span).await;
}

struct Attempt {
    message: TaskMessage,
    lease: Lease,
    bench: Arc<Bench>,
}

/// How an attempt ended here.
enum End {
    Done(Box<Ran>),
    Failed(Failure),
    /// The drain's grace is over: somebody else does it.
    Released,
    /// Canceled, or no longer ours.
    Abandoned(Signal),
}

impl Attempt {
    async fn run(&self) {
        let kind = self.message.kind;
        self.pass(FailPoint::AfterLease);
        let busy = self.bench.metrics.busy(kind, self.lease.lane);
        let end = self.to_its_end().await;
        busy.ended(end.outcome());
        if let End::Failed(failure) = &end {
            self.bench.metrics.failed(kind, failure.class);
        }
        self.conclude(end).await;
    }

    async fn to_its_end(&self) -> End {
        self.report(ReportBody::Started).await;
        let cancel = CancellationToken::new();
        // Also when apalis drops this handler.
        let _cancels_at_the_end = cancel.clone().drop_guard();
        let hand_back = self.bench.hand_back.token();
        let work = self.work(&cancel);
        tokio::pin!(work);
        let stopped = tokio::select! {
            biased;
            done = &mut work => return match done {
                Ok(ran) => End::Done(Box::new(ran)),
                Err(failure) => End::Failed(failure),
            },
            signal = self.lease.lost_or_canceled() => End::Abandoned(signal),
            () = hand_back.cancelled() => End::Released,
        };
        cancel.cancel();
        if tokio::time::timeout(STOP_PATIENCE, work).await.is_err() {
            warn!("a task that was told to stop did not end in time: dropped");
        }
        stopped
    }

    async fn work(&self, cancel: &CancellationToken) -> Result<Ran, Failure> {
        let input = self.input(cancel).await?;
        let (moved, seen) = watch::channel((0.0, None));
        let lease = self.lease.clone();
        let progress = move |fraction: f64, speed: Option<f64>| {
            lease.progressed();
            moved.send_if_modified(|latest: &mut (f64, Option<f64>)| {
                let grew = fraction > latest.0;
                if grew {
                    *latest = (fraction, speed);
                }
                grew
            });
        };
        let runner = &self.bench.runner;
        self.make_room().await;
        let ran = tokio::select! {
            done = runner.run(self.message.id, &input, progress, cancel.clone()) => done?,
            never = self.relay_progress(seen) => match never {},
        };
        self.bench.metrics.made(self.lease.lane, &input, &ran);
        Ok(ran)
    }

    /// Kept clips give way before the task begins. Should they not, it fails when the disk is really full.
    async fn make_room(&self) {
        let runner = self.bench.runner.clone();
        let wanted = self.message.demand.map_or(0, |demand| demand.scratch_bytes);
        let making = tokio::task::spawn_blocking(move || runner.make_room(wanted));
        match making.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, "no room was made for a task"),
            Err(error) => warn!(%error, "no room was made for a task"),
        }
    }

    /// Sends the latest progress, at most once a second.
    async fn relay_progress(
        &self,
        mut seen: watch::Receiver<(f64, Option<f64>)>,
    ) -> std::convert::Infallible {
        loop {
            if seen.changed().await.is_err() {
                return std::future::pending().await;
            }
            let (fraction, speed) = *seen.borrow_and_update();
            self.report(ReportBody::Progress { fraction, speed }).await;
            tokio::time::sleep(PROGRESS_EVERY).await;
        }
    }

    async fn input(&self, cancel: &CancellationToken) -> Result<TaskInput, Failure> {
        let asking = async {
            let since = tokio::time::Instant::now();
            loop {
                match self.ask_for_input().await {
                    Err(failure)
                        if failure.class == FailureClass::Retry
                            && since.elapsed() < INPUT_PATIENCE =>
                    {
                        warn!(
                            code = failure.code,
                            "the input of a task must wait for storage"
                        );
                        tokio::time::sleep(INPUT_PAUSE).await;
                    }
                    ended => return ended,
                }
            }
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(canceled()),
            input = asking => input,
        }
    }

    async fn ask_for_input(&self) -> Result<TaskInput, Failure> {
        let key = storage_key::input(&self.message.id);
        let found: Option<serde_json::Value> = self
            .bench
            .runner
            .storage()
            .get_json(&key)
            .await
            .map_err(|error| storage_failure(&error))?;
        let value = found.ok_or_else(|| {
            input_lost(
                "task_input_missing",
                "The task's input is not in object storage.",
                key,
            )
        })?;
        input::read(value, self.bench.payload_version)
    }

    async fn conclude(&self, end: End) {
        match end {
            End::Done(ran) => {
                let Ran {
                    record, memoized, ..
                } = *ran;
                info!(memoized, seconds = record.wall_seconds, "task done");
                let record = Box::new(record);
                self.pass(FailPoint::AfterRecord);
                self.report_surely(ReportBody::Done { record, memoized })
                    .await;
                self.pass(FailPoint::AfterReport);
            }
            End::Failed(failure) => {
                warn!(
                    code = failure.code,
                    class = ?failure.class,
                    internal = failure.internal.as_deref().unwrap_or_default(),
                    "task failed"
                );
                self.report_surely(ReportBody::Failed { failure }).await;
            }
            End::Released => {
                info!("task handed back unfinished");
                self.report_surely(ReportBody::Released).await;
            }
            End::Abandoned(signal) => {
                info!(?signal, "task stopped");
                // Nobody needs it to go on. One that stood still is left to be taken for dead of the task.
                if !self.lease.stalled() {
                    self.report(ReportBody::Released).await;
                }
            }
        }
    }

    async fn report(&self, body: ReportBody) {
        if let Err(error) = self.bench.reports.send(self.with_id(body)).await {
            warn!(%error, "a report could not be handed over");
        }
    }

    /// Waits until Redis has it. A lost lease ends the wait: then the report would not be heard anyway.
    async fn report_surely(&self, body: ReportBody) {
        let sending = async {
            match self.bench.reports.send_durable(self.with_id(body)).await {
                Err(QueueError::TooLarge { bytes, limit_bytes }) => {
                    let failure = too_large(bytes, limit_bytes);
                    let body = ReportBody::Failed { failure };
                    self.bench.reports.send_durable(self.with_id(body)).await
                }
                other => other,
            }
        };
        tokio::select! {
            sent = sending => if let Err(error) = sent {
                error!(%error, "the end of a task could not be reported: its lease is left to run out");
            },
            Signal::LeaseLost = self.lease.lost_or_canceled() => {
                warn!("the lease was lost before Redis had the report");
            }
        }
    }

    fn pass(&self, point: FailPoint) {
        let TaskMessage { kind, id, .. } = self.message;
        fail_point::pass(point, Passing::of(kind, id));
    }

    fn with_id(&self, body: ReportBody) -> Report {
        Report {
            id: self.message.id,
            worker: self.bench.instance.clone(),
            body,
        }
    }
}

impl End {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Done(ran) if ran.memoized => Outcome::Memoized,
            Self::Done(_) => Outcome::Done,
            Self::Failed(_) => Outcome::Failed,
            Self::Released => Outcome::Released,
            Self::Abandoned(_) => Outcome::Abandoned,
        }
    }
}

fn too_large(bytes: usize, limit_bytes: usize) -> Failure {
    Failure::new(
        FailureClass::Permanent,
        WhoCanFix::Platform,
        "record_too_large",
        format!(
            "The task's record has {bytes} bytes, more than the {limit_bytes} that a report may have."
        ),
    )
}
