//! Why something is not asked for: what a refusal of one request means for those that follow.
//!
//! What would end everything ends a snapshot first, and everything only when it is so at the next one, too: whatever stands in
//! front of a cluster has moments of its own.

use crate::bundle::manifest::Who;
use crate::capture::endpoints::{Endpoint, Server};
use crate::capture::refusal::{Cause, Next, Refusal};

/// What speaks against asking.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Why no profile is asked for in this snapshot.
    no_profiles: Option<Refusal>,
    /// Why nothing is asked for in this snapshot.
    left: Option<Refusal>,
    /// Why the node is not visited any more.
    given_up: Option<Refusal>,
    /// The snapshot that something ended that would end everything, and how much had come by then of the node and of all.
    strike: Option<(u32, u64, u64)>,
    /// How many answers were as they should be.
    good: u64,
    /// Whether the doubt was not told yet.
    untold: bool,
}

/// What a refusal ends beyond the node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(super) enum Ends {
    /// Nothing.
    Nothing,
    /// Everything.
    All,
}

impl Standing {
    /// A new snapshot, or another process: what was refused may be allowed now.
    pub(super) fn renew(&mut self) {
        (self.no_profiles, self.left) = (None, None);
    }

    /// An answer was as it should be.
    pub(super) fn came(&mut self) {
        self.good += 1;
    }

    /// Why nothing is asked for in this snapshot.
    pub(super) fn left(&self) -> Option<&Refusal> {
        self.left.as_ref()
    }

    /// Nothing more of this snapshot.
    pub(super) fn leave(&mut self, refusal: Refusal) {
        self.left = Some(refusal);
    }

    /// Nothing more of this snapshot, because what answers is no kubelet; none where it is one.
    pub(super) fn doubt(&mut self, refusal: Option<Refusal>) {
        self.untold = refusal.is_some();
        self.left = refusal;
    }

    /// Whether the doubt has still to be told; from then on it has not.
    pub(super) fn tell(&mut self) -> bool {
        std::mem::take(&mut self.untold)
    }

    /// Nothing more of this node.
    pub(super) fn give_up(&mut self, refusal: Refusal) {
        self.given_up = Some(refusal);
    }

    /// Whether the node is not visited any more.
    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.is_some()
    }

    /// Why an artifact is not asked for.
    pub(super) fn against(&self, e: &Endpoint) -> Option<&Refusal> {
        // What the API server says of a node that is unreachable is worth having.
        // What it refuses of nodes/proxy it may allow of the rest.
        let concerned = |r: &&Refusal| {
            let of_proxy = matches!(r.cause, Cause::ApiForbidden | Cause::MayNotActAs);
            e.server == Server::Kubelet || (r.who == Who::ApiServer && !of_proxy)
        };
        let profile = e.path.starts_with("/debug/");
        let no_profiles = self.no_profiles.as_ref().filter(|_| profile);
        self.left.as_ref().filter(concerned).or(no_profiles)
    }

    /// What a refusal in the snapshot of this number means for what follows. `all` is how many answers came of all nodes;
    /// `alone`, whether each node has its own idea of us.
    pub(super) fn heed(&mut self, refusal: &Refusal, number: u32, all: u64, alone: bool) -> Ends {
        match refusal.next {
            Next::NoProfiles => self.no_profiles = Some(refusal.clone()),
            Next::LeaveNode => self.left = Some(refusal.clone()),
            Next::Stop if matches!(refusal.cause, Cause::Disk | Cause::Interrupted) => return Ends::All,
            Next::Stop => return self.stopped(refusal, number, all, alone),
            // It was tried again and is still so: what does not answer now will not answer in a second.
            Next::Again(_) if refusal.is_unconnected() => self.left = Some(refusal.clone()),
            _ => {}
        }
        Ends::Nothing
    }

    /// Something that would end everything: it ends this snapshot, and more only when nothing came since it was so before.
    fn stopped(&mut self, refusal: &Refusal, number: u32, all: u64, alone: bool) -> Ends {
        self.left = Some(refusal.clone());
        let again = match self.strike {
            Some((struck, ..)) if struck == number => return Ends::Nothing,
            Some((struck, good, _)) => struck + 1 == number && good == self.good,
            // Nothing ever came this way.
            None => !refusal.may_pass() && self.good == 0,
        };
        if !again {
            self.strike = Some((number, self.good, all));
            return Ends::Nothing;
        }
        let others = self.strike.is_some_and(|(_, _, before)| before != all);
        if alone || others {
            self.given_up = Some(refusal.clone());
            return Ends::Nothing;
        }
        Ends::All
    }
}
