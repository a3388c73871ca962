//! huntd
