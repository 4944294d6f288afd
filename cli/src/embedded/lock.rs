//! One farm per data directory: a lock that the kernel releases however the process ends.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use crate::exit::Fault;

const NAME: &str = "lock";

/// Held until dropped.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    pub fn take(data: &Path) -> Result<Self, Fault> {
        let failed =
            |error| Fault::permanent(format!("{} cannot be used", data.display())).because(error);
        let path = data.join(NAME);
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(data, &mut file)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // For the message that the second one gives.
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn taken(data: &Path, file: &mut File) -> Fault {
    let mut holder = String::new();
    let who = match file.read_to_string(&mut holder) {
        Ok(_) if !holder.is_empty() => format!("process {holder}"),
        _ => "another process".to_owned(),
    };
    Fault::permanent(format!("{who} already runs BotFlix on {}", data.display()))
        .hint("stop it first, or choose another directory with --data")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_directory_is_locked_once_and_free_again_afterwards() {
        let data = tempfile::tempdir().unwrap();
        let first = DataLock::take(data.path()).unwrap();
        let second = DataLock::take(data.path()).unwrap_err();
        assert_eq!(second.exit(), Exit::Failed);
        assert!(format!("{second:?}").contains(&std::process::id().to_string()));
        drop(first);
        DataLock::take(data.path()).unwrap();
    }
}
