//! What a source finds out about itself when a person asks whether all is well.

/// How a check went.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It works, and may not for long or not for all.
    Warn,
    /// It does not work.
    Fail,
}

impl Outcome {
    /// Word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// Whether a source may be asked a question to find out, which counts against its quota.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effort {
    /// Signing in is as far as it goes.
    SignIn,
    /// One cheap query.
    Query,
}

/// One check, and how it went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnosis {
    /// What was checked, in a word or two.
    pub what: String,
    /// How it went.
    pub outcome: Outcome,
    /// What was found, in a line, without secrets.
    pub detail: String,
    /// What to do, unless all is well.
    pub help: Option<String>,
}

impl Diagnosis {
    /// All is well.
    pub fn ok(what: &str, detail: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            outcome: Outcome::Ok,
            detail: detail.into(),
            help: None,
        }
    }

    /// It works, but.
    pub fn warn(what: &str, detail: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Warn,
            help: Some(help.into()),
            ..Self::ok(what, detail)
        }
    }

    /// It does not work.
    pub fn fail(what: &str, detail: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Fail,
            ..Self::warn(what, detail, help)
        }
    }
}
