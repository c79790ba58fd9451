//! A client of the webhook that checks the certificate, as the API server does; one connection, many questions.
//!
//! Never: a connection to a server that it cannot tell from another.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

/// The name by which the API server calls.
pub const NAME: &str = "concordat-webhook.concordat-system.svc";

/// The end of the path that the API server was told, where nobody else tells it.
pub const WORD: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

pub struct Client(StreamOwned<ClientConnection, TcpStream>);

pub struct Reply {
    pub status: u16,
    pub body: String,
}

impl Client {
    /// Connects, and finishes the handshake.
    pub fn connect(to: SocketAddr, authorities: &str, name: &str) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for der in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
            roots.add(der.unwrap()).unwrap();
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let socket = TcpStream::connect(to)?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self(stream))
    }

    /// The certificate that the server showed.
    pub fn shown(&self) -> Vec<u8> {
        self.0.conn.peer_certificates().unwrap()[0].to_vec()
    }

    /// Asks and reads the whole answer; the connection stays.
    pub fn ask(&mut self, body: &[u8]) -> std::io::Result<Reply> {
        self.ask_at(&format!("/validate/{WORD}"), body)
    }

    pub fn ask_at(&mut self, path: &str, body: &[u8]) -> std::io::Result<Reply> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.0.write_all(head.as_bytes())?;
        // A server that refuses a body may answer before it was read.
        let sent = self.0.write_all(body).and_then(|()| self.0.flush());
        self.reply().or_else(|error| sent.and(Err(error)))
    }

    fn reply(&mut self) -> std::io::Result<Reply> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body)?;
        Ok(Reply { status, body: String::from_utf8(body).unwrap() })
    }
}
