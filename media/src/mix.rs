//! The whole sound of a film: decoded, placed on one timeline in samples, levelled, encoded **once**, and measured as encoded. Joining the
//! clips' own AAC packets would add priming at every join.
//!
//! Memory does not grow with the film. Scratch space does, by 0.4 MB per second for each clip that ffmpeg must decode, and for the mix where its
//! loudness is not known beforehand.

mod bed;
mod duck;
mod encode;
mod even;
mod fade;
mod feed;
mod level;
mod library;
mod limiter;
pub(crate) mod loudness;
mod master;
mod measure;
mod pcm;
mod place;
mod repeat;
mod stage;
mod touched;
mod trouble;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use botflix_common::failure::WhoCanFix;
use botflix_common::film::TrackKind;
use botflix_common::hash::Sha;
use botflix_common::task::{MixSpec, SoundFacts};

use self::bed::Bed;
use self::library::Library;
use self::place::Placed;
use self::repeat::Round;
use self::stage::Stage;
use self::trouble::Trouble;
use crate::mp4::work::Work;
use crate::{Context, MediaError};

pub(crate) use self::level::MAX_GAIN_DB;
pub(crate) use self::measure::measure;

/// One sample of each channel of the film.
type Frame = [f32; loudness::CHANNELS];

/// Clips whose sound turned out not to decode in process, one after another, before ffmpeg decodes all that are left.
const MAX_STUMBLES: usize = 3;

/// Makes the film's sound at `out` (`.m4a`). A film that is silent throughout stays so. Where the target cannot be met under the peak limit,
/// the nearest is delivered; `check` says so in a finding.
pub async fn mix(
    ctx: &Context,
    spec: &MixSpec,
    clips: &HashMap<Sha, PathBuf>,
    out: &Path,
) -> Result<SoundFacts, MediaError> {
    let mut by_ffmpeg = HashSet::new();
    loop {
        match attempt(ctx, spec, clips, &by_ffmpeg, out).await {
            Ok(facts) => return Ok(facts),
            Err(Trouble::Media(error)) => return Err(error),
            Err(Trouble::Stumbled { clip, detail }) => {
                tracing::debug!(%clip, detail, "ffmpeg decodes this clip");
                if !by_ffmpeg.insert(clip) {
                    return Err(MediaError::io("decoding the sound of a clip")(
                        std::io::Error::other(detail),
                    ));
                }
                if by_ffmpeg.len() >= MAX_STUMBLES {
                    by_ffmpeg.extend(clips.keys());
                }
            }
        }
    }
}

/// With every clip of `by_ffmpeg` decoded by ffmpeg.
async fn attempt(
    ctx: &Context,
    spec: &MixSpec,
    clips: &HashMap<Sha, PathBuf>,
    by_ffmpeg: &HashSet<Sha>,
    out: &Path,
) -> Result<SoundFacts, Trouble> {
    // Ends the threads' work when this future is dropped, too.
    let (work, _ends_with_this_future) = Work::of(ctx);
    let placed = place::placed(spec, &[]);
    let needed = place::needed(&placed);
    let library = Library::open(&ctx.part(0.0, 0.2), needed, clips, by_ffmpeg).await?;
    let scratch = ctx.scratch.clone();
    let shared = Arc::new(spec.clone());
    let prepared = tokio::task::spawn_blocking(move || {
        let bed = prepare(&shared, placed, library, &scratch, work)?;
        Ok::<_, Trouble>(Arc::new(Stage::new(bed, shared.total_samples)))
    });
    let stage = prepared
        .await
        .map_err(|gone| MediaError::io("preparing the sound")(std::io::Error::other(gone)))??;
    master::master(&ctx.part(0.2, 1.0), spec, &stage, out).await
}

/// All that must be known before the first block can be mixed. Blocking.
fn prepare(
    spec: &MixSpec,
    placed: Vec<Placed>,
    library: Library,
    scratch: &Path,
    work: Work,
) -> Result<Bed, Trouble> {
    let mut rounds = HashMap::new();
    for (number, track) in spec.tracks.iter().enumerate() {
        let name = format!("track {} ({})", number + 1, kind_name(track.kind));
        let sounds = placed
            .iter()
            .filter(|sound| sound.clip == track.clip && sound.starts == track.first_sample);
        for sound in sounds {
            if !library.has_sound_from(sound.clip, sound.clip_frame) {
                return Err(empty(&name).into());
            }
        }
        if let Some(sound) = placed.iter().find(|sound| sound.repeats == Some(number)) {
            let path = scratch.join(format!("mix-round-{number}.f32"));
            rounds.insert(number, record(&work, &library, sound, path, &name)?);
        }
    }
    let mut bed = Bed {
        placed,
        library,
        rounds,
        work,
    };
    if spec.loudness.even_shots {
        let even_db = even::gains(&bed, spec)?;
        bed.placed = place::placed(spec, &even_db);
    }
    Ok(bed)
}

/// One round of a track that repeats.
fn record(
    work: &Work,
    library: &Library,
    sound: &Placed,
    path: PathBuf,
    name: &str,
) -> Result<Round, Trouble> {
    let mut reader = library.reader(sound.clip, sound.clip_frame)?;
    let longest = sound.heard.end - sound.heard.start;
    let mut left = (sound.clip_end - sound.clip_frame).min(longest);
    Round::record(path, name, |block| {
        work.go_on()?;
        let more = reader.read(block)?;
        block.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left -= block.len() as u64;
        Ok(more && left > 0)
    })
}

fn kind_name(kind: TrackKind) -> &'static str {
    match kind {
        TrackKind::Narration => "narration",
        TrackKind::Music => "music",
        TrackKind::Effects => "effects",
    }
}

fn empty(name: &str) -> MediaError {
    MediaError::Permanent {
        code: "track_empty",
        message: format!("{name} has no sound where it is to begin"),
        who_can_fix: WhoCanFix::Director,
        internal: None,
    }
}
