//! The emulated security APIs over HTTP, over a small estate of three machines.

mod actions;
mod alerts;
mod documented;
mod enrichment;
mod graph;
mod indicators;
mod lab;
mod machines;
mod mail;
mod roles;
