//! A way to the API server that can be cut.
//!
//! Never: an error that tells somebody that it was.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::cluster::Cluster;

/// The way. When it is cut nothing goes through.
pub struct Wire {
    address: SocketAddr,
    cut: watch::Sender<bool>,
    ways: Arc<Mutex<JoinSet<()>>>,
}

impl Wire {
    pub async fn to(cluster: &'static Cluster) -> Self {
        let server = cluster.url().trim_start_matches("https://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cut, is_cut) = watch::channel(false);
        let ways = Arc::new(Mutex::new(JoinSet::new()));
        let more = Arc::downgrade(&ways);
        ways.lock().unwrap().spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&server).await.unwrap();
                let (near_in, near_out) = near.into_split();
                let (far_in, far_out) = far.into_split();
                let Some(ways) = more.upgrade() else { return };
                let mut ways = ways.lock().unwrap();
                ways.spawn(carry(near_in, far_out, is_cut.clone()));
                ways.spawn(carry(far_in, near_out, is_cut.clone()));
            }
        });
        Self { address, cut, ways }
    }

    pub fn cut(&self, cut: bool) {
        assert!(self.ways.lock().unwrap().len() >= 3, "nobody goes this way");
        self.cut.send_replace(cut);
    }

    pub async fn client(&self, cluster: &Cluster) -> Client {
        let kubeconfig = std::fs::read_to_string(cluster.kubeconfig()).unwrap();
        let own = format!("https://{}", self.address);
        let kubeconfig = Kubeconfig::from_yaml(&kubeconfig.replace(&cluster.url(), &own)).unwrap();
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        Client::try_from(config).unwrap()
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut is_cut: watch::Receiver<bool>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let _ = is_cut.wait_for(|is_cut| !is_cut).await;
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
