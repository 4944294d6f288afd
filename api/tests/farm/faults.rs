//! What a crash leaves behind is healed: nothing that was accepted is lost. With the reconciler off, the same tests would wait for ever.

use std::time::Duration;

use botflix_api::clock;
use botflix_api::db::tasks::{self, TaskState, moves, pick};
use botflix_api::db::{Database, renders};
use botflix_common::hash::TaskKey;
use botflix_common::http::RenderState;
use botflix_common::report::{Report, ReportBody, WorkerHello};
use botflix_common::task::{AttemptId, Lane, TaskKind};
use botflix_testkit::deadline;

use crate::facts::record;
use crate::rig::{Base, LIMIT, Rig, suspicious};
use crate::script::{Hands, Script};

crate::on_both_databases!(
    what_was_queued_in_sql_and_never_pushed_runs_after_a_restart,
    without_the_reconciler_what_was_never_pushed_waits_for_ever,
    an_attempt_whose_report_waits_to_be_read_is_not_taken_for_lost,
    a_flushed_redis_costs_time_and_no_work,
    a_worker_that_dies_is_charged_and_its_task_runs_again,
    a_render_that_was_overlooked_moves_on,
    a_farm_that_is_killed_goes_on_where_it_was,
    redis_away_for_a_while_delays_only,
    the_queue_is_kept_shallow,
);

async fn task_of_kind(db: &Database, lane: Lane) -> TaskKey {
    let mut tx = db.write().await.unwrap();
    let director = pick::lines(&mut tx, lane).await.unwrap()[0].director;
    let everything = pick::Takes::EVERYTHING;
    let line = pick::line(&mut tx, lane, director, (clock::now_ms(), &everything), 1);
    line.await.unwrap()[0].key
}

/// Leaves a render behind whose first task was queued by a process that died before it could push it.
async fn cut_between_commit_and_push(base: Base) -> (Base, botflix_common::id::RenderId, TaskKey) {
    let rig = base.rig_with(suspicious()).await;
    // No loop runs any more, so that nothing interferes.
    rig.farm.stop().await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let db = rig.farm.database();
    let key = task_of_kind(db, Lane::Cpu).await;
    let mut tx = db.write_graph().await.unwrap();
    moves::enqueue(&mut tx, &key, clock::now_ms())
        .await
        .unwrap()
        .unwrap();
    tx.commit().await.unwrap();
    (rig.base, id, key)
}

async fn what_was_queued_in_sql_and_never_pushed_runs_after_a_restart(base: Base) {
    let (base, id, key) = cut_between_commit_and_push(base).await;
    let rig = base.rig_with(suspicious()).await;
    let script = Script::start(&rig);
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    let ran = script
        .ran()
        .into_iter()
        .find(|taken| taken.id.task == key)
        .unwrap();
    assert_eq!(ran.id.attempt, 2);
    let task = tasks::find(rig.farm.database(), &key)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((task.crashes, task.retries), (0, 0), "it is nobody's fault");
}

/// Shows that the test above can fail.
async fn without_the_reconciler_what_was_never_pushed_waits_for_ever(base: Base) {
    let (base, id, key) = cut_between_commit_and_push(base).await;
    let rig = base.rig_with(suspicious().without_reconciler()).await;
    let _script = Script::start(&rig);
    let healed = deadline::until("it moves", Duration::from_secs(3), async || {
        let task = tasks::find(rig.farm.database(), &key).await?.unwrap();
        Ok((task.state != TaskState::Queued).then_some(()))
    });
    assert!(healed.await.is_err());
    assert_eq!(rig.state(id).await, RenderState::Accepted);
}

async fn an_attempt_whose_report_waits_to_be_read_is_not_taken_for_lost(base: Base) {
    let (base, _, key) = cut_between_commit_and_push(base).await;
    let id = AttemptId {
        task: key,
        attempt: 1,
    };
    // It ran and was reported, and whoever read the report of that has not got round to it: it is read again after two seconds only.
    let db = base.database().await;
    let (spec, _) = tasks::input(&db, &key).await.unwrap().unwrap();
    let report = Report {
        id,
        worker: "quick".to_owned(),
        body: ReportBody::Done {
            record: Box::new(record(&spec, "quick")),
            memoized: false,
        },
    };
    let queue = base.queue();
    let reports = queue.report_sender();
    reports.send_durable(report).await.unwrap();
    let mut slow = queue.report_reader("slow");
    let read = slow.next_batch(1, Duration::from_secs(1)).await.unwrap();
    assert_eq!(read.len(), 1);

    let rig = base.rig_with(suspicious()).await;
    let done = deadline::until("its report counts", LIMIT, async || {
        let task = tasks::find(rig.farm.database(), &key).await?.unwrap();
        Ok((task.state == TaskState::Done).then_some(task))
    });
    assert_eq!(done.await.unwrap().attempt, 1, "it ran once");
}

async fn a_flushed_redis_costs_time_and_no_work(base: Base) {
    let rig = base.rig_with(suspicious()).await;
    rig.send_clips(&["a", "b", "c"]).await;
    let id = rig.submit("Film", &["a", "b", "c"]).await;
    let hands = Hands::of(&rig, "dying");
    hands.finish(&hands.take(TaskKind::Inspect).await).await;
    flush(&rig).await;
    let script = Script::start(&rig);
    deadline::until("the film is under way", LIMIT, async || {
        Ok(script.kinds().contains(&"conform").then_some(()))
    })
    .await
    .unwrap();
    flush(&rig).await;
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
}

async fn flush(rig: &Rig) {
    let client = redis::Client::open(rig.base.redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("FLUSHALL")
        .query_async::<()>(&mut connection)
        .await
        .unwrap();
}

async fn a_worker_that_dies_is_charged_and_its_task_runs_again(base: Base) {
    let rig = base.rig_with(suspicious()).await;
    rig.send_clips(&["a"]).await;
    let id = rig.submit("Film", &["a"]).await;
    let taken = take_and_die(&rig).await;
    let again = deadline::until("the task is queued again", LIMIT, async || {
        let task = tasks::find(rig.farm.database(), &taken).await?.unwrap();
        Ok((task.attempt > 1).then_some(task))
    });
    assert_eq!(again.await.unwrap().crashes, 1);
    let _script = Script::start(&rig);
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
}

/// Takes an entry as a worker's backend does, says so, and is never heard of again.
pub async fn take_and_die(rig: &Rig) -> TaskKey {
    let hands = Hands::of(rig, "dying");
    let queue = rig.base.queue();
    deadline::until("something is queued", LIMIT, async || {
        Ok((!queue.snapshot(Lane::Cpu).await?.entries.is_empty()).then_some(()))
    })
    .await
    .unwrap();
    let client = redis::Client::open(rig.base.redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut take = redis::cmd("XREADGROUP");
    take.arg("GROUP")
        .arg("farm")
        .arg("dying")
        .arg("COUNT")
        .arg(1);
    take.arg("STREAMS").arg("botflix:lane:cpu").arg(">");
    take.query_async::<redis::Value>(&mut connection)
        .await
        .unwrap();
    let entries = queue.snapshot(Lane::Cpu).await.unwrap().entries;
    let held = entries
        .into_iter()
        .find(|entry| entry.holder.is_some())
        .unwrap();
    hands.report(held.id, ReportBody::Started).await;
    held.id.task
}

async fn a_render_that_was_overlooked_moves_on(base: Base) {
    let rig = base.rig_with(suspicious()).await;
    rig.send_clips(&["a"]).await;
    let script = Script::start(&rig);
    let first = rig.submit("Film", &["a"]).await;
    rig.ends(first).await;
    // As if the process had died after the clip was decided and before its render was looked at.
    let id = botflix_common::id::RenderId::fresh();
    let manifest = crate::facts::manifest("Another", &["a"]);
    let mut tx = rig.farm.database().write_graph().await.unwrap();
    let clips = [crate::facts::clip("a")];
    renders::insert(
        &mut tx,
        id,
        rig.director,
        renders::Place::default(),
        &manifest,
        &clips,
        clock::now_ms(),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    drop(script);
}

async fn a_farm_that_is_killed_goes_on_where_it_was(base: Base) {
    let rig = base.rig_with(suspicious()).await;
    rig.send_clips(&["a", "b"]).await;
    let id = rig.submit("Film", &["a", "b"]).await;
    let hands = Hands::of(&rig, "w");
    hands.finish(&hands.take(TaskKind::Inspect).await).await;
    rig.farm.stop().await;
    // Done while nobody listened.
    let rig = rig.base.rig_with(suspicious()).await;
    let script = Script::start(&rig);
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    drop(script);
}

async fn redis_away_for_a_while_delays_only(base: Base) {
    let mut rig = base.rig_with(suspicious()).await;
    rig.send_clips(&["a"]).await;
    let script = Script::start(&rig);
    rig.ends_inspection(&["a"]).await;
    rig.base.redis.stop().unwrap();
    // Accepted all the same: SQL is the truth.
    let id = rig.submit("Film", &["a"]).await;
    assert_eq!(rig.state(id).await, RenderState::Running);
    rig.base.redis.restart().unwrap();
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    drop(script);
}

async fn the_queue_is_kept_shallow(base: Base) {
    let rig = base.rig_with(suspicious()).await;
    let queue = rig.base.queue();
    let hello = WorkerHello {
        name: "w".to_owned(),
        instance: "w-1".to_owned(),
        version: "1".to_owned(),
        lanes: vec![Lane::Cpu],
        slots: 3,
        engine: "script".to_owned(),
        ..WorkerHello::default()
    };
    queue.hello(&hello).await.unwrap();
    let names: Vec<String> = (0..40).map(|at| format!("c{at}")).collect();
    rig.send_clips(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let settled = deadline::settles(
        "twice the free slots",
        LIMIT,
        async || Ok(queue.snapshot(Lane::Cpu).await?.entries.len()),
        |depth| *depth == 6,
    );
    settled.await.unwrap();
    // And stays so, though 34 more are ready.
    for _ in 0..5 {
        rig.farm.wake();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(queue.snapshot(Lane::Cpu).await.unwrap().entries.len(), 6);
    }
}
