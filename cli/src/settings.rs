//! Everything this program reads from its environment, in one place. What is not here is a flag, or stands at its flag (`env` in `args`).

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::exit::Fault;

/// Variables whose names start so are settings of the object store, named as its library names them.
const STORAGE_PREFIXES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];
/// Before them: the setting is not this program's own but for the workers that join.
const FOR_WORKERS: &str = "BOTFLIX_WORKER_";

pub struct Settings {
    /// `BOTFLIX_DIRECTOR_KEY`: the API key with which `render` speaks.
    pub director_key: Option<Secret>,
    /// `BOTFLIX_OPERATOR_TOKEN`: what a server takes for the operators' token, and what operators' commands show.
    pub operator_token: Option<Secret>,
    /// `BOTFLIX_JOIN_TOKEN`: what `worker --join` shows.
    pub join_token: Option<Secret>,
    /// `BOTFLIX_WORKER_AWS_…` and so on: as `storage_options`, for the workers that join an API server. Without the first part of the name.
    pub worker_storage_options: Vec<(String, String)>,
    /// `RUST_LOG`: what is logged, where `--log` does not say.
    pub log_filter: Option<String>,
    /// `AWS_…`, `GOOGLE_…`, `AZURE_…`: credentials and endpoints for `--storage`.
    pub storage_options: Vec<(String, String)>,
    /// `BOTFLIX_TEST_LEASE_MS`: a lease other than 15 seconds. For tests: every process of a farm must have the same.
    pub test_lease_ms: Option<String>,
    /// `BOTFLIX_TEST_PAYLOAD_VERSION`: which payloads this process writes and understands, as a process of another version would.
    pub test_payload_version: Option<String>,
    /// `BOTFLIX_TEST_FAIL_POINTS`: where this process is to die. For tests.
    pub test_fail_points: Option<String>,
    /// Where memoized results of `render --local` go: `$XDG_CACHE_HOME/botflix`, else `~/.cache/botflix`.
    pub cache_dir: Option<PathBuf>,
}

/// Never printed.
#[derive(Clone)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Settings {
    pub fn read() -> Self {
        Self::from(std::env::vars_os())
    }

    fn from(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let mut settings = Self {
            director_key: None,
            operator_token: None,
            join_token: None,
            worker_storage_options: Vec::new(),
            log_filter: None,
            storage_options: Vec::new(),
            test_lease_ms: None,
            test_payload_version: None,
            test_fail_points: None,
            cache_dir: None,
        };
        let mut home_cache = None;
        for (name, value) in variables {
            let (Some(name), Some(text)) = (name.to_str(), value.to_str()) else {
                continue;
            };
            match name {
                _ if text.is_empty() => {}
                "BOTFLIX_DIRECTOR_KEY" => settings.director_key = Some(Secret(text.to_owned())),
                "BOTFLIX_OPERATOR_TOKEN" => {
                    settings.operator_token = Some(Secret(text.to_owned()));
                }
                "BOTFLIX_JOIN_TOKEN" => settings.join_token = Some(Secret(text.to_owned())),
                "BOTFLIX_TEST_LEASE_MS" => settings.test_lease_ms = Some(text.to_owned()),
                "BOTFLIX_TEST_PAYLOAD_VERSION" => {
                    settings.test_payload_version = Some(text.to_owned());
                }
                "BOTFLIX_TEST_FAIL_POINTS" => settings.test_fail_points = Some(text.to_owned()),
                "RUST_LOG" => settings.log_filter = Some(text.to_owned()),
                "XDG_CACHE_HOME" => settings.cache_dir = Some(PathBuf::from(text).join("botflix")),
                "HOME" => home_cache = Some(PathBuf::from(text).join(".cache").join("botflix")),
                _ => settings.storage_option(name, text),
            }
        }
        settings.cache_dir = settings
            .cache_dir
            .filter(|dir| dir.is_absolute())
            .or(home_cache);
        settings
    }
}

impl Settings {
    /// Says loudly that this is no farm for work.
    pub fn test_lease(&self) -> Result<Option<Duration>, Fault> {
        let Some(text) = &self.test_lease_ms else {
            return Ok(None);
        };
        let unreadable = |error| {
            Fault::permanent("BOTFLIX_TEST_LEASE_MS is not a number of milliseconds").because(error)
        };
        let lease = text
            .parse()
            .map(Duration::from_millis)
            .map_err(unreadable)?;
        tracing::warn!(
            ?lease,
            "a test has set the lease of tasks: no farm for work"
        );
        Ok(Some(lease))
    }

    /// The same of payloads of another version.
    pub fn test_payload_version(&self) -> Result<Option<u32>, Fault> {
        let Some(text) = &self.test_payload_version else {
            return Ok(None);
        };
        let unreadable =
            |error| Fault::permanent("BOTFLIX_TEST_PAYLOAD_VERSION is not a number").because(error);
        let version = text.parse().map_err(unreadable)?;
        tracing::warn!(
            version,
            "a test has set the version of payloads: no farm for work"
        );
        Ok(Some(version))
    }

    /// Keeps what is a setting of an object store.
    fn storage_option(&mut self, name: &str, text: &str) {
        let of_a_store = |name: &str| {
            STORAGE_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix))
        };
        if of_a_store(name) {
            self.storage_options
                .push((name.to_owned(), text.to_owned()));
        } else if let Some(name) = name.strip_prefix(FOR_WORKERS)
            && of_a_store(name)
        {
            self.worker_storage_options
                .push((name.to_owned(), text.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Settings {
        Settings::from(
            variables
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
        )
    }

    #[test]
    fn the_cache_is_the_users_own_and_a_relative_setting_is_ignored() {
        let home = ("HOME", "/home/ada");
        let cache = |settings: Settings| settings.cache_dir.unwrap();
        assert_eq!(
            cache(read(&[home])),
            PathBuf::from("/home/ada/.cache/botflix")
        );
        let xdg = ("XDG_CACHE_HOME", "/var/cache/ada");
        assert_eq!(
            cache(read(&[home, xdg])),
            PathBuf::from("/var/cache/ada/botflix")
        );
        let relative = ("XDG_CACHE_HOME", "cache");
        assert_eq!(
            cache(read(&[relative, home])),
            PathBuf::from("/home/ada/.cache/botflix")
        );
    }

    #[test]
    fn credentials_of_workers_that_join_are_not_taken_for_ones_own() {
        let settings = read(&[
            ("AWS_REGION", "here"),
            ("BOTFLIX_WORKER_AWS_REGION", "there"),
            ("BOTFLIX_WORKER_OTHER", "nothing"),
        ]);
        let region = |value: &str| vec![("AWS_REGION".to_owned(), value.to_owned())];
        assert_eq!(settings.storage_options, region("here"));
        assert_eq!(settings.worker_storage_options, region("there"));
    }

    #[test]
    fn a_key_is_read_and_never_printed() {
        let settings = read(&[("BOTFLIX_DIRECTOR_KEY", "botflix_dir_canary")]);
        let key = settings.director_key.unwrap();
        assert_eq!(key.0, "botflix_dir_canary");
        assert!(!format!("{key:?}").contains("canary"));
    }
}
