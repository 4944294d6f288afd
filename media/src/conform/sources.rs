//! Where a segment's pictures come from: clips that ffmpeg decodes, stills and colours that are drawn here, and what is between two of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use botflix_common::failure::WhoCanFix;
use botflix_common::hash::Sha;
use botflix_common::task::{Blend, ConformSpec, Picture, PictureSource};

use super::graph::{Graph, Stream};
use super::made::{Made, Under};
use super::{blend, colour, moving, still};
use crate::{Context, MediaError};

/// What this process draws and feeds: the picture, and the one under it where that is drawn, too.
pub(super) type Drawn = Option<(Made, Option<Under>)>;

pub(super) struct Sources<'a> {
    pub(super) ctx: &'a Context,
    pub(super) spec: &'a ConformSpec,
    pub(super) files: &'a HashMap<Sha, PathBuf>,
}

impl Sources<'_> {
    /// The segment's picture in the film's format, before texts.
    pub(super) async fn picture(&self, graph: &mut Graph) -> Result<(Stream, Drawn), MediaError> {
        let spec = self.spec;
        if !spec.then.is_empty() {
            return Ok((self.takes(graph)?, None));
        }
        let over = self.made(&spec.picture).await?;
        let Some(blend) = &spec.under else {
            return match over {
                Some(made) => Ok((graph.fed(spec.format), Some((made, None)))),
                None => Ok((self.clip(graph, &spec.picture, spec.frames)?, None)),
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
                let old = self.clip(graph, &blend.picture, spec.frames)?;
                let mixed = self.mixed(graph, &new, &old, blend).await?;
                Ok((mixed, Some((over, None))))
            }
            (None, Some(under)) => {
                let new = self.clip(graph, &spec.picture, spec.frames)?;
                let old = graph.fed(spec.format);
                let mixed = self.mixed(graph, &new, &old, blend).await?;
                Ok((mixed, Some((under, None))))
            }
            (None, None) => {
                let new = self.clip(graph, &spec.picture, spec.frames)?;
                let old = self.clip(graph, &blend.picture, spec.frames)?;
                Ok((self.mixed(graph, &new, &old, blend).await?, None))
            }
        }
    }

    /// Several clips one after another.
    fn takes(&self, graph: &mut Graph) -> Result<Stream, MediaError> {
        let spec = self.spec;
        let mut streams = vec![self.clip(graph, &spec.picture, spec.frames_of_first())?];
        for take in &spec.then {
            streams.push(self.clip(graph, &take.picture, take.frames)?);
        }
        let fps = spec.format.fps;
        // `concat` counts in microseconds.
        let joined = format!(
            "concat=n={}:v=1:a=0,settb={}/{},setpts=N",
            streams.len(),
            fps.den(),
            fps.num()
        );
        Ok(graph.chain(&streams.iter().collect::<Vec<_>>(), &joined))
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

    fn clip(
        &self,
        graph: &mut Graph,
        picture: &Picture,
        frames: u64,
    ) -> Result<Stream, MediaError> {
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
            (picture, frames),
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
