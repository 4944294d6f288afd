//! Facts of clips without a flaw, for the tests of every crate, to be changed where a test wants them otherwise. Behind the feature `fixtures`,
//! which no product turns on. Nothing is read here, and nothing is measured.

use crate::facts::{AudioFacts, ClipFacts, Colour, Container, Levels, VideoFacts};
use crate::units::FrameRate;

/// Of what stands in no other place.
const BYTES: u64 = 1_000_000;
/// Most encoders write an IDR at least so often.
const IDR_EVERY_FRAMES: usize = 24;

/// An MP4 as generators write it: H.264 and AAC of the same length, nothing observed.
pub fn clip(width: u32, height: u32, rate: FrameRate, frames: u64) -> ClipFacts {
    ClipFacts {
        audio: Some(sound(rate.samples_at(frames))),
        ..silent_clip(width, height, rate, frames)
    }
}

/// The same without a sound track.
pub fn silent_clip(width: u32, height: u32, rate: FrameRate, frames: u64) -> ClipFacts {
    ClipFacts {
        bytes: BYTES,
        container: Some(Container::Mp4),
        video: Some(picture(width, height, rate, frames)),
        audio: None,
        extra_streams: 0,
        defects: Vec::new(),
        still: false,
    }
}

/// 8 bit 4:2:0, progressive, square pixels, no colour tags.
pub fn picture(width: u32, height: u32, rate: FrameRate, frames: u64) -> VideoFacts {
    let duration_seconds = rate.seconds_at(frames);
    VideoFacts {
        codec: "h264".to_owned(),
        profile: Some("High".to_owned()),
        width,
        height,
        sar: (1, 1),
        rotation_degrees: 0,
        mirrored: false,
        pixel_format: "yuv420p".to_owned(),
        bit_depth: 8,
        alpha: false,
        colour: Colour::default(),
        interlaced: false,
        frame_rate: rate,
        constant_rate: true,
        frames,
        start_seconds: 0.0,
        duration_seconds,
        claimed_duration_seconds: Some(duration_seconds),
        timescale: rate.timescale().0,
        starts_on_idr: true,
        reorder_frames: 2,
        parameter_sets: None,
        size_changes: false,
        idr_frames: (0..frames).step_by(IDR_EVERY_FRAMES).collect(),
        idr_crcs: Vec::new(),
        proxy: None,
        bit_rate_bps: None,
        observed: None,
    }
}

/// AAC, 48 kHz stereo, at −14 LUFS.
pub fn sound(samples: u64) -> AudioFacts {
    AudioFacts {
        codec: "aac".to_owned(),
        sample_rate_hz: 48_000,
        channels: 2,
        start_offset_seconds: 0.0,
        samples,
        integrated_lufs: Some(-14.0),
        true_peak_dbtp: Some(-1.2),
        levels: Levels::default(),
        observed: None,
    }
}
