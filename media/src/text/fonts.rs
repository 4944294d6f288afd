//! The fonts of this machine that texts are drawn with: sans-serif families of well-known directories, in an order that does not depend on
//! how the directories list them. Loaded once for each process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use botflix_common::task::Font;
use cosmic_text::{FontSystem, SwashCache, fontdb};

use crate::MediaError;

/// Where Debian, Fedora, Arch and hand-made images put fonts. No home directory: two workers would draw differently.
const FONT_DIRS: [&str; 4] = [
    "/usr/share/fonts/truetype",
    "/usr/share/fonts/opentype",
    "/usr/share/fonts/noto",
    "/usr/local/share/fonts",
];
/// Deeper than any packaged font lies.
const MAX_DEPTH: u32 = 4;
const MAX_FONT_FILES: usize = 2_000;

/// Upright faces of these weights, of families that can stand beside each other on a screen. In order of preference: fonts that come first
/// are asked first for a character that the style's own family lacks.
const PREFERRED: [&str; 4] = ["NotoSans-", "DejaVuSans", "NotoSans", "NotoColorEmoji"];
/// Only where no sans-serif has the script.
const OTHERS: [&str; 2] = ["NotoSerif", "NotoMusic"];
const WEIGHTS: [&str; 6] = [
    "-Regular.ttf",
    "-Bold.ttf",
    "-Regular.ttc",
    "-Bold.ttc",
    "DejaVuSans.ttf",
    "NotoColorEmoji.ttf",
];

/// The family that texts are set in, the first that is here.
const FAMILIES: [&str; 2] = ["Noto Sans", "DejaVu Sans"];

pub(super) struct Fonts {
    pub(super) system: FontSystem,
    pub(super) glyphs: SwashCache,
    pub(super) family: &'static str,
    /// Fonts that were asked for so far, for hashing one takes as long as reading it.
    pub(super) named: HashMap<fontdb::ID, Font>,
}

impl Fonts {
    /// Glyphs are cached in it, so one text is drawn at a time; each takes milliseconds.
    pub(super) fn get() -> Result<MutexGuard<'static, Self>, MediaError> {
        static FONTS: OnceLock<Option<Mutex<Fonts>>> = OnceLock::new();
        FONTS
            .get_or_init(|| Self::load().map(Mutex::new))
            .as_ref()
            .map(|fonts| fonts.lock().unwrap_or_else(PoisonError::into_inner))
            .ok_or_else(|| MediaError::EngineUnfit {
                detail: "there is no font to draw text with; install fonts-noto-core or fonts-dejavu-core"
                    .to_owned(),
                stderr_tail: String::new(),
            })
    }

    fn load() -> Option<Self> {
        let mut files = Vec::new();
        for dir in FONT_DIRS {
            collect(Path::new(dir), MAX_DEPTH, &mut files);
        }
        files.sort();
        let mut database = fontdb::Database::new();
        for (_, path) in files {
            if let Err(error) = database.load_font_file(&path) {
                tracing::warn!(path = %path.display(), %error, "a font cannot be read");
            }
        }
        let has = |family: &str| {
            database
                .faces()
                .any(|face| face.families.iter().any(|(name, _)| name == family))
        };
        let family = FAMILIES.into_iter().find(|family| has(family))?;
        // The locale decides between Chinese and Japanese shapes of the same character: a fixed one, because two workers must draw alike.
        let system = FontSystem::new_with_locale_and_db("en-US".to_owned(), database);
        Some(Self {
            system,
            glyphs: SwashCache::new(),
            family,
            named: HashMap::new(),
        })
    }
}

/// Rank and path of each usable font below `dir`.
fn collect(dir: &Path, depth: u32, files: &mut Vec<(usize, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if depth > 0 {
                collect(&path, depth - 1, files);
            }
        } else if let Some(rank) = entry.file_name().to_str().and_then(rank)
            && files.len() < MAX_FONT_FILES
        {
            files.push((rank, path));
        }
    }
}

fn rank(name: &str) -> Option<usize> {
    if !WEIGHTS.iter().any(|weight| name.ends_with(weight)) {
        return None;
    }
    PREFERRED
        .iter()
        .chain(&OTHERS)
        .position(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_family_comes_first_and_slanted_faces_never() {
        assert_eq!(rank("NotoSans-Bold.ttf"), Some(0));
        assert_eq!(rank("DejaVuSans.ttf"), Some(1));
        assert_eq!(rank("NotoSansArabic-Regular.ttf"), Some(2));
        assert_eq!(rank("NotoSansCJK-Regular.ttc"), Some(2));
        assert_eq!(rank("NotoSans-Italic.ttf"), None);
        assert_eq!(rank("DejaVuSansMono-Bold.ttf"), Some(1));
        assert_eq!(rank("Comic.ttf"), None);
    }
}
