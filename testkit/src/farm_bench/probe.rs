//! What a visitor feels while the farm is busy: one call after the other, each kind in turn, until the load is over.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use botflix_common::id::RenderId;
use reqwest::Method;
use tokio_util::sync::CancellationToken;

use super::load::Studio;
use super::quantiles::Latencies;
use crate::client::{Client, ok};

/// Between two calls.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
pub(super) struct Felt {
    pub render: Latencies,
    pub catalog: Latencies,
    pub submit: Latencies,
}

/// Sends these films one by one, and afterwards only looks at the last.
pub(super) async fn probe(
    studio: &Studio,
    mut films: std::ops::Range<usize>,
    stop: CancellationToken,
) -> Result<Felt> {
    let (mut render, mut catalog, mut submit) = (Vec::new(), Vec::new(), Vec::new());
    let mut latest: Option<(&Client, RenderId)> = None;
    while !stop.is_cancelled() {
        if let Some(number) = films.next() {
            let (director, manifest) = studio.film(number)?;
            let asked = Instant::now();
            latest = Some((director, director.submit(&manifest).await?.id));
            submit.push(asked.elapsed());
        }
        let (director, id) = latest.context("no film to probe with")?;
        for (path, took) in [
            (format!("/api/v1/renders/{id}"), &mut render),
            ("/api/v1/episodes".to_owned(), &mut catalog),
        ] {
            tokio::time::sleep(PAUSE).await;
            let asked = Instant::now();
            ok(director.request(Method::GET, &path).send().await?)
                .await?
                .bytes()
                .await?;
            took.push(asked.elapsed());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Felt {
        render: Latencies::of(render),
        catalog: Latencies::of(catalog),
        submit: Latencies::of(submit),
    })
}
