//! Makes clips with ffmpeg, and reads films back.

use std::path::Path;
use std::process::Command;

/// Runs ffmpeg; the last argument is the output.
pub fn ffmpeg(args: &[&str], out: &Path) {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(args)
        .arg(out)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "ffmpeg {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

pub fn ffprobe(args: &[&str], file: &Path) -> String {
    let output = Command::new("ffprobe")
        .args(["-v", "error"])
        .args(args)
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// x264 as one generator would run it: B-frames, closed GOPs, the same headers each time.
pub const GENERATOR: [&str; 8] = [
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-bf",
    "2",
    "-x264-params",
    "stitchable=1:open-gop=0",
];

/// Frame `n` of clip `number` is one flat colour: luma `20 + 5n`, blue difference `60 + 60 × number`.
pub fn counted(number: u32, frames: u32, rate: &str, out: &Path) {
    let picture = format!(
        "color=black:s=320x180:r={rate},format=yuv420p,geq=lum='20+5*N':cb='{}':cr=128",
        60 + 60 * number
    );
    let tone = format!("sine=f={}:r=48000:d=2", 300 + 200 * number);
    let frames = frames.to_string();
    let mut args = vec![
        "-f",
        "lavfi",
        "-i",
        &picture,
        "-f",
        "lavfi",
        "-i",
        &tone,
        "-frames:v",
        &frames,
    ];
    args.extend(GENERATOR);
    args.extend(["-c:a", "aac", "-b:a", "96k", "-shortest"]);
    ffmpeg(&args, out);
}

/// Luma, blue difference and red difference of each decoded picture's mean.
pub fn colours(film: &Path) -> Vec<[u8; 3]> {
    raw(
        film,
        &[
            "-map",
            "0:v",
            "-vf",
            "scale=32:18:flags=area,scale=1:1:flags=area,format=yuv444p",
            "-fps_mode",
            "passthrough",
            "-f",
            "rawvideo",
        ],
    )
    .as_chunks::<3>()
    .0
    .to_vec()
}

/// The left channel at 48 kHz.
pub fn samples(film: &Path) -> Vec<f32> {
    raw(film, &["-map", "0:a", "-f", "f32le"])
        .chunks_exact(8)
        .map(|frame| f32::from_le_bytes(frame[..4].try_into().unwrap()))
        .collect()
}

pub fn raw(film: &Path, args: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(film)
        .args(args)
        .arg("pipe:1")
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Integrated loudness and true peak as ffmpeg's own meter reads them: not the meter that made the film.
pub fn ebur128(film: &Path) -> (f64, f64) {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-i"])
        .arg(film)
        .args(["-map", "0:a", "-af", "ebur128=peak=true", "-f", "null", "-"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let summary = &text[text.rfind("Summary:").unwrap()..];
    let figure = |name: &str| -> f64 {
        let after = &summary[summary.find(name).unwrap() + name.len()..];
        after.split_whitespace().next().unwrap().parse().unwrap()
    };
    (figure("I:"), figure("Peak:"))
}

/// The same of a part of each picture, `width:height:x:y`.
pub fn cropped_colours(film: &Path, part: &str) -> Vec<[u8; 3]> {
    let filters = format!("crop={part},scale=8:8:flags=area,scale=1:1:flags=area,format=yuv444p");
    raw(
        film,
        &[
            "-map",
            "0:v",
            "-vf",
            &filters,
            "-fps_mode",
            "passthrough",
            "-f",
            "rawvideo",
        ],
    )
    .as_chunks::<3>()
    .0
    .to_vec()
}

/// The luma of each decoded picture, row by row.
pub fn lumas(film: &Path, pixels: usize) -> Vec<Vec<u8>> {
    raw(
        film,
        &[
            "-map",
            "0:v",
            "-fps_mode",
            "passthrough",
            "-vf",
            "extractplanes=y",
            "-f",
            "rawvideo",
        ],
    )
    .chunks(pixels)
    .map(<[u8]>::to_vec)
    .collect()
}
