//! What this ffmpeg can do here, found out by doing it. Encoders stand in `-encoders` on hosts that cannot use them, so the list only says
//! what is worth a try: the proof is a picture that was encoded and decoded again and looks the same.

use std::time::Duration;

use botflix_common::film::{FilmFormat, Quality};
use botflix_common::task::EngineClass;
use botflix_common::units::FrameRate;
use ffmpeg_sidecar::log_parser::try_parse_version;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{Engine, Prove};
use crate::conform::encoder;
use crate::error::MediaError;
use crate::process::{self, Call, Job, Program};
use crate::progress::Progress;

/// `-version` and one encoded frame take 0.2 s; a cold, loaded host gets this much.
pub(super) const DISCOVERY_DEADLINE: Duration = Duration::from_secs(60);

/// A driver that hangs must not keep a host from its other work for long.
const DEVICE_DEADLINE: Duration = Duration::from_secs(15);

/// Larger than the smallest picture that any of the devices takes.
const WIDTH: u32 = 320;
const HEIGHT: u32 = 192;
const FRAMES: u64 = 2;
/// A flat grey of this luma must come back within the tolerance.
const LUMA: u8 = 100;
const TOLERANCE: u8 = 6;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Proof {
    pub(super) version: String,
    pub(super) encoders: Vec<EngineClass>,
    /// What was tried or looked for in vain, and why. For operators.
    pub(super) refused: Vec<(EngineClass, String)>,
    pub(super) zscale: bool,
}

pub(super) async fn prove(engine: &Engine, prove: Prove) -> Result<Proof, MediaError> {
    let version = ask_version(engine, Program::Ffmpeg).await?;
    ask_version(engine, Program::Ffprobe).await?;
    let filters = listed(engine, "-filters").await?;
    let mut proof = Proof {
        version,
        zscale: has(&filters, "zscale") && has(&filters, "tonemap"),
        ..Proof::default()
    };
    aac(engine).await?;
    match encoded_and_decoded(engine, EngineClass::X264Cpu1).await {
        Ok(()) => proof.encoders.push(EngineClass::X264Cpu1),
        Err(MediaError::Ffmpeg { stderr_tail, .. }) => {
            return Err(MediaError::EngineUnfit {
                detail: "it cannot encode with libx264 and decode that here".to_owned(),
                stderr_tail,
            });
        }
        Err(other) => return Err(other),
    }
    let host = &engine.shared.host;
    match prove {
        Prove::Needed => {}
        Prove::Devices if host.nodes.is_empty() => {}
        Prove::Devices => choices(engine, &mut proof, EngineClass::is_gpu).await?,
        Prove::All => choices(engine, &mut proof, |_| true).await?,
    }
    Ok(proof)
}

async fn choices(
    engine: &Engine,
    proof: &mut Proof,
    wanted: impl Fn(EngineClass) -> bool,
) -> Result<(), MediaError> {
    let encoders = listed(engine, "-encoders").await?;
    let host = &engine.shared.host;
    for class in EngineClass::ALL {
        if class == EngineClass::X264Cpu1 || !wanted(class) {
            continue;
        }
        let name = encoder::name(class);
        let hopeless = if has(&encoders, name) {
            match class {
                EngineClass::NvencH264 | EngineClass::NvencHevc | EngineClass::NvencAv1 => {
                    host.without_nvenc()
                }
                EngineClass::VaapiH264 | EngineClass::QsvH264 => host.without_render_node(),
                EngineClass::X264Cpu1 | EngineClass::X265Cpu1 | EngineClass::SvtAv1Cpu1 => None,
            }
        } else {
            Some(format!("this build has no {name}"))
        };
        let tried = match hopeless {
            Some(why) => Err(why),
            None => encoded_and_decoded(engine, class)
                .await
                .map_err(|error| reason(&error)),
        };
        match tried {
            Ok(()) => proof.encoders.push(class),
            Err(why) => proof.refused.push((class, why)),
        }
    }
    Ok(())
}

/// One line that an operator can act on.
fn reason(error: &MediaError) -> String {
    match error {
        MediaError::Ffmpeg { stderr_tail, .. } => {
            let first = stderr_tail.lines().find(|line| !line.trim().is_empty());
            format!(
                "listed, but it does not encode here: {}",
                first.unwrap_or("it failed")
            )
        }
        other => format!("listed, but it does not encode here: {other}"),
    }
}

async fn encoded_and_decoded(engine: &Engine, class: EngineClass) -> Result<(), MediaError> {
    let fps = FrameRate::from_decimal(24.0).map_err(|error| unfit(error.to_string()))?;
    let format = FilmFormat {
        width: WIDTH,
        height: HEIGHT,
        fps,
    };
    let source =
        format!("color=black:s={WIDTH}x{HEIGHT}:r=24,geq=lum={LUMA}:cb=128:cr=128,format=yuv420p");
    let device = engine.shared.host.render_node();
    let mut call = Call::new(Program::Ffmpeg);
    call = encoder::before_inputs(call, class, device)
        .args(["-f", "lavfi", "-i", &source])
        .args(["-frames:v", &FRAMES.to_string()]);
    if let Some(upload) = encoder::upload(class) {
        call = call.args(["-vf", upload]);
    }
    let call = call
        .args(encoder::arguments(class, Quality::Standard, format))
        .args(["-f", "matroska", "pipe:1"]);
    let call = if class.is_gpu() {
        call.deadline(DEVICE_DEADLINE).devices(engine.devices())
    } else {
        call.deadline(DISCOVERY_DEADLINE)
    };
    let encoded = run_alone(engine, call).await?;
    let decode = Call::new(Program::Ffmpeg)
        .args(["-f", "matroska", "-i", "pipe:0"])
        .args(["-vf", "extractplanes=y", "-f", "rawvideo", "pipe:1"])
        .deadline(DISCOVERY_DEADLINE);
    let decoded = feed_alone(engine, decode, &encoded).await?;
    let expected = (u64::from(WIDTH) * u64::from(HEIGHT) * FRAMES) as usize;
    let alike = decoded.iter().all(|luma| luma.abs_diff(LUMA) <= TOLERANCE);
    if decoded.len() == expected && alike {
        Ok(())
    } else {
        Err(unfit(format!(
            "{} encodes pictures that cannot be decoded again",
            encoder::name(class)
        )))
    }
}

async fn aac(engine: &Engine) -> Result<(), MediaError> {
    let call = Call::new(Program::Ffmpeg)
        .args(["-f", "lavfi", "-i", "sine=sample_rate=48000"])
        .args(["-t", "0.1", "-c:a", "aac", "-f", "nut", "pipe:1"])
        .deadline(DISCOVERY_DEADLINE);
    match run_alone(engine, call).await {
        Ok(encoded) if !encoded.is_empty() => Ok(()),
        Ok(_) => Err(unfit("aac encoded nothing".to_owned())),
        Err(MediaError::Ffmpeg { stderr_tail, .. }) => Err(MediaError::EngineUnfit {
            detail: "it cannot encode with aac here".to_owned(),
            stderr_tail,
        }),
        Err(other) => Err(other),
    }
}

pub(super) async fn listed(engine: &Engine, what: &str) -> Result<String, MediaError> {
    let call = Call::new(Program::Ffmpeg)
        .arg(what)
        .deadline(DISCOVERY_DEADLINE);
    let output = run_alone(engine, call).await?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

/// Lists have flags, then the name.
pub(super) fn has(list: &str, name: &str) -> bool {
    list.lines()
        .any(|line| line.split_whitespace().nth(1) == Some(name))
}

async fn ask_version(engine: &Engine, program: Program) -> Result<String, MediaError> {
    let call = Call::new(program)
        .arg("-version")
        .deadline(DISCOVERY_DEADLINE);
    let output = run_alone(engine, call).await?;
    let text = String::from_utf8_lossy(&output);
    let first = text.lines().next().unwrap_or_default();
    // ffprobe says "ffprobe version …" in the same shape.
    try_parse_version(&first.replacen("ffprobe", "ffmpeg", 1))
        .map(|version| format!("ffmpeg {version}"))
        .ok_or_else(|| MediaError::EngineUnfit {
            detail: format!("{} does not say its version", program.name()),
            stderr_tail: first.to_owned(),
        })
}

pub(super) async fn run_alone(engine: &Engine, call: Call) -> Result<Vec<u8>, MediaError> {
    let job = Job {
        engine,
        scratch: None,
        progress: &Progress::none(),
        cancel: &CancellationToken::new(),
    };
    Ok(process::collect(&job, call).await?.stdout)
}

pub(super) async fn feed_alone(
    engine: &Engine,
    call: Call,
    source: &[u8],
) -> Result<Vec<u8>, MediaError> {
    let job = Job {
        engine,
        scratch: None,
        progress: &Progress::none(),
        cancel: &CancellationToken::new(),
    };
    Ok(process::feed(&job, call, source).await?.stdout)
}

pub(super) fn unfit(detail: String) -> MediaError {
    MediaError::EngineUnfit {
        detail,
        stderr_tail: String::new(),
    }
}
