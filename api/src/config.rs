//! What an API server is told at start, and the defaults.

use std::net::SocketAddr;
use std::time::Duration;

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
    pub max_clip_bytes: u64,
    /// A sender of a clip that gives no byte for so long is gone.
    pub upload_idle: Duration,
    /// How the farm's loops keep time; the defaults are what its guarantees are stated for.
    pub farm: FarmConfig,
}

impl ApiConfig {
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
