//! The picture packets of a file: how many, when shown, and a digest of their bytes. What `conform`, `assemble` and `check` all count with.

use std::path::Path;

use botflix_common::failure::WhoCanFix;
use sha2::{Digest, Sha256};

use crate::{Call, Context, MediaError, Program};

/// Who made a file, and so how it must be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A stranger.
    Clip,
    /// This engine.
    Ours,
}

/// The packets of a picture track, in decoding order. Eight bytes a frame are kept: 1.4 MB for two hours.
#[derive(Debug, Default)]
pub(crate) struct Packets {
    /// When each is shown, in ticks of the track.
    pub(crate) shown_at: Vec<i64>,
    pub(crate) key_frames: u64,
    pub(crate) first_is_key: bool,
}

impl Packets {
    pub(crate) fn frames(&self) -> u64 {
        self.shown_at.len() as u64
    }

    /// By how many pictures decoding must run ahead so that none is decoded after it is shown.
    pub(crate) fn reorder_depth(&self) -> u64 {
        let mut order: Vec<usize> = (0..self.shown_at.len()).collect();
        order.sort_by_key(|decoded| self.shown_at.get(*decoded));
        order
            .iter()
            .enumerate()
            .map(|(shown, decoded)| decoded.saturating_sub(shown) as u64)
            .max()
            .unwrap_or(0)
    }

    /// The first picture that is not shown at exactly `k × ticks`: its number, and when it is shown.
    pub(crate) fn off_grid(&self, ticks: u32) -> Option<(u64, i64)> {
        let mut shown_at = self.shown_at.clone();
        shown_at.sort_unstable();
        (0u64..)
            .zip(shown_at)
            .find(|(frame, at)| u64::try_from(*at) != Ok(frame * u64::from(ticks)))
    }
}

/// Lists the packets of the first picture track and feeds the hash of each payload to `digest`, in order. Fed the segments of a film one after
/// the other, the digest equals that of the film: a stream copy from MP4 to MP4 leaves payloads as they are, so that a dropped, doubled,
/// swapped or altered packet changes it.
pub(crate) async fn list(
    ctx: &Context,
    file: &Path,
    origin: Origin,
    digest: &mut Sha256,
) -> Result<Packets, MediaError> {
    let call = Call::new(Program::Ffprobe);
    let call = match origin {
        Origin::Clip => call.untrusted_input(file),
        Origin::Ours => call.own_input(file),
    }
    .args(["-select_streams", "V:0"])
    .args(["-show_entries", "packet=pts,flags,data_hash"])
    .args([
        "-show_data_hash",
        "sha256",
        "-of",
        "compact=print_section=0",
    ]);
    let mut packets = Packets::default();
    let mut unread: Option<String> = None;
    ctx.lines(call, |line| match parse(line) {
        Some(packet) => {
            packets.first_is_key |= packets.shown_at.is_empty() && packet.key;
            packets.key_frames += u64::from(packet.key);
            packets.shown_at.push(packet.shown_at);
            digest.update(packet.payload);
        }
        None if line.trim().is_empty() => {}
        None => {
            unread.get_or_insert_with(|| line.to_owned());
        }
    })
    .await?
    .success(Program::Ffprobe, origin == Origin::Clip)?;
    match unread {
        None => Ok(packets),
        Some(line) => Err(MediaError::Permanent {
            code: "picture_without_time",
            message: "a picture of the clip or film has no time or no bytes".to_owned(),
            who_can_fix: match origin {
                Origin::Clip => WhoCanFix::Director,
                Origin::Ours => WhoCanFix::Platform,
            },
            internal: Some(line),
        }),
    }
}

struct Packet {
    shown_at: i64,
    key: bool,
    payload: [u8; 32],
}

/// `pts=512|flags=K_|data_hash=SHA256:…`
fn parse(line: &str) -> Option<Packet> {
    let (mut shown_at, mut key, mut payload) = (None, false, None);
    for (name, value) in line.split('|').filter_map(|field| field.split_once('=')) {
        match name {
            "pts" => shown_at = value.parse().ok(),
            "flags" => key = value.starts_with('K'),
            "data_hash" => {
                let mut bytes = [0; 32];
                let digits = value.strip_prefix("SHA256:")?;
                hex::decode_to_slice(digits, &mut bytes).ok()?;
                payload = Some(bytes);
            }
            _ => {}
        }
    }
    Some(Packet {
        shown_at: shown_at?,
        key,
        payload: payload?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(shown_at: &[i64]) -> Packets {
        Packets {
            shown_at: shown_at.to_vec(),
            ..Packets::default()
        }
    }

    #[test]
    fn the_reorder_depth_is_how_far_decoding_runs_ahead() {
        assert_eq!(shown(&[0, 1, 2, 3]).reorder_depth(), 0);
        assert_eq!(shown(&[0, 2, 1, 3]).reorder_depth(), 1);
        assert_eq!(shown(&[0, 3, 2, 1, 4]).reorder_depth(), 2);
        assert_eq!(shown(&[]).reorder_depth(), 0);
    }

    #[test]
    fn a_missing_doubled_or_late_picture_is_off_the_grid() {
        assert_eq!(shown(&[0, 1024, 512]).off_grid(512), None);
        assert_eq!(shown(&[0, 1024, 1536]).off_grid(512), Some((1, 1024)));
        assert_eq!(shown(&[0, 0, 512]).off_grid(512), Some((1, 0)));
        assert_eq!(shown(&[-512, 0]).off_grid(512), Some((0, -512)));
    }

    #[test]
    fn a_packet_line_gives_time_key_and_payload() {
        let line = format!("pts=-512|flags=K_|data_hash=SHA256:{}", "ab".repeat(32));
        let packet = parse(&line).unwrap();
        assert_eq!(
            (packet.shown_at, packet.key, packet.payload),
            (-512, true, [0xab; 32])
        );
        assert!(parse("pts=N/A|flags=__|data_hash=SHA256:00").is_none());
    }
}
