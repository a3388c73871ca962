//! What goes wrong on purpose: rules that hit requests by chance, the same ones for the same seed
//! and the same order of requests.

use std::fmt;
use std::str::FromStr;
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// 429 with `Retry-After`.
    Throttled,
    /// 429 without it.
    ThrottledSilent,
    /// 500.
    InternalError,
    /// 503.
    Unavailable,
    /// 504.
    GatewayTimeout,
    /// The connection is closed in the middle of the body.
    Cut,
    /// The body comes in small pieces with waits between them.
    Slow,
    /// The body ends early, and the response regularly.
    Truncated,
    /// 200 with a page of HTML, as from a captive portal.
    Html,
    /// The right body, said to be something else.
    WrongContentType,
    /// The token is said to have expired.
    ExpiredToken,
    /// 400: a hunting query used too much.
    Preempted,
    /// 400: a hunting result is too large.
    TooLarge,
}

const KINDS: [(Kind, &str); 13] = [
    (Kind::Throttled, "throttled"),
    (Kind::ThrottledSilent, "throttled-silent"),
    (Kind::InternalError, "internal-error"),
    (Kind::Unavailable, "unavailable"),
    (Kind::GatewayTimeout, "gateway-timeout"),
    (Kind::Cut, "cut"),
    (Kind::Slow, "slow"),
    (Kind::Truncated, "truncated"),
    (Kind::Html, "html"),
    (Kind::WrongContentType, "wrong-content-type"),
    (Kind::ExpiredToken, "expired-token"),
    (Kind::Preempted, "preempted"),
    (Kind::TooLarge, "too-large"),
];

impl Kind {
    /// Its name in rules.
    pub fn as_str(self) -> &'static str {
        let found = KINDS.iter().find(|(kind, _)| *kind == self);
        found.map_or("", |(_, name)| name)
    }
}

/// When something goes wrong: `KIND=PROBABILITY[@PATH-PREFIX]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rule {
    /// What.
    pub kind: Kind,
    /// How often, from 0 to 1.
    pub probability: f64,
    /// Beginning of the paths that it hits; empty for all.
    pub path: String,
}

/// A text that is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no fault: write KIND=PROBABILITY[@PATH], such as throttled=0.1@/v1.0; kinds: {kinds}"
)]
pub struct InvalidRule {
    text: String,
    kinds: String,
}

impl Rule {
    /// Hits every request.
    pub fn always(kind: Kind) -> Self {
        Self {
            kind,
            probability: 1.0,
            path: String::new(),
        }
    }
}

impl FromStr for Rule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let invalid = || InvalidRule {
            text: text.to_owned(),
            kinds: KINDS.map(|(_, name)| name).join(", "),
        };
        let (name, rest) = text.split_once('=').ok_or_else(invalid)?;
        let (probability, path) = rest.split_once('@').unwrap_or((rest, ""));
        let kind = KINDS.iter().find(|(_, known)| *known == name.trim());
        let probability: f64 = probability.trim().parse().map_err(|_| invalid())?;
        match kind {
            Some((kind, _)) if (0.0..=1.0).contains(&probability) => Ok(Self {
                kind: *kind,
                probability,
                path: path.to_owned(),
            }),
            _ => Err(invalid()),
        }
    }
}

impl TryFrom<String> for Rule {
    type Error = InvalidRule;

    fn try_from(text: String) -> Result<Self, InvalidRule> {
        text.parse()
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.to_string()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.kind.as_str(), self.probability)?;
        if !self.path.is_empty() {
            write!(f, "@{}", self.path)?;
        }
        Ok(())
    }
}

/// The rules in force, which can be replaced at any time.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    rules: RwLock<Vec<Rule>>,
}

impl Faults {
    /// These rules, and what decides whom they hit.
    pub fn new(rules: Vec<Rule>, seed: u64) -> Self {
        Self {
            seed,
            rules: RwLock::new(rules),
        }
    }

    /// From now on those.
    pub fn replace(&self, rules: Vec<Rule>) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    /// The rules in force.
    pub fn rules(&self) -> Vec<Rule> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        rules.clone()
    }

    /// What goes wrong with the request of that number: the first rule that hits it, of those whose
    /// kind `applies` to it.
    pub fn of(&self, request: u64, path: &str, applies: impl Fn(Kind) -> bool) -> Option<Kind> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let seed = self.seed ^ request.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut chance = fastrand::Rng::with_seed(seed);
        rules
            .iter()
            // Every rule draws, so that one for another path does not change the rest.
            .map(|rule| (rule, chance.f64()))
            .find(|(rule, drawn)| {
                path.starts_with(&rule.path) && applies(rule.kind) && *drawn < rule.probability
            })
            .map(|(rule, _)| rule.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_written() {
        for (text, kind, probability, path) in [
            ("throttled=0.1", Kind::Throttled, 0.1, ""),
            ("cut=1@/v1.0/security", Kind::Cut, 1.0, "/v1.0/security"),
            ("wrong-content-type=0", Kind::WrongContentType, 0.0, ""),
        ] {
            let rule: Rule = text.parse().unwrap();
            assert_eq!(
                (rule.kind, rule.probability, &*rule.path),
                (kind, probability, path)
            );
            assert_eq!(rule.to_string(), text);
            let json = serde_json::to_string(&rule).unwrap();
            assert_eq!(serde_json::from_str::<Rule>(&json).unwrap(), rule);
        }
        for text in ["cut", "cut=2", "cut=-1", "cut=x", "cuts=1", "cut=NaN"] {
            let error = text.parse::<Rule>().unwrap_err().to_string();
            assert!(error.contains("gateway-timeout"), "{error}");
        }
    }

    #[test]
    fn the_same_seed_hits_the_same_requests_about_as_often_as_asked() {
        let hits = |seed| -> Vec<u64> {
            let faults = Faults::new(vec!["cut=0.3@/api".parse().unwrap()], seed);
            (0..10_000)
                .filter(|request| faults.of(*request, "/api/alerts", |_| true).is_some())
                .collect()
        };
        assert_eq!(hits(1), hits(1));
        assert_ne!(hits(1), hits(2));
        assert!((2_800..3_200).contains(&hits(1).len()), "{}", hits(1).len());
        let faults = Faults::new(vec!["cut=1@/api".parse().unwrap()], 1);
        assert_eq!(faults.of(1, "/v1.0", |_| true), None);
        faults.replace(vec![Rule::always(Kind::Html)]);
        assert_eq!(faults.of(1, "/v1.0", |_| true), Some(Kind::Html));
    }

    #[test]
    fn a_rule_that_cannot_apply_hides_no_other() {
        let rules = ["preempted=1", "throttled=0.5"].map(|rule| rule.parse().unwrap());
        let faults = Faults::new(rules.to_vec(), 3);
        let of = |request| faults.of(request, "/api/machines", |kind| kind != Kind::Preempted);
        let throttled: Vec<u64> = (0..100).filter(|number| of(*number).is_some()).collect();
        assert!((30..70).contains(&throttled.len()), "{throttled:?}");
        assert_eq!(of(throttled[0]), Some(Kind::Throttled));
        // It draws all the same.
        faults.replace(vec![
            "cut=0".parse().unwrap(),
            "throttled=0.5".parse().unwrap(),
        ]);
        let others: Vec<u64> = (0..100).filter(|number| of(*number).is_some()).collect();
        assert_eq!(throttled, others);
    }
}
