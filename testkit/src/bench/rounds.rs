//! Runs a case: every contestant once a round, forwards and backwards in turn, so that a slow minute of the machine falls on all of them.

use anyhow::{Context, Result};

use super::cases::{Case, warmth};
use super::contestant::{Cache, Contestant, Stage, warm};
use super::judge::{Verdict, judge};
use super::meter::Cost;
use super::options::Scale;

/// One film that was made.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub cost: Cost,
    pub verdict: Verdict,
}

/// All that one contestant made, in the order of rounds.
pub(super) struct Line {
    pub contestant: Contestant,
    pub samples: Vec<Sample>,
    /// Why there are fewer than there should be.
    pub broke: Option<String>,
}

impl Line {
    pub fn median(&self, of: impl Fn(&Cost) -> f64) -> Option<f64> {
        median(self.samples.iter().map(|sample| of(&sample.cost)).collect())
    }

    /// The middle of the rounds' own ratios: this one's cost to `other`'s in the same round.
    pub fn ratio(&self, other: &Self, of: impl Fn(&Cost) -> f64) -> Option<f64> {
        let rounds = self.samples.iter().zip(&other.samples);
        median(
            rounds
                .map(|(mine, its)| of(&mine.cost) / of(&its.cost))
                .collect(),
        )
    }
}

pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some((values.get(middle.checked_sub(1)?)? + upper) / 2.0)
}

/// The films are deleted once they are judged; a contestant that fails is left out from then on, and the line says why.
pub(super) fn run(
    case: &Case,
    stage: &Stage,
    scale: Scale,
    warmed: &mut Vec<&'static str>,
) -> Result<Vec<Line>> {
    for contestant in &case.contestants {
        make_warm(contestant, stage, scale, warmed)?;
    }
    let line = |contestant: &Contestant| Line {
        contestant: contestant.clone(),
        samples: Vec::new(),
        broke: None,
    };
    let mut lines: Vec<Line> = case.contestants.iter().map(line).collect();
    for round in 0..scale.rounds {
        let mut order: Vec<&mut Line> = lines.iter_mut().collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for line in order.into_iter().filter(|line| line.broke.is_none()) {
            let label = line.contestant.label();
            match film(case, &line.contestant, stage).with_context(|| label.clone()) {
                Ok(sample) => {
                    tell(case, &label, round, &sample);
                    line.samples.push(sample);
                }
                Err(error) => {
                    eprintln!("{}: {error:#}", case.name);
                    line.broke = Some(format!("{error:#}"));
                }
            }
        }
    }
    Ok(lines)
}

fn film(case: &Case, contestant: &Contestant, stage: &Stage) -> Result<Sample> {
    contestant.prepare(stage, &case.edit)?;
    let film = stage.scratch.join("film.mp4");
    let cost = contestant.make(stage, &case.edit, &film)?;
    // A draft is small and marked.
    let read_strips = !matches!(contestant, Contestant::Ours { draft: true, .. });
    let verdict = judge(&film, &case.edit, read_strips)?;
    Ok(Sample { cost, verdict })
}

fn make_warm(
    contestant: &Contestant,
    stage: &Stage,
    scale: Scale,
    warmed: &mut Vec<&'static str>,
) -> Result<()> {
    let Contestant::Ours {
        cache: Cache::Known { warmed: name } | Cache::Changed { warmed: name },
        ..
    } = contestant
    else {
        return Ok(());
    };
    if warmed.contains(name) {
        return Ok(());
    }
    let warmth = warmth(name, scale).with_context(|| format!("no cache is called {name}"))?;
    eprintln!("warming the cache of {name}");
    warm(stage, warmth.name, &warmth.manifests)?;
    warmed.push(name);
    Ok(())
}

fn tell(case: &Case, label: &str, round: usize, sample: &Sample) {
    let Sample { cost, verdict } = sample;
    let faults = verdict.faults().join(", ");
    eprintln!(
        "{} {}: {label}: {:.2} s, {:.2} CPU-s, {} MiB {faults}",
        case.name,
        round + 1,
        cost.wall_s,
        cost.cpu_s,
        cost.peak_bytes >> 20,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![9.0, 1.0, 3.0, 4.0]), Some(3.5));
    }
}
