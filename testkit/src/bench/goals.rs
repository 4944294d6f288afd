//! What the engine is to reach, beside what was measured in this run.

use super::cases::{DRAFTED, SAME_PRESET};
use super::contestant::{Cache, Contestant};
use super::meter::Cost;
use super::rounds::Line;

/// More than this is a lie about what a changed shot costs.
const CHANGED_SHARE: f64 = 0.05;

pub(super) struct Goal {
    pub what: String,
    pub wanted: f64,
    pub at_least: bool,
    /// `None`: a case or contestant that it is about did not run.
    pub measured: Option<f64>,
}

impl Goal {
    pub fn is_met(&self) -> bool {
        self.measured.is_some_and(|measured| {
            if self.at_least {
                measured >= self.wanted
            } else {
                measured <= self.wanted
            }
        })
    }
}

/// The results of all cases that ran, by name.
pub(super) struct Results {
    pub cases: Vec<(&'static str, f64, Vec<Line>)>,
}

impl Results {
    fn line(&self, case: &str, wanted: &Contestant) -> Option<&Line> {
        let (_, _, lines) = self.cases.iter().find(|(name, ..)| *name == case)?;
        lines.iter().find(|line| line.contestant == *wanted)
    }

    fn film_seconds(&self, case: &str) -> Option<f64> {
        Some(self.cases.iter().find(|(name, ..)| *name == case)?.1)
    }
}

fn wall(cost: &Cost) -> f64 {
    cost.wall_s
}

fn cpu(cost: &Cost) -> f64 {
    cost.cpu_s
}

pub(super) fn goals(results: &Results) -> Vec<Goal> {
    let mut goals = against_others(results);
    goals.extend(conforming(results));
    goals
}

fn against_others(results: &Results) -> Vec<Goal> {
    let known = Contestant::ours(Cache::Known {
        warmed: "compatible",
    });
    let cold = Contestant::ours(Cache::Cold);
    let filter = |preset| Contestant::ConcatFilter { preset };
    let table = [
        (
            "concat filter, x264 medium: times as long",
            filter("medium"),
            60.0,
            9.0,
        ),
        (
            "concat filter, x264 veryfast: times as long",
            filter("veryfast"),
            30.0,
            4.0,
        ),
        (
            "concat copy + ffmpeg-normalize: times as long",
            Contestant::ConcatCopy,
            8.0,
            1.1,
        ),
        ("MoviePy: times as long", Contestant::MoviePy, 70.0, 9.0),
    ];
    let line = |one: &Contestant| results.line("compatible", one);
    let mut goals = Vec::new();
    for (what, other, than_known, than_cold) in table {
        for (ours, wanted, which) in [(&known, than_known, "known"), (&cold, than_cold, "cold")] {
            let ratio = || line(&other)?.ratio(line(ours)?, wall);
            goals.push(Goal {
                what: format!("{what} as ours, {which}"),
                wanted,
                at_least: true,
                measured: ratio(),
            });
        }
    }
    for (ours, pictures, wanted, which) in
        [(&known, false, 1.25, "known"), (&cold, true, 1.4, "cold")]
    {
        let ratio = || line(ours)?.ratio(line(&Contestant::Floor { pictures })?, wall);
        goals.push(Goal {
            what: format!("ours, {which}: times as long as the floor"),
            wanted,
            at_least: false,
            measured: ratio(),
        });
    }
    let ten = || {
        results
            .line("large", &known)?
            .median(wall)?
            .checked(line(&known)?.median(wall)?)
    };
    goals.push(Goal {
        what: "ten times the clips: times as long".to_owned(),
        wanted: 10.0,
        at_least: false,
        measured: ten(),
    });
    goals
}

fn conforming(results: &Results) -> Vec<Goal> {
    let cache = Cache::Known { warmed: "mixed" };
    let ours = Contestant::ours(cache.clone());
    let alone = Contestant::Ours {
        cache: cache.clone(),
        workers: Some(1),
        draft: false,
    };
    let drafted = Contestant::Ours {
        cache: Cache::Known { warmed: DRAFTED },
        workers: None,
        draft: true,
    };
    let whole = Contestant::ConcatFilter {
        preset: SAME_PRESET,
    };
    let changed = Contestant::ours(Cache::Changed { warmed: "changed" });
    let join = Contestant::ours(Cache::Known {
        warmed: "compatible",
    });
    let mixed = |one: &Contestant| results.line("mixed", one);
    let processors = std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
    let against_whole = || mixed(&ours)?.ratio(mixed(&whole)?, cpu);
    let spread = || Some(mixed(&alone)?.ratio(mixed(&ours)?, wall)? / processors);
    let share = || {
        let join = results.line("compatible", &join)?.median(cpu)?;
        let more = results.line("changed", &changed)?.median(cpu)? - join;
        more.checked(mixed(&ours)?.median(cpu)?)
    };
    let draft = || {
        results
            .film_seconds("mixed")?
            .checked(mixed(&drafted)?.median(cpu)?)
    };
    vec![
        Goal {
            what: format!(
                "all to be conformed: CPU, times that of one whole encode ({SAME_PRESET})"
            ),
            wanted: 1.1,
            at_least: false,
            measured: against_whole(),
        },
        Goal {
            what: format!("the same: speed-up of {processors:.0} workers over one, by worker"),
            wanted: 0.9,
            at_least: true,
            measured: spread(),
        },
        Goal {
            what: "one shot changed: CPU beyond a join, as a share of the whole render's"
                .to_owned(),
            wanted: CHANGED_SHARE,
            at_least: false,
            measured: share(),
        },
        Goal {
            what: "draft: seconds of film for each CPU second".to_owned(),
            wanted: 10.0,
            at_least: true,
            measured: draft(),
        },
    ]
}

trait Checked {
    /// Divided, unless by nothing.
    fn checked(self, by: f64) -> Option<f64>;
}

impl Checked for f64 {
    fn checked(self, by: f64) -> Option<f64> {
        (by > 0.0).then_some(self / by)
    }
}
