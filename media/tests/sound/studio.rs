//! A scratch place, an engine, sounds written sample by sample, and the mix of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use botflix_common::film::{Loudness, Quality, TrackKind};
use botflix_common::hash::Sha;
use botflix_common::task::{Fade, MixShot, MixSpec, MixTrack, SoundFacts};
use botflix_media::mix::mix;
use botflix_media::{Context, Engine, EngineConfig, MediaError, Progress};
use tokio_util::sync::CancellationToken;

pub const RATE: u64 = 48_000;

pub struct Studio {
    dir: tempfile::TempDir,
    pub ctx: Context,
    clips: HashMap<Sha, PathBuf>,
}

impl Studio {
    pub async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let scratch = dir.path().join("scratch");
        std::fs::create_dir(&scratch).unwrap();
        let ctx = Context {
            engine: Engine::discover(EngineConfig::default()).await.unwrap(),
            scratch,
            progress: Progress::none(),
            cancel: CancellationToken::new(),
        };
        Self {
            dir,
            ctx,
            clips: HashMap::new(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn clip(&mut self, file: &Path) -> Sha {
        let sha = Sha::of(file.as_os_str().as_encoded_bytes());
        self.clips.insert(sha, file.to_owned());
        sha
    }

    /// A WAV file of 32-bit floats with as many channels as `frame` gives, as a clip.
    pub fn wave<const CHANNELS: usize>(
        &mut self,
        name: &str,
        frames: u64,
        frame: impl FnMut(u64) -> [f32; CHANNELS],
    ) -> Sha {
        let path = self.path(name);
        write_wave(&path, frames, frame);
        self.clip(&path)
    }

    pub async fn try_mixed(&self, spec: &MixSpec) -> Result<(PathBuf, SoundFacts), MediaError> {
        let out = self.path("sound.m4a");
        let facts = mix(&self.ctx, spec, &self.clips, &out).await?;
        Ok((out, facts))
    }

    pub async fn mixed(&self, spec: &MixSpec) -> (PathBuf, SoundFacts) {
        self.try_mixed(spec).await.unwrap()
    }
}

pub fn write_wave<const CHANNELS: usize>(
    path: &Path,
    frames: u64,
    mut frame: impl FnMut(u64) -> [f32; CHANNELS],
) {
    let channels = u16::try_from(CHANNELS).unwrap();
    let bytes = u32::try_from(frames).unwrap() * u32::from(channels) * 4;
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((bytes + 36).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x03\0");
    file.extend(channels.to_le_bytes());
    file.extend((RATE as u32).to_le_bytes());
    file.extend((RATE as u32 * u32::from(channels) * 4).to_le_bytes());
    file.extend((channels * 4).to_le_bytes());
    file.extend(b"\x20\0data");
    file.extend(bytes.to_le_bytes());
    for at in 0..frames {
        file.extend(frame(at).into_iter().flat_map(f32::to_le_bytes));
    }
    std::fs::write(path, file).unwrap();
}

pub fn sine(hertz: f64, level: f64, at: u64) -> f32 {
    ((std::f64::consts::TAU * hertz * at as f64 / RATE as f64).sin() * level) as f32
}

/// White noise in −1 … 1, the same for the same seed.
pub fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut state = 0x2545_f491_4f6c_dd1d ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    }
}

pub fn shot(clip: Sha, first_sample: u64, samples: u64) -> MixShot {
    MixShot {
        clip: Some(clip),
        first_sample,
        samples,
        clip_start_seconds: 0.0,
        clip_sound_offset_seconds: 0.0,
        gain_db: 0.0,
        fade_in: Fade::default(),
        fade_out: Fade::default(),
        speech: false,
    }
}

pub fn track(clip: Sha, kind: TrackKind, first_sample: u64, end_sample: u64) -> MixTrack {
    MixTrack {
        clip,
        kind,
        first_sample,
        end_sample,
        clip_start_seconds: 0.0,
        clip_end_seconds: None,
        repeat: false,
        gain_db: 0.0,
        fade_in: Fade::default(),
        fade_out: Fade::default(),
        duck: None,
    }
}

pub fn spec(shots: Vec<MixShot>, tracks: Vec<MixTrack>, total_samples: u64) -> MixSpec {
    MixSpec {
        shots,
        tracks,
        total_samples,
        loudness: Loudness::default(),
        quality: Quality::Standard,
        predicted: None,
    }
}

/// Root mean square of a stretch, dB.
pub fn level_db(sound: &[f32]) -> f64 {
    let power: f64 = sound.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    10.0 * (power / sound.len() as f64).log10()
}
