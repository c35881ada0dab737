//! Some thousands of histories, and those that once broke something.

use histories::{History, run, shrunk};

/// So many that they take some seconds on an idle machine without optimisation. `cargo run --release -p histories -- --count 100000` runs many more.
const COUNT: u64 = 1_000;

/// Threads, each with every so many-th seed.
const THREADS: usize = 4;

/// Histories that once broke something, and what it was. They are kept as they were shrunk: a seed gives another history as soon as
/// anything is added to what histories can hold.
const FOUND: [(&str, &str); 2] = [
    (
        "seed 6759: a list of groups that lied empty gave a renamed group a twin under the same mark",
        r#"{"seed":6759,"setup":{"users":3,"groups":2,"members":0,"external_ids":false,"in_sync":true,"gone":"delete","unmatched":"delete",
        "by_name":false,"tight":false,"rules":false,"page":100},"steps":[
        {"after_ms":40000,"op":{"fault":{"side":"aws","on":1,"trouble":"empty","skip":0,"times":1}}},
        {"after_ms":40000,"op":{"rename_group":{"group":21,"name":10}}},
        {"after_ms":1500,"op":{"run_changed":{"kill":null}}}]}"#,
    ),
    (
        "seed 13525: a list of groups that was cut short did the same to a worker",
        r#"{"seed":13525,"setup":{"users":3,"groups":3,"members":1,"external_ids":true,"in_sync":true,"gone":"delete","unmatched":"release",
        "by_name":true,"tight":true,"rules":true,"page":100},"steps":[
        {"after_ms":0,"op":{"fault":{"side":"aws","on":1,"trouble":"short","skip":0,"times":1}}},
        {"after_ms":0,"op":{"rename_group":{"group":54,"name":3}}},
        {"after_ms":400000,"op":{"deliver":{"picks":[43],"keep":false,"cold":false,"kill":null}}}]}"#,
    ),
];

/// What a failing seed has to say.
fn complaint(history: &History) -> String {
    let (short, broken) = shrunk(history).unwrap_or_else(|| (history.clone(), "it passed when it was tried again".to_owned()));
    format!("{broken}\nagain: cargo run --release -p histories -- --seed {}\n{short:#?}", history.seed)
}

#[test]
fn some_thousand_histories_break_nothing() {
    let failed: Vec<String> = std::thread::scope(|scope| {
        let part = |first: usize| move || (0..COUNT).skip(first).step_by(THREADS).map(History::of).filter(|it| run(it).is_err()).collect();
        let threads: Vec<_> = (0..THREADS).map(|first| scope.spawn(part(first))).collect();
        let failed = threads.into_iter().flat_map(|thread| -> Vec<History> { thread.join().unwrap() });
        failed.take(3).map(|history| complaint(&history)).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn what_histories_found_once_stays_found() {
    for (what, history) in FOUND {
        let history: History = serde_json::from_str(history).unwrap();
        assert_eq!(run(&history).map(drop), Ok(()), "{what}");
    }
}

#[test]
fn a_seed_gives_the_same_history_and_the_same_end_every_time() {
    for seed in 0..50 {
        let history = History::of(seed);
        assert_eq!(history, History::of(seed));
        assert_eq!(run(&history), run(&history));
        let text = serde_json::to_string(&history).unwrap();
        assert_eq!(serde_json::from_str::<History>(&text).unwrap(), history);
    }
}
