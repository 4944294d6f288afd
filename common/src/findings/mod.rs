//! Findings: rules over the facts of clips, the manifest and the plan of a film. Pure functions; nothing is measured here.
//!
//! [`RULES`] is the table of all rules. [`of_clip`] says what a clip alone shows, [`of_film`] what comes of it in a film, with ways out of it
//! that [`apply`] can carry out on the manifest.

mod apply;
mod captions;
mod clip_pictures;
mod clip_sound;
mod cut;
mod fixes;
mod format;
mod levels;
pub mod rules;
mod shots;

use crate::facts::ClipFacts;
use crate::finding::{Finding, Severity, worst_first};
use crate::manifest::{Shot, ShotManifest, Source};
use crate::plan::{FactsByClip, Plan};

pub use apply::{PatchError, apply};
pub use rules::RULES;

/// One rule: what it looks for, from where on, and who says so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// A stable snake_case word.
    pub id: &'static str,
    pub severity: Severity,
    /// Of `limit` and of what is measured; empty where there is nothing to measure.
    pub unit: &'static str,
    pub limit: Option<f64>,
    /// Where the limit comes from, and of what kind that is: see [`rules`].
    pub source: &'static str,
    /// What it finds, to complete "there is …".
    pub what: &'static str,
}

impl Rule {
    pub fn finding(&self, message: impl Into<String>) -> Finding {
        Finding {
            rule: self.id.to_owned(),
            severity: self.severity,
            message: message.into(),
            limit: self.limit,
            unit: (!self.unit.is_empty()).then(|| self.unit.to_owned()),
            ..Finding::default()
        }
    }

    pub fn measured(&self, value: f64, message: impl Into<String>) -> Finding {
        Finding {
            measured: Some((value * 1000.0).round() / 1000.0),
            ..self.finding(message)
        }
    }

    /// The limit, as a number that compares.
    pub fn limit(&self) -> f64 {
        self.limit.unwrap_or(f64::INFINITY)
    }
}

/// What the clip alone shows, whatever it is used for. Times are seconds in the clip.
pub fn of_clip(facts: &ClipFacts) -> Vec<Finding> {
    let mut found = clip_pictures::findings(facts);
    found.extend(clip_sound::findings(facts));
    found
}

/// What a film of this manifest would show, from the facts of its clips and its plan, worst first. Times are seconds in the film.
pub fn of_film(manifest: &ShotManifest, facts: &FactsByClip, plan: &Plan) -> Vec<Finding> {
    let film = Film::new(manifest, facts, plan);
    let mut found = shots::findings(&film);
    found.extend(format::findings(&film));
    found.extend(cut::findings(&film));
    found.extend(levels::findings(&film));
    found.extend(captions::findings(&film));
    worst_first(&mut found);
    found
}

/// A film as the rules see it.
struct Film<'a> {
    manifest: &'a ShotManifest,
    facts: &'a FactsByClip,
    plan: &'a Plan,
    shots: Vec<Placed<'a>>,
}

/// A shot in its place.
#[derive(Clone, Copy)]
struct Placed<'a> {
    /// In the manifest.
    index: usize,
    shot: &'a Shot,
    /// Of its clip or still.
    facts: Option<&'a ClipFacts>,
    /// Seconds in the film.
    at: f64,
    seconds: f64,
}

impl<'a> Film<'a> {
    fn new(manifest: &'a ShotManifest, facts: &'a FactsByClip, plan: &'a Plan) -> Self {
        let fps = plan.format.fps;
        let shots = manifest
            .shots
            .iter()
            .enumerate()
            .zip(&plan.ledger)
            .map(|((index, shot), row)| Placed {
                index,
                shot,
                facts: shot.source.clip().and_then(|clip| facts.get(&clip)),
                at: fps.seconds_at(row.first_frame),
                seconds: fps.seconds_at(row.frames),
            })
            .collect();
        Self {
            manifest,
            facts,
            plan,
            shots,
        }
    }

    fn neighbours(&self) -> impl Iterator<Item = (&Placed<'a>, &Placed<'a>)> {
        self.shots.iter().zip(self.shots.iter().skip(1))
    }
}

impl Placed<'_> {
    /// Names the shot, its clip and its place in the finding.
    fn here(&self, finding: Finding) -> Finding {
        Finding {
            shot: Some(self.shot.id.clone()),
            clip: self.shot.source.clip(),
            at_seconds: finding.at_seconds.or(Some(self.at)),
            ..finding
        }
    }

    /// Where the shot begins and ends in its clip, seconds from the first picture.
    fn used(&self) -> (f64, f64) {
        (self.shot.trim.start, self.shot.trim.start + self.seconds)
    }

    fn shows_clip(&self) -> bool {
        matches!(self.shot.source, Source::Clip(_))
    }

    /// Its own sound is heard.
    fn sounds(&self) -> bool {
        self.shows_clip()
            && !self.shot.audio.mute
            && self.facts.is_some_and(|facts| facts.audio.is_some())
    }
}
