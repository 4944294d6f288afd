//! Something dies, stalls or forgets: workers, Redis, the network between them.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use botflix_common::queue::{Lease, Queue, QueueConfig, Signal};
use botflix_common::task::{AttemptId, Lane, TaskMessage};
use futures::future::BoxFuture;
use tokio::sync::{Notify, mpsc};

use crate::farm::{Worker, attempt, eventually, eventually_empty, message, next, noting, within};
use crate::redis_server::{RedisServer, signal};

const CPU: Lane = Lane::Cpu;
const CHILD_URL: &str = "BOTFLIX_TEST_CHILD_REDIS";

type Handled = BoxFuture<'static, Result<(), apalis::prelude::BoxDynError>>;

/// What a long task saw and when it may end.
struct LongTask {
    started: mpsc::Receiver<AttemptId>,
    signals: mpsc::Receiver<Signal>,
    end: Arc<Notify>,
}

/// A handler that runs until it is told to end or to stop.
fn long_task() -> (
    impl Fn(TaskMessage, Lease) -> Handled + Send + Sync,
    LongTask,
) {
    let (started, starts) = mpsc::channel(16);
    let (signaled, signals) = mpsc::channel(16);
    let end = Arc::new(Notify::new());
    let may_end = Arc::clone(&end);
    let handler = move |message: TaskMessage, lease: Lease| {
        let (started, signaled, may_end) =
            (started.clone(), signaled.clone(), Arc::clone(&may_end));
        Box::pin(async move {
            started.send(message.id).await?;
            tokio::select! {
                () = may_end.notified() => {}
                signal = lease.lost_or_canceled() => signaled.send(signal).await?,
            }
            Ok(())
        }) as Handled
    };
    let seen = LongTask {
        started: starts,
        signals,
        end,
    };
    (handler, seen)
}

/// Reaps for as long as given, as the API does all the time.
async fn reap_for(queue: &Queue, time: Duration) -> Vec<AttemptId> {
    let deadline = Instant::now() + time;
    let mut reaped = Vec::new();
    while Instant::now() < deadline {
        reaped.extend(queue.reap(CPU, queue.config().lease).await.unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    reaped
}

/// Does nothing when it is run as a test; see [`a_killed_workers_task_runs_elsewhere_exactly_once`].
#[tokio::test]
async fn child_worker() {
    let Ok(url) = std::env::var(CHILD_URL) else {
        return;
    };
    let mut config = QueueConfig::new(url);
    config.lease = Duration::from_millis(1_500);
    config.renew_every = Duration::from_millis(300);
    config.command_timeout = Duration::from_millis(700);
    let queue = Queue::connect(config).unwrap();
    let (handler, _seen) = long_task();
    let worker = Worker::start(&queue, vec![CPU], "child", 1, handler);
    tokio::time::sleep(Duration::from_secs(60)).await;
    drop(worker);
}

/// A worker in a process of its own, so that it can be killed; it dies with the test.
struct Child(std::process::Child);

impl Child {
    fn start(redis: &RedisServer) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "faults::child_worker", "--nocapture"])
            .env(CHILD_URL, redis.url())
            .stdout(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.0.kill().is_ok() {
            self.0.wait().ok();
        }
    }
}

async fn child_has_one(queue: &Queue) {
    eventually("the child has it", async || {
        queue.depth(CPU).await.is_ok_and(|depth| depth.held == 1)
    })
    .await;
}

#[tokio::test]
async fn a_killed_workers_task_runs_elsewhere_exactly_once() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let mut child = Child::start(&redis);
    queue
        .push(CPU, &message(attempt("killed", 1)))
        .await
        .unwrap();
    child_has_one(&queue).await;
    let (ran, mut runs) = mpsc::channel(16);
    let other = Worker::start(&queue, vec![CPU], "other", 4, noting(&ran));
    // Alive for longer than its lease, it keeps the task.
    assert_eq!(reap_for(&queue, Duration::from_secs(2)).await, []);

    child.kill();
    let killed_at = Instant::now();
    let mut reaped = Vec::new();
    while reaped.is_empty() {
        reaped = reap_for(&queue, Duration::from_millis(50)).await;
        assert!(killed_at.elapsed() < Duration::from_secs(4), "never reaped");
    }
    assert!(
        killed_at.elapsed() > Duration::from_millis(1_000),
        "reaped within its lease"
    );
    assert_eq!(reaped, [attempt("killed", 1)]);
    queue
        .push(CPU, &message(attempt("killed", 2)))
        .await
        .unwrap();
    assert_eq!(next(&mut runs).await, attempt("killed", 2));
    assert_eq!(reap_for(&queue, Duration::from_secs(2)).await, []);
    eventually_empty(&queue, CPU).await;
    other.join().await;
    assert!(
        runs.try_recv().is_err(),
        "an attempt was stolen or ran twice"
    );
}

#[tokio::test]
async fn a_worker_that_was_stopped_for_longer_than_its_lease_does_no_harm_when_it_wakes() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let child = Child::start(&redis);
    queue
        .push(CPU, &message(attempt("asleep", 1)))
        .await
        .unwrap();
    child_has_one(&queue).await;
    signal(child.0.id(), "STOP");
    assert_eq!(
        reap_for(&queue, Duration::from_secs(3)).await,
        [attempt("asleep", 1)]
    );

    let (handler, mut seen) = long_task();
    let other = Worker::start(&queue, vec![CPU], "other", 1, handler);
    queue
        .push(CPU, &message(attempt("asleep", 2)))
        .await
        .unwrap();
    assert_eq!(next(&mut seen.started).await, attempt("asleep", 2));
    signal(child.0.id(), "CONT");
    assert_eq!(reap_for(&queue, Duration::from_secs(2)).await, []);
    let held = queue.snapshot(CPU).await.unwrap().entries;
    assert_eq!(held.len(), 1);
    assert_eq!(
        (held[0].id, held[0].holder.as_deref()),
        (attempt("asleep", 2), Some("other"))
    );
    // It was told, so its slot is free again.
    queue
        .push(CPU, &message(attempt("awake", 1)))
        .await
        .unwrap();
    eventually("the child works again", async || {
        queue.depth(CPU).await.is_ok_and(|depth| depth.held == 2)
    })
    .await;
    seen.end.notify_one();
    other.join().await;
}

#[tokio::test]
async fn an_entry_whose_delivery_was_lost_on_the_way_is_run_and_not_left_to_its_lease() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let (ran, mut runs) = mpsc::channel(16);
    let worker = Worker::start(&queue, vec![CPU], "w1", 1, noting(&ran));
    queue
        .push(CPU, &message(attempt("before", 1)))
        .await
        .unwrap();
    next(&mut runs).await;
    // What Redis sees when its answer is lost: it gave the entry to w1, and the connection is gone.
    worker.gate.close();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let lost = attempt("lost", 1);
    queue.push(CPU, &message(lost)).await.unwrap();
    let mut raw = redis.connection().await;
    let mut take = redis::cmd("XREADGROUP");
    take.arg("GROUP")
        .arg("farm")
        .arg("w1")
        .arg("STREAMS")
        .arg("botflix:lane:cpu")
        .arg(">");
    take.query_async::<redis::Value>(&mut raw).await.unwrap();
    let mut hang_up = redis::cmd("CLIENT");
    hang_up.arg("KILL").arg("TYPE").arg("normal");
    hang_up.query_async::<u64>(&mut raw).await.unwrap();
    worker.gate.open();
    assert_eq!(
        within(Duration::from_secs(1), runs.recv()).await,
        Some(lost)
    );
    eventually_empty(&queue, CPU).await;
    worker.join().await;
}

#[tokio::test]
async fn a_live_task_longer_than_its_lease_is_kept_and_without_renewal_it_is_not() {
    let redis = RedisServer::start();
    let with_renewal = redis.queue();
    let mut config = redis.config().without_renewal();
    config.namespace = "unrenewed".to_owned();
    let without_renewal = Queue::connect(config).unwrap();
    let lasting = Duration::from_secs(4);

    let run = async |queue: &Queue| {
        let (handler, mut seen) = long_task();
        let worker = Worker::start(queue, vec![CPU], "w1", 1, handler);
        queue.push(CPU, &message(attempt("long", 1))).await.unwrap();
        next(&mut seen.started).await;
        let reaped = reap_for(queue, lasting).await;
        seen.end.notify_one();
        eventually_empty(queue, CPU).await;
        worker.join().await;
        reaped
    };
    let (kept, lost) = tokio::join!(run(&with_renewal), run(&without_renewal));
    assert_eq!(kept, []);
    assert_eq!(lost, [attempt("long", 1)], "renewal makes no difference");
}

#[tokio::test]
async fn a_task_without_progress_loses_its_lease() {
    let redis = RedisServer::start();
    let mut config = redis.config();
    config.stall_limit = config.lease;
    let queue = Queue::connect(config).unwrap();
    let (handler, mut seen) = long_task();
    let worker = Worker::start(&queue, vec![CPU], "w1", 1, handler);
    queue
        .push(CPU, &message(attempt("stalled", 1)))
        .await
        .unwrap();
    next(&mut seen.started).await;
    let reaped = reap_for(&queue, Duration::from_secs(5)).await;
    assert_eq!(reaped, [attempt("stalled", 1)]);
    assert_eq!(next(&mut seen.signals).await, Signal::LeaseLost);
    worker.join().await;
}

#[tokio::test]
async fn a_redis_that_restarts_with_its_file_costs_a_running_task_nothing() {
    let mut redis = RedisServer::start();
    let queue = redis.queue();
    let (handler, mut seen) = long_task();
    let worker = Worker::start(&queue, vec![CPU], "w1", 1, handler);
    queue
        .push(CPU, &message(attempt("restart", 1)))
        .await
        .unwrap();
    next(&mut seen.started).await;
    redis.kill();
    redis.start_again();
    assert_eq!(reap_for(&queue, Duration::from_secs(2)).await, []);
    assert!(
        seen.signals.try_recv().is_err(),
        "the task was told to stop"
    );
    // Also the acknowledgement must survive one.
    redis.kill();
    seen.end.notify_one();
    tokio::time::sleep(Duration::from_millis(300)).await;
    redis.start_again();
    eventually_empty(&queue, CPU).await;
    // And the worker goes on.
    queue
        .push(CPU, &message(attempt("restart", 2)))
        .await
        .unwrap();
    assert_eq!(next(&mut seen.started).await, attempt("restart", 2));
    seen.end.notify_one();
    worker.join().await;
    assert!(seen.started.try_recv().is_err(), "it ran twice");
}

#[tokio::test]
async fn a_flushed_redis_is_noticed_within_a_renewal() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let (handler, mut seen) = long_task();
    let worker = Worker::start(&queue, vec![CPU], "w1", 1, handler);
    queue
        .push(CPU, &message(attempt("flushed", 1)))
        .await
        .unwrap();
    next(&mut seen.started).await;
    let mut raw = redis.connection().await;
    redis::cmd("FLUSHALL")
        .query_async::<()>(&mut raw)
        .await
        .unwrap();
    let limit = queue.config().renew_every + Duration::from_secs(1);
    assert_eq!(
        within(limit, seen.signals.recv()).await,
        Some(Signal::LeaseLost)
    );
    // The worker makes the lane anew and goes on.
    queue
        .push(CPU, &message(attempt("flushed", 2)))
        .await
        .unwrap();
    assert_eq!(next(&mut seen.started).await, attempt("flushed", 2));
    seen.end.notify_one();
    eventually_empty(&queue, CPU).await;
    worker.join().await;
}

#[tokio::test]
async fn a_redis_that_pauses_for_less_than_a_lease_changes_nothing_and_for_longer_the_worker_gives_up()
 {
    let redis = RedisServer::start();
    let mut config = redis.config();
    config.lease = Duration::from_secs(2);
    let queue = Queue::connect(config).unwrap();
    let (handler, mut seen) = long_task();
    let worker = Worker::start(&queue, vec![CPU], "w1", 1, handler);
    queue
        .push(CPU, &message(attempt("paused", 1)))
        .await
        .unwrap();
    next(&mut seen.started).await;

    redis.signal("STOP");
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    redis.signal("CONT");
    eventually("Redis answers", async || queue.ping().await.is_ok()).await;
    assert_eq!(reap_for(&queue, Duration::from_secs(3)).await, []);
    assert!(
        seen.signals.try_recv().is_err(),
        "a short pause stopped the task"
    );

    redis.signal("STOP");
    let told = within(Duration::from_secs(4), seen.signals.recv()).await;
    redis.signal("CONT");
    assert_eq!(told, Some(Signal::LeaseLost));
    // Nothing was reported for it, so it is never acknowledged, only reaped. Acknowledging takes a retry at most.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(queue.depth(CPU).await.unwrap().held, 1);
    assert_eq!(
        reap_for(&queue, Duration::from_secs(3)).await,
        [attempt("paused", 1)]
    );
    worker.join().await;
}

#[tokio::test]
async fn a_worker_that_drains_keeps_the_leases_of_what_still_runs() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let (handler, mut seen) = long_task();
    let worker = Worker::start(&queue, vec![CPU], "w1", 2, handler);
    queue
        .push(CPU, &message(attempt("drained", 1)))
        .await
        .unwrap();
    next(&mut seen.started).await;
    worker.stop();
    // The second slot's read is under way: what it brings now must not start here, nor be lost.
    let later = attempt("after the stop", 1);
    queue.push(CPU, &message(later)).await.unwrap();
    assert_eq!(reap_for(&queue, Duration::from_secs(4)).await, []);
    assert!(
        seen.signals.try_recv().is_err(),
        "a draining worker lost its lease"
    );
    seen.end.notify_one();
    worker.join().await;
    assert!(
        seen.started.try_recv().is_err(),
        "a draining worker took a task"
    );
    let left = queue.snapshot(CPU).await.unwrap();
    assert_eq!(left.entries.len(), 1);
    assert_eq!(
        (left.entries[0].id, left.entries[0].holder.as_deref()),
        (later, None)
    );
    assert!(
        queue.remove(CPU, later).await.unwrap(),
        "handed back, it must still be found by its id"
    );
}

#[tokio::test]
async fn a_worker_whose_backend_is_dropped_lets_its_leases_run_out() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let dropped = Arc::new(AtomicUsize::new(0));
    struct CountsDrops(Arc<AtomicUsize>);
    impl Drop for CountsDrops {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (started, mut starts) = mpsc::channel(1);
    let counted = Arc::clone(&dropped);
    let worker = Worker::start(&queue, vec![CPU], "w1", 1, move |_, _| {
        let (started, guard) = (started.clone(), CountsDrops(Arc::clone(&counted)));
        async move {
            let _guard = guard;
            started.send(()).await?;
            std::future::pending::<()>().await;
            Ok(())
        }
    });
    queue
        .push(CPU, &message(attempt("dropped", 1)))
        .await
        .unwrap();
    next(&mut starts).await;
    worker.abort();
    let reaped = reap_for(&queue, Duration::from_secs(3)).await;
    assert_eq!(reaped, [attempt("dropped", 1)]);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}
