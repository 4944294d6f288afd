//! The points in which a film is held against what it should be. Pure.

use botflix_common::facts::{AudioFacts, VideoFacts};
use botflix_common::film::{FilmFormat, Loudness, VideoCodec};
use botflix_common::findings::rules::UNPUBLISHED_OFF_TARGET_LU;
use botflix_common::http::PlanBody;
use botflix_common::manifest::{Format, ShotManifest};
use serde::Serialize;

use super::Finished;
use crate::show::{duration, timecode};

/// True peak meters agree within this, dB (EBU Tech 3341 §2.6).
const PEAK_TOLERANCE_DB: f64 = 0.1;
/// Without a manifest: nothing may clip, dBTP.
const CLIPPING_DBTP: f64 = 0.0;

/// What the film should be, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub format: Option<FilmFormat>,
    pub frames: Option<u64>,
    pub codec: Option<VideoCodec>,
    pub loudness: Option<Loudness>,
    pub chapters: Option<usize>,
    pub captions: Option<usize>,
}

/// One point, in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    pub name: &'static str,
    pub found: String,
    /// Absent: said for the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
    pub holds: bool,
}

impl Wanted {
    /// What the manifest decides by itself.
    pub fn by_manifest(manifest: &ShotManifest) -> Self {
        let lines = manifest.shots.iter().map(|shot| shot.dialogue.len());
        let mut beat = None;
        let mut chapters = 0;
        for shot in &manifest.shots {
            if shot.beat.is_some() && shot.beat != beat {
                chapters += 1;
            }
            beat.clone_from(&shot.beat);
        }
        Self {
            format: match manifest.format {
                Format::Explicit(format) if !manifest.is_draft() => Some(FilmFormat {
                    width: format.width,
                    height: format.height,
                    fps: format.fps,
                }),
                Format::Explicit(_) | Format::Auto => None,
            },
            frames: None,
            codec: Some(manifest.delivery.codec),
            loudness: Some(manifest.loudness),
            chapters: Some(chapters),
            captions: Some(if manifest.captions.are_a_track() {
                lines.sum()
            } else {
                0
            }),
        }
    }

    /// With what its plan knows from the clips.
    #[must_use]
    pub fn planned(self, plan: &PlanBody) -> Self {
        Self {
            format: Some(plan.format),
            frames: Some(plan.total_frames),
            ..self
        }
    }
}

/// Every point, in the order in which people read them.
pub fn points(film: &Finished, wanted: &Wanted) -> Vec<Point> {
    let mut points = Vec::new();
    match &film.seen.facts.video {
        Some(video) => picture(video, wanted, &mut points),
        None => points.push(absent("picture")),
    }
    match (&film.seen.facts.audio, &film.seen.facts.video) {
        (Some(audio), Some(video)) => sound(audio, video, wanted, &mut points),
        _ => points.push(absent("sound")),
    }
    let chapters = usize::try_from(film.seen.chapters).unwrap_or(usize::MAX);
    points.push(counted("chapters", chapters, wanted.chapters));
    points.push(captions(film.captions, wanted.captions));
    points.push(same(
        "index",
        film.seen.index_first,
        Some(Some(true)),
        |first| {
            match first {
                Some(true) => "first",
                Some(false) => "last",
                None => "not that of an MP4",
            }
            .to_owned()
        },
    ));
    points
}

fn absent(name: &'static str) -> Point {
    Point {
        name,
        found: "none".to_owned(),
        wanted: Some("one track".to_owned()),
        holds: false,
    }
}

/// Equal, or said for the record.
fn same<T: PartialEq>(
    name: &'static str,
    found: T,
    wanted: Option<T>,
    text: impl Fn(&T) -> String,
) -> Point {
    Point {
        name,
        found: text(&found),
        holds: wanted.as_ref().is_none_or(|wanted| *wanted == found),
        wanted: wanted.as_ref().map(text),
    }
}

fn counted(name: &'static str, found: usize, wanted: Option<usize>) -> Point {
    same(name, found, wanted, usize::to_string)
}

/// Captions that overlap are written as more samples than there are lines.
fn captions(found: usize, wanted: Option<usize>) -> Point {
    let right = |wanted: usize| found >= wanted && (wanted > 0 || found == 0);
    Point {
        holds: wanted.is_none_or(right),
        ..counted("captions", found, wanted)
    }
}

fn picture(video: &VideoFacts, wanted: &Wanted, points: &mut Vec<Point>) {
    let format = wanted.format;
    points.push(same(
        "size",
        video.display_size(),
        format.map(|format| (format.width, format.height)),
        |(width, height)| format!("{width}x{height}"),
    ));
    let rate = same(
        "rate",
        video.frame_rate,
        format.map(|format| format.fps),
        |fps| format!("{:.3} fps", fps.fps()),
    );
    points.push(if video.constant_rate {
        rate
    } else {
        Point {
            found: format!("{}, variable", rate.found),
            holds: false,
            ..rate
        }
    });
    points.push(same("frames", video.frames, wanted.frames, u64::to_string));
    points.push(same(
        "codec",
        video.codec.clone(),
        wanted.codec.map(|codec| codec_name(codec).to_owned()),
        String::clone,
    ));
    points.push(Point {
        name: "length",
        found: duration(video.duration_seconds),
        wanted: None,
        holds: true,
    });
}

/// As ffprobe calls it.
fn codec_name(codec: VideoCodec) -> &'static str {
    match codec {
        VideoCodec::H264 => "h264",
        VideoCodec::Hevc => "hevc",
        VideoCodec::Av1 => "av1",
    }
}

fn sound(audio: &AudioFacts, video: &VideoFacts, wanted: &Wanted, points: &mut Vec<Point>) {
    let frame = 1.0 / video.frame_rate.fps();
    let end = audio.start_offset_seconds + audio.duration_seconds();
    let drift = end - video.duration_seconds;
    // The last AAC packet decodes whole (1024 samples), whatever the edit list says.
    let packet = 1024.0 / f64::from(audio.sample_rate_hz.max(1));
    points.push(Point {
        name: "drift",
        found: format!("{:+.1} ms", drift * 1000.0),
        wanted: Some(format!("under a frame ({:.1} ms)", frame * 1000.0)),
        holds: drift > -frame && drift < frame.max(packet),
    });
    points.push(Point {
        name: "sound starts",
        found: timecode(audio.start_offset_seconds),
        wanted: Some("with the picture".to_owned()),
        holds: audio.start_offset_seconds.abs() < frame,
    });
    let target = wanted.loudness;
    let loudness = audio.integrated_lufs;
    let near = |lufs: f64| {
        target.is_none_or(|target| (lufs - target.integrated).abs() <= UNPUBLISHED_OFF_TARGET_LU)
    };
    points.push(Point {
        name: "loudness",
        found: loudness.map_or_else(|| "silent".to_owned(), |lufs| format!("{lufs:.1} LUFS")),
        wanted: target.map(|target| {
            format!(
                "{:.1} LUFS ± {UNPUBLISHED_OFF_TARGET_LU}",
                target.integrated
            )
        }),
        // Silence has no loudness to be brought anywhere.
        holds: loudness.is_none_or(near),
    });
    let limit = target.map_or(CLIPPING_DBTP, |target| target.true_peak);
    let peak = audio.true_peak_dbtp;
    points.push(Point {
        name: "true peak",
        found: peak.map_or_else(|| "silent".to_owned(), |peak| format!("{peak:.1} dBTP")),
        wanted: Some(format!("up to {limit:.1} dBTP")),
        holds: peak.is_none_or(|peak| peak <= limit + PEAK_TOLERANCE_DB),
    });
}

#[cfg(test)]
mod tests;
