//! The options of lists as OData writes them: `$filter`, `$top`, `$skip`, `$count` and `$expand`,
//! and the paging that follows from them. What the services do not document is refused, as is a
//! filter on a property that they do not list.

mod filter;

use serde_json::{Map, Value, json};

use super::call::{Reply, Request, encoded};
use super::error::ApiError;
use filter::Filter;

/// Most items of one answer of Defender for Endpoint, and the most that `$top` may ask it for.
pub(super) const DEFENDER_PAGE: usize = 10_000;

/// What a property is, for filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Compared as it is.
    Text,
    /// One of some words; case does not matter.
    Word,
    /// An instant.
    Time,
    /// A number.
    Number,
    /// A number that may stand in quotes, as the documentation has some.
    QuotableNumber,
    /// True or false.
    Bool,
    /// Several texts, to be asked with `any`.
    Texts,
}

/// The properties that a list can be filtered by.
pub(super) type Filterable = &'static [(&'static str, Kind)];

/// What a list can be asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    pub(super) filterable: Filterable,
    /// What `$expand` may name.
    pub(super) expandable: Option<&'static str>,
}

/// How a service pages.
#[derive(Clone, Copy, Debug)]
pub(super) enum Paging {
    /// `$top` is how many there are in all; a page has at most so many, and the link to the next
    /// one is given or not.
    Defender { page: usize, links: bool },
    /// `$top` is how many a page has, instead of the default; a link leads to the next one.
    Graph { page: usize, page_max: usize },
}

/// The options of one request.
#[derive(Debug)]
pub(super) struct Options {
    filter: Option<Filter>,
    top: Option<usize>,
    skip: usize,
    count: bool,
    /// Whether what can be expanded is.
    pub(super) expand: bool,
    paging: Paging,
}

/// The items of one answer.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) items: Vec<Value>,
    /// How many there are before paging.
    pub(super) total: usize,
    tells_total: bool,
    next: Option<String>,
}

impl Options {
    /// Reads the options of a request.
    pub(super) fn read(
        request: &Request,
        accepted: &Accepted,
        paging: Paging,
    ) -> Result<Self, ApiError> {
        let mut options = Self {
            filter: None,
            top: None,
            skip: 0,
            count: false,
            expand: false,
            paging,
        };
        for (name, value) in &request.options {
            let Some(name) = name.strip_prefix('$') else {
                continue;
            };
            match name.to_ascii_lowercase().as_str() {
                "filter" => {
                    let filter = Filter::parse(value, accepted.filterable);
                    options.filter = Some(filter.map_err(|what| ApiError::odata(&what))?);
                }
                "top" => options.top = Some(number("$top", value)?),
                "skip" => options.skip = number("$skip", value)?,
                "count" => {
                    options.count = match value.as_str() {
                        "true" => true,
                        "false" => false,
                        _ => return Err(ApiError::odata("$count is neither true nor false.")),
                    };
                }
                "expand" => {
                    let known = accepted.expandable;
                    if !known.is_some_and(|known| known.eq_ignore_ascii_case(value)) {
                        return Err(ApiError::odata(&format!(
                            "The property '{value}' cannot be used in the $expand query option."
                        )));
                    }
                    options.expand = true;
                }
                name => {
                    return Err(ApiError::odata(&format!(
                        "The query option '${name}' is not supported."
                    )));
                }
            }
        }
        if let (Paging::Defender { page, .. }, Some(top)) = (paging, options.top)
            && top > page
        {
            return Err(ApiError::odata(&format!(
                "The limit of '{page}' for Top query has been exceeded. The value from the \
                 incoming request is '{top}'."
            )));
        }
        Ok(options)
    }

    /// The items that are asked for, of all there are, in their order.
    pub(super) fn page(&self, request: &Request, mut items: Vec<Value>) -> Page {
        if let Some(filter) = &self.filter {
            items.retain(|item| filter.matches(item));
        }
        let total = items.len();
        let mut items: Vec<Value> = items.into_iter().skip(self.skip).collect();
        let (most, next_top, links) = match self.paging {
            Paging::Defender { page, links } => {
                if let Some(top) = self.top {
                    items.truncate(top);
                }
                (page, self.top.map(|top| top.saturating_sub(page)), links)
            }
            Paging::Graph { page, page_max } => {
                let most = self.top.unwrap_or(page).min(page_max);
                (most, self.top, most > 0)
            }
        };
        let next = (links && items.len() > most)
            .then(|| next_link(request, self.skip.saturating_add(most), next_top));
        items.truncate(most);
        Page {
            items,
            total,
            tells_total: self.count,
            next,
        }
    }
}

impl Page {
    /// The answer: items beside the context, or the number of all of them where only that is
    /// asked for.
    pub(super) fn reply(self, request: &Request, context: &str) -> Reply {
        if request.counts {
            return Reply::Count(self.total);
        }
        let mut members = Map::new();
        members.insert("@odata.context".to_owned(), json!(context));
        if self.tells_total {
            members.insert("@odata.count".to_owned(), json!(self.total));
        }
        members.insert("value".to_owned(), Value::Array(self.items));
        if let Some(next) = self.next {
            members.insert("@odata.nextLink".to_owned(), json!(next));
        }
        Reply::ok(Value::Object(members))
    }
}

fn number(name: &str, text: &str) -> Result<usize, ApiError> {
    text.trim().parse().map_err(|_| {
        ApiError::odata(&format!(
            "Invalid value '{text}' for {name} query option found. It must be a non-negative \
             integer."
        ))
    })
}

/// The request again, from further on.
fn next_link(request: &Request, skip: usize, top: Option<usize>) -> String {
    let kept = request.options.iter().filter(|(name, _)| {
        !name.eq_ignore_ascii_case("$skip") && !name.eq_ignore_ascii_case("$top")
    });
    let mut options: Vec<String> = kept
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    options.extend(top.map(|top| format!("$top={top}")));
    options.push(format!("$skip={skip}"));
    format!("{}{}?{}", request.base, request.path, options.join("&"))
}
