//! What the demo says it did, and checks while saying it: the film against the manifest, and the bytes as a viewer's player gets them.

use botflix_common::finding::{Finding, FindingCounts};
use botflix_common::http::{EpisodeBody, RenderBody};
use botflix_common::manifest::ShotManifest;

use super::story::{FILM_FPS, FILM_SIZE, SHOTS, total_seconds};
use crate::client::{Api, download};
use crate::exit::Fault;
use crate::show::{duration, size};
use crate::sources::Resolved;

/// What the issue of loudness allows.
const LOUDNESS_TOLERANCE_LU: f64 = 0.5;
/// Picture and sound may differ in length by less than this.
const DRIFT_LIMIT_SECONDS: f64 = 0.021;
/// The part of the film that is fetched to see that ranges work.
const SAMPLE_BYTES: u64 = 4096;

pub fn of_material(resolved: &Resolved, seconds: f64) -> Result<Vec<String>, Fault> {
    let mut bytes = 0;
    for path in resolved.files.values() {
        bytes += std::fs::metadata(path)
            .map_err(|error| {
                Fault::permanent(format!("{} cannot be read", path.display())).because(error)
            })?
            .len();
    }
    Ok(vec![format!(
        "material  {} shots, {} tracks, {} in {} files (ready after {seconds:.1} s)",
        SHOTS.len(),
        resolved.manifest.tracks.len(),
        size(bytes),
        resolved.files.len(),
    )])
}

pub fn of_film(
    render: &RenderBody,
    found: &[Finding],
    episode: &EpisodeBody,
    manifest: &ShotManifest,
    seconds: Option<f64>,
) -> Result<Vec<String>, Fault> {
    let film = &episode.film;
    let frames = (total_seconds() * f64::from(FILM_FPS)).round() as u64;
    let how = match seconds {
        Some(seconds) => format!("rendered in {seconds:.1} s"),
        None => "published by an earlier run".to_owned(),
    };
    let lines = vec![
        format!("render    {} {how}", render.id),
        format!(
            "film      {}x{}, {} fps, {} frames ({frames} in the manifest), {}, {}",
            film.width,
            film.height,
            film.fps,
            film.frames,
            duration(film.video_seconds),
            size(film.bytes),
        ),
        format!(
            "sound     {} LUFS (asked {}), peak {} dBTP (limit {}), {:.1} ms from the picture's length",
            decibels(film.integrated_lufs),
            manifest.loudness.integrated,
            decibels(film.true_peak_dbtp),
            manifest.loudness.true_peak,
            (film.audio_seconds - film.video_seconds).abs() * 1000.0,
        ),
        format!("findings  {}", findings(found)),
    ];
    let off = film.integrated_lufs.map_or(f64::INFINITY, |lufs| {
        (lufs - manifest.loudness.integrated).abs()
    });
    expect(
        (film.width, film.height) == FILM_SIZE,
        "the film has another size than the manifest asks",
    )?;
    expect(
        film.frames == frames,
        "the film has another number of frames than the manifest means",
    )?;
    expect(off <= LOUDNESS_TOLERANCE_LU, "the film misses its loudness")?;
    expect(
        film.true_peak_dbtp
            .is_some_and(|peak| peak <= manifest.loudness.true_peak),
        "the film is over its peak limit",
    )?;
    expect(
        (film.audio_seconds - film.video_seconds).abs() < DRIFT_LIMIT_SECONDS,
        "picture and sound differ in length",
    )?;
    Ok(lines)
}

fn findings(found: &[Finding]) -> String {
    if found.is_empty() {
        return "none".to_owned();
    }
    let FindingCounts {
        errors,
        warnings,
        infos,
    } = FindingCounts::of(found);
    let rules: Vec<&str> = found.iter().map(|one| one.rule.as_str()).collect();
    format!(
        "{errors} errors, {warnings} warnings, {infos} notes: {}",
        rules.join(", ")
    )
}

/// Fetches as a player does: some bytes from the front, some from the middle, and what stands beside the film.
pub async fn of_delivery(api: &Api, episode: &EpisodeBody) -> Result<Vec<String>, Fault> {
    let bytes = episode.film.bytes;
    let front = download::range(api, &episode.video_url, 0, SAMPLE_BYTES, bytes).await?;
    expect(
        front.get(4..8) == Some(b"ftyp"),
        "the film does not start like an MP4",
    )?;
    let middle = bytes / 2;
    let some = download::range(api, &episode.video_url, middle, SAMPLE_BYTES, bytes).await?;
    expect(
        some.len() as u64 == SAMPLE_BYTES.min(bytes - middle),
        "a range of the film is short",
    )?;
    let mut beside = vec!["poster"];
    let poster = download::whole(api, &episode.poster_url).await?;
    expect(poster.starts_with(&[0xFF, 0xD8]), "the poster is no JPEG")?;
    for (name, url) in [
        ("captions", &episode.captions_url),
        ("chapters", &episode.chapters_url),
    ] {
        let Some(url) = url else {
            return Err(Fault::permanent(format!("the episode has no {name}")));
        };
        let text = download::whole(api, url).await?;
        expect(
            text.starts_with(b"WEBVTT"),
            "captions or chapters are no WebVTT",
        )?;
        beside.push(name);
    }
    let page = download::whole(api, &episode.watch_url).await?;
    expect(!page.is_empty(), "the watch page is empty")?;
    Ok(vec![format!(
        "delivery  byte ranges, {} and watch page fetched and checked",
        beside.join(", ")
    )])
}

fn expect(holds: bool, otherwise: &str) -> Result<(), Fault> {
    if holds {
        Ok(())
    } else {
        Err(Fault::permanent(otherwise))
    }
}

fn decibels(value: Option<f64>) -> String {
    value.map_or_else(|| "no".to_owned(), |value| format!("{value:.2}"))
}
