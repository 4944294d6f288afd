//! ffmpeg's two ways to join files, as tutorials give them, each made loud as people do today.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{CEILING_DBTP, CRF, Edit, SOUND_BIT_RATE, Stage, TARGET_LUFS, ffmpeg, printed};
use crate::bench::material::sets::{FPS, HEIGHT, WIDTH};
use crate::bench::meter::{Cost, measure};

/// Loudness range that loudnorm aims at; its own default.
const RANGE_LU: f64 = 7.0;

/// Encodes everything once: the sound is measured in a pass of its own, as loudnorm's two-pass mode wants it.
pub(super) fn filtered(stage: &Stage, edit: &Edit, preset: &str, film: &Path) -> Result<Cost> {
    let first = format!(
        "{};[sound]{}:print_format=json[out]",
        sound_graph(edit),
        loudnorm()
    );
    let mut listen = with_inputs(stage, edit)?;
    listen.args([
        "-filter_complex",
        &first,
        "-map",
        "[out]",
        "-f",
        "null",
        "-",
    ]);
    let (listening, log) = printed(&mut listen, &stage.log())?;
    let second = format!(
        "{};[sound]{}:{}:linear=true,aresample=48000[out]",
        whole_graph(edit),
        loudnorm(),
        measured(&log)?
    );
    let mut encode = with_inputs(stage, edit)?;
    encode.args([
        "-filter_complex",
        &second,
        "-map",
        "[picture]",
        "-map",
        "[out]",
    ]);
    encode.args(["-c:v", "libx264", "-preset", preset, "-crf", CRF]);
    encode.args(["-c:a", "aac", "-b:a", SOUND_BIT_RATE, "-ac", "2"]);
    encode.args(["-movflags", "+faststart"]).arg(film);
    Ok(listening + measure(&mut encode, &stage.log())?)
}

/// Joins packets, then has ffmpeg-normalize encode the sound again; nothing is verified.
pub(super) fn copied(stage: &Stage, film: &Path) -> Result<Cost> {
    let joined = stage.scratch.join("joined.mp4");
    let mut join = ffmpeg()?;
    from_list(&mut join, stage);
    join.args(["-c", "copy", "-movflags", "+faststart"])
        .arg(&joined);
    let joining = measure(&mut join, &stage.log())?;
    let mut normalize = Command::new(&stage.python);
    normalize.args(["-m", "ffmpeg_normalize"]).arg(&joined);
    normalize.args(["-t", &TARGET_LUFS.to_string()]);
    normalize.args(["-tp", &CEILING_DBTP.to_string()]);
    normalize.args([
        "-c:a",
        "aac",
        "-b:a",
        SOUND_BIT_RATE,
        "-ar",
        "48000",
        "-f",
        "-o",
    ]);
    normalize.arg(film);
    Ok(joining + measure(&mut normalize, &stage.log())?)
}

pub(super) fn write_list(stage: &Stage, edit: &Edit) -> Result<()> {
    let mut list = "ffconcat version 1.0\n".to_owned();
    for shot in &edit.shots {
        writeln!(
            list,
            "file '{}'",
            stage.clips.join(shot.clip.name()).display()
        )?;
    }
    Ok(std::fs::write(stage.scratch.join("list"), list)?)
}

/// The clips as one input.
pub(super) fn from_list(command: &mut Command, stage: &Stage) {
    command.args(["-f", "concat", "-safe", "0", "-i"]);
    command.arg(stage.scratch.join("list"));
}

fn with_inputs(stage: &Stage, edit: &Edit) -> Result<Command> {
    let mut command = ffmpeg()?;
    for shot in &edit.shots {
        command.arg("-i").arg(stage.clips.join(shot.clip.name()));
    }
    Ok(command)
}

/// Clips of one kind are joined as they are; others are first brought to the film's size and rate.
fn whole_graph(edit: &Edit) -> String {
    let (mut graph, mut joined) = (String::new(), String::new());
    let per_second = FPS.0;
    for at in 0..edit.shots.len() {
        if edit.picture_for_picture {
            joined.push_str(&format!("[{at}:v][{at}:a]"));
            continue;
        }
        graph.push_str(&format!(
            "[{at}:v]fps={per_second},scale={WIDTH}:{HEIGHT}:force_original_aspect_ratio=decrease,\
             pad={WIDTH}:{HEIGHT}:-1:-1,setsar=1,format=yuv420p[v{at}];\
             [{at}:a]aresample=48000,aformat=channel_layouts=stereo[a{at}];"
        ));
        joined.push_str(&format!("[v{at}][a{at}]"));
    }
    let shots = edit.shots.len();
    format!("{graph}{joined}concat=n={shots}:v=1:a=1[picture][sound]")
}

fn sound_graph(edit: &Edit) -> String {
    let shots = edit.shots.len();
    let inputs: String = (0..shots).map(|at| format!("[{at}:a]")).collect();
    format!("{inputs}concat=n={shots}:v=0:a=1[sound]")
}

fn loudnorm() -> String {
    format!("loudnorm=I={TARGET_LUFS}:TP={CEILING_DBTP}:LRA={RANGE_LU}")
}

/// The last thing that loudnorm prints is what its second pass wants to hear.
fn measured(log: &str) -> Result<String> {
    let from = log.rfind('{').context("loudnorm printed no figures")?;
    let figures = log.get(from..).unwrap_or_default();
    let figures = figures.split_inclusive('}').next().unwrap_or_default();
    let figures: Value = serde_json::from_str(figures)?;
    let figure = |name: &str| -> Result<&str> {
        figures
            .get(name)
            .and_then(Value::as_str)
            .with_context(|| name.to_owned())
    };
    Ok(format!(
        "measured_I={}:measured_TP={}:measured_LRA={}:measured_thresh={}:offset={}",
        figure("input_i")?,
        figure("input_tp")?,
        figure("input_lra")?,
        figure("input_thresh")?,
        figure("target_offset")?,
    ))
}
