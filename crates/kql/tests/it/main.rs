//! Integration tests of the KQL front end.
