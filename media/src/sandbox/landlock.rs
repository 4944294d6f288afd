//! File, network and signal rules of one child, as a Landlock ruleset. Best effort per kernel: rights that an older kernel does not know are
//! left out; [`layers`] says which groups are in force.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, Scope,
};

use super::{Permissions, other};

/// The newest rights that were tested here.
const TESTED_ABI: ABI = ABI::V6;
/// First kernel interfaces with TCP rules (Linux 6.7) and with scopes for signals and abstract sockets (Linux 6.12).
const ABI_WITH_NETWORK: i32 = 4;
const ABI_WITH_SCOPES: i32 = 6;

/// Shared libraries, the loader and data files. No home, no configuration, no other tenant's directory.
const SYSTEM_DIRS: [&str; 8] = [
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share",
    "/lib",
    "/lib64",
    "/nix/store",
    "/etc/fonts",
];
/// The loader must be executable and lies in one of these. Programs (`/usr/bin`, `/bin`) are not among them: a child starts no shell.
const LOADER_DIRS: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/nix/store"];
const SYSTEM_FILES: [&str; 5] = [
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/urandom",
    "/dev/random",
    "/proc/cpuinfo",
];

/// What a GPU's driver reads about its devices.
const DRIVER_DIRS: [&str; 4] = [
    "/proc/driver/nvidia",
    "/sys/dev/char",
    "/sys/class/drm",
    "/sys/devices",
];

pub fn layers(abi: i32) -> Vec<&'static str> {
    let mut layers = vec!["landlock-files"];
    if abi >= ABI_WITH_NETWORK {
        layers.push("landlock-network");
    }
    if abi >= ABI_WITH_SCOPES {
        layers.push("landlock-signals");
    }
    layers
}

/// The ruleset's descriptor, to be put in force in the child.
pub fn ruleset(permissions: &Permissions<'_>) -> io::Result<OwnedFd> {
    let read_dir = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(TESTED_ABI))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(TESTED_ABI)))
        .and_then(|rules| rules.scope(Scope::AbstractUnixSocket | Scope::Signal))
        .and_then(Ruleset::create)
        .map_err(other)?;
    for dir in SYSTEM_DIRS {
        rules = allow_if_there(rules, Path::new(dir), read_dir)?;
    }
    for dir in LOADER_DIRS {
        rules = allow_if_there(rules, Path::new(dir), read_dir | AccessFs::Execute)?;
    }
    for file in SYSTEM_FILES {
        rules = allow_if_there(rules, Path::new(file), AccessFs::ReadFile.into())?;
    }
    rules = allow_if_there(
        rules,
        Path::new("/dev/null"),
        AccessFs::ReadFile | AccessFs::WriteFile,
    )?;
    rules = allow(
        rules,
        permissions.program,
        AccessFs::ReadFile | AccessFs::Execute,
    )?;
    // A build of ffmpeg outside the system directories brings its libraries beside it: <prefix>/bin/ffmpeg, <prefix>/lib.
    if let Some(prefix) = permissions.program.parent().and_then(Path::parent) {
        rules = allow_if_there(rules, &prefix.join("lib"), read_dir)?;
    }
    for path in permissions.readable {
        let access = if path.is_dir() {
            read_dir
        } else {
            AccessFs::ReadFile.into()
        };
        rules = allow(rules, path, access)?;
    }
    for node in permissions.devices {
        let mut access = AccessFs::ReadFile | AccessFs::WriteFile;
        access |= AccessFs::IoctlDev;
        rules = allow_if_there(rules, node, access)?;
    }
    if !permissions.devices.is_empty() {
        for dir in DRIVER_DIRS {
            rules = allow_if_there(rules, Path::new(dir), read_dir)?;
        }
    }
    for dir in permissions.writable_dirs {
        rules = allow(
            rules,
            dir,
            AccessFs::from_all(TESTED_ABI) & !BitFlags::from(AccessFs::Execute),
        )?;
    }
    Option::<OwnedFd>::from(rules).ok_or_else(|| io::Error::other("the kernel gave no ruleset"))
}

fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> io::Result<RulesetCreated> {
    let fd = PathFd::new(path).map_err(other)?;
    rules.add_rule(PathBeneath::new(fd, access)).map_err(other)
}

fn allow_if_there(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> io::Result<RulesetCreated> {
    if path.exists() {
        allow(rules, path, access)
    } else {
        Ok(rules)
    }
}
