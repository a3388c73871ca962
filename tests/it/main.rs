//! Integration tests of huntd.
