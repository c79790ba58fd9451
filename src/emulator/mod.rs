//! An emulator of Microsoft Graph's delegated administration (GDAP): the service, its login, and the people outside.
//!
//! Never: a type of the client that is tested against it, an address other than the machine's own, or Microsoft's service.
//!
//! ```text
//! server → machine → { login · batch · graph · control } → rules → lifecycle → world
//! faults: what goes wrong on purpose      people: what nobody can stop      settings: what nobody has verified
//! ```
//!
//! Guessed, because no documentation tells it; each with what the emulator does. Somebody with a partner's tenant can
//! check just these.
//! * A relationship has no status (null) for a moment after POST, and cannot be sent meanwhile (400).
//! * Names are compared without regard to case; those of ended relationships stay taken until they are forgotten. Any
//!   character that can be seen is allowed.
//! * An absent `If-Match` is 400; `If-Match: *` is taken.
//! * A request that does not fit the status is 400, the same request once more while one waits is 409. A request of
//!   ending is `succeeded` when the relationship is `terminated`.
//! * After `reject` a relationship is `terminated`; after `approve` of a reseller it is `approved`.
//! * PATCH in any status but `created` and `active` is ignored (200). One that also removes Global Administrator and
//!   switches the extension on is refused for the extension (400).
//! * Global Administrator is removed by a PATCH with the other roles (`settings.habits.removal` knows other forms); its
//!   answer is 202 with `Location` and no body, and the assignments lose the role too.
//! * A relationship of Global Administrator and extension is 400.
//! * A group holds one assignment until that is `deleted`; `deleting` and `error` count (409).
//! * PATCH of an assignment that is not `active` is 400, DELETE of one that is `pending` is taken (`settings.habits`); of
//!   one that is `deleting` it is 409, of one that is `deleted` 404. A second PATCH while an operation runs is taken, and
//!   the later one wins.
//! * With a relationship its assignments become `deleted`.
//! * Somebody who switches the extension on during the last day is in time.
//! * A relationship in `created` is kept for ever.
//! * A customer is listed from `approved` until nothing of its is live.
//! * The etag of a relationship does not move with its assignments (`settings.habits.etagFollowsAssignments`).
//! * A duration comes back in days, `P730D`, also where `P2Y` was sent (`settings.habits.echoDuration`).
//! * A list has 100 objects a page where no `$top` is given, comes in the order of its ids, and knows `$orderby`.
//! * A property that the metadata lacks is 400; those that only the service writes are ignored.
//! * An assignment that is `pending` when its relationship is ended becomes `active` for as long as that takes.
//! * PATCH and DELETE of a relationship are taken while its `lockForApproval` is under way.
//! * Of a PATCH of an active relationship all but the extension and the roles is ignored (200).
//! * Durations such as `PT48H` and `P24M` are taken.
//! * How long each step takes is invented (`settings.delays`).
//! * The signature of a federated assertion is not checked: its issuer, subject, audience and end are.
//! * An extension that is off comes back as `PT0S` (`settings.habits.zeroExtension`).
//! * A body that is not said to be JSON is 415. A role that is no built-in one of Entra is 400, and so is a group that is
//!   no security group.
//! * A PATCH of an assignment to the roles that it has is an operation (202) as long as another one is under way; of two
//!   operations the one that came later wins.
//! * A batch is answered in its own order; a body without `Content-Type` in it is 400 for that request alone.

mod batch;
mod body;
mod call;
mod certificate;
mod chance;
mod clock;
mod control;
mod days;
mod faults;
mod graph;
mod lifecycle;
mod log;
mod login;
mod machine;
mod people;
mod query;
mod refusal;
mod rules;
mod sample;
mod server;
mod settings;
mod token;
mod wire;
mod world;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use clock::Clock;
use login::App;
use machine::Machine;

/// The client id of the app that may read relationships and groups.
pub const READER: &str = "11111111-aaaa-4bbb-8ccc-111111111111";
/// The client id of the app that may read and write relationships.
pub const WRITER: &str = "22222222-aaaa-4bbb-8ccc-222222222222";

/// How an emulator is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// What ids and chance are made from.
    pub seed: u64,
    /// Seconds of the service for one of the machine; 0 stands still.
    pub factor: u32,
    /// What it holds.
    pub content: Content,
    /// The partner's tenant.
    pub partner: String,
}

impl Options {
    /// How many seconds of the machine a token lasts.
    pub fn token_life(&self) -> i64 {
        login::life(self.factor)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: 1,
            factor: 1,
            content: Content::Sample,
            partner: sample::PARTNER.to_owned(),
        }
    }
}

/// What an emulator holds at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Relationships of every sort.
    Sample,
    /// Groups and customers, and no relationship.
    Empty,
}

/// Why an emulator could not be started.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// Others could reach it.
    #[error("`{0}` is no address of this machine alone: listen on 127.0.0.1 or [::1]")]
    Elsewhere(SocketAddr),
    /// Another program has the address.
    #[error(
        "`{0}` is taken by another program: `--listen 127.0.0.1:0` takes any port that is free"
    )]
    Taken(SocketAddr),
    /// The address cannot be had.
    #[error("`{0}` cannot be listened on")]
    Listen(SocketAddr, #[source] io::Error),
    /// There is no randomness for its secrets.
    #[error("the machine gives no random numbers for the secrets of the apps")]
    Secrets,
    /// There is no certificate.
    #[error("the certificate of the emulator cannot be made")]
    Certificate(#[from] rcgen::Error),
    /// The certificate cannot be shown.
    #[error("the certificate of the emulator cannot be shown")]
    Tls(#[from] rustls::Error),
    /// A bug of the sample.
    #[error("the sample does not keep the rules: {0}")]
    Sample(String),
}

/// An emulator that listens, and has not answered anybody yet.
#[derive(Debug)]
pub struct Emulator {
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    machine: Arc<Mutex<Machine>>,
    /// Where it listens.
    pub address: SocketAddr,
    /// The partner's tenant.
    pub partner: String,
    /// The authority that clients must trust, in PEM.
    pub authority: String,
    /// What opens the emulator's own paths.
    pub control: SecretString,
    /// The secret of the app [`READER`].
    pub reader: SecretString,
    /// The secret of the app [`WRITER`].
    pub writer: SecretString,
}

impl Emulator {
    /// Listens, with new secrets and a new certificate.
    ///
    /// # Errors
    /// Where others could reach it, or it cannot listen.
    pub async fn listen(options: &Options) -> Result<Self, NotStarted> {
        let ip = options.listen.ip();
        if ip != IpAddr::V4(Ipv4Addr::LOCALHOST) && ip != IpAddr::V6(Ipv6Addr::LOCALHOST) {
            return Err(NotStarted::Elsewhere(options.listen));
        }
        let now = Timestamp::now();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let certificate = certificate::issue(Duration::from_secs(seconds))?;
        let [reader, writer, seal, control] = [random()?, random()?, random()?, random()?];
        let control = SecretString::from(control);
        let world = match options.content {
            Content::Empty => sample::empty(&options.partner, options.seed),
            Content::Sample => sample::full(&options.partner, options.seed, now)
                .map_err(|refusal| NotStarted::Sample(refusal.message))?,
        };
        let apps = apps(&options.partner, &reader, &writer);
        let clock = Clock::new(now, options.factor, now);
        let machine =
            Machine::new(world, clock, apps, (seal.as_bytes(), control.clone()), options.seed);
        let listener = TcpListener::bind(options.listen).await.map_err(|error| {
            if error.kind() == io::ErrorKind::AddrInUse {
                NotStarted::Taken(options.listen)
            } else {
                NotStarted::Listen(options.listen, error)
            }
        })?;
        let address =
            listener.local_addr().map_err(|error| NotStarted::Listen(options.listen, error))?;
        Ok(Self {
            listener,
            tls: certificate.config,
            machine: Arc::new(Mutex::new(machine)),
            address,
            partner: options.partner.clone(),
            authority: certificate.authority,
            control,
            reader: reader.into(),
            writer: writer.into(),
        })
    }

    /// Serves until `stop`; then ends what was begun.
    pub async fn serve(self, stop: CancellationToken) {
        server::serve(self.listener, TlsAcceptor::from(self.tls), self.machine, stop).await;
    }
}

fn apps(partner: &str, reader: &str, writer: &str) -> Vec<App> {
    let app = |client: &str, secret: &str, roles: &[&str]| App {
        client: client.to_owned(),
        tenant: partner.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        secrets: vec![secret.into()],
        ..App::default()
    };
    vec![
        app(READER, reader, &[graph::READ, graph::READ_GROUPS]),
        app(WRITER, writer, &[graph::WRITE, graph::READ_GROUPS]),
    ]
}

/// Letters and digits that nobody guesses.
fn random() -> Result<String, NotStarted> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(|_| NotStarted::Secrets)?;
    Ok(hex::encode(bytes))
}
