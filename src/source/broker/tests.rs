//! Many hunts at one tenant, by a manual clock.
