//! Integration tests of the KQL front end.

mod syntax;
