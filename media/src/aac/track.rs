//! Which sounds can be decoded here, and where their packets lie.

use std::io;
use std::path::{Path, PathBuf};

use botflix_common::units::SAMPLE_RATE_HZ;
use symphonia::core::codecs::audio::AudioDecoder as _;
use symphonia::default::codecs::AacDecoder;

use super::{AacError, MAX_PACKET_BYTES, PACKET_FRAMES, reader};
use crate::mp4::{self, Edit, Movie, Mp4Error, Sample, TrackKind};

/// Normal speed, 16.16 fixed point.
const NORMAL_SPEED: u32 = 0x1_0000;

/// The sound of one file, opened for decoding here.
pub(crate) struct Track {
    pub(super) path: PathBuf,
    pub(super) packets: Vec<Sample>,
    pub(super) config: Vec<u8>,
    /// Frames before the first that is presented: the encoder's priming.
    pub(super) skipped: u64,
    frames: u64,
}

impl Track {
    /// `None`: another kind of file or sound, or one whose timing only ffmpeg is trusted with. It is not said why: ffmpeg reads it either way.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, AacError> {
        match mp4::read(path) {
            Ok(Some(movie)) => Ok(Self::of(path, &movie)),
            Ok(None) | Err(Mp4Error::Damaged(_)) => Ok(None),
            // Cut short: the tables point past the end.
            Err(Mp4Error::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(Mp4Error::Io(error)) => Err(AacError::Io(error)),
        }
    }

    fn of(path: &Path, movie: &Movie) -> Option<Self> {
        let track = movie.track(TrackKind::Sound)?;
        let packets = track.samples().ok()?;
        let config = track.entry()?.audio_specific_config()?.to_vec();
        let (last, others) = packets.split_last()?;
        let regular = track.timescale == SAMPLE_RATE_HZ
            && track.entries.len() == 1
            && others
                .iter()
                .all(|packet| u64::from(packet.duration) == PACKET_FRAMES)
            && u64::from(last.duration) <= PACKET_FRAMES
            && packets.iter().all(|packet| {
                packet.composition_offset == 0 && (1..=MAX_PACKET_BYTES).contains(&packet.size)
            });
        let decoder = reader::decoder(&config).ok()?;
        if !regular || !is_plain(&decoder) {
            return None;
        }
        let edit = single_edit(&track.edits)?;
        let skipped = u64::try_from(edit.media_time).ok()?;
        // As ffmpeg 5.1 does: the packet in which the edit ends is presented whole. A duration of 0 means all of it.
        let shown =
            u128::from(edit.duration) * u128::from(SAMPLE_RATE_HZ) / u128::from(movie.timescale);
        let end = match u64::try_from(shown).ok()? {
            0 => u64::MAX,
            shown => (skipped.checked_add(shown)?).div_ceil(PACKET_FRAMES),
        };
        let presented = end.min(packets.len() as u64);
        Some(Self {
            path: path.to_owned(),
            frames: (presented * PACKET_FRAMES).checked_sub(skipped)?,
            packets: packets
                .iter()
                .take(usize::try_from(presented).ok()?)
                .copied()
                .collect(),
            config,
            skipped,
        })
    }

    /// Frames that are presented, the last packet whole.
    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }
}

/// 48 kHz, one or two channels. At this rate there is no spectral band replication that the configuration does not name.
fn is_plain(decoder: &AacDecoder) -> bool {
    let params = decoder.codec_params();
    let channels = params
        .channels
        .as_ref()
        .map_or(0, |channels| channels.count());
    params.sample_rate == Some(SAMPLE_RATE_HZ) && (1..=2).contains(&channels)
}

/// The one stretch that is presented, at normal speed; an empty edit before it only says when it starts. Without any edit the priming may be
/// stated elsewhere, which ffmpeg knows.
fn single_edit(edits: &[Edit]) -> Option<Edit> {
    let edit = match edits {
        [edit] => edit,
        [empty, edit] if empty.media_time == -1 => edit,
        _ => return None,
    };
    (edit.media_time >= 0 && edit.rate == NORMAL_SPEED).then_some(*edit)
}
