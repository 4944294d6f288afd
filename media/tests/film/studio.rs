//! A scratch place, an engine, and the way from shots to a film that the farm would take.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use botflix_common::film::{
    Caption, Chapter, FilmFormat, Fit, LedgerRow, Loudness, Quality, Rgb, TrackKind, VideoCodec,
};
use botflix_common::hash::{Sha, TaskKey};
use botflix_common::task::{
    self, AssembleSpec, CheckSpec, ConformSpec, EngineClass, Fade, Join, MixShot, MixSpec,
    MixTrack, PictureSource, Segment, SegmentSource, SoundFacts, SourcePicture, Verify,
};
use botflix_common::units::FrameRate;
use botflix_media::assemble::{Assembled, assemble};
use botflix_media::check::{Checked, Ingredients, check};
use botflix_media::conform::conform;
use botflix_media::mix::mix;
use botflix_media::{Context, Engine, EngineConfig, MediaError, Progress};
use tokio_util::sync::CancellationToken;

pub struct Studio {
    pub dir: tempfile::TempDir,
    pub ctx: Context,
}

/// One shot: which clip, from where, how long, and what of its sound.
#[derive(Clone, PartialEq)]
pub struct Shot {
    pub clip: PathBuf,
    pub start_seconds: f64,
    pub frames: u64,
    /// Start of the clip's sound relative to its first picture; `None`: mute.
    pub sound: Option<f64>,
}

impl Shot {
    pub fn new(clip: &Path, frames: u64) -> Self {
        Self {
            clip: clip.to_owned(),
            start_seconds: 0.0,
            frames,
            sound: Some(0.0),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    Copied,
    Conformed,
}

/// A film and what it should be.
pub struct Film {
    pub file: PathBuf,
    pub assembled: Assembled,
    pub sound: SoundFacts,
    pub segments: Vec<PathBuf>,
    pub sound_file: PathBuf,
    pub assemble: AssembleSpec,
    pub check: CheckSpec,
}

impl Film {
    pub fn ingredients(&self) -> Ingredients<'_> {
        Ingredients {
            picture_digest: &self.assembled.picture_digest,
            sound: self.sound,
        }
    }
}

pub fn format(fps: &str) -> FilmFormat {
    FilmFormat {
        width: 320,
        height: 180,
        fps: fps.parse::<FrameRate>().unwrap(),
    }
}

impl Studio {
    pub async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let scratch = dir.path().join("scratch");
        std::fs::create_dir(&scratch).unwrap();
        let engine = Engine::discover(EngineConfig::default()).await.unwrap();
        let ctx = Context {
            engine,
            scratch,
            progress: Progress::none(),
            cancel: CancellationToken::new(),
        };
        Self { dir, ctx }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The sound of `shots` and `tracks` on one timeline.
    pub async fn mixed(
        &self,
        fps: FrameRate,
        shots: &[Shot],
        tracks: &[(PathBuf, u64)],
        out: &Path,
    ) -> SoundFacts {
        let mut clips = HashMap::new();
        let mut name = |file: &Path| {
            let sha = Sha::of(file.as_os_str().as_encoded_bytes());
            clips.insert(sha, file.to_owned());
            sha
        };
        let mut first_frame = 0;
        let mut mix_shots = Vec::new();
        for shot in shots {
            let first_sample = fps.samples_at(first_frame);
            first_frame += shot.frames;
            mix_shots.push(MixShot {
                clip: shot.sound.map(|_| name(&shot.clip)),
                first_sample,
                samples: fps.samples_at(first_frame) - first_sample,
                clip_start_seconds: shot.start_seconds,
                clip_sound_offset_seconds: shot.sound.unwrap_or(0.0),
                gain_db: 0.0,
                fade_in: Fade::default(),
                fade_out: Fade::default(),
                speech: false,
            });
        }
        let total_samples = fps.samples_at(first_frame);
        let tracks = tracks
            .iter()
            .map(|(file, first_sample)| MixTrack {
                clip: name(file),
                kind: TrackKind::Music,
                first_sample: *first_sample,
                end_sample: total_samples,
                clip_start_seconds: 0.0,
                clip_end_seconds: None,
                repeat: false,
                gain_db: 0.0,
                fade_in: Fade::default(),
                fade_out: Fade::default(),
                duck: None,
            })
            .collect();
        let spec = MixSpec {
            shots: mix_shots,
            tracks,
            total_samples,
            loudness: Loudness::default(),
            quality: Quality::Standard,
            predicted: None,
        };
        mix(&self.ctx, &spec, &clips, out).await.unwrap()
    }

    pub async fn conformed(
        &self,
        shot: &Shot,
        format: FilmFormat,
        out: &Path,
    ) -> Result<u64, MediaError> {
        let clip = Sha::of(shot.clip.as_os_str().as_encoded_bytes());
        let spec = ConformSpec {
            engine: EngineClass::X264Cpu1,
            quality: Quality::Standard,
            format,
            frames: shot.frames,
            picture: task::Picture {
                source: PictureSource::Clip {
                    clip,
                    start_seconds: shot.start_seconds,
                    first_picture_seconds: 0.0,
                    look: SourcePicture::default(),
                },
                fit: Fit::Contain,
                background: Rgb::BLACK,
                motion: None,
            },
            then: Vec::new(),
            under: None,
            overlays: Vec::new(),
        };
        let files = HashMap::from([(clip, shot.clip.clone())]);
        Ok(conform(&self.ctx, &spec, &files, out).await?.frames)
    }

    pub async fn film(&self, name: &str, picture: Picture, fps: &str, shots: &[Shot]) -> Film {
        let format = format(fps);
        let sound_file = self.path(&format!("{name}.m4a"));
        let sound = self.mixed(format.fps, shots, &[], &sound_file).await;
        let mut segments: Vec<PathBuf> = Vec::new();
        for (number, shot) in shots.iter().enumerate() {
            let same = shots[..number].iter().position(|earlier| earlier == shot);
            segments.push(match (picture, same) {
                (Picture::Copied, _) => shot.clip.clone(),
                (Picture::Conformed, Some(earlier)) => segments[earlier].clone(),
                (Picture::Conformed, None) => {
                    let segment = self.path(&format!("{name}-{number}.mp4"));
                    self.conformed(shot, format, &segment).await.unwrap();
                    segment
                }
            });
        }
        let (assemble_spec, check_spec) = specs(format, picture, shots);
        let file = self.path(&format!("{name}.mp4"));
        let assembled = assemble(&self.ctx, &assemble_spec, &segments, &sound_file, &file)
            .await
            .unwrap();
        Film {
            file,
            assembled,
            sound,
            segments,
            sound_file,
            assemble: assemble_spec,
            check: check_spec,
        }
    }

    pub async fn checked(&self, film: &Film) -> Result<Checked, MediaError> {
        check(&self.ctx, &film.check, &film.file, film.ingredients()).await
    }
}

fn join(row: &LedgerRow) -> Join {
    Join {
        first_frame: row.first_frame,
        luma_crc: None,
    }
}

pub const TITLE: &str = "Ä film; of = \\ odd #1 — \"names\"";
pub const CHAPTER: &str = "Two; = # \\ <i>&amp;</i>";
pub const CAPTION: &str = "{\\i1}a\\Nb{x} <b>&amp; -->";

fn specs(format: FilmFormat, picture: Picture, shots: &[Shot]) -> (AssembleSpec, CheckSpec) {
    let key = TaskKey::of(b"upstream");
    let clip = Sha::of(b"clip");
    let names = (0..shots.len()).map(|number| format!("s{number}"));
    let mut ledger: Vec<LedgerRow> = Vec::new();
    let mut segments = Vec::new();
    let mut first_frame = 0;
    for (shot, name) in shots.iter().zip(names) {
        ledger.push(LedgerRow {
            shot: name.clone(),
            first_frame,
            frames: shot.frames,
        });
        segments.push(Segment {
            shot: name,
            frames: shot.frames,
            source: match picture {
                Picture::Copied => SegmentSource::Copy {
                    clip,
                    first_frame: format.fps.frames_at(shot.start_seconds),
                },
                Picture::Conformed => SegmentSource::Conform { task: key },
            },
        });
        first_frame += shot.frames;
    }
    let chapter = |start_seconds, title: &str| Chapter {
        start_seconds,
        title: title.to_owned(),
    };
    let assemble = AssembleSpec {
        format,
        codec: VideoCodec::H264,
        segments,
        mix: key,
        captions: vec![Caption {
            start_seconds: 0.25,
            end_seconds: 0.75,
            speaker: Some("Ann".to_owned()),
            text: CAPTION.to_owned(),
        }],
        chapters: vec![chapter(0.0, "One"), chapter(1.0, CHAPTER)],
        title: TITLE.to_owned(),
        language: "de-AT".to_owned(),
    };
    let check = CheckSpec {
        film: key,
        format,
        codec: VideoCodec::H264,
        total_frames: first_frame,
        joins: ledger.iter().map(join).collect(),
        ledger,
        poster_frames: vec![first_frame / 2],
        total_samples: format.fps.samples_at(first_frame),
        loudness: Loudness::default(),
        chapters: 2,
        captions: 1,
        verify: Verify::Joins,
    };
    (assemble, check)
}
