//! The chapters as a track of QuickTime text, which pictures and sound refer to: what players and ffprobe list.

use super::captions::payload;
use super::pictures::scaled;
use crate::mp4::write::{NewMedia, NewSample, NewTrack, entries};
use crate::vtt::Cue;

/// Milliseconds.
const TIMESCALE: u32 = 1000;

/// Says that the text is UTF-8: an atom of 12 bytes behind it.
const UTF_8: [u8; 12] = [0, 0, 0, 12, b'e', b'n', b'c', b'd', 0, 0, 1, 0];

/// The track and the bytes of its samples. Each of `cues` ends where the next one starts.
pub(super) fn track(
    cues: &[Cue],
    movie_timescale: u32,
    language: [u8; 3],
) -> (NewTrack, Vec<Vec<u8>>) {
    let payloads: Vec<Vec<u8>> = cues
        .iter()
        .map(|cue| [payload(&cue.text).as_slice(), &UTF_8].concat())
        .collect();
    let durations = cues.iter().map(|cue| cue.end_ms - cue.start_ms);
    let track = NewTrack {
        media: NewMedia::Chapters,
        timescale: TIMESCALE,
        language,
        entry: entries::chapters(),
        samples: payloads
            .iter()
            .zip(durations.clone())
            .map(|(payload, duration)| NewSample {
                size: payload.len() as u32,
                duration: u32::try_from(duration).unwrap_or(u32::MAX),
                composition_offset: 0,
                sync: true,
            })
            .collect(),
        starts_at: scaled(
            cues.first().map_or(0, |cue| cue.start_ms),
            TIMESCALE,
            movie_timescale,
        ),
        media_time: 0,
        shown: scaled(durations.sum(), TIMESCALE, movie_timescale),
    };
    (track, payloads)
}
