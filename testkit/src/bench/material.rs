//! The clips of the bench: made by ffmpeg's generators, the same bytes for the same ffmpeg, kept under names that say what is in them.
//!
//! Pictures move, carry grain and a numbered strip ([`counter`](super::counter)); sound is speech-like, as loud as no other clip, with a clap at a known time.

use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result};

use super::counter;
use crate::process::{find, run};

/// Seconds from a clip's first picture to its clap. Silence around it, so that it is found.
pub(super) const CLAP_SECONDS: f64 = 0.75;
/// Part of every name: a new one makes all clips anew.
const RECIPE: u32 = 3;

/// Pictures per second as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fps(pub u32, pub u32);

impl Fps {
    pub fn per_second(self) -> f64 {
        f64::from(self.0) / f64::from(self.1)
    }
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// H.264 at 5 Mbit/s, stereo 48 kHz AAC: what a generator delivers.
    Plain,
    Hevc,
    /// 44.1 kHz, one channel.
    OtherSound,
    /// A PNG.
    Still,
    /// A WAV of a voice; no picture.
    Narration,
}

/// One file to be made.
#[derive(Clone, Debug)]
pub(super) struct Clip {
    /// Drawn into its pictures; varies what is seen and heard.
    pub number: u32,
    pub kind: Kind,
    pub width: u32,
    pub height: u32,
    pub fps: Fps,
    pub frames: u32,
}

impl Clip {
    pub fn seconds(&self) -> f64 {
        f64::from(self.frames) / self.fps.per_second()
    }

    pub fn has_clap(&self) -> bool {
        !matches!(self.kind, Kind::Still)
    }

    /// Its name in the folder of clips.
    pub fn name(&self) -> String {
        let Self {
            number,
            width,
            height,
            frames,
            fps: Fps(per, base),
            ..
        } = self;
        let (kind, ending) = match self.kind {
            Kind::Plain => ("h264", "mp4"),
            Kind::Hevc => ("hevc", "mp4"),
            Kind::OtherSound => ("mono", "mp4"),
            Kind::Still => return format!("still-{width}x{height}-{number:02}-v{RECIPE}.png"),
            Kind::Narration => ("voice", "wav"),
        };
        format!("{kind}-{width}x{height}-{per}_{base}-{frames}f-{number:02}-v{RECIPE}.{ending}")
    }

    fn make(&self, folder: &Path) -> Result<()> {
        let file = folder.join(self.name());
        if file.is_file() {
            return Ok(());
        }
        let draft = file.with_file_name(format!("draft-{}", self.name()));
        let mut args = words("-nostdin -hide_banner -v error -y -fflags +bitexact -bitexact");
        args.extend(self.arguments());
        args.push(draft.display().to_string());
        run(&find("ffmpeg")?, &args).with_context(|| self.name())?;
        std::fs::rename(&draft, &file)?;
        Ok(())
    }

    fn arguments(&self) -> Vec<String> {
        let sound = ["-f", "lavfi", "-i"].map(str::to_owned);
        match self.kind {
            Kind::Narration => {
                let mut args = sound.to_vec();
                args.push(self.voice());
                args.extend(words("-c:a pcm_s16le"));
                args
            }
            Kind::Still => {
                let mut args = vec!["-filter_complex".to_owned(), self.pictures()];
                args.extend(words("-map [v] -frames:v 1 -pix_fmt rgb24"));
                args
            }
            Kind::Plain | Kind::Hevc | Kind::OtherSound => {
                let mut args = sound.to_vec();
                args.push(self.voice());
                args.extend(["-filter_complex".to_owned(), self.pictures()]);
                args.extend(words("-map [v] -map 0:a"));
                // Not -frames:v: with it ffmpeg 5.1 leaves the sound short.
                args.extend(["-t".to_owned(), self.seconds().to_string()]);
                args.extend(words(self.encoders()));
                args.extend(words(
                    "-pix_fmt yuv420p -colorspace bt709 -color_primaries bt709",
                ));
                args.extend(words(
                    "-color_trc bt709 -color_range tv -movflags +faststart",
                ));
                args
            }
        }
    }

    fn encoders(&self) -> &'static str {
        match self.kind {
            Kind::Hevc => {
                "-c:v libx265 -preset ultrafast -b:v 4M -x265-params log-level=error:keyint=48 -tag:v hvc1 -c:a aac -b:a 128k -ac 2"
            }
            Kind::OtherSound => {
                "-c:v libx264 -preset veryfast -crf 20 -g 60 -c:a aac -b:a 96k -ac 1 -ar 44100"
            }
            _ => {
                "-c:v libx264 -preset veryfast -b:v 5M -maxrate 6M -bufsize 5M -g 48 -bf 2 -c:a aac -b:a 128k -ac 2"
            }
        }
    }

    /// Test patterns that slide under drifting colours and under grain that no encoder can predict.
    fn pictures(&self) -> String {
        let Self {
            number: n,
            width,
            height,
            fps: Fps(per, base),
            ..
        } = self;
        let hue = n * 37 % 360;
        let strip = counter::drawn(*n);
        format!(
            "testsrc2=size={width}x{height}:rate={per}/{base},\
             scroll=h=0.00{}:v=0.00{},hue=h={hue}:s=0.8,format=yuv420p[patterns];\
             gradients=size={width}x{height}:rate={per}/{base}:n=6:seed={n}:speed=0.02:x0=0:y0=0:x1={width}:y1={height},format=yuv420p[colours];\
             [patterns][colours]blend=all_mode=average,noise=c0s=14:c0f=t:c0_seed={n},{strip}[v]",
            n % 4 + 1,
            n % 3 + 1,
        )
    }

    /// Vowels in syllables and phrases, and a clap in a gap between them.
    fn voice(&self) -> String {
        let n = f64::from(self.number);
        let pitch = 105.0 + n * 29.0 % 120.0;
        let syllables = 2.3 + n * 0.37 % 1.9;
        // 0 to 15 dB below the loudest, as if from many generators' voices.
        let level = 10f64.powf(-(n * 3.0 % 16.0) / 20.0);
        let (quiet, clap) = (CLAP_SECONDS - 0.2, CLAP_SECONDS);
        let rate = match self.kind {
            Kind::OtherSound => 44_100,
            _ => 48_000,
        };
        format!(
            "aevalsrc=exprs='{level:.4}*((0.35*sin(2*PI*{pitch}*t)+0.2*sin(2*PI*{}*t+1)+0.15*sin(2*PI*{}*t))\
             *pow(abs(sin(PI*{syllables}*t))\\,2)*gt(sin(2*PI*0.6*t+{n})\\,-0.6)*not(between(t\\,{quiet}\\,{}))\
             +0.6*sin(2*PI*1000*(t-{clap}))*between(t\\,{clap}\\,{}))':s={rate}:d={}",
            pitch * 2.0,
            pitch * 5.0,
            clap + 0.2,
            clap + 0.003,
            self.seconds(),
        )
    }
}

/// Makes what is missing, as many at a time as there are processors.
pub(super) fn make(clips: &[Clip], folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let missing: Vec<&Clip> = clips
        .iter()
        .filter(|clip| !folder.join(clip.name()).is_file())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("making {} clips", missing.len());
    let queue = Mutex::new(missing.into_iter());
    let next = || queue.lock().ok()?.next();
    let work = || -> Result<()> {
        while let Some(clip) = next() {
            clip.make(folder)?;
        }
        Ok(())
    };
    let processors = std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| {
        let makers: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        makers.into_iter().try_for_each(|maker| {
            maker
                .join()
                .map_err(|_| anyhow::anyhow!("a maker of clips panicked"))?
        })
    })
}

pub(super) fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// The sets that the cases are made of.
pub(super) mod sets {
    use super::{Clip, Fps, Kind};

    pub(in super::super) const WIDTH: u32 = 1280;
    pub(in super::super) const HEIGHT: u32 = 720;
    pub(in super::super) const FPS: Fps = Fps(24, 1);

    /// Of one generator: 1280×720 at 24.
    pub(in super::super) fn alike(count: u32, seconds: u32) -> Vec<Clip> {
        let clip = |number| Clip {
            number,
            kind: Kind::Plain,
            width: WIDTH,
            height: HEIGHT,
            fps: FPS,
            frames: FPS.0 * seconds,
        };
        (1..=count).map(clip).collect()
    }

    /// No two neighbours agree in size, rate or codec, and none agrees with the film.
    pub(in super::super) fn odd(count: u32, seconds: u32) -> Vec<Clip> {
        let shapes = [
            (Kind::Plain, 1920, 1080, Fps(24, 1)),
            (Kind::Plain, 1280, 720, Fps(30, 1)),
            (Kind::Hevc, 1280, 720, Fps(24, 1)),
            (Kind::Plain, 960, 540, Fps(25, 1)),
            (Kind::OtherSound, 1920, 1080, Fps(30_000, 1001)),
            (Kind::Plain, 720, 1280, Fps(30, 1)),
            (Kind::Plain, 640, 480, Fps(24, 1)),
            (Kind::Plain, 1280, 720, Fps(60, 1)),
        ];
        let numbered = (1..=count).zip(shapes.into_iter().cycle());
        numbered
            .map(|(number, (kind, width, height, fps))| Clip {
                number,
                kind,
                width,
                height,
                fps,
                frames: (f64::from(seconds) * fps.per_second()).round() as u32,
            })
            .collect()
    }

    pub(in super::super) fn stills(count: u32) -> Vec<Clip> {
        let still = |number| Clip {
            number,
            kind: Kind::Still,
            width: 1920,
            height: 1080,
            fps: FPS,
            frames: 1,
        };
        (1..=count).map(still).collect()
    }

    pub(in super::super) fn narration(seconds: u32) -> Clip {
        Clip {
            number: 7,
            kind: Kind::Narration,
            width: 0,
            height: 0,
            fps: FPS,
            frames: FPS.0 * seconds,
        }
    }
}
