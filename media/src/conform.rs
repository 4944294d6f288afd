//! One segment's pictures, encoded into the film's format: exactly the frames the plan asks for, in a file whose parameter sets equal those of
//! every other segment of the same format, quality and engine class. Knows one segment, nothing of the film around it.

mod blend;
mod chain;
mod colour;
pub(crate) mod encoder;
mod graph;
mod made;
mod motion;
mod moving;
mod overlay;
mod resample;
mod still;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use botflix_common::failure::WhoCanFix;
use botflix_common::hash::Sha;
use botflix_common::task::{Blend, ConformSpec, Picture, PictureSource};

use self::graph::{Graph, Stream};
use self::made::{Made, Under};
use crate::{Call, Context, MediaError, mp4};

/// How long ffmpeg may be silent.
const STALL_LIMIT: Duration = Duration::from_secs(60);
/// Twice the time that is decoded and dropped before a shot begins, at most.
const REACH_LIMIT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conformed {
    /// Counted in the file; what the spec asked for.
    pub frames: u64,
}

/// Writes the segment to `out` (MP4, pictures only). `files` has the clips and stills that the spec names.
pub async fn conform(
    ctx: &Context,
    spec: &ConformSpec,
    files: &HashMap<Sha, PathBuf>,
    out: &Path,
) -> Result<Conformed, MediaError> {
    let sources = Sources { ctx, spec, files };
    let overlays =
        overlay::prepare(ctx, &spec.overlays, spec.quality, spec.frames, spec.format).await?;
    let mut graph = Graph::new();
    graph.with(|call| {
        let node = ctx.engine.devices().iter().find(|node| {
            node.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("renderD"))
        });
        encoder::before_inputs(call, spec.engine, node.map(PathBuf::as_path))
    });
    let (mut picture, drawn) = sources.picture(&mut graph).await?;
    for placed in &overlays {
        picture = overlay::lay(&mut graph, &picture, placed, spec.format);
    }
    let last = encoder::upload(spec.engine).unwrap_or("format=yuv420p");
    picture = graph.chain(&[&picture], last);
    let call = output(graph.finish(&picture), ctx, spec, out);
    let part = ctx.part(0.0, 0.98);
    match drawn {
        Some((over, under)) => {
            let (frames, drawing) = made::draw(over, under, spec.frames, spec.format);
            part.feed(call, frames).await?;
            drawing.await.map_err(|error| MediaError::Io {
                doing: "drawing pictures".to_owned(),
                source: std::io::Error::other(error),
            })?;
        }
        None => {
            part.run(call).await?;
        }
    }
    let frames = count(out).await?;
    if frames != spec.frames {
        return Err(too_short(frames, spec.frames));
    }
    ctx.progress.report(1.0, None);
    Ok(Conformed { frames })
}

fn output(call: Call, ctx: &Context, spec: &ConformSpec, out: &Path) -> Call {
    let fps = spec.format.fps;
    let call = if spec.engine.is_gpu() {
        call.devices(ctx.engine.devices())
    } else {
        call
    };
    call.args(["-map_metadata", "-1", "-map_chapters", "-1"])
        .args(["-fps_mode", "passthrough"])
        .args(["-frames:v", &spec.frames.to_string()])
        .args(encoder::arguments(spec.engine, spec.quality, spec.format))
        .args(["-video_track_timescale", &fps.timescale().0.to_string()])
        .args(["-f", "mp4"])
        .stall_limit(STALL_LIMIT + REACH_LIMIT)
        .media_seconds(fps.seconds_at(spec.frames))
        .output(out)
}

/// What this process draws and feeds: the picture, and the one under it where that is drawn, too.
type Drawn = Option<(Made, Option<Under>)>;

struct Sources<'a> {
    ctx: &'a Context,
    spec: &'a ConformSpec,
    files: &'a HashMap<Sha, PathBuf>,
}

impl Sources<'_> {
    /// The segment's picture in the film's format, before texts.
    async fn picture(&self, graph: &mut Graph) -> Result<(Stream, Drawn), MediaError> {
        let spec = self.spec;
        let over = self.made(&spec.picture).await?;
        let Some(blend) = &spec.under else {
            return match over {
                Some(made) => Ok((graph.fed(spec.format), Some((made, None)))),
                None => Ok((self.clip(graph, &spec.picture)?, None)),
            };
        };
        let under = self.made(&blend.picture).await?;
        match (over, under) {
            (Some(over), Some(made)) => {
                let under = Under {
                    made,
                    blend: blend.clone(),
                };
                Ok((graph.fed(spec.format), Some((over, Some(under)))))
            }
            (Some(over), None) => {
                let new = graph.fed(spec.format);
                let old = self.clip(graph, &blend.picture)?;
                let mixed = self.mixed(graph, &new, &old, blend).await?;
                Ok((mixed, Some((over, None))))
            }
            (None, Some(under)) => {
                let new = self.clip(graph, &spec.picture)?;
                let old = graph.fed(spec.format);
                let mixed = self.mixed(graph, &new, &old, blend).await?;
                Ok((mixed, Some((under, None))))
            }
            (None, None) => {
                let new = self.clip(graph, &spec.picture)?;
                let old = self.clip(graph, &blend.picture)?;
                Ok((self.mixed(graph, &new, &old, blend).await?, None))
            }
        }
    }

    /// A picture that is drawn here; `None` for a clip.
    async fn made(&self, picture: &Picture) -> Result<Option<Made>, MediaError> {
        let ConformSpec {
            format, quality, ..
        } = self.spec;
        match &picture.source {
            PictureSource::Clip { .. } => Ok(None),
            PictureSource::Colour { colour } => Ok(Some(Made::Fixed(colour::flat(
                colour::yuv(*colour),
                format.width,
                format.height,
            )))),
            PictureSource::Still { clip, look } => {
                let path = self.file(clip)?;
                let still = still::open(self.ctx, picture, look, path, *format, *quality).await?;
                // Drawing the first picture of a large still takes a while, but not long enough for a thread of its own.
                Ok(Some(Made::of_still(still, picture.motion, *format)))
            }
        }
    }

    fn clip(&self, graph: &mut Graph, picture: &Picture) -> Result<Stream, MediaError> {
        let PictureSource::Clip {
            clip,
            start_seconds,
            first_picture_seconds,
            look,
        } = &picture.source
        else {
            return Err(MediaError::Permanent {
                code: "not_a_clip",
                message: "a still was taken for a clip".to_owned(),
                who_can_fix: WhoCanFix::Platform,
                internal: None,
            });
        };
        let path = self.file(clip)?;
        let start = moving::Start {
            start_seconds: *start_seconds,
            first_picture_seconds: *first_picture_seconds,
        };
        Ok(moving::decoded(
            graph,
            self.spec,
            picture,
            look,
            start,
            path,
            self.ctx.engine.converts_colours(),
        ))
    }

    /// A transition between two streams. The weights of its frames are told to ffmpeg as little pictures, which is exact to the frame and fast.
    async fn mixed(
        &self,
        graph: &mut Graph,
        new: &Stream,
        old: &Stream,
        blend: &Blend,
    ) -> Result<Stream, MediaError> {
        let frames = self.spec.frames;
        let incoming = blend::masks(blend, frames, |weights| weights.incoming);
        let mask = self.mask(graph, "incoming.yuv", incoming).await?;
        let mixed = graph.chain(&[old, new, &mask], "maskedmerge");
        let Some(colour) = blend::through(blend.kind) else {
            return Ok(mixed);
        };
        let edge = blend::MASK_EDGE;
        let flat = colour::flat(colour, edge, edge).repeat(frames as usize);
        let flat = self.mask(graph, "colour.yuv", flat).await?;
        let weights = blend::masks(blend, frames, |weights| weights.colour);
        let weights = self.mask(graph, "through.yuv", weights).await?;
        Ok(graph.chain(&[&mixed, &flat, &weights], "maskedmerge"))
    }

    async fn mask(
        &self,
        graph: &mut Graph,
        name: &str,
        samples: Vec<u8>,
    ) -> Result<Stream, MediaError> {
        let format = self.spec.format;
        let file = self.ctx.scratch.join(name);
        tokio::fs::write(&file, samples)
            .await
            .map_err(MediaError::io("writing the weights of a transition"))?;
        let size = (blend::MASK_EDGE, blend::MASK_EDGE);
        let input = graph.samples(&file, "yuv420p", size, format);
        Ok(graph.chain(
            &[&input],
            &format!(
                "scale={}:{}:flags=neighbor,setsar=1",
                format.width, format.height
            ),
        ))
    }

    fn file(&self, clip: &Sha) -> Result<&Path, MediaError> {
        self.files
            .get(clip)
            .map(PathBuf::as_path)
            .ok_or_else(|| MediaError::Permanent {
                code: "clip_not_given",
                message: "a clip of the segment was not fetched".to_owned(),
                who_can_fix: WhoCanFix::Platform,
                internal: Some(clip.to_string()),
            })
    }
}

async fn count(out: &Path) -> Result<u64, MediaError> {
    let path = out.to_owned();
    let counted = tokio::task::spawn_blocking(move || mp4::read(&path)).await;
    let movie = counted
        .map_err(|error| MediaError::Io {
            doing: "counting frames".to_owned(),
            source: std::io::Error::other(error),
        })?
        .map_err(|error| error.media(WhoCanFix::Platform))?;
    let frames = movie
        .as_ref()
        .and_then(|movie| movie.track(mp4::TrackKind::Video))
        .and_then(|track| track.samples().ok())
        .map_or(0, |samples| samples.len());
    Ok(frames as u64)
}

fn too_short(made: u64, wanted: u64) -> MediaError {
    MediaError::Permanent {
        code: "clip_too_short",
        message: "the clip does not have the pictures that the shot needs".to_owned(),
        who_can_fix: WhoCanFix::Director,
        internal: Some(format!("{made} frames made, {wanted} wanted")),
    }
}
