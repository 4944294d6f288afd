//! A plain MP4 listed from its own index and from what the decoding ffmpeg said of its streams, without a second process. Starting ffprobe costs
//! as much as decoding a second of film, so it is asked only where this room knows nothing.
//!
//! Plain is what generators and cameras deliver: H.264 pictures at a constant rate, at most one sound, nothing hidden, turned, interlaced or
//! damaged. Whether the index says the truth is proven by the decoder: every picture of the index must have been shown, each at its time.

use super::listing::Listing;
use super::seen::{Packet, Seen};
use super::stream::Stream;
use super::words::Words;
use crate::boxes::Survey;
use crate::mp4::{Movie, Sample, Track, TrackKind};

use botflix_common::facts::Container;

const NORMAL_SPEED: u32 = 0x1_0000;

/// The picture track, if the rest of the file is such that [`listing`] may answer for it.
pub fn plain<'a>(survey: &Survey, movie: &'a Movie) -> Option<&'a Track> {
    let known = survey.movie.as_ref()?;
    let whole = survey.container == Some(Container::Mp4)
        && !known.fragmented
        && known.overshoot_bytes == 0
        && known.tracks.len() == movie.tracks.len();
    let mut pictures = movie.tracks.iter().filter(|t| t.kind == TrackKind::Video);
    let (picture, others) = (pictures.next()?, pictures.count());
    let sounds = movie
        .tracks
        .iter()
        .filter(|track| track.kind == TrackKind::Sound);
    let one_each = others == 0 && sounds.count() + 1 == movie.tracks.len();
    let described = picture
        .entry()
        .is_some_and(|entry| &entry.kind == b"avc1" && entry.decoder_config().is_some())
        && picture.entries.len() == 1;
    (whole && one_each && movie.tracks.len() <= 2 && described).then_some(picture)
}

/// What ffprobe would list. `None`: it is not as plain as it looked, and ffprobe must be asked.
pub fn listing(movie: &Movie, picture: &Track, words: &Words) -> Option<Listing> {
    let said = &words.said;
    if words.error_lines > 0 || said.more || said.streams.len() != movie.tracks.len() {
        return None;
    }
    let samples = picture.samples().ok()?;
    let shown = shown(movie, picture)?;
    // The decoder's word on each picture.
    let mut decoded = words.times.clone();
    decoded.sort_unstable();
    let mut listed = shown.clone();
    listed.sort_unstable();
    if decoded != listed || words.too_many {
        return None;
    }
    let mut streams = Vec::new();
    let mut seen = None;
    for (index, (track, line)) in movie.tracks.iter().zip(&said.streams).enumerate() {
        let line = line.strip_prefix(&format!("#0:{index}"))?;
        if track.kind == TrackKind::Video {
            let (_, description) = line.split_once(": Video: ")?;
            streams.push(picture_stream(index, description, track, samples)?);
            let packets = shown.iter().zip(samples).map(|(pts, sample)| Packet {
                pts: Some(*pts),
                key: sample.sync,
                hidden: false,
                bytes: sample.size.into(),
                duration: None,
                is_picture: true,
            });
            let mut listed = Seen::nothing();
            packets.for_each(|packet| listed.add(packet));
            listed.finish();
            seen = Some((streams.last()?.index, listed));
        } else {
            let (_, description) = line.split_once(": Audio: ")?;
            let codec = description.split([' ', ',']).next()?;
            // What ffmpeg does not know, ffprobe says in other words.
            if matches!(codec, "none" | "unknown") {
                return None;
            }
            streams.push(Stream::read(&format!(
                "index={index}|codec_type=audio|codec_name={codec}"
            )));
        }
    }
    Some(Listing::of_index(streams, seen?))
}

/// Times of the pictures on the container's timeline, in the order of decoding, where one plain edit or none shows all of them.
fn shown(movie: &Movie, picture: &Track) -> Option<Vec<i64>> {
    let mut times = picture.shown_at().ok()?;
    let (first, last) = (*times.iter().min()?, *times.iter().max()?);
    match picture.edits.as_slice() {
        [] => {}
        [edit] if edit.rate == NORMAL_SPEED && edit.media_time == first => {
            let ticks = u128::from(edit.duration) * u128::from(picture.timescale)
                / u128::from(movie.timescale);
            if last - first >= i64::try_from(ticks).ok()? {
                return None;
            }
            for time in &mut times {
                *time -= first;
            }
        }
        _ => return None,
    }
    Some(times)
}

/// The words of the dump: `h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709, progressive), 1280x720 [SAR 1:1 DAR 16:9], 5 kb/s, …`.
fn picture_stream(
    index: usize,
    description: &str,
    track: &Track,
    samples: &[Sample],
) -> Option<Stream> {
    let parts = parts(description);
    let [codec, pixels, size, rest @ ..] = parts.as_slice() else {
        return None;
    };
    // The container contradicts the stream.
    if rest.iter().any(|part| part.starts_with("SAR ")) {
        return None;
    }
    let profile = codec
        .strip_prefix("h264 (")?
        .strip_suffix(") (avc1 / 0x31637661)")?;
    let (format, colours) = pixels.strip_suffix(')')?.split_once('(')?;
    let (size, aspect) = match size.split_once(" [SAR ") {
        Some((size, aspect)) => (size, aspect.split_once(" DAR ")?.0),
        None => (*size, "0:1"),
    };
    let (width, height) = size.split_once('x')?;
    let config = track.entry()?.decoder_config()?;
    let (rate, mean, seconds) = rates(track, samples)?;
    let line = format!(
        "index={index}|codec_type=video|codec_name=h264|profile={profile}|width={width}|height={height}|sample_aspect_ratio={aspect}\
         |pix_fmt={format}|{}|field_order=progressive|r_frame_rate={rate}|avg_frame_rate={mean}|time_base=1/{}|duration={seconds:.6}\
         |nb_frames={}|extradata_hash=SHA256:{}",
        colour_fields(colours)?,
        track.timescale,
        samples.len(),
        hex::encode(<sha2::Sha256 as sha2::Digest>::digest(config)),
    );
    let stream = Stream::read(&line);
    (stream.width > 0 && stream.height > 0).then_some(stream)
}

/// `tv, bt709, progressive` or `pc, bt709/bt470bg/smpte170m, progressive`. Any other order of fields is ffprobe's to tell.
fn colour_fields(colours: &str) -> Option<String> {
    let mut words: Vec<&str> = colours.split(", ").collect();
    if words.pop()? != "progressive" {
        return None;
    }
    let mut fields = Vec::new();
    let mut words = words.into_iter().peekable();
    if let Some(range) = words.next_if(|word| matches!(*word, "tv" | "pc")) {
        fields.push(format!("color_range={range}"));
    }
    if let Some(word) = words.next() {
        let mut names = word.split('/');
        let matrix = names.next()?;
        let (primaries, transfer) = match (names.next(), names.next(), names.next()) {
            (None, None, None) => (matrix, matrix),
            (Some(primaries), Some(transfer), None) => (primaries, transfer),
            _ => return None,
        };
        fields.push(format!(
            "color_space={matrix}|color_primaries={primaries}|color_transfer={transfer}"
        ));
    }
    words.next().is_none().then(|| fields.join("|"))
}

/// The rate of all samples but perhaps the last, the mean rate, and the length: of constant rates only.
fn rates(track: &Track, samples: &[Sample]) -> Option<(String, String, f64)> {
    let (last, others) = samples.split_last()?;
    let step = others.first()?.duration;
    if step == 0 || last.duration == 0 || others.iter().any(|sample| sample.duration != step) {
        return None;
    }
    let ticks = u64::from(step) * others.len() as u64 + u64::from(last.duration);
    let ticks = ticks.min(track.duration.filter(|ticks| *ticks > 0)?);
    let mean = (
        u64::from(track.timescale) * samples.len() as u64,
        u64::from(step) * others.len() as u64 + u64::from(last.duration),
    );
    let seconds = ticks as f64 * (1.0 / f64::from(track.timescale));
    Some((
        fraction(u64::from(track.timescale), u64::from(step)),
        fraction(mean.0, mean.1),
        seconds,
    ))
}

fn fraction(num: u64, den: u64) -> String {
    let (mut a, mut b) = (num, den);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    let a = a.max(1);
    format!("{}/{}", num / a, den / a)
}

/// Split at commas that no bracket encloses.
fn parts(description: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut start) = (0i32, 0);
    for (at, byte) in description.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b',' if depth == 0 => {
                found.extend(description.get(start..at).map(str::trim));
                start = at + 1;
            }
            _ => {}
        }
    }
    found.extend(description.get(start..).map(str::trim));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_dump_are_told_apart() {
        let said = "h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709, progressive), 1280x720 [SAR 1:1 DAR 16:9], 5154 kb/s, 24 fps";
        assert_eq!(
            parts(said),
            [
                "h264 (High) (avc1 / 0x31637661)",
                "yuv420p(tv, bt709, progressive)",
                "1280x720 [SAR 1:1 DAR 16:9]",
                "5154 kb/s",
                "24 fps"
            ]
        );
        assert_eq!(
            colour_fields("pc, bt709/bt470bg/smpte170m, progressive").as_deref(),
            Some(
                "color_range=pc|color_space=bt709|color_primaries=bt470bg|color_transfer=smpte170m"
            )
        );
        assert_eq!(colour_fields("progressive").as_deref(), Some(""));
        assert_eq!(colour_fields("tv, top first"), None);
        assert_eq!(fraction(30_000, 1_001), "30000/1001");
        assert_eq!(fraction(12_288, 512), "24/1");
    }
}
