//! Bad input: refused with a reason that an agent can act on, and nothing left behind.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use botflix_common::finding::FindingCounts;
use botflix_common::http::{ClipStatus, RenderState};
use botflix_common::problem::Problem;
use botflix_testkit::material::Picture;
use botflix_testkit::{Client, Farm, Refused, deadline, material, story};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::binary;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_that_is_none_is_refused_with_a_reason_and_its_bytes_are_gone() {
    let farm = Farm::builder(binary()).start().await.unwrap();
    let director = farm.director().await.unwrap();
    let cases: [(Result<PathBuf>, &str); 5] = [
        (material::playlist(), "playlist"),
        (material::svg(), "unsupported_container"),
        (material::text(), "unsupported_container"),
        (material::truncated(), "truncated"),
        (material::encrypted(), "encrypted"),
    ];
    for (file, reason) in cases {
        let file = file.unwrap();
        let judged = director.clip(&file).await.unwrap();
        assert_eq!(
            judged.status,
            ClipStatus::Refused,
            "{}: {judged:?}",
            file.display()
        );
        let codes: Vec<&str> = judged
            .reasons
            .iter()
            .map(|reason| reason.code.as_str())
            .collect();
        assert_eq!(codes, [reason], "{}", file.display());
        let hex = judged.clip.hex();
        let gone = |objects: &Vec<String>| !objects.iter().any(|object| object.contains(&hex));
        deadline::settles(
            "its bytes are gone",
            SOON,
            async || Ok(farm.objects()),
            gone,
        )
        .await
        .unwrap();

        let asked = director.submit(&one_shot(&judged.clip.to_string())).await;
        let problem = refused(asked.map(|_| ()));
        assert_eq!(
            (problem.status, problem.errors[0].pointer.as_str()),
            (422, "/shots/0/source/clip"),
            "{problem:?}"
        );
    }
    let empty = refused(director.upload(Vec::new()).await.map(|_| ()));
    assert_eq!((empty.status, empty.code.as_str()), (422, "empty"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shot_without_a_picture_is_a_pointed_problem_and_the_same_sound_is_a_track() {
    let farm = Farm::builder(binary()).start().await.unwrap();
    let director = farm.director().await.unwrap();
    let sound = story::send(&director, &material::narration(3).unwrap())
        .await
        .unwrap();
    let picture = story::send(&director, &Picture::plain(2).make().unwrap())
        .await
        .unwrap();

    let problem = refused(
        director
            .submit(&one_shot(&sound.to_string()))
            .await
            .map(|_| ()),
    );
    assert_eq!(problem.status, 422);
    assert_eq!(problem.errors.len(), 1, "{problem:?}");
    assert_eq!(
        (
            problem.errors[0].pointer.as_str(),
            problem.errors[0].code.as_str()
        ),
        ("/shots/0/source/clip", "no_video")
    );

    let mut sound_and_picture = one_shot(&picture.to_string());
    sound_and_picture["tracks"] =
        json!([{"id": "voice", "kind": "narration", "source": {"clip": sound}}]);
    let render = director.submit(&sound_and_picture).await.unwrap();
    director
        .published(render.id, story::PATIENCE)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_manifest_is_answered_with_every_problem_at_once() {
    let farm = Farm::builder(binary()).start().await.unwrap();
    let director = farm.director().await.unwrap();
    let clip = story::send(&director, &Picture::plain(2).make().unwrap())
        .await
        .unwrap();
    let unknown = format!("sha256:{}", "ab".repeat(32));
    let problem = refused(
        director
            .submit(&json!({
                "title": "Everything is wrong",
                "titel": "unknown field",
                "shots": [
                    {"id": "a", "source": {"clip": clip}, "trim": {"start": 0.5, "end": 99.0}},
                    {"id": "a", "source": {"clip": clip}},
                    {"id": "c", "source": {"clip": unknown}},
                    {"id": "d", "source": {"clip": clip}, "audio": {"gain": "loud"}},
                ],
            }))
            .await
            .map(|_| ()),
    );
    assert_eq!(
        (problem.status, problem.code.as_str()),
        (422, "invalid_manifest")
    );
    let at = |pointer: &str| {
        problem
            .errors
            .iter()
            .find(|error| error.pointer == pointer)
            .unwrap_or_else(|| panic!("{pointer}: {problem:#?}"))
    };
    assert_eq!(at("/titel").did_you_mean.as_deref(), Some("title"));
    at("/shots/0/trim/end");
    at("/shots/1/id");
    at("/shots/2/source/clip");
    at("/shots/3/audio/gain");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_none_is_pointed_at() {
    let farm = Farm::builder(binary()).workers(&[]).start().await.unwrap();
    let director = farm.director().await.unwrap();
    let body = r#"{"title": "NaN", "shots": [{"id": "a", "source": {"clip": "sha256:00"}, "trim": {"start": NaN}}]}"#;
    let call = director
        .request(Method::POST, "/api/v1/renders")
        .header("content-type", "application/json")
        .body(body);
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Problem = answer.json().await.unwrap();
    assert!(
        problem
            .errors
            .iter()
            .any(|error| error.pointer == "/shots/0/trim/start"),
        "{problem:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_of_unusual_length_is_published_with_a_finding() {
    let farm = Farm::builder(binary()).start().await.unwrap();
    let director = farm.director().await.unwrap();
    let clip = story::send(&director, &Picture::plain(2).make().unwrap())
        .await
        .unwrap();
    let render = director.submit(&one_shot(&clip.to_string())).await.unwrap();
    let done = director.finished(render.id, story::PATIENCE).await.unwrap();
    assert_eq!(done.state, RenderState::Published, "{done:?}");
    let report = director.report(render.id).await.unwrap();
    assert_eq!(
        done.finding_counts,
        Some(FindingCounts::of(&report.findings))
    );
    let finding = report
        .findings
        .iter()
        .find(|finding| finding.rule == "film_length")
        .unwrap();
    assert_eq!(
        (finding.measured, finding.limit),
        (Some(2.0), Some(60.0)),
        "{finding:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_sees_neither_clip_nor_render() {
    let farm = Farm::builder(binary()).start().await.unwrap();
    let director = farm.director().await.unwrap();
    let stranger = farm.director().await.unwrap();
    let clip = story::send(&director, &Picture::plain(2).make().unwrap())
        .await
        .unwrap();
    let render = director.submit(&one_shot(&clip.to_string())).await.unwrap();
    let status = async |who: &Client, path: &str| {
        who.request(Method::GET, path)
            .send()
            .await
            .unwrap()
            .status()
    };
    let nobody = farm.client().unwrap();
    for path in [
        format!("/api/v1/clips/{clip}"),
        format!("/api/v1/renders/{}", render.id),
        format!("/api/v1/renders/{}/events", render.id),
    ] {
        assert_eq!(
            status(&stranger, &path).await,
            StatusCode::NOT_FOUND,
            "{path}"
        );
        assert_eq!(
            status(&nobody, &path).await,
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
    }
    let problem = refused(
        stranger
            .submit(&one_shot(&clip.to_string()))
            .await
            .map(|_| ()),
    );
    assert_eq!(problem.errors[0].pointer, "/shots/0/source/clip");
}

fn one_shot(clip: &str) -> Value {
    json!({"title": "One shot", "shots": [{"id": "only", "source": {"clip": clip}}]})
}

fn refused(asked: Result<()>) -> Problem {
    let error = asked.expect_err("must be refused");
    match error.downcast::<Refused>() {
        Ok(Refused(problem)) => problem,
        Err(error) => panic!("{error:#}"),
    }
}
