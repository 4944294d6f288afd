//! The walls around a child process: what it may read and write, that it reaches no network and starts no program, and how much it may use.
//!
//! Everything that allocates (rules, filters) is made before the fork; between fork and exec only system calls run, in [`sys`], the one
//! place of `unsafe`. This room knows nothing of ffmpeg's arguments.

mod filter;
mod landlock;
mod sys;

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use seccompiler::BpfProgram;

use crate::error::MediaError;
pub(crate) use sys::kill_group;

/// Address space of a child. A bound against bombs, not a budget: x264 at 4K stays below 3 GiB.
const MAX_ADDRESS_SPACE_BYTES: u64 = 8 << 30;
/// Largest file a child may write.
const MAX_FILE_BYTES: u64 = 64 << 30;
const MAX_OPEN_FILES: u64 = 1024;
/// CPU time allowed per second of the call's deadline: a process on every core of a large host.
const CPU_SECONDS_PER_DEADLINE_SECOND: u64 = 64;

/// Whether children are confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SandboxPolicy {
    /// Landlock and seccomp, or no engine at all. Layers that a kernel lacks within Landlock (network, signals) are left out and not
    /// reported by [`crate::Engine::sandbox_layers`].
    #[default]
    Enforce,
    /// The operator's decision: limits, own process group and a cleared environment remain.
    Off,
}

/// What is the same for every child, prepared once.
#[derive(Clone)]
pub(crate) struct Sandbox {
    filters: Option<Arc<[BpfProgram]>>,
    layers: Vec<&'static str>,
}

/// What one child may do.
pub(crate) struct Permissions<'a> {
    pub program: &'a Path,
    pub readable: &'a [PathBuf],
    pub writable_dirs: &'a [PathBuf],
    /// Device nodes that a call which encodes on a GPU opens. Its driver maps far more address space than it uses, so that is not limited then.
    pub devices: &'a [PathBuf],
    pub deadline: Duration,
    /// One descriptor beyond the three standard ones.
    pub inherit: Option<OwnedFd>,
}

impl Sandbox {
    pub fn prepare(policy: SandboxPolicy) -> Result<Self, MediaError> {
        let mut layers = vec![
            "process-group",
            "empty-environment",
            "closed-descriptors",
            "no-new-privileges",
            "rlimits",
        ];
        let filters = match policy {
            SandboxPolicy::Off => None,
            SandboxPolicy::Enforce => {
                let abi = sys::landlock_abi();
                if abi < 1 {
                    return Err(MediaError::SandboxUnavailable {
                        missing: "the kernel has no Landlock (Linux 5.13 or newer with landlock in CONFIG_LSM or lsm=)".to_owned(),
                    });
                }
                layers.extend(landlock::layers(abi));
                let filters = filter::programs()
                    .map_err(|detail| MediaError::SandboxUnavailable { missing: detail })?;
                layers.push("seccomp");
                Some(Arc::from(filters))
            }
        };
        Ok(Self { filters, layers })
    }

    pub fn layers(&self) -> &[&'static str] {
        &self.layers
    }

    /// Arranges that `command` confines itself between fork and exec.
    pub fn confine(
        &self,
        command: &mut Command,
        permissions: Permissions<'_>,
    ) -> Result<(), MediaError> {
        let ruleset = match &self.filters {
            Some(_) => {
                Some(
                    landlock::ruleset(&permissions).map_err(|error| MediaError::Sandbox {
                        doing: "file rules".to_owned(),
                        source: error,
                    })?,
                )
            }
            None => None,
        };
        let cpu_seconds = permissions
            .deadline
            .as_secs()
            .saturating_mul(CPU_SECONDS_PER_DEADLINE_SECOND)
            .max(1);
        let address_space = if permissions.devices.is_empty() {
            MAX_ADDRESS_SPACE_BYTES
        } else {
            u64::MAX
        };
        sys::confine(
            command,
            sys::Walls {
                parent_pid: std::process::id(),
                limits: [
                    (sys::Resource::AddressSpace, address_space),
                    (sys::Resource::FileSize, MAX_FILE_BYTES),
                    (sys::Resource::OpenFiles, MAX_OPEN_FILES),
                    (sys::Resource::CpuSeconds, cpu_seconds),
                    (sys::Resource::CoreDump, 0),
                ],
                inherit: permissions.inherit,
                ruleset,
                filters: self.filters.clone(),
            },
        );
        Ok(())
    }
}

/// A text for what the landlock crate's errors wrap.
fn other(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}
