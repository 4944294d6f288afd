//! The workers' metrics on one page: what each of them left in Redis, checked against the contract and merged.
//!
//! Whoever writes to Redis writes here, so nothing is believed: names, labels and kinds are those of [`botflix_common::metrics`], the words
//! of explanation are ours, and what does not fit is left out and counted. Must not know Redis, nor HTTP.

use std::collections::{BTreeMap, HashSet};

use botflix_common::exposition::{self, Sample};
use botflix_common::metrics::{Family, MetricType, WORKER_FAMILIES, worker_family};
use botflix_common::queue::{METRICS_LIMIT_BYTES, WorkerPage};

/// Longest page that is made of them all.
const PAGE_LIMIT_BYTES: usize = 16 << 20;
/// Most series of one worker: with two lanes it has 189.
const SERIES_LIMIT: usize = 2000;
const WORKER_LABEL: &str = "worker";
const LE: &str = "le";

/// Why something is not on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dropped {
    TooLarge,
    /// Not of the format, or a number that none of ours can be.
    Unreadable,
    /// It has names or labels that are not a worker's.
    Foreign,
    /// The same series twice.
    Repeated,
    /// A family of a newer worker: only that is left out.
    UnknownFamily,
    /// There was no more room.
    PageFull,
}

impl Dropped {
    pub const ALL: [Self; 6] = [
        Self::TooLarge,
        Self::Unreadable,
        Self::Foreign,
        Self::Repeated,
        Self::UnknownFamily,
        Self::PageFull,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Unreadable => "unreadable",
            Self::Foreign => "foreign",
            Self::Repeated => "repeated",
            Self::UnknownFamily => "unknown_family",
            Self::PageFull => "page_full",
        }
    }
}

/// What is shown, and of which workers what is not.
#[derive(Debug, Default)]
pub struct Merged {
    pub text: String,
    /// The worker's name as it calls itself.
    pub dropped: Vec<(String, Dropped)>,
}

/// A worker's samples by their family's place in the contract.
type Samples = BTreeMap<usize, Vec<Sample>>;

/// One page of all of them, each series with the worker's name; where several have the same name, with their instances.
pub fn merge(pages: &[WorkerPage]) -> Merged {
    let mut merged = Merged::default();
    let mut families: Samples = BTreeMap::new();
    let mut room = PAGE_LIMIT_BYTES;
    for (label, page) in labels(pages).into_iter().zip(pages) {
        // One that has just started.
        if page.page.is_empty() {
            continue;
        }
        let mut drop = |why| merged.dropped.push((page.worker.name.clone(), why));
        let own = match read(&page.page) {
            Ok(own) => own,
            Err(why) => {
                drop(why);
                continue;
            }
        };
        if own.has_unknown {
            drop(Dropped::UnknownFamily);
        }
        let more = page.page.len() + own.series * (label.len() + WORKER_LABEL.len() + 4);
        match room.checked_sub(more) {
            Some(left) => room = left,
            None => {
                drop(Dropped::PageFull);
                continue;
            }
        }
        for (place, samples) in own.samples {
            let named = samples.into_iter().map(|sample| of_worker(sample, &label));
            families.entry(place).or_default().extend(named);
        }
    }
    for (place, samples) in families {
        if let Some(family) = WORKER_FAMILIES.get(place) {
            write(&mut merged.text, family, &samples);
        }
    }
    merged
}

/// How each worker is called on the page: series of two that are called the same would be one.
fn labels(pages: &[WorkerPage]) -> Vec<String> {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for page in pages {
        *names.entry(&page.worker.name).or_default() += 1;
    }
    let mut taken = HashSet::new();
    let label = |page: &WorkerPage| {
        let worker = &page.worker;
        let is_alone = names.get(worker.name.as_str()) == Some(&1);
        let label = if is_alone {
            &worker.name
        } else {
            &worker.instance
        };
        let mut label: String = label.chars().filter(|char| !char.is_control()).collect();
        // One that calls itself as another's instance is called.
        while !taken.insert(label.clone()) {
            label.push('\'');
        }
        label
    };
    pages.iter().map(label).collect()
}

/// What one worker says, as far as it may.
struct Own {
    samples: Samples,
    series: usize,
    has_unknown: bool,
}

fn read(page: &[u8]) -> Result<Own, Dropped> {
    if page.len() > METRICS_LIMIT_BYTES {
        return Err(Dropped::TooLarge);
    }
    let text = std::str::from_utf8(page).map_err(|_| Dropped::Unreadable)?;
    let all = exposition::read(text).map_err(|_| Dropped::Unreadable)?;
    if all.len() > SERIES_LIMIT {
        return Err(Dropped::TooLarge);
    }
    let mut own = Own {
        samples: BTreeMap::new(),
        series: 0,
        has_unknown: false,
    };
    let mut seen = HashSet::new();
    for sample in all {
        let Some(family) = worker_family(&sample.name) else {
            let might_be = ["botflix_worker_", "process_"];
            if !might_be.iter().any(|start| sample.name.starts_with(start)) {
                return Err(Dropped::Foreign);
            }
            own.has_unknown = true;
            continue;
        };
        check(family, &sample)?;
        if !seen.insert(identity(&sample)) {
            return Err(Dropped::Repeated);
        }
        let place = WORKER_FAMILIES.iter().position(|one| one == family);
        own.series += 1;
        own.samples
            .entry(place.unwrap_or(usize::MAX))
            .or_default()
            .push(sample);
    }
    Ok(own)
}

/// Its labels are the family's, whatever their order, and its number can be one.
fn check(family: &Family, sample: &Sample) -> Result<(), Dropped> {
    let is_bucket = family.metric_type == MetricType::Histogram && sample.name.ends_with("_bucket");
    let mut expected = family.labels.to_vec();
    if is_bucket {
        expected.push(LE);
    }
    let fits = sample.labels.len() == expected.len()
        && expected
            .iter()
            .all(|name| sample.labels.iter().any(|(label, _)| label == name));
    if !fits {
        return Err(Dropped::Foreign);
    }
    let grows = family.metric_type != MetricType::Gauge;
    let le_reads =
        !is_bucket || sample.label(LE) == "+Inf" || sample.label(LE).parse::<f64>().is_ok();
    if !sample.value.is_finite() || (grows && sample.value < 0.0) || !le_reads {
        return Err(Dropped::Unreadable);
    }
    Ok(())
}

/// The same for the same series, whatever the order of its labels.
fn identity(sample: &Sample) -> (String, Vec<(String, String)>) {
    let mut labels = sample.labels.clone();
    labels.sort();
    (sample.name.clone(), labels)
}

fn of_worker(mut sample: Sample, label: &str) -> Sample {
    let worker = (WORKER_LABEL.to_owned(), label.to_owned());
    sample.labels.insert(0, worker);
    sample
}

fn write(text: &mut String, family: &Family, samples: &[Sample]) {
    let Family {
        name,
        metric_type,
        help,
        ..
    } = family;
    text.push_str(&format!("# HELP {name} {help}\n"));
    text.push_str(&format!("# TYPE {name} {}\n", metric_type.name()));
    for sample in samples {
        text.push_str(&format!("{sample}\n"));
    }
}

#[cfg(test)]
mod tests;
