//! The sample table of a track to be written: what a player looks up to find the bytes and times of each sample.

use super::boxes::Out;
use super::{Chunk, NewMedia, NewTrack};

pub(super) fn sample_table<'a>(
    out: &mut Out,
    track: &NewTrack,
    chunks: impl Iterator<Item = &'a Chunk> + Clone,
    base: u64,
    wide_offsets: bool,
) {
    let samples = &track.samples;
    out.boxed(b"stbl", |out| {
        out.full(b"stsd", 0, 0, |out| {
            out.u32(1);
            out.bytes(&track.entry);
        });
        out.full(b"stts", 0, 0, |out| {
            out.runs(samples.iter().map(|sample| sample.duration))
        });
        if samples.iter().any(|sample| !sample.sync) {
            sync_samples(out, track);
        }
        if samples.iter().any(|sample| sample.composition_offset > 0) {
            out.full(b"ctts", 0, 0, |out| {
                out.runs(samples.iter().map(|sample| sample.composition_offset));
            });
        }
        chunk_runs(out, chunks.clone().map(|chunk| chunk.count));
        out.full(b"stsz", 0, 0, |out| {
            out.u32(0);
            out.u32(samples.len() as u32);
            for sample in samples {
                out.u32(sample.size);
            }
        });
        out.full(if wide_offsets { b"co64" } else { b"stco" }, 0, 0, |out| {
            out.u32(chunks.clone().count() as u32);
            for chunk in chunks {
                out.either(wide_offsets, base + chunk.offset);
            }
        });
        if track.media == NewMedia::Sound {
            roll(out, samples.len() as u32);
        }
    });
}

fn sync_samples(out: &mut Out, track: &NewTrack) {
    let numbers = (1u32..)
        .zip(&track.samples)
        .filter(|(_, sample)| sample.sync)
        .map(|(number, _)| number);
    out.full(b"stss", 0, 0, |out| {
        out.u32(numbers.clone().count() as u32);
        for number in numbers {
            out.u32(number);
        }
    });
}

/// From which chunk on how many samples are in each.
fn chunk_runs(out: &mut Out, counts: impl Iterator<Item = u32>) {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for (number, count) in (1u32..).zip(counts) {
        if runs.last().is_none_or(|(_, same)| *same != count) {
            runs.push((number, count));
        }
    }
    out.full(b"stsc", 0, 0, |out| {
        out.u32(runs.len() as u32);
        for (first, count) in runs {
            out.u32(first);
            out.u32(count);
            out.u32(1);
        }
    });
}

/// AAC: a packet is whole only when the one before it was decoded, too (ISO/IEC 14496-12 §10.1).
fn roll(out: &mut Out, samples: u32) {
    out.full(b"sgpd", 1, 0, |out| {
        out.bytes(b"roll");
        out.u32(2);
        out.u32(1);
        out.u16(0xffff);
    });
    out.full(b"sbgp", 0, 0, |out| {
        out.bytes(b"roll");
        out.u32(1);
        out.u32(samples);
        out.u32(1);
    });
}
