//! What a render will do, before it does it: dry runs, plans, reports; each seen by the render's director alone.

use botflix_api::db;
use botflix_common::facts::ClipFacts;
use botflix_common::fixtures;
use botflix_common::hash::Sha;
use botflix_common::http::{ClipStatus, DryRunBody, PlanBody, RenderBody, ReportBody};
use botflix_common::units::FrameRate;
use reqwest::StatusCode;
use serde_json::json;

use crate::renders::{smallest, submit};
use crate::stand::{Director, Stand, problem};

/// Two seconds of H.264 that a film of its own format copies.
pub fn picture() -> ClipFacts {
    fixtures::silent_clip(320, 180, FrameRate::new(24, 1).unwrap(), 48)
}

async fn inspected(stand: &Stand, director: &Director, bytes: &[u8]) -> Sha {
    let sha = stand.upload(director, bytes).await;
    let mut tx = stand.server.app().db.write().await.unwrap();
    let moved = db::clips::fate::inspected(&mut tx, &sha, ClipStatus::Ready, &picture()).await;
    assert!(moved.unwrap().is_made());
    tx.commit().await.unwrap();
    sha
}

async fn dry_run(stand: &Stand, director: &Director, manifest: &str) -> DryRunBody {
    let answer = stand
        .post("/api/v1/renders?dry_run=true")
        .bearer_auth(&director.key)
        .body(manifest.to_owned())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

async fn get(stand: &Stand, director: &Director, path: &str) -> reqwest::Response {
    let request = stand.get(path).bearer_auth(&director.key);
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_dry_run_names_what_is_missing_and_stores_nothing() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let there = inspected(&stand, &ada, b"there").await;
    let waiting = stand.upload(&ada, b"waiting").await;
    let nowhere = Sha::of(b"nowhere");
    let manifest = json!({"title": "T", "shots": [
        {"id": "1", "source": {"clip": there}, "trim": {"start": 9}},
        {"id": "2", "source": {"clip": waiting}},
        {"id": "3", "source": {"clip": nowhere}},
    ]});
    let body = dry_run(&stand, &ada, &manifest.to_string()).await;
    assert!(!body.valid && body.plan.is_none());
    assert_eq!(body.missing_clips, [nowhere]);
    assert_eq!(body.inspecting_clips, [waiting]);
    let mut found: Vec<(&str, &str)> = body
        .errors
        .iter()
        .map(|error| (error.pointer.as_str(), error.code.as_str()))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("/shots/0/trim/start", "trim_past_end"),
            ("/shots/2/source/clip", "unknown_clip")
        ]
    );
    let list: serde_json::Value = get(&stand, &ada, "/api/v1/renders")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(list["data"], json!([]));
}

#[tokio::test]
async fn a_dry_run_of_a_sound_manifest_is_its_plan() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let clip = inspected(&stand, &ada, b"clip").await;
    let manifest = json!({"title": "T", "shots": [
        {"id": "1", "source": {"clip": clip}},
        {"id": "2", "source": {"clip": clip}, "trim": {"start": 0.5}},
    ]});
    let body = dry_run(&stand, &ada, &manifest.to_string()).await;
    assert!(body.valid, "{:?}", body.errors);
    let plan = body.plan.unwrap();
    assert_eq!((plan.total_frames, plan.copied_frames), (84, 72));
    let kinds: Vec<&str> = plan.tasks.iter().map(|task| task.kind.name()).collect();
    assert_eq!(kinds, ["conform", "mix", "assemble", "check", "package"]);
    assert_eq!(plan.tasks[0].shot.as_deref(), Some("2"));
    assert!(plan.tasks.iter().all(|task| !task.reused));
    assert_eq!(plan.remaining_cpu_seconds, plan.cost_cpu_seconds);
}

#[tokio::test]
async fn a_render_has_a_plan_as_soon_as_its_clips_are_inspected_and_a_report_always() {
    let stand = Stand::start().await;
    let (ada, eve) = (stand.register("Ada").await, stand.register("Eve").await);
    let waiting = stand.upload(&ada, b"waiting").await;
    let render: RenderBody = submit(&stand, &ada, &smallest(waiting))
        .await
        .json()
        .await
        .unwrap();
    let path = |what: &str| format!("/api/v1/renders/{}/{what}", render.id);
    let early = get(&stand, &ada, &path("plan")).await;
    let early = problem(early, 409, "not_planned").await;
    assert_eq!(early["retryable"], true);
    let report: ReportBody = get(&stand, &ada, &path("report"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!((report.film, report.findings.len()), (None, 0));

    let clip = inspected(&stand, &ada, b"clip").await;
    let render: RenderBody = submit(&stand, &ada, &smallest(clip))
        .await
        .json()
        .await
        .unwrap();
    let path = |what: &str| format!("/api/v1/renders/{}/{what}", render.id);
    let plan: PlanBody = get(&stand, &ada, &path("plan")).await.json().await.unwrap();
    assert_eq!((plan.total_frames, plan.copied_frames), (48, 48));
    assert_eq!(plan.engine, None);
    problem(get(&stand, &ada, &path("record")).await, 409, "not_planned").await;
    for what in ["plan", "report", "record"] {
        problem(get(&stand, &eve, &path(what)).await, 404, "not_found").await;
    }
}
