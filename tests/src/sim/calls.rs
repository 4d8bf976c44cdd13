//! Calls: one request to one node, and what is heard of it.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use client::Moment;
use protocol::{Code, PublicKey, Request, Response};

/// The number of a call in its world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallId(pub(crate) u64);

/// The number of a task in its world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskId(pub(crate) usize);

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {}", self.0)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.0)
    }
}

/// What comes from a node in the course of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The header of the answer.
    Header(Response),
    /// Raw bytes after it.
    Bytes(Bytes),
    /// The orderly end of the answer. The last of a call.
    End,
    /// The node gives up in the middle. The last of a call.
    Reset(Code),
    /// The connection is lost, or there was none to be had. The last of a call.
    Broken,
}

impl Heard {
    /// Bytes on the wire, about.
    pub(crate) fn wire_len(&self) -> usize {
        match self {
            Self::Header(_) => 100,
            Self::Bytes(bytes) => bytes.len() + 40,
            Self::End | Self::Reset(_) | Self::Broken => 40,
        }
    }

    pub(crate) const fn is_last(&self) -> bool {
        matches!(self, Self::End | Self::Reset(_) | Self::Broken)
    }
}

/// What happens to a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happening {
    /// It begins.
    Begin,
    /// Something came from a node.
    Heard { call: CallId, heard: Heard },
    /// Nothing came for as long as the call may keep quiet. The call is over.
    Late { call: CallId },
    /// An alarm that the task set.
    Alarm(Alarm),
}

/// A task has one alarm of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Alarm {
    /// The plan wants to be woken.
    Plan,
    /// The reader has taken what it was given.
    Reader,
}

/// What a node is going to send.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) parts: VecDeque<Heard>,
    /// Time between two parts, besides that of the line.
    pub(crate) gap: Duration,
    /// When there are no more parts, this is sent, again and again.
    pub(crate) refrain: Option<Bytes>,
}

impl Script {
    /// One header, and the end.
    pub(crate) fn header(response: Response) -> Self {
        Self { parts: [Heard::Header(response), Heard::End].into(), ..Self::default() }
    }

    pub(crate) fn next(&mut self) -> Option<Heard> {
        self.parts.pop_front().or_else(|| self.refrain.clone().map(Heard::Bytes))
    }
}

/// A call on its way.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) task: TaskId,
    pub(crate) node: PublicKey,
    pub(crate) request: Request,
    pub(crate) within: Duration,
    pub(crate) last_heard: Moment,
    /// Nothing of this call arrives before what was sent earlier.
    pub(crate) last_landing: Moment,
    pub(crate) script: Script,
}
