//! The policy file.
#![no_main]

use fuzz::check_error;
use libfuzzer_sys::fuzz_target;
use sync_core::policy::Policy;

fuzz_target!(|text: &str| match Policy::parse(text) {
    Err(error) => {
        check_error(&error);
        assert!((1..=text.lines().count().max(1) + 1).contains(&error.line), "line {} is none of the file's", error.line);
        assert!(!error.problem.trim().is_empty());
    }
    Ok(policy) => {
        assert_eq!(policy.hash().len(), 64);
        let commented = format!("# a comment changes nothing\n{text}\n# nor does one at the end\n");
        let again = Policy::parse(&commented).expect("a comment broke it");
        assert_eq!(format!("{policy:?}"), format!("{again:?}"), "a comment changed it");
    }
});
