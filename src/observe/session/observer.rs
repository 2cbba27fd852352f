//! For whoever wants to know which frames hold what, while the audit reads them.
//!
//! The audit itself keeps counters and a few exemplar frames; an observer is told of every packet, in
//! every layer that the audit opens. It changes nothing of what the audit finds.

use crate::ground::mac::Mac;
use crate::ground::moment::{FrameRef, Moment};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An IP packet in a frame: the frame's own, one inside a tunnel, or one that an ICMP error quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// The frame, or the one that completes it where it came in fragments.
    pub at: Moment,
    /// Who sent it; port 0 where there is none.
    pub source: (IpAddr, u16),
    /// Where it finally goes.
    pub destination: (IpAddr, u16),
    /// Protocol number of its payload.
    pub protocol: u8,
    /// The machine on this link that sent it.
    pub mac: Option<Mac>,
}

/// Is told of everything that the audit reads.
pub trait Observer {
    /// A packet. `pieces` are the frames that it came in.
    fn layer(&mut self, layer: &Layer, pieces: &mut dyn Iterator<Item = FrameRef>);
    /// A message of neighbours on the link: ARP, neighbour discovery, DHCP.
    fn neighbours(&mut self, at: FrameRef, message: &[u8]);
    /// A DNS message asks for this name, or answers who did.
    fn question(&mut self, at: FrameRef, name: &str);
    /// A client's hello with this random, by which secrets are logged, is whole.
    fn hello(&mut self, at: FrameRef, random: [u8; 32]);
    /// Everything was told of the frames so far.
    fn done(&mut self);
}

/// An observer that whoever asked for it keeps, too. Settings are shared between threads, and so is this; one
/// thread at a time reads what is observed, because frames are told of in the order of the captures.
#[derive(Clone)]
pub struct SharedWitness(Arc<Mutex<dyn Observer + Send>>);

impl SharedWitness {
    /// Shares an observer.
    pub fn of(observer: Arc<Mutex<impl Observer + Send + 'static>>) -> Self {
        Self(observer)
    }

    /// The observer, to be told something.
    pub(super) fn lock(&self) -> MutexGuard<'_, dyn Observer + Send + 'static> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
