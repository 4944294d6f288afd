//! Faults in mid task. Each test waits until ffmpeg is known to be in the middle, hurts one process, and looks at the outcome.

use std::time::Duration;

use botflix_common::http::{RenderEvent, RenderEventKind, RenderState};
use botflix_common::id::RenderId;
use botflix_common::task::TaskKind;
use botflix_testkit::sse::EventStream;
use botflix_testkit::{Client, DatabaseKind, Farm, FarmBuilder, deadline, optional, story, up};

use crate::binary;

/// From submission to the first word that the shot is being encoded.
const MIDDLE: Duration = Duration::from_secs(60);

/// A render whose only shot is being encoded right now.
struct Busy {
    farm: Farm,
    director: Client,
    render: RenderId,
    events: EventStream,
    seen: RenderEvent,
}

impl Busy {
    async fn start(builder: FarmBuilder, title: &str) -> anyhow::Result<Self> {
        let farm = builder.start().await?;
        let director = farm.director().await?;
        let manifest = story::slow(&director, title).await?;
        let render = director.submit(&manifest).await?.id;
        let mut events = director.events(render, 0).await?;
        let seen = events
            .until(RenderEventKind::TaskProgress, MIDDLE, of(TaskKind::Conform))
            .await?;
        Ok(Self {
            farm,
            director,
            render,
            events,
            seen,
        })
    }

    /// Published once, with a log that says how the encoding went.
    async fn conform_log(&self) -> Vec<RenderEvent> {
        let episode = self
            .director
            .published(self.render, story::PATIENCE)
            .await
            .unwrap();
        assert_eq!(
            episode.film.frames,
            u64::from(story::SLOW_SECONDS * story::SLOW_FPS)
        );
        let published: Vec<_> = self.director.episodes().await.unwrap();
        assert_eq!(
            published
                .iter()
                .map(|episode| episode.render_id)
                .collect::<Vec<_>>(),
            [self.render]
        );
        let log = self.director.event_log(self.render).await.unwrap();
        let numbers: Vec<i64> = log.iter().map(|event| event.seq).collect();
        assert_eq!(
            numbers,
            (1..=i64::try_from(log.len()).unwrap()).collect::<Vec<_>>(),
            "nothing of the log is lost"
        );
        log.into_iter().filter(of(TaskKind::Conform)).collect()
    }
}

fn of(kind: TaskKind) -> impl Fn(&RenderEvent) -> bool {
    move |event| event.task.as_ref().is_some_and(|task| task.kind == kind)
}

/// What is told of a task that was done at the first attempt.
const UNDISTURBED: [(RenderEventKind, u32); 2] = [
    (RenderEventKind::TaskStarted, 1),
    (RenderEventKind::TaskDone, 1),
];

fn kinds(log: &[RenderEvent]) -> Vec<(RenderEventKind, u32)> {
    let told = log
        .iter()
        .filter(|event| event.kind != RenderEventKind::TaskProgress);
    told.map(|event| (event.kind, event.task.as_ref().unwrap().attempt))
        .collect()
}

async fn a_killed_worker_is_replaced(builder: FarmBuilder) {
    let Some(mut busy) = optional(Busy::start(builder.workers(&["w1", "w2"]), "Killed").await)
    else {
        return;
    };
    let victim = busy.seen.task.as_ref().unwrap().worker.clone().unwrap();
    busy.farm.worker(&victim).unwrap().kill().unwrap();
    let log = busy.conform_log().await;
    use RenderEventKind::{TaskDone, TaskRetried, TaskStarted};
    let told = kinds(&log);
    assert_eq!(
        told.iter().filter(|(kind, _)| *kind == TaskDone).count(),
        1,
        "{told:?}"
    );
    assert!(
        told.iter().any(|(kind, _)| *kind == TaskRetried),
        "{told:?}"
    );
    assert_eq!(told.last().unwrap(), &(TaskDone, 2), "{told:?}");
    let second = log.iter().rfind(|event| event.kind == TaskStarted).unwrap();
    assert_ne!(second.task.as_ref().unwrap().worker.as_ref(), Some(&victim));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_in_mid_task_is_replaced_and_the_episode_published_once() {
    a_killed_worker_is_replaced(Farm::builder(binary())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_in_mid_task_is_replaced_with_postgres_too() {
    a_killed_worker_is_replaced(Farm::builder(binary()).database(DatabaseKind::Postgres)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_restarted_in_mid_task_delays_nothing_and_loses_nothing() {
    let mut busy = Busy::start(Farm::builder(binary()), "Redis restarted")
        .await
        .unwrap();
    busy.farm.redis.restart().unwrap();
    let log = kinds(&busy.conform_log().await);
    assert_eq!(log, UNDISTURBED);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_killed_in_mid_task_delays_nothing_and_loses_nothing() {
    let mut busy = Busy::start(Farm::builder(binary()), "Redis killed")
        .await
        .unwrap();
    busy.farm.redis.kill().unwrap();
    busy.farm.redis.restart().unwrap();
    let log = kinds(&busy.conform_log().await);
    assert_eq!(log, UNDISTURBED);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_killed_in_mid_task_loses_nothing() {
    let mut busy = Busy::start(Farm::builder(binary()), "API killed")
        .await
        .unwrap();
    busy.farm.kill_and_restart_api().await.unwrap();
    let log = kinds(&busy.conform_log().await);
    assert_eq!(log, UNDISTURBED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_render_stops_its_ffmpeg_and_publishes_nothing() {
    let mut busy = Busy::start(Farm::builder(binary()), "Canceled")
        .await
        .unwrap();
    let worker = busy.farm.worker("w1").unwrap().pid();
    let ffmpeg_runs = || {
        up::children(worker)
            .iter()
            .any(|(_, name)| name.starts_with("ffmpeg"))
    };
    assert!(ffmpeg_runs(), "the encoding is in its middle");

    let answer = busy.director.cancel(busy.render).await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    busy.events
        .until(RenderEventKind::State, MIDDLE, |event| {
            event.state == RenderState::Canceled
        })
        .await
        .unwrap();
    deadline::until("ffmpeg ends", Duration::from_secs(20), async || {
        Ok((!ffmpeg_runs()).then_some(()))
    })
    .await
    .unwrap();
    let render = busy.director.render(busy.render).await.unwrap();
    assert_eq!(
        (render.state, render.episode),
        (RenderState::Canceled, None)
    );
    assert!(busy.director.episodes().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_finishes_its_task_first() {
    let patient = Farm::builder(binary()).worker_args(&["--grace", "200"]);
    let mut busy = Busy::start(patient.workers(&["w1", "w2"]), "Drained")
        .await
        .unwrap();
    let name = busy.seen.task.as_ref().unwrap().worker.clone().unwrap();
    let status = busy
        .farm
        .worker(&name)
        .unwrap()
        .terminate(Duration::from_secs(200))
        .unwrap();
    assert!(status.success(), "{status}");
    let log = kinds(&busy.conform_log().await);
    assert_eq!(log, UNDISTURBED);
}
