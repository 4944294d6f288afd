//! Any finished film, looked at by itself: no plan says what it should be. Everything is decoded, and the file is taken for a stranger's.

use std::path::Path;

use botflix_common::facts::{ClipFacts, VideoFacts};
use botflix_common::film::Loudness;
use botflix_common::finding::{Finding, worst_first};
use botflix_common::findings::{self, rules};

use super::container::{self, Container};
use super::noticed;
use crate::mp4::{self, Mp4Error, work};
use crate::{Call, Context, MediaError, Program, inspect};

/// What is known of a film without its plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Examined {
    pub facts: ClipFacts,
    pub chapters: u32,
    /// Tracks of captions.
    pub captions: u32,
    /// The index precedes the media, so that playing can begin before all is fetched. `None`: not a plain MP4.
    pub index_first: Option<bool>,
    /// By how much the sound ends after the pictures.
    pub drift_seconds: Option<f64>,
    /// What a viewer may notice, and what players stumble over.
    pub findings: Vec<Finding>,
}

/// `wanted` is what the sound is held against. A file that cannot be played is no error: the facts have defects.
pub async fn examine(ctx: &Context, film: &Path, wanted: Loudness) -> Result<Examined, MediaError> {
    let facts = inspect(&ctx.part(0.0, 0.95), film).await?;
    if facts.container.is_none() || (facts.video.is_none() && facts.audio.is_none()) {
        return Ok(Examined::unplayable(facts));
    }
    let call = Call::new(Program::Ffprobe).untrusted_input(film);
    let container = container::read(ctx, film, call).await?;
    let path = film.to_owned();
    let index_first = work::run(ctx, "reading the film", move |_| match mp4::read(&path) {
        Ok(movie) => Ok(movie.map(|movie| movie.index_first)),
        // Nothing can be said of a damaged index; the facts have the defect.
        Err(Mp4Error::Damaged(_)) => Ok(None),
        Err(error) => Err(error.into()),
    })
    .await?;
    ctx.progress.report(1.0, None);
    let mut examined = Examined {
        chapters: u32::try_from(container.chapters).unwrap_or(u32::MAX),
        captions: u32::try_from(container.of_kind("subtitle").count()).unwrap_or(u32::MAX),
        index_first,
        drift_seconds: drift(&facts),
        findings: findings::of_clip(&facts),
        facts,
    };
    examined.judge(&container, wanted);
    Ok(examined)
}

fn drift(facts: &ClipFacts) -> Option<f64> {
    let (video, audio) = (facts.video.as_ref()?, facts.audio.as_ref()?);
    let sound_ends =
        audio.start_offset_seconds + audio.samples as f64 / f64::from(audio.sample_rate_hz);
    Some(sound_ends - video.duration_seconds)
}

impl Examined {
    fn unplayable(facts: ClipFacts) -> Self {
        Self {
            facts,
            chapters: 0,
            captions: 0,
            index_first: None,
            drift_seconds: None,
            findings: Vec::new(),
        }
    }

    fn judge(&mut self, container: &Container, wanted: Loudness) {
        let mut found = Vec::new();
        if let Some(video) = &self.facts.video {
            self.judge_picture(video, container, &mut found);
        }
        match &self.facts.audio {
            Some(audio) => {
                let message = "the film is not as loud as it should be";
                found.extend(noticed::silence(audio.true_peak_dbtp));
                found.extend(noticed::off_target(audio.integrated_lufs, wanted, message));
                found.extend(noticed::peak(audio.true_peak_dbtp, wanted));
            }
            None => found.push(rules::NO_SOUND.finding("the film has no sound")),
        }
        if self.index_first == Some(false) {
            found.push(rules::INDEX_LAST.finding(
                "the index comes after the media: players must fetch all of it before they begin",
            ));
        }
        self.findings.extend(found);
        worst_first(&mut self.findings);
    }

    fn judge_picture(&self, video: &VideoFacts, container: &Container, found: &mut Vec<Finding>) {
        let frames = self
            .drift_seconds
            .map(|drift| drift * video.frame_rate.fps());
        if let Some(frames) = frames.filter(|frames| frames.abs() > rules::DRIFT.limit()) {
            let message = "sound and pictures differ in length by more than a frame";
            found.push(rules::DRIFT.measured(frames, message));
        }
        if !video.constant_rate {
            let message = "pictures do not follow each other at one constant rate";
            found.push(rules::RATE_VARIES.finding(message));
        }
        let colours = container.picture().map(container::Track::colours);
        if let Some(colours) = colours.filter(|colours| *colours != super::verdict::COLOURS) {
            found.push(rules::COLOUR_TAGS.finding(format!(
                "colours are {} instead of BT.709, limited: players will differ",
                colours.join(", ")
            )));
        }
    }
}
