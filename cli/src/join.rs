//! How a worker joins: a token for what it needs. Says in words where what it was given cannot work on this host.

use botflix_common::http::{JoinRequest, Joined};
use reqwest::Method;
use url::{Host, Url};

use crate::args::WorkerArgs;
use crate::client::Api;
use crate::exit::Fault;
use crate::settings::Settings;

/// Where a worker's farm is.
pub struct Farm {
    pub redis: String,
    pub storage: String,
    pub storage_options: Vec<(String, String)>,
}

/// From the command line, or from the API that is to be joined.
pub async fn farm(args: &WorkerArgs, name: &str, settings: Settings) -> Result<Farm, Fault> {
    let Some(server) = &args.join else {
        let (Some(redis), Some(storage)) = (args.redis.clone(), args.storage.clone()) else {
            return Err(Fault::permanent(
                "--redis and --storage, or --join, must be given",
            ));
        };
        return Ok(Farm {
            redis,
            storage,
            storage_options: settings.storage_options,
        });
    };
    let request = JoinRequest {
        token: token(args, &settings)?,
        name: name.to_owned(),
    };
    if is_in_the_clear(server) {
        eprintln!(
            "{server} is not https: the credentials that this worker is given travel in the clear"
        );
    }
    let api = Api::new(server, None)?;
    let joined: Joined = api
        .json(|| {
            api.request(Method::POST, "/api/v1/workers/join")
                .json(&request)
        })
        .await?;
    check(&joined, server)?;
    Ok(Farm {
        redis: joined.redis,
        storage: joined.storage,
        storage_options: joined.storage_options.into_iter().collect(),
    })
}

fn token(args: &WorkerArgs, settings: &Settings) -> Result<String, Fault> {
    if let Some(token) = &args.token {
        return Ok(token.clone());
    }
    if let Some(path) = &args.token_file {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Fault::permanent(format!("{} cannot be read", path.display())).because(error)
        })?;
        return Ok(text.trim().to_owned());
    }
    let token = settings.join_token.as_ref().map(|token| token.0.clone());
    token.ok_or_else(|| {
        Fault::permanent("BOTFLIX_JOIN_TOKEN is not set")
            .hint("an operator makes a token with `botflix worker-token create --name HOSTS`")
    })
}

/// What only makes sense on the host of the API is said before it fails in other words.
fn check(joined: &Joined, server: &str) -> Result<(), Fault> {
    if let Ok(url) = Url::parse(&joined.storage)
        && url.scheme() == "file"
        && !url.to_file_path().is_ok_and(|path| path.is_dir())
    {
        return Err(Fault::permanent(format!(
            "the farm's storage is {}, a directory of its own host, and this host has none of that name",
            joined.storage
        ))
        .hint("share that directory, or give the API object storage that workers reach: --worker-storage s3://…"));
    }
    let elsewhere = Url::parse(server).is_ok_and(|url| !is_loopback(&url));
    let here_only = Url::parse(&joined.redis)
        .is_ok_and(|url| url.scheme().contains("unix") || is_loopback(&url));
    if elsewhere && here_only {
        return Err(Fault::permanent(
            "the farm's Redis listens on its own host only: this host cannot reach it",
        )
        .hint("give the API a URL that workers reach: --worker-redis rediss://…"));
    }
    Ok(())
}

fn is_in_the_clear(server: &str) -> bool {
    Url::parse(server).is_ok_and(|url| url.scheme() == "http" && !is_loopback(&url))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(redis: &str, storage: &str) -> Joined {
        Joined {
            redis: redis.to_owned(),
            storage: storage.to_owned(),
            storage_options: Default::default(),
        }
    }

    #[test]
    fn what_only_the_farms_own_host_reaches_is_refused_elsewhere_by_name() {
        let s3 = "s3://bucket/prefix";
        let far = "https://farm.example";
        let near = "http://127.0.0.1:8080";
        assert!(check(&joined("redis://10.0.0.1/", s3), far).is_ok());
        for redis in ["redis://127.0.0.1:6379/", "unix:///run/redis.sock"] {
            assert!(check(&joined(redis, s3), near).is_ok(), "{redis}");
            assert!(check(&joined(redis, s3), far).is_err(), "{redis}");
        }
        let fault = check(&joined("redis://10.0.0.1/", "file:///no/such/folder"), far);
        assert!(format!("{:?}", fault.unwrap_err()).contains("--worker-storage"));
    }
}
