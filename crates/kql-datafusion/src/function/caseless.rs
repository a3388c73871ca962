//! Finds texts whatever their case without folding what is searched. A short window of each text
//! is looked for in all spellings at once, by a vectorised searcher; where one is found, the rest
//! is compared. It works on ASCII alone: what is searched must be ASCII, and so must the texts.

use std::collections::HashMap;

use aho_corasick::Span;
use aho_corasick::packed::{Config, MatchKind, Searcher};

/// Bytes of a window. More of them have too many spellings.
const WINDOW_MAX: usize = 4;
/// Most spellings of all windows; the searcher takes no more.
const SPELLINGS_MAX: usize = 64;
/// Letters from the most frequent in command lines, paths and names to the least.
const FREQUENT: &[u8] = b"esitornaclmpdufwhgvxbykzjq";

/// Texts to find.
#[derive(Debug)]
pub(super) struct Caseless {
    searcher: Searcher,
    needles: Vec<Box<[u8]>>,
    /// The needles, and where in them the window is, of each spelling.
    places: Vec<Vec<(usize, usize)>>,
}

impl Caseless {
    /// A searcher for texts that are folded; `None` if they are too many, not ASCII, or too short.
    pub(super) fn new<'n>(needles: impl IntoIterator<Item = &'n str>) -> Option<Self> {
        let needles: Vec<Box<[u8]>> = needles
            .into_iter()
            .map(|needle| needle.is_ascii().then(|| needle.as_bytes().into()))
            .collect::<Option<_>>()?;
        let shortest = needles.iter().map(|needle| needle.len()).min()?;
        if shortest < 2 {
            return None;
        }
        // At most one window begins at any place if all are of one length.
        let length = shortest.min(WINDOW_MAX);
        let mut windows: HashMap<&[u8], Vec<(usize, usize)>> = HashMap::new();
        for (position, needle) in needles.iter().enumerate() {
            let starts = 0..=needle.len() - length;
            let start = starts.min_by_key(|start| weight(&needle[*start..start + length]))?;
            let window = windows.entry(&needle[start..start + length]).or_default();
            window.push((position, start));
        }
        let mut builder = Config::new().match_kind(MatchKind::LeftmostFirst).builder();
        let mut places = Vec::new();
        for (window, wanted) in windows {
            for spelling in spellings(window) {
                builder.add(spelling);
                places.push(wanted.clone());
            }
        }
        if places.len() > SPELLINGS_MAX {
            return None;
        }
        Some(Self {
            searcher: builder.build()?,
            needles,
            places,
        })
    }

    /// Whether some occurrence, of which `accept` is told the needle, start and end, is accepted.
    /// The text is ASCII.
    pub(super) fn any(
        &self,
        text: &str,
        mut accept: impl FnMut(usize, usize, usize) -> bool,
    ) -> bool {
        let text = text.as_bytes();
        let mut from = 0;
        while from < text.len() {
            let span = Span::from(from..text.len());
            let Some(found) = self.searcher.find_in(text, span) else {
                return false;
            };
            for (position, offset) in &self.places[found.pattern().as_usize()] {
                let needle = &self.needles[*position];
                let Some(start) = found.start().checked_sub(*offset) else {
                    continue;
                };
                let end = start + needle.len();
                let occurs = text
                    .get(start..end)
                    .is_some_and(|piece| piece.eq_ignore_ascii_case(needle));
                if occurs && accept(*position, start, end) {
                    return true;
                }
            }
            from = found.start() + 1;
        }
        false
    }
}

/// How many spellings a window has, and how frequent its characters are.
fn weight(window: &[u8]) -> (usize, usize) {
    let letters = window.iter().filter(|byte| byte.is_ascii_alphabetic());
    let frequency = |byte: &u8| match FREQUENT.iter().position(|letter| letter == byte) {
        Some(rank) => FREQUENT.len() - rank,
        // What separates words is frequent in all of them; digits are not.
        None if byte.is_ascii_digit() => 2,
        None => 16,
    };
    (letters.count() / 2, window.iter().map(frequency).sum())
}

fn spellings(window: &[u8]) -> Vec<Vec<u8>> {
    let mut spellings = vec![Vec::with_capacity(window.len())];
    for byte in window {
        let upper = byte.to_ascii_uppercase();
        let mut others = Vec::new();
        if byte.is_ascii_lowercase() {
            others.clone_from(&spellings);
        }
        for spelling in &mut spellings {
            spelling.push(*byte);
        }
        for spelling in &mut others {
            spelling.push(upper);
        }
        spellings.append(&mut others);
    }
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occurrences_are_found_in_any_case() {
        let needles = ["-enc", "-encodedcommand", "urlcache", "x1"];
        let Some(caseless) = Caseless::new(needles) else {
            return;
        };
        let text = "CertUtil.exe -UrlCache -f X1; powershell -ENCodedCommand abc -EnC";
        let mut found = Vec::new();
        caseless.any(text, |needle, start, end| {
            found.push((needles[needle], &text[start..end]));
            false
        });
        found.sort_unstable();
        let expected = [
            ("-enc", "-ENC"),
            ("-enc", "-EnC"),
            ("-encodedcommand", "-ENCodedCommand"),
            ("urlcache", "UrlCache"),
            ("x1", "X1"),
        ];
        assert_eq!(found, expected);
        assert!(!caseless.any("-en cod urlcach x 1 ", |_, _, _| true));
        assert!(!caseless.any("", |_, _, _| true));
    }

    #[test]
    fn a_needle_may_overlap_itself_and_the_ends() {
        let Some(caseless) = Caseless::new(["aaaa"]) else {
            return;
        };
        let mut count = 0;
        caseless.any("AAaAaa", |_, _, _| {
            count += 1;
            false
        });
        assert_eq!(count, 3);
    }

    #[test]
    fn texts_that_cannot_be_searched_for_are_refused() {
        assert!(Caseless::new(["a"]).is_none());
        assert!(Caseless::new(["größe"]).is_none());
        assert!(Caseless::new([]).is_none());
        let many: Vec<String> = (0..40).map(|n| format!("word{n}")).collect();
        let many = Caseless::new(many.iter().map(String::as_str));
        assert!(many.is_none_or(|many| many.places.len() <= SPELLINGS_MAX));
    }
}
