//! The system calls between fork and exec, and the two others that need `unsafe`. Nothing here allocates, locks or panics after the fork.
#![allow(
    unsafe_code,
    reason = "confining a child between fork and exec has no safe interface; this file is the only place"
)]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use seccompiler::BpfProgram;

/// Asks `landlock_create_ruleset` for the interface version instead of a ruleset.
const LANDLOCK_CREATE_RULESET_VERSION: libc::c_ulong = 1;
/// Children die before anything else when memory runs out.
const OOM_SCORE_ADJ: &[u8] = b"900";
/// First descriptor after stdin, stdout and stderr.
const FIRST_PRIVATE_FD: libc::c_uint = 3;

#[derive(Clone, Copy)]
pub enum Resource {
    AddressSpace,
    FileSize,
    OpenFiles,
    CpuSeconds,
    CoreDump,
}

/// Everything the child needs to confine itself, made before the fork.
pub struct Walls {
    pub parent_pid: u32,
    pub limits: [(Resource, u64); 5],
    pub inherit: Option<OwnedFd>,
    pub ruleset: Option<OwnedFd>,
    pub filters: Option<Arc<[BpfProgram]>>,
}

/// The kernel's Landlock interface version; 0 or less when there is none.
pub fn landlock_abi() -> i32 {
    // SAFETY: with a null attribute, size 0 and this flag the call only returns a number.
    let abi = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0usize,
            LANDLOCK_CREATE_RULESET_VERSION,
        )
    };
    i32::try_from(abi).unwrap_or(0)
}

/// Kills every process of the group that `leader` leads. A group that is already gone is no error.
pub fn kill_group(leader: u32) {
    let Ok(group) = libc::pid_t::try_from(leader) else {
        return;
    };
    if group > 1 {
        // SAFETY: kill takes two integers; a negative pid names a group.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
}

pub fn confine(command: &mut Command, walls: Walls) {
    // SAFETY: the closure runs in the forked child and makes only system calls on memory prepared before the fork; it neither allocates
    // nor takes a lock, so it is safe whatever other threads held at the fork. Errors are built from raw errno values.
    unsafe { command.pre_exec(move || walls.raise()) };
}

impl Walls {
    fn raise(&self) -> io::Result<()> {
        die_with(self.parent_pid)?;
        prefer_for_oom_kill();
        for (resource, limit) in self.limits {
            set_limit(resource, limit)?;
        }
        close_on_exec_except(self.inherit.as_ref())?;
        // SAFETY: plain integers; forbids gaining privileges by exec, and both walls below require it.
        check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }.into())?;
        if let Some(ruleset) = &self.ruleset {
            // SAFETY: a live descriptor of a ruleset, and no flags.
            check(unsafe {
                libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0u32)
            })?;
        }
        for filter in self.filters.iter().flat_map(|filters| filters.iter()) {
            seccompiler::apply_filter(filter)
                .map_err(|_| io::Error::from_raw_os_error(libc::EPERM))?;
        }
        Ok(())
    }
}

fn die_with(parent_pid: u32) -> io::Result<()> {
    // SAFETY: plain integers.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) }.into())?;
    // SAFETY: no arguments. The parent may have died before the line above took effect.
    let parent = unsafe { libc::getppid() };
    if u32::try_from(parent) == Ok(parent_pid) {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::ESRCH))
    }
}

/// Best effort: a kernel without /proc still confines.
fn prefer_for_oom_kill() {
    // SAFETY: a terminated constant path, a live descriptor, a buffer of the stated length.
    unsafe {
        let fd = libc::open(
            c"/proc/self/oom_score_adj".as_ptr(),
            libc::O_WRONLY | libc::O_CLOEXEC,
        );
        if fd >= 0 {
            libc::write(fd, OOM_SCORE_ADJ.as_ptr().cast(), OOM_SCORE_ADJ.len());
            libc::close(fd);
        }
    }
}

fn set_limit(resource: Resource, wanted: u64) -> io::Result<()> {
    let resource = match resource {
        Resource::AddressSpace => libc::RLIMIT_AS,
        Resource::FileSize => libc::RLIMIT_FSIZE,
        Resource::OpenFiles => libc::RLIMIT_NOFILE,
        Resource::CpuSeconds => libc::RLIMIT_CPU,
        Resource::CoreDump => libc::RLIMIT_CORE,
    };
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a live struct of the right type for both calls.
    check(unsafe { libc::getrlimit(resource, &raw mut limit) }.into())?;
    limit.rlim_max = limit.rlim_max.min(wanted);
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: as above.
    check(unsafe { libc::setrlimit(resource, &raw const limit) }.into())
}

/// Marks instead of closing: the standard library still needs its own pipe to report a failed exec.
fn close_on_exec_except(inherit: Option<&OwnedFd>) -> io::Result<()> {
    // SAFETY: plain integers; the call marks descriptors of this process only.
    let marked = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST_PRIVATE_FD,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    // Kernels before 5.11 do not know the flag; every descriptor that Rust opens is marked already.
    if marked < 0
        && !matches!(
            io::Error::last_os_error().raw_os_error(),
            Some(libc::EINVAL | libc::ENOSYS)
        )
    {
        return Err(io::Error::last_os_error());
    }
    if let Some(fd) = inherit {
        // SAFETY: a live descriptor and an integer.
        check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, 0) }.into())?;
    }
    Ok(())
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
