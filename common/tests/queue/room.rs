//! Tasks begin when their host has room for them: large ones get their turn, and what no host could hold is left to others.

use std::time::Duration;

use botflix_common::queue::Queue;
use botflix_common::task::{AttemptId, Demand, Lane, TaskKind, TaskMessage};
use botflix_common::worker::Budget;
use tokio::sync::{mpsc, watch};

use crate::farm::{Worker, attempt, eventually, eventually_empty, message, next, noting, within};
use crate::redis_server::RedisServer;

const CPU: Lane = Lane::Cpu;
const GIB: u64 = 1 << 30;

fn demand(millicores: u32, memory_bytes: u64) -> Demand {
    Demand {
        millicores,
        memory_bytes,
        ..Demand::default()
    }
}

async fn push(queue: &Queue, name: &str, demand: Demand) -> AttemptId {
    let id = attempt(name, 1);
    let message = TaskMessage {
        demand: Some(demand),
        ..message(id)
    };
    assert!(queue.push(CPU, &message).await.unwrap());
    id
}

fn two_cores() -> Budget {
    Budget {
        millicores: 2000,
        memory_bytes: 4 * GIB,
        ..Budget::default()
    }
}

/// Tasks that say when they begin, and end when they are let go.
struct Patient {
    worker: Worker,
    begun: mpsc::Receiver<AttemptId>,
    ends: watch::Sender<Vec<AttemptId>>,
}

impl Patient {
    fn start(queue: &Queue, name: &str, budget: Budget) -> Self {
        let (begins, begun) = mpsc::channel(16);
        let (ends, ended) = watch::channel(Vec::<AttemptId>::new());
        let worker = Worker::start(queue, vec![CPU], name, 16, move |message, _| {
            let (begins, mut ended) = (begins.clone(), ended.clone());
            async move {
                begins.send(message.id).await?;
                ended.wait_for(|all| all.contains(&message.id)).await?;
                Ok(())
            }
        });
        worker.gate.budget(budget);
        Self {
            worker,
            begun,
            ends,
        }
    }

    fn end(&self, id: AttemptId) {
        self.ends.send_modify(|all| all.push(id));
    }
}

async fn held_by(queue: &Queue, name: &str) -> usize {
    let entries = queue.snapshot(CPU).await.unwrap().entries;
    entries
        .iter()
        .filter(|entry| entry.holder.as_deref() == Some(name))
        .count()
}

#[tokio::test]
async fn a_large_task_gets_its_turn_before_small_ones_that_came_later() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let mut host = Patient::start(&queue, "w1", two_cores());
    let small = [
        push(&queue, "small-1", demand(1000, GIB)).await,
        push(&queue, "small-2", demand(1000, GIB)).await,
    ];
    assert_eq!(next(&mut host.begun).await, small[0]);
    assert_eq!(next(&mut host.begun).await, small[1]);
    // A host with a core to spare looks for more.
    host.worker.gate.budget(Budget {
        millicores: 3000,
        ..two_cores()
    });
    let large = push(&queue, "large", demand(3000, GIB)).await;
    let late = push(&queue, "small-3", demand(500, GIB)).await;
    eventually("the large one is held", async || {
        held_by(&queue, "w1").await == 3
    })
    .await;
    assert_eq!(host.worker.gate.in_use(), demand(2000, 2 * GIB));
    host.end(small[0]);
    host.end(small[1]);
    assert_eq!(
        next(&mut host.begun).await,
        large,
        "there was room for the late one before"
    );
    host.end(large);
    assert_eq!(next(&mut host.begun).await, late);
    host.end(late);
    eventually_empty(&queue, CPU).await;
    host.worker.join().await;
}

#[tokio::test]
async fn a_task_that_gets_no_room_in_time_goes_to_another_worker_as_the_same_attempt() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let mut busy = Patient::start(&queue, "busy", two_cores());
    let small = push(&queue, "small", demand(1000, GIB)).await;
    assert_eq!(next(&mut busy.begun).await, small);
    let large = push(&queue, "large", demand(2000, GIB)).await;
    eventually("the large one is held", async || {
        held_by(&queue, "busy").await == 2
    })
    .await;
    let mut free = Patient::start(&queue, "free", two_cores());
    assert_eq!(next(&mut free.begun).await, large);
    free.end(large);
    busy.end(small);
    eventually_empty(&queue, CPU).await;
    assert!(busy.begun.try_recv().is_err());
    busy.worker.join().await;
    free.worker.join().await;
}

#[tokio::test]
async fn what_a_host_could_never_hold_is_left_to_others_and_its_own_tasks_run() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let (ran, mut runs) = mpsc::channel(16);
    let host = Worker::start(&queue, vec![CPU], "small", 2, noting(&ran));
    host.gate.budget(two_cores());
    let huge = push(&queue, "huge", demand(1000, 5 * GIB)).await;
    let wide = push(&queue, "wide", demand(9000, GIB)).await;
    assert_eq!(
        next(&mut runs).await,
        wide,
        "more cores than there are: alone"
    );
    eventually("the huge one waits for another", async || {
        queue
            .depth(CPU)
            .await
            .is_ok_and(|depth| (depth.waiting, depth.held) == (1, 0))
    })
    .await;
    let (elsewhere, mut runs_elsewhere) = mpsc::channel(16);
    let larger = Worker::start(&queue, vec![CPU], "large", 2, noting(&elsewhere));
    larger.gate.budget(Budget {
        memory_bytes: 8 * GIB,
        ..two_cores()
    });
    assert_eq!(next(&mut runs_elsewhere).await, huge);
    eventually_empty(&queue, CPU).await;
    assert!(runs.try_recv().is_err(), "it ran where it does not fit");
    host.join().await;
    larger.join().await;
}

#[tokio::test]
async fn a_task_that_waits_for_room_keeps_its_lease_and_can_be_called_off() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let mut host = Patient::start(&queue, "w1", two_cores());
    let small = push(&queue, "small", demand(1500, GIB)).await;
    assert_eq!(next(&mut host.begun).await, small);
    let large = push(&queue, "large", demand(2000, GIB)).await;
    eventually("the large one is held", async || {
        held_by(&queue, "w1").await == 2
    })
    .await;
    queue.cancel(large).await.unwrap();
    let told = within(Duration::from_secs(3), host.begun.recv()).await;
    assert_eq!(
        told,
        Some(large),
        "its handler sees at once that nobody wants it"
    );
    host.end(large);
    host.end(small);
    eventually_empty(&queue, CPU).await;
    host.worker.join().await;
}

#[tokio::test]
async fn a_kind_that_a_worker_leaves_alone_goes_to_another_as_the_same_attempt() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let (ran, mut runs) = mpsc::channel(16);
    let off = Worker::start(&queue, vec![CPU], "off", 2, noting(&ran));
    off.gate.refuse(vec![TaskKind::Conform]);
    let conform = push(&queue, "conform", demand(1000, GIB)).await;
    let mix = TaskMessage {
        kind: TaskKind::Mix,
        ..message(attempt("mix", 1))
    };
    queue.push(CPU, &mix).await.unwrap();
    assert_eq!(next(&mut runs).await, mix.id);
    let (elsewhere, mut runs_elsewhere) = mpsc::channel(16);
    let other = Worker::start(&queue, vec![CPU], "other", 2, noting(&elsewhere));
    assert_eq!(next(&mut runs_elsewhere).await, conform);
    eventually_empty(&queue, CPU).await;
    assert!(runs.try_recv().is_err(), "it ran where it was refused");
    off.join().await;
    other.join().await;
}
