//! What encoder settings give and cost: VMAF by a static ffmpeg's libvmaf, size, processor time. `docs/quality.md` quotes it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::contestant::Stage;
use super::material::words;
use super::meter::measure;
use super::say;
use crate::process::{find, run};

/// x264's preset and crf, and by how much the picture is made smaller before.
const CANDIDATES: &[(&str, u32, u32)] = &[
    ("ultrafast", 28, 2),
    ("ultrafast", 23, 2),
    ("ultrafast", 28, 1),
    ("superfast", 20, 1),
    ("veryfast", 23, 1),
    ("veryfast", 20, 1),
    ("veryfast", 18, 1),
    ("veryfast", 16, 1),
    ("faster", 18, 1),
    ("faster", 16, 1),
    ("fast", 18, 1),
    ("fast", 16, 1),
    ("medium", 18, 1),
    ("medium", 16, 1),
    ("slow", 16, 1),
];

/// Pictures that say different things about an encoder: grain, hard edges, endless detail, soft gradients.
const GENERATED: &[(&str, &str)] = &[
    (
        "patterns under colours, grain",
        "testsrc2=size=1280x720:rate=24,scroll=h=0.002:v=0.001,format=yuv420p[p];gradients=size=1280x720:rate=24:n=6:seed=3:speed=0.02:x0=0:y0=0:x1=1280:y1=720,format=yuv420p[c];[p][c]blend=all_mode=average,noise=c0s=10:c0f=t:c0_seed=3",
    ),
    (
        "soft gradients",
        "gradients=size=1280x720:rate=24:n=4:seed=9:speed=0.03:x0=0:y0=0:x1=1280:y1=720,format=yuv420p",
    ),
    (
        "zoom into a fractal",
        "mandelbrot=size=1280x720:rate=24:maxiter=400:end_scale=0.02:end_pts=240,format=yuv420p",
    ),
];

struct Reference {
    title: String,
    file: PathBuf,
    seconds: f64,
}

#[derive(Clone, Copy, Default)]
struct Figures {
    vmaf: f64,
    /// The worst picture's.
    worst: f64,
    mbit_s: f64,
    /// For each second of film.
    cpu_s: f64,
}

pub(super) fn measure_all(stage: &Stage, real: &[PathBuf], quick: bool) -> Result<()> {
    let seconds = if quick { 1 } else { 5 };
    let folder = stage.scratch.join("quality");
    std::fs::create_dir_all(&folder)?;
    let vmaf = libvmaf(&stage.python)?;
    let version = run(&vmaf, ["-version"])?;
    let version = String::from_utf8_lossy(&version);
    say(&format!(
        "Encoded by the ffmpeg above, measured by {}.\n",
        version.split(" Copyright").next().unwrap_or_default()
    ))?;
    let mut references = generated(&folder, seconds)?;
    for (at, clip) in real.iter().enumerate() {
        references.push(lossless(&folder, clip, at + 1)?);
    }
    let mut sums = vec![Figures::default(); CANDIDATES.len()];
    for reference in &references {
        let mut figures = Vec::new();
        for (candidate, sum) in CANDIDATES.iter().zip(&mut sums) {
            eprintln!("{}: {candidate:?}", reference.title);
            let one = compare(&folder, &vmaf, reference, *candidate)?;
            let share = 1.0 / references.len() as f64;
            sum.vmaf += one.vmaf * share;
            sum.worst += one.worst * share;
            sum.mbit_s += one.mbit_s * share;
            sum.cpu_s += one.cpu_s * share;
            figures.push(one);
        }
        say(&table(&reference.title, &figures))?;
    }
    say(&table("mean of all", &sums))
}

/// The program that imageio-ffmpeg brings.
fn libvmaf(python: &Path) -> Result<PathBuf> {
    let ask = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())";
    let answer = run(python, ["-c", ask])?;
    Ok(PathBuf::from(String::from_utf8(answer)?.trim()))
}

fn generated(folder: &Path, seconds: u32) -> Result<Vec<Reference>> {
    let make = |(at, (title, graph)): (usize, &(&str, &str))| -> Result<Reference> {
        let file = folder.join(format!("generated-{at}.mkv"));
        let mut args = words("-nostdin -v error -y -filter_complex");
        args.extend([format!("{graph}[v]"), "-map".to_owned(), "[v]".to_owned()]);
        args.extend(["-t".to_owned(), seconds.to_string()]);
        args.extend(words(LOSSLESS));
        args.push(file.display().to_string());
        run(&find("ffmpeg")?, &args)?;
        let title = (*title).to_owned();
        let seconds = f64::from(seconds);
        Ok(Reference {
            title,
            file,
            seconds,
        })
    };
    GENERATED.iter().enumerate().map(make).collect()
}

const LOSSLESS: &str = "-c:v libx264 -preset ultrafast -qp 0 -pix_fmt yuv420p -an";

fn lossless(folder: &Path, clip: &Path, number: usize) -> Result<Reference> {
    let file = folder.join(format!("real-{number}.mkv"));
    let mut args = words("-nostdin -v error -y -i");
    args.push(clip.display().to_string());
    args.extend(words("-map 0:v:0 -vf setpts=N/FRAME_RATE/TB"));
    args.extend(words(LOSSLESS));
    args.push(file.display().to_string());
    run(&find("ffmpeg")?, &args)?;
    let mut ask =
        words("-v error -of json -show_entries stream=width,height,avg_frame_rate:format=duration");
    ask.push(file.display().to_string());
    let probed: Value = serde_json::from_slice(&run(&find("ffprobe")?, &ask)?)?;
    let stream = |name: &str| {
        probed
            .pointer(&format!("/streams/0/{name}"))
            .map(|value| value.to_string().replace('"', ""))
            .unwrap_or_default()
    };
    let duration = probed.pointer("/format/duration").and_then(Value::as_str);
    Ok(Reference {
        title: format!(
            "real clip {number}: {}x{} at {}",
            stream("width"),
            stream("height"),
            stream("avg_frame_rate")
        ),
        file,
        seconds: duration.context("duration")?.parse()?,
    })
}

fn compare(
    folder: &Path,
    vmaf: &Path,
    reference: &Reference,
    (preset, crf, smaller): (&str, u32, u32),
) -> Result<Figures> {
    let encoded = folder.join("encoded.mp4");
    let mut encode = Command::new(find("ffmpeg")?);
    encode.args(words("-nostdin -v error -y -threads 1 -i"));
    encode.arg(&reference.file);
    if smaller > 1 {
        let scale = format!("scale=trunc(iw/{smaller}/2)*2:trunc(ih/{smaller}/2)*2:flags=bicubic");
        encode.args(["-vf", &scale]);
    }
    encode.args([
        "-c:v",
        "libx264",
        "-preset",
        preset,
        "-crf",
        &crf.to_string(),
    ]);
    encode.args(["-threads", "1"]).arg(&encoded);
    let cost = measure(&mut encode, &folder.join("log"))?;
    let report = folder.join("vmaf.json");
    // Picture for picture: the times of the two containers are rounded differently.
    let graph = format!(
        "[0:v]settb=AVTB,setpts=N*40000[e];[1:v]settb=AVTB,setpts=N*40000[r];\
         [e][r]scale2ref=flags=bicubic[e2][r2];[e2][r2]libvmaf=log_fmt=json:n_threads=2:log_path={}",
        report.display()
    );
    let mut args = words("-nostdin -v error -y -i");
    args.push(encoded.display().to_string());
    args.extend(["-i".to_owned(), reference.file.display().to_string()]);
    args.extend(["-lavfi".to_owned(), graph]);
    args.extend(words("-f null -"));
    run(vmaf, &args)?;
    let measured: Value = serde_json::from_slice(&std::fs::read(&report)?)?;
    let pooled = |name: &str| {
        measured
            .pointer(&format!("/pooled_metrics/vmaf/{name}"))
            .and_then(Value::as_f64)
            .with_context(|| name.to_owned())
    };
    let bits = std::fs::metadata(&encoded)?.len() as f64 * 8.0;
    Ok(Figures {
        vmaf: pooled("mean")?,
        worst: pooled("min")?,
        mbit_s: bits / reference.seconds / 1e6,
        cpu_s: cost.cpu_s / reference.seconds,
    })
}

fn table(title: &str, figures: &[Figures]) -> String {
    let mut text = format!(
        "### {title}\n\n| x264 | VMAF | worst picture | Mbit/s | CPU s per s |\n|---|--:|--:|--:|--:|\n"
    );
    for ((preset, crf, smaller), one) in CANDIDATES.iter().zip(figures) {
        let size = if *smaller > 1 { ", half size" } else { "" };
        writeln!(
            text,
            "| {preset}, crf {crf}{size} | {:.1} | {:.1} | {:.2} | {:.2} |",
            one.vmaf, one.worst, one.mbit_s, one.cpu_s
        )
        .ok();
    }
    text
}
