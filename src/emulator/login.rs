//! The login host: discovery documents, and tokens for apps that prove who they are.
//!
//! Never: a token for an app that has proved nothing.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::digest;
use rustls::pki_types::CertificateDer;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{
    call::{Answer, Call, pairs},
    token::{Claims, Seal},
};

/// How many seconds a token lasts, by the clock of the service.
pub const LIFE: i64 = 3599;

const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How many seconds of the machine a token lasts where the clock of the service goes this fast.
pub fn life(factor: u32) -> i64 {
    (LIFE / i64::from(factor.max(1))).max(1)
}

/// An app registration.
#[derive(Debug, Clone, Default)]
pub struct App {
    /// Its client id.
    pub client: String,
    /// Its tenant.
    pub tenant: String,
    /// Its application permissions.
    pub roles: Vec<String>,
    /// Its secrets.
    pub secrets: Vec<SecretString>,
    /// Its certificates, in DER.
    pub certificates: Vec<Vec<u8>>,
    /// Whose tokens it may show instead: issuer and subject.
    pub federated: Vec<(String, String)>,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Denied {
    status: u16,
    error: &'static str,
    code: u32,
    text: String,
}

fn denied(status: u16, error: &'static str, code: u32, text: impl Into<String>) -> Denied {
    Denied { status, error, code, text: text.into() }
}

/// What the login knows.
#[derive(Debug, Clone, Copy)]
pub struct Login<'l> {
    /// The apps.
    pub apps: &'l [App],
    /// What tokens are sealed with.
    pub seal: &'l Seal,
    /// The time of the service, by which tokens end.
    pub now: Timestamp,
    /// The time of the machine, by which assertions end.
    pub machine: Timestamp,
    /// How fast the clock of the service goes.
    pub factor: u32,
}

/// Whether a path is one of the login host's.
pub fn is_login(call: &Call) -> bool {
    let segments = call.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    matches!(
        segments[..],
        ["common", "discovery", "instance"]
            | [_, "v2.0", ".well-known", "openid-configuration"]
            | [_, "oauth2", "v2.0", "token"]
            | [_, "discovery", "v2.0", "keys"]
    )
}

impl Login<'_> {
    /// Answers a call to the login host.
    pub fn answer(&self, call: &Call) -> Answer {
        let segments = call.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let origin = call.origin();
        let answered = match (call.method.as_str(), &segments[..]) {
            ("GET", ["common", "discovery", "instance"]) => Ok(instance(call)),
            ("GET", [tenant, "v2.0", ".well-known", _]) => {
                self.known(tenant).map(|()| configuration(&origin, tenant))
            }
            ("GET", [_, "discovery", "v2.0", "keys"]) => Ok(json!({"keys": []})),
            ("POST", [tenant, "oauth2", "v2.0", "token"]) => self.token(call, tenant),
            _ => Err(denied(
                405,
                "invalid_request",
                900_561,
                "The endpoint only accepts other requests.",
            )),
        };
        answered.map_or_else(|denied| self.no(&denied), |body| Answer::json(200, body))
    }

    fn no(&self, denied: &Denied) -> Answer {
        let Denied { status, error, code, text } = denied;
        let body = json!({
            "error": error,
            "error_description": format!("AADSTS{code}: {text} (This is the emulator.)"),
            "error_codes": [code],
            "timestamp": self.now.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        });
        Answer::json(*status, body)
    }

    fn known(&self, tenant: &str) -> Result<(), Denied> {
        if self.apps.iter().any(|app| app.tenant.eq_ignore_ascii_case(tenant)) {
            return Ok(());
        }
        let text = format!("Tenant '{tenant}' not found.");
        Err(denied(400, "invalid_tenant", 90_002, text))
    }

    fn token(&self, call: &Call, tenant: &str) -> Result<Value, Denied> {
        self.known(tenant)?;
        let form = pairs(&String::from_utf8_lossy(&call.body));
        let field = |name: &str| {
            form.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value.as_str())
        };
        if field("grant_type") != "client_credentials" {
            return Err(denied(
                400,
                "unsupported_grant_type",
                70_003,
                "The app requested an unsupported grant type.",
            ));
        }
        let client = field("client_id");
        let app = self.apps.iter().find(|app| {
            app.client.eq_ignore_ascii_case(client) && app.tenant.eq_ignore_ascii_case(tenant)
        });
        let app = app.ok_or_else(|| {
            let text =
                format!("Application with identifier '{client}' was not found in the directory.");
            denied(400, "unauthorized_client", 700_016, text)
        })?;
        let (secret, assertion) = (field("client_secret"), field("client_assertion"));
        match (secret.is_empty(), assertion.is_empty()) {
            (true, true) => {
                let text = "The request body must contain 'client_assertion' or 'client_secret'.";
                return Err(denied(401, "invalid_client", 7_000_218, text));
            }
            (false, _) if app.secrets.iter().any(|own| own.expose_secret() == secret) => {}
            (false, _) => {
                return Err(denied(
                    401,
                    "invalid_client",
                    7_000_215,
                    "Invalid client secret provided.",
                ));
            }
            (true, false) if field("client_assertion_type") == BEARER => {
                self.proved(app, assertion, call, tenant)?;
            }
            (true, false) => {
                return Err(denied(
                    400,
                    "invalid_request",
                    900_144,
                    "'client_assertion_type' is wrong.",
                ));
            }
        }
        let audience = audience(field("scope"), call)?;
        Ok(self.made(app, audience))
    }

    fn made(&self, app: &App, audience: &str) -> Value {
        let claims = Claims {
            iss: "emulator".to_owned(),
            aud: audience.to_owned(),
            tid: app.tenant.clone(),
            appid: app.client.clone(),
            roles: app.roles.clone(),
            exp: self.now.as_second().saturating_add(LIFE),
        };
        // A client counts by the machine's clock.
        let seconds = life(self.factor);
        json!({
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": self.seal.token(&claims),
        })
    }

    /// Whether an assertion proves that the app has sent it.
    fn proved(&self, app: &App, assertion: &str, call: &Call, tenant: &str) -> Result<(), Denied> {
        let wrong = |code: u32, text: &str| denied(401, "invalid_client", code, text);
        let parts: Vec<&str> = assertion.split('.').collect();
        let [head, claims, signature] = parts[..] else {
            return Err(wrong(50_027, "JWT token is invalid or malformed."));
        };
        let (Some(header), Some(content)) = (decoded(head), decoded(claims)) else {
            return Err(wrong(50_027, "JWT token is invalid or malformed."));
        };
        let text = |name: &str| content[name].as_str().unwrap_or_default();
        if content["exp"].as_i64().is_none_or(|exp| exp <= self.machine.as_second()) {
            return Err(wrong(700_024, "Client assertion is not within its valid time range."));
        }
        if app.federated.iter().any(|(iss, sub)| text("iss") == iss && text("sub") == sub) {
            return match content["aud"].as_str() {
                Some("api://AzureADTokenExchange" | "api://AzureADTokenExchangeUSGov") => Ok(()),
                _ => Err(wrong(
                    700_212,
                    "No matching federated identity record found for presented assertion audience.",
                )),
            };
        }
        let own = |name: &str| text(name).eq_ignore_ascii_case(&app.client);
        if !own("iss") || !own("sub") {
            return Err(wrong(
                700_213,
                "No matching federated identity record found for presented assertion subject.",
            ));
        }
        let tenant_of = |path: &str| format!("{}/{tenant}/{path}", call.origin());
        if ![tenant_of("oauth2/v2.0/token"), tenant_of("v2.0")].contains(&text("aud").to_owned()) {
            return Err(wrong(
                700_023,
                "Client assertion audience claim does not match Realm issuer.",
            ));
        }
        let signed = &assertion[..head.len() + 1 + claims.len()];
        let signature = unpadded(signature).unwrap_or_default();
        if app.certificates.iter().any(|it| signs(it, &header, signed, &signature)) {
            return Ok(());
        }
        Err(wrong(
            700_027,
            "The certificate with identifier used to sign the client assertion is not registered on application.",
        ))
    }
}

/// Whether this certificate is the one that is named, and has signed.
fn signs(certificate: &[u8], header: &Value, signed: &str, signature: &[u8]) -> bool {
    let names = |name: &str, algorithm| {
        let given = header[name].as_str().unwrap_or_default().trim_end_matches('=');
        let own = digest::digest(algorithm, certificate);
        (!given.is_empty()).then(|| given == URL_SAFE_NO_PAD.encode(own))
    };
    let by_sha_256 = names("x5t#S256", &digest::SHA256);
    let by_sha_1 = names("x5t", &digest::SHA1_FOR_LEGACY_USE_ONLY);
    // A certificate is named, and every name that is given is its.
    if [by_sha_256, by_sha_1].iter().flatten().next().is_none()
        || [by_sha_256, by_sha_1].contains(&Some(false))
    {
        return false;
    }
    let algorithm = match header["alg"].as_str() {
        Some("RS256") => webpki::ring::RSA_PKCS1_2048_8192_SHA256,
        Some("PS256") => webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        _ => return false,
    };
    let der = CertificateDer::from(certificate);
    let Ok(certificate) = webpki::EndEntityCert::try_from(&der) else { return false };
    certificate.verify_signature(algorithm, signed.as_bytes(), signature).is_ok()
}

fn decoded(part: &str) -> Option<Value> {
    serde_json::from_slice(&unpadded(part)?).ok()
}

/// Microsoft's own libraries write these with the signs at the end that JWT forbids, and their login takes both.
fn unpadded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()
}

/// The service that a scope is of.
fn audience(scope: &str, call: &Call) -> Result<&'static str, Denied> {
    let graph = [
        "https://graph.microsoft.com/.default",
        "https://graph.microsoft.us/.default",
        "https://dod-graph.microsoft.us/.default",
        "https://microsoftgraph.chinacloudapi.cn/.default",
    ];
    let partner_center = "https://api.partnercenter.microsoft.com/.default";
    let words: Vec<&str> = scope.split_whitespace().collect();
    match words[..] {
        [word] if graph.contains(&word) || word == format!("{}/.default", call.origin()) => {
            Ok("graph")
        }
        [word] if word == partner_center => Ok("partner center"),
        [word] if word.ends_with("/.default") => {
            let text = format!("The resource principal named {word} was not found in the tenant.");
            Err(denied(400, "invalid_resource", 500_011, text))
        }
        _ => {
            let text = format!(
                "The provided value for the input parameter 'scope' is not valid: {scope}."
            );
            Err(denied(400, "invalid_scope", 70_011, text))
        }
    }
}

fn configuration(origin: &str, tenant: &str) -> Value {
    json!({
        "token_endpoint": format!("{origin}/{tenant}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "jwks_uri": format!("{origin}/{tenant}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code"],
        "scopes_supported": ["openid"],
        "issuer": format!("{origin}/{tenant}/v2.0"),
        "authorization_endpoint": format!("{origin}/{tenant}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{origin}/{tenant}/oauth2/v2.0/devicecode"),
    })
}

fn instance(call: &Call) -> Value {
    let origin = call.origin();
    let host = origin.trim_start_matches("https://");
    let asked = pairs(call.query());
    let asked = asked.iter().find(|(name, _)| name == "authorization_endpoint");
    let tenant = asked
        .and_then(|(_, url)| url.strip_prefix("https://")?.split('/').nth(1).map(str::to_owned))
        .unwrap_or_else(|| "common".to_owned());
    json!({
        "tenant_discovery_endpoint": format!("{origin}/{tenant}/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";

    fn app() -> App {
        App {
            client: "c".to_owned(),
            tenant: TENANT.to_owned(),
            roles: vec!["r".to_owned()],
            secrets: vec!["s".into()],
            federated: vec![("https://issuer".to_owned(), "system:sa".to_owned())],
            certificates: vec![b"no certificate".to_vec()],
        }
    }

    fn ask(tenant: &str, form: &str) -> (u16, Value) {
        let (seal, apps) = (Seal::new(b"k"), [app()]);
        let now = Timestamp::from_second(1_000_000).unwrap();
        let login = Login { apps: &apps, seal: &seal, now, machine: now, factor: 1 };
        let call = Call {
            method: "POST".to_owned(),
            target: format!("/{tenant}/oauth2/v2.0/token"),
            headers: [("host".to_owned(), "localhost:1".to_owned())].into(),
            body: form.as_bytes().to_vec(),
            in_batch: false,
        };
        assert!(is_login(&call));
        let answer = login.answer(&call);
        (answer.status, answer.value().unwrap().clone())
    }

    fn jwt(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(header), part(claims))
    }

    #[test]
    fn each_way_to_prove_nothing_has_its_own_code() {
        let scope = "grant_type=client_credentials&scope=https://graph.microsoft.com/.default";
        let with = |more: &str| format!("{scope}&client_id=c&{more}");
        let assertion = |claims: Value| {
            let token = jwt(&json!({"alg": "PS256", "x5t#S256": "x"}), &claims);
            with(&format!("client_assertion_type={BEARER}&client_assertion={token}"))
        };
        let aud = format!("https://localhost:1/{TENANT}/v2.0");
        let exp = 1_000_060;
        let cases = [
            ("other", with("client_secret=s"), 90_002),
            (TENANT, scope.to_owned(), 700_016),
            (TENANT, with(""), 7_000_218),
            (TENANT, with("client_secret=t"), 7_000_215),
            (TENANT, "grant_type=password&client_id=c".to_owned(), 70_003),
            (TENANT, with("client_assertion=a.b.c"), 900_144),
            (
                TENANT,
                with(&format!("client_assertion=a.b.c&client_assertion_type={BEARER}")),
                50_027,
            ),
            (TENANT, assertion(json!({"exp": 1_000_000})), 700_024),
            (TENANT, assertion(json!({"exp": exp, "iss": "x", "sub": "c"})), 700_213),
            (TENANT, assertion(json!({"exp": exp, "iss": "c", "sub": "c", "aud": "x"})), 700_023),
            (TENANT, assertion(json!({"exp": exp, "iss": "c", "sub": "c", "aud": aud})), 700_027),
            (
                TENANT,
                assertion(
                    json!({"exp": exp, "iss": "https://issuer", "sub": "system:sa", "aud": "x"}),
                ),
                700_212,
            ),
            (
                TENANT,
                with("client_secret=s").replace("graph.microsoft.com", "vault.azure.net"),
                500_011,
            ),
            (TENANT, with("client_secret=s").replace("/.default", "/User.Read"), 70_011),
        ];
        for (tenant, form, code) in cases {
            let (status, body) = ask(tenant, &form);
            assert_eq!(body["error_codes"], json!([code]), "{form}: {body}");
            assert!((400..402).contains(&status));
            assert!(
                body["error_description"].as_str().unwrap().contains(&format!("AADSTS{code}:"))
            );
        }
    }

    #[test]
    fn a_secret_and_a_federated_token_give_a_token_that_says_what_it_is() {
        let scope = "grant_type=client_credentials&client_id=C&scope=https%3A%2F%2Flocalhost%3A1%2F.default";
        let claims = json!({
            "exp": 1_000_060, "iss": "https://issuer", "sub": "system:sa", "aud": "api://AzureADTokenExchange"
        });
        let token = jwt(&json!({"alg": "RS256"}), &claims);
        for proof in [
            "client_secret=s".to_owned(),
            format!(
                "client_assertion_type={}&client_assertion={token}",
                BEARER.replace(':', "%3A")
            ),
        ] {
            let (status, body) = ask(TENANT, &format!("{scope}&{proof}"));
            assert_eq!(status, 200, "{body}");
            assert!(body["access_token"].as_str().unwrap().starts_with("emulator-"));
            assert_eq!(body["expires_in"], 3599);
        }
    }
}
