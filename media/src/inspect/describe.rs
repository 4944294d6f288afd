//! Puts together the facts of a film or sound file from what was listed, decoded and seen. Pure.

use botflix_common::facts::pictures::Damaged;
use botflix_common::facts::{
    AudioFacts, ClipFacts, Defect, PictureObservations, SoundObservations, Span, VideoFacts,
};

use super::hearing::Sound;
use super::listing::Listing;
use super::pictures::Watch;
use super::seen::Seen;
use super::stream::Stream;
use super::{Measured, clock, defects, look};
use crate::call::{MAX_PIXELS, is_decoded};

/// More are no clip but an archive.
const MAX_STREAMS: usize = 32;

pub(super) fn describe(facts: &mut ClipFacts, measured: &Measured<'_>) {
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

/// Times from the first picture.
pub(super) fn observations(
    watch: Watch,
    seen: &Seen,
    tick: f64,
    video: &VideoFacts,
) -> Option<PictureObservations> {
    let first = seen.times.first().copied().unwrap_or(0);
    let times: Vec<f64> = seen
        .times
        .iter()
        .map(|time| time.saturating_sub(first) as f64 * tick)
        .collect();
    let at = |number: u64| {
        let index = usize::try_from(number).ok()?;
        times.get(index).copied()
    };
    let mut observed = watch.finish(&times, video.duration_seconds)?;
    let damaged = seen.damages.iter().filter_map(|damage| {
        Some(Damaged {
            start_seconds: at(damage.first)?,
            end_seconds: damage.end.and_then(at).unwrap_or(video.duration_seconds),
            pictures: damage.pictures,
        })
    });
    observed.damaged = damaged.collect();
    Some(observed)
}

/// Of every IDR picture, or of none: only 4:2:0 of 8 bits and limited range comes out of the decoder's pipe as it is stored.
pub(super) fn key_crcs(watch: &Watch, video: &VideoFacts) -> Vec<u32> {
    let as_stored = video.pixel_format == "yuv420p" && !video.size_changes && !video.interlaced;
    as_stored
        .then(|| watch.crcs_of(&video.idr_frames))
        .flatten()
        .unwrap_or_default()
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
    let bit_rate = pictures.bytes as f64 * 8.0 / clock.duration_seconds;
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
        idr_frames: Vec::new(),
        idr_crcs: Vec::new(),
        proxy: None,
        bit_rate_bps: bit_rate.is_finite().then_some(bit_rate as u64),
        observed: None,
    }
}

fn audio_facts(
    stream: &Stream,
    sound: &Sound,
    listing: &Listing,
    video: Option<&VideoFacts>,
) -> AudioFacts {
    // A sound file has one timeline: its own.
    let start_offset_seconds = match (listing.sound_start_seconds, video) {
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
        levels: sound.levels.clone(),
        observed: Some(Box::new(moved(&sound.observed, start_offset_seconds))),
    }
}

/// On the timeline of the pictures.
fn moved(observed: &SoundObservations, seconds: f64) -> SoundObservations {
    let mut observed = observed.clone();
    for span in &mut observed.silent {
        *span = Span {
            start_seconds: span.start_seconds + seconds,
            end_seconds: span.end_seconds + seconds,
        };
    }
    if let Some(first) = &mut observed.clipping.first_seconds {
        *first += seconds;
    }
    observed
}

fn known(name: Option<&String>) -> String {
    name.cloned().unwrap_or_else(|| "unknown".to_owned())
}
