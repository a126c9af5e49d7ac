#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| redtrail_fuzz::cursor::check(data));
