//! A caption track (3GPP timed text, `tx3g`; 3GPP TS 26.245) as a small MP4 of its own, for the join to copy. Written here because ffmpeg's way
//! to it goes through ASS, where `{`, `}` and `\` in a caption are markup (seen with 5.1: `{x}` became `\{x\}`).

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

/// An MP4 file with one caption track. Without cues it holds one empty sample.
pub(super) fn track(cues: &[Cue]) -> Vec<u8> {
    let samples = samples(cues);
    let payloads: Vec<Vec<u8>> = samples.iter().map(|sample| payload(&sample.text)).collect();
    let ftyp = boxed(b"ftyp", &[b"isom", &be(512), b"isom", b"mp42"]);
    let data = payloads.concat();
    let mdat = boxed(b"mdat", &[&data]);
    let first_byte = (ftyp.len() + mdat.len() - data.len()) as u32;
    [ftyp, mdat, moov(&samples, &payloads, first_byte)].concat()
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

fn payload(text: &str) -> Vec<u8> {
    let text = text
        .get(..text.floor_char_boundary(MAX_TEXT_BYTES))
        .unwrap_or_default();
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

fn moov(samples: &[Sample], payloads: &[Vec<u8>], first_byte: u32) -> Vec<u8> {
    let duration = samples
        .iter()
        .map(|sample| sample.duration_ms)
        .fold(0, u32::saturating_add);
    let durations: Vec<u8> = samples
        .iter()
        .flat_map(|sample| [be(1), be(sample.duration_ms)].concat())
        .collect();
    let sizes: Vec<u8> = payloads
        .iter()
        .flat_map(|payload| be(payload.len() as u32))
        .collect();
    let count = be(samples.len() as u32);

    let dref = boxed(b"dref", &[&be(0), &be(1), &boxed(b"url ", &[&be(1)])]);
    let stbl = boxed(
        b"stbl",
        &[
            &boxed(b"stsd", &[&be(0), &be(1), &sample_entry()]),
            &boxed(b"stts", &[&be(0), &count, &durations]),
            &boxed(b"stsc", &[&be(0), &be(1), &be(1), &count, &be(1)]),
            &boxed(b"stsz", &[&be(0), &be(0), &count, &sizes]),
            &boxed(b"stco", &[&be(0), &be(1), &be(first_byte)]),
        ],
    );
    let minf = boxed(
        b"minf",
        &[&boxed(b"nmhd", &[&be(0)]), &boxed(b"dinf", &[&dref]), &stbl],
    );
    // 0x55c4 is `und`; the join sets the language.
    let mdhd = boxed(
        b"mdhd",
        &[
            &be(0),
            &be(0),
            &be(0),
            &be(TIMESCALE),
            &be(duration),
            &be(0x55c4_0000),
        ],
    );
    let hdlr = boxed(b"hdlr", &[&be(0), &be(0), b"sbtl", &[0; 13]]);
    let mdia = boxed(b"mdia", &[&mdhd, &hdlr, &minf]);
    let track_head = boxed(
        b"tkhd",
        &[
            &be(3),
            &be(0),
            &be(0),
            &be(1),
            &be(0),
            &be(duration),
            &[0; 16],
            &MATRIX,
            &[0; 8],
        ],
    );
    let trak = boxed(b"trak", &[&track_head, &mdia]);
    let rate_and_volume = [be(0x0001_0000), be(0x0100_0000)].concat();
    let movie_head = boxed(
        b"mvhd",
        &[
            &be(0),
            &be(0),
            &be(0),
            &be(TIMESCALE),
            &be(duration),
            &rate_and_volume,
            &[0; 8],
            &MATRIX,
            &[0; 24],
            &be(2),
        ],
    );
    boxed(b"moov", &[&movie_head, &trak])
}

/// White text at the bottom, centred; players style it as they like.
fn sample_entry() -> Vec<u8> {
    let font_table = boxed(
        b"ftab",
        &[
            &1u16.to_be_bytes(),
            &1u16.to_be_bytes(),
            &[10],
            b"Sans-Serif",
        ],
    );
    boxed(
        b"tx3g",
        &[
            // Reserved, and the data reference.
            &[0, 0, 0, 0, 0, 0, 0, 1],
            // Display flags; centred, bottom (-1); no background; no box.
            &be(0),
            &[1, 0xff, 0, 0, 0, 0],
            &[0; 8],
            // Style of all characters: font 1, plain, 18 px, white.
            &[0, 0, 0, 0, 0, 1, 0, 18, 0xff, 0xff, 0xff, 0xff],
            &font_table,
        ],
    )
}

/// The unit matrix of the ISO base media format.
const MATRIX: [u8; 36] = [
    0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0x40, 0, 0, 0,
];

fn be(value: u32) -> [u8; 4] {
    value.to_be_bytes()
}

fn boxed(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let payload = parts.concat();
    [&be(payload.len() as u32 + 8), kind.as_slice(), &payload].concat()
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
