//! What an API server is told at start, and the defaults.

use std::net::SocketAddr;
use std::time::Duration;

use botflix_common::http::Joined;
use botflix_common::queue::QueueConfig;

use crate::farm::FarmConfig;

/// Largest clip: 8 GiB. (A cloud store takes 5 GiB, as `Storage` says.)
pub const DEFAULT_MAX_CLIP_BYTES: u64 = 8 * 1024 * 1024 * 1024;
pub const DEFAULT_UPLOAD_IDLE: Duration = Duration::from_secs(60);

/// Settings of one API server. No `Debug`: the URLs may hold passwords.
#[derive(Clone)]
pub struct ApiConfig {
    /// `sqlite://path` or `postgres://…`; made and migrated when needed.
    pub database: String,
    /// `redis://…`
    pub redis: String,
    /// `file:///directory`, `s3://bucket/prefix`, …
    pub storage: String,
    /// Settings of the store that do not stand in its URL (`AWS_ACCESS_KEY_ID`, …); a whole environment may be given.
    pub storage_options: Vec<(String, String)>,
    /// Port 0: any free one; [`crate::Server::local_addr`] says which.
    pub listen: SocketAddr,
    /// How viewers and agents reach this server, for the links it makes. By default the listen address.
    pub public_url: Option<String>,
    /// What operators prove themselves with: 32 visible ASCII characters or more. By default the token whose hash is in the database.
    pub operator_token: Option<String>,
    /// What workers that join are told to use.
    pub for_workers: ForWorkers,
    /// As long as all other processes of the farm have it; by default that of [`QueueConfig::new`].
    pub lease: Option<Duration>,
    /// For tests: payloads as another version of this program writes and understands them.
    pub payload_version: Option<u32>,
    pub max_clip_bytes: u64,
    /// A sender of a clip that gives no byte for so long is gone.
    pub upload_idle: Duration,
    /// How the farm's loops keep time; the defaults are what its guarantees are stated for.
    pub farm: FarmConfig,
}

/// Where the farm is from a worker's place; what is absent is as the server itself has it.
#[derive(Clone, Default)]
pub struct ForWorkers {
    pub redis: Option<String>,
    pub storage: Option<String>,
    /// Each in place of the server's own of that name.
    pub storage_options: Vec<(String, String)>,
}

impl ApiConfig {
    /// What a worker that joins is given.
    pub(crate) fn joined(&self) -> Joined {
        let own = match self.for_workers.storage {
            // Credentials of another store are none of its business.
            Some(_) => &[],
            None => self.storage_options.as_slice(),
        };
        let given = self.for_workers.storage_options.iter();
        Joined {
            redis: self
                .for_workers
                .redis
                .clone()
                .unwrap_or_else(|| self.redis.clone()),
            storage: self
                .for_workers
                .storage
                .clone()
                .unwrap_or_else(|| self.storage.clone()),
            storage_options: own.iter().chain(given).cloned().collect(),
        }
    }

    pub(crate) fn queue(&self) -> QueueConfig {
        let config = QueueConfig::new(&self.redis);
        let config = match self.payload_version {
            Some(version) => config.with_payload_version(version),
            None => config,
        };
        match self.lease {
            Some(lease) => config.with_lease(lease),
            None => config,
        }
    }

    pub fn new(
        database: impl Into<String>,
        redis: impl Into<String>,
        storage: impl Into<String>,
        listen: SocketAddr,
    ) -> Self {
        Self {
            database: database.into(),
            redis: redis.into(),
            storage: storage.into(),
            storage_options: Vec::new(),
            listen,
            public_url: None,
            operator_token: None,
            for_workers: ForWorkers::default(),
            lease: None,
            payload_version: None,
            max_clip_bytes: DEFAULT_MAX_CLIP_BYTES,
            upload_idle: DEFAULT_UPLOAD_IDLE,
            farm: FarmConfig::default(),
        }
    }

    /// The origin of all links: what the operator said, or where the server listens.
    pub(crate) fn public_url(&self, local_addr: SocketAddr) -> Result<String, String> {
        let Some(given) = &self.public_url else {
            return Ok(format!("http://{local_addr}"));
        };
        let url = url::Url::parse(given)
            .map_err(|error| format!("--public-url is not a URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err("--public-url must be http:// or https:// and a host".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("--public-url must have no query and no fragment".to_owned());
        }
        Ok(given.trim_end_matches('/').to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_given_the_servers_own_store_or_that_of_workers_and_never_both_credentials() {
        let listen: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let mut config = ApiConfig::new("", "redis://own/", "s3://own", listen);
        let key = |value: &str| ("AWS_SECRET_ACCESS_KEY".to_owned(), value.to_owned());
        config.storage_options = vec![key("own")];
        assert_eq!(config.joined().redis, "redis://own/");
        assert_eq!(
            config.joined().storage_options["AWS_SECRET_ACCESS_KEY"],
            "own"
        );
        config.for_workers.storage_options = vec![key("theirs")];
        assert_eq!(
            config.joined().storage_options["AWS_SECRET_ACCESS_KEY"],
            "theirs"
        );
        config.for_workers.storage_options.clear();
        config.for_workers.storage = Some("s3://theirs".to_owned());
        assert!(config.joined().storage_options.is_empty());
    }

    #[test]
    fn links_follow_the_public_url_or_else_the_listen_address() {
        let listen: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let mut config = ApiConfig::new("", "", "", listen);
        assert_eq!(config.public_url(listen).unwrap(), "http://127.0.0.1:8080");
        config.public_url = Some("https://films.example/".into());
        assert_eq!(config.public_url(listen).unwrap(), "https://films.example");
        for wrong in [
            "films.example",
            "ftp://films.example",
            "https://films.example/?a=b",
        ] {
            config.public_url = Some(wrong.into());
            assert!(config.public_url(listen).is_err(), "{wrong}");
        }
    }
}
