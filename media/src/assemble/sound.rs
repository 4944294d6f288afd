//! The film's sound: the packets of the mix as they are, and its edit list, which hides the encoder's priming and padding to the sample.

use std::path::Path;

use super::broken;
use super::pictures::scaled;
use crate::MediaError;
use crate::mp4::write::{NewMedia, NewSample, NewTrack};
use crate::mp4::{self, Media, Mp4Error, Sample, Track, TrackKind};

pub(super) struct Sound {
    media: Media,
    packets: Vec<Sample>,
    track: Option<NewTrack>,
}

impl Sound {
    pub(super) fn open(
        file: &Path,
        movie_timescale: u32,
        language: [u8; 3],
    ) -> Result<Self, MediaError> {
        let media = Media::open(file).map_err(Mp4Error::Io)?;
        let movie = mp4::read(file)?.ok_or_else(|| refused("not a plain MP4 file"))?;
        let track = movie
            .track(TrackKind::Sound)
            .ok_or_else(|| refused("no sound"))?;
        let packets = track.samples()?.to_vec();
        let track = new_track(track, &packets, movie.timescale, movie_timescale, language)?;
        Ok(Self {
            media,
            packets,
            track: Some(track),
        })
    }

    /// To be asked once.
    pub(super) fn track(&mut self) -> Option<NewTrack> {
        self.track.take()
    }

    pub(super) fn fetch(&self, index: usize, buffer: &mut Vec<u8>) -> Result<(), MediaError> {
        let packet = self
            .packets
            .get(index)
            .ok_or_else(|| refused("a packet too few"))?;
        Ok(self.media.sample(packet, buffer)?)
    }
}

fn new_track(
    track: &Track,
    packets: &[Sample],
    own_timescale: u32,
    movie_timescale: u32,
    language: [u8; 3],
) -> Result<NewTrack, MediaError> {
    let ([entry], [edit]) = (track.entries.as_slice(), track.edits.as_slice()) else {
        return Err(refused("not one sample entry and one edit"));
    };
    let media_time = u64::try_from(edit.media_time);
    let (b"mp4a", Ok(media_time)) = (&entry.kind, media_time) else {
        return Err(refused("not AAC from its first sample"));
    };
    Ok(NewTrack {
        media: NewMedia::Sound,
        timescale: track.timescale,
        language,
        entry: entry.bytes.clone(),
        samples: packets
            .iter()
            .map(|packet| NewSample {
                size: packet.size,
                duration: packet.duration,
                composition_offset: 0,
                sync: true,
            })
            .collect(),
        starts_at: 0,
        media_time,
        shown: scaled(edit.duration, own_timescale, movie_timescale),
    })
}

fn refused(why: &str) -> MediaError {
    broken(
        "sound_unusable",
        "the film's sound cannot be joined to its pictures",
        why.to_owned(),
    )
}
