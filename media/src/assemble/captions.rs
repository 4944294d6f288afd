//! The caption track: 3GPP timed text (`tx3g`, 3GPP TS 26.245). Text is data: nothing in it is markup.

use super::pictures::scaled;
use crate::mp4::write::{NewMedia, NewSample, NewTrack, entries};
use crate::vtt::Cue;

/// Milliseconds.
const TIMESCALE: u32 = 1000;

/// A sample's text carries its length in 16 bits.
const MAX_TEXT_BYTES: usize = u16::MAX as usize;

/// A stretch of the film with one text, perhaps none.
struct Sample {
    duration_ms: u32,
    text: String,
}

/// The track and the bytes of its samples.
pub(super) fn track(
    cues: &[Cue],
    movie_timescale: u32,
    language: [u8; 3],
) -> (NewTrack, Vec<Vec<u8>>) {
    let samples = samples(cues);
    let payloads: Vec<Vec<u8>> = samples.iter().map(|sample| payload(&sample.text)).collect();
    let duration_ms = samples
        .iter()
        .map(|sample| u64::from(sample.duration_ms))
        .sum();
    let track = NewTrack {
        media: NewMedia::Captions,
        timescale: TIMESCALE,
        language,
        entry: entries::captions(),
        samples: samples
            .iter()
            .zip(&payloads)
            .map(|(sample, payload)| NewSample {
                size: payload.len() as u32,
                duration: sample.duration_ms,
                composition_offset: 0,
                sync: true,
            })
            .collect(),
        starts_at: 0,
        media_time: 0,
        shown: scaled(duration_ms, TIMESCALE, movie_timescale),
    };
    (track, payloads)
}

/// Samples of one track cannot overlap: where cues do, their texts share a sample, in order of start.
fn samples(cues: &[Cue]) -> Vec<Sample> {
    let mut times: Vec<u64> = cues
        .iter()
        .flat_map(|cue| [cue.start_ms, cue.end_ms])
        .collect();
    times.push(0);
    times.sort_unstable();
    times.dedup();
    let mut coming = cues.iter().peekable();
    let mut shown: Vec<&Cue> = Vec::new();
    let mut samples = Vec::new();
    for (from, to) in times.iter().zip(times.iter().skip(1)) {
        shown.retain(|cue| cue.end_ms > *from);
        while let Some(cue) = coming.next_if(|cue| cue.start_ms <= *from) {
            shown.push(cue);
        }
        samples.push(Sample {
            duration_ms: u32::try_from(to - from).unwrap_or(u32::MAX),
            text: shown
                .iter()
                .map(|cue| said(cue))
                .collect::<Vec<_>>()
                .join("\n"),
        });
    }
    if samples.is_empty() {
        samples.push(Sample {
            duration_ms: 1,
            text: String::new(),
        });
    }
    samples
}

/// Timed text has no voices: the speaker is written in front.
fn said(cue: &Cue) -> String {
    match &cue.speaker {
        Some(speaker) => format!("{speaker}: {}", cue.text),
        None => cue.text.clone(),
    }
}

/// As timed text and QuickTime text both have it: a length, then UTF-8.
pub(super) fn payload(text: &str) -> Vec<u8> {
    let text = text
        .get(..text.floor_char_boundary(MAX_TEXT_BYTES))
        .unwrap_or_default();
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(start_ms: u64, end_ms: u64, text: &str) -> Cue {
        Cue {
            start_ms,
            end_ms,
            speaker: None,
            text: text.to_owned(),
        }
    }

    #[test]
    fn gaps_are_empty_samples_and_overlapping_cues_share_one() {
        let samples = samples(&[
            cue(1000, 3000, "a"),
            cue(2000, 4000, "b"),
            cue(5000, 6000, "c"),
        ]);
        let texts: Vec<_> = samples
            .iter()
            .map(|s| (s.duration_ms, s.text.as_str()))
            .collect();
        assert_eq!(
            texts,
            [
                (1000, ""),
                (1000, "a"),
                (1000, "a\nb"),
                (1000, "b"),
                (1000, ""),
                (1000, "c")
            ]
        );
    }

    #[test]
    fn a_text_too_long_for_its_length_field_is_cut_between_characters() {
        let text = "ä".repeat(40_000);
        let payload = payload(&text);
        assert_eq!(payload.len(), 2 + 65_534);
        assert_eq!(payload[..2], 65_534u16.to_be_bytes());
    }
}
