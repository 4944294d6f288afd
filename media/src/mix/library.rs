//! The sounds of the mix, ready to be read from any frame: those that can be decoded in process, and those that ffmpeg decoded into scratch
//! files beforehand, two at a time. Knows which part of each clip is heard, not where in the film.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use botflix_common::failure::WhoCanFix;
use botflix_common::hash::Sha;
use botflix_common::units::SAMPLE_RATE_HZ;
use tokio::task::JoinSet;

use super::Frame;
use super::loudness::CHANNELS;
use super::pcm;
use super::trouble::Trouble;
use crate::aac::{self, Track};
use crate::{Call, Context, MediaError, Program};

/// ffmpeg processes that decode clips at the same time.
const MAX_DECODERS: usize = 2;

/// How a clip's sound is read.
pub(super) enum Supply {
    InProcess(Track),
    Decoded(Decoded),
}

/// A stretch of a clip's sound in a scratch file.
pub(super) struct Decoded {
    pub(super) path: PathBuf,
    /// Frame of the clip's sound at which the file begins.
    pub(super) first: u64,
    pub(super) frames: u64,
}

#[derive(Default)]
pub(super) struct Library {
    supplies: HashMap<Sha, Supply>,
}

impl Library {
    /// Opens every clip of `heard`, frames of whose sound are needed in these ranges. Clips of `by_ffmpeg` are not tried in process.
    pub(super) async fn open(
        ctx: &Context,
        heard: HashMap<Sha, Range<u64>>,
        clips: &HashMap<Sha, PathBuf>,
        by_ffmpeg: &HashSet<Sha>,
    ) -> Result<Self, MediaError> {
        let mut wanted: Vec<_> = heard.into_iter().collect();
        wanted.sort_by_key(|(clip, _)| *clip);
        let mut library = Self::default();
        let mut to_decode = Vec::new();
        for (clip, range) in wanted {
            let path = path_of(clip, clips)?;
            let track = if by_ffmpeg.contains(&clip) {
                None
            } else {
                open_track(path).await?
            };
            match track {
                Some(track) => {
                    library.supplies.insert(clip, Supply::InProcess(track));
                }
                None => to_decode.push((clip, path.to_owned(), range)),
            }
        }
        library.decode(ctx, to_decode).await?;
        Ok(library)
    }

    async fn decode(
        &mut self,
        ctx: &Context,
        jobs: Vec<(Sha, PathBuf, Range<u64>)>,
    ) -> Result<(), MediaError> {
        let steps = jobs.len().max(1) as f64;
        let mut jobs = jobs.into_iter();
        let mut running = JoinSet::new();
        let mut done = 0;
        loop {
            while running.len() < MAX_DECODERS {
                let Some((clip, path, range)) = jobs.next() else {
                    break;
                };
                // Its own progress would jump about beside the others'.
                let ctx = ctx.quiet();
                running.spawn(async move { decode(&ctx, &path, clip, range).await });
            }
            match running.join_next().await {
                None => return Ok(()),
                Some(Ok(decoded)) => {
                    let (clip, decoded) = decoded?;
                    self.supplies.insert(clip, Supply::Decoded(decoded));
                    done += 1;
                    ctx.progress.report(f64::from(done) / steps, None);
                }
                Some(Err(gone)) => {
                    let gone = std::io::Error::other(gone);
                    return Err(MediaError::io("decoding the sound of a clip")(gone));
                }
            }
        }
    }

    /// Whether any of a clip's sound lies at or after frame `first`.
    pub(super) fn has_sound_from(&self, clip: Sha, first: u64) -> bool {
        match self.supplies.get(&clip) {
            Some(Supply::InProcess(track)) => track.frames() > first,
            Some(Supply::Decoded(decoded)) => decoded.first + decoded.frames > first,
            None => false,
        }
    }

    /// Reads a clip's sound from frame `first` on.
    pub(super) fn reader(&self, clip: Sha, first: u64) -> Result<Reader<'_>, Trouble> {
        match self.supplies.get(&clip) {
            Some(Supply::InProcess(track)) => {
                let reader = aac::Reader::open(track, first).map_err(Trouble::of_clip(clip))?;
                Ok(Reader::InProcess {
                    clip,
                    reader: Box::new(reader),
                })
            }
            Some(Supply::Decoded(decoded)) => Ok(Reader::File(pcm::Reader::open(
                &decoded.path,
                first.saturating_sub(decoded.first),
            )?)),
            None => Err(not_given(clip).into()),
        }
    }
}

/// Reads one sound on and on.
pub(super) enum Reader<'a> {
    InProcess {
        clip: Sha,
        reader: Box<aac::Reader<'a>>,
    },
    File(pcm::Reader),
}

impl Reader<'_> {
    /// Appends the next frames, a block at most. `false`: the sound has ended.
    pub(super) fn read(&mut self, frames: &mut Vec<Frame>) -> Result<bool, Trouble> {
        let before = frames.len();
        let more = match self {
            Self::InProcess { clip, reader } => {
                reader.read(frames).map_err(Trouble::of_clip(*clip))?
            }
            Self::File(reader) => reader.read(u64::MAX, frames)? > 0,
        };
        pcm::make_sound(frames.get_mut(before..).unwrap_or_default());
        Ok(more)
    }
}

async fn open_track(path: &Path) -> Result<Option<Track>, MediaError> {
    let path = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || Track::open(&path)).await;
    match opened {
        Ok(Ok(track)) => Ok(track),
        Ok(Err(aac::AacError::Io(source))) => {
            Err(MediaError::io("reading the sound of a clip")(source))
        }
        // A reader that panics on a hostile index: ffmpeg, behind its walls, may try.
        Ok(Err(aac::AacError::Stumbled(_))) | Err(_) => Ok(None),
    }
}

/// A stretch of a clip's sound, decoded by ffmpeg into scratch.
async fn decode(
    ctx: &Context,
    path: &Path,
    clip: Sha,
    range: Range<u64>,
) -> Result<(Sha, Decoded), MediaError> {
    let file = ctx.scratch.join(format!("mix-{clip}.f32"));
    let mut writer = pcm::Writer::create(&file)?;
    let mut frames = Vec::new();
    ctx.decode_pcm(call(path, &range), |samples| {
        frames.clear();
        frames.extend_from_slice(samples.as_chunks::<CHANNELS>().0);
        writer.write(&frames)
    })
    .await?
    .success(Program::Ffmpeg, true)?;
    let decoded = Decoded {
        path: file,
        first: range.start,
        frames: writer.frames,
    };
    Ok((clip, decoded))
}

/// Decodes to 48 kHz stereo: the frames of `range` from the first sample on. `async=1` fills gaps and drops overlaps in the clip's own timeline,
/// so that sound after a gap stays with its picture; `atrim` counts samples, not timestamps, and ends ffmpeg as soon as it has enough (5.1).
///
/// More than two channels are mixed down with the coefficients of ITU-R BS.775 (the front at 1, centre and surround at −3 dB, no LFE), not
/// scaled down for the sum: levelling and limiter follow. Mono goes to both channels at −3 dB and keeps its loudness.
fn call(clip: &Path, range: &Range<u64>) -> Call {
    let end = if range.end == u64::MAX {
        String::new()
    } else {
        format!(":end_sample={}", range.end)
    };
    let filters = format!(
        "aresample={SAMPLE_RATE_HZ}:async=1,aformat=sample_fmts=flt:channel_layouts=stereo,\
         atrim=start_sample={}{end}",
        range.start
    );
    Call::new(Program::Ffmpeg)
        .untrusted_input(clip)
        .args(["-map", "0:a:0", "-vn", "-sn", "-dn", "-af", &filters])
        .args([
            "-c:a",
            "pcm_f32le",
            "-ac",
            &CHANNELS.to_string(),
            "-f",
            "f32le",
            "pipe:1",
        ])
}

fn path_of(clip: Sha, clips: &HashMap<Sha, PathBuf>) -> Result<&Path, MediaError> {
    clips
        .get(&clip)
        .map(PathBuf::as_path)
        .ok_or_else(|| not_given(clip))
}

fn not_given(clip: Sha) -> MediaError {
    MediaError::Permanent {
        code: "clip_not_given",
        message: "a clip of the mix was not handed to the engine".to_owned(),
        who_can_fix: WhoCanFix::Platform,
        internal: Some(clip.to_string()),
    }
}
