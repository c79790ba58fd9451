//! The operator as a process, and what it says of itself.
//!
//! Never: a figure from inside it that nobody else could read.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// What the system says of a process.
struct Usage {
    name: String,
    group: String,
    seconds: f64,
}

impl Usage {
    fn of(process: &str) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let ticks = |at: usize| fields[at].parse::<f64>().ok();
        // Linux counts in hundredths of a second, on every machine it runs on.
        let seconds = (ticks(11)? + ticks(12)?) / 100.0;
        Some(Self { name: name.to_owned(), group: fields[2].to_owned(), seconds })
    }
}

pub struct Operator {
    child: Child,
    port: u16,
    began: Instant,
}

impl Operator {
    pub fn start(cluster: &crate::cluster::Cluster, store: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = PathBuf::from(env!("CARGO_BIN_EXE_concordat"));
        let log = fs::File::create(store.with_extension("log")).unwrap();
        let mut command = Command::new(program);
        cluster.ends_with_it(&mut command);
        command
            .args(["operator", "--store", &format!("sqlite:{}", store.display())])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .env("KUBECONFIG", cluster.kubeconfig())
            .env("CONCORDAT_LOG", std::env::var("CONCORDAT_LOG").as_deref().unwrap_or("warn"))
            .stdout(Stdio::null())
            .stderr(log);
        Self { child: command.spawn().unwrap(), port, began: Instant::now() }
    }

    pub fn get(&self, path: &str) -> Option<(bool, String)> {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some((answer.contains(" 200 "), answer))
    }

    pub async fn until_ready(&self) -> Duration {
        while !self.get("/readyz").is_some_and(|(ready, _)| ready) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.began.elapsed()
    }

    pub fn figure(&self, name: &str) -> f64 {
        let Some((_, text)) = self.get("/metrics") else { return f64::NAN };
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    pub fn api_writes(&self) -> u64 {
        let Some((_, text)) = self.get("/metrics") else { return 0 };
        let own = text.lines().filter(|line| {
            line.starts_with("concordat_api_writes_total")
                && !line.contains("Lease")
                && !line.contains("\"Event\"")
        });
        own.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as u64
    }

    /// Until nothing was written for a while: how long it was busy.
    pub async fn until_quiet(&self) -> Duration {
        self.until_ready().await;
        let mut last =
            (self.began.elapsed(), self.api_writes(), self.figure("concordat_rounds_total"));
        let mut quiet = Instant::now();
        while quiet.elapsed() < Duration::from_secs(4) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let (writes, rounds) = (self.api_writes(), self.figure("concordat_rounds_total"));
            if writes != last.1 || rounds.to_bits() != last.2.to_bits() {
                last = (self.began.elapsed(), writes, rounds);
                quiet = Instant::now();
            }
        }
        last.0
    }

    /// How many events it has told.
    pub fn events(&self) -> f64 {
        self.figure(r#"concordat_api_writes_total{kind="Event""#)
    }

    /// The seconds of processor time that it, its cluster and this program have used, by the name of the program.
    pub fn processor_time(&self) -> BTreeMap<String, f64> {
        let group = Usage::of(&self.child.id().to_string()).unwrap().group;
        let own = std::process::id().to_string();
        let mut times = BTreeMap::new();
        for entry in fs::read_dir("/proc").unwrap() {
            let id = entry.unwrap().file_name().into_string().unwrap();
            let Some(usage) = Usage::of(&id) else { continue };
            if usage.group == group || id == own {
                *times.entry(usage.name).or_default() += usage.seconds;
            }
        }
        times
    }

    pub fn memory(&self, what: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(what)).unwrap();
        let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        format!("{:.0} MB", kilobytes / 1_024.0)
    }

    pub fn stop(mut self) {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        self.child.wait().unwrap();
    }
}
