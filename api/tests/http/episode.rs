//! An episode in the catalog whose artifacts are in storage, without a farm having made it.

use std::collections::BTreeMap;

use botflix_api::db;
use botflix_api::db::episodes::EpisodeRow;
use botflix_common::id::{EpisodeId, RenderId};
use botflix_common::manifest::{ShotManifest, Visibility, read};
use botflix_common::task::{Artifact, FilmFacts};
use botflix_common::units::FrameRate;
use uuid::Uuid;

use crate::stand::{Director, Stand};

pub const FILM: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
pub const CHAPTERS: &str = "WEBVTT\n\n00:00:00.000 --> 00:01:02.000\nThe <storm>\n\n00:01:02.000 --> 00:02:00.000\nLanding\n";

async fn store(stand: &Stand, bytes: &[u8], media_type: &str) -> Artifact {
    let storage = &stand.server.app().storage;
    let mut incoming = storage.begin_incoming(Uuid::now_v7()).await.unwrap();
    incoming.write(bytes.to_vec().into()).await.unwrap();
    let (sha256, bytes) = incoming.finish().await.unwrap();
    Artifact {
        sha256,
        bytes,
        media_type: media_type.to_owned(),
    }
}

/// Publishes what `change` makes of an ordinary episode.
pub async fn publish(
    stand: &Stand,
    director: &Director,
    change: impl FnOnce(&mut EpisodeRow),
) -> EpisodeRow {
    let mut artifacts = BTreeMap::new();
    artifacts.insert("film".to_owned(), store(stand, FILM, "video/mp4").await);
    artifacts.insert(
        "poster".to_owned(),
        store(stand, b"jpeg", "image/jpeg").await,
    );
    artifacts.insert(
        "captions".to_owned(),
        store(stand, b"WEBVTT\n", "text/vtt").await,
    );
    artifacts.insert(
        "chapters".to_owned(),
        store(stand, CHAPTERS.as_bytes(), "text/vtt").await,
    );
    let render_id = RenderId::fresh();
    let mut row = EpisodeRow {
        id: EpisodeId::fresh(),
        render_id,
        first_render_id: render_id,
        revision: 1,
        revised_at_ms: None,
        director_id: director.id.parse().unwrap(),
        director_name: String::new(),
        title: "The Lighthouse".to_owned(),
        description: Some("A keeper waits for a ship.".to_owned()),
        show: Some("Tide".to_owned()),
        season: Some(1),
        episode: Some(3),
        language: "en".to_owned(),
        visibility: Visibility::Public,
        duration_seconds: 120.0,
        film: FilmFacts {
            width: 1280,
            height: 720,
            fps: FrameRate::default(),
            frames: 2880,
            video_seconds: 120.0,
            audio_seconds: 120.0,
            integrated_lufs: Some(-14.0),
            true_peak_dbtp: Some(-1.0),
            bytes: FILM.len() as u64,
            draft: false,
        },
        artifacts,
        published_at_ms: 1_763_700_000_000,
    };
    change(&mut row);
    let mut tx = stand.server.app().db.write().await.unwrap();
    db::renders::insert(
        &mut tx,
        row.render_id,
        row.director_id,
        db::renders::Place::default(),
        &manifest(),
        &[],
        0,
    )
    .await
    .unwrap();
    db::episodes::insert(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();
    row
}

fn manifest() -> ShotManifest {
    let clip = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let text =
        format!(r#"{{"title": "T", "shots": [{{"id": "1", "source": {{"clip": "{clip}"}}}}]}}"#);
    read::read_manifest(text.as_bytes()).unwrap()
}
