//! What was seen of one stream while all of it was listed and decoded, in ticks of the stream.

use super::damage::Damage;
use super::stream::fields;
use super::words::Words;

/// Four hours at 120 frames per second; the lists below stay under 30 MB.
const MAX_PICTURES: usize = 4 * 3600 * 120;

/// What a container says of one packet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Packet {
    pub is_picture: bool,
    pub pts: Option<i64>,
    pub duration: Option<i64>,
    pub bytes: u64,
    pub key: bool,
    /// An edit list hides it.
    pub hidden: bool,
}

#[derive(Debug, Default)]
pub struct Seen {
    pub packets: u64,
    /// Packets that an edit list hides.
    pub hidden_packets: u64,
    /// Of the first packet in decode order.
    pub first_is_key: bool,
    pub first_pts: Option<i64>,
    pub frames: u64,
    /// Of all packets together.
    pub bytes: u64,
    /// Presented times of pictures, ascending.
    pub times: Vec<i64>,
    /// Duration of the picture that is presented last, where the container has one.
    pub last_duration: Option<i64>,
    pub interlaced: bool,
    pub size: Option<(u32, u32)>,
    pub size_changes: bool,
    pub reorder_frames: u32,
    pub too_many: bool,
    /// By the places in `times`.
    pub damages: Vec<Damage>,
    /// Presentation times of picture packets in decode order; given up once finished.
    packet_times: Vec<i64>,
    last_time: Option<i64>,
}

impl Seen {
    pub const fn nothing() -> Self {
        Self {
            packets: 0,
            hidden_packets: 0,
            first_is_key: false,
            first_pts: None,
            frames: 0,
            bytes: 0,
            times: Vec::new(),
            last_duration: None,
            interlaced: false,
            size: None,
            size_changes: false,
            reorder_frames: 0,
            too_many: false,
            damages: Vec::new(),
            packet_times: Vec::new(),
            last_time: None,
        }
    }

    /// A line of ffprobe's.
    pub fn packet(&mut self, line: &str) {
        let mut packet = Packet::default();
        for (name, value) in fields(line) {
            match name {
                "codec_type" => packet.is_picture = value == "video",
                "pts" => packet.pts = value.parse().ok(),
                "duration" => packet.duration = value.parse().ok(),
                "size" => packet.bytes = value.parse().unwrap_or(0),
                "flags" => {
                    (packet.key, packet.hidden) = (value.contains('K'), value.contains('D'));
                }
                _ => {}
            }
        }
        self.add(packet);
    }

    /// The next in the order of decoding.
    pub fn add(&mut self, packet: Packet) {
        if self.packets == 0 {
            self.first_is_key = packet.key;
            self.first_pts = packet.pts;
        }
        self.bytes += packet.bytes;
        self.packets += 1;
        self.hidden_packets += u64::from(packet.hidden);
        let followed =
            packet.is_picture && !packet.hidden && self.packet_times.len() < MAX_PICTURES;
        // What an edit list hides or repeats is no reordering.
        if let Some(pts) = packet.pts.filter(|_| followed) {
            self.packet_times.push(pts);
            if self.last_time.is_none_or(|last| pts >= last) {
                self.last_time = Some(pts);
                self.last_duration = packet.duration.filter(|ticks| *ticks > 0);
            }
        }
    }

    /// What came of decoding the pictures.
    pub fn decoded(&mut self, words: Words) {
        self.frames = words.pictures;
        self.times = words.times;
        self.times.sort_unstable();
        self.damages = words.damages.found;
        self.too_many = words.too_many;
        self.interlaced = words.interlaced;
        self.size = words.size;
        self.size_changes = words.size_changes;
    }

    /// After the last packet.
    pub fn finish(&mut self) {
        self.reorder_frames = reorder(&std::mem::take(&mut self.packet_times));
    }

    /// The first packet can be decoded on its own, says the container, and nothing is shown before it.
    pub fn starts_with_key(&self) -> bool {
        self.first_is_key
            && (self.first_pts.is_none() || self.first_pts == self.times.first().copied())
    }
}

/// By how many places decode order runs ahead: for each packet, how many already sent ones are shown after it.
fn reorder(packet_times: &[i64]) -> u32 {
    /// H.264 and HEVC hold at most 16 pictures back.
    const WINDOW: usize = 17;
    let mut deepest = 0;
    for (index, time) in packet_times.iter().enumerate() {
        let before = packet_times
            .get(index.saturating_sub(WINDOW)..index)
            .unwrap_or_default();
        deepest = deepest.max(before.iter().filter(|earlier| *earlier > time).count());
    }
    u32::try_from(deepest).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_out_in_order_with_the_reorder_depth() {
        let mut seen = Seen::nothing();
        for (pts, flags) in [(0, "K_"), (3, "__"), (1, "__"), (9, "_D")] {
            seen.packet(&format!(
                "codec_type=video|stream_index=0|pts={pts}|duration={}|size=100|pos={pts}|flags={flags}",
                pts / 2 + 1
            ));
        }
        seen.finish();
        seen.decoded(Words {
            pictures: 3,
            times: vec![0, 3, 1],
            interlaced: true,
            size: Some((64, 36)),
            size_changes: true,
            ..Words::default()
        });
        assert_eq!(seen.times, [0, 1, 3]);
        assert_eq!(
            (
                seen.packets,
                seen.hidden_packets,
                seen.frames,
                seen.reorder_frames
            ),
            (4, 1, 3, 1)
        );
        assert_eq!((seen.last_duration, seen.bytes), (Some(2), 400));
        assert!(seen.interlaced && seen.size_changes && seen.starts_with_key());
    }
}
