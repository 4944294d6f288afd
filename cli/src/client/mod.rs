//! The HTTP API as this program uses it: a client like any other. Trouble with the network is tried again for a while; what the server
//! refuses is told as the server said it.

pub mod clips;
pub mod download;
mod events;
mod metrics;
pub mod renders;

use std::time::Duration;

use botflix_common::http::{DirectorBody, RegisterRequest, Registered};
use botflix_common::problem::Problem;
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::args::{OperatorArgs, WhichRender};
use crate::exit::Fault;
use crate::settings::{Secret, Settings};

/// How long a server that does not answer, or says "later", is asked again by default.
pub const DEFAULT_PATIENCE_SECONDS: u64 = 60;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A `Retry-After` beyond this is not waited for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// One short answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// `?wait=` of long polls, seconds.
const WAIT_SECONDS: u64 = 30;
/// Bytes of a body that is not what was expected, kept for the message.
const SNIPPET_CHARS: usize = 200;

/// A server, and who is speaking to it.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    base: Url,
    key: Option<Secret>,
    patience: Duration,
}

/// Why one call did not work.
pub(crate) enum CallError {
    Refused(Box<Problem>, Option<Duration>),
    Network(reqwest::Error),
    /// An answer that is not this API's.
    Strange {
        status: StatusCode,
        snippet: String,
    },
}

impl Api {
    pub fn new(server: &str, key: Option<Secret>) -> Result<Self, Fault> {
        let unusable = || {
            Fault::permanent(format!("\"{server}\" is not a server's URL"))
                .hint("write it like http://127.0.0.1:8080")
        };
        let base = Url::parse(server).map_err(|_| unusable())?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(unusable());
        }
        let mut builder = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT);
        if is_loopback(&base) {
            // No proxy reaches this machine's own loopback.
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| Fault::permanent("no HTTP client could be made").because(error))?;
        Ok(Self {
            http,
            base,
            key,
            patience: Duration::from_secs(DEFAULT_PATIENCE_SECONDS),
        })
    }

    /// With the key from the environment, which must be there.
    pub fn of_director(server: &str, settings: Settings) -> Result<Self, Fault> {
        let key = settings.director_key.ok_or_else(|| {
            Fault::permanent("BOTFLIX_DIRECTOR_KEY is not set").hint(format!(
                "botflix register --server {server} --name \"Your Director\" prints one"
            ))
        })?;
        Self::new(server, Some(key))
    }

    /// The farm of a render, as its director.
    pub fn of_render(which: &WhichRender, settings: Settings) -> Result<Self, Fault> {
        Ok(Self::of_director(&which.server, settings)?.patient_for(which.patience))
    }

    /// With the operators' token from a file or the environment.
    pub fn of_operator(args: &OperatorArgs, settings: Settings) -> Result<Self, Fault> {
        let token = match &args.token_file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    Fault::permanent(format!("{} cannot be read", path.display())).because(error)
                })?;
                Some(Secret(text.trim().to_owned()))
            }
            None => settings.operator_token,
        };
        let token = token.ok_or_else(|| {
            Fault::permanent("BOTFLIX_OPERATOR_TOKEN is not set")
                .hint("`botflix up` writes the token to `operator-token` in its data folder: --token-file FILE")
        })?;
        Ok(Self::new(&args.server, Some(token))?.patient_for(args.patience))
    }

    /// How long trouble with the network is tried again.
    #[must_use]
    pub fn patient_for(self, seconds: u64) -> Self {
        Self {
            patience: Duration::from_secs(seconds),
            ..self
        }
    }

    pub async fn register(&self, request: &RegisterRequest) -> Result<Registered, Fault> {
        self.json(|| {
            self.request(Method::POST, "/api/v1/directors/register")
                .json(request)
        })
        .await
    }

    /// Whether the key is a director's here.
    pub async fn knows_me(&self) -> Result<bool, Fault> {
        let me = self.patiently(async || {
            let call = self
                .request(Method::GET, "/api/v1/directors/me")
                .timeout(ANSWER_TIMEOUT);
            match read::<DirectorBody>(call).await {
                Err(CallError::Refused(problem, _)) if problem.status == 401 => Ok(false),
                other => other.map(|_| true),
            }
        });
        me.await
    }

    /// A path of the API, or a whole URL as its bodies carry them. The key goes to this server only.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = self.url(path);
        let ours = url.origin() == self.base.origin();
        let call = self.http.request(method, url);
        match &self.key {
            Some(key) if ours => call.bearer_auth(&key.0),
            _ => call,
        }
    }

    /// A server may live below a path of its host.
    fn url(&self, path: &str) -> Url {
        let whole = match path.strip_prefix('/') {
            Some(rest) => Url::parse(&format!(
                "{}/{rest}",
                self.base.as_str().trim_end_matches('/')
            )),
            None => Url::parse(path),
        };
        whole.unwrap_or_else(|_| self.base.clone())
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        self.json(|| self.request(Method::GET, path)).await
    }

    /// An answer that may be held back for `?wait=`.
    pub(crate) async fn get_waiting<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        let timeout = ANSWER_TIMEOUT + Duration::from_secs(WAIT_SECONDS);
        let path = format!("{path}?wait={WAIT_SECONDS}");
        self.json(|| self.request(Method::GET, &path).timeout(timeout))
            .await
    }

    /// `None` for 404.
    pub(crate) async fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Fault> {
        let found = self.patiently(async || {
            match read(self.request(Method::GET, path).timeout(ANSWER_TIMEOUT)).await {
                Err(CallError::Refused(problem, _)) if problem.status == 404 => Ok(None),
                other => other.map(Some),
            }
        });
        found.await
    }

    /// Calls until there is an answer, for as long as it makes sense.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        call: impl Fn() -> RequestBuilder,
    ) -> Result<T, Fault> {
        self.patiently(async || read(call()).await).await
    }

    /// A call whose answer has no body.
    pub(crate) async fn done(&self, call: impl Fn() -> RequestBuilder) -> Result<(), Fault> {
        let answered = self.patiently(async || {
            let answer = call().timeout(ANSWER_TIMEOUT).send().await;
            checked(answer.map_err(CallError::Network)?).await
        });
        answered.await.map(|_| ())
    }

    async fn patiently<T>(
        &self,
        mut call: impl AsyncFnMut() -> Result<T, CallError>,
    ) -> Result<T, Fault> {
        let since = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match call().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = error.retry_after().unwrap_or(pause);
            let patient = since.elapsed() + wait <= self.patience && wait <= LONGEST_RETRY_AFTER;
            if !error.is_retryable() || !patient {
                return Err(error.fault(&self.base));
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Sends once.
pub(crate) async fn read<T: DeserializeOwned>(call: RequestBuilder) -> Result<T, CallError> {
    let answer = checked(call.send().await.map_err(CallError::Network)?).await?;
    let status = answer.status();
    let bytes = answer.bytes().await.map_err(CallError::Network)?;
    serde_json::from_slice(&bytes).map_err(|error| CallError::Strange {
        status,
        snippet: format!("{error}: {}", snippet(&bytes)),
    })
}

/// An answer with a good status; a bad one becomes the problem it carries.
pub(crate) async fn checked(answer: Response) -> Result<Response, CallError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let retry_after = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    let bytes = answer.bytes().await.map_err(CallError::Network)?;
    match serde_json::from_slice::<Problem>(&bytes) {
        Ok(problem) => Err(CallError::Refused(Box::new(problem), retry_after)),
        Err(_) => Err(CallError::Strange {
            status,
            snippet: snippet(&bytes),
        }),
    }
}

fn snippet(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .take(SNIPPET_CHARS)
        .collect()
}

impl CallError {
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(problem, _) => problem.retryable,
            Self::Network(error) => !error.is_builder(),
            // A proxy in front of a server that is away.
            Self::Strange { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(_, retry_after) => *retry_after,
            Self::Network(_) | Self::Strange { .. } => None,
        }
    }

    pub(crate) fn fault(self, base: &Url) -> Fault {
        match self {
            Self::Refused(problem, _) => match problem.status {
                401 if problem.code.ends_with("_api_key") => Fault::refused(&problem)
                    .hint("set BOTFLIX_DIRECTOR_KEY to a key from `botflix register`"),
                _ => Fault::refused(&problem),
            },
            Self::Network(error) => {
                Fault::retryable(format!("{base} does not answer")).because(error.without_url())
            }
            Self::Strange { status, snippet } if status.is_server_error() => {
                Fault::retryable(format!("{base} answered {status}: {snippet}"))
            }
            Self::Strange { status, snippet } => Fault::permanent(format!(
                "{base} answered {status}, not as BotFlix does: {snippet}"
            )),
        }
    }
}
