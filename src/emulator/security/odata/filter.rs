//! `$filter`: read once, then asked of each item, which is JSON as it will be answered.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Filterable, Kind};

/// Longest filter.
const CHARS_MAX: usize = 8_000;
/// Most brackets and negations within each other.
const DEPTH_MAX: usize = 50;

/// A condition on items.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Compare(Operand, Operator, Literal),
    StartsWith(Operand, String),
    /// Whether one of several texts is as the condition says.
    Some(Operand, Box<Filter>),
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Property(String, Kind),
    /// What stands for each of several texts.
    Element,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    Time(DateTime<Utc>),
}

impl Filter {
    /// Reads a filter over these properties, or says what is wrong with it.
    pub(super) fn parse(text: &str, filterable: Filterable) -> Result<Self, String> {
        if text.len() > CHARS_MAX {
            return Err(format!("The filter is longer than {CHARS_MAX} characters."));
        }
        let mut parser = Parser {
            tokens: tokens(text)?,
            at: 0,
            filterable,
            element: None,
            depth: 0,
        };
        let filter = parser.disjunction()?;
        match parser.peek() {
            None => Ok(filter),
            Some(token) => Err(format!("Syntax error: unexpected {token}.")),
        }
    }

    /// Whether an item is as the filter says.
    pub(super) fn matches(&self, item: &Value) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(item)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(item)),
            Self::Not(part) => !part.matches(item),
            Self::Compare(operand, operator, literal) => {
                compare(operand.value(item), operand.kind(), *operator, literal)
            }
            Self::StartsWith(operand, prefix) => {
                let text = operand.value(item).and_then(Value::as_str).unwrap_or("");
                text.to_lowercase().starts_with(&prefix.to_lowercase())
            }
            Self::Some(operand, condition) => operand
                .value(item)
                .and_then(Value::as_array)
                .is_some_and(|elements| elements.iter().any(|element| condition.matches(element))),
        }
    }
}

impl Operand {
    fn value<'v>(&self, item: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Element => Some(item),
            Self::Property(name, _) => item.get(name),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Element => Kind::Text,
            Self::Property(_, kind) => *kind,
        }
    }
}

fn compare(value: Option<&Value>, kind: Kind, operator: Operator, literal: &Literal) -> bool {
    use std::cmp::Ordering;
    let value = value.filter(|value| !value.is_null());
    let order = match (value, literal) {
        (None, Literal::Null) => Some(Ordering::Equal),
        (Some(Value::Bool(value)), Literal::Bool(literal)) => Some(value.cmp(literal)),
        (Some(Value::Number(value)), Literal::Number(literal)) => {
            value.as_f64().and_then(|value| value.partial_cmp(literal))
        }
        (Some(Value::String(value)), Literal::Text(literal)) if kind == Kind::Word => {
            Some(value.to_lowercase().cmp(&literal.to_lowercase()))
        }
        (Some(Value::String(value)), Literal::Text(literal)) => Some(value.cmp(literal)),
        (Some(Value::String(value)), Literal::Time(literal)) => {
            let value = DateTime::parse_from_rfc3339(value);
            value.ok().map(|value| value.to_utc().cmp(literal))
        }
        _ => None,
    };
    match operator {
        Operator::Eq => order == Some(Ordering::Equal),
        Operator::Ne => order != Some(Ordering::Equal),
        Operator::Gt => order == Some(Ordering::Greater),
        Operator::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Operator::Lt => order == Some(Ordering::Less),
        Operator::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Text(String),
    /// Names, operators, numbers, instants: what they are depends on where they stand.
    Word(String),
    Symbol(char),
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => write!(f, "string"),
            Self::Word(word) => write!(f, "'{word}'"),
            Self::Symbol(symbol) => write!(f, "'{symbol}'"),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let mut value = String::new();
            let mut from = &rest[1..];
            loop {
                let Some(end) = from.find('\'') else {
                    return Err("There is an unterminated string literal.".to_owned());
                };
                value.push_str(&from[..end]);
                from = &from[end + 1..];
                // Two quotes stand for one.
                let Some(after) = from.strip_prefix('\'') else {
                    break;
                };
                value.push('\'');
                from = after;
            }
            tokens.push(Token::Text(value));
            rest = from.trim_start();
            continue;
        }
        // The offset of an instant may have a plus sign.
        let is_number = first.is_ascii_digit();
        let is_word = |c: char| {
            c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | ':' | '@') || c == '+' && is_number
        };
        // The colon of a lambda stands by itself: `any(tag: …)` or `any(tag:tag …)`.
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if end == 0 {
            tokens.push(Token::Symbol(first));
            rest = rest[first.len_utf8()..].trim_start();
            continue;
        }
        let word = &rest[..end];
        let end = match word.find(':') {
            Some(0) => {
                tokens.push(Token::Symbol(':'));
                rest = rest[1..].trim_start();
                continue;
            }
            Some(colon) if !word.starts_with(|c: char| c.is_ascii_digit()) => colon,
            _ => end,
        };
        tokens.push(Token::Word(rest[..end].to_owned()));
        rest = rest[end..].trim_start();
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    filterable: Filterable,
    /// Name that stands for the elements of several texts, within `any`.
    element: Option<String>,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(found)) if found == word);
        self.at += usize::from(found);
        found
    }

    fn takes(&mut self, symbol: char) -> bool {
        let found = self.peek() == Some(&Token::Symbol(symbol));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: char) -> Result<(), String> {
        if self.takes(symbol) {
            return Ok(());
        }
        Err(format!(
            "Syntax error: '{symbol}' expected at token {}.",
            self.at + 1
        ))
    }

    fn disjunction(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.conjunction()?];
        while self.takes_word("or") {
            parts.push(self.conjunction()?);
        }
        Ok(single_or(parts, Filter::Any))
    }

    fn conjunction(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.negation()?];
        while self.takes_word("and") {
            parts.push(self.negation()?);
        }
        Ok(single_or(parts, Filter::All))
    }

    fn negation(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("The filter is nested too deeply.".to_owned());
        }
        let filter = if self.takes_word("not") {
            Filter::Not(Box::new(self.negation()?))
        } else if self.takes('(') {
            let inner = self.disjunction()?;
            self.expect(')')?;
            inner
        } else {
            self.condition()?
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn condition(&mut self) -> Result<Filter, String> {
        let Some(Token::Word(word)) = self.next() else {
            return Err(format!(
                "Syntax error: expression expected at token {}.",
                self.at
            ));
        };
        if self.takes('(') {
            if word != "startswith" {
                return Err(format!("An unknown function with name '{word}' was found."));
            }
            let Some(Token::Word(name)) = self.next() else {
                return Err("Syntax error: startswith needs a property.".to_owned());
            };
            let operand = self.operand(&name)?;
            self.expect(',')?;
            let Some(Token::Text(prefix)) = self.next() else {
                return Err("Syntax error: startswith needs a string.".to_owned());
            };
            self.expect(')')?;
            return Ok(Filter::StartsWith(operand, prefix));
        }
        let operand = self.operand(&word)?;
        if self.takes('/') {
            return self.any(operand);
        }
        let operator = match self.next() {
            Some(Token::Word(word)) => operator(&word),
            _ => None,
        };
        let Some(operator) = operator else {
            return Err(format!("Syntax error: operator expected after '{word}'."));
        };
        let mut literal = literal(self.next())?;
        if operand.kind() == Kind::QuotableNumber
            && let Literal::Text(text) = &literal
            && let Ok(number) = text.parse()
        {
            literal = Literal::Number(number);
        }
        fits(operand.kind(), &literal)?;
        Ok(Filter::Compare(operand, operator, literal))
    }

    fn any(&mut self, operand: Operand) -> Result<Filter, String> {
        if operand.kind() != Kind::Texts || !self.takes_word("any") {
            return Err("Syntax error: only lists can be asked, with any().".to_owned());
        }
        self.expect('(')?;
        let Some(Token::Word(name)) = self.next() else {
            return Err("Syntax error: any() needs a name for the element.".to_owned());
        };
        self.expect(':')?;
        let outer = self.element.replace(name);
        let condition = self.disjunction()?;
        self.element = outer;
        self.expect(')')?;
        Ok(Filter::Some(operand, Box::new(condition)))
    }

    fn operand(&self, name: &str) -> Result<Operand, String> {
        if self.element.as_deref() == Some(name) {
            return Ok(Operand::Element);
        }
        let known = self
            .filterable
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        match known {
            Some((known, kind)) => Ok(Operand::Property((*known).to_owned(), *kind)),
            None => Err(format!(
                "The property '{name}' cannot be used in the $filter query option."
            )),
        }
    }
}

fn single_or(mut parts: Vec<Filter>, several: impl FnOnce(Vec<Filter>) -> Filter) -> Filter {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            several(parts)
        }
        None => several(parts),
    }
}

fn operator(word: &str) -> Option<Operator> {
    Some(match word {
        "eq" => Operator::Eq,
        "ne" => Operator::Ne,
        "gt" => Operator::Gt,
        "ge" => Operator::Ge,
        "lt" => Operator::Lt,
        "le" => Operator::Le,
        _ => return None,
    })
}

fn literal(token: Option<Token>) -> Result<Literal, String> {
    let word = match token {
        Some(Token::Text(text)) => return Ok(Literal::Text(text)),
        Some(Token::Word(word)) => word,
        _ => return Err("Syntax error: a value is missing after the operator.".to_owned()),
    };
    match word.as_str() {
        "null" => return Ok(Literal::Null),
        "true" => return Ok(Literal::Bool(true)),
        "false" => return Ok(Literal::Bool(false)),
        _ => {}
    }
    if let Ok(number) = word.parse::<f64>() {
        return Ok(Literal::Number(number));
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(&word) {
        return Ok(Literal::Time(time.to_utc()));
    }
    if let Ok(id) = uuid::Uuid::parse_str(&word) {
        return Ok(Literal::Text(id.to_string()));
    }
    Err(format!(
        "'{word}' is no value: strings stand in single quotes."
    ))
}

fn fits(kind: Kind, literal: &Literal) -> Result<(), String> {
    let fits = match literal {
        Literal::Null => true,
        Literal::Bool(_) => kind == Kind::Bool,
        Literal::Number(_) => matches!(kind, Kind::Number | Kind::QuotableNumber),
        Literal::Text(_) => matches!(kind, Kind::Text | Kind::Word),
        Literal::Time(_) => kind == Kind::Time,
    };
    if fits {
        return Ok(());
    }
    let of_property = match kind {
        Kind::Text | Kind::Word => "Edm.String",
        Kind::Time => "Edm.DateTimeOffset",
        Kind::Number | Kind::QuotableNumber => "Edm.Int64",
        Kind::Bool => "Edm.Boolean",
        Kind::Texts => "Collection(Edm.String)",
    };
    let of_literal = match literal {
        Literal::Null => "null",
        Literal::Bool(_) => "Edm.Boolean",
        Literal::Number(_) => "Edm.Int64",
        Literal::Text(_) => "Edm.String",
        Literal::Time(_) => "Edm.DateTimeOffset",
    };
    Err(format!(
        "A binary operator with incompatible types was detected. Found operand types \
         '{of_property}' and '{of_literal}'."
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PROPERTIES: Filterable = &[
        ("computerDnsName", Kind::Text),
        ("severity", Kind::Word),
        ("lastSeen", Kind::Time),
        ("incidentId", Kind::Number),
        ("rbacGroupId", Kind::QuotableNumber),
        ("generateAlert", Kind::Bool),
        ("machineTags", Kind::Texts),
    ];

    fn matches(filter: &str) -> bool {
        let item = json!({
            "computerDnsName": "WS-17.example.org",
            "severity": "High",
            "lastSeen": "2026-02-03T04:05:06.7115183Z",
            "incidentId": 17,
            "rbacGroupId": 140,
            "generateAlert": true,
            "machineTags": ["it's", "lab"],
            "assignedTo": null,
        });
        Filter::parse(filter, PROPERTIES).unwrap().matches(&item)
    }

    #[test]
    fn conditions_hold_or_not() {
        assert!(matches("severity eq 'high'"));
        assert!(matches("SEVERITY eq 'High' and incidentId ge 17"));
        assert!(!matches("severity ne 'High' or incidentId gt 17"));
        assert!(matches("not (severity eq 'Low') and generateAlert eq true"));
        assert!(matches(
            "severity eq 'Low' and incidentId eq 1 or incidentId eq 17"
        ));
        assert!(!matches(
            "severity eq 'Low' and (incidentId eq 1 or incidentId eq 17)"
        ));
        assert!(matches("startswith(ComputerDnsName,'ws-')"));
        assert!(!matches("computerDnsName eq 'ws-17.example.org'"));
        assert!(matches("lastSeen gt 2026-02-03T04:05:06Z"));
        assert!(matches("lastSeen lt 2026-02-03T04:05:06.7115184Z"));
        assert!(matches("lastSeen ge 2026-02-03T06:05:06+02:00"));
        assert!(!matches("lastSeen ge 2026-02-03T06:05:07+02:00"));
        assert!(matches("rbacGroupId eq 140 and rbacGroupId eq '140'"));
        assert!(matches("rbacGroupId ne '14'"));
        assert!(matches("machineTags/any(tag: tag eq 'it''s')"));
        assert!(matches("machineTags/any(t:startswith(t,'la'))"));
        assert!(!matches("machineTags/any(t:t eq 'l')"));
    }

    #[track_caller]
    fn refused(filter: &str, part: &str) {
        let error = Filter::parse(filter, PROPERTIES).unwrap_err();
        assert!(error.contains(part), "{filter}: {error}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        refused("title eq 'x'", "'title' cannot be used");
        refused("severity eq High", "single quotes");
        refused(
            "lastSeen ge '2026-02-03T04:05:06Z'",
            "Edm.DateTimeOffset' and 'Edm.String",
        );
        refused("incidentId eq '17'", "incompatible types");
        refused("rbacGroupId eq 'x'", "incompatible types");
        refused("severity eq 'High", "unterminated");
        refused("severity = 'High'", "operator expected");
        refused("severity eq 'High' severity", "unexpected 'severity'");
        refused("contains(severity,'H')", "unknown function");
        refused(
            &format!("{}severity eq 'x'", "(".repeat(60)),
            "nested too deeply",
        );
        refused("", "expression expected");
        refused("machineTags eq 'lab'", "Collection(Edm.String)");
    }
}
