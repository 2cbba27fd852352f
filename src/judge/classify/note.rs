//! Remarks on a destination: what a reader should know of how it was counted or named.

use std::sync::Arc;

/// A remark; words are made of it when telling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// The far end opened the flow: the names that it said are what it calls our side.
    AskedByTheFarEnd,
    /// Lookups carry a part of the asker's address (EDNS client subnet, RFC 7871).
    ClientSubnet,
    /// Copies of the same bytes differ.
    CopiesDiffer,
    /// It was first seen as a packet quoted in an ICMP error.
    Quoted,
    /// Packets name an end as the last hop of a source route, and another in the field of their destination.
    Routed,
    /// A tunnel in clear: what is inside is listed by its own addresses.
    ClearTunnel,
    /// A tunnel of this kind that cannot be looked into.
    OpaqueTunnel(&'static str),
    /// So many bytes went out in lookups that they count as payload.
    MuchInLookups(u64),
    /// Lookups look like a tunnel through DNS.
    DnsTunnel {
        /// The domain under which they lie.
        domain: Arc<str>,
        /// Names that carried data.
        names: usize,
        /// Bytes of their labels.
        bytes: usize,
    },
    /// The name is a local one and the address public.
    LocalNameAtPublicAddress(Arc<str>),
    /// The name is a public one and was asked of a private address.
    PublicNameAtPrivateAddress(Arc<str>),
    /// The app's label comes from another vantage of the same minutes.
    LabelOfAnotherVantage,
    /// What protocols took for themselves, or ICMP errors quoted, is more than they can need.
    MoreThanNeeded,
}
