//! The role table (`roles.tsv`): what a host is for, and what traffic to it says about who sent it.

use crate::ground::vocabulary::Vocabulary;
use crate::vocabulary;
use std::sync::OnceLock;

/// The embedded role table.
pub(super) const ROLES: &str = include_str!("../roles.tsv");

vocabulary! {
    /// What traffic to a host of some role says about who sent it. Ordered by strength: of several names the
    /// greatest counts, so that what accuses is never hidden by what does not.
    "attribution of a role" pub enum RoleAttribution {
        /// Background traffic of the phone itself, if the address agrees.
        Os = "os",
        /// Nothing: the row describes only. As good as no row, hence stronger than [`Os`](Self::Os): what is
        /// unexplained stays suspect.
        None = "none",
        /// A platform that the phone and other apps use too.
        Shared = "shared",
        /// A third-party SDK or service that drone apps carry.
        ThirdParty = "third-party",
        /// The drone vendor.
        Vendor = "vendor",
    }
}

/// A role of `roles.tsv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    /// The name used in the `role` column.
    pub id: &'static str,
    /// What traffic to such a host says.
    pub attribution: RoleAttribution,
    /// The role in words.
    pub meaning: &'static str,
}

/// All roles, in the order of `roles.tsv`.
pub fn roles() -> &'static [Role] {
    static TABLE: OnceLock<Vec<Role>> = OnceLock::new();
    TABLE.get_or_init(|| ROLES.lines().filter_map(parse_role).collect())
}

/// The role of that name.
pub fn role(id: &str) -> Option<&'static Role> {
    roles().iter().find(|role| role.id == id)
}

fn parse_role(line: &'static str) -> Option<Role> {
    let mut cells = line.split('\t');
    let (id, attribution, meaning) = (cells.next()?, cells.next()?, cells.next()?);
    Some(Role {
        id,
        attribution: RoleAttribution::of(attribution)?,
        meaning,
    })
}
