//! Facts of a clip, measured once when it arrives: every packet listed, every picture and sample decoded. Claims of the container are used to
//! find what is missing, never believed.
//!
//! A broken file is no error here: it is facts with defects. An error means that the engine or this host had trouble. What the facts are
//! good for is judged elsewhere.

mod clock;
mod defects;
mod listing;
mod look;
mod seen;
mod sound;
mod stream;
mod wave;

use std::path::Path;

use botflix_common::facts::{AudioFacts, ClipFacts, Defect, VideoFacts};

use crate::boxes::{self, Survey, TrackKind};
use crate::call::{MAX_PIXELS, is_decoded};
use crate::{Context, MediaError};
use listing::{Listing, Look};
use seen::Seen;
use sound::Sound;
use stream::Stream;

/// More are no clip but an archive.
const MAX_STREAMS: usize = 32;

/// Measures `clip`. About as long as decoding its pictures once on two cores.
pub async fn inspect(ctx: &Context, clip: &Path) -> Result<ClipFacts, MediaError> {
    let survey = survey(clip).await?;
    let mut facts = ClipFacts {
        bytes: survey.bytes,
        container: survey.container,
        video: None,
        audio: None,
        extra_streams: 0,
        defects: survey.fatal.clone(),
    };
    if !facts.defects.is_empty() {
        return Ok(facts);
    }
    // Two processes at once; starting one costs as much as decoding a second of film, so there are no more.
    let (look, sound) = tokio::try_join!(listing::list(ctx, clip, survey.bytes), async {
        if has_no_sound(&survey) {
            Ok(None)
        } else {
            sound::measure(ctx, clip).await
        }
    },)?;
    let listing = match look {
        Look::Streams(listing) => listing,
        Look::Defect(defect) => {
            facts.defects.push(defect);
            return Ok(facts);
        }
        Look::Nothing => {
            facts.defects.push(defects::unreadable(&survey));
            return Ok(facts);
        }
    };
    describe(
        &mut facts,
        &Measured {
            survey: &survey,
            listing: &listing,
            sound: sound.as_ref(),
        },
    );
    ctx.progress.report(1.0, None);
    Ok(facts)
}

fn describe(facts: &mut ClipFacts, measured: &Measured<'_>) {
    let listing = measured.listing;
    let (video, audio) = (listing.video(), listing.audio());
    let chosen = usize::from(video.is_some()) + usize::from(audio.is_some());
    facts.extra_streams =
        u32::try_from(listing.streams.len().saturating_sub(chosen)).unwrap_or(u32::MAX);
    let idr = measured
        .survey
        .movie
        .as_ref()
        .and_then(|movie| movie.starts_on_idr);
    facts.video = video
        .zip(listing.pictures())
        .map(|(stream, pictures)| video_facts(stream, pictures, idr.unwrap_or(true)));
    facts.audio = audio
        .zip(measured.sound)
        .map(|(stream, sound)| audio_facts(stream, sound, listing, facts.video.as_ref()));
    facts.defects = match outside_limits(listing) {
        Some(defect) => vec![defect],
        None => defects::find(measured),
    };
}

/// Everything that was learned, for the search for defects.
struct Measured<'a> {
    survey: &'a Survey,
    listing: &'a Listing,
    sound: Option<&'a Sound>,
}

async fn survey(clip: &Path) -> Result<Survey, MediaError> {
    let path = clip.to_owned();
    tokio::task::spawn_blocking(move || boxes::survey(&path))
        .await
        .map_err(std::io::Error::other)
        .and_then(|survey| survey)
        .map_err(MediaError::io("reading the clip"))
}

/// Only what the index of an MP4 denies is left out; all else is tried.
fn has_no_sound(survey: &Survey) -> bool {
    survey.movie.as_ref().is_some_and(|movie| {
        !movie.tracks.is_empty()
            && movie
                .tracks
                .iter()
                .all(|track| track.kind != TrackKind::Sound)
    })
}

fn outside_limits(listing: &Listing) -> Option<Defect> {
    let video = listing.video();
    if let Some(codec) = video
        .and_then(|stream| stream.codec.as_deref())
        .filter(|codec| !is_decoded(codec))
    {
        return Some(Defect::UndecodableVideo {
            detail: format!("the codec {codec} is not opened here"),
        });
    }
    let limit = |what: &str, measured: f64, limit: f64| {
        (measured > limit).then(|| Defect::OverLimit {
            what: what.to_owned(),
            measured,
            limit,
        })
    };
    let pixels = video.map_or(0.0, |stream| {
        f64::from(stream.width) * f64::from(stream.height)
    });
    limit("pixels", pixels, f64::from(MAX_PIXELS))
        .or_else(|| limit("streams", listing.streams.len() as f64, MAX_STREAMS as f64))
}

fn video_facts(stream: &Stream, pictures: &Seen, idr: bool) -> VideoFacts {
    let (num, den) = stream.tick();
    let clock = clock::read(stream, pictures);
    let (rotation_degrees, mirrored) = look::orientation(stream);
    let pixel_format = known(stream.pixel_format.as_ref());
    let (width, height) = pictures.size.unwrap_or((stream.width, stream.height));
    let fields = matches!(
        stream.field_order.as_deref(),
        Some("tt" | "bb" | "tb" | "bt")
    );
    VideoFacts {
        codec: known(stream.codec.as_ref()),
        profile: stream.profile.clone(),
        width,
        height,
        sar: stream.sample_aspect.unwrap_or((1, 1)),
        rotation_degrees,
        mirrored,
        bit_depth: look::bit_depth(&pixel_format),
        alpha: look::has_alpha(&pixel_format, stream),
        colour: look::colour(stream, &pixel_format),
        pixel_format,
        interlaced: pictures.interlaced || fields,
        frame_rate: clock.rate,
        constant_rate: clock.constant,
        frames: pictures.frames,
        start_seconds: clock.start_seconds,
        duration_seconds: clock.duration_seconds,
        claimed_duration_seconds: stream.claimed_seconds,
        timescale: den / num,
        starts_on_idr: idr && pictures.starts_with_key(),
        reorder_frames: pictures.reorder_frames,
        parameter_sets: stream.extradata_hash.clone(),
        size_changes: pictures.size_changes,
    }
}

fn audio_facts(
    stream: &Stream,
    sound: &Sound,
    listing: &Listing,
    video: Option<&VideoFacts>,
) -> AudioFacts {
    // A sound file has one timeline: its own.
    let start_offset_seconds = match (listing.sound_start_seconds(), video) {
        (Some(start), Some(video)) => start - video.start_seconds,
        _ => 0.0,
    };
    AudioFacts {
        codec: known(stream.codec.as_ref()),
        sample_rate_hz: sound.sample_rate_hz,
        channels: sound.channels,
        start_offset_seconds,
        samples: sound.samples,
        integrated_lufs: sound.integrated_lufs,
        true_peak_dbtp: sound.true_peak_dbtp,
    }
}

fn known(name: Option<&String>) -> String {
    name.cloned().unwrap_or_else(|| "unknown".to_owned())
}
