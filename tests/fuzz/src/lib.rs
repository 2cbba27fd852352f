//! The checks of the fuzz targets: those that the tests of the program share.

#[allow(dead_code, reason = "each user takes a part")]
#[path = "../../suite/support"]
mod support {
    pub(crate) mod attacks;
    pub(crate) mod craft;
    pub(crate) mod damage;
    pub(crate) mod invariants;
    pub(crate) mod random;
}

use support::invariants as it;

/// See `tests/suite/support/invariants.rs`.
pub const KINDS: [u32; 12] = it::KINDS;

/// See `tests/suite/support/invariants.rs`.
pub fn small_database() -> Vec<u8> {
    it::small_database()
}

macro_rules! checks {
    ($($name:ident),*) => {
        /// All of them by name.
        pub const CHECKS: &[(&str, fn(&[u8]))] = &[$((stringify!($name), $name)),*];
        $(
            /// See `tests/suite/support/invariants.rs`.
            pub fn $name(bytes: &[u8]) {
                it::$name(bytes);
            }
        )*
    };
}

checks!(
    any_file,
    any_two,
    any_link,
    any_packets,
    any_datagrams,
    any_stream,
    any_segmentation,
    any_blocks,
    any_case,
    any_catalog,
    any_database,
    any_keys,
    any_report,
    any_forgery
);

/// The verdicts on a file by claim; `None` if it is refused. Panics where something does not hold that holds of every report.
pub fn verdicts(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    it::verdicts(bytes, &[])
}

/// Each attack by name, as a file of about so many bytes.
pub fn attacks(bytes: usize) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    support::attacks::all()
        .into_iter()
        .map(move |attack| (attack.name, attack.file(bytes)))
}

/// Numbers that look random.
pub fn random(seed: u64) -> impl FnMut(usize) -> usize {
    let mut random = support::random::Random(seed);
    move |bound| random.below(bound)
}

/// A copy that is damaged as a class of `tests/suite/damage.rs` says, and what was done; `None` if there is no such class. The file is a whole
/// capture, such as those of [`damageable`].
pub fn damaged(class: &str, file: &[u8], seed: u64) -> Option<(Vec<u8>, String)> {
    use support::damage::{Class, mutate};
    let class = match class {
        "class-cut" => Class::Cut,
        "class-field" => Class::Field,
        "class-shift" => Class::Shift,
        "class-flip" => Class::Flip,
        _ => return None,
    };
    Some(mutate(file, class, &mut support::random::Random(seed)))
}

/// The captures that the classes are for, below `fixtures`.
pub fn damageable() -> &'static [&'static str] {
    support::damage::CAPTURES
}
