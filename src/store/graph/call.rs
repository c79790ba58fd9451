//! Whoever asks Graph: with a token, at the pace that was set, and again where that helps.
//!
//! Never: a token to another host, a write that is sent twice, or a refusal that is taken for "there is none".

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, Url, header::ACCEPT};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{
    harmless,
    http::{Answer, CALL_LIMIT, Lost, Transport},
    pace::{PATIENCE, Pace},
    proof::random_id,
    token::Tokens,
    wire::code_and_message,
};
use crate::{domain::connection::Connection, store::StoreError};

/// The version of Graph, with which every path begins.
const VERSION: &str = "/v1.0/";
/// How often one thing is asked at most.
const TRIES: u32 = 5;
/// The first wait between two tries, where the service names none; each other is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// As which of the two apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    /// The one that reads.
    Reader,
    /// The one that writes, and reads what it is about to change.
    Writer,
}

impl As {
    /// The application permission on relationships that it needs.
    fn permission(self) -> &'static str {
        match self {
            Self::Reader => "DelegatedAdminRelationship.Read.All",
            Self::Writer => "DelegatedAdminRelationship.ReadWrite.All",
        }
    }
}

/// One of a connection's apps before Graph.
#[derive(Debug)]
pub struct Graph {
    transport: Transport,
    tokens: Tokens,
    /// `HOST` or `HOST:PORT`, by which it is named in messages.
    host: String,
    /// What every address begins with.
    root: Url,
    app: As,
    reads: Pace,
    writes: Pace,
    in_flight: u8,
    difference: Mutex<Option<SignedDuration>>,
}

/// What is asked.
struct Ask<'a> {
    method: Method,
    url: Url,
    body: Option<&'a Value>,
    /// How many requests it holds.
    requests: u32,
}

/// What came of what changes something.
pub(super) enum Sent {
    /// An answer to each request in it.
    Answered(Answer),
    /// No answer that tells anything: each may be made, now, later or never.
    Unknown,
}

/// What is to be done with what came back.
enum Next {
    /// It is the answer.
    Take(Answer),
    /// It is asked again, after a wait where the service has named one.
    Again { wait: Option<Duration>, error: StoreError },
    /// With another token.
    Renew,
}

impl Graph {
    /// One that has asked nobody yet.
    ///
    /// # Errors
    /// Where the connection names no such app, or nobody can be trusted.
    pub fn open(connection: &Connection, app: As) -> Result<Self, StoreError> {
        let line = |authority: Option<&Path>| {
            let store = format!("graph:{}", connection.file.display());
            Transport::new(authority, CALL_LIMIT)
                .map_err(|reason| StoreError::Misnamed { store, reason })
        };
        let login = line(connection.login_authority())?;
        let graph = if connection.graph_authority() == connection.login_authority() {
            login.clone()
        } else {
            line(connection.graph_authority())?
        };
        Self::over(connection, app, login, graph)
    }

    /// The same, over these lines to the login and to Graph.
    ///
    /// # Errors
    /// Where the connection names no such app.
    pub fn over(
        connection: &Connection,
        app: As,
        login: Transport,
        transport: Transport,
    ) -> Result<Self, StoreError> {
        let store = format!("graph:{}", connection.file.display());
        let misnamed = |reason: String| StoreError::Misnamed { store: store.clone(), reason };
        let credential = match app {
            As::Reader => &connection.reader,
            As::Writer => connection.writer.as_ref().ok_or_else(|| {
                let reason =
                    "it has no `writer`, and is for reading only: name the app that writes";
                misnamed(reason.to_owned())
            })?,
        };
        let host = connection.graph_host().to_owned();
        let root = Url::parse(&format!("https://{host}{VERSION}"));
        let root = root.map_err(|_| misnamed(format!("`{}` is no host", harmless(&host))))?;
        let pace = connection.pace;
        Ok(Self {
            tokens: Tokens::new(connection, credential, login),
            transport,
            host,
            root,
            app,
            reads: Pace::new(pace.reads_per_second, pace.in_flight),
            writes: Pace::new(pace.writes_per_second, pace.in_flight),
            in_flight: pace.in_flight,
            difference: Mutex::default(),
        })
    }

    /// Reads what is at a path below the version, such as `/tenantRelationships/delegatedAdminRelationships?$top=300`.
    /// What is no success may be the answer as well: 404 is for the caller to judge.
    ///
    /// # Errors
    /// Where there is no answer, or Graph does not let the app in.
    pub async fn get(&self, path_and_query: &str) -> Result<Answer, StoreError> {
        let url = self.below(path_and_query)?;
        self.read(&Ask { method: Method::GET, url, body: None, requests: 1 }).await
    }

    /// Reads the next page of a list, where the answer before says that it is: on this very host, and nowhere else.
    ///
    /// # Errors
    /// As [`Self::get`]; and where it leads elsewhere, in which case nobody is asked.
    pub async fn get_next(&self, link: &str) -> Result<Answer, StoreError> {
        let url = Url::parse(link).ok().filter(|url| self.is_own(url)).ok_or_else(|| {
            let place = Url::parse(link).ok().and_then(|it| it.host_str().map(str::to_owned));
            let place = place.map(|it| format!(" at `{}`", harmless(&it))).unwrap_or_default();
            self.unexpected(format!(
                "it says that the next page is{place}, where it does not belong: nobody was asked there"
            ))
        })?;
        self.read(&Ask { method: Method::GET, url, body: None, requests: 1 }).await
    }

    /// Reads by a call that has a body, such as a batch of reads. It is sent again where no answer comes, so it must not
    /// change anything.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, StoreError> {
        let url = self.below(path)?;
        let requests = body["requests"].as_array().map_or(1, Vec::len);
        let requests = u32::try_from(requests).unwrap_or(u32::MAX);
        self.read(&Ask { method: Method::POST, url, body: Some(body), requests }).await
    }

    /// Sends what changes something, once. What takes away waits for no pace.
    ///
    /// # Errors
    /// Where nothing was sent, or Graph does not let the app in: then nothing is changed.
    pub(super) async fn change(&self, body: &Value, takes_away: bool) -> Result<Sent, StoreError> {
        let url = self.below("/$batch")?;
        let requests = body["requests"].as_array().map_or(1, Vec::len);
        let requests = u32::try_from(requests).unwrap_or(u32::MAX);
        let ask = Ask { method: Method::POST, url, body: Some(body), requests };
        let mut renewed = false;
        loop {
            let pace = if takes_away { 0 } else { requests };
            let place = self.writes.turn(pace).await.map_err(|wait| self.throttled(wait))?;
            let token = self.tokens.bearer(Timestamp::now()).await?;
            let answer = match self.sent_once(&ask, &token).await {
                Ok(answer) => answer,
                Err(lost @ Lost::NotSent(_)) => return Err(lost.of(&self.host)),
                Err(Lost::Cut(_) | Lost::TooLarge) => return Ok(Sent::Unknown),
            };
            drop(place);
            match answer.status {
                401 if !renewed => {
                    self.tokens.forget(&token);
                    renewed = true;
                }
                401 => return Err(self.not_let_in(&answer)),
                403 => return Err(self.forbidden(&ask, &answer)),
                200 => return Ok(Sent::Answered(answer)),
                _ => {
                    if let Some(wait) = answer.retry_after {
                        self.writes.put_off(wait);
                    }
                    return Ok(Sent::Unknown);
                }
            }
        }
    }

    /// Nobody changes anything for this long.
    pub(super) fn put_off_changes(&self, wait: Duration) {
        self.writes.put_off(wait);
    }

    /// By how much the service's clock is ahead of this machine's, by its last answer; nothing where it told no time.
    pub fn clock_difference(&self) -> Option<SignedDuration> {
        *self.difference.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls are made at a time.
    pub fn in_flight(&self) -> u8 {
        self.in_flight
    }

    /// The service, as it is named in messages.
    pub fn host(&self) -> &str {
        &self.host
    }

    fn unexpected(&self, reason: impl Into<String>) -> StoreError {
        StoreError::Unexpected { store: self.host.clone(), reason: reason.into() }
    }

    /// The address of a path, which may not lead out of the version by dots or otherwise.
    fn below(&self, path: &str) -> Result<Url, StoreError> {
        let text = format!("https://{}{VERSION}{}", self.host, path.trim_start_matches('/'));
        let url = Url::parse(&text).ok().filter(|url| self.is_own(url));
        url.ok_or_else(|| self.unexpected("a path leads out of its version: nobody was asked"))
    }

    /// Whether a token may go there.
    fn is_own(&self, url: &Url) -> bool {
        url.scheme() == "https"
            && url.host() == self.root.host()
            && url.port_or_known_default() == self.root.port_or_known_default()
            && url.username().is_empty()
            && url.password().is_none()
            && url.path().starts_with(VERSION)
            && !url.path().contains('\\')
    }

    /// Asks until there is an answer, or no more time or hope.
    async fn read(&self, ask: &Ask<'_>) -> Result<Answer, StoreError> {
        let begun = Instant::now();
        let mut tries = 0;
        let mut renewed = false;
        loop {
            tries += 1;
            let (wait, error) = match self.once(ask, renewed).await {
                Ok(Next::Take(answer)) => return Ok(answer),
                Ok(Next::Renew) => {
                    renewed = true;
                    tries -= 1;
                    continue;
                }
                Ok(Next::Again { wait, error }) => (wait, error),
                Err(error) if matches!(error, StoreError::Unreachable { .. }) => (None, error),
                Err(error) => return Err(error),
            };
            let pause = wait.unwrap_or_else(|| backoff(tries));
            if begun.elapsed() + pause > PATIENCE {
                return Err(if wait.is_some() { self.throttled(pause) } else { error });
            }
            if tries >= TRIES {
                return Err(error);
            }
            match wait {
                // It is for everybody, and each waits for a turn.
                Some(wait) => self.reads.put_off(wait),
                None => tokio::time::sleep(pause).await,
            }
        }
    }

    /// One call with a token.
    async fn once(&self, ask: &Ask<'_>, renewed: bool) -> Result<Next, StoreError> {
        let place = self.reads.turn(ask.requests).await.map_err(|wait| self.throttled(wait))?;
        let token = self.tokens.bearer(Timestamp::now()).await?;
        let answer = self.sent(ask, &token).await;
        drop(place);
        let answer = answer?;
        Ok(match answer.status {
            401 if !renewed => {
                self.tokens.forget(&token);
                Next::Renew
            }
            401 => return Err(self.not_let_in(&answer)),
            403 => return Err(self.forbidden(ask, &answer)),
            429 | 500 | 502..=504 => {
                if let Some(wait) = answer.retry_after.filter(|wait| *wait > PATIENCE) {
                    self.reads.put_off(wait);
                    return Err(self.throttled(wait));
                }
                let reason = format!("it answers {}{}", answer.status, said(&answer));
                let error = StoreError::Unreachable { store: self.host.clone(), reason };
                Next::Again { wait: answer.retry_after, error }
            }
            _ => Next::Take(answer),
        })
    }

    async fn sent(&self, ask: &Ask<'_>, token: &SecretString) -> Result<Answer, StoreError> {
        self.sent_once(ask, token).await.map_err(|lost| lost.of(&self.host))
    }

    async fn sent_once(&self, ask: &Ask<'_>, token: &SecretString) -> Result<Answer, Lost> {
        let id = random_id().map_err(Lost::NotSent)?;
        let mut request = self
            .transport
            .request(ask.method.clone(), ask.url.clone())
            .bearer_auth(token.expose_secret())
            .header("client-request-id", id.to_string())
            .header("Prefer", "include-unknown-enum-members")
            .header(ACCEPT, "application/json");
        if let Some(body) = ask.body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        let mut answer = self.transport.send(request).await?;
        if answer.status >= 400 {
            // Whoever repeats the token in an error does not have it printed.
            let text = String::from_utf8_lossy(&answer.body);
            answer.body = text.replace(token.expose_secret(), "…").into_bytes();
        }
        if let Some(date) = answer.date {
            let difference = date.duration_since(Timestamp::now());
            *self.difference.lock().unwrap_or_else(PoisonError::into_inner) = Some(difference);
        }
        Ok(answer)
    }

    fn throttled(&self, wait: Duration) -> StoreError {
        let now = Timestamp::now();
        let again = now.checked_add(wait).unwrap_or(Timestamp::MAX);
        let again = Timestamp::from_second(again.as_second().saturating_add(1)).unwrap_or(again);
        StoreError::Throttled { store: self.host.clone(), again }
    }

    fn not_let_in(&self, answer: &Answer) -> StoreError {
        let reason = if needs_claims(answer) {
            format!("{CLAIMS}{}", said(answer))
        } else {
            format!("it does not take the token that was given for it{}", said(answer))
        };
        StoreError::NotLetIn { store: self.host.clone(), reason }
    }

    fn forbidden(&self, ask: &Ask<'_>, answer: &Answer) -> StoreError {
        let reason = if needs_claims(answer) {
            format!("{CLAIMS}{}", said(answer))
        } else {
            let groups = ask.url.path().starts_with(&format!("{VERSION}groups"));
            let permission = if groups { "Group.Read.All" } else { self.app.permission() };
            format!(
                "the app needs the application permission `{permission}`, and an administrator's consent to it in the \
                 partner's tenant{}",
                said(answer)
            )
        };
        StoreError::Forbidden { store: self.host.clone(), reason }
    }
}

const CLAIMS: &str = "a conditional access policy wants more of the app: have an administrator look at its sign-in log";

/// Whether a conditional access policy is in the way.
fn needs_claims(answer: &Answer) -> bool {
    let holds = |text: &str| text.contains("insufficient_claims");
    answer.challenge.as_deref().is_some_and(holds)
        || error_of(answer).is_some_and(|(code, _)| holds(&code))
}

/// Microsoft's code and message of an error.
fn error_of(answer: &Answer) -> Option<(String, String)> {
    let (code, message) = code_and_message(&serde_json::from_slice(&answer.body).ok()?);
    Some((code.filter(|code| !code.is_empty())?, message.unwrap_or_default()))
}

/// What it says itself, in brackets.
fn said(answer: &Answer) -> String {
    let mut parts = Vec::new();
    match error_of(answer) {
        Some((code, message)) if message.is_empty() => parts.push(code),
        Some((code, message)) => parts.push(format!("{code}: {message}")),
        None => {}
    }
    parts.extend(answer.request_id.as_ref().map(|id| format!("request-id {id}")));
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join("; ")) }
}

/// The wait after so many tries: between a half and the whole of it, so that not all come back at once.
fn backoff(tries: u32) -> Duration {
    let whole = FIRST_WAIT * 2_u32.saturating_pow(tries.saturating_sub(1)).min(64);
    let mut byte = [0];
    // Without chance they come back at once, and that is all.
    let _ = getrandom::fill(&mut byte);
    whole / 2 + whole / 512 * u32::from(byte[0])
}

#[cfg(test)]
mod tests;
