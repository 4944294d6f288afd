//! The two pages of metrics as they were read at one moment.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use botflix_common::exposition::{self, BadLine, Sample};

/// A page that is not one of metrics.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be read as metrics")]
pub struct Unreadable {
    path: &'static str,
    #[source]
    source: BadLine,
}

/// The samples of one page.
pub struct Page(Vec<Sample>);

impl Page {
    /// The sum of the series of this name that have these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let all = self.series(name);
        let fits = |sample: &&Sample| {
            labels
                .iter()
                .all(|(label, value)| sample.label(label) == *value)
        };
        all.filter(fits).map(|sample| sample.value).sum()
    }

    /// The sums by the values of one label.
    pub fn by(&self, name: &str, label: &str) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for sample in self.series(name) {
            *sums.entry(sample.label(label).to_owned()).or_default() += sample.value;
        }
        sums
    }

    fn series(&self, name: &str) -> impl Iterator<Item = &Sample> {
        self.0.iter().filter(move |sample| sample.name == name)
    }
}

/// What a server said of itself and of its workers.
pub struct Look {
    pub at: Instant,
    /// Since 1970, by the clock of this machine.
    pub now: Duration,
    pub farm: Page,
    pub workers: Page,
}

impl Look {
    pub fn read(now: Duration, farm: &str, workers: &str) -> Result<Self, Unreadable> {
        Ok(Self {
            at: Instant::now(),
            now,
            farm: page("/metrics", farm)?,
            workers: page("/metrics/workers", workers)?,
        })
    }

    pub fn uptime_seconds(&self) -> f64 {
        let started = self.farm.sum("process_start_time_seconds", &[]);
        (self.now.as_secs_f64() - started).max(0.0)
    }
}

fn page(path: &'static str, text: &str) -> Result<Page, Unreadable> {
    let samples = exposition::read(text).map_err(|source| Unreadable { path, source })?;
    Ok(Page(samples))
}
