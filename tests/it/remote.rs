//! The sources that are services of Microsoft, against the emulator: each client, complete results
//! in parts, faults, and what is told when something is wrong.

mod clients;
mod faults;
mod parts;
mod quota;
mod runs;
mod support;
