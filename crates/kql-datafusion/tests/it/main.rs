//! Integration tests of the KQL engine.
