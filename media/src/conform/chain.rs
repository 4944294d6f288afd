//! The filter chain from a clip's pictures to the film's: time, shape, colour. Text only; [`super::conform`] runs it.

use botflix_common::film::{FilmFormat, Fit};
use botflix_common::task::ConformSpec;

/// The last picture is held at most this long where a clip ends before its shot does. A clip that is shorter still is an error.
const MAX_HELD_SECONDS: f64 = 2.0;

/// Which of the clip's colours are tagged. An untagged matrix is BT.709 (or BT.2020 when HDR), as a copy of the clip would be taken to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourceColour {
    pub(super) matrix_tagged: bool,
    pub(super) primaries_tagged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ToneMapping {
    None,
    Hable,
}

/// ffmpeg has applied the rotation before the first of these.
pub(super) fn filters(
    spec: &ConformSpec,
    colour: &SourceColour,
    tone_mapping: ToneMapping,
) -> String {
    let mut chain = Vec::new();
    if spec.source.interlaced {
        chain.push("bwdif=mode=send_frame:parity=auto:deint=all".to_owned());
    }
    chain.extend(timing(spec));
    chain.extend(picture(spec, colour, tone_mapping));
    chain.push("setsar=1".to_owned());
    chain.push("format=yuv420p".to_owned());
    let held = (spec.format.fps.fps() * MAX_HELD_SECONDS).ceil();
    chain.push(format!("tpad=stop_mode=clone:stop={held}"));
    chain.push(format!("trim=end_frame={}", spec.frames));
    chain.join(",")
}

/// Frame `k` of the segment is the picture nearest to `start + k / fps`, counted from the clip's first picture, whatever its timestamp.
fn timing(spec: &ConformSpec) -> [String; 3] {
    [
        "setpts=PTS-STARTPTS".to_owned(),
        format!(
            "fps=fps={}:start_time={:.6}:round=near",
            spec.format.fps, spec.start_seconds
        ),
        "setpts=PTS-STARTPTS".to_owned(),
    ]
}

fn picture(spec: &ConformSpec, colour: &SourceColour, tone_mapping: ToneMapping) -> Vec<String> {
    let scale = scale(spec.format, spec.fit);
    let range = if spec.source.full_range {
        ":in_range=full"
    } else {
        ""
    };
    let to_film = ":out_color_matrix=bt709:out_range=tv";
    let mut chain = if spec.source.hdr && tone_mapping == ToneMapping::Hable {
        let matrix = if colour.matrix_tagged {
            ""
        } else {
            ":min=bt2020nc"
        };
        let primaries = if colour.primaries_tagged {
            ""
        } else {
            ":pin=bt2020"
        };
        vec![
            scale,
            format!("zscale=t=linear:npl=100{matrix}{primaries}"),
            "format=gbrpf32le".to_owned(),
            "zscale=p=bt709".to_owned(),
            "tonemap=tonemap=hable:desat=0".to_owned(),
            "zscale=t=bt709:m=bt709:r=tv".to_owned(),
        ]
    } else {
        let matrix = match (colour.matrix_tagged, spec.source.hdr) {
            (true, _) => "",
            (false, true) => ":in_color_matrix=bt2020",
            (false, false) => ":in_color_matrix=bt709",
        };
        if spec.source.alpha {
            // Premultiplied in RGB is the picture over black.
            vec![
                format!("{scale}{matrix}{range}"),
                "format=gbrap".to_owned(),
                "premultiply=inplace=1".to_owned(),
                "format=gbrp".to_owned(),
                format!("scale={}", to_film.trim_start_matches(':')),
            ]
        } else {
            vec![format!("{scale}{matrix}{range}{to_film}")]
        }
    };
    let FilmFormat { width, height, .. } = spec.format;
    chain.push(match spec.fit {
        Fit::Contain => format!("pad=eval=frame:w={width}:h={height}:x=-1:y=-1:color=black"),
        Fit::Cover => format!("crop=w={width}:h={height}"),
    });
    chain
}

/// To the largest even size inside the frame, or the smallest around it, in square pixels (`dar` has the sample aspect ratio in it). Evaluated
/// for each frame, because a clip's size may change.
fn scale(format: FilmFormat, fit: Fit) -> String {
    let FilmFormat { width, height, .. } = format;
    let (w, h) = match fit {
        Fit::Contain => (
            format!("2*max(1,round(min({width},{height}*dar)/2))"),
            format!("2*max(1,round(min({height},{width}/dar)/2))"),
        ),
        Fit::Cover => (
            format!("2*ceil(max({width},{height}*dar)/2-0.01)"),
            format!("2*ceil(max({height},{width}/dar)/2-0.01)"),
        ),
    };
    format!("scale=eval=frame:w='{w}':h='{h}':flags=bicubic")
}

#[cfg(test)]
mod tests {
    use botflix_common::hash::Sha;
    use botflix_common::task::{EngineClass, SourcePicture};
    use botflix_common::units::FrameRate;

    use super::*;

    fn spec(fit: Fit) -> ConformSpec {
        ConformSpec {
            clip: Sha::of(b"clip"),
            engine: EngineClass::X264Cpu1,
            format: FilmFormat {
                width: 640,
                height: 360,
                fps: FrameRate::new(24000, 1001).unwrap(),
            },
            fit,
            start_seconds: 0.5,
            frames: 48,
            source: SourcePicture {
                interlaced: false,
                hdr: false,
                alpha: false,
                full_range: false,
            },
        }
    }

    #[test]
    fn time_comes_before_shape_and_the_count_comes_last() {
        let tagged = SourceColour {
            matrix_tagged: true,
            primaries_tagged: true,
        };
        let chain = filters(&spec(Fit::Contain), &tagged, ToneMapping::None);
        assert!(chain.starts_with("setpts=PTS-STARTPTS,fps=fps=24000/1001:start_time=0.500000"));
        assert!(chain.ends_with("tpad=stop_mode=clone:stop=48,trim=end_frame=48"));
        assert!(!chain.contains("in_color_matrix") && !chain.contains("bwdif"));
    }

    #[test]
    fn an_untagged_clip_is_taken_for_bt709_and_an_hdr_one_for_bt2020() {
        let untagged = SourceColour {
            matrix_tagged: false,
            primaries_tagged: false,
        };
        let mut spec = spec(Fit::Cover);
        assert!(filters(&spec, &untagged, ToneMapping::None).contains("in_color_matrix=bt709"));
        spec.source.hdr = true;
        assert!(filters(&spec, &untagged, ToneMapping::Hable).contains("min=bt2020nc:pin=bt2020"));
    }
}
