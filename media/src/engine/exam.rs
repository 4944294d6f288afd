//! What this ffmpeg decodes here, and how fast it encodes: found out by doing it, once at a worker's start.
//!
//! A decoder is proven by frames of a tiny clip that the same ffmpeg encodes. What it cannot encode cannot be proven so and is left out.

use std::collections::BTreeSet;
use std::time::Instant;

use botflix_common::film::{FilmFormat, Quality};
use botflix_common::task::EngineClass;
use botflix_common::units::FrameRate;

use super::Engine;
use super::proof::{DISCOVERY_DEADLINE, feed_alone, has, listed, run_alone, unfit};
use crate::conform::encoder;
use crate::error::MediaError;
use crate::process::{Call, Program};

const YUV420P: (&str, &str) = ("pix_fmt", "yuv420p");

/// A codec, what encodes a clip of it, and how.
struct Sample {
    codec: &'static str,
    encoder: &'static str,
    arguments: &'static [(&'static str, &'static str)],
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Picture,
    Sound,
}

const PICTURES: [Sample; 8] = [
    picture("h264", "libx264", &[("preset", "ultrafast"), YUV420P]),
    picture(
        "hevc",
        "libx265",
        &[
            ("preset", "ultrafast"),
            ("x265-params", "log-level=none:pools=none"),
            YUV420P,
        ],
    ),
    picture("av1", "libsvtav1", &[("preset", "12"), YUV420P]),
    picture("vp9", "libvpx-vp9", &[("deadline", "realtime"), YUV420P]),
    picture("mpeg4", "mpeg4", &[YUV420P]),
    picture("prores", "prores_ks", &[("pix_fmt", "yuv422p10le")]),
    picture("mjpeg", "mjpeg", &[("pix_fmt", "yuvj420p")]),
    picture("png", "png", &[("pix_fmt", "rgb24")]),
];

const SOUNDS: [Sample; 5] = [
    sound("aac", "aac"),
    sound("mp3", "libmp3lame"),
    sound("opus", "libopus"),
    sound("flac", "flac"),
    sound("pcm", "pcm_s16le"),
];

const fn picture(
    codec: &'static str,
    encoder: &'static str,
    arguments: &'static [(&'static str, &'static str)],
) -> Sample {
    Sample {
        codec,
        encoder,
        arguments,
        kind: Kind::Picture,
    }
}

const fn sound(codec: &'static str, encoder: &'static str) -> Sample {
    Sample {
        codec,
        encoder,
        arguments: &[],
        kind: Kind::Sound,
    }
}

/// Without which nothing works.
const NEEDED: [&str; 2] = ["h264", "aac"];
/// Seconds of film that the benchmark encodes.
const BENCHMARK_SECONDS: u32 = 1;

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Exam {
    /// Of each codec that could be tried, by name: the name, and why it does not decode.
    pub decoders: Vec<(&'static str, Result<(), String>)>,
    /// Seconds of 1280×720 at 24 frames per second that are encoded as H.264 in a second, by the processor alone.
    pub speed_720p: f64,
}

impl Engine {
    /// Takes a second or so. Fails only where nothing can work: H.264 or AAC does not decode, or nothing is encoded.
    pub async fn examine(&self) -> Result<Exam, MediaError> {
        let encoders = listed(self, "-encoders").await?;
        let samples: Vec<&Sample> = PICTURES
            .iter()
            .chain(&SOUNDS)
            .filter(|sample| has(&encoders, sample.encoder))
            .collect();
        // All in two processes: starting one takes longer than what it does. When that fails, each alone, to see which it was.
        let together = decoded(self, &samples).await.ok();
        let mut found = Vec::new();
        for (stream, sample) in samples.iter().enumerate() {
            let worked = together.as_ref().is_some_and(|seen| seen.contains(&stream));
            let tried = if worked {
                Ok(())
            } else {
                alone(self, sample).await
            };
            match tried {
                Err(error) if NEEDED.contains(&sample.codec) => return Err(error),
                tried => found.push((sample.codec, tried.map_err(|error| reason(&error)))),
            }
        }
        found.sort_by_key(|(codec, _)| *codec);
        Ok(Exam {
            decoders: found,
            speed_720p: benchmark(self).await?,
        })
    }
}

/// One line that an operator can act on.
fn reason(error: &MediaError) -> String {
    match error {
        MediaError::Ffmpeg { stderr_tail, .. } => {
            let mut lines = stderr_tail.lines().filter(|line| !line.trim().is_empty());
            let first = lines.next().unwrap_or("it failed");
            format!("it does not decode here: {first}")
        }
        other => format!("it does not decode here: {other}"),
    }
}

async fn alone(engine: &Engine, sample: &Sample) -> Result<(), MediaError> {
    if decoded(engine, &[sample]).await?.contains(&0) {
        Ok(())
    } else {
        Err(unfit(format!("nothing of {} is decoded", sample.codec)))
    }
}

/// Encodes a clip with a stream of each and decodes it: the streams that something came of.
async fn decoded(engine: &Engine, samples: &[&Sample]) -> Result<BTreeSet<usize>, MediaError> {
    let mut call = Call::new(Program::Ffmpeg)
        .args(["-f", "lavfi", "-i", "testsrc2=s=64x64:r=24:d=0.1"])
        .args(["-f", "lavfi", "-i", "sine=sample_rate=48000:duration=0.1"]);
    for (stream, sample) in samples.iter().enumerate() {
        let source = match sample.kind {
            Kind::Picture => "0:v",
            Kind::Sound => "1:a",
        };
        call = call
            .args(["-map", source])
            .args([&format!("-c:{stream}"), sample.encoder]);
        for (name, value) in sample.arguments {
            call = call.args([&format!("-{name}:{stream}"), *value]);
        }
    }
    let call = call
        .args(["-f", "matroska", "pipe:1"])
        .deadline(DISCOVERY_DEADLINE);
    let clip = run_alone(engine, call).await?;
    let call = Call::new(Program::Ffmpeg)
        .args(["-f", "matroska", "-i", "pipe:0"])
        .args(["-map", "0", "-f", "framecrc", "pipe:1"])
        .deadline(DISCOVERY_DEADLINE);
    let lines = feed_alone(engine, call, &clip).await?;
    // A line for each decoded frame begins with its stream; others begin with a hash sign.
    let lines = String::from_utf8_lossy(&lines);
    let streams = lines.lines().filter_map(|line| line.split(',').next());
    Ok(streams
        .filter_map(|stream| stream.trim().parse().ok())
        .collect())
}

async fn benchmark(engine: &Engine) -> Result<f64, MediaError> {
    let fps = FrameRate::from_decimal(24.0).map_err(|error| unfit(error.to_string()))?;
    let format = FilmFormat {
        width: 1280,
        height: 720,
        fps,
    };
    let source = format!("testsrc2=s=1280x720:r=24:d={BENCHMARK_SECONDS}");
    let call = Call::new(Program::Ffmpeg)
        .args(["-f", "lavfi", "-i", &source, "-pix_fmt", "yuv420p"])
        .args(encoder::arguments(
            EngineClass::X264Cpu1,
            Quality::Standard,
            format,
        ))
        .args(["-f", "matroska", "pipe:1"])
        .deadline(DISCOVERY_DEADLINE);
    let since = Instant::now();
    run_alone(engine, call).await?;
    Ok(f64::from(BENCHMARK_SECONDS) / since.elapsed().as_secs_f64().max(0.001))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineConfig;
    use crate::sandbox::SandboxPolicy;

    #[tokio::test]
    async fn every_codec_that_this_host_encodes_is_decoded_and_the_benchmark_has_a_speed() {
        let engine = Engine::discover(EngineConfig {
            sandbox: SandboxPolicy::Off,
            ..EngineConfig::default()
        })
        .await
        .unwrap();
        let exam = engine.examine().await.unwrap();
        let names: Vec<_> = exam.decoders.iter().map(|(codec, _)| *codec).collect();
        assert!(
            names.contains(&"h264") && names.contains(&"aac"),
            "{names:?}"
        );
        for (codec, tried) in &exam.decoders {
            assert_eq!(*tried, Ok(()), "{codec}");
        }
        assert!(exam.speed_720p > 0.0);
    }
}
