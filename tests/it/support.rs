//! The other side of what huntd talks to: small but real servers on this machine.

pub(crate) mod http_server;
pub(crate) mod outbox;
pub(crate) mod smtp_server;
