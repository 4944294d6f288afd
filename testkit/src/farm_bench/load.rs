//! The renders: short films of one clip, no two alike, so that no task is shared or remembered.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use botflix_common::hash::Sha;
use futures::{StreamExt, TryStreamExt};
use reqwest::Method;
use serde_json::{Value, json};

use super::quantiles::Latencies;
use crate::client::{Client, ok};
use crate::material::Picture;

/// Frames at which a film may begin, and its lengths in frames: more pairs than renders.
const STARTS: usize = 400;
const SHORTEST: usize = 25;
const LENGTHS: usize = 75;
const FPS: f64 = 25.0;
/// Films that can be told apart.
pub(super) const FILMS: usize = STARTS * LENGTHS;
/// Covers the last start and the longest film.
const CLIP_SECONDS: u32 = 20;
/// A real worker inspects the clip, on a busy machine.
const INSPECTION: Duration = Duration::from_secs(90);
/// Renders sent at the same time.
const SENDERS: usize = 16;
/// Renders of one director, below the limit that the API sets.
const RENDERS_EACH: usize = 900;
/// Directors of a farm at least: fair shares are part of the load.
const DIRECTORS: usize = 8;

/// Directors of both tiers who may all name the one clip.
pub(super) struct Studio {
    directors: Vec<Client>,
    clip: Sha,
}

impl Studio {
    /// Registers so many directors that none has more renders than it may. A real worker must run.
    pub async fn open(nobody: &Client, renders: usize) -> Result<Self> {
        let file = Picture::plain(CLIP_SECONDS).make()?;
        let bytes = tokio::fs::read(&file).await?;
        let mut directors = Vec::new();
        let mut clip = None;
        for number in 0..renders.div_ceil(RENDERS_EACH).max(DIRECTORS) {
            let director = nobody.register(&format!("Director {number}")).await?;
            if number % 2 == 0 {
                let profile = json!({"generation_profile": {"creation_tier": "paid"}});
                let call = director.request(Method::PATCH, "/api/v1/directors/me");
                ok(call.json(&profile).send().await?).await?;
            }
            clip = Some(director.upload(bytes.clone()).await?.clip);
            directors.push(director);
        }
        let clip = clip.context("no director")?;
        let first = directors.first().context("no director")?;
        first.judged(&clip, INSPECTION).await?;
        Ok(Self { directors, clip })
    }

    /// The director of a film and its manifest.
    pub fn film(&self, number: usize) -> Result<(&Client, Value)> {
        if number >= FILMS {
            bail!("there are only {FILMS} films");
        }
        let director = self.directors.get(number % self.directors.len());
        let start = (number % STARTS) as f64 / FPS;
        let length = (SHORTEST + number / STARTS) as f64 / FPS;
        let manifest = json!({
            "title": format!("Film {number}"),
            "format": {"width": 160, "height": 90, "fps": 25},
            "shots": [{"id": "s1", "source": {"clip": self.clip}, "trim": {"start": start, "end": start + length}}],
        });
        Ok((director.context("no director")?, manifest))
    }

    /// Sends films, and says how long each answer and all of them took.
    pub async fn send(&self, films: std::ops::Range<usize>) -> Result<(Latencies, Duration)> {
        let began = Instant::now();
        let answers = futures::stream::iter(films).map(|number| async move {
            let (director, manifest) = self.film(number)?;
            let asked = Instant::now();
            director.submit(&manifest).await?;
            anyhow::Ok(asked.elapsed())
        });
        let took: Vec<Duration> = answers.buffer_unordered(SENDERS).try_collect().await?;
        Ok((Latencies::of(took), began.elapsed()))
    }
}
