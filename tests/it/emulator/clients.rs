//! The emulator as the official Python clients see it.
