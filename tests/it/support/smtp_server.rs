//! An SMTP server with STARTTLS, TLS and AUTH. It refuses what a test tells it to refuse, and keeps
//! the mails it accepted.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// How connections are encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encryption {
    None,
    StartTls,
    Tls,
}

/// What the server is like.
#[derive(Clone, Debug)]
pub(crate) struct Behaviour {
    pub(crate) encryption: Encryption,
    /// User and password that it asks for.
    pub(crate) login: Option<(String, String)>,
    /// Replies other than the usual: by command, `GREETING`, or `MAIL` for the mail's end.
    pub(crate) replies: BTreeMap<&'static str, String>,
}

impl Behaviour {
    pub(crate) fn plain() -> Self {
        Self {
            encryption: Encryption::None,
            login: None,
            replies: BTreeMap::new(),
        }
    }

    pub(crate) fn replying(command: &'static str, reply: &str) -> Self {
        Self {
            replies: BTreeMap::from([(command, reply.to_owned())]),
            ..Self::plain()
        }
    }
}

/// A mail as accepted.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) receivers: Vec<String>,
    pub(crate) content: Vec<u8>,
    pub(crate) user: Option<String>,
    pub(crate) is_encrypted: bool,
}

/// A running server; stops when dropped.
#[derive(Debug)]
pub(crate) struct SmtpServer {
    pub(crate) address: SocketAddr,
    /// Its certificate, as PEM.
    pub(crate) certificate: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    behaviour: Mutex<Behaviour>,
    accepted: Mutex<Vec<Accepted>>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}
type Connection = BufReader<Box<dyn Stream>>;

impl SmtpServer {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])
            .expect("a certificate can be made");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::from(key))
            .expect("certificate and key fit");
        let acceptor = TlsAcceptor::from(Arc::new(config));

        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(behaviour),
            accepted: Mutex::default(),
        });
        let of_task = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, acceptor) = (Arc::clone(&of_task), acceptor.clone());
                tokio::spawn(async move { converse(Box::new(stream), &acceptor, &shared).await });
            }
        });
        Self {
            address,
            certificate: made.cert.pem(),
            shared,
            task,
        }
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().expect("not poisoned") = behaviour;
    }

    pub(crate) fn accepted(&self) -> Vec<Accepted> {
        self.shared.accepted.lock().expect("not poisoned").clone()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Talks to one client until it leaves.
async fn converse(stream: Box<dyn Stream>, acceptor: &TlsAcceptor, shared: &Shared) -> Option<()> {
    let behaviour = shared.behaviour.lock().expect("not poisoned").clone();
    let mut is_encrypted = behaviour.encryption == Encryption::Tls;
    let mut connection: Connection = BufReader::new(if is_encrypted {
        Box::new(acceptor.accept(stream).await.ok()?)
    } else {
        stream
    });
    let usual = |command: &str, reply: &str| {
        let told = behaviour.replies.get(command);
        told.cloned().unwrap_or_else(|| reply.to_owned())
    };
    say(&mut connection, &usual("GREETING", "220 localhost ESMTP")).await?;
    let mut user = None;
    let mut receivers = Vec::new();
    loop {
        let line = hear(&mut connection).await?;
        let command = line.split([' ', ':']).next()?.to_ascii_uppercase();
        let reply = match command.as_str() {
            "EHLO" => {
                let mut offers = vec!["localhost"];
                if behaviour.encryption == Encryption::StartTls && !is_encrypted {
                    offers.push("STARTTLS");
                } else if behaviour.login.is_some() {
                    offers.push("AUTH PLAIN LOGIN");
                }
                offers.push("8BITMIME");
                let last = offers.pop()?;
                let lines: Vec<String> = offers.iter().map(|o| format!("250-{o}\r\n")).collect();
                usual("EHLO", &format!("{}250 {last}", lines.concat()))
            }
            "STARTTLS" => {
                say(&mut connection, "220 go ahead").await?;
                let accepted = acceptor.accept(connection.into_inner()).await.ok()?;
                connection = BufReader::new(Box::new(accepted));
                is_encrypted = true;
                continue;
            }
            "AUTH" => {
                let login = read_login(&line)?;
                if behaviour.login.as_ref() == Some(&login) {
                    user = Some(login.0);
                    usual("AUTH", "235 welcome")
                } else {
                    usual("AUTH", "535 5.7.8 authentication failed")
                }
            }
            "MAIL" if behaviour.login.is_some() && user.is_none() => {
                "530 5.7.0 authentication required".to_owned()
            }
            "MAIL" => usual("MAIL FROM", "250 sender ok"),
            "RCPT" => {
                receivers.push(line.split_once('<')?.1.split_once('>')?.0.to_owned());
                usual("RCPT", "250 receiver ok")
            }
            "DATA" => {
                let reply = usual("DATA", "354 go on");
                say(&mut connection, &reply).await?;
                if !reply.starts_with("354") {
                    continue;
                }
                let content = read_mail(&mut connection).await?;
                let reply = usual("MAIL", "250 accepted");
                if reply.starts_with('2') {
                    let accepted = Accepted {
                        receivers: std::mem::take(&mut receivers),
                        content,
                        user: user.clone(),
                        is_encrypted,
                    };
                    let mut all = shared.accepted.lock().expect("not poisoned");
                    all.push(accepted);
                }
                reply
            }
            "QUIT" => {
                say(&mut connection, "221 bye").await?;
                return Some(());
            }
            _ => "250 ok".to_owned(),
        };
        say(&mut connection, &reply).await?;
    }
}

/// User and password of `AUTH PLAIN`.
fn read_login(line: &str) -> Option<(String, String)> {
    let coded = line.strip_prefix("AUTH PLAIN ")?;
    let plain = String::from_utf8(STANDARD.decode(coded).ok()?).ok()?;
    let mut parts = plain.split('\0').skip(1);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}

/// Everything up to the line that has a dot only; leading dots are doubled on the way.
async fn read_mail(connection: &mut Connection) -> Option<Vec<u8>> {
    let mut mail = Vec::new();
    loop {
        let mut line = Vec::new();
        connection.read_until(b'\n', &mut line).await.ok()?;
        if line.is_empty() {
            return None;
        }
        if line == b".\r\n" {
            return Some(mail);
        }
        mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

async fn hear(connection: &mut Connection) -> Option<String> {
    let mut line = String::new();
    let bytes = connection.read_line(&mut line).await.ok()?;
    (bytes > 0).then(|| line.trim_end().to_owned())
}

async fn say(connection: &mut Connection, line: &str) -> Option<()> {
    let line = format!("{line}\r\n");
    connection.write_all(line.as_bytes()).await.ok()?;
    connection.flush().await.ok()
}
