//! The processes of a cluster: etcd, kube-apiserver and kube-controller-manager, stopped by their ids.
//!
//! Never: a process or a folder that outlives the tests, also when they are killed.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard},
};

/// What ends the processes in the group `$1` and removes the folder `$2`, once nobody holds its standard input.
/// A process that ends takes a moment, in which it may still write.
const WATCHDOG: &str = r#"
cat >/dev/null
left=200
while kill -KILL "-$1" && [ "$left" -gt 0 ]; do
  sleep 0.05
  left=$((left - 1))
done
rm -rf "$2"
"#;

/// Processes that belong together, with a folder of theirs.
pub struct Servers {
    folder: PathBuf,
    /// Does nothing but lead the group that every server is in; a process that the watchdog does not know cannot be.
    leader: Child,
    watchdog: Child,
    running: Mutex<BTreeMap<&'static str, Child>>,
}

impl Servers {
    /// None yet.
    pub fn new() -> Self {
        let folder =
            tempfile::Builder::new().prefix("concordat-cluster-").tempdir().unwrap().keep();
        let idle = |program: &str| {
            let mut command = Command::new(program);
            command.current_dir("/").stdin(Stdio::piped()).process_group(0);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let leader = idle("cat").spawn().unwrap();
        let mut watchdog = idle("sh");
        watchdog.args(["-c", WATCHDOG, "watchdog", &leader.id().to_string()]).arg(&folder);
        let watchdog = watchdog.spawn().unwrap();
        Self { folder, leader, watchdog, running: Mutex::default() }
    }

    /// Where everything of theirs is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The group of processes that ends with them, whoever is killed.
    pub fn group(&self) -> i32 {
        self.leader.id().cast_signed()
    }

    /// Writes a file that only its owner reads.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        use std::{io::Write, os::unix::fs::OpenOptionsExt};
        let path = self.folder.join(name);
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.unwrap().write_all(content.as_bytes()).unwrap();
        path
    }

    /// Starts a program under a name. What it says is in a file of that name.
    pub fn start(&self, name: &'static str, program: &Path, flags: &[String]) {
        let log = File::options().create(true).append(true).open(self.log_path(name)).unwrap();
        let mut command = Command::new(program);
        command.args(flags).current_dir(&self.folder).env_clear().stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        command.process_group(self.group());
        let child =
            command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let before = self.running().insert(name, child);
        assert!(before.is_none(), "`{name}` runs already");
    }

    /// Its process id.
    pub fn id(&self, name: &str) -> u32 {
        self.running().get(name).unwrap_or_else(|| panic!("`{name}` does not run")).id()
    }

    /// Whether it ended by itself, which forgets it.
    pub fn has_ended(&self, name: &str) -> bool {
        let mut running = self.running();
        let Some(child) = running.get_mut(name) else { return true };
        let ended = child.try_wait().unwrap().is_some();
        if ended {
            running.remove(name);
        }
        ended
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&self, name: &str) {
        let mut child =
            self.running().remove(name).unwrap_or_else(|| panic!("`{name}` does not run"));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends it a signal by name, such as `STOP`.
    pub fn signal(&self, name: &str, signal: &str) {
        let mut kill = Command::new("kill");
        let sent = kill.args(["-s", signal, &self.id(name).to_string()]).status().unwrap();
        assert!(sent.success(), "`{name}` did not get {signal}");
    }

    /// What it said.
    pub fn log(&self, name: &str) -> String {
        fs::read_to_string(self.log_path(name)).unwrap_or_default()
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<&'static str, Child>> {
        self.running.lock().unwrap()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let running = self.running.get_mut();
        let running = running.unwrap_or_else(std::sync::PoisonError::into_inner).values_mut();
        for child in running.chain([&mut self.leader]) {
            let _ = child.kill();
            let _ = child.wait();
        }
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// A port that nobody listens on. Somebody may take it before it is used.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
