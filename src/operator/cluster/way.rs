//! Why there is no way into a cluster, in words.
//!
//! Never: a line of a kubeconfig, which holds tokens, or what a program has printed that logs somebody in.

use std::{error::Error, sync::LazyLock};

use http::HeaderValue;
use kube::{
    Config,
    client::AuthError,
    config::{KubeconfigError, LoadDataError},
};
use regex::Regex;
use secrecy::{ExposeSecret, SecretString};

use crate::store::url::may_hold_secret;

/// Why there is none.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoWay(String);

impl From<kube::Error> for NoWay {
    fn from(error: kube::Error) -> Self {
        Self(causes(&error))
    }
}

/// Refuses a login that no request can carry: the client would panic over it. A token that was put in from a file may end
/// with a line break.
pub fn sound(config: Config) -> Result<Config, NoWay> {
    let token = config.auth_info.token.as_ref();
    let is_sound = |token: &SecretString| HeaderValue::from_str(token.expose_secret()).is_ok();
    if token.is_none_or(is_sound) {
        return Ok(config);
    }
    Err(NoWay(
        "`token` of the kubeconfig holds what no request can carry: does it end with a line break?"
            .to_owned(),
    ))
}

/// An error with what is behind it.
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut chain = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        chain.push(error);
        next = error.source();
    }
    // Whoever is in front quotes what is behind.
    if let Some(words) = chain.iter().find_map(|error| in_words(*error)) {
        return words;
    }
    let mut told = String::new();
    for text in chain.iter().map(ToString::to_string) {
        let line = text.lines().next().unwrap_or_default();
        if told.contains(line) {
            continue;
        }
        if !told.is_empty() {
            told.push_str(": ");
        }
        told.push_str(line);
    }
    told
}

fn in_words(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<KubeconfigError>() {
        return of_kubeconfig(error);
    }
    if let Some(error) = error.downcast_ref::<AuthError>() {
        return of_login(error);
    }
    let error = error.downcast_ref::<kube::Error>()?;
    let is_proxy = matches!(
        error,
        kube::Error::ProxyProtocolUnsupported { .. } | kube::Error::ProxyProtocolDisabled { .. }
    );
    is_proxy.then(|| {
        "it is behind a proxy (`proxy-url` in the kubeconfig, or HTTPS_PROXY), and none is supported: name the \
         cluster's own address"
            .to_owned()
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's errors are not ours to list")]
fn of_kubeconfig(error: &KubeconfigError) -> Option<String> {
    let unread = |what: &str, error: &LoadDataError| {
        let why = match error {
            LoadDataError::DecodeBase64(_) => "is no base64",
            LoadDataError::ReadFile(..) => "is in a file that cannot be read",
            LoadDataError::NoBase64DataOrFile => "is missing",
        };
        format!("`{what}` of the kubeconfig {why}")
    };
    Some(match error {
        KubeconfigError::Parse(error) => {
            format!(
                "the kubeconfig is none{}: what stands there is not shown",
                place(&error.to_string())
            )
        }
        KubeconfigError::ReadConfig(error, path) => {
            let path = path.display().to_string();
            let path = if may_hold_secret(&path) { String::new() } else { format!(" `{path}`") };
            format!("the kubeconfig{path} cannot be read: {error}")
        }
        KubeconfigError::ParseClusterUrl(_) => "`server` of the kubeconfig is no URL".to_owned(),
        KubeconfigError::ParseProxyUrl(_) => "`proxy-url` of the kubeconfig is no URL".to_owned(),
        KubeconfigError::LoadCertificateAuthority(error) => unread("certificate-authority", error),
        KubeconfigError::LoadClientCertificate(error) => unread("client-certificate", error),
        KubeconfigError::LoadClientKey(error) => unread("client-key", error),
        _ => return None,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's errors are not ours to list")]
fn of_login(error: &AuthError) -> Option<String> {
    Some(match error {
        AuthError::AuthExecRun { out, .. } => {
            let how = out.status;
            format!(
                "the program that the kubeconfig names for the login failed ({how}): run it to see why"
            )
        }
        AuthError::AuthExecParse(_) => {
            "the program that the kubeconfig names for the login printed no ExecCredential"
                .to_owned()
        }
        AuthError::AuthExecStart(error) => {
            format!(
                "the program that the kubeconfig names for the login cannot be started: {error}"
            )
        }
        AuthError::ReadTokenFile(error, _) => {
            format!("the file that `tokenFile` of the kubeconfig names cannot be read: {error}")
        }
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
            "the login in the kubeconfig holds what no header can hold".to_owned()
        }
        _ => return None,
    })
}

/// Where a YAML reader stopped, without what it read.
fn place(told: &str) -> String {
    static PLACE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new("line ([0-9]+) column ([0-9]+)").expect("a fixed expression that is right")
    });
    let found = PLACE.find(told);
    found.map(|place| format!(" ({})", place.as_str())).unwrap_or_default()
}
