//! A film of two hours from the same few clips: whether time and memory stay in proportion, and whether its last picture and sound are in place.

use anyhow::Result;

use super::cases::{self, repeated, warmth};
use super::contestant::{Cache, Contestant, Stage, warm};
use super::judge::judge;
use super::options::Scale;
use super::rounds::{Line, Sample};
use super::{material, say, table};

/// Memory that a film of any length may take.
const MEMORY_MIB: u64 = 400;

pub(super) fn run(stage: &Stage, scale: Scale) -> Result<()> {
    let known = Contestant::ours(Cache::Known {
        warmed: "compatible",
    });
    let alike = cases::cases(scale, true).into_iter().next();
    let Some(alike) = alike else { return Ok(()) };
    material::make(&cases::clips(scale), &stage.clips)?;
    if let Some(warmth) = warmth("compatible", scale) {
        eprintln!("warming the cache");
        warm(stage, warmth.name, &warmth.manifests)?;
    }
    let edit = repeated(&alike.edit, scale.long_shots);
    known.prepare(stage, &edit)?;
    let film = stage.scratch.join("film.mp4");
    eprintln!(
        "rendering {} shots, {:.0} s",
        edit.shots.len(),
        edit.seconds()
    );
    let cost = known.make(stage, &edit, &film)?;
    let bytes = std::fs::metadata(&film)?.len();
    // Room for what the judge reads; the film alone is needed now.
    std::fs::remove_dir_all(stage.scratch.join("cache"))?;
    eprintln!("{cost:?}; checking");
    let verdict = judge(&film, &edit, true)?;
    std::fs::remove_file(&film)?;
    let line = Line {
        contestant: known,
        samples: vec![Sample { cost, verdict }],
        broke: None,
    };
    let title = format!(
        "{} shots, {:.0} minutes, {:.2} GiB",
        edit.shots.len(),
        edit.seconds() / 60.0,
        bytes as f64 / f64::from(1 << 30)
    );
    say(&table::case(&title, &[line]))?;
    let mib = cost.peak_bytes >> 20;
    let met = if mib <= MEMORY_MIB {
        "met"
    } else {
        "**not met**"
    };
    say(&format!(
        "Peak memory {mib} MiB of at most {MEMORY_MIB}: {met}.\n"
    ))
}
