//! Tiny clips for tests, made by ffmpeg's generators on the spot and kept beside the build.
//!
//! Each file is made once under a name that says what is in it; two tests that need it at the same time both make it and one rename wins.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::{find, run};

/// A moving test picture with a frame counter in it, and a tone.
#[derive(Clone, Copy, Debug)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    /// As ffmpeg reads it: `25`, `30000/1001`.
    pub fps: &'static str,
    pub seconds: u32,
    /// Pitch of its tone in hertz; `None` for a clip without a sound track.
    pub tone_hz: Option<u32>,
}

impl Picture {
    /// What the others are variations of: 320×180 at 25 frames per second with a tone.
    pub fn plain(seconds: u32) -> Self {
        Self {
            width: 320,
            height: 180,
            fps: "25",
            seconds,
            tone_hz: Some(220),
        }
    }

    pub fn make(&self) -> Result<PathBuf> {
        let Self {
            width,
            height,
            fps,
            seconds,
            tone_hz,
        } = *self;
        let sound = tone_hz.map_or("silent".to_owned(), |hz| format!("{hz}hz"));
        let name = format!(
            "{width}x{height}-{}fps-{seconds}s-{sound}.mp4",
            fps.replace('/', "_")
        );
        let picture = format!("testsrc2=size={width}x{height}:rate={fps}:duration={seconds}");
        let mut args = vec![
            "-f".to_owned(),
            "lavfi".to_owned(),
            "-i".to_owned(),
            picture,
        ];
        if let Some(hz) = tone_hz {
            let tone = format!("sine=frequency={hz}:sample_rate=48000:duration={seconds}");
            args.extend(["-f".to_owned(), "lavfi".to_owned(), "-i".to_owned(), tone]);
            args.extend(words("-c:a aac -b:a 96k -ac 2"));
        }
        args.extend(words(
            "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -bf 0 -g 25",
        ));
        args.extend(words(
            "-colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv",
        ));
        args.extend(words("-movflags +faststart"));
        make(&name, &args)
    }
}

/// A voice-like track: tones that come and go, loud and soft, so that its loudness is not trivial.
pub fn narration(seconds: u32) -> Result<PathBuf> {
    let voice = format!(
        "aevalsrc='0.3*sin(2*PI*180*t)*(0.15+abs(sin(2*PI*0.7*t)))*gt(sin(2*PI*0.31*t),-0.3)':s=22050:d={seconds}"
    );
    let mut args = vec!["-f".to_owned(), "lavfi".to_owned(), "-i".to_owned(), voice];
    args.extend(words("-c:a pcm_s16le"));
    make(&format!("narration-{seconds}s.wav"), &args)
}

/// A clip whose file is cut after three fifths of its bytes; what it claims to hold stays in its head.
pub fn truncated() -> Result<PathBuf> {
    let whole = std::fs::read(
        Picture {
            tone_hz: None,
            ..Picture::plain(4)
        }
        .make()?,
    )?;
    let kept = whole.get(..whole.len() * 3 / 5).unwrap_or_default();
    write("truncated.mp4", kept)
}

/// Encrypted with a key that is thrown away (Common Encryption).
pub fn encrypted() -> Result<PathBuf> {
    let source = Picture {
        tone_hz: None,
        ..Picture::plain(2)
    }
    .make()?;
    let mut args = vec!["-i".to_owned(), source.display().to_string()];
    args.extend(words("-c copy -encryption_scheme cenc-aes-ctr"));
    args.extend(words("-encryption_key 0f1e2d3c4b5a69788796a5b4c3d2e1f0 -encryption_kid 112233445566778899aabbccddeeff00"));
    make("encrypted.mp4", &args)
}

/// A playlist that would make a careless ffmpeg open another file.
pub fn playlist() -> Result<PathBuf> {
    write(
        "playlist.mp4",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
    )
}

pub fn svg() -> Result<PathBuf> {
    write("drawing.mp4", br#"<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64"/></svg>"#)
}

pub fn text() -> Result<PathBuf> {
    write("text.mp4", b"Dear farm, this is a letter and not a film.\n")
}

/// Where made clips are kept: beside the test binary, so inside Cargo's target folder.
pub fn folder() -> Result<PathBuf> {
    let binary = std::env::current_exe()?;
    let build = binary
        .ancestors()
        .find(|folder| folder.join("deps").is_dir());
    let folder = build
        .map_or_else(std::env::temp_dir, Path::to_owned)
        .join("test-material");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn make(name: &str, args: &[String]) -> Result<PathBuf> {
    let file = folder()?.join(name);
    if file.is_file() {
        return Ok(file);
    }
    let draft = draft(&file);
    let mut all = words("-nostdin -hide_banner -v error -y");
    all.extend_from_slice(args);
    all.push(draft.display().to_string());
    run(&find("ffmpeg")?, &all).with_context(|| name.to_owned())?;
    std::fs::rename(&draft, &file)?;
    Ok(file)
}

fn write(name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let file = folder()?.join(name);
    let draft = draft(&file);
    std::fs::write(&draft, bytes)?;
    std::fs::rename(&draft, &file)?;
    Ok(file)
}

/// Beside the file, of the same kind (ffmpeg goes by the ending), and of this thread alone.
fn draft(file: &Path) -> PathBuf {
    let name = file
        .file_name()
        .map_or_else(Default::default, |name| name.to_string_lossy());
    let thread = format!("{:?}", std::thread::current().id());
    let mine: String = thread.chars().filter(char::is_ascii_digit).collect();
    file.with_file_name(format!("{}-{mine}-{name}", std::process::id()))
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
