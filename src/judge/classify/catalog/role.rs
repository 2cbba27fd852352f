//! The role table (`roles.tsv`): what a host is for, and what traffic to it says about who sent it.

use std::sync::OnceLock;

/// The embedded role table.
pub(super) const ROLES: &str = include_str!("../roles.tsv");

/// What traffic to a host of some role says about who sent it. Ordered by strength: of several names the
/// greatest counts, so that what accuses is never hidden by what does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleAttribution {
    /// Background traffic of the phone itself, if the address agrees.
    Os,
    /// Nothing: the row describes only. As good as no row, hence stronger than [`Os`](Self::Os): what is
    /// unexplained stays suspect.
    None,
    /// A platform that the phone and other apps use too.
    Shared,
    /// A third-party SDK or service that drone apps carry.
    ThirdParty,
    /// The drone vendor.
    Vendor,
}

impl RoleAttribution {
    /// The name in `roles.tsv`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Os => "os",
            Self::None => "none",
            Self::Shared => "shared",
            Self::ThirdParty => "third-party",
            Self::Vendor => "vendor",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [
            Self::Os,
            Self::None,
            Self::Shared,
            Self::ThirdParty,
            Self::Vendor,
        ]
        .into_iter()
        .find(|attribution| attribution.as_str() == name)
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
        attribution: RoleAttribution::from_name(attribution)?,
        meaning,
    })
}
