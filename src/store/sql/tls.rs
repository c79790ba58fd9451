//! What went wrong with TLS, in words and with a way out.
//!
//! Never: the name of a variant of a library.

use std::error::Error;

use jiff::Timestamp;
use rustls::{AlertDescription, CertificateError, pki_types::UnixTime};

/// Why there is no encrypted connection.
pub(super) fn in_words(error: &(dyn Error + 'static)) -> String {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return of_rustls(error);
        }
        cause = error.source();
    }
    let said = error.to_string();
    if said.contains("does not support TLS") {
        return "it offers no TLS, and `sslmode` asks for it: have it set up there, or write `sslmode=disable` where \
                nobody can listen in"
            .to_owned();
    }
    if said.contains("dns name") || said.contains("DNS name") {
        return "TLS needs a host that is a name or an address".to_owned();
    }
    format!("TLS: {said}")
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's errors are not ours to list")]
fn of_rustls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(error) => of_certificate(error),
        rustls::Error::NoCertificatesPresented => "it shows no certificate".to_owned(),
        rustls::Error::PeerIncompatible(_) => {
            "it and this program have no TLS in common: it takes version 1.2 or 1.3".to_owned()
        }
        rustls::Error::AlertReceived(alert) => of_alert(*alert).to_owned(),
        rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => {
            "what answers there speaks no TLS".to_owned()
        }
        other => format!("TLS: {other}"),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's alerts are not ours to list")]
fn of_alert(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::UnknownCA
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::UnsupportedCertificate => {
            "it does not take the client's certificate: `sslcert=FILE` and `sslkey=FILE` name one that it trusts"
        }
        AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity => {
            "it and this program have no TLS in common: it takes version 1.2 or 1.3"
        }
        _ => "it ended TLS before it had begun: its log says why",
    }
}

/// What is wrong with the server's certificate.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library's errors are not ours to list")]
fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "its certificate is signed by nobody who is trusted here: `sslrootcert=FILE` names the certificate of \
             whoever signed it, which hosters offer for download"
                .to_owned()
        }
        CertificateError::Expired => "its certificate is over: have it renewed".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("its certificate was over at {}: have it renewed", shown(*not_after))
        }
        CertificateError::NotValidYet => {
            "its certificate has not begun: is this machine's clock right?".to_owned()
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("its certificate begins at {}: is this machine's clock right?", shown(*not_before))
        }
        CertificateError::NotValidForName => {
            "its certificate is for another name: name the host as the certificate does".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let expected = expected.to_str();
            let names = if presented.is_empty() {
                "has no name of a host (subjectAltName)".to_owned()
            } else {
                format!("is for {}", presented.join(", "))
            };
            format!(
                "its certificate {names}, and not for `{expected}`: name the host as the certificate does, or have it \
                 made for this name; `sslmode=verify-ca` looks at the signature alone"
            )
        }
        CertificateError::Revoked => "its certificate was revoked: have it made anew".to_owned(),
        CertificateError::BadSignature => {
            "its certificate was not signed by whoever it names: is `sslrootcert` an older one?".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate may not stand for a server: have one made for server authentication".to_owned()
        }
        other => of_form(&format!("{other:?}")),
    }
}

/// What the library tells by the name of a variant only.
fn of_form(variant: &str) -> String {
    if variant.contains("CaUsedAsEndEntity") {
        return "its certificate is that of an authority (`CA:TRUE`), as hand-made ones are, and may not stand for a \
                server: have one made for the server and signed with that one, which `sslrootcert` goes on to name; \
                or write `sslmode=require` without `sslrootcert`, which encrypts and checks nobody"
            .to_owned();
    }
    if variant.contains("UnsupportedCertVersion") {
        return "its certificate is of an old form (X.509 version 1): have it made with a subjectAltName".to_owned();
    }
    "its certificate cannot be understood: have it made anew".to_owned()
}

fn shown(time: UnixTime) -> String {
    let second = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(second)
        .map_or_else(|_| "another time".to_owned(), |time| time.to_string())
}
