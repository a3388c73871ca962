//! The same work on many things at once, answered in the order in which they were given.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder};

/// Stack of a thread: as much as a main thread has, since queries may nest deeply.
const STACK_BYTES: usize = 16 << 20;

/// What `work` makes of each item, on all processors.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = threads.min(items.len());
    if threads < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let take_turns = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else {
                return done;
            };
            done.push((index, work(item)));
        }
    };
    let mut answers = thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .filter_map(|_| {
                let builder = Builder::new().stack_size(STACK_BYTES);
                // Where the system gives no more threads, those that there are do the work.
                builder.spawn_scoped(scope, take_turns).ok()
            })
            .collect();
        let mut answers = take_turns();
        for other in others {
            match other.join() {
                Ok(done) => answers.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        answers
    });
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        let answers = map(&items, |item| item * 2);
        assert!(
            answers
                .iter()
                .enumerate()
                .all(|(at, answer)| *answer == at * 2)
        );
        assert!(map(&[] as &[usize], |item| *item).is_empty());
    }
}
