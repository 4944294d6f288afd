//! The index (`moov`) of a file to be written.

use super::boxes::Out;
use super::tables::sample_table;
use super::{Chunk, NewMedia, NewMovie, NewTrack};

/// The unit matrix.
const MATRIX: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];
const FULL_VOLUME: u16 = 0x0100;
const NORMAL_SPEED: u32 = 0x0001_0000;

/// Flags of a track's header.
const ENABLED: u32 = 1;
const IN_MOVIE: u32 = 2;

/// The list of chapters has room for this many, and for titles of this many bytes.
const MAX_LISTED: usize = 255;

pub(super) fn moov(movie: &NewMovie, chunks: &[Chunk], base: u64, wide_offsets: bool) -> Vec<u8> {
    let mut out = Out::default();
    out.boxed(b"moov", |out| {
        movie_head(out, movie);
        for number in 0..movie.tracks.len() {
            track(out, movie, number, chunks, base, wide_offsets);
        }
        out.boxed(b"udta", |out| {
            chapter_list(out, &movie.chapters);
            title(out, &movie.title);
        });
    });
    out.0
}

fn movie_head(out: &mut Out, movie: &NewMovie) {
    let duration = movie
        .tracks
        .iter()
        .map(|track| track.shown)
        .max()
        .unwrap_or(0);
    let wide = u32::try_from(duration).is_err();
    out.full(b"mvhd", wide.into(), 0, |out| {
        out.either(wide, 0);
        out.either(wide, 0);
        out.u32(movie.timescale);
        out.either(wide, duration);
        out.u32(NORMAL_SPEED);
        out.u16(FULL_VOLUME);
        out.zeros(10);
        matrix(out);
        out.zeros(24);
        out.u32(movie.tracks.len() as u32 + 1);
    });
}

fn track(
    out: &mut Out,
    movie: &NewMovie,
    number: usize,
    chunks: &[Chunk],
    base: u64,
    wide_offsets: bool,
) {
    let Some(track) = movie.tracks.get(number) else {
        return;
    };
    out.boxed(b"trak", |out| {
        track_head(out, track, number as u32 + 1);
        edits(out, track);
        let chapters = movie
            .tracks
            .iter()
            .position(|other| other.media == NewMedia::Chapters);
        if let (Some(chapters), NewMedia::Pictures { .. } | NewMedia::Sound) =
            (chapters, track.media)
        {
            out.boxed(b"tref", |out| {
                out.boxed(b"chap", |out| out.u32(chapters as u32 + 1));
            });
        }
        out.boxed(b"mdia", |out| {
            media_head(out, track);
            handler(out, track.media);
            out.boxed(b"minf", |out| {
                media_information(out, track.media);
                out.boxed(b"dinf", |out| {
                    out.full(b"dref", 0, 0, |out| {
                        out.u32(1);
                        // In this file.
                        out.full(b"url ", 0, 1, |_| ());
                    });
                });
                let own = chunks.iter().filter(|chunk| chunk.track == number);
                sample_table(out, track, own, base, wide_offsets);
            });
        });
    });
}

fn track_head(out: &mut Out, track: &NewTrack, id: u32) {
    // Tracks of a group are alternatives to each other; pictures have none.
    let (flags, group, volume, width, height) = match track.media {
        NewMedia::Pictures { width, height } => (ENABLED | IN_MOVIE, 0, 0, width, height),
        NewMedia::Sound => (ENABLED | IN_MOVIE, 1, FULL_VOLUME, 0, 0),
        NewMedia::Captions => (IN_MOVIE, 2, 0, 0, 0),
        NewMedia::Chapters => (0, 0, 0, 0, 0),
    };
    let wide = u32::try_from(track.length()).is_err();
    out.full(b"tkhd", wide.into(), flags, |out| {
        out.either(wide, 0);
        out.either(wide, 0);
        out.u32(id);
        out.u32(0);
        out.either(wide, track.length());
        out.zeros(8);
        out.u16(0);
        out.u16(group);
        out.u16(volume);
        out.u16(0);
        matrix(out);
        out.u32(width << 16);
        out.u32(height << 16);
    });
}

fn matrix(out: &mut Out) {
    for value in MATRIX {
        out.u32(value);
    }
}

fn edits(out: &mut Out, track: &NewTrack) {
    const NOTHING: u64 = u64::MAX;
    let wide = u32::try_from(track.length()).is_err() || i32::try_from(track.media_time).is_err();
    out.boxed(b"edts", |out| {
        out.full(b"elst", wide.into(), 0, |out| {
            out.u32(1 + u32::from(track.starts_at > 0));
            if track.starts_at > 0 {
                out.either(wide, track.starts_at);
                // All bits set, in either width: −1.
                out.either(wide, NOTHING);
                out.u32(NORMAL_SPEED);
            }
            out.either(wide, track.shown);
            out.either(wide, track.media_time);
            out.u32(NORMAL_SPEED);
        });
    });
}

fn media_head(out: &mut Out, track: &NewTrack) {
    let duration = track
        .samples
        .iter()
        .map(|sample| u64::from(sample.duration))
        .sum();
    let wide = u32::try_from(duration).is_err();
    out.full(b"mdhd", wide.into(), 0, |out| {
        out.either(wide, 0);
        out.either(wide, 0);
        out.u32(track.timescale);
        out.either(wide, duration);
        let letters = track.language.iter().map(|letter| u16::from(letter & 0x1f));
        out.u16(letters.fold(0, |packed, letter| packed << 5 | letter));
        out.u16(0);
    });
}

fn handler(out: &mut Out, media: NewMedia) {
    let kind = match media {
        NewMedia::Pictures { .. } => b"vide",
        NewMedia::Sound => b"soun",
        NewMedia::Captions => b"sbtl",
        NewMedia::Chapters => b"text",
    };
    out.full(b"hdlr", 0, 0, |out| {
        out.u32(0);
        out.bytes(kind);
        out.zeros(12);
        // An empty name.
        out.u8(0);
    });
}

fn media_information(out: &mut Out, media: NewMedia) {
    match media {
        NewMedia::Pictures { .. } => out.full(b"vmhd", 0, 1, |out| out.zeros(8)),
        NewMedia::Sound => out.full(b"smhd", 0, 0, |out| out.zeros(4)),
        NewMedia::Captions => out.full(b"nmhd", 0, 0, |_| ()),
        // QuickTime's header of media without one of their own.
        NewMedia::Chapters => out.boxed(b"gmhd", |out| {
            out.full(b"gmin", 0, 0, |out| {
                out.u16(0x40);
                out.u16(0x8000);
                out.u16(0x8000);
                out.u16(0x8000);
                out.u32(0);
            });
            out.boxed(b"text", matrix);
        }),
    }
}

fn chapter_list(out: &mut Out, chapters: &[(u64, String)]) {
    const TICKS_PER_MS: u64 = 10_000;
    if chapters.is_empty() {
        return;
    }
    let listed = chapters
        .get(..chapters.len().min(MAX_LISTED))
        .unwrap_or_default();
    out.full(b"chpl", 1, 0, |out| {
        out.u32(0);
        out.u8(listed.len() as u8);
        for (start_ms, title) in listed {
            let title = title
                .get(..title.floor_char_boundary(MAX_LISTED))
                .unwrap_or_default();
            out.u64(start_ms * TICKS_PER_MS);
            out.u8(title.len() as u8);
            out.bytes(title.as_bytes());
        }
    });
}

fn title(out: &mut Out, title: &str) {
    const UTF_8: u32 = 1;
    if title.is_empty() {
        return;
    }
    out.full(b"meta", 0, 0, |out| {
        out.full(b"hdlr", 0, 0, |out| {
            out.u32(0);
            out.bytes(b"mdir");
            out.bytes(b"appl");
            out.zeros(9);
        });
        out.boxed(b"ilst", |out| {
            out.boxed(b"\xa9nam", |out| {
                out.boxed(b"data", |out| {
                    out.u32(UTF_8);
                    out.u32(0);
                    out.bytes(title.as_bytes());
                });
            });
        });
    });
}
