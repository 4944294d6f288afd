//! What was seen of one stream while all of it was listed and decoded, in ticks of the stream.

use super::stream::fields;

/// Four hours at 120 frames per second; the lists below stay under 30 MB.
const MAX_PICTURES: usize = 4 * 3600 * 120;

#[derive(Debug, Default)]
pub struct Seen {
    pub packets: u64,
    /// Packets that an edit list hides.
    pub hidden_packets: u64,
    /// Of the first packet in decode order.
    pub first_is_key: bool,
    pub first_pts: Option<i64>,
    pub frames: u64,
    /// Of the first decoded frame.
    pub first_frame: Option<i64>,
    /// Presented times of pictures, ascending once finished.
    pub times: Vec<i64>,
    /// Duration of the picture that is presented last, where the container has one.
    pub last_duration: Option<i64>,
    pub interlaced: bool,
    pub size: Option<(u32, u32)>,
    pub size_changes: bool,
    pub reorder_frames: u32,
    pub too_many: bool,
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
            first_frame: None,
            times: Vec::new(),
            last_duration: None,
            interlaced: false,
            size: None,
            size_changes: false,
            reorder_frames: 0,
            too_many: false,
            packet_times: Vec::new(),
            last_time: None,
        }
    }

    /// Returns where in the file the packet lies.
    pub fn packet(&mut self, line: &str) -> Option<u64> {
        let (mut pts, mut position) = (None, None);
        let (mut key, mut hidden, mut video) = (false, false, false);
        for (name, value) in fields(line) {
            match name {
                "codec_type" => video = value == "video",
                "pts" => pts = value.parse().ok(),
                "pos" => position = value.parse().ok(),
                "flags" => (key, hidden) = (value.contains('K'), value.contains('D')),
                _ => {}
            }
        }
        if self.packets == 0 {
            self.first_is_key = key;
            self.first_pts = pts;
        }
        self.packets += 1;
        self.hidden_packets += u64::from(hidden);
        // What an edit list hides or repeats is no reordering.
        if let Some(pts) =
            pts.filter(|_| video && !hidden && self.packet_times.len() < MAX_PICTURES)
        {
            self.packet_times.push(pts);
        }
        position
    }

    pub fn frame(&mut self, line: &str) {
        let (mut pts, mut guess, mut duration) = (None, None, None);
        let (mut width, mut height) = (0, 0);
        let mut video = false;
        for (name, value) in fields(line) {
            match name {
                "media_type" => video = value == "video",
                "pts" => pts = value.parse().ok(),
                "best_effort_timestamp" => guess = value.parse().ok(),
                // Renamed in ffmpeg 6.
                "pkt_duration" | "duration" => duration = value.parse().ok(),
                "width" => width = value.parse().unwrap_or(0),
                "height" => height = value.parse().unwrap_or(0),
                "interlaced_frame" => self.interlaced |= value == "1",
                _ => {}
            }
        }
        self.frames += 1;
        let time = pts.or(guess);
        self.first_frame = self.first_frame.or(time);
        if !video {
            return;
        }
        let size = *self.size.get_or_insert((width, height));
        self.size_changes |= size != (width, height);
        if self.times.len() >= MAX_PICTURES {
            self.too_many = true;
        } else if let Some(time) = time {
            self.times.push(time);
            if self.last_time.is_none_or(|last| time >= last) {
                self.last_time = Some(time);
                self.last_duration = duration.filter(|ticks: &i64| *ticks > 0);
            }
        }
    }

    /// After the last line.
    pub fn finish(&mut self) {
        self.times.sort_unstable();
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
                "codec_type=video|stream_index=0|pts={pts}|pos={pts}|flags={flags}"
            ));
        }
        for (pts, guess, duration, width) in [("0", 0, 1, 64), ("N/A", 1, 1, 64), ("3", 3, 2, 32)] {
            seen.frame(&format!(
                "media_type=video|pts={pts}|best_effort_timestamp={guess}|pkt_duration={duration}|width={width}|height=36|interlaced_frame=1"
            ));
        }
        seen.finish();
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
        assert_eq!(seen.last_duration, Some(2));
        assert!(seen.interlaced && seen.size_changes && seen.starts_with_key());
    }
}
