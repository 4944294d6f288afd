//! The sample table of a track: six run-length tables made into one row per sample.

use super::Damage;
use super::bytes::{be_u32, be_u64, child, entries};
use super::track::Sample;

/// At most `room` samples, all of them within the file.
pub(super) fn samples(stbl: &[u8], file_bytes: u64, room: usize) -> Result<Vec<Sample>, Damage> {
    let sizes = child(stbl, b"stsz").ok_or(Damage("a track has no sizes"))?;
    let mut samples = sized(sizes, room)?;
    place(stbl, &mut samples, file_bytes)?;
    time(stbl, &mut samples)?;
    mark_sync(stbl, &mut samples);
    Ok(samples)
}

fn sized(stsz: &[u8], room: usize) -> Result<Vec<Sample>, Damage> {
    let uniform = be_u32(stsz, 4).ok_or(Damage("a table of sizes ends early"))?;
    let count = be_u32(stsz, 8).ok_or(Damage("a table of sizes ends early"))? as usize;
    if count > room {
        return Err(Damage("a track has more samples than are read"));
    }
    let sample = |size| Sample {
        size,
        ..Sample::default()
    };
    if uniform > 0 {
        return Ok(vec![sample(uniform); count]);
    }
    let (sizes, _) = stsz.get(12..).unwrap_or_default().as_chunks::<4>();
    let sizes = sizes
        .get(..count)
        .ok_or(Damage("a table of sizes ends early"))?;
    Ok(sizes
        .iter()
        .map(|size| sample(u32::from_be_bytes(*size)))
        .collect())
}

/// Offsets, from chunks and the runs of samples in them.
fn place(stbl: &[u8], samples: &mut [Sample], file_bytes: u64) -> Result<(), Damage> {
    let runs = child(stbl, b"stsc").ok_or(Damage("a track has no chunks"))?;
    // From which chunk (counted from 1), how many samples, by which description.
    let mut runs = entries(runs, 12)
        .filter_map(|run| Some((be_u32(run, 0)?, be_u32(run, 4)?, be_u32(run, 8)?)))
        .peekable();
    let (mut per_chunk, mut entry) = (0, 1);
    let mut samples = samples.iter_mut();
    for (number, offset) in (1u32..).zip(chunks(stbl)?) {
        while let Some((_, count, description)) = runs.next_if(|run| run.0 <= number) {
            (per_chunk, entry) = (count, description);
        }
        let mut at = offset;
        for sample in samples.by_ref().take(per_chunk as usize) {
            sample.offset = at;
            sample.entry = u8::try_from(entry.saturating_sub(1)).unwrap_or(u8::MAX);
            at = at
                .checked_add(u64::from(sample.size))
                .filter(|end| *end <= file_bytes)
                .ok_or(Damage("a sample lies outside of the file"))?;
        }
    }
    match samples.next() {
        None => Ok(()),
        Some(_) => Err(Damage("there are fewer chunks than samples")),
    }
}

fn chunks(stbl: &[u8]) -> Result<impl Iterator<Item = u64>, Damage> {
    let narrow = child(stbl, b"stco");
    let wide = child(stbl, b"co64");
    if narrow.is_none() && wide.is_none() {
        return Err(Damage("a track has no offsets"));
    }
    let narrow = entries(narrow.unwrap_or_default(), 4)
        .filter_map(|entry| be_u32(entry, 0))
        .map(u64::from);
    let wide = entries(wide.unwrap_or_default(), 8).filter_map(|entry| be_u64(entry, 0));
    Ok(narrow.chain(wide))
}

fn time(stbl: &[u8], samples: &mut [Sample]) -> Result<(), Damage> {
    let durations = child(stbl, b"stts").ok_or(Damage("a track has no times"))?;
    let mut timed = samples.iter_mut();
    for (count, duration) in pairs(durations) {
        for sample in timed.by_ref().take(count as usize) {
            sample.duration = duration;
        }
    }
    if timed.next().is_some() {
        return Err(Damage("there are fewer times than samples"));
    }
    // Version 0 is unsigned by the standard; files with signed values in it exist, and none with values above 2³¹.
    let mut shifted = samples.iter_mut();
    for (count, offset) in pairs(child(stbl, b"ctts").unwrap_or_default()) {
        for sample in shifted.by_ref().take(count as usize) {
            sample.composition_offset = offset.cast_signed();
        }
    }
    Ok(())
}

fn pairs(body: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    entries(body, 8).filter_map(|entry| Some((be_u32(entry, 0)?, be_u32(entry, 4)?)))
}

/// Without the table every sample can be decoded on its own.
fn mark_sync(stbl: &[u8], samples: &mut [Sample]) {
    let Some(table) = child(stbl, b"stss") else {
        for sample in samples {
            sample.sync = true;
        }
        return;
    };
    for number in entries(table, 4).filter_map(|entry| be_u32(entry, 0)) {
        let at = (number as usize).wrapping_sub(1);
        if let Some(sample) = samples.get_mut(at) {
            sample.sync = true;
        }
    }
}
