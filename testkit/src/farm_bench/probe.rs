//! What a visitor feels while the farm is busy: one call after the other, each kind in turn, until the load is over.

use std::time::{Duration, Instant};

use anyhow::Result;
use botflix_common::id::RenderId;
use reqwest::Method;
use tokio_util::sync::CancellationToken;

use super::load::Studio;
use super::quantiles::Latencies;
use crate::client::ok;

/// Between two calls.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
pub(super) struct Felt {
    pub render: Latencies,
    pub catalog: Latencies,
    pub submit: Latencies,
}

/// Sends further films from number `next` on.
pub(super) async fn probe(studio: &Studio, next: usize, stop: CancellationToken) -> Result<Felt> {
    let (mut render, mut catalog, mut submit) = (Vec::new(), Vec::new(), Vec::new());
    let mut films_sent = 0;
    while !stop.is_cancelled() {
        let (director, manifest) = studio.film(next + films_sent)?;
        let asked = Instant::now();
        let id: RenderId = director.submit(&manifest).await?.id;
        submit.push(asked.elapsed());
        films_sent += 1;
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
