//! The filter chain from a picture's own shape, time and colours to the film's. Text only; [`super::graph`] joins chains.

use botflix_common::film::{FilmFormat, Fit, Quality, Rgb};
use botflix_common::task::{Picture, SourcePicture};

/// The last picture is held at most this long where a clip ends before its shot does. A clip that is shorter still is an error.
const MAX_HELD_SECONDS: f64 = 2.0;

/// Shots that start later than this are reached by seeking; before, decoding from the start costs less than it could go wrong.
const SEEK_FROM_SECONDS: f64 = 3.0;
/// How much earlier than the shot decoding begins: containers seek by decoding time, and B-frames are shown later than that.
pub(super) const SEEK_MARGIN_SECONDS: f64 = 1.0;

/// How a clip's pictures come to their places in the segment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reach {
    /// Decoded from its first picture on.
    FromStart,
    /// Decoded from the last key picture before this place of the container's own timeline, which is kept.
    Seek { container_seconds: f64 },
}

pub(super) fn reach(start_seconds: f64, first_picture_seconds: f64) -> Reach {
    if start_seconds > SEEK_FROM_SECONDS && first_picture_seconds.is_finite() {
        Reach::Seek {
            container_seconds: first_picture_seconds + start_seconds - SEEK_MARGIN_SECONDS,
        }
    } else {
        Reach::FromStart
    }
}

/// Frame `k` of the segment is the picture nearest to `start + k / fps`, counted from the clip's first picture, whatever its timestamp.
pub(super) fn timing(
    format: FilmFormat,
    start_seconds: f64,
    first_picture_seconds: f64,
    reach: Reach,
) -> Vec<String> {
    let from_first = match reach {
        Reach::FromStart => "setpts=PTS-STARTPTS".to_owned(),
        // `setpts` cuts what lies behind the point: without rounding, a time base as coarse as the frames would lose one.
        Reach::Seek { .. } => format!("setpts='round(PTS-({first_picture_seconds:.6})/TB)'"),
    };
    vec![
        from_first,
        format!(
            "fps=fps={}:start_time={start_seconds:.6}:round=near",
            format.fps
        ),
        "setpts=PTS-STARTPTS".to_owned(),
    ]
}

/// Holds the last picture for a while, and ends at the exact count.
pub(super) fn counted(format: FilmFormat, frames: u64) -> [String; 2] {
    let held = (format.fps.fps() * MAX_HELD_SECONDS).ceil();
    [
        format!("tpad=stop_mode=clone:stop={held}"),
        format!("trim=end_frame={frames}"),
    ]
}

/// What the shape depends on beside the picture itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) width: u32,
    pub(super) height: u32,
    /// `Cover` keeps what lies beyond the frame: a motion may show it.
    pub(super) whole: bool,
    pub(super) quality: Quality,
    /// This ffmpeg has zimg.
    pub(super) zscale: bool,
}

/// Size, colours, background. ffmpeg has applied the rotation before the first of these. `label` is unique in the graph.
pub(super) fn shaped(
    picture: &Picture,
    look: &SourcePicture,
    frame: Frame,
    label: &str,
) -> Vec<String> {
    let mut chain = Vec::new();
    if look.interlaced {
        chain.push("bwdif=mode=send_frame:parity=auto:deint=all".to_owned());
    }
    let bars = picture.fit == Fit::Contain && !is_grey(picture.background);
    // Filters that paint convert colours with BT.601's matrix: coloured ones are painted in RGB, greys need no matrix.
    let painted = look.alpha || bars;
    let scale = scale(picture.fit, frame);
    let matrix = in_matrix(look);
    let range = if look.full_range {
        ":in_range=full"
    } else {
        ""
    };
    if frame.zscale && (look.hdr || is_wide(look)) {
        chain.push(scale);
        chain.extend(if look.hdr {
            tone_mapped(look)
        } else {
            narrowed(look)
        });
        if painted {
            chain.push("scale=in_color_matrix=bt709:in_range=tv,format=gbrp".to_owned());
        }
    } else if look.alpha {
        chain.push(format!("{scale}{matrix}{range}"));
        chain.push(format!("format=rgba,{}", over(picture.background, label)));
    } else if painted {
        chain.push(format!("{scale}{matrix}{range},format=gbrp"));
    } else {
        chain.push(format!(
            "{scale}{matrix}{range}:out_color_matrix=bt709:out_range=tv"
        ));
    }
    chain.extend(framed(picture, frame));
    if painted {
        chain.push("scale=out_color_matrix=bt709:out_range=tv".to_owned());
    }
    chain.push("setsar=1".to_owned());
    chain
}

fn framed(picture: &Picture, frame: Frame) -> Option<String> {
    let Frame { width, height, .. } = frame;
    match picture.fit {
        Fit::Contain => Some(format!(
            "pad=eval=frame:w={width}:h={height}:x=-1:y=-1:color={}",
            hex(picture.background)
        )),
        Fit::Cover if frame.whole => None,
        Fit::Cover => Some(format!("crop=w={width}:h={height}")),
    }
}

/// Transparent parts show the background.
fn over(background: Rgb, label: &str) -> String {
    let Rgb([red, green, blue]) = background;
    // `drawbox` crashes on pictures with alpha in ffmpeg 5.1.9.
    format!(
        "split[{label}a][{label}b];[{label}a]format=rgb24,lutrgb=r={red}:g={green}:b={blue},format=gbrp[{label}c];[{label}c][{label}b]overlay=format=gbrp"
    )
}

fn hex(Rgb([red, green, blue]): Rgb) -> String {
    format!("0x{red:02x}{green:02x}{blue:02x}")
}

fn is_grey(Rgb([red, green, blue]): Rgb) -> bool {
    red == green && green == blue
}

/// SDR in the primaries of BT.2020.
fn is_wide(look: &SourcePicture) -> bool {
    !look.hdr && look.primaries.as_deref() == Some("bt2020")
}

/// An untagged matrix is BT.709 (or BT.2020 when HDR), as a copy of the clip would be taken to be.
fn in_matrix(look: &SourcePicture) -> &'static str {
    match (&look.matrix, look.hdr) {
        (Some(_), _) => "",
        (None, true) => ":in_color_matrix=bt2020",
        (None, false) => ":in_color_matrix=bt709",
    }
}

fn tone_mapped(look: &SourcePicture) -> Vec<String> {
    let matrix = if look.matrix.is_some() {
        ""
    } else {
        ":min=bt2020nc"
    };
    let primaries = if look.primaries.is_some() {
        ""
    } else {
        ":pin=bt2020"
    };
    let linear = format!("zscale=t=linear:npl=100{matrix}{primaries}");
    in_the_films_gamut(linear, Some("tonemap=tonemap=hable:desat=0"))
}

fn narrowed(look: &SourcePicture) -> Vec<String> {
    let range = if look.full_range { "full" } else { "limited" };
    let matrix = if look.matrix.is_some() {
        ""
    } else {
        ":min=bt2020nc"
    };
    let linear = format!("zscale=pin=bt2020:tin=bt709:rin={range}{matrix}:t=linear");
    in_the_films_gamut(linear, None)
}

/// What BT.709 cannot show goes to the edge of what it can: pictures of whole numbers in RGB have no other colours. Left to zimg, it would
/// stay as values below black and beyond the range of chroma, on some processors only.
fn in_the_films_gamut(linear: String, toned: Option<&str>) -> Vec<String> {
    let mut chain = vec![linear, "format=gbrpf32le".into(), "zscale=p=bt709".into()];
    chain.extend(toned.map(str::to_owned));
    chain.extend(["zscale=t=bt709", "format=gbrp10le", "zscale=m=bt709:r=tv"].map(str::to_owned));
    chain
}

/// To the largest even size inside the frame, or the smallest around it, in square pixels (`dar` has the sample aspect ratio in it). Evaluated
/// for each frame, because a clip's size may change.
fn scale(fit: Fit, frame: Frame) -> String {
    let Frame { width, height, .. } = frame;
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
    let flags = match frame.quality {
        Quality::Draft => "fast_bilinear",
        Quality::Standard | Quality::High => "bicubic",
    };
    format!("scale=eval=frame:w='{w}':h='{h}':flags={flags}")
}
