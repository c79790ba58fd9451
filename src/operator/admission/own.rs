//! Certificates of our own: one Secret that all replicas share, and the registration of the webhook that trusts it. The
//! same Secret keeps the word at the end of the path by which the API server calls, and nobody else can.
//!
//! Never: a certificate shown before the API server was told to trust its authority.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    ByteString, api::admissionregistration::v1::ValidatingWebhookConfiguration,
    api::core::v1::Secret,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{
    certificate::{Certificate, CertificateError},
    door,
};
use crate::operator::telemetry::{
    labels::{ApiObject, ApiWrite},
    metrics::Metrics,
};

/// Under which key the Secret keeps the word.
const WORD: &str = "path";
/// How often two replicas that renew at once may be in each other's way.
const TRIES: usize = 5;

/// Where our own certificates live.
#[derive(Clone)]
pub struct Own {
    /// The API server.
    pub client: Client,
    /// Our namespace.
    pub namespace: String,
    /// The Secret.
    pub secret: String,
    /// The Service that the API server calls.
    pub service: String,
    /// The registration.
    pub configuration: String,
    /// How long a new certificate lasts.
    pub life: SignedDuration,
    /// Where writes are counted.
    pub metrics: Arc<Metrics>,
}

/// Why there is no certificate of our own.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// The API server does not do it.
    #[error("the {what} `{name}` cannot be {done}")]
    Api {
        /// Which sort of object.
        what: &'static str,
        /// Which object.
        name: String,
        /// What was to be done.
        done: &'static str,
        /// Why not.
        source: Box<kube::Error>,
    },
    /// It cannot be made or read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// There are no random numbers.
    #[error("this machine has no random numbers")]
    Random,
    /// Others were always faster.
    #[error("the secret `{0}` changes all the time")]
    Contended(String),
    /// The registration names another Service.
    #[error("no webhook of `{configuration}` calls service `{service}`")]
    NoWebhook {
        /// The registration.
        configuration: String,
        /// Our Service.
        service: String,
    },
}

impl Own {
    /// The certificate that every replica shows. A new one is made where there is none that is good for long enough; of
    /// two replicas that do so at once, one has its way and the other takes what is there.
    ///
    /// # Errors
    /// Where the API server does not let it be read or written.
    pub async fn certificate(&self, now: Timestamp) -> Result<Certificate, OwnError> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        for _ in 0..TRIES {
            let found = secrets.get_opt(&self.secret).await.map_err(self.secret("read"))?;
            let before = found.as_ref().and_then(|secret| read(secret).ok());
            let good = before.filter(|certificate| {
                certificate.renew_at() > now && certificate.convinces(&self.name(), now)
            });
            let word = found.as_ref().and_then(word);
            if let (Some(good), Some(word)) = (&good, &word) {
                return Ok(Certificate { word: word.clone(), ..good.clone() });
            }
            let made = if let Some(good) = good {
                good
            } else {
                let earlier = found.as_ref().and_then(|secret| read(secret).ok());
                let earlier = earlier.map(|before| before.authorities).unwrap_or_default();
                Certificate::issue(&self.names(), now, self.life, &earlier)?
            };
            let made =
                Certificate { word: word.or_else(door::word).ok_or(OwnError::Random)?, ..made };
            let data = [
                ("ca.crt", made.authorities.as_str()),
                ("tls.crt", &made.chain),
                ("tls.key", made.key.expose_secret()),
                (WORD, made.word.expose_secret()),
            ];
            if self.write(&secrets, found, "kubernetes.io/tls", &data).await? {
                return Ok(made);
            }
        }
        Err(OwnError::Contended(self.secret.clone()))
    }

    /// The word alone, where the certificate is somebody else's.
    ///
    /// # Errors
    /// Where the API server does not let it be read or written.
    pub async fn word(&self) -> Result<SecretString, OwnError> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        for _ in 0..TRIES {
            let found = secrets.get_opt(&self.secret).await.map_err(self.secret("read"))?;
            if let Some(word) = found.as_ref().and_then(word) {
                return Ok(word);
            }
            let made = door::word().ok_or(OwnError::Random)?;
            let data = [(WORD, made.expose_secret())];
            if self.write(&secrets, found, "Opaque", &data).await? {
                return Ok(made);
            }
        }
        Err(OwnError::Contended(self.secret.clone()))
    }

    /// Whether it was written; it was not where another replica was faster.
    async fn write(
        &self,
        secrets: &Api<Secret>,
        found: Option<Secret>,
        type_: &str,
        data: &[(&str, &str)],
    ) -> Result<bool, OwnError> {
        let params = PostParams::default();
        let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
        let data: BTreeMap<_, _> =
            data.iter().map(|(name, text)| ((*name).to_owned(), bytes(text))).collect();
        let (written, what, done) = if let Some(found) = found {
            // The version of what was read makes it a compare-and-swap.
            let secret = Secret { data: Some(data), ..found };
            let written = secrets.replace(&self.secret, &params, &secret).await;
            (written, ApiWrite::Update, "updated")
        } else {
            let secret = Secret {
                metadata: ObjectMeta {
                    name: Some(self.secret.clone()),
                    namespace: Some(self.namespace.clone()),
                    ..ObjectMeta::default()
                },
                type_: Some(type_.to_owned()),
                data: Some(data),
                ..Secret::default()
            };
            (secrets.create(&params, &secret).await, ApiWrite::Create, "created")
        };
        match written {
            Ok(_) => {
                self.metrics.api_write(ApiObject::Secret, what);
                Ok(true)
            }
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(false),
            Err(error) => Err(self.secret(done)(error)),
        }
    }

    /// Makes the registration trust the certificate's authorities, if it has any, and call by its word. Writes nothing
    /// where it does already.
    ///
    /// # Errors
    /// Where the API server does not let it be read or written, or the registration calls another Service.
    pub async fn publish(&self, certificate: &Certificate) -> Result<(), OwnError> {
        let all: Api<ValidatingWebhookConfiguration> = Api::all(self.client.clone());
        for _ in 0..TRIES {
            let found = all.get(&self.configuration).await.map_err(self.registration("read"))?;
            let operations = self.operations(&found, certificate)?;
            if operations.is_empty() {
                return Ok(());
            }
            let patch = serde_json::from_value(json!(operations))
                .expect("operations of a JSON patch are one");
            let patch = Patch::<ValidatingWebhookConfiguration>::Json(patch);
            match all.patch(&self.configuration, &PatchParams::default(), &patch).await {
                Ok(_) => {
                    let object = ApiObject::ValidatingWebhookConfiguration;
                    self.metrics.api_write(object, ApiWrite::Update);
                    return Ok(());
                }
                // What was read has changed: a test of the patch failed.
                Err(kube::Error::Api(status)) if matches!(status.code, 409 | 422) => {}
                Err(error) => return Err(self.registration("patched")(error)),
            }
        }
        Err(OwnError::Contended(self.configuration.clone()))
    }

    /// For each webhook that calls our Service and does not trust the certificate: a test of its name, and the change.
    fn operations(
        &self,
        found: &ValidatingWebhookConfiguration,
        certificate: &Certificate,
    ) -> Result<Vec<serde_json::Value>, OwnError> {
        let bundle = ByteString(certificate.authorities.clone().into_bytes());
        let door = door::path(&certificate.word);
        let mut ours = 0;
        let mut operations = Vec::new();
        for (position, webhook) in found.webhooks.iter().flatten().enumerate() {
            let called = webhook.client_config.service.as_ref();
            let Some(called) = called
                .filter(|called| called.name == self.service && called.namespace == self.namespace)
            else {
                continue;
            };
            ours += 1;
            let of = format!("/webhooks/{position}");
            let mut changed = Vec::new();
            if !bundle.0.is_empty() && webhook.client_config.ca_bundle.as_ref() != Some(&bundle) {
                let path = format!("{of}/clientConfig/caBundle");
                changed.push(json!({"op": "add", "path": path, "value": bundle}));
            }
            if called.path.as_ref() != Some(&door) {
                let path = format!("{of}/clientConfig/service/path");
                changed.push(json!({"op": "add", "path": path, "value": door}));
            }
            if !changed.is_empty() {
                let name = format!("{of}/name");
                operations.push(json!({"op": "test", "path": name, "value": webhook.name}));
                operations.append(&mut changed);
            }
        }
        if ours == 0 {
            let (configuration, service) = (self.configuration.clone(), self.service.clone());
            return Err(OwnError::NoWebhook { configuration, service });
        }
        Ok(operations)
    }

    /// The name by which the API server calls.
    fn name(&self) -> String {
        format!("{}.{}.svc", self.service, self.namespace)
    }

    fn names(&self) -> Vec<String> {
        let name = self.name();
        vec![format!("{name}.cluster.local"), format!("{}.{}", self.service, self.namespace), name]
    }

    fn secret(&self, done: &'static str) -> impl Fn(kube::Error) -> OwnError + use<> {
        let name = format!("{}/{}", self.namespace, self.secret);
        move |error| OwnError::Api {
            what: "secret",
            name: name.clone(),
            done,
            source: Box::new(error),
        }
    }

    fn registration(&self, done: &'static str) -> impl Fn(kube::Error) -> OwnError + use<> {
        let name = self.configuration.clone();
        move |error| OwnError::Api {
            what: "validating webhook configuration",
            name: name.clone(),
            done,
            source: Box::new(error),
        }
    }
}

/// The word that a Secret keeps, if it is one.
fn word(secret: &Secret) -> Option<SecretString> {
    let kept = secret.data.as_ref()?.get(WORD)?;
    let kept = SecretString::from(String::from_utf8(kept.0.clone()).ok()?);
    door::is_word(&kept).then_some(kept)
}

fn read(secret: &Secret) -> Result<Certificate, CertificateError> {
    let text = |name: &'static str| {
        let bytes = secret.data.as_ref().and_then(|data| data.get(name));
        let text = bytes.and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
        text.ok_or(CertificateError::Chain(name))
    };
    Certificate::read(text("ca.crt")?, text("tls.crt")?, SecretString::from(text("tls.key")?))
}
