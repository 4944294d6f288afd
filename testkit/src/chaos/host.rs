//! What only a privileged test can have of its host: a network of its own, and a disk that is soon full. Absent where the machine does not allow it.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process::{find, finish};

/// A network namespace, joined to this one by a cable.
pub struct Namespace {
    name: String,
    cable: String,
    ip: PathBuf,
    host: Ipv4Addr,
}

impl Namespace {
    /// `None` where the machine does not allow it. `number` keeps two of them apart.
    pub fn make(number: u32) -> Option<Self> {
        // From the range that documents are to use: nobody has it.
        let third = u8::try_from(number % 200).unwrap_or(0);
        let host = Ipv4Addr::new(198, 18, third, 1);
        let namespace = Self {
            name: format!("botflix-{number}"),
            cable: format!("bf{}", number % 1_000_000),
            ip: find("ip").ok()?,
            host,
        };
        if let Err(error) = namespace.ip(&["netns", "add", &namespace.name]) {
            eprintln!("no network namespace here: {error:#}");
            // There is nothing to take down.
            std::mem::forget(namespace);
            return None;
        }
        match namespace.lay(Ipv4Addr::new(198, 18, third, 2)) {
            Ok(()) => Some(namespace),
            Err(error) => {
                eprintln!("no cable into a network namespace here: {error:#}");
                None
            }
        }
    }

    fn lay(&self, far: Ipv4Addr) -> Result<()> {
        let (name, near_end) = (self.name.as_str(), self.cable.as_str());
        let far_end = format!("{near_end}f");
        self.ip(&[
            "link", "add", near_end, "type", "veth", "peer", "name", &far_end,
        ])?;
        self.ip(&["link", "set", &far_end, "netns", name])?;
        self.ip(&["addr", "add", &format!("{}/24", self.host), "dev", near_end])?;
        self.ip(&["link", "set", near_end, "up"])?;
        self.ip(&[
            "-n",
            name,
            "addr",
            "add",
            &format!("{far}/24"),
            "dev",
            &far_end,
        ])?;
        self.ip(&["-n", name, "link", "set", &far_end, "up"])?;
        self.ip(&["-n", name, "link", "set", "lo", "up"])
    }

    fn ip(&self, words: &[&str]) -> Result<()> {
        finish(Command::new(&self.ip).args(words)).map(|_| ())
    }

    /// This side's address, as seen from inside.
    pub fn host(&self) -> Ipv4Addr {
        self.host
    }

    /// How a program is started inside. It takes the place of what starts it, so its process id is the one that is known.
    pub fn inside(&self, program: &Path, args: Vec<String>) -> (PathBuf, Vec<String>) {
        let mut all = vec!["netns".to_owned(), "exec".to_owned(), self.name.clone()];
        all.push(program.display().to_string());
        all.extend(args);
        (self.ip.clone(), all)
    }

    /// The cable is pulled: packets are lost, nobody is told.
    pub fn pull(&self) -> Result<()> {
        self.ip(&["link", "set", &self.cable, "down"])
    }

    pub fn plug(&self) -> Result<()> {
        self.ip(&["link", "set", &self.cable, "up"])
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Its end of the cable goes with it, and so the other.
        for words in [
            ["link", "del", self.cable.as_str()],
            ["netns", "del", self.name.as_str()],
        ] {
            if let Err(error) = self.ip(&words) {
                eprintln!("{error:#}");
            }
        }
    }
}

/// A file system in memory that holds little.
pub struct SmallDisk {
    place: PathBuf,
}

impl SmallDisk {
    /// `None` where the machine does not allow it; the folder is there in any case.
    pub fn mount(place: &Path, mebibytes: u32) -> Option<Self> {
        let mount = || {
            std::fs::create_dir_all(place)?;
            let size = format!("size={mebibytes}m");
            let mut command = Command::new("mount");
            command
                .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
                .arg(place);
            finish(&mut command)
        };
        match mount() {
            Ok(_) => Some(Self {
                place: place.to_owned(),
            }),
            Err(error) => {
                eprintln!("no disk of its own here: {error:#}");
                None
            }
        }
    }

    fn filler(&self) -> PathBuf {
        self.place.join("filler")
    }

    /// Leaves about so many bytes.
    pub fn fill(&self, left_bytes: u64) -> Result<()> {
        let free = free_bytes(&self.place)?;
        let filler = std::fs::File::create(self.filler())?;
        // A tmpfs takes room for what is written only, so it must be written.
        let mut zeros = std::io::Read::take(std::io::repeat(0), free.saturating_sub(left_bytes));
        match std::io::copy(&mut zeros, &mut &filler) {
            Err(error) if error.kind() != std::io::ErrorKind::StorageFull => Err(error.into()),
            _ => Ok(()),
        }
    }

    pub fn empty(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.filler())?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open keeps it until its end.
        if let Err(error) = finish(Command::new("umount").arg("--lazy").arg(&self.place)) {
            eprintln!("{error:#}");
        }
    }
}

fn free_bytes(place: &Path) -> Result<u64> {
    let told = finish(
        Command::new("df")
            .args(["--output=avail", "-B1"])
            .arg(place),
    )?;
    let text = String::from_utf8_lossy(&told);
    Ok(text.lines().nth(1).unwrap_or_default().trim().parse()?)
}
