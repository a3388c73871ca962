//! Integration tests of the KQL front end.

mod bind;
mod messages;
mod window;
mod world;
