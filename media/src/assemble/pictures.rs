//! The film's pictures: the packets of all segments on the film's frame grid, in one track.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use botflix_common::film::{FilmFormat, VideoCodec};
use botflix_common::task::AssembleSpec;

use super::digest::PictureDigest;
use super::segment::{NOWHERE, Packet, Source, Taken};
use super::sets::Sets;
use super::{GATHERED_AT, broken};
use crate::MediaError;
use crate::mp4::work::Work;
use crate::mp4::write::{NewMedia, NewSample, NewTrack, entries};
use crate::mp4::{Media, Mp4Error, Sample};

/// The tables of all segments.
pub(super) struct Gathered {
    /// In film order, each with the number of its parameter sets.
    segments: Vec<(Taken, usize)>,
    sets: Sets,
    /// Of the first segment: `hvcC`, `av1C`.
    decoder_config: Vec<u8>,
}

impl Gathered {
    pub(super) fn frames(&self) -> u64 {
        let packets = self
            .segments
            .iter()
            .map(|(taken, _)| taken.packets.len() as u64);
        packets.sum()
    }
}

/// Reads the tables of each file once, however many segments are taken from it.
pub(super) fn gather(
    work: &Work,
    spec: &AssembleSpec,
    files: &[PathBuf],
) -> Result<Gathered, MediaError> {
    if files.is_empty() || files.len() != spec.segments.len() {
        let found = format!("{} files for {} segments", files.len(), spec.segments.len());
        return Err(broken(
            "segments_incomplete",
            "a segment of the film is missing",
            found,
        ));
    }
    let mut users: HashMap<&Path, Vec<usize>> = HashMap::new();
    for (number, file) in files.iter().enumerate() {
        users.entry(file).or_default().push(number);
    }
    let mut found: Vec<Option<(Taken, usize)>> = files.iter().map(|_| None).collect();
    let (mut sets, mut decoder_config) = (Sets::default(), Vec::new());
    for (done, file) in files.iter().enumerate() {
        work.go_on()?;
        let share = done as f64 / files.len() as f64;
        work.progress.report(GATHERED_AT * share, None);
        // None: an earlier segment of the same file has brought this one.
        let Some(numbers) = users.remove(file.as_path()) else {
            continue;
        };
        let source = Source::open(file, spec.codec, spec.format)?;
        if done == 0 {
            source.decoder_config().clone_into(&mut decoder_config);
        }
        let set = join_configuration(&source, &mut sets, &decoder_config)?;
        for number in numbers {
            let (Some(segment), Some(slot)) = (spec.segments.get(number), found.get_mut(number))
            else {
                continue;
            };
            let taken = source.take(segment)?;
            if taken.restless {
                sets.mark_restless();
            }
            *slot = Some((taken, set));
        }
    }
    Ok(Gathered {
        segments: found.into_iter().flatten().collect(),
        sets,
        decoder_config,
    })
}

/// The number of the source's parameter sets.
fn join_configuration(source: &Source, sets: &mut Sets, first: &[u8]) -> Result<usize, MediaError> {
    let joined = match &source.config {
        Some(config) => sets.add(config),
        None => (source.decoder_config() == first).then_some(0),
    };
    joined.ok_or_else(|| {
        broken(
            "segments_not_joinable",
            "segments of the film need decoders that are set up differently",
            "decoder configurations differ".to_owned(),
        )
    })
}

/// The pictures' track, and the way to its bytes.
pub(super) struct Pictures<'a> {
    files: &'a [PathBuf],
    format: FilmFormat,
    entry: Vec<u8>,
    samples: Vec<NewSample>,
    /// Pictures by which decoding runs ahead, the most of any segment.
    depth: u32,
    packets: Vec<Packet>,
    segments: Vec<Run>,
    digest: PictureDigest,
    open: Option<(usize, Media)>,
}

/// A segment's place in the film.
struct Run {
    first_packet: usize,
    in_band: Vec<u8>,
}

impl<'a> Pictures<'a> {
    pub(super) fn new(
        spec: &AssembleSpec,
        files: &'a [PathBuf],
        gathered: Gathered,
    ) -> Result<Self, MediaError> {
        let config = gathered.sets.entry();
        let (width, height) = (spec.format.width, spec.format.height);
        let entry = match (spec.codec, &config) {
            (VideoCodec::H264, Some(config)) => Some(entries::avc(width, height, config)),
            (VideoCodec::H264, None) => None,
            (VideoCodec::Hevc, _) => entries::hevc(width, height, &gathered.decoder_config),
            (VideoCodec::Av1, _) => Some(entries::av1(width, height, &gathered.decoder_config)),
        };
        let entry = entry.ok_or_else(|| {
            let found = "the decoder configuration cannot be read".to_owned();
            broken(
                "segments_not_joinable",
                "a segment of the film cannot be joined",
                found,
            )
        })?;
        let mut pictures = Self {
            files,
            format: spec.format,
            entry,
            samples: Vec::new(),
            depth: depth(&gathered.segments),
            packets: Vec::new(),
            segments: Vec::with_capacity(gathered.segments.len()),
            digest: PictureDigest::new(config.as_ref()),
            open: None,
        };
        for (taken, set) in gathered.segments {
            let in_band = gathered.sets.in_band(set);
            pictures.append(taken, in_band)?;
        }
        Ok(pictures)
    }

    fn append(&mut self, taken: Taken, in_band: Vec<u8>) -> Result<(), Mp4Error> {
        let (_, ticks) = self.format.fps.timescale();
        let rows = taken.packets.iter().zip(&taken.shown).zip(&taken.sync);
        for (decoded, ((packet, shown), sync)) in (0u32..).zip(rows) {
            let more = if packet.sets_at == NOWHERE {
                0
            } else {
                in_band.len() as u32
            };
            self.samples.push(NewSample {
                size: packet.size.saturating_add(more),
                duration: ticks,
                // Never below zero: that is what the depth is for.
                composition_offset: (shown + self.depth).saturating_sub(decoded) * ticks,
                sync: *sync,
            });
        }
        self.segments.push(Run {
            first_packet: self.packets.len(),
            in_band,
        });
        self.packets.extend(taken.packets);
        Ok(())
    }

    /// To be asked once: the track takes its table with it. The first picture is shown at 0, and each for exactly one frame.
    pub(super) fn track(&mut self, movie_timescale: u32) -> NewTrack {
        let (timescale, ticks) = self.format.fps.timescale();
        let media_ticks = self.samples.len() as u64 * u64::from(ticks);
        NewTrack {
            media: NewMedia::Pictures {
                width: self.format.width,
                height: self.format.height,
            },
            timescale,
            language: *b"und",
            entry: self.entry.clone(),
            samples: std::mem::take(&mut self.samples),
            starts_at: 0,
            media_time: u64::from(self.depth) * u64::from(ticks),
            shown: scaled(media_ticks, timescale, movie_timescale),
        }
    }

    /// The bytes of a packet as they are in its segment, hashed; parameter sets are put in behind the hashing.
    pub(super) fn fetch(&mut self, index: usize, buffer: &mut Vec<u8>) -> Result<(), MediaError> {
        let after = self
            .segments
            .partition_point(|run| run.first_packet <= index);
        let number = after.saturating_sub(1);
        let missing = || Mp4Error::Io(std::io::ErrorKind::NotFound.into());
        let run = self.segments.get(number).ok_or_else(missing)?;
        let packet = self.packets.get(index).ok_or_else(missing)?;
        let media = match &mut self.open {
            Some((open, media)) if *open == number => media,
            open => {
                let file = self.files.get(number).ok_or_else(missing)?;
                &mut open
                    .insert((number, Media::open(file).map_err(Mp4Error::Io)?))
                    .1
            }
        };
        let sample = Sample {
            offset: packet.offset,
            size: packet.size,
            ..Sample::default()
        };
        media.sample(&sample, buffer)?;
        self.digest.add(buffer)?;
        if packet.sets_at != NOWHERE && !run.in_band.is_empty() {
            let at = packet.sets_at as usize;
            buffer.splice(at..at, run.in_band.iter().copied());
        }
        Ok(())
    }

    pub(super) fn digest(self) -> String {
        self.digest.hex()
    }
}

fn depth(segments: &[(Taken, usize)]) -> u32 {
    let of = |taken: &Taken| {
        let ahead = (0u32..).zip(&taken.shown);
        ahead
            .map(|(decoded, shown)| decoded.saturating_sub(*shown))
            .max()
    };
    segments
        .iter()
        .filter_map(|(taken, _)| of(taken))
        .max()
        .unwrap_or(0)
}

/// Ticks of one clock in ticks of another, to the nearest.
pub(super) fn scaled(ticks: u64, from: u32, to: u32) -> u64 {
    let (from, to) = (u128::from(from.max(1)), u128::from(to));
    u64::try_from((u128::from(ticks) * to + from / 2) / from).unwrap_or(u64::MAX)
}
