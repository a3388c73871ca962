//! Who is next among calls that wait: the most urgent lane; in it the hunt that called least of
//! late, then the one whose last call is longest ago; then whoever waits longest. So a hunt with
//! many calls does not hold up one with few.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Lane;

/// A call that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Grows from call to call.
    pub ticket: u64,
    /// Its lane.
    pub lane: Lane,
    /// Whose it is.
    pub hunt: Arc<str>,
}

/// What was served to whom.
#[derive(Clone, Debug, Default)]
pub struct Turns {
    served: BTreeMap<Arc<str>, u64>,
    count: u64,
}

/// More hunts than this are not told apart by when they were last served.
const HUNTS_MAX: usize = 10_000;

impl Turns {
    /// Who of a lane is next. `recent` says how many calls each hunt made of late.
    pub fn next<'a>(
        &self,
        lane: Lane,
        waiting: impl Iterator<Item = &'a Waiting>,
        recent: &BTreeMap<Arc<str>, u32>,
    ) -> Option<&'a Waiting> {
        waiting
            .filter(|waiting| waiting.lane == lane)
            .min_by_key(|waiting| {
                let recent = recent.get(&waiting.hunt).copied().unwrap_or(0);
                let served = self.served.get(&waiting.hunt).copied().unwrap_or(0);
                (recent, served, waiting.ticket)
            })
    }

    /// Notes that a hunt was served.
    pub fn serve(&mut self, hunt: &Arc<str>) {
        self.count += 1;
        self.served.insert(Arc::clone(hunt), self.count);
        if self.served.len() > HUNTS_MAX {
            let oldest = self.served.iter().min_by_key(|(_, order)| **order);
            if let Some(hunt) = oldest.map(|(hunt, _)| Arc::clone(hunt)) {
                self.served.remove(&hunt);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(ticket: u64, lane: Lane, hunt: &str) -> Waiting {
        Waiting {
            ticket,
            lane,
            hunt: Arc::from(hunt),
        }
    }

    #[test]
    fn hunts_take_turns_and_the_oldest_of_each_goes_first() {
        let mut queue: Vec<Waiting> = (0..3)
            .map(|ticket| waiting(ticket, Lane::Detection, "greedy"))
            .collect();
        queue.push(waiting(3, Lane::Detection, "modest"));
        queue.push(waiting(4, Lane::Detection, "modest"));
        queue.push(waiting(5, Lane::Backfill, "past"));
        let (mut turns, mut recent, mut order) = (Turns::default(), BTreeMap::new(), Vec::new());
        while let Some(next) = turns.next(Lane::Detection, queue.iter(), &recent).cloned() {
            turns.serve(&next.hunt);
            *recent.entry(Arc::clone(&next.hunt)).or_insert(0) += 1;
            order.push(next.ticket);
            queue.retain(|waiting| waiting.ticket != next.ticket);
        }
        assert_eq!(order, [0, 3, 1, 4, 2]);
        assert_eq!(queue.len(), 1, "another lane has its own turn");
    }
}
