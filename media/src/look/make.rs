//! One ffmpeg over the reel: the luma of every picture, the sheet of tiles, every candidate as a JPEG, and a small grey picture of each to judge
//! it by.

use std::path::{Path, PathBuf};

use super::excerpt::PICTURES_PER_SECOND;
use super::hashed::Hashed;
use super::merit::{self, LOOK_HEIGHT, LOOK_WIDTH};
use super::reel::Reel;
use super::storyboard::Sheet;
use crate::{Call, Context, MediaError, Program};

const POSTERS: usize = 3;
const POSTER_MAX_WIDTH: u32 = 1280;

/// JPEG is full-range BT.601.
const TO_JPEG: &str = "in_color_matrix=bt709:out_color_matrix=bt601:out_range=full";

/// All candidates in full size lie in memory: six of 1280 pixels have about 3 MB.
const MAX_CANDIDATE_BYTES: u64 = 64 << 20;

pub(super) struct Made {
    /// Of the picture at each join.
    pub(super) luma_crcs: Vec<u32>,
    /// Complaints of the decoder.
    pub(super) errors: u32,
    pub(super) posters: Vec<(PathBuf, u64)>,
    /// How many of the posters are black or of one colour.
    pub(super) blank: usize,
    pub(super) sheet: Sheet,
}

impl Made {
    /// More of its posters show something.
    pub(super) fn is_better_than(&self, other: &Self) -> bool {
        let show_something = |made: &Self| made.posters.len() - made.blank;
        show_something(self) > show_something(other)
    }
}

pub(super) async fn make(ctx: &Context, reel: &Reel, out_dir: &Path) -> Result<Made, MediaError> {
    let sheet = Sheet::new(
        out_dir.join("storyboard.jpg"),
        reel.tiles.len() as u32,
        reel.width,
        reel.height,
    );
    let candidates = ctx.scratch.join("look-candidates.mjpeg");
    let looks = ctx.scratch.join("look-candidates.gray");
    let mut hashed = Hashed::of_pictures_of(reel.width as usize * reel.height as usize);
    let output = ctx
        .chunks(call(reel, &sheet, &looks, &candidates), |bytes| {
            hashed.push(bytes);
            Ok(())
        })
        .await?
        .success(Program::Ffmpeg, false)?;
    let joins = reel.joins.iter();
    let luma_crcs = joins.filter_map(|place| hashed.pictures.get(*place as usize).copied());
    let (posters, blank) = posters(reel, &looks, &candidates, out_dir).await?;
    Ok(Made {
        luma_crcs: luma_crcs.collect(),
        errors: output.error_lines,
        posters,
        blank,
        sheet,
    })
}

fn call(reel: &Reel, sheet: &Sheet, looks: &Path, candidates: &Path) -> Call {
    let raw = |call: Call, pad| {
        call.args(["-map", pad, "-fps_mode", "passthrough"])
            .args(["-f", "rawvideo"])
    };
    let call = Call::new(Program::Ffmpeg)
        .args(["-threads", "2"])
        .own_input(&reel.file)
        .args(["-an", "-sn", "-dn", "-filter_complex", &graph(reel, sheet)])
        .media_seconds(reel.pictures as f64 / f64::from(PICTURES_PER_SECOND));
    let call = if reel.joins.is_empty() {
        call
    } else {
        raw(call, "[luma]").arg("pipe:1")
    };
    let call = raw(call, "[look]").output(looks);
    let call = jpeg(call, "[poster]", "3")
        .args(["-f", "mjpeg"])
        .output(candidates);
    jpeg(call, "[sheet]", "5")
        .args(["-frames:v", "1", "-f", "image2", "-update", "1"])
        .output(&sheet.file)
}

/// The best of the candidates, in files, and how many of them show nothing. None at all, if the film is damaged: its check says so.
async fn posters(
    reel: &Reel,
    looks: &Path,
    candidates: &Path,
    out_dir: &Path,
) -> Result<(Vec<(PathBuf, u64)>, usize), MediaError> {
    let looks = tokio::fs::read(looks)
        .await
        .map_err(MediaError::io("reading the looks of candidates"))?;
    let merits = looks
        .chunks_exact(LOOK_WIDTH * LOOK_HEIGHT)
        .map(merit::merit);
    let frames = reel.posters.iter().map(|(_, frame)| *frame);
    let judged: Vec<_> = frames.clone().zip(merits).collect();
    let jpegs = read_jpegs(candidates).await?;
    if judged.len() != reel.posters.len() || jpegs.len() != judged.len() {
        tracing::warn!(
            looks = judged.len(),
            jpegs = jpegs.len(),
            candidates = reel.posters.len(),
            "pictures of the film do not decode"
        );
        return Ok((Vec::new(), 0));
    }
    let mut posters = Vec::new();
    let mut blank = 0;
    for (frame, merit) in merit::choose(&judged, POSTERS) {
        blank += usize::from(!merit.shows_something);
        let bytes = frames
            .clone()
            .zip(&jpegs)
            .find(|(other, _)| *other == frame);
        let Some((_, bytes)) = bytes else { continue };
        let path = out_dir.join(match posters.len() {
            0 => "poster.jpg".to_owned(),
            before => format!("poster_{}.jpg", before + 1),
        });
        tokio::fs::write(&path, bytes)
            .await
            .map_err(MediaError::io("storing a poster"))?;
        posters.push((path, frame));
    }
    Ok((posters, blank))
}

/// The options of an output of still pictures.
fn jpeg(call: Call, pad: &str, quality: &str) -> Call {
    call.args([
        "-map",
        pad,
        "-fps_mode",
        "passthrough",
        "-c:v",
        "mjpeg",
        "-threads",
        "1",
    ])
    .args(["-q:v", quality, "-map_metadata", "-1"])
    .args(["-fflags", "+bitexact", "-flags:v", "+bitexact"])
}

fn graph(reel: &Reel, sheet: &Sheet) -> String {
    let wanted: Vec<String> = reel
        .posters
        .iter()
        .map(|(place, _)| format!("eq(n\\,{place})"))
        .collect();
    let wanted = wanted.join("+");
    let tiles = reel.tiles.len();
    let Sheet {
        columns,
        rows,
        tile_width,
        tile_height,
        ..
    } = sheet;
    let (split, luma) = if reel.joins.is_empty() {
        ("split", "")
    } else {
        ("split=3[all]", "[all]extractplanes=y[luma];")
    };
    format!(
        "[0:v:0]{split}[tiles][rest];{luma}\
         [tiles]trim=end_frame={tiles},scale=w={tile_width}:h={tile_height}:flags=area:{TO_JPEG},format=yuvj420p,\
         tile=layout={columns}x{rows}[sheet];\
         [rest]select={wanted},split[full][small];\
         [full]scale=w=min({POSTER_MAX_WIDTH}\\,iw):h=-2:flags=lanczos:{TO_JPEG},format=yuvj420p[poster];\
         [small]scale=w={LOOK_WIDTH}:h={LOOK_HEIGHT}:flags=area:out_range=full,format=gray[look]"
    )
}

/// One after another in a file: each ends with a marker that occurs nowhere else in it. None, if they are too large to be such.
async fn read_jpegs(file: &Path) -> Result<Vec<Vec<u8>>, MediaError> {
    const END: [u8; 2] = [0xff, 0xd9];
    let io = || MediaError::io("reading the candidates for posters");
    let size = tokio::fs::metadata(file).await.map_err(io())?.len();
    if size > MAX_CANDIDATE_BYTES {
        return Ok(Vec::new());
    }
    let bytes = tokio::fs::read(file).await.map_err(io())?;
    let mut jpegs = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some(end) = rest.windows(2).position(|pair| pair == END) {
        let (jpeg, after) = rest.split_at(end + END.len());
        jpegs.push(jpeg.to_owned());
        rest = after;
    }
    Ok(jpegs)
}
