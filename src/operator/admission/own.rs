//! Certificates of our own: one Secret that all replicas share, and the registration of the webhook that trusts it.
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

use super::certificate::{Certificate, CertificateError};
use crate::operator::telemetry::{
    labels::{ApiObject, ApiWrite},
    metrics::Metrics,
};

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
            let due = before.as_ref().is_none_or(|certificate| {
                certificate.renew_at() <= now || !certificate.convinces(&self.name(), now)
            });
            if let (Some(before), false) = (before.as_ref(), due) {
                return Ok(before.clone());
            }
            let earlier = before.map(|before| before.authorities).unwrap_or_default();
            let made = Certificate::issue(&self.names(), now, self.life, &earlier)?;
            if self.write(&secrets, found, &made).await? {
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
        made: &Certificate,
    ) -> Result<bool, OwnError> {
        let params = PostParams::default();
        let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
        let data = BTreeMap::from([
            ("ca.crt".to_owned(), bytes(&made.authorities)),
            ("tls.crt".to_owned(), bytes(&made.chain)),
            ("tls.key".to_owned(), bytes(made.key.expose_secret())),
        ]);
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
                type_: Some("kubernetes.io/tls".to_owned()),
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

    /// Makes the registration trust the certificate's authorities. Writes nothing where it does already.
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
        let mut ours = 0;
        let mut operations = Vec::new();
        for (position, webhook) in found.webhooks.iter().flatten().enumerate() {
            let called = webhook.client_config.service.as_ref();
            let is_ours = called.is_some_and(|called| {
                called.name == self.service && called.namespace == self.namespace
            });
            if !is_ours {
                continue;
            }
            ours += 1;
            if webhook.client_config.ca_bundle.as_ref() != Some(&bundle) {
                let path = format!("/webhooks/{position}");
                let test =
                    json!({"op": "test", "path": format!("{path}/name"), "value": webhook.name});
                let path = format!("{path}/clientConfig/caBundle");
                operations.push(test);
                operations.push(json!({"op": "add", "path": path, "value": bundle}));
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

fn read(secret: &Secret) -> Result<Certificate, CertificateError> {
    let text = |name: &'static str| {
        let bytes = secret.data.as_ref().and_then(|data| data.get(name));
        let text = bytes.and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
        text.ok_or(CertificateError::Chain(name))
    };
    Certificate::read(text("ca.crt")?, text("tls.crt")?, SecretString::from(text("tls.key")?))
}
