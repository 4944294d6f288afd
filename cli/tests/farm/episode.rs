//! An agent's first episode, end to end, and what the finished film measures.

use botflix_common::http::{EpisodeBody, RenderEventKind, RenderState};
use botflix_testkit::{DatabaseKind, Farm, StorageKind, film, optional, story};
use reqwest::{Method, StatusCode};
use tempfile::TempDir;

use crate::binary;

/// Audio and video of the film may differ by less than this: one AAC packet at 48 kHz, rounded down.
const DRIFT_SECONDS: f64 = 0.021;

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_first_episode_on_sqlite_and_local_storage() {
    let farm = Farm::builder(binary()).start().await.unwrap();
    first_episode(&farm).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_first_episode_on_postgres() {
    let builder = Farm::builder(binary()).database(DatabaseKind::Postgres);
    let Some(farm) = optional(builder.start().await) else {
        return;
    };
    first_episode(&farm).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_first_episode_on_s3() {
    let builder = Farm::builder(binary()).storage(StorageKind::S3);
    let Some(farm) = optional(builder.start().await) else {
        return;
    };
    first_episode(&farm).await;
}

async fn first_episode(farm: &Farm) {
    let director = farm.director().await.unwrap();
    let manifest = story::short(&director, "The First Episode").await.unwrap();
    let render = director.submit(&manifest).await.unwrap();
    let episode = director
        .published(render.id, story::PATIENCE)
        .await
        .unwrap();

    let listed = farm.client().unwrap().episodes().await.unwrap();
    assert_eq!(listed.as_slice(), std::slice::from_ref(&episode));
    assert_eq!(episode.title, "The First Episode");
    assert_eq!(episode.film.frames, story::SHORT_FRAMES);

    let folder = TempDir::new().unwrap();
    let viewer = farm.client().unwrap();
    let file = viewer
        .download(&episode.video_url, folder.path(), "film.mp4")
        .await
        .unwrap();
    the_film_is_what_the_manifest_says(&file);
    the_pages_files_are_served(&viewer, &episode).await;
    ranges_work(&viewer, &episode, &std::fs::read(&file).unwrap()).await;
    the_event_log_is_whole(&director, render.id).await;
}

fn the_film_is_what_the_manifest_says(file: &std::path::Path) {
    let measured = film::measure(file).unwrap();
    assert_eq!(
        (measured.width, measured.height),
        (640, 360),
        "{measured:?}"
    );
    assert_eq!(measured.frames, story::SHORT_FRAMES, "{measured:?}");
    assert_eq!(measured.distinct_times, story::SHORT_FRAMES, "{measured:?}");
    assert!(
        (measured.video_seconds - measured.audio_seconds).abs() < DRIFT_SECONDS,
        "{measured:?}"
    );
    assert_eq!(
        (measured.video_codec.as_str(), measured.audio_codec.as_str()),
        ("h264", "aac")
    );
    assert_eq!(measured.sample_rate_hz, 48_000);
    assert_eq!(measured.subtitles.as_deref(), Some("mov_text"));
    assert_eq!(
        measured.chapters,
        [(0.0, "The hook".to_owned()), (5.0, "The turn".to_owned())]
    );

    let heard = film::listen(file).unwrap();
    assert!((heard.integrated_lufs + 14.0).abs() <= 0.5, "{heard:?}");
    assert!(heard.true_peak_dbtp <= -1.0, "{heard:?}");

    let boxes = film::boxes(file).unwrap();
    let place = |kind: &str| boxes.iter().position(|name| name == kind).unwrap();
    assert!(place("moov") < place("mdat"), "{boxes:?}");
}

async fn the_pages_files_are_served(viewer: &botflix_testkit::Client, episode: &EpisodeBody) {
    let text = async |url: &str| {
        let response = viewer.request(Method::GET, url).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{url}");
        let kind = response.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        (kind, response.bytes().await.unwrap())
    };
    let (kind, poster) = text(&episode.poster_url).await;
    assert!(
        kind.starts_with("image/jpeg") && poster.starts_with(&[0xff, 0xd8]),
        "{kind}"
    );
    let (kind, captions) = text(episode.captions_url.as_ref().unwrap()).await;
    let captions = String::from_utf8_lossy(&captions).into_owned();
    assert!(
        kind.starts_with("text/vtt") && captions.starts_with("WEBVTT"),
        "{kind}: {captions}"
    );
    assert!(
        captions.contains("It moves.") && captions.contains("00:00:00.500 --> 00:00:02.000"),
        "{captions}"
    );
    // The third shot starts at 5 s.
    assert!(
        captions.contains("00:00:05.000 --> 00:00:06.800"),
        "{captions}"
    );
    let (_, chapters) = text(episode.chapters_url.as_ref().unwrap()).await;
    assert!(String::from_utf8_lossy(&chapters).contains("The turn"));
    let (kind, page) = text(&episode.watch_url).await;
    assert!(
        kind.starts_with("text/html")
            && String::from_utf8_lossy(&page).contains("The First Episode"),
        "{kind}"
    );
}

async fn ranges_work(viewer: &botflix_testkit::Client, episode: &EpisodeBody, whole: &[u8]) {
    let ask = async |method: Method, headers: &[(&str, &str)]| {
        let call = viewer.request(method, &episode.video_url);
        let call = headers
            .iter()
            .fold(call, |call, (name, value)| call.header(*name, *value));
        call.send().await.unwrap()
    };
    let length = whole.len();
    let head = ask(Method::HEAD, &[]).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(
        head.headers()["content-length"],
        length.to_string().as_str()
    );
    assert_eq!(head.headers()["accept-ranges"], "bytes");
    let etag = head.headers()["etag"].to_str().unwrap().to_owned();
    assert!(etag.starts_with('"'), "a strong tag: {etag}");

    let middle = ask(
        Method::GET,
        &[("range", "bytes=100-199"), ("if-range", &etag)],
    )
    .await;
    assert_eq!(middle.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(
        middle.headers()["content-range"],
        format!("bytes 100-199/{length}").as_str()
    );
    assert_eq!(middle.bytes().await.unwrap(), &whole[100..200]);

    let suffix = ask(Method::GET, &[("range", "bytes=-50")]).await;
    assert_eq!(suffix.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(suffix.bytes().await.unwrap(), &whole[length - 50..]);

    let beyond = ask(Method::GET, &[("range", &format!("bytes={length}-"))]).await;
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(
        beyond.headers()["content-range"],
        format!("bytes */{length}").as_str()
    );

    let other = ask(
        Method::GET,
        &[("range", "bytes=0-9"), ("if-range", "\"another\"")],
    )
    .await;
    assert_eq!(other.status(), StatusCode::OK);
    let same = ask(Method::GET, &[("if-none-match", &etag)]).await;
    assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
}

async fn the_event_log_is_whole(
    director: &botflix_testkit::Client,
    render: botflix_common::id::RenderId,
) {
    let log = director.event_log(render).await.unwrap();
    let numbers: Vec<i64> = log.iter().map(|event| event.seq).collect();
    let expected: Vec<i64> = (1..=i64::try_from(log.len()).unwrap()).collect();
    assert_eq!(numbers, expected);
    assert!(
        log.windows(2)
            .all(|pair| pair[0].progress <= pair[1].progress),
        "progress only grows: {log:#?}"
    );
    let last = log.last().unwrap();
    assert_eq!(
        (last.kind, last.state, last.progress),
        (RenderEventKind::State, RenderState::Published, 1.0)
    );

    // Resumed in the middle, the log goes on after the number that was seen.
    let seen = log[log.len() / 2].seq;
    let mut rest = director.events(render, seen).await.unwrap();
    let next = rest.next(story::PATIENCE).await.unwrap().unwrap();
    assert_eq!(next.seq, seen + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_render_twice_runs_nothing_and_publishes_an_episode_of_its_own() {
    let farm = Farm::builder(binary()).start().await.unwrap();
    let director = farm.director().await.unwrap();
    let manifest = story::short(&director, "Twice").await.unwrap();
    let first = director.submit(&manifest).await.unwrap();
    let first = director.published(first.id, story::PATIENCE).await.unwrap();

    // Its own workers are gone: what is still published was not made again.
    let mut farm = farm;
    farm.worker("w1").unwrap().kill().unwrap();
    let second = director.submit(&manifest).await.unwrap();
    let second = director
        .published(second.id, story::PATIENCE)
        .await
        .unwrap();

    assert_ne!(first.id, second.id);
    assert_eq!(first.film, second.film);
    let mut ids: Vec<_> = director
        .episodes()
        .await
        .unwrap()
        .into_iter()
        .map(|episode| episode.id)
        .collect();
    ids.sort();
    assert_eq!(ids, [first.id, second.id]);
    let tag = async |episode: &EpisodeBody| {
        let head = director
            .request(Method::HEAD, &episode.video_url)
            .send()
            .await
            .unwrap();
        head.headers()["etag"].clone()
    };
    assert_eq!(tag(&first).await, tag(&second).await, "the same bytes");
}
