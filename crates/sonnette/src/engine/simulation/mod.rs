//! The real loops of the engine over a real store, driven one step at a time in an order that a seed decides.
//!
//! The committer, the dispatchers with their lanes and tasks, the registry and the janitor are those of production. They
//! are given a clock that stands still, an executor that runs store work when told to ([`executor`]), a store that fails
//! now and then ([`store`]) and receivers that misbehave ([`receiver_behavior`]). The simulation draws what happens next
//! ([`actions`]): also crashes, changes by people ([`administration`]) and by other processes, jumps of the clock, damaged rows. After
//! each step it compares what happened with what may happen ([`model`], [`invariants`]).
//!
//! A failing seed prints how it is run again: `SONNETTE_SIMULATION_SEED=n`. `SONNETTE_SIMULATION_SEEDS=n` runs more seeds.

mod actions;
mod administration;
mod executor;
mod invariants;
mod model;
mod receiver_behavior;
mod store;
mod transport;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use self::world::World;

/// Seeds of a usual run.
const SEEDS: u64 = 2_000;
/// Steps of each seed, before everything must come to its end.
const STEPS: usize = 150;

/// What a seed did: one line for each event.
fn run(seed: u64) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step().await;
        }
        world.finish().await;
        world.into_trace()
    })
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn no_delivery_is_lost_and_none_is_sent_after_its_settlement() {
    if let Some(seed) = number("SONNETTE_SIMULATION_SEED") {
        run(seed);
        return;
    }
    let seeds = number("SONNETTE_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let first = number("SONNETTE_SIMULATION_FIRST_SEED").unwrap_or(0);
    let failed = parking_lot::Mutex::new(Vec::new());
    let (next, requests) = (AtomicU64::new(first), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        return;
                    }
                    match std::panic::catch_unwind(|| run(seed)) {
                        Ok(trace) => {
                            let sent = trace.iter().filter(|line| line.contains(" sends "));
                            requests.fetch_add(sent.count() as u64, Ordering::Relaxed);
                        }
                        Err(_) => failed.lock().push(seed),
                    }
                }
            });
        }
    });
    let requests = requests.into_inner();
    println!("{seeds} seeds, {requests} requests");
    let failed = failed.into_inner();
    assert!(failed.is_empty(), "these seeds failed: {failed:?}");
    assert!(requests > seeds * 20, "only {requests} requests were sent");
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [1, 2, 3] {
        let (first, second) = (run(seed), run(seed));
        for (place, (a, b)) in first.iter().zip(&second).enumerate() {
            assert_eq!(a, b, "seed {seed}, event {place}");
        }
        assert_eq!(first.len(), second.len());
    }
}
