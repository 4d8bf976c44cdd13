//! Running a case with seed after seed, and naming the seed that fails.

use std::time::{Duration, Instant, SystemTime};

use crate::Random;

/// Cases tried however slow the machine is.
const CASES_MIN: u64 = 64;
/// Time for one target where `FUZZ_SECONDS` does not say it, in seconds.
const USUAL_TIME_S: u64 = 1;

/// Runs `case` with one seed after the other for `FUZZ_SECONDS` (1 when not set).
///
/// The first seed is `FUZZ_SEED`, or taken from the clock. A case fails by panicking, and its seed is printed:
/// `FUZZ_SEED=<seed> cargo test -p <crate> --test fuzz <target>` runs it first.
pub fn fuzz(mut case: impl FnMut(&mut Random)) {
    let first = number_from_environment("FUZZ_SEED").unwrap_or_else(seconds_now);
    let time = Duration::from_secs(number_from_environment("FUZZ_SECONDS").unwrap_or(USUAL_TIME_S));
    let start = Instant::now();
    let mut seed = first;
    while seed - first < CASES_MIN || start.elapsed() < time {
        let guard = PrintSeed(seed);
        case(&mut Random::new(seed));
        drop(guard);
        seed += 1;
    }
    println!("seeds {first} to {}", seed - 1);
}

/// Seeds of different seconds do not meet: a second has fewer than 2^20 cases.
fn seconds_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("the clock is past 1970").as_secs() << 20
}

fn number_from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// Prints the seed of the case that is running when it panics.
struct PrintSeed(u64);

impl Drop for PrintSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("FUZZ_SEED={}", self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_case_has_a_seed_of_its_own() {
        let mut drawn = BTreeSet::new();
        let mut cases = 0;
        fuzz(|random| {
            cases += 1;
            drawn.insert(random.number());
        });
        assert!(cases >= 64);
        assert_eq!(drawn.len(), cases);
    }
}
