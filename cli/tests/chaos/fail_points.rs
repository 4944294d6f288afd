//! Processes that die between two steps. At each point every kind of task dies twice, and in the end the film is what it is without.

use std::collections::BTreeMap;
use std::time::Duration;

use botflix_common::fail_point::FailPoint;
use botflix_common::hash::Sha;
use botflix_common::http::{AttemptBody, AttemptOutcome, Page, RenderBody};
use botflix_common::task::{Artifact, TaskKind};
use botflix_testkit::chaos::{Plan, Stage};
use botflix_testkit::material::Picture;
use botflix_testkit::{Client, DatabaseKind, client, deadline};
use futures::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::binary;

/// Short, so that a death costs seconds.
const LEASE_MS: &str = "3000";
/// Two seconds.
const FRAMES: u64 = 50;
const FAIL_POINTS: &str = "BOTFLIX_TEST_FAIL_POINTS";
/// Twelve deaths one after another, and as many starts, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(280);

async fn stage(workers: usize, points: Option<&str>) -> Stage {
    let lease = ("BOTFLIX_TEST_LEASE_MS".to_owned(), LEASE_MS.to_owned());
    let points = points.map(|points| (FAIL_POINTS.to_owned(), points.to_owned()));
    let plan = Plan {
        binary: binary(),
        database: DatabaseKind::Sqlite,
        apis: 1,
        workers,
        // Who dies takes nobody with it.
        slots: 1,
        hurts_host: false,
        env: points.into_iter().chain([lease]).collect(),
    };
    Stage::set(&plan).await.unwrap()
}

/// What came of the same story, whatever happened on the way.
struct Made {
    film: Sha,
    attempts: Vec<AttemptBody>,
    renders: i64,
}

impl Made {
    async fn at(stage: &Stage) -> Self {
        let director = director(stage).await;
        let manifest = one_shot(&director).await;
        let ask = director
            .request(Method::POST, "/api/v1/renders")
            .header("idempotency-key", "once")
            .json(&manifest);
        let accepted: RenderBody = insist(ask).await;
        let episode = director.published(accepted.id, PATIENCE).await.unwrap();
        assert_eq!(episode.film.frames, FRAMES);
        let log = format!("/api/v1/renders/{}/log?limit=500", accepted.id);
        let log: Page<AttemptBody> = insist(director.request(Method::GET, &log)).await;
        let ledger = &stage.ledger;
        let shown = ledger
            .words("SELECT artifacts FROM episodes")
            .await
            .unwrap();
        let artifacts: BTreeMap<String, Artifact> = serde_json::from_str(&shown[0]).unwrap();
        assert_eq!(shown.len(), 1);
        Self {
            film: artifacts["film"].sha256,
            attempts: log.data,
            renders: ledger.count("SELECT COUNT(*) FROM renders").await.unwrap(),
        }
    }

    /// Attempts at one task of the kind whose worker was gone, at most.
    fn lost(&self, kind: TaskKind) -> usize {
        let lost = self.attempts.iter().filter(|attempt| {
            attempt.kind == kind && attempt.outcome == Some(AttemptOutcome::Lost)
        });
        let mut by_task = BTreeMap::new();
        for attempt in lost {
            *by_task.entry(attempt.task).or_insert(0) += 1;
        }
        by_task.into_values().max().unwrap_or(0)
    }
}

/// A film that has one task of each kind.
async fn one_shot(director: &Client) -> Value {
    let clip = Picture::plain(2).make().unwrap();
    let clip = director
        .upload(std::fs::read(clip).unwrap())
        .await
        .unwrap()
        .clip;
    json!({
        "title": "The same",
        "format": {"width": 640, "height": 360, "fps": 25},
        "shots": [{"id": "only", "source": {"clip": clip}}],
    })
}

async fn director(stage: &Stage) -> Client {
    let nobody = Client::new(&stage.bases[0]).unwrap();
    nobody.register("Ada").await.unwrap()
}

/// Whoever asks may have to ask again.
async fn insist<T: DeserializeOwned>(ask: RequestBuilder) -> T {
    deadline::until("an answer", PATIENCE, async || {
        let answer = ask.try_clone().unwrap().send().await?;
        Ok(Some(client::ok(answer).await?.json().await?))
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_twice_between_any_two_steps_of_any_task_changes_nothing_of_the_film() {
    let undisturbed = async { Made::at(&stage(2, None).await).await };
    let disturbed = FailPoint::OF_WORKERS.map(|point| async move {
        let trap = format!("{}@2", point.name());
        let stage = stage(2, Some(&trap)).await;
        let made = Made::at(&stage).await;
        // Once the report is sent, the task is done: nobody tries it again.
        let times = if point == FailPoint::AfterReport {
            1
        } else {
            2
        };
        let all = times * TaskKind::ALL.len();
        // The last death may come after the film.
        deadline::until("each task's worker has died", PATIENCE, async || {
            let starts = stage
                .workers
                .iter()
                .map(|name| stage.processes.starts(name));
            let deaths = starts.sum::<u32>() as usize - stage.workers.len();
            Ok((deaths == all).then_some(()))
        })
        .await
        .unwrap();
        (point, made)
    });
    let (undisturbed, disturbed) = tokio::join!(undisturbed, join_all(disturbed));
    assert_eq!(
        undisturbed.attempts.len(),
        TaskKind::ALL.len(),
        "one task of each kind"
    );
    for (point, made) in disturbed {
        assert_eq!(made.film, undisturbed.film, "{point:?}");
        for kind in TaskKind::ALL {
            let expected = if point == FailPoint::AfterReport {
                0
            } else {
                2
            };
            assert_eq!(made.lost(kind), expected, "{point:?} {kind:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_dies_between_any_two_steps_loses_and_doubles_nothing() {
    let undisturbed = async { Made::at(&stage(1, None).await).await };
    let disturbed = FailPoint::OF_THE_API.map(|point| async move {
        let stage = stage(1, None).await;
        let api = &stage.apis[0];
        stage
            .processes
            .set_env(api, FAIL_POINTS, Some(point.name()))
            .unwrap();
        stage.processes.terminate(api, PATIENCE).await.unwrap();
        stage.ready(&stage.bases[0]).await.unwrap();
        let dies = async {
            // Only one render is accepted, and then known.
            let deaths = if point == FailPoint::AfterAccept {
                1
            } else {
                2
            };
            // Itself, and the start with the trap.
            let starts = 2 + deaths;
            deadline::until("it has died", PATIENCE, async || {
                Ok((stage.processes.starts(api) >= starts).then_some(()))
            })
            .await
            .unwrap();
            stage.processes.set_env(api, FAIL_POINTS, None).unwrap();
        };
        let (made, ()) = tokio::join!(Made::at(&stage), dies);
        (point, made)
    });
    let (undisturbed, disturbed) = tokio::join!(undisturbed, join_all(disturbed));
    for (point, made) in disturbed {
        assert_eq!(
            (made.film, made.renders),
            (undisturbed.film, 1),
            "{point:?}"
        );
        let charged = made.attempts.iter().filter(|attempt| {
            !matches!(
                attempt.outcome,
                Some(AttemptOutcome::Done | AttemptOutcome::Memoized | AttemptOutcome::Vanished)
            )
        });
        assert_eq!(charged.count(), 0, "{point:?}: {:?}", made.attempts);
    }
}
