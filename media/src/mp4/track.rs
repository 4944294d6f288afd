//! A track: its samples in decoding order, and the order in which they are shown.

use super::entry::Entry;
use super::{Damage, avc};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrackKind {
    Video,
    Sound,
    /// Captions, or the titles of chapters.
    Text,
    Other,
}

#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) kind: TrackKind,
    /// Ticks per second of sample times and of `Edit::media_time`.
    pub(crate) timescale: u32,
    /// As its header states it, in ticks.
    pub(crate) duration: Option<u64>,
    /// Normally one.
    pub(crate) entries: Vec<Entry>,
    pub(crate) edits: Vec<Edit>,
    /// One track's damage does not spoil the others.
    pub(crate) samples: Result<Vec<Sample>, Damage>,
}

/// One picture or packet, 24 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Within the file, as is its end.
    pub(crate) offset: u64,
    pub(crate) size: u32,
    /// Ticks until the next sample is decoded.
    pub(crate) duration: u32,
    /// Ticks from decoding to showing.
    pub(crate) composition_offset: i32,
    /// Decoding can start here, by the container's word.
    pub(crate) sync: bool,
    /// Index into `Track::entries`.
    pub(crate) entry: u8,
}

/// One entry of an edit list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Ticks of the movie.
    pub(crate) duration: u64,
    /// Ticks of the track; −1: nothing is shown.
    pub(crate) media_time: i64,
    /// 16.16 fixed point; 0x10000 is normal speed.
    pub(crate) rate: u32,
}

impl Track {
    pub(crate) fn samples(&self) -> Result<&[Sample], Damage> {
        match &self.samples {
            Ok(samples) => Ok(samples),
            Err(damage) => Err(*damage),
        }
    }

    /// The first sample description.
    pub(crate) fn entry(&self) -> Option<&Entry> {
        self.entries.first()
    }

    /// The H.264 decoder configuration of the first description.
    pub(crate) fn avc(&self) -> Option<avc::Config> {
        let entry = self.entry().filter(|entry| entry.is_avc())?;
        avc::Config::parse(entry.decoder_config()?)
    }

    /// When each sample is shown, in ticks of the media, before any edit; in decoding order.
    pub(crate) fn shown_at(&self) -> Result<Vec<i64>, Damage> {
        let mut decoded_at = 0i64;
        Ok(self
            .samples()?
            .iter()
            .map(|sample| {
                let shown_at = decoded_at + i64::from(sample.composition_offset);
                decoded_at += i64::from(sample.duration);
                shown_at
            })
            .collect())
    }

    pub(crate) fn order(&self) -> Result<Order, Damage> {
        Ok(Order::of(&self.shown_at()?))
    }
}

/// The place of each sample among the pictures as shown, in decoding order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) shown: Vec<u32>,
}

impl Order {
    /// Pictures with the same time are shown in decoding order.
    pub(crate) fn of(shown_at: &[i64]) -> Self {
        let mut decoded: Vec<u32> = (0u32..).zip(shown_at).map(|(index, _)| index).collect();
        decoded.sort_by_key(|index| shown_at.get(*index as usize));
        let mut shown = vec![0; decoded.len()];
        for (place, index) in (0u32..).zip(decoded) {
            if let Some(slot) = shown.get_mut(index as usize) {
                *slot = place;
            }
        }
        Self { shown }
    }

    /// By how many pictures decoding must run ahead so that none is decoded after it is shown.
    pub(crate) fn depth(&self) -> u32 {
        (0u32..)
            .zip(&self.shown)
            .map(|(decoded, shown)| decoded.saturating_sub(*shown))
            .max()
            .unwrap_or(0)
    }
}
