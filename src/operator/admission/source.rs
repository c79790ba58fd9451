//! Where the webhook's certificate comes from, and how it is changed while connections go on.
//!
//! Never: a webhook that stops because a new certificate is not there; the old one is shown as long as it lasts.

use std::{error::Error, fmt::Write as _, io, path::PathBuf, sync::Arc, time::Duration};

use axum_server::tls_rustls::RustlsConfig;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    certificate::{Certificate, CertificateError},
    door::Door,
    own::{Own, OwnError},
};
use crate::operator::telemetry::metrics::Metrics;

/// How long a file of a certificate may be.
const LONGEST_FILE: u64 = 1 << 20;
/// How long one look may take, with everything that a client tries again by itself.
const LONGEST_LOOK: Duration = Duration::from_secs(20);
/// After a failure it is tried again, later each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// Where the certificate comes from.
#[derive(Clone)]
pub enum Source {
    /// We make it.
    Own(Box<Own>),
    /// Somebody else puts `tls.crt` and `tls.key` into a folder.
    Files(PathBuf, Word),
}

/// Where the word comes from by which the API server calls, where the certificate is somebody else's.
#[derive(Clone)]
pub enum Word {
    /// We keep it.
    Kept(Box<Own>),
    /// The API server was told already.
    Given(SecretString),
}

/// How often is looked for a new certificate, and when it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How often is looked.
    pub every: Duration,
    /// How long the old one is shown after the API server was told of the new authority.
    pub grace: Duration,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// One of our own.
    #[error(transparent)]
    Own(#[from] OwnError),
    /// A file.
    #[error("`{path}` cannot be read")]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Nobody answers.
    #[error("nobody answers within {} s", LONGEST_LOOK.as_secs())]
    TooLong,
}

impl Source {
    /// What fits this source: the cluster is asked once a minute, and files are looked at every ten seconds.
    pub fn pace(&self) -> Pace {
        match self {
            Self::Own(_) => Pace { every: Duration::from_secs(60), grace: Duration::from_secs(30) },
            Self::Files(..) => Pace { every: Duration::from_secs(10), grace: Duration::ZERO },
        }
    }

    /// The certificate that is to be shown now, whose authority the API server was told of.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn certificate(&self, now: Timestamp) -> Result<Certificate, SourceError> {
        let found = tokio::time::timeout(LONGEST_LOOK, self.found(now)).await;
        found.unwrap_or(Err(SourceError::TooLong))
    }

    async fn found(&self, now: Timestamp) -> Result<Certificate, SourceError> {
        match self {
            Self::Own(own) => {
                let certificate = own.certificate(now).await?;
                own.publish(&certificate).await?;
                Ok(certificate)
            }
            Self::Files(folder, word) => {
                let (chain, key) =
                    tokio::try_join!(text(folder, "tls.crt"), text(folder, "tls.key"))?;
                let read = Certificate::read(String::new(), chain, SecretString::from(key))?;
                match word {
                    Word::Given(word) => Ok(Certificate { word: word.clone(), ..read }),
                    Word::Kept(own) => {
                        let certificate = Certificate { word: own.word().await?, ..read };
                        own.publish(&certificate).await?;
                        Ok(certificate)
                    }
                }
            }
        }
    }

    /// The first certificate, however long it takes. Nothing where it is stopped before.
    pub async fn first(&self, stop: &CancellationToken) -> Option<Certificate> {
        let mut wait = FIRST_RETRY;
        loop {
            let found = tokio::select! {
                () = stop.cancelled() => return None,
                found = self.certificate(Timestamp::now()) => found,
            };
            match found {
                Ok(certificate) => return Some(certificate),
                Err(error) => {
                    warn!(error = causes(&error), "the webhook has no certificate yet");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(LAST_RETRY),
            }
        }
    }

    /// Shows each new certificate, until `stop`. Connections that are open go on.
    pub async fn keep(
        &self,
        shown: Certificate,
        (tls, door): (&RustlsConfig, &Door),
        pace: Pace,
        metrics: &Arc<Metrics>,
        stop: &CancellationToken,
    ) {
        let mut shown = shown;
        metrics.certificate_until(shown.validity.until);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pace.every) => {}
            }
            let found = tokio::select! {
                () = stop.cancelled() => return,
                found = self.certificate(Timestamp::now()) => found,
            };
            if let Ok(next) = &found {
                door.opens_to(&next.word);
            }
            let next = match found {
                Ok(next) if next.chain == shown.chain => continue,
                Ok(next) => next,
                Err(error) => {
                    let until = shown.validity.until;
                    warn!(error = causes(&error), %until, "no new certificate for the webhook");
                    continue;
                }
            };
            if shown.validity.until > Timestamp::now() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(pace.grace) => {}
                }
            }
            match next.server_config() {
                Ok(config) => tls.reload_from_config(config),
                Err(error) => {
                    warn!(error = causes(&error), "the new certificate cannot be used");
                    continue;
                }
            }
            info!(until = %next.validity.until, "the webhook shows a new certificate");
            metrics.certificate_until(next.validity.until);
            shown = next;
        }
    }
}

async fn text(folder: &std::path::Path, name: &str) -> Result<String, SourceError> {
    let path = folder.join(name);
    let read = async {
        let length = tokio::fs::metadata(&path).await?.len();
        if length > LONGEST_FILE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too long"));
        }
        tokio::fs::read_to_string(&path).await
    };
    read.await.map_err(|source| SourceError::File { path: path.clone(), source })
}

/// An error with everything behind it.
pub(super) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(error) = behind {
        write!(text, ": {error}").expect("a text takes what is written");
        behind = error.source();
    }
    text
}
