//! Makes the demo's files: clips from painted frames, voices, music. Each is made once and kept; a cut-off run leaves nothing half made.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use botflix_media::{Call, Context, Engine, Program, Progress};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::io::AsyncRead;
use tokio_util::sync::CancellationToken;

use super::made::{Frames, Music};
use super::music;
use super::story::{SHOTS, Shot, Sound, Speaker, SpokenLine};
use crate::commands::inspect::engine_fault;
use crate::embedded::cores;
use crate::exit::Fault;
use crate::process;
use crate::show::stages::Stages;

const VOICE_PROGRAM: &str = "espeak-ng";
const VOICE_DEADLINE: Duration = Duration::from_secs(30);
/// espeak-ng writes 16-bit mono at this rate after a header of 44 bytes.
const VOICE_BYTES_PER_SECOND: f64 = 22_050.0 * 2.0;
const WAV_HEADER_BYTES: u64 = 44;
pub const MUSIC_FILE: &str = "music.m4a";

/// A spoken line as a file, and where it stands in the film.
pub struct Voice {
    pub shot: &'static Shot,
    pub line: &'static SpokenLine,
    pub file: String,
    /// Seconds in the film.
    pub start: f64,
    pub seconds: f64,
}

/// Makes what is missing in `dir`.
pub async fn make(engine: &Engine, dir: &Path, stages: &Stages) -> Result<Vec<Voice>, Fault> {
    std::fs::create_dir_all(dir).map_err(|error| unwritable(dir, error))?;
    let voices = voices(dir).await?;
    if !dir.join(MUSIC_FILE).exists() {
        let music = Music::new();
        let call = Call::new(Program::Ffmpeg)
            .args([
                "-f",
                "f32le",
                "-ar",
                &music::RATE_HZ.to_string(),
                "-ac",
                "2",
                "-i",
                "pipe:0",
            ])
            .args(["-c:a", "aac", "-b:a", "160k", "-f", "ipod"]);
        encode(engine, dir, MUSIC_FILE, call, music).await?;
    }
    let clips = SHOTS.iter().map(|shot| make_clip(engine, dir, shot));
    let mut making = futures::stream::iter(clips).buffer_unordered(cores());
    let mut done = 0;
    stages.step("material", 0.0, "clips, voices, music");
    while making.try_next().await?.is_some() {
        done += 1;
        stages.step(
            "material",
            done as f64 / SHOTS.len() as f64,
            &format!("{done}/{} clips", SHOTS.len()),
        );
    }
    Ok(voices)
}

async fn voices(dir: &Path) -> Result<Vec<Voice>, Fault> {
    let mut voices = Vec::new();
    let mut shot_start = 0.0;
    for shot in &SHOTS {
        for (at, line) in shot.lines.iter().enumerate() {
            let file = format!("{}-line{}.wav", shot.id, at + 1);
            let path = dir.join(&file);
            if !path.exists() {
                speak(line, &path).await?;
            }
            let bytes = std::fs::metadata(&path)
                .map_err(|error| unwritable(&path, error))?
                .len();
            voices.push(Voice {
                shot,
                line,
                file,
                start: shot_start + line.start,
                seconds: bytes.saturating_sub(WAV_HEADER_BYTES) as f64 / VOICE_BYTES_PER_SECOND,
            });
        }
        shot_start += shot.length();
    }
    Ok(voices)
}

async fn speak(line: &SpokenLine, path: &Path) -> Result<(), Fault> {
    let (voice, speed, pitch) = match line.speaker {
        Speaker::Narrator => ("en-gb", "142", "32"),
        Speaker::Keeper => ("en-us+m7", "128", "12"),
        Speaker::Ship => ("en-us+f3", "158", "58"),
    };
    let part = part_of(path);
    let mut command = Command::new(VOICE_PROGRAM);
    command
        .args(["-v", voice, "-s", speed, "-p", pitch, "-a", "150"])
        .arg("-w")
        .arg(&part)
        .arg(line.text);
    match process::output(command, VOICE_DEADLINE).await {
        Ok(_) => std::fs::rename(&part, path).map_err(|error| unwritable(path, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Fault::permanent(format!(
            "{VOICE_PROGRAM} was not found; the demo's narrator needs it"
        ))
        .hint("on Debian: apt-get install espeak-ng")),
        Err(error) => Err(Fault::permanent(format!("{VOICE_PROGRAM} failed")).because(error)),
    }
}

async fn make_clip(engine: &Engine, dir: &Path, shot: &'static Shot) -> Result<(), Fault> {
    let name = shot.file_name();
    if dir.join(&name).exists() {
        return Ok(());
    }
    let (width, height) = shot.dots;
    let (num, den) = shot.rate;
    let length = format!("{:.6}", shot.length());
    let scale = format!(
        "scale=iw*{0}:ih*{0}:flags=neighbor:out_color_matrix=bt709:out_range=tv,format=yuv420p",
        shot.enlarge
    );
    let mut call = Call::new(Program::Ffmpeg)
        .args(["-f", "rawvideo", "-pix_fmt", "rgb24"])
        .args([
            "-video_size",
            &format!("{width}x{height}"),
            "-framerate",
            &format!("{num}/{den}"),
        ])
        .args(["-i", "pipe:0"]);
    call = match shot.sound {
        Sound::None => call,
        Sound::Stereo(source) => call
            .args([
                "-f",
                "lavfi",
                "-i",
                &format!("{source},aformat=sample_rates=48000:channel_layouts=stereo"),
            ])
            .args(["-c:a", "aac", "-b:a", "128k"]),
        Sound::Mono(source) => call
            .args([
                "-f",
                "lavfi",
                "-i",
                &format!("{source},aformat=sample_rates=44100:channel_layouts=mono"),
            ])
            .args(["-c:a", "aac", "-b:a", "96k"]),
    };
    call = call
        .args([
            "-t", &length, "-vf", &scale, "-c:v", "libx264", "-preset", "veryfast", "-crf", "20",
        ])
        .args([
            "-colorspace",
            "bt709",
            "-color_primaries",
            "bt709",
            "-color_trc",
            "bt709",
            "-color_range",
            "tv",
        ])
        .args(["-movflags", "+faststart", "-f", "mp4"]);
    encode(engine, dir, &name, call, Frames::new(shot)).await
}

/// Encodes `source` into `dir/name`, which appears when it is whole.
async fn encode(
    engine: &Engine,
    dir: &Path,
    name: &str,
    call: Call,
    source: impl AsyncRead + Send + Unpin,
) -> Result<(), Fault> {
    let scratch = tempfile::tempdir_in(dir).map_err(|error| unwritable(dir, error))?;
    let ctx = Context {
        engine: engine.clone(),
        scratch: scratch.path().to_owned(),
        progress: Progress::none(),
        cancel: CancellationToken::new(),
    };
    let part = scratch.path().join("part");
    ctx.feed(call.output(&part), source)
        .await
        .map_err(engine_fault)?;
    std::fs::rename(&part, dir.join(name)).map_err(|error| unwritable(dir, error))
}

fn part_of(path: &Path) -> PathBuf {
    path.with_extension("part")
}

fn unwritable(path: &Path, error: io::Error) -> Fault {
    Fault::permanent(format!("{} cannot be written", path.display())).because(error)
}
