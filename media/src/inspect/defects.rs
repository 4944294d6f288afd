//! What is odd or broken, found by holding what was decoded against what the container promised.

use botflix_common::facts::{Container, Defect};

use super::Measured;
use super::stream::Stream;
use crate::boxes::{Edit, Survey, TrackKind};

/// Less than this share of what is promised means that the file was cut off; a little less are lost frames.
const TRUNCATED_BELOW: f64 = 0.95;
/// Claims of sound containers are rounded, and edits trim them: differences below this mean nothing.
const SOUND_SLACK_SECONDS: f64 = 0.5;
/// Share of the file by which a box may overshoot before it counts as cut off.
const OVERSHOOT_SHARE: f64 = 0.05;
const NORMAL_SPEED: u32 = 0x1_0000;

/// ffprobe could make nothing of it.
pub fn unreadable(survey: &Survey) -> Defect {
    let cut = survey
        .movie
        .as_ref()
        .is_none_or(|movie| !movie.has_index || movie.overshoot_bytes > 0);
    if cut {
        Defect::Truncated {
            claimed_seconds: None,
            decoded_seconds: 0.0,
        }
    } else {
        Defect::UndecodableVideo {
            detail: "the container describes no stream".to_owned(),
        }
    }
}

pub fn find(measured: &Measured<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    defects.extend(video_defect(measured));
    defects.extend(sound_defect(measured));
    let movie = measured.survey.movie.as_ref();
    if movie.is_some_and(|movie| movie.fragmented) {
        defects.push(Defect::Fragmented);
    }
    if edits_hide_pictures(measured) {
        defects.push(Defect::EditList);
    }
    if let Some(overshoot) = movie
        .map(|movie| movie.overshoot_bytes)
        .filter(|bytes| *bytes > 0)
    {
        let is_cut = defects
            .iter()
            .any(|defect| matches!(defect, Defect::Truncated { .. }));
        let fragments_missing = movie.is_some_and(|movie| movie.fragmented)
            && overshoot as f64 > measured.survey.bytes as f64 * OVERSHOOT_SHARE;
        if fragments_missing && !is_cut {
            defects.push(Defect::Truncated {
                claimed_seconds: None,
                decoded_seconds: decoded_seconds(measured),
            });
        } else {
            defects.push(Defect::WrongSizes {
                detail: format!("the last box claims {overshoot} bytes past the end"),
            });
        }
    }
    defects
}

fn video_defect(measured: &Measured<'_>) -> Option<Defect> {
    let pictures = measured.listing.pictures()?;
    let stream = measured.listing.video()?;
    let promised = stream.claimed_samples.unwrap_or(0).max(pictures.packets);
    let shown = promised.saturating_sub(pictures.hidden_packets);
    if pictures.frames == 0 && media_missing(measured) {
        return Some(Defect::Truncated {
            claimed_seconds: claimed_seconds(measured),
            decoded_seconds: 0.0,
        });
    }
    if pictures.frames == 0 {
        return Some(Defect::UndecodableVideo {
            detail: format!("{} packets and no picture", pictures.packets),
        });
    }
    if pictures.too_many {
        let limit = pictures.times.len() as f64;
        return Some(Defect::OverLimit {
            what: "pictures".to_owned(),
            measured: pictures.frames as f64,
            limit,
        });
    }
    let share = pictures.frames as f64 / shown.max(1) as f64;
    let packets_missing = pictures.packets < promised;
    if packets_missing && share < TRUNCATED_BELOW || cut_by_duration(measured) {
        return Some(Defect::Truncated {
            claimed_seconds: claimed_seconds(measured),
            decoded_seconds: decoded_seconds(measured),
        });
    }
    // VP8, VP9 and MPEG-4 part 2 have packets that show nothing: only complaints of the decoder make them losses.
    let one_picture_each = matches!(
        stream.codec.as_deref(),
        Some("h264" | "hevc" | "av1" | "prores")
    );
    let interlaced_fields = pictures.interlaced && measured.listing.error_lines == 0;
    let lost = pictures.frames < shown
        && !interlaced_fields
        && (one_picture_each || measured.listing.error_lines > 0);
    lost.then_some(Defect::LostFrames {
        claimed: shown,
        decoded: pictures.frames,
    })
}

/// Matroska has no index of samples, but its duration is written when a file is complete.
fn cut_by_duration(measured: &Measured<'_>) -> bool {
    matches!(
        measured.survey.container,
        Some(Container::Matroska | Container::Webm)
    ) && claimed_seconds(measured).is_some_and(|claimed| {
        let end = span_of_pictures(measured).1.max(end_of_sound(measured));
        claimed - end > SOUND_SLACK_SECONDS && end < claimed * TRUNCATED_BELOW
    })
}

fn sound_defect(measured: &Measured<'_>) -> Option<Defect> {
    let stream = measured.listing.audio()?;
    let Some(sound) = measured.sound else {
        return Some(no_sound(measured));
    };
    // With pictures, their index decides what is cut; and the durations of MP3, ADTS and fragments are estimates.
    let trusted = match measured.survey.container {
        Some(Container::Mp4 | Container::Mov) => measured
            .survey
            .movie
            .as_ref()
            .is_some_and(|movie| !movie.fragmented),
        Some(Container::Wav | Container::Flac | Container::Matroska | Container::Webm) => true,
        _ => false,
    };
    let decoded = sound.seconds();
    let missing = measured.survey.missing_bytes as f64 / measured.survey.bytes.max(1) as f64;
    if missing > OVERSHOOT_SHARE {
        return Some(Defect::Truncated {
            claimed_seconds: Some(decoded * (1.0 + missing)),
            decoded_seconds: decoded,
        });
    }
    let claimed = stream
        .claimed_seconds
        .or(measured.listing.claimed_seconds)
        .filter(|_| trusted && measured.listing.video().is_none())?;
    let cut = claimed - decoded > SOUND_SLACK_SECONDS && decoded < claimed * TRUNCATED_BELOW;
    cut.then_some(Defect::Truncated {
        claimed_seconds: Some(claimed),
        decoded_seconds: decoded,
    })
}

/// No sample at all: of a whole file the sound is undecodable; of one that lost its media it is cut off.
fn no_sound(measured: &Measured<'_>) -> Defect {
    let claimed = measured.listing.claimed_seconds;
    if media_missing(measured) && measured.listing.video().is_none() {
        Defect::Truncated {
            claimed_seconds: claimed,
            decoded_seconds: 0.0,
        }
    } else {
        Defect::UndecodableAudio
    }
}

/// The index is there, and what it points at is not.
fn media_missing(measured: &Measured<'_>) -> bool {
    measured
        .survey
        .movie
        .as_ref()
        .is_some_and(|movie| !movie.has_media || movie.overshoot_bytes > 0)
}

/// By effect (packets marked as not to be shown) and by what the list says: several pieces, another speed, or a delay.
fn edits_hide_pictures(measured: &Measured<'_>) -> bool {
    let hidden = measured
        .listing
        .pictures()
        .is_some_and(|pictures| pictures.hidden_packets > 0);
    let tracks = measured.survey.movie.iter().flat_map(|movie| &movie.tracks);
    let mut videos = tracks.filter(|track| track.kind == TrackKind::Video);
    hidden || videos.next().is_some_and(|track| rearranges(&track.edits))
}

fn rearranges(edits: &[Edit]) -> bool {
    let shown = edits.iter().filter(|edit| edit.media_time >= 0).count();
    // Movies of length 0 in the list mean "all of it" (fragments); an empty edit at the start is a start offset and is measured as such.
    shown > 1 || edits.iter().any(|edit| edit.rate != NORMAL_SPEED)
}

fn claimed_seconds(measured: &Measured<'_>) -> Option<f64> {
    let listing = measured.listing;
    listing
        .video()
        .and_then(|stream| stream.claimed_seconds)
        .or(listing.claimed_seconds)
}

/// First and last presented picture.
fn span_of_pictures(measured: &Measured<'_>) -> (f64, f64) {
    let tick = measured.listing.video().map_or(0.0, Stream::tick_seconds);
    let times = measured
        .listing
        .pictures()
        .map(|seen| seen.times.as_slice())
        .unwrap_or_default();
    let seconds = |time: Option<&i64>| time.copied().unwrap_or(0) as f64 * tick;
    (seconds(times.first()), seconds(times.last()))
}

fn end_of_sound(measured: &Measured<'_>) -> f64 {
    let start = measured.listing.sound_start_seconds.unwrap_or(0.0);
    measured.sound.map_or(0.0, |sound| start + sound.seconds())
}

fn decoded_seconds(measured: &Measured<'_>) -> f64 {
    let (first, last) = span_of_pictures(measured);
    last - first
}
