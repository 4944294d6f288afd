//! What is written, read again by the room's own reader. Films that players open are tested with assembling.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use super::super::{Media, TrackKind, read};
use super::*;

fn track(media: NewMedia, timescale: u32, samples: Vec<NewSample>) -> NewTrack {
    NewTrack {
        media,
        timescale,
        language: *b"deu",
        entry: entries::captions(),
        shown: samples
            .iter()
            .map(|sample| u64::from(sample.duration))
            .sum(),
        samples,
        starts_at: 0,
        media_time: 0,
    }
}

fn movie(tracks: Vec<NewTrack>) -> NewMovie {
    NewMovie {
        timescale: 48_000,
        brand: Brand::Avc,
        title: "A film".to_owned(),
        chapters: vec![(0, "One".to_owned())],
        tracks,
    }
}

fn samples(count: u32, size: u32, duration: u32) -> Vec<NewSample> {
    (0..count)
        .map(|number| NewSample {
            size: size + number % 7,
            duration,
            composition_offset: number % 3 * duration,
            sync: number % 24 == 0,
        })
        .collect()
}

const PICTURES: NewMedia = NewMedia::Pictures {
    width: 320,
    height: 180,
};

#[test]
fn every_sample_is_found_again_with_its_bytes_times_and_flags() {
    let tracks = vec![
        track(PICTURES, 12_288, samples(100, 1000, 512)),
        track(NewMedia::Sound, 48_000, samples(190, 200, 1024)),
        track(NewMedia::Captions, 1000, samples(3, 20, 1300)),
    ];
    let bytes_of =
        |track: usize, index: usize, size: u32| vec![(track * 100 + index) as u8; size as usize];
    let layout = Layout::new(movie(tracks.clone()));
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut out = file.reopen().unwrap();
    layout
        .write::<Mp4Error>(&mut out, |track, index, buffer| {
            buffer.extend(bytes_of(track, index, tracks[track].samples[index].size));
            Ok(())
        })
        .unwrap();

    let read = read(file.path()).unwrap().unwrap();
    let media = Media::open(file.path()).unwrap();
    assert!(read.index_first && read.tracks.len() == 3);
    for (number, (wanted, found)) in tracks.iter().zip(&read.tracks).enumerate() {
        let samples = found.samples().unwrap();
        assert_eq!(samples.len(), wanted.samples.len());
        for (index, (new, old)) in wanted.samples.iter().zip(samples).enumerate() {
            let same = NewSample {
                size: old.size,
                duration: old.duration,
                composition_offset: old.composition_offset as u32,
                sync: old.sync,
            };
            assert_eq!(*new, same);
            let mut bytes = Vec::new();
            media.sample(old, &mut bytes).unwrap();
            assert_eq!(
                bytes,
                bytes_of(number, index, new.size),
                "track {number}, sample {index}"
            );
        }
    }
}

#[test]
fn pictures_and_sound_of_the_same_second_lie_together() {
    let layout = Layout::new(movie(vec![
        track(PICTURES, 12_288, samples(240, 5000, 512)),
        track(NewMedia::Sound, 48_000, samples(469, 500, 1024)),
    ]));
    let order: Vec<_> = layout
        .chunks
        .iter()
        .map(|chunk| (chunk.track, chunk.count))
        .collect();
    assert_eq!(order.len(), 40);
    assert_eq!(order[..4], [(0, 12), (1, 24), (0, 12), (1, 23)]);
}

#[test]
fn a_film_of_more_than_four_gigabytes_gets_wide_offsets_and_a_wide_size() {
    // Almost 7 GiB that exist only as a hole in the file.
    let tracks = vec![
        track(PICTURES, 12_288, samples(7000, 1 << 20, 512)),
        track(NewMedia::Sound, 48_000, samples(13_672, 500, 1024)),
    ];
    let layout = Layout::new(movie(tracks.clone()));
    assert!(layout.media_bytes() > 6 << 30);
    let head = layout.head();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut out: File = file.reopen().unwrap();
    out.write_all(&head).unwrap();
    let whole = head.len() as u64 + layout.media_bytes();
    out.set_len(whole).unwrap();
    // The last picture lies beyond 32 bits: marked there, it must be found through the index.
    let sound_behind: u64 = layout
        .chunks
        .iter()
        .rev()
        .take_while(|chunk| chunk.track == 1)
        .map(|chunk| {
            tracks[1].samples[chunk.first..chunk.first + chunk.count as usize]
                .iter()
                .map(|s| u64::from(s.size))
                .sum::<u64>()
        })
        .sum();
    let last = tracks[0].samples.last().unwrap();
    out.seek(SeekFrom::Start(whole - sound_behind - u64::from(last.size)))
        .unwrap();
    out.write_all(b"last").unwrap();

    let read = read(file.path()).unwrap().unwrap();
    assert!(read.index_first);
    let picture = read.track(TrackKind::Video).unwrap();
    let found = picture.samples().unwrap().last().unwrap();
    assert!(found.offset > u64::from(u32::MAX));
    let mut bytes = Vec::new();
    Media::open(file.path())
        .unwrap()
        .sample(found, &mut bytes)
        .unwrap();
    assert_eq!(bytes[..4], *b"last");
}

#[test]
fn offsets_stay_narrow_up_to_the_last_byte_that_they_reach() {
    let of = |media_bytes: u32| {
        let one = NewSample {
            size: media_bytes,
            duration: 1,
            composition_offset: 0,
            sync: true,
        };
        Layout::new(movie(vec![track(PICTURES, 24, vec![one])]))
    };
    let holds =
        |layout: &Layout, kind: &[u8; 4]| layout.head().windows(4).any(|window| window == kind);
    let head = of(0).head().len() as u32;
    let fits = of(u32::MAX - head);
    assert!(holds(&fits, b"stco") && !holds(&fits, b"co64"));
    let over = of(u32::MAX - head + 1);
    assert!(holds(&over, b"co64") && !holds(&over, b"stco"));
}

#[test]
fn lengths_beyond_32_bits_are_written_in_64() {
    let mut long = track(
        PICTURES,
        240_000,
        vec![
            NewSample {
                size: 1,
                duration: u32::MAX,
                composition_offset: 0,
                sync: true
            };
            3
        ],
    );
    long.media_time = 1 << 33;
    let head = Layout::new(movie(vec![long])).head();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), [head.as_slice(), &[1, 2, 3]].concat()).unwrap();
    let read = read(file.path()).unwrap().unwrap();
    let edit = read.tracks[0].edits[0];
    assert_eq!(
        (edit.media_time, edit.duration),
        (1 << 33, 3 * u64::from(u32::MAX))
    );
}
