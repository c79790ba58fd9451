//! Tokens: asked for in time, kept while they live, and asked for anew when the service refuses one.
//!
//! Never: a token of another tenant, one in a message, or two askings at once.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    credentials::{Secret, TokenCredential as _},
    error::{Error, ErrorKind},
    http::{
        AsyncRawResponse, Body, ClientMethodOptions, ClientOptions, HttpClient, Method, Request,
        RetryOptions, headers::Headers,
    },
};
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions,
    ClientSecretCredential, ClientSecretCredentialOptions,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{
    harmless,
    http::{Answer, Lost, Transport},
    pace::PATIENCE,
    proof::{Shown, shown},
};
use crate::{
    domain::{
        connection::{Connection, Credential, hosts},
        ids::TenantId,
    },
    store::StoreError,
};

/// No token is good for longer; Microsoft's are for an hour or a day.
const LONGEST_LIFE: i64 = 7 * 86_400;
/// A token that lives is asked for anew this often at most.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// A token is not sent when it has no longer to live.
const MARGIN: SignedDuration = SignedDuration::from_secs(5);

/// The tokens of one app for one service.
pub struct Tokens {
    transport: Transport,
    /// How the connection is named in messages.
    store: String,
    login: String,
    tenant: TenantId,
    credential: Credential,
    scope: String,
    state: Mutex<State>,
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    /// How often was asked.
    asked: u64,
    /// What became of the last asking.
    failed: Option<StoreError>,
    /// When it was.
    failed_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Held {
    token: SecretString,
    /// From when it is asked for anew.
    stale: Timestamp,
    /// From when it is not sent any more.
    over: Timestamp,
}

/// The token is for nobody's eyes.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("login", &self.login)
            .field("tenant", &self.tenant)
            .field("client_id", &self.credential.client_id)
            .finish_non_exhaustive()
    }
}

impl Tokens {
    /// Tokens for Graph, for one of the apps of a connection. Nobody is asked yet.
    pub fn new(connection: &Connection, credential: &Credential, transport: Transport) -> Self {
        Self {
            transport,
            store: format!("graph:{}", connection.file.display()),
            login: connection.login_host().to_owned(),
            tenant: connection.partner,
            credential: credential.clone(),
            scope: scope(connection),
            state: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// A token that is good now. One that lives is asked for anew when two thirds of its time are over, and goes on to be
    /// used where that fails.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn bearer(&self, now: Timestamp) -> Result<SecretString, StoreError> {
        let (living, before) = {
            let state = self.state();
            let living = state.held.as_ref().filter(|held| now < held.over).cloned();
            if let Some(held) = &living
                && (now < held.stale || state.failed_at.is_some_and(|at| now < at + AGAIN))
            {
                return Ok(held.token.clone());
            }
            (living, state.asked)
        };
        let Some(held) = living else {
            let _turn = self.asking.lock().await;
            return match self.meanwhile(before, now) {
                Some(known) => known,
                None => self.ask(now).await,
            };
        };
        // Whoever has a token that lives does not wait for the one who asks.
        let Ok(_turn) = self.asking.try_lock() else { return Ok(held.token) };
        match self.meanwhile(before, now) {
            Some(known) => Ok(known.unwrap_or(held.token)),
            None => Ok(self.ask(now).await.unwrap_or(held.token)),
        }
    }

    /// The service has refused this token: it is not used again.
    pub fn forget(&self, refused: &SecretString) {
        let mut state = self.state();
        let is_it = |held: &Held| held.token.expose_secret() == refused.expose_secret();
        if state.held.as_ref().is_some_and(is_it) {
            state.held = None;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What somebody else was told who has asked since then.
    fn meanwhile(&self, before: u64, now: Timestamp) -> Option<Result<SecretString, StoreError>> {
        let state = self.state();
        if state.asked == before {
            return None;
        }
        match (&state.failed, &state.held) {
            (Some(error), _) => Some(Err(error.clone())),
            (None, Some(held)) if now < held.over => Some(Ok(held.token.clone())),
            (None, _) => None,
        }
    }

    async fn ask(&self, now: Timestamp) -> Result<SecretString, StoreError> {
        let answered = self.answered(now).await;
        let mut state = self.state();
        state.asked += 1;
        match answered {
            Ok(held) => {
                let token = held.token.clone();
                state.held = Some(held);
                (state.failed, state.failed_at) = (None, None);
                Ok(token)
            }
            Err(error) => {
                state.failed = Some(error.clone());
                state.failed_at = Some(now);
                Err(error)
            }
        }
    }

    /// One asking, with a credential made for it: an old one would answer from its own memory.
    async fn answered(&self, now: Timestamp) -> Result<Held, StoreError> {
        let audience = format!("https://{}/{}/oauth2/v2.0/token", self.login, self.tenant);
        let shown = shown(&self.credential, &audience, now)
            .map_err(|reason| StoreError::Misnamed { store: self.store.clone(), reason })?;
        let line = Arc::new(Line::new(self.transport.clone()));
        let token = self.token(&shown, Arc::clone(&line)).await;
        match (line.heard(), token) {
            (Some(Ok(answer)), token) if answer.status == 200 => {
                let token = token.as_ref().map_or("", |token| token.token.secret());
                self.held(&answer, token, now)
            }
            (Some(Ok(answer)), _) => Err(self.refused(&answer, now)),
            (Some(Err(lost)), _) => Err(lost.of(&self.login)),
            (None, _) => Err(self.unexpected("nothing was asked")),
        }
    }

    async fn token(
        &self,
        shown: &Shown,
        line: Arc<Line>,
    ) -> azure_core::Result<azure_core::credentials::AccessToken> {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = format!("https://{}/", self.login);
        let client_options = ClientOptions {
            transport: Some(azure_core::http::Transport::new(line)),
            retry: RetryOptions::none(),
            cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
            ..ClientOptions::default()
        };
        let (tenant, client) = (self.tenant.to_string(), self.credential.client_id.to_string());
        let scopes = [self.scope.as_str()];
        match shown {
            Shown::Secret(secret) => {
                let secret = Secret::new(secret.expose_secret().to_owned());
                let options = Some(ClientSecretCredentialOptions { client_options });
                let credential = ClientSecretCredential::new(&tenant, client, secret, options)?;
                credential.get_token(&scopes, None).await
            }
            Shown::Assertion(assertion) => {
                let given = Given(assertion.clone());
                let options = Some(ClientAssertionCredentialOptions { client_options });
                let credential = ClientAssertionCredential::new(tenant, client, given, options)?;
                credential.get_token(&scopes, None).await
            }
        }
    }

    /// The token of a good answer.
    fn held(&self, answer: &Answer, token: &str, now: Timestamp) -> Result<Held, StoreError> {
        let life =
            life(&answer.body).ok_or_else(|| self.unexpected("it tells no time of a token"))?;
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.unexpected("there is no token in its answer"));
        }
        if let Some(tenant) = tenant(token)
            && !tenant.eq_ignore_ascii_case(&self.tenant.to_string())
        {
            let tenant = harmless(&tenant);
            let reason = format!(
                "it gave a token of the tenant `{tenant}`, and the partner is `{}`: nothing was sent with it",
                self.tenant
            );
            return Err(StoreError::NotLetIn { store: self.login.clone(), reason });
        }
        let after = |seconds: i64| {
            now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
        };
        let over = after(life);
        let over = over.checked_sub(MARGIN.min(SignedDuration::from_secs(life / 10)));
        Ok(Held {
            token: token.into(),
            stale: after(life * 2 / 3),
            over: over.unwrap_or(Timestamp::MIN),
        })
    }

    fn unexpected(&self, reason: &str) -> StoreError {
        StoreError::Unexpected { store: self.login.clone(), reason: reason.to_owned() }
    }

    /// What an answer means that has no token.
    fn refused(&self, answer: &Answer, now: Timestamp) -> StoreError {
        let store = self.login.clone();
        match (answer.status, answer.retry_after) {
            (429 | 503, Some(wait)) if wait > PATIENCE => {
                let again = now.checked_add(wait).unwrap_or(Timestamp::MAX);
                StoreError::Throttled { store, again }
            }
            (429 | 500..=599, _) => {
                let reason = format!("it answers {}", answer.status);
                StoreError::Unreachable { store, reason }
            }
            (status, _) => match denial(&answer.body) {
                Some(reason) => StoreError::NotLetIn { store, reason },
                None => self.unexpected(&format!("it answers {status}, and no login does so")),
            },
        }
    }
}

/// The service that tokens are for. A host of Microsoft's at another port is still that one.
fn scope(connection: &Connection) -> String {
    let microsoft = hosts(connection.cloud).graph;
    let own = connection.graph_host();
    let is_microsoft = own.split(':').next() == Some(microsoft);
    format!("https://{}/.default", if is_microsoft { microsoft } else { own })
}

/// How many seconds the token of an answer lives.
fn life(body: &[u8]) -> Option<i64> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body["expires_in"].as_i64().filter(|life| (1..=LONGEST_LIFE).contains(life))
}

/// The tenant of a token, where it says so. Who has made it is not looked at: that is for the service that takes it.
fn tenant(token: &str) -> Option<String> {
    let [_, claims, _] = token.split('.').collect::<Vec<_>>()[..] else { return None };
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims["tid"].as_str().map(str::to_owned)
}

/// Why the login gives no token: its own code and words, and the way out of the frequent ones.
fn denial(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body["error"].as_str()?;
    let words = body["error_description"].as_str().unwrap_or_default();
    let line = words.lines().next().unwrap_or_default();
    let line = line.split(" Trace ID:").next().unwrap_or_default();
    let code = body["error_codes"][0].as_u64();
    let said = if line.is_empty() { harmless(error) } else { harmless(line) };
    let said = match code {
        Some(code) if !said.contains(&format!("AADSTS{code}")) => format!("AADSTS{code}: {said}"),
        Some(_) | None => said,
    };
    Some(match code.and_then(way_out) {
        Some(way_out) => format!("{way_out} ({said})"),
        None => said,
    })
}

/// The frequent ones (Microsoft: "Microsoft Entra authentication and authorization error codes").
fn way_out(code: u64) -> Option<&'static str> {
    Some(match code {
        700_016 => {
            "the app is not registered in the partner's tenant: check `clientId` and `partner`, and have an \
             administrator consent to the app"
        }
        7_000_215 => "the secret is wrong: write the secret's value to the file, and not its id",
        7_000_222 => "the secret is over: make a new one for the app, and write it to the file",
        7_000_112 => "the app is disabled in the partner's tenant: have an administrator enable it",
        700_027 => {
            "the certificate is not registered for the app, or is over: upload the one that is in the file"
        }
        90_002 => "there is no such tenant in this cloud: check `partner` and `cloud`",
        700_024 => {
            "the proof is over or has not begun: is this machine's clock right, and is the file with the token written \
             anew?"
        }
        700_211..=700_213 => {
            "the app trusts no token of this issuer, subject or audience: add a federated credential for it"
        }
        53_003 | 530_032 | 53_000 => {
            "a conditional access policy forbids it: have an administrator look at the sign-in log of the app"
        }
        _ => return None,
    })
}

/// An assertion that is there already.
#[derive(Debug)]
struct Given(SecretString);

#[async_trait]
impl ClientAssertion for Given {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.expose_secret().to_owned())
    }
}

/// Our line for a library that asks, and what was heard on it.
#[derive(Debug)]
struct Line {
    transport: Transport,
    heard: Mutex<Option<Result<Answer, Lost>>>,
}

impl Line {
    fn new(transport: Transport) -> Self {
        Self { transport, heard: Mutex::default() }
    }

    fn heard(&self) -> Option<Result<Answer, Lost>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn sent(&self, request: &Request) -> Option<Result<Answer, Lost>> {
        let Body::Bytes(body) = request.body() else { return None };
        if request.method() != Method::Post {
            return None;
        }
        let url = reqwest::Url::parse(request.url().as_str()).ok()?;
        let mut call = self.transport.request(reqwest::Method::POST, url);
        for (name, value) in request.headers().iter() {
            // Under our own name, as every call of ours.
            if name.as_str() != "user-agent" {
                call = call.header(name.as_str(), value.as_str());
            }
        }
        Some(self.transport.send(call.body(body.to_vec())).await)
    }
}

#[async_trait]
impl HttpClient for Line {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let failed = |why: &'static str| Error::with_message(ErrorKind::Io, why);
        let sent = self.sent(request).await.ok_or_else(|| failed("the call is none of a login"))?;
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(sent.clone());
        let answer = sent.map_err(|_| failed("nothing came back"))?;
        // The library adds this time to its own, and stops the program where that goes beyond the calendar.
        if answer.status == 200 && life(&answer.body).is_none() {
            return Err(failed("there is no time of a token"));
        }
        let status = answer.status.into();
        Ok(AsyncRawResponse::from_bytes(status, Headers::new(), answer.body))
    }
}

#[cfg(test)]
mod tests;
