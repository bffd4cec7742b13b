//! Works on many things at once, with the outcome of working on one after the other.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

/// Does `work` on each of `items`, and gives what comes of it in their order. Of several errors it gives the first
/// in that order, however many threads there are and whichever of them was first; what comes behind an error is left
/// out where it has not been begun.
///
/// # Errors
/// As `work`.
pub fn try_map<T: Send, U: Send, E: Send>(
    items: impl IndexedParallelIterator<Item = T>,
    work: impl Fn(T) -> Result<U, E> + Sync,
) -> Result<Vec<U>, E> {
    let failed = AtomicUsize::new(usize::MAX);
    let done: Vec<Option<Result<U, E>>> = items
        .enumerate()
        .map(|(place, item)| {
            if failed.load(Ordering::Relaxed) < place {
                return None;
            }
            let done = work(item);
            if done.is_err() {
                failed.fetch_min(place, Ordering::Relaxed);
            }
            Some(done)
        })
        .collect();
    // Nothing has been left out before the first error.
    done.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn everything_comes_in_its_order() {
        let items: Vec<u32> = (0..1000).collect();
        let doubled = try_map(items.par_iter(), |item| Ok::<_, ()>(item * 2)).unwrap();
        assert!(doubled.iter().copied().eq((0..1000).map(|item| item * 2)));
    }

    /// The first one in order takes its time to fail.
    #[test]
    fn the_first_error_in_order_is_told() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build();
        pool.unwrap().install(|| {
            for _ in 0..50 {
                let items: Vec<u32> = (0..200).collect();
                let failed = try_map(items.par_iter(), |item| match item {
                    0..=6 => Ok(()),
                    7 => {
                        thread::sleep(Duration::from_millis(2));
                        Err(7)
                    }
                    item => Err(*item),
                });
                assert_eq!(failed, Err(7));
            }
        });
    }
}
