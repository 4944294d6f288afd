//! The command line of each class of encoder. All segments of one class, quality and format share their parameter sets, and on a processor
//! the same pictures give the same bytes.

use std::path::Path;

use botflix_common::film::{FilmFormat, Quality, VideoCodec};
use botflix_common::task::EngineClass;

use crate::Call;

/// Between key frames, so that players seek well and a later trim finds a place to copy from.
const GOP_SECONDS: f64 = 2.0;

const COLOUR_TAGS: [&str; 8] = [
    "-color_primaries",
    "bt709",
    "-color_trc",
    "bt709",
    "-colorspace",
    "bt709",
    "-color_range",
    "tv",
];

/// ffmpeg's name of the encoder.
pub(crate) fn name(class: EngineClass) -> &'static str {
    match class {
        EngineClass::X264Cpu1 => "libx264",
        EngineClass::X265Cpu1 => "libx265",
        EngineClass::SvtAv1Cpu1 => "libsvtav1",
        EngineClass::NvencH264 => "h264_nvenc",
        EngineClass::NvencHevc => "hevc_nvenc",
        EngineClass::NvencAv1 => "av1_nvenc",
        EngineClass::VaapiH264 => "h264_vaapi",
        EngineClass::QsvH264 => "h264_qsv",
    }
}

/// Opens the device that the encoder works on; nothing for the others.
pub(crate) fn before_inputs(call: Call, class: EngineClass, render_node: Option<&Path>) -> Call {
    match (class, render_node) {
        (EngineClass::VaapiH264, Some(node)) => call.arg("-vaapi_device").arg(node),
        _ => call,
    }
}

/// The last filters before the encoder, where pictures must be on the device.
pub(crate) fn upload(class: EngineClass) -> Option<&'static str> {
    match class {
        EngineClass::VaapiH264 => Some("format=nv12,hwupload"),
        EngineClass::QsvH264 => Some("format=nv12"),
        _ => None,
    }
}

/// From `-c:v` to the colour tags.
pub(crate) fn arguments(class: EngineClass, quality: Quality, format: FilmFormat) -> Vec<String> {
    let gop = ((format.fps.fps() * GOP_SECONDS).round() as u64).max(1);
    let mut args = vec!["-c:v".to_owned(), name(class).to_owned()];
    args.extend(settings(class, quality, gop));
    args.extend(["-g".to_owned(), gop.to_string()]);
    if !matches!(class, EngineClass::SvtAv1Cpu1) {
        args.extend(["-keyint_min".to_owned(), gop.to_string()]);
    }
    args.extend(COLOUR_TAGS.map(str::to_owned));
    args.extend(["-fflags", "+bitexact", "-flags:v", "+bitexact"].map(str::to_owned));
    match class.codec() {
        // The SEI that x264 adds names its build and options: not part of the picture.
        VideoCodec::H264 => {
            args.extend(["-bsf:v", "filter_units=remove_types=6"].map(str::to_owned));
        }
        // What Apple's players ask for: parameter sets in the sample entry only.
        VideoCodec::Hevc => args.extend(["-tag:v", "hvc1"].map(str::to_owned)),
        VideoCodec::Av1 => {}
    }
    args
}

/// One value for each quality: draft, standard, high.
struct Choice {
    preset: [&'static str; 3],
    level: [&'static str; 3],
}

impl Choice {
    fn of(&self, quality: Quality) -> (&'static str, &'static str) {
        let [draft, standard, high] = self.preset;
        let [coarse, plain, fine] = self.level;
        match quality {
            Quality::Draft => (draft, coarse),
            Quality::Standard => (standard, plain),
            Quality::High => (high, fine),
        }
    }
}

/// Chosen by VMAF, size and processor time: docs/quality.md.
const X264: Choice = Choice {
    preset: ["ultrafast", "veryfast", "faster"],
    level: ["32", "18", "16"],
};
const X265: Choice = Choice {
    preset: ["ultrafast", "fast", "medium"],
    level: ["30", "20", "18"],
};
const SVT_AV1: Choice = Choice {
    preset: ["12", "8", "5"],
    level: ["42", "28", "22"],
};
const NVENC: Choice = Choice {
    preset: ["p1", "p4", "p6"],
    level: ["32", "21", "18"],
};
const VAAPI: Choice = Choice {
    preset: ["7", "4", "1"],
    level: ["30", "21", "18"],
};
const QSV: Choice = Choice {
    preset: ["veryfast", "medium", "slow"],
    level: ["30", "21", "18"],
};

fn settings(class: EngineClass, quality: Quality, gop: u64) -> Vec<String> {
    let words = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
    match class {
        EngineClass::X264Cpu1 => {
            let (preset, crf) = X264.of(quality);
            // `stitchable` keeps the headers free of what this content alone would allow: segments then share them.
            words(&format!(
                "-preset {preset} -crf {crf} -profile:v high -threads 1 -sc_threshold 0 -x264-params stitchable=1:open-gop=0"
            ))
        }
        EngineClass::X265Cpu1 => {
            let (preset, crf) = X265.of(quality);
            // It takes its threads from its own parameters, and its key frames, too.
            words(&format!(
                "-preset {preset} -crf {crf} -x265-params pools=none:frame-threads=1:open-gop=0:scenecut=0:keyint={gop}:min-keyint={gop}:repeat-headers=0:info=0:log-level=error"
            ))
        }
        EngineClass::SvtAv1Cpu1 => {
            let (preset, crf) = SVT_AV1.of(quality);
            // One logical processor; key frames that nothing refers across.
            words(&format!(
                "-preset {preset} -crf {crf} -svtav1-params lp=1:scd=0:irefresh-type=2"
            ))
        }
        EngineClass::NvencH264 | EngineClass::NvencHevc | EngineClass::NvencAv1 => {
            let (preset, cq) = NVENC.of(quality);
            words(&format!(
                "-preset {preset} -rc vbr -cq {cq} -b:v 0 -no-scenecut 1 -strict_gop 1 -forced-idr 1"
            ))
        }
        EngineClass::VaapiH264 => {
            let (speed, qp) = VAAPI.of(quality);
            words(&format!(
                "-compression_level {speed} -rc_mode CQP -qp {qp} -profile:v high"
            ))
        }
        EngineClass::QsvH264 => {
            let (preset, level) = QSV.of(quality);
            words(&format!(
                "-preset {preset} -global_quality {level} -look_ahead 0 -profile:v high"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use botflix_common::units::FrameRate;

    use super::*;

    #[test]
    fn every_class_has_a_command_line_with_its_encoder_its_gop_and_its_colours() {
        let format = FilmFormat {
            width: 320,
            height: 180,
            fps: FrameRate::new(30000, 1001).unwrap(),
        };
        let mut seen = std::collections::BTreeSet::new();
        for class in EngineClass::ALL {
            for quality in [Quality::Draft, Quality::Standard, Quality::High] {
                let line = arguments(class, quality, format).join(" ");
                assert!(
                    line.starts_with(&format!("-c:v {} ", name(class))),
                    "{line}"
                );
                assert!(line.contains("-g 60 ") && line.contains("bt709"), "{line}");
                assert!(seen.insert(line));
            }
        }
        assert_eq!(upload(EngineClass::X264Cpu1), None);
    }
}
