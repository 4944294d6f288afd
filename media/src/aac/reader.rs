//! Decodes the packets of a track one after another, from any frame on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia::core::codecs::audio::{
    AudioCodecParameters, AudioDecoder as _, AudioDecoderOptions,
};
use symphonia::core::errors::Error;
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::AacDecoder;

use super::{AacError, PACKET_FRAMES, Track};
use crate::mp4::{Media, Mp4Error};

/// A packet is only half of what is heard while it plays: decoding begins this many packets earlier.
const PRE_ROLL_PACKETS: u64 = 2;

/// Mono is put on both channels at this amplitude, so that its power, and with it its loudness (BS.1770 sums the channels' powers), is what it
/// was: −3.01 dB, as ffmpeg does.
const MONO_TO_EACH: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// Reads stereo frames in order.
pub(crate) struct Reader<'a> {
    track: &'a Track,
    media: Media,
    decoder: AacDecoder,
    next_packet: usize,
    /// Decoded frames that lie before the first wanted.
    to_drop: u64,
    packet: Vec<u8>,
    samples: Vec<f32>,
}

impl<'a> Reader<'a> {
    /// From presented frame `first` on.
    pub(crate) fn open(track: &'a Track, first: u64) -> Result<Self, AacError> {
        let at = track.skipped + first;
        let first_packet = (at / PACKET_FRAMES).saturating_sub(PRE_ROLL_PACKETS);
        Ok(Self {
            track,
            media: Media::open(&track.path).map_err(AacError::Io)?,
            decoder: decoder(&track.config).map_err(stumbled)?,
            next_packet: usize::try_from(first_packet).unwrap_or(usize::MAX),
            to_drop: at - first_packet * PACKET_FRAMES,
            packet: Vec::new(),
            samples: Vec::new(),
        })
    }

    /// Appends the next frames, at most one packet of them. `false`: the sound has ended.
    pub(crate) fn read(&mut self, frames: &mut Vec<[f32; 2]>) -> Result<bool, AacError> {
        let Some(packet) = self.track.packets.get(self.next_packet) else {
            return Ok(false);
        };
        self.next_packet += 1;
        self.media
            .sample(packet, &mut self.packet)
            .map_err(unreadable)?;
        let channels = self.decode()?;
        let skipped = usize::try_from(self.to_drop.min(PACKET_FRAMES)).unwrap_or(usize::MAX);
        self.to_drop -= skipped as u64;
        if channels == 2 {
            let decoded = self.samples.as_chunks::<2>().0;
            frames.extend_from_slice(decoded.get(skipped..).unwrap_or_default());
        } else {
            let decoded = self.samples.get(skipped..).unwrap_or_default();
            frames.extend(decoded.iter().map(|sample| [sample * MONO_TO_EACH; 2]));
        }
        Ok(true)
    }

    /// The packet's samples, interleaved, and their channels.
    fn decode(&mut self) -> Result<usize, AacError> {
        let Self {
            decoder,
            packet,
            samples,
            ..
        } = self;
        let packet = PacketRef::new(
            0,
            Timestamp::new(0),
            Duration::from(PACKET_FRAMES as u32),
            packet,
        );
        // A decoder that gives up on a hostile packet by panicking must not take the task with it.
        let channels = catch_unwind(AssertUnwindSafe(|| {
            let buffer = decoder.decode_ref(&packet)?;
            buffer.copy_to_vec_interleaved(samples);
            Ok(buffer.spec().channels().count())
        }))
        .map_err(|_panic| AacError::Stumbled("the decoder panicked".to_owned()))?
        .map_err(stumbled)?;
        if samples.len() as u64 == PACKET_FRAMES * channels as u64 {
            Ok(channels)
        } else {
            Err(AacError::Stumbled(format!(
                "{} samples in a packet",
                samples.len()
            )))
        }
    }
}

pub(super) fn decoder(config: &[u8]) -> Result<AacDecoder, Error> {
    let mut params = AudioCodecParameters::new();
    params
        .for_codec(CODEC_ID_AAC)
        .with_extra_data(config.to_vec().into_boxed_slice());
    AacDecoder::try_new(&params, &AudioDecoderOptions::default())
}

fn stumbled(error: Error) -> AacError {
    AacError::Stumbled(error.to_string())
}

fn unreadable(error: Mp4Error) -> AacError {
    match error {
        Mp4Error::Io(error) => AacError::Io(error),
        Mp4Error::Damaged(damage) => AacError::Stumbled(damage.to_string()),
    }
}
