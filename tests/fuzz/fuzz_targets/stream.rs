#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drone_audit_fuzz::any_stream(bytes));
