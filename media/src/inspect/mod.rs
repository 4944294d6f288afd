//! Facts of a clip, measured once when it arrives: every packet listed, every picture and sample decoded. Claims of the container are used to
//! find what is missing, never believed.
//!
//! A broken file is no error here: it is facts with defects. An error means that the engine or this host had trouble. What the facts are
//! good for is judged elsewhere.

mod avi;
mod clock;
mod damage;
mod decode;
mod defects;
mod describe;
mod hearing;
mod listing;
mod look;
mod pictures;
mod proxy;
mod seen;
mod spectrum;
mod still;
mod stream;
mod tables;
mod words;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use botflix_common::facts::{ClipFacts, Container};

use crate::boxes::{self, Survey, TrackKind};
use crate::mp4;
use crate::{Context, MediaError};
use decode::{Decoded, Pass, Threads, Wanted};
use hearing::Sound;
use listing::{Listing, Look};
use stream::Stream;

/// Plain clips of more pictures than this are decoded by two threads: a minute at 30 per second.
const SHORT_CLIP_PICTURES: usize = 1800;

/// Measures `clip`. Costs about 1.15 times a plain decode of it.
pub async fn inspect(ctx: &Context, clip: &Path) -> Result<ClipFacts, MediaError> {
    look_at(ctx, clip, None).await
}

/// The same, and writes a proxy to `proxy`: the facts name it, if the clip has one.
pub async fn inspect_with_proxy(
    ctx: &Context,
    clip: &Path,
    proxy: &Path,
) -> Result<ClipFacts, MediaError> {
    look_at(ctx, clip, Some(proxy)).await
}

async fn look_at(
    ctx: &Context,
    clip: &Path,
    proxy: Option<&Path>,
) -> Result<ClipFacts, MediaError> {
    let survey = survey(clip).await?;
    let mut facts = ClipFacts {
        bytes: survey.bytes,
        container: survey.container,
        video: None,
        audio: None,
        extra_streams: 0,
        defects: survey.fatal.clone(),
        still: false,
    };
    if !facts.defects.is_empty() {
        return Ok(facts);
    }
    if let (Some(container), Some(picture)) = (survey.container, &survey.picture) {
        still::measure(ctx, clip, container, picture, &mut facts).await?;
    } else {
        measure(ctx, clip, proxy, &survey, &mut facts).await?;
    }
    ctx.progress.report(1.0, None);
    Ok(facts)
}

async fn measure(
    ctx: &Context,
    clip: &Path,
    proxy: Option<&Path>,
    survey: &Survey,
    facts: &mut ClipFacts,
) -> Result<(), MediaError> {
    let index = index(clip, survey).await?;
    let proxy = proxy.filter(|_| may_want_a_proxy(survey, &index));
    let (look, decoded) = look_and_decode(ctx, clip, proxy, survey, &index).await?;
    let idr_frames = index.idr_frames;
    let mut listing = match look {
        Look::Streams(listing) => listing,
        Look::Defect(defect) => {
            facts.defects.push(defect);
            return Ok(());
        }
        Look::Nothing => {
            facts.defects.push(defects::unreadable(survey));
            return Ok(());
        }
    };
    let decoded = one_by_one(ctx, clip, decoded, &listing).await?;
    listing.decoded(decoded.words);
    let measured = Measured {
        survey,
        listing: &listing,
        sound: decoded.sound.as_ref(),
    };
    describe::describe(facts, &measured);
    if let (Some(video), Some(pictures)) = (&mut facts.video, listing.pictures()) {
        let tick = listing.video().map_or(0.0, Stream::tick_seconds);
        video.idr_frames = idr_frames.unwrap_or_default();
        if video
            .idr_frames
            .last()
            .is_some_and(|last| *last >= video.frames)
        {
            // Hidden or lost pictures: the index counts others than those that are shown.
            video.idr_frames.clear();
        }
        video.idr_crcs = describe::key_crcs(&decoded.watch, video);
        if let Some(path) = proxy {
            video.proxy = proxy::of(ctx, video, path).await?;
        }
        video.observed = describe::observations(decoded.watch, pictures, tick, video).map(Box::new);
    }
    Ok(())
}

/// A stream that cannot be opened takes the other one with it: then each is tried alone.
async fn one_by_one(
    ctx: &Context,
    clip: &Path,
    decoded: Decoded,
    listing: &Listing,
) -> Result<Decoded, MediaError> {
    let known = AtomicU64::new(0);
    let nothing = decoded.words.pictures == 0 && decoded.sound.is_none();
    let both = listing.video().is_some() && listing.audio().is_some();
    if !(decoded.failed && nothing && both) {
        return Ok(decoded);
    }
    let one = |wanted| Pass {
        clip,
        wanted,
        threads: Threads::Two,
        picture_packets: &known,
        proxy: None,
    };
    let mut pictures = decode::decode(ctx, one(Wanted::Pictures)).await?;
    let sound = decode::decode(ctx, one(Wanted::Sound)).await?;
    pictures.words.sound_start_seconds = sound.words.sound_start_seconds;
    Ok(Decoded {
        sound: sound.sound,
        ..pictures
    })
}

/// A plain MP4 is decoded only, and its own index listed. Of anything else ffprobe lists the packets meanwhile: two processes at once; starting
/// one costs as much as decoding a second of film, so there are no more.
async fn look_and_decode(
    ctx: &Context,
    clip: &Path,
    proxy: Option<&Path>,
    survey: &Survey,
    index: &Index,
) -> Result<(Look, Decoded), MediaError> {
    let picture_packets = AtomicU64::new(0);
    let pass = Pass {
        clip,
        wanted: if has_no_sound(survey) {
            Wanted::Pictures
        } else {
            Wanted::Everything
        },
        threads: Threads::Two,
        picture_packets: &picture_packets,
        proxy,
    };
    let movie = index.movie.as_ref();
    let plain = movie.and_then(|movie| Some((movie, tables::plain(survey, movie)?)));
    let Some((movie, picture)) = plain else {
        return tokio::try_join!(
            listing::list(ctx, clip, &picture_packets),
            decode::decode(ctx, pass),
        );
    };
    let count = picture.samples().map_or(0, <[mp4::Sample]>::len);
    picture_packets.store(count as u64, Ordering::Relaxed);
    let threads = if count <= SHORT_CLIP_PICTURES {
        Threads::One
    } else {
        Threads::Two
    };
    let decoded = decode::decode(ctx, Pass { threads, ..pass }).await?;
    let listed = (!decoded.failed)
        .then(|| tables::listing(movie, picture, &decoded.words))
        .flatten();
    let look = match listed {
        Some(listing) => Look::Streams(Box::new(listing)),
        None => listing::list(ctx, clip, &picture_packets).await?,
    };
    Ok((look, decoded))
}

/// What the file's one index says. Absent for other files, and where it is damaged: that is found by decoding.
#[derive(Default)]
struct Index {
    movie: Option<mp4::Movie>,
    /// Where a stream copy may begin. Known for H.264 with one index, and nowhere else.
    idr_frames: Option<Vec<u64>>,
}

async fn index(clip: &Path, survey: &Survey) -> Result<Index, MediaError> {
    if survey.movie.as_ref().is_none_or(|movie| movie.fragmented) {
        return Ok(Index::default());
    }
    let path = clip.to_owned();
    let found = tokio::task::spawn_blocking(move || -> Result<Index, mp4::Mp4Error> {
        let movie = mp4::read(&path)?;
        let idr_frames = movie
            .as_ref()
            .map(|movie| mp4::avc::idr_frames(&path, movie))
            .transpose();
        let idr_frames = match idr_frames {
            Err(mp4::Mp4Error::Damaged(_)) => None,
            frames => frames?,
        };
        Ok(Index { movie, idr_frames })
    });
    match found
        .await
        .map_err(|error| MediaError::io("reading the index")(std::io::Error::other(error)))?
    {
        Ok(index) => Ok(index),
        Err(mp4::Mp4Error::Io(error)) => Err(MediaError::io("reading the index")(error)),
        Err(mp4::Mp4Error::Damaged(_)) => Ok(Index::default()),
    }
}

/// Everything that was learned, for the search for defects.
struct Measured<'a> {
    survey: &'a Survey,
    listing: &'a Listing,
    sound: Option<&'a Sound>,
}

async fn survey(clip: &Path) -> Result<Survey, MediaError> {
    let path = clip.to_owned();
    tokio::task::spawn_blocking(move || boxes::survey(&path))
        .await
        .map_err(std::io::Error::other)
        .and_then(|survey| survey)
        .map_err(MediaError::io("reading the clip"))
}

/// A file without pictures has no proxy, nor one whose pictures are small; of Matroska only ffmpeg knows. Small as stored, for
/// that is what a draft decodes: of 640×360 shown as 853×360 a proxy costs twice what it saves a draft (10 s: 0.63 CPU-s for 0.3), of 720p less
/// than half (0.66 for 1.48).
fn may_want_a_proxy(survey: &Survey, index: &Index) -> bool {
    let track = index
        .movie
        .as_ref()
        .and_then(|movie| movie.track(mp4::TrackKind::Video));
    let size = track.and_then(mp4::Track::entry).and_then(mp4::Entry::size);
    let size = size.filter(|(width, height)| *width > 0 && *height > 0);
    if size.is_some_and(|(width, height)| !proxy::would_be_smaller(width.into(), height.into())) {
        return false;
    }
    let in_index = |movie: &boxes::Movie| {
        let mut tracks = movie.tracks.iter();
        tracks.any(|track| track.kind == TrackKind::Video)
    };
    let matroska = [Container::Matroska, Container::Webm].map(Some);
    survey.movie.as_ref().is_some_and(in_index) || matroska.contains(&survey.container)
}

/// Only what the index of an MP4 denies is left out; all else is tried.
fn has_no_sound(survey: &Survey) -> bool {
    survey.movie.as_ref().is_some_and(|movie| {
        !movie.tracks.is_empty()
            && movie
                .tracks
                .iter()
                .all(|track| track.kind != TrackKind::Sound)
    })
}
