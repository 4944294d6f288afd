//! What a task needs of its host while it runs: an estimate from above, from its specification and the bytes that it reads. Pure.
//!
//! It travels with the task's message, so that a worker knows it before it begins. Too high costs places, too low a host that swaps: the
//! constants are measured, and rounded up.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConformSpec, Lane, TaskKind, TaskSpec};
use crate::film::{FilmFormat, Quality};

const MIB: u64 = 1 << 20;
/// One core: every encoder is run with one thread, and its decoders and filters take turns with it.
const CORE: u32 = 1000;

/// What a process of ffmpeg needs before its first picture, with its libraries. Measured (ffmpeg 5.1, x86-64, largest resident set): 50 to
/// 110 MiB; SVT-AV1 has the most.
const PROCESS_BYTES: u64 = 128 * MIB;
/// For each pixel of the film: the encoder's look-ahead. Measured from 1280×720 to 3840×2160 with one thread: x264 `faster` 97, x265 `fast`
/// 100, SVT-AV1 preset 8 78 bytes for a pixel (159, 182 and 184 MiB in all at 720p; 873, 920 and 759 MiB at 2160p).
const ENCODER_BYTES_PER_PIXEL: u64 = 105;
/// For each pixel of a decoded picture: 16 reference frames at 1.5 bytes, which is what H.264 and HEVC allow. Measured: 8 bytes.
const DECODER_BYTES_PER_PIXEL: u64 = 24;
/// How large a source is taken to be: specifications do not say.
const SOURCE_PIXELS: u64 = 3840 * 2160;
/// Pictures that are decoded at the same time at most; of a draft's shots one follows the other.
const DECODERS: u64 = 2;
/// `mix` keeps blocks, not films, beside a process that encodes sound. Taken, not measured.
const MIX_BYTES: u64 = 192 * MIB;
/// For each frame of a film, in `assemble` and `check`: where its packet lies, and its hash. Taken, not measured.
const INDEX_BYTES_PER_FRAME: u64 = 256;

/// Sound that waits on the disk, for each sample: two channels of 4 bytes.
const SOUND_BYTES_PER_SAMPLE: u64 = 8;
/// An encoded picture, in pixels for a byte: half a bit for each pixel. Taken, not measured.
const PIXELS_PER_BYTE: u64 = 16;
/// Beside what is computed: lists, captions, stills.
const SMALL_FILES_BYTES: u64 = 16 * MIB;

/// What a task takes of a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Demand {
    /// Thousandths of a core. A host with fewer runs it alone, and longer.
    pub millicores: u32,
    pub memory_bytes: u64,
    /// On the scratch disk, its inputs included.
    pub scratch_bytes: u64,
    /// Encodings at once on a device.
    pub gpu_sessions: u32,
}

impl Demand {
    /// `input_bytes`: of all clips and artifacts that it reads; 0 where nobody knows.
    pub fn of(spec: &TaskSpec, input_bytes: u64) -> Self {
        let (millicores, memory_bytes, made_bytes) = match spec {
            // A long one decodes with two threads for a part of its time: measured 1.2 cores at most.
            TaskSpec::Inspect(_) => {
                let decoding = DECODER_BYTES_PER_PIXEL * SOURCE_PIXELS;
                (CORE, PROCESS_BYTES + decoding, input_bytes / 4)
            }
            TaskSpec::Conform(spec) => (CORE, conform_memory(spec), conform_scratch(spec)),
            TaskSpec::Mix(spec) => {
                let sounds = 1 + spec.tracks.len() as u64;
                let bytes = SOUND_BYTES_PER_SAMPLE * spec.total_samples.saturating_mul(sounds);
                (CORE, MIX_BYTES, bytes)
            }
            TaskSpec::Assemble(spec) => {
                let frames: u64 = spec.segments.iter().map(|segment| segment.frames).sum();
                (CORE / 2, index(frames), input_bytes)
            }
            TaskSpec::Check(spec) => {
                let pictures = DECODER_BYTES_PER_PIXEL * pixels(spec.format);
                let memory = index(spec.total_frames) + PROCESS_BYTES + pictures;
                (CORE, memory, 0)
            }
            TaskSpec::Package(_) => (CORE / 4, PROCESS_BYTES / 2, 0),
        };
        Self {
            millicores,
            memory_bytes,
            scratch_bytes: input_bytes
                .saturating_add(made_bytes)
                .saturating_add(SMALL_FILES_BYTES),
            gpu_sessions: u32::from(spec.lane().is_gpu()),
        }
    }

    /// Of a task whose message does not say: an older API sent it.
    pub fn unsaid(kind: TaskKind, lane: Lane) -> Self {
        let memory_bytes = match kind {
            TaskKind::Inspect | TaskKind::Conform | TaskKind::Check => 512 * MIB,
            TaskKind::Mix => MIX_BYTES,
            TaskKind::Assemble | TaskKind::Package => PROCESS_BYTES,
        };
        Self {
            memory_bytes,
            millicores: CORE,
            scratch_bytes: SMALL_FILES_BYTES,
            gpu_sessions: u32::from(lane.is_gpu()),
        }
    }

    /// No task of a lane needs less: a host without this much need not look.
    pub fn least(lane: Lane) -> Self {
        let (millicores, memory_bytes) = match lane {
            Lane::Cpu => (CORE / 4, PROCESS_BYTES / 2),
            Lane::Io => (CORE / 2, PROCESS_BYTES),
            _ => (CORE, PROCESS_BYTES),
        };
        Self {
            millicores,
            memory_bytes,
            scratch_bytes: SMALL_FILES_BYTES,
            gpu_sessions: u32::from(lane.is_gpu()),
        }
    }

    /// What tasks take that run at once.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            millicores: self.millicores.saturating_add(other.millicores),
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
            scratch_bytes: self.scratch_bytes.saturating_add(other.scratch_bytes),
            gpu_sessions: self.gpu_sessions.saturating_add(other.gpu_sessions),
        }
    }
}

fn conform_memory(spec: &ConformSpec) -> u64 {
    let film = pixels(spec.format);
    // Drafts are made of proxies, which are no larger than the film.
    let source = match spec.quality {
        Quality::Draft => film,
        Quality::Standard | Quality::High => SOURCE_PIXELS.max(film),
    };
    let sources = (spec.clips().len() as u64).min(DECODERS);
    PROCESS_BYTES + ENCODER_BYTES_PER_PIXEL * film + DECODER_BYTES_PER_PIXEL * source * sources
}

fn conform_scratch(spec: &ConformSpec) -> u64 {
    pixels(spec.format).saturating_mul(spec.frames) / PIXELS_PER_BYTE
}

fn index(frames: u64) -> u64 {
    PROCESS_BYTES.saturating_add(INDEX_BYTES_PER_FRAME.saturating_mul(frames))
}

fn pixels(format: FilmFormat) -> u64 {
    u64::from(format.width) * u64::from(format.height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::film::{Fit, Rgb};
    use crate::hash::Sha;
    use crate::task::{EngineClass, InspectSpec, Picture, PictureSource, SourcePicture};
    use crate::units::FrameRate;

    fn conform(width: u32, height: u32, engine: EngineClass) -> TaskSpec {
        TaskSpec::Conform(Box::new(ConformSpec {
            engine,
            quality: Quality::Standard,
            format: FilmFormat {
                width,
                height,
                fps: FrameRate::new(24, 1).unwrap(),
            },
            frames: 240,
            picture: Picture {
                source: PictureSource::Clip {
                    clip: Sha::of(b"clip"),
                    start_seconds: 0.0,
                    first_picture_seconds: 0.0,
                    look: SourcePicture::default(),
                },
                fit: Fit::default(),
                background: Rgb::default(),
                motion: None,
            },
            then: Vec::new(),
            under: None,
            overlays: Vec::new(),
        }))
    }

    /// The largest resident sets that ffmpeg 5.1 had, in MiB.
    const MEASURED: [(u32, u32, u64); 3] = [(1280, 720, 184), (1920, 1080, 315), (3840, 2160, 920)];

    #[test]
    fn a_segment_is_taken_to_need_what_was_measured_and_not_three_times_as_much() {
        for (width, height, mib) in MEASURED {
            let demand = Demand::of(&conform(width, height, EngineClass::X264Cpu1), 0);
            let estimated = demand.memory_bytes / MIB;
            assert!(
                (mib..mib * 3).contains(&estimated),
                "{width}x{height}: {estimated}"
            );
            assert_eq!((demand.millicores, demand.gpu_sessions), (1000, 0));
        }
    }

    #[test]
    fn what_is_read_lies_on_the_scratch_disk_and_a_device_is_asked_for_a_session() {
        let inspect = TaskSpec::Inspect(InspectSpec {
            clip: Sha::of(b"clip"),
            proxy: true,
        });
        let (small, large) = (Demand::of(&inspect, 0), Demand::of(&inspect, 1 << 30));
        assert!(large.scratch_bytes >= small.scratch_bytes + (1 << 30));
        let on_device = conform(1920, 1080, EngineClass::NvencH264);
        assert_eq!(Demand::of(&on_device, 0).gpu_sessions, 1);
        for lane in Lane::ALL {
            let least = Demand::least(lane);
            assert!(least.memory_bytes <= Demand::of(&on_device, 0).memory_bytes);
        }
    }
}
