//! Joins segments and sound into the film without encoding anything again. The packets of clips go in byte for byte; their times are the film's
//! own. The film is written once, in order, by [`crate::mp4`]: no ffmpeg runs here, and memory holds tables and one packet.

mod captions;
mod chapters;
pub(crate) mod digest;
mod language;
mod pictures;
mod segment;
mod sets;
mod sound;

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use botflix_common::failure::WhoCanFix;
use botflix_common::film::VideoCodec;
use botflix_common::task::{AssembleSpec, SegmentSource};
use botflix_common::units::{FrameRate, SAMPLE_RATE_HZ};

use self::pictures::Pictures;
use self::sound::Sound;
use crate::mp4::work::{self, Work};
use crate::mp4::write::{Brand, Layout, NewMovie, NewTrack};
use crate::{Context, MediaError, vtt};

/// Of the film's bytes on their way to the disk, and between two reports of progress.
const WRITE_BUFFER_BYTES: usize = 1 << 20;

/// Part of the task that is done when the tables of all segments were read.
const GATHERED_AT: f64 = 0.1;

/// What was assembled, as counted in the segments.
#[derive(Clone, Debug, PartialEq)]
pub struct Assembled {
    pub frames: u64,
    pub duration_seconds: f64,
    /// Of all pictures in order, in hex, computed from the bytes as they came from the segments. See [`digest`].
    pub picture_digest: String,
    /// Frames whose packets are those of a clip.
    pub copied_frames: u64,
}

/// `segments` holds one file for each of `spec.segments`: the clip of a copy, the output of a conform task. `sound` is the output of the mix.
pub async fn assemble(
    ctx: &Context,
    spec: &AssembleSpec,
    segments: &[PathBuf],
    sound: &Path,
    out: &Path,
) -> Result<Assembled, MediaError> {
    let (spec, segments) = (spec.clone(), segments.to_vec());
    let (sound, out) = (sound.to_owned(), out.to_owned());
    work::run(ctx, "joining the film", move |work| {
        join(work, &spec, &segments, &sound, &out)
    })
    .await
}

fn join(
    work: &Work,
    spec: &AssembleSpec,
    segments: &[PathBuf],
    sound: &Path,
    out: &Path,
) -> Result<Assembled, MediaError> {
    let gathered = pictures::gather(work, spec, segments)?;
    let frames = gathered.frames();
    let duration_seconds = spec.format.fps.seconds_at(frames);
    let timescale = movie_timescale(spec.format.fps);
    let language = language::iso_639_2(&spec.language);

    let mut pictures = Pictures::new(spec, segments, gathered)?;
    let mut sound = Sound::open(sound, timescale, language)?;
    let mut tracks: Vec<NewTrack> = vec![pictures.track(timescale)];
    tracks.extend(sound.track());
    // Behind pictures and sound: samples whose bytes are in memory.
    let mut texts: Vec<Vec<Vec<u8>>> = Vec::new();
    let cues = vtt::caption_cues(&spec.captions, duration_seconds);
    if !cues.is_empty() {
        let (track, payloads) = captions::track(&cues, timescale, language);
        tracks.push(track);
        texts.push(payloads);
    }
    let cues = vtt::chapter_cues(&spec.chapters, duration_seconds);
    if !cues.is_empty() {
        let (track, payloads) = chapters::track(&cues, timescale, language);
        tracks.push(track);
        texts.push(payloads);
    }
    let layout = Layout::new(NewMovie {
        timescale,
        brand: match spec.codec {
            VideoCodec::H264 => Brand::Avc,
            VideoCodec::Hevc => Brand::Hevc,
            VideoCodec::Av1 => Brand::Av1,
        },
        title: spec.title.clone(),
        chapters: cues
            .into_iter()
            .map(|cue| (cue.start_ms, cue.text))
            .collect(),
        tracks,
    });

    let film = File::create(out).map_err(MediaError::io("creating the film"))?;
    let mut film = BufWriter::with_capacity(WRITE_BUFFER_BYTES, film);
    let mut written = Written::new(work, layout.media_bytes());
    layout.write(&mut film, |track, index, buffer| {
        match track {
            0 => pictures.fetch(index, buffer)?,
            1 => sound.fetch(index, buffer)?,
            text => buffer.extend(
                texts
                    .get(text - 2)
                    .and_then(|payloads| payloads.get(index))
                    .into_iter()
                    .flatten(),
            ),
        }
        written.add(buffer.len())
    })?;
    work.progress.report(1.0, None);
    Ok(Assembled {
        frames,
        duration_seconds,
        picture_digest: pictures.digest(),
        copied_frames: spec
            .segments
            .iter()
            .filter(|segment| matches!(segment.source, SegmentSource::Copy { .. }))
            .map(|segment| segment.frames)
            .sum(),
    })
}

/// Ticks in which frames and samples are whole numbers, so that no edit list rounds: 48,000 where frames allow, else five times that.
fn movie_timescale(fps: FrameRate) -> u32 {
    let whole = |timescale: u32| {
        (u64::from(timescale) * u64::from(fps.den())).is_multiple_of(u64::from(fps.num()))
    };
    if whole(SAMPLE_RATE_HZ) || !whole(SAMPLE_RATE_HZ * 5) {
        SAMPLE_RATE_HZ
    } else {
        SAMPLE_RATE_HZ * 5
    }
}

/// Reports and listens for a cancel with each megabyte.
struct Written<'a> {
    work: &'a Work,
    all: u64,
    bytes: u64,
    reported: u64,
}

impl<'a> Written<'a> {
    fn new(work: &'a Work, all: u64) -> Self {
        Self {
            work,
            all,
            bytes: 0,
            reported: 0,
        }
    }

    fn add(&mut self, bytes: usize) -> Result<(), MediaError> {
        self.bytes += bytes as u64;
        if self.bytes - self.reported >= WRITE_BUFFER_BYTES as u64 {
            self.reported = self.bytes;
            self.work.go_on()?;
            let share = self.bytes as f64 / self.all as f64;
            self.work
                .progress
                .report(GATHERED_AT + (1.0 - GATHERED_AT) * share, None);
        }
        Ok(())
    }
}

fn broken(code: &'static str, message: &str, internal: String) -> MediaError {
    MediaError::Permanent {
        code,
        message: message.to_owned(),
        who_can_fix: WhoCanFix::Platform,
        internal: Some(internal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_samples_are_whole_ticks_of_the_movie() {
        let timescale = |num, den| movie_timescale(FrameRate::new(num, den).unwrap());
        assert_eq!(timescale(24, 1), 48_000);
        assert_eq!(timescale(25, 2), 48_000);
        assert_eq!(timescale(24_000, 1001), 48_000);
        assert_eq!(timescale(30_000, 1001), 240_000);
        assert_eq!(timescale(8797, 1000), 48_000);
    }
}
