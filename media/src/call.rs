//! One call of ffmpeg or ffprobe, described: its arguments, what it may read and write, how long it may take. Pure; [`crate::process`] runs it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use botflix_common::verdict::MAX_STILL_PIXELS;

/// Largest picture that is opened: 9 megapixels, a little more than DCI 4K.
pub const MAX_PIXELS: u32 = 9_000_000;

/// Demuxers for stills we did not make, by content and not by name. No `image2`: it reads patterns of file names.
const STILL_FORMAT_WHITELIST: &str = "png_pipe,jpeg_pipe,webp_pipe";

const STILL_CODEC_WHITELIST: &str = "png,mjpeg,webp";

/// Demuxers for files we did not make. No playlists, no image sequences, nothing that opens a second file.
const FORMAT_WHITELIST: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,wav,w64,mp3,flac,ogg,aac";

/// Decoders for files we did not make. MagicYUV (CVE-2026-8461) and everything else nobody sends is refused.
const CODEC_WHITELIST: &str = "h264,hevc,av1,libdav1d,vp8,libvpx,vp9,libvpx-vp9,mpeg4,prores,\
    aac,mp3,mp3float,opus,libopus,vorbis,libvorbis,flac,alac,ac3,eac3,\
    pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f64le,pcm_u8,pcm_alaw,pcm_mulaw";

/// ffprobe opens a decoder for every stream it lists, and gives up on the whole file when one is refused. These are met beside good pictures
/// and sound (captions, cover art) and may be listed; ffmpeg itself opens only what is mapped, and never these.
const LISTED_CODECS: &str = ",mov_text,srt,subrip,webvtt,ass,ssa,text,mjpeg,png";

/// Absolute bound of one call. The stall limit does the real work; this ends what creeps.
const MAX_DEADLINE: Duration = Duration::from_secs(6 * 3600);

/// Bound of a call whose length is known, however short: starting, seeking and reading cost the same for a second as for a minute.
const MIN_DEADLINE: Duration = Duration::from_secs(600);

/// Time for each second of media where the length is known: an encoder that takes fifty times as long as its pictures last still ends in time.
const DEADLINE_PER_MEDIA_SECOND: f64 = 60.0;

/// How long a call may show no sign of life: no output, no input taken, no frame or second further.
const DEFAULT_STALL_LIMIT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Ffmpeg,
    Ffprobe,
}

impl Program {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ffmpeg => "ffmpeg",
            Self::Ffprobe => "ffprobe",
        }
    }
}

/// Whether streams of this codec (ffprobe's name) are decoded at all, and not only listed.
pub(crate) fn is_decoded(codec: &str) -> bool {
    CODEC_WHITELIST.split(',').any(|allowed| allowed == codec)
}

/// Built in the order of the command line. `-hide_banner -v error` (and `-nostdin`, `-y` for ffmpeg) are always there.
#[derive(Clone, Debug)]
pub struct Call {
    pub(crate) program: Program,
    pub(crate) args: Vec<OsString>,
    pub(crate) readable: Vec<PathBuf>,
    pub(crate) writable_dirs: Vec<PathBuf>,
    pub(crate) devices: Vec<PathBuf>,
    pub(crate) untrusted: bool,
    /// `None`: follows from the length of the media.
    deadline: Option<Duration>,
    pub(crate) stall_limit: Duration,
    pub(crate) media_seconds: Option<f64>,
}

impl Call {
    pub fn new(program: Program) -> Self {
        Self {
            program,
            args: Vec::new(),
            readable: Vec::new(),
            writable_dirs: Vec::new(),
            devices: Vec::new(),
            untrusted: false,
            deadline: None,
            stall_limit: DEFAULT_STALL_LIMIT,
            media_seconds: None,
        }
    }

    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// An option of the next input, e.g. `("-ss", "1.5")`. The same as two `arg`s; the name says where it must stand.
    #[must_use]
    pub fn input_option(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.arg(name).arg(value)
    }

    /// A file that a stranger sent: whitelists of protocols, formats and codecs, a limit of pixels, and permission to read this one file.
    #[must_use]
    pub fn untrusted_input(mut self, path: &Path) -> Self {
        self.untrusted = true;
        let codecs = match self.program {
            Program::Ffmpeg => CODEC_WHITELIST.to_owned(),
            Program::Ffprobe => format!("{CODEC_WHITELIST}{LISTED_CODECS}"),
        };
        self.args(["-max_pixels", &MAX_PIXELS.to_string()])
            .args(["-protocol_whitelist", "file,pipe"])
            .args(["-format_whitelist", FORMAT_WHITELIST])
            .args(["-codec_whitelist", &codecs])
            .arg("-i")
            .arg(file_url(path))
            .readable(path)
    }

    /// A still picture that a stranger sent: the same walls, other formats, one decoder, and a larger limit of pixels, because there is one picture.
    #[must_use]
    pub fn untrusted_still(mut self, path: &Path) -> Self {
        self.untrusted = true;
        self.args(["-max_pixels", &MAX_STILL_PIXELS.to_string()])
            .args(["-protocol_whitelist", "file,pipe"])
            .args(["-format_whitelist", STILL_FORMAT_WHITELIST])
            // Named, because a file that ends in `.jpg` is taken for an image sequence otherwise, and that is refused.
            .args(["-f", still_demuxer(path)])
            .args(["-codec_whitelist", STILL_CODEC_WHITELIST])
            .arg("-i")
            .arg(file_url(path))
            .readable(path)
    }

    /// A file that this engine made.
    #[must_use]
    pub fn own_input(self, path: &Path) -> Self {
        self.args(["-protocol_whitelist", "file,pipe"])
            .arg("-i")
            .arg(file_url(path))
            .readable(path)
    }

    /// Device nodes that the call may open.
    #[must_use]
    pub fn devices(mut self, nodes: &[PathBuf]) -> Self {
        self.devices.extend_from_slice(nodes);
        self
    }

    /// One more file, or directory and all below it, that the call may read.
    #[must_use]
    pub fn readable(mut self, path: &Path) -> Self {
        self.readable.push(path.to_owned());
        self
    }

    /// The output file; the call may write in its directory.
    #[must_use]
    pub fn output(mut self, path: &Path) -> Self {
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        self.writable_dirs.push(parent.to_owned());
        self.arg(file_url(path))
    }

    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    #[must_use]
    pub fn stall_limit(mut self, limit: Duration) -> Self {
        self.stall_limit = limit;
        self
    }

    /// Seconds of output that make this call complete: its progress is then reported, and its deadline follows from them if it has none.
    #[must_use]
    pub fn media_seconds(mut self, seconds: f64) -> Self {
        self.media_seconds = Some(seconds);
        self
    }

    /// How long it may run: its own deadline, or one for the length of its media, or the bound of all.
    pub(crate) fn time_limit(&self) -> Duration {
        let of_media = |seconds: f64| {
            Duration::try_from_secs_f64(DEADLINE_PER_MEDIA_SECOND * seconds)
                .unwrap_or(MAX_DEADLINE)
                .clamp(MIN_DEADLINE, MAX_DEADLINE)
        };
        let by_length = self.media_seconds.map_or(MAX_DEADLINE, of_media);
        self.deadline.unwrap_or(by_length)
    }
}

/// By the first bytes. What cannot be read or is something else fails in the demuxer.
fn still_demuxer(path: &Path) -> &'static str {
    let mut head = [0; 3];
    let read = std::fs::File::open(path)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head));
    match (read, &head) {
        (Ok(()), b"\xff\xd8\xff") => "jpeg_pipe",
        (Ok(()), b"RIF") => "webp_pipe",
        _ => "png_pipe",
    }
}

/// `file:` keeps a name with a colon, a percent sign or a dash in front from being taken for a protocol or an option.
fn file_url(path: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(path);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_still_is_opened_by_its_content_and_never_by_a_pattern_of_names() {
        let call = Call::new(Program::Ffmpeg).untrusted_still(Path::new("/stills/%d.png"));
        assert!(call.untrusted && call.args.iter().any(|arg| arg == "file:/stills/%d.png"));
        assert!(!STILL_FORMAT_WHITELIST.contains("image2"));
        assert!(call.args.iter().any(|arg| arg == STILL_CODEC_WHITELIST));
    }

    #[test]
    fn a_deadline_grows_with_the_media_between_its_bounds() {
        let call = || Call::new(Program::Ffmpeg);
        let limit_of = |seconds| call().media_seconds(seconds).time_limit().as_secs();
        assert_eq!(call().time_limit(), MAX_DEADLINE);
        assert_eq!([0.0, 0.04, 10.0].map(limit_of), [600; 3]);
        assert_eq!([20.0, 90.5].map(limit_of), [1200, 5430]);
        assert_eq!([360.0, 7200.0, 1e300].map(limit_of), [6 * 3600; 3]);
        assert_eq!([f64::NAN, f64::INFINITY, -1.0].map(limit_of), [6 * 3600; 3]);
    }

    #[test]
    fn a_deadline_of_its_own_is_kept() {
        let own = Duration::from_secs(7);
        let call = Call::new(Program::Ffmpeg).deadline(own);
        assert_eq!(call.clone().media_seconds(3600.0).time_limit(), own);
        assert_eq!(call.media_seconds(0.1).time_limit(), own);
    }

    #[test]
    fn an_untrusted_input_is_preceded_by_every_whitelist() {
        let call = Call::new(Program::Ffmpeg).untrusted_input(Path::new("/clips/a&b=?.mp4"));
        let args: Vec<_> = call.args.iter().map(|arg| arg.to_str().unwrap()).collect();
        let input = args.iter().position(|arg| *arg == "-i").unwrap();
        for flag in [
            "-max_pixels",
            "-protocol_whitelist",
            "-format_whitelist",
            "-codec_whitelist",
        ] {
            assert!(
                args.iter().position(|arg| *arg == flag).unwrap() < input,
                "{flag}"
            );
        }
        assert_eq!(args[input + 1], "file:/clips/a&b=?.mp4");
        assert_eq!(call.readable, [PathBuf::from("/clips/a&b=?.mp4")]);
        assert!(!CODEC_WHITELIST.contains(' ') && !CODEC_WHITELIST.contains("magicyuv"));
    }
}
