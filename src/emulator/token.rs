//! Tokens of the emulator: made at its login, and believed by nobody else.
//!
//! Never: a token that could pass for one of Microsoft's.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::{graph::Caller, refusal::Refusal};

/// What every token begins with.
const MARK: &str = "emulator-";

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who has made it.
    pub iss: String,
    /// For which service.
    pub aud: String,
    /// The tenant.
    pub tid: String,
    /// The app.
    pub appid: String,
    /// Its permissions.
    pub roles: Vec<String>,
    /// When it is over, in seconds of the service.
    pub exp: i64,
}

/// What tokens are sealed with; new at each start.
#[derive(Debug, Clone)]
pub struct Seal(hmac::Key);

impl Seal {
    /// One of these bytes.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// A token.
    pub fn token(&self, claims: &Claims) -> String {
        let claims = serde_json::json!(claims).to_string();
        let claims = URL_SAFE_NO_PAD.encode(claims);
        let seal = hmac::sign(&self.0, claims.as_bytes());
        format!("{MARK}{claims}.{}", URL_SAFE_NO_PAD.encode(seal))
    }

    /// Who calls, by the header `Authorization`.
    pub fn caller(&self, header: Option<&str>, now: Timestamp) -> Result<Caller, Refusal> {
        let header = header.unwrap_or_default();
        let token = header.strip_prefix("Bearer ").or_else(|| header.strip_prefix("bearer "));
        let token = token.ok_or_else(|| Refusal::unauthenticated("Access token is empty."))?;
        let claims = self.claims(token).ok_or_else(|| {
            Refusal::unauthenticated("The token is none that this emulator has made.")
        })?;
        if claims.aud != "graph" {
            return Err(Refusal::unauthenticated(
                "Access token validation failure. Invalid audience.",
            ));
        }
        if claims.exp <= now.as_second() {
            return Err(Refusal::unauthenticated(
                "Lifetime validation failed, the token is expired.",
            ));
        }
        Ok(Caller { tenant: claims.tid, app: claims.appid, roles: claims.roles })
    }

    fn claims(&self, token: &str) -> Option<Claims> {
        let (claims, seal) = token.strip_prefix(MARK)?.split_once('.')?;
        let seal = URL_SAFE_NO_PAD.decode(seal).ok()?;
        hmac::verify(&self.0, claims.as_bytes(), &seal).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_token_of_this_start_that_is_not_over_is_believed() {
        let seal = Seal::new(b"one");
        let claims = Claims {
            iss: "emulator".to_owned(),
            aud: "graph".to_owned(),
            tid: "t".to_owned(),
            appid: "a".to_owned(),
            roles: vec!["r".to_owned()],
            exp: 100,
        };
        let at = |second| Timestamp::from_second(second).unwrap();
        let good = format!("Bearer {}", seal.token(&claims));
        assert!(good.starts_with("Bearer emulator-"));
        assert_eq!(seal.caller(Some(&good), at(99)).unwrap().tenant, "t");
        let other =
            format!("Bearer {}", seal.token(&Claims { aud: "x".to_owned(), ..claims.clone() }));
        let forged = format!("Bearer {}", Seal::new(b"two").token(&claims));
        let cut = &good[..good.len() - 2];
        let cases = [
            (None, 1),
            (Some(good.as_str()), 100),
            (Some(&other), 1),
            (Some(&forged), 1),
            (Some(cut), 1),
            (Some("Bearer eyJ0.eyJ0.x"), 1),
        ];
        for (header, second) in cases {
            let refused = seal.caller(header, at(second));
            assert_eq!(refused.map_err(|it| it.status), Err(401), "{header:?}");
        }
    }
}
