//! A run in Markdown: how often each fault happened, how long what it hit took to come to its end, and what was true afterwards.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::faults::Kind;
use super::verdict::Verdict;

/// Of each thing that is wrong, so many are named.
const SHOWN: usize = 10;

/// What came of one fault.
#[derive(Clone, Copy, Debug)]
pub struct Happened {
    pub kind: Kind,
    /// No other fault came before the recovery from it.
    pub alone: bool,
    /// From its beginning until every task that was queued or running then had ended; `None`: not before the run did.
    pub recovery: Option<Duration>,
    /// Tasks that it may have hit.
    pub hit: usize,
}

pub struct Run {
    pub seed: u64,
    pub title: String,
    pub lasted: Duration,
    pub settled: Duration,
    pub happened: Vec<Happened>,
    pub uploads: u32,
    pub answers_lost: u32,
    pub poisoned_by_chance: u32,
    pub starts: u32,
    pub verdict: Verdict,
}

impl Run {
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let written = self.write(&mut text);
        debug_assert!(written.is_ok());
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let verdict = &self.verdict;
        writeln!(text, "## chaos: {}, seed {}\n", self.title, self.seed)?;
        writeln!(
            text,
            "{:.0} s of faults, settled {:.0} s after the last; {} renders accepted: {} published, {} failed, {} canceled; {} uploads, {} answers \
             lost on the way, {} good clips poisoned by three kills and tried again, {} starts of processes.\n",
            self.lasted.as_secs_f64(),
            self.settled.as_secs_f64(),
            verdict.accepted,
            verdict.published,
            verdict.failed,
            verdict.canceled,
            self.uploads,
            self.answers_lost,
            self.poisoned_by_chance,
            self.starts,
        )?;
        writeln!(
            text,
            "| fault | times | hit tasks | recovery{} p50 | p95 | longest |",
            if self.some_alone() { " when alone" } else { "" }
        )?;
        writeln!(text, "|---|---:|---:|---:|---:|---:|")?;
        for (kind, (times, hit, mut recoveries)) in self.by_kind() {
            recoveries.sort_unstable();
            let at = |share| percentile(&recoveries, share);
            writeln!(
                text,
                "| {} | {times} | {hit} | {} | {} | {} |",
                kind.name(),
                at(0.5),
                at(0.95),
                at(1.0)
            )?;
        }
        let attempts: Vec<String> = verdict
            .attempts
            .iter()
            .map(|(outcome, count)| format!("{outcome} {count}"))
            .collect();
        writeln!(text, "\nAttempts: {}.", attempts.join(", "))?;
        let left: Vec<String> = verdict
            .left_over
            .iter()
            .map(|(what, count)| format!("{what} {count}"))
            .collect();
        writeln!(
            text,
            "Left over in storage, as housekeeping lists it: {}; {}.\n",
            if left.is_empty() {
                "0".to_owned()
            } else {
                left.join(", ")
            },
            if verdict.put_away {
                "put away as if a year had passed, before storage was judged"
            } else {
                "not judged, because S3 says how old a thing is"
            }
        )?;
        for (what, found) in &verdict.wrong {
            writeln!(text, "- {what}: {}", found.len())?;
            for one in found.iter().take(SHOWN) {
                writeln!(text, "  - {one}")?;
            }
        }
        writeln!(
            text,
            "\n{}",
            if verdict.holds() {
                "HOLDS"
            } else {
                "DOES NOT HOLD"
            }
        )
    }

    fn some_alone(&self) -> bool {
        self.happened.iter().any(|one| one.alone)
    }

    fn by_kind(&self) -> BTreeMap<Kind, (usize, usize, Vec<Duration>)> {
        let mut all: BTreeMap<Kind, (usize, usize, Vec<Duration>)> = BTreeMap::new();
        for one in &self.happened {
            let (times, hit, recoveries) = all.entry(one.kind).or_default();
            *times += 1;
            *hit += one.hit;
            if one.hit > 0 && (one.alone || !self.some_alone()) {
                recoveries.extend(one.recovery);
            }
        }
        all
    }
}

/// Nearest rank, in seconds; a dash where nothing was hit.
fn percentile(sorted: &[Duration], share: f64) -> String {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    match sorted.get(rank.saturating_sub(1)) {
        Some(value) => format!("{:.1} s", value.as_secs_f64()),
        None => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let seconds: Vec<Duration> = (1..=20).map(Duration::from_secs).collect();
        assert_eq!(percentile(&seconds, 0.5), "10.0 s");
        assert_eq!(percentile(&seconds, 0.95), "19.0 s");
        assert_eq!(percentile(&[], 0.5), "–");
    }
}
