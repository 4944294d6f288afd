//! A farm at a glance: what `botflix top` makes of the two pages of metrics. Knows neither the network nor the terminal.

mod lanes;
mod pages;
pub mod text;
mod throughput;
mod verdict;
mod workers;

use std::collections::BTreeMap;

use serde::Serialize;

pub use lanes::Lane;
pub use pages::Look;
pub use throughput::Throughput;
pub use workers::Worker;

/// What is shown. The same fields as JSON for scripts.
#[derive(Debug, Serialize)]
pub struct Glance {
    /// In one line: healthy or not, and what holds it up.
    pub verdict: String,
    /// How long the server has been running; counts are since then.
    pub uptime_seconds: f64,
    /// Not finished, by state.
    pub renders: BTreeMap<String, u64>,
    /// Age of the oldest of them; 0 without one.
    pub oldest_render_seconds: f64,
    /// Since the server's start, by final state.
    pub finished: BTreeMap<String, u64>,
    pub throughput: Throughput,
    /// Those with tasks or workers.
    pub lanes: Vec<Lane>,
    pub workers: Vec<Worker>,
}

impl Glance {
    /// `before`: an earlier look, for what happens per second.
    pub fn of(now: &Look, before: Option<&Look>) -> Self {
        let lanes = lanes::of(now);
        let workers = workers::of(now);
        Self {
            verdict: verdict::of(&lanes, &workers),
            uptime_seconds: now.uptime_seconds(),
            renders: counts(now.farm.by("botflix_renders", "state")),
            oldest_render_seconds: now.farm.sum("botflix_oldest_render_seconds", &[]),
            finished: counts(now.farm.by("botflix_renders_finished_total", "state")),
            throughput: throughput::of(now, before),
            lanes,
            workers,
        }
    }
}

fn counts(values: BTreeMap<String, f64>) -> BTreeMap<String, u64> {
    let whole = values.into_iter();
    whole.map(|(name, value)| (name, count(value))).collect()
}

/// Casts of floats saturate: what is no count is shown as zero or as very many.
fn count(value: f64) -> u64 {
    value.round() as u64
}

#[cfg(test)]
mod tests;
