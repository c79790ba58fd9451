//! A real PostgreSQL server for tests: one for all of them, on a free port, with a database for each test.
//!
//! Never: a test that is skipped because there is no server.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::Read,
    net::{TcpListener, TcpStream},
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// The server that the tests of this binary share.
pub fn server() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(Server::private)
}

/// A running server. It ends with the test process, also when that is killed.
pub struct Server {
    programs: Programs,
    folder: PathBuf,
    port: u16,
    password: String,
    made: AtomicUsize,
    /// Stops the server and removes its folder once its standard input closes.
    watchdog: Child,
}

/// A database of its own for one test.
pub struct Database {
    /// Its name.
    pub name: String,
    /// Its owner, who may do anything in it and nothing elsewhere.
    pub owner: Login,
    /// Who works with it: the owner, unless a test says another.
    pub user: Login,
}

impl Database {
    /// Where whoever works with it connects, with name and password.
    pub fn url(&self) -> &str {
        &self.user.url
    }
}

/// How `PgBouncer` shares its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// Each transaction may have another one.
    Transaction,
    /// Each client has one for itself, as long as it is there.
    Session,
}

/// `PgBouncer` before the server, with its own settings save how and how many connections are shared. It ends with the
/// test process, also when that is killed.
pub struct Pooler {
    port: u16,
    watchdog: Child,
}

impl Pooler {
    /// The same place behind the pooler.
    pub fn url(&self, login: &Login) -> String {
        let (before, after) = login.url.split_once("127.0.0.1:").unwrap();
        let (_, database) = after.split_once('/').unwrap();
        format!("{before}127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// A role that can log in.
#[derive(Clone)]
pub struct Login {
    /// As in `GRANT … TO name`.
    pub name: String,
    /// Random, so that a test can look for it in messages.
    pub password: String,
    /// Where the role connects to its database, with name and password. Ends without `?`.
    pub url: String,
}

impl Server {
    /// A server for one test that stops or breaks it. It is gone when the value is dropped.
    pub fn private() -> Self {
        let programs = Programs::find();
        let password = secret();
        let folder = tempfile::Builder::new().prefix("concordat-").tempdir().unwrap().keep();
        fs::write(folder.join("password"), &password).unwrap();
        certificates(&folder);
        programs.own(&folder);

        // The watchdog comes first: nothing is left behind, whatever fails from here on.
        let watchdog = programs
            .command("sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .args([&programs.folder, &folder])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let made = AtomicUsize::new(0);
        let mut server = Self { programs, folder, port: 0, password, made, watchdog };

        // Only the empty cluster is written without waiting for the disk; the server itself waits.
        let data = server.data();
        let mut initdb = server.programs.command("initdb");
        initdb.arg("-D").arg(&data).arg("--pwfile").arg(server.folder.join("password"));
        run(initdb
            .args(["-U", SUPERUSER, "-A", "scram-sha-256", "--no-sync"])
            .args(["--locale=C", "--encoding=UTF8"]));
        fs::write(data.join("postgresql.auto.conf"), SETTINGS).unwrap();
        fs::write(data.join("pg_hba.conf"), ADMITTED).unwrap();

        // Somebody else may take the port between our asking for it and the server's listening on it.
        let started = (0..5).any(|_| {
            server.port = free_port();
            server.try_start()
        });
        assert!(started, "PostgreSQL does not start:\n{}", server.log());
        server.administer("postgres", "CREATE ROLE tls_only");
        server
    }

    /// An empty database whose name begins with `hint`.
    pub fn database(&self, hint: &str) -> Database {
        let name = self.next_name(hint);
        let owner = self.new_login(&format!("{name}_owner"), &name);
        self.administer("postgres", &format!("CREATE DATABASE {name} OWNER {}", owner.name));
        Database { name, user: owner.clone(), owner }
    }

    /// A pooler for these logins, with this many connections for each of them.
    pub fn pooler(&self, pooling: Pooling, connections: usize, logins: &[&Login]) -> Pooler {
        let folder = tempfile::Builder::new().prefix("concordat-").tempdir().unwrap().keep();
        let mut users = String::new();
        for Login { name, password, .. } in logins {
            writeln!(users, "\"{name}\" \"{password}\"").unwrap();
        }
        fs::write(folder.join("users"), users).unwrap();
        let (port, place) = (free_port(), folder.display());
        let mode = match pooling {
            Pooling::Transaction => "transaction",
            Pooling::Session => "session",
        };
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\n\
             auth_file = {place}/users\npool_mode = {mode}\ndefault_pool_size = {connections}\n\
             logfile = {place}/log\n",
            self.port
        );
        fs::write(folder.join("ini"), settings).unwrap();
        self.programs.own(&folder);
        let mut sh = self.programs.command("sh");
        let watchdog = sh
            .args(["-c", POOLER, "watchdog"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut pooler = Pooler { port, watchdog };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return pooler;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        drop(pooler.watchdog.stdin.take());
        panic!(
            "PgBouncer does not start; these tests need it: install the package `pgbouncer` of \
             your system, or put its folder on PATH\n{log}"
        )
    }

    /// A copy of a database, with the same owner and everything in it. Whoever was connected to the original has left, or
    /// is about to: a session ends a moment after its program, and later on a busy machine.
    pub fn copy(&self, original: &Database) -> Database {
        let connected = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND backend_type = 'client backend'",
            original.name
        );
        let began = Instant::now();
        while self.administer("postgres", &connected).trim() != "0" {
            assert!(began.elapsed() < Duration::from_secs(60), "somebody stays connected");
            thread::sleep(Duration::from_millis(20));
        }
        let name = self.next_name(&original.name);
        let Login { name: role, password, .. } = original.owner.clone();
        let statement = format!("CREATE DATABASE {name} OWNER {role} TEMPLATE {}", original.name);
        self.administer("postgres", &statement);
        let url = self.url(&role, &password, &name);
        let owner = Login { name: role, password, url };
        Database { name, user: owner.clone(), owner }
    }

    /// A role that can log in to a database, and hold what its owner grants.
    pub fn login(&self, database: &Database, hint: &str) -> Login {
        let role = self.next_name(&format!("{}_{hint}", database.name));
        self.new_login(&role, &database.name)
    }

    /// The same, refused without TLS.
    pub fn tls_only_login(&self, database: &Database, hint: &str) -> Login {
        let login = self.login(database, hint);
        self.administer("postgres", &format!("GRANT tls_only TO {}", login.name));
        login
    }

    /// Says something as superuser in the database of that name; what comes back, one row a line.
    pub fn administer(&self, database: &str, statement: &str) -> String {
        let mut psql = self.programs.command("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement]);
        run(psql.arg("-d").arg(self.url(SUPERUSER, &self.password, database)))
    }

    /// The folder of the server's socket, and its port.
    pub fn socket(&self) -> (String, u16) {
        (self.folder.display().to_string(), self.port)
    }

    /// Shows another certificate from now on.
    pub fn show_certificate(&self, certificate: &str, key: &str) {
        fs::write(self.folder.join("server.pem"), certificate).unwrap();
        fs::write(self.folder.join("server.key"), key).unwrap();
        let mut reload = self.programs.command("pg_ctl");
        run(reload.args(["reload", "-D"]).arg(self.data()));
    }

    /// The certificate that signed the server's, which is for `127.0.0.1`, `::1` and `localhost`.
    pub fn ca_path(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A certificate that signed nothing here.
    pub fn strange_ca_path(&self) -> PathBuf {
        self.folder.join("strange_ca.pem")
    }

    /// Ends every session at once, as in a crash: nothing is written any more, the next start recovers.
    pub fn stop_hard(&self) {
        let mut stop = self.programs.command("pg_ctl");
        run(stop.args(["stop", "-m", "immediate", "-w", "-D"]).arg(self.data()));
    }

    /// Starts again, on the same port, after [`Server::stop_hard`].
    pub fn restart(&self) {
        assert!(self.try_start(), "PostgreSQL does not start again:\n{}", self.log());
    }

    fn try_start(&self) -> bool {
        let mut start = self.programs.command("pg_ctl");
        start.args(["start", "-w", "-t", "60", "-o"]).arg(format!("-p {}", self.port));
        start.arg("-D").arg(self.data()).arg("-l").arg(self.folder.join("log"));
        start.status().unwrap().success()
    }

    fn new_login(&self, role: &str, database: &str) -> Login {
        let password = secret();
        self.administer("postgres", &format!("CREATE ROLE {role} LOGIN PASSWORD '{password}'"));
        let url = self.url(role, &password, database);
        Login { name: role.to_owned(), password, url }
    }

    fn next_name(&self, hint: &str) -> String {
        assert!(
            hint.chars()
                .all(|letter| letter.is_ascii_lowercase() || "_0123456789".contains(letter)),
            "`{hint}` is not in lower case, digits and `_`"
        );
        let name = format!("{hint}_{}", self.made.fetch_add(1, Ordering::Relaxed));
        assert!(name.len() < 56, "`{name}` is too long for a name in PostgreSQL");
        name
    }

    fn url(&self, role: &str, password: &str, database: &str) -> String {
        format!("postgres://{role}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

const SUPERUSER: &str = "superuser";

/// `$1` is the folder of the programs, `$2` the server's.
const WATCHDOG: &str = r#"
cat >/dev/null
"$1/pg_ctl" stop -D "$2/data" -m immediate -t 20
rm -rf "$2"
"#;

/// `$1` is the folder of the pooler.
const POOLER: &str = r#"
PATH=$PATH:/usr/sbin
pgbouncer -q "$1/ini" &
pooler=$!
cat >/dev/null
kill $pooler
wait $pooler
rm -rf "$1"
"#;

/// Durability as in production, since tests measure it; everything else small.
const SETTINGS: &str = "\
listen_addresses = '127.0.0.1, ::1'
unix_socket_directories = '..'
max_connections = 200
shared_buffers = 32MB
fsync = on
full_page_writes = on
synchronous_commit = on
password_encryption = 'scram-sha-256'
ssl = on
ssl_cert_file = '../server.pem'
ssl_key_file = '../server.key'
";

const ADMITTED: &str = "\
hostnossl all +tls_only 127.0.0.1/32 reject
host      all all       127.0.0.1/32 scram-sha-256
host      all all       ::1/128      scram-sha-256
local     all all                    scram-sha-256
";

/// Where PostgreSQL's programs are, and as whom they run: `initdb` and `postgres` refuse root.
struct Programs {
    folder: PathBuf,
    user: Option<(u32, u32)>,
}

impl Programs {
    fn find() -> Self {
        let said = Command::new("pg_config").arg("--bindir").output();
        let said = said.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        let mut folders = vec![PathBuf::from(said.unwrap_or_default())];
        for entry in fs::read_dir("/usr/lib/postgresql").into_iter().flatten() {
            folders.push(entry.unwrap().path().join("bin"));
        }
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let needed = ["initdb", "pg_ctl", "postgres", "psql"];
        let whole = |folder: &PathBuf| needed.iter().all(|name| folder.join(name).is_file());
        let folder = folders.into_iter().find(whole).unwrap_or_else(|| {
            panic!(
                "these tests need the PostgreSQL server programs ({}): install the package \
                 `postgresql` of your system, or put the folder of `initdb` on PATH",
                needed.join(", ")
            )
        });
        let user = (id(&["-u"]) == Some(0)).then(|| {
            let user = ["postgres", "nobody"].into_iter().find_map(|name| {
                Some((id(&["-u", name])?, id(&["-g", name])?)) //
            });
            user.expect(
                "PostgreSQL refuses to run as root and there is no user `postgres` or `nobody`",
            )
        });
        Self { folder, user }
    }

    /// A program that says nothing to the terminal, as the user whose files these are.
    fn command(&self, name: &str) -> Command {
        let path = self.folder.join(name);
        let mut command = Command::new(if path.is_file() { path } else { name.into() });
        command.current_dir("/").env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// Gives a folder and the files in it to that user.
    fn own(&self, folder: &Path) {
        let Some((user, group)) = self.user else { return };
        for entry in fs::read_dir(folder).unwrap() {
            chown(entry.unwrap().path(), Some(user), Some(group)).unwrap();
        }
        chown(folder, Some(user), Some(group)).unwrap();
    }
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", command.get_program().display());
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn secret() -> String {
    let mut bytes = [0; 16];
    File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    hex::encode(bytes)
}

/// Writes `ca.pem`, `strange_ca.pem`, and `server.pem` with `server.key`, signed by the first.
fn certificates(folder: &Path) {
    let authority = |name: &str| {
        let mut of_authority = CertificateParams::default();
        of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        of_authority.distinguished_name.push(DnType::CommonName, name);
        CertifiedIssuer::self_signed(of_authority, KeyPair::generate().unwrap()).unwrap()
    };
    let (ours, strange) = (authority("the tests' own"), authority("a stranger"));
    let key = KeyPair::generate().unwrap();
    let names = ["127.0.0.1".to_owned(), "::1".to_owned(), "localhost".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &ours).unwrap();
    fs::write(folder.join("ca.pem"), ours.pem()).unwrap();
    fs::write(folder.join("strange_ca.pem"), strange.pem()).unwrap();
    fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    let private = folder.join("server.key");
    fs::write(&private, key.serialize_pem()).unwrap();
    fs::set_permissions(&private, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

mod tests;
