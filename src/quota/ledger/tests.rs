//! What the ledger never does: let a window hold more than it may.
