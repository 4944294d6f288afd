//! The task graph: which segments are copied, which are conformed, and what is made of them.

use crate::hash::TaskKey;
use crate::manifest::ShotManifest;
use crate::problem::FieldProblem;
use crate::task::{
    AssembleSpec, CheckSpec, ConformSpec, Join, PackageSpec, Segment, SegmentSource, TaskSpec,
};

use super::pieces::{Cutter, Made, Piece};
use super::timeline::{Span, Timeline};
use super::{FactsByClip, Options, Plan, PlannedTask, sound, texts};
use crate::film::{Caption, FilmFormat};

/// Expected cost in CPU-seconds of the machine in docs/benchmarks.md. Progress is weighted by it, and estimates are made of it.
mod cost {
    use crate::film::{Quality, VideoCodec};
    use crate::task::EngineClass;

    /// What decoding and scaling leave to the processor where a device encodes; without any encoder 0.14 was measured.
    const BESIDE_A_DEVICE: f64 = 0.2;

    /// Per second of film and megapixel.
    pub fn conform(quality: Quality, engine: EngineClass) -> f64 {
        if engine.is_gpu() {
            BESIDE_A_DEVICE * conform_on_cpu(quality, VideoCodec::H264)
        } else {
            conform_on_cpu(quality, engine.codec())
        }
    }

    fn conform_on_cpu(quality: Quality, codec: VideoCodec) -> f64 {
        let h264 = match quality {
            Quality::Draft => 0.25,
            Quality::Standard => 0.4,
            Quality::High => 0.55,
        };
        match codec {
            VideoCodec::H264 => h264,
            VideoCodec::Hevc => h264 * 6.0,
            VideoCodec::Av1 => h264 * 3.0,
        }
    }
    pub const MIX_PER_SECOND: f64 = 0.016;
    pub const ASSEMBLE_PER_SECOND: f64 = 0.004;
    pub const CHECK_PER_SECOND: f64 = 0.004;
    /// Posters and storyboard.
    pub const LOOK: f64 = 0.4;
    /// Two texts written, no process; not 0, because progress is a share of it.
    pub const PACKAGE: f64 = 0.001;
    /// Start-up of a process, even for the shortest task.
    pub const FLOOR: f64 = 0.1;
}

pub fn build(
    manifest: &ShotManifest,
    facts: &FactsByClip,
    format: FilmFormat,
    timeline: &Timeline,
    options: &Options,
) -> Result<Plan, Vec<FieldProblem>> {
    let texts = texts::texts(manifest, timeline, &format);
    let mix = sound::mix(manifest, facts, format, timeline);
    let (texts, mix) = match (texts, mix) {
        (Ok(texts), Ok(mix)) => (texts, mix),
        (texts, mix) => {
            let problems = [texts.err(), mix.err()];
            return Err(problems.into_iter().flatten().flatten().collect());
        }
    };
    let cutter = Cutter {
        manifest,
        facts,
        format,
        engine: options.engine_for(manifest.delivery.codec, format),
        texts: &texts,
    };
    let mut graph = Graph::default();
    let segments = graph.segments(cutter.cut(timeline));
    let joins = joins(&segments, facts);
    let duration_seconds = format.fps.seconds_at(timeline.total_frames);
    let total_samples = mix.total_samples;
    let mix = graph.add(
        TaskSpec::Mix(mix),
        (cost::MIX_PER_SECOND * duration_seconds).max(cost::FLOOR),
        None,
    );
    let all_captions: Vec<Caption> = timeline
        .captions
        .iter()
        .map(|timed| timed.caption.clone())
        .collect();
    let captions = if manifest.captions.are_a_track() {
        all_captions
    } else {
        Vec::new()
    };
    let (caption_count, chapter_count) = (captions.len() as u32, timeline.chapters.len() as u32);
    let assemble = TaskSpec::Assemble(AssembleSpec {
        format,
        codec: manifest.delivery.codec,
        segments,
        mix,
        captions: captions.clone(),
        chapters: timeline.chapters.clone(),
        title: manifest.title.clone(),
        language: manifest.language.clone(),
    });
    let cost = (cost::ASSEMBLE_PER_SECOND * duration_seconds).max(cost::FLOOR);
    let film = graph.add(assemble, cost, None);
    let check = TaskSpec::Check(CheckSpec {
        film,
        format,
        codec: manifest.delivery.codec,
        total_frames: timeline.total_frames,
        ledger: timeline.ledger.clone(),
        joins,
        poster_frames: poster_frames(&timeline.spans),
        total_samples,
        loudness: manifest.loudness,
        chapters: chapter_count,
        captions: caption_count,
        verify: options.verify,
    });
    let cost = cost::LOOK + cost::CHECK_PER_SECOND * duration_seconds;
    let check = graph.add(check, cost, None);
    let package = TaskSpec::Package(PackageSpec {
        check,
        captions,
        chapters: timeline.chapters.clone(),
        total_seconds: duration_seconds,
    });
    graph.add(package, cost::PACKAGE, None);
    Ok(Plan {
        format,
        ledger: timeline.ledger.clone(),
        total_frames: timeline.total_frames,
        total_samples,
        duration_seconds,
        tasks: graph.tasks,
    })
}

#[derive(Default)]
struct Graph {
    tasks: Vec<PlannedTask>,
    known: std::collections::HashSet<TaskKey>,
}

impl Graph {
    /// Equal specs are one task.
    fn add(&mut self, spec: TaskSpec, weight: f64, shot: Option<String>) -> TaskKey {
        let key = spec.key();
        if self.known.insert(key) {
            self.tasks.push(PlannedTask {
                key,
                spec,
                weight,
                shot,
            });
        }
        key
    }

    fn segments(&mut self, pieces: Vec<Piece<'_>>) -> Vec<Segment> {
        pieces
            .into_iter()
            .map(|piece| Segment {
                shot: piece.shot.id.clone(),
                frames: piece.frames,
                source: match piece.made {
                    Made::Copy { clip, first_frame } => SegmentSource::Copy { clip, first_frame },
                    Made::Conform(spec) => {
                        let weight = conform_cost(&spec);
                        let shot = spec.then.is_empty().then(|| piece.shot.id.clone());
                        SegmentSource::Conform {
                            task: self.add(TaskSpec::Conform(spec), weight, shot),
                        }
                    }
                },
            })
            .collect()
    }
}

fn conform_cost(spec: &ConformSpec) -> f64 {
    let format = spec.format;
    let megapixels = f64::from(format.width) * f64::from(format.height) / 1e6;
    let seconds = format.fps.seconds_at(spec.frames);
    cost::FLOOR + cost::conform(spec.quality, spec.engine) * megapixels * seconds
}

/// Where each segment begins. What a clip's own picture looks like there is known from its inspection.
fn joins(segments: &[Segment], facts: &FactsByClip) -> Vec<Join> {
    let mut first_frame = 0;
    let join = |segment: &Segment| {
        let join = Join {
            first_frame,
            luma_crc: luma_crc(&segment.source, facts),
        };
        first_frame += segment.frames;
        join
    };
    segments.iter().map(join).collect()
}

fn luma_crc(source: &SegmentSource, facts: &FactsByClip) -> Option<u32> {
    let SegmentSource::Copy { clip, first_frame } = source else {
        return None;
    };
    let video = facts.get(clip)?.video.as_ref()?;
    let at = video.idr_frames.binary_search(first_frame).ok()?;
    video.idr_crcs.get(at).copied()
}

/// Where posters are looked for: the middles of shots spread over the film, starting a third into it (openings are often black), never in a
/// transition.
fn poster_frames(spans: &[Span]) -> Vec<u64> {
    const CANDIDATES: usize = 6;
    let count = spans.len();
    (0..CANDIDATES.min(count))
        .filter_map(|nth| spans.get((count / 3 + nth * count.div_ceil(CANDIDATES)) % count))
        .map(|span| {
            let alone = span.alone();
            alone.start.midpoint(alone.end)
        })
        .collect()
}
