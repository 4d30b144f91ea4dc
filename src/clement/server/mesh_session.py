"""XMESH from the server's side: one exchange with one peer. docs/mesh.md §5.

Nothing here waits: an assertion is verified in a fifth of a millisecond, written to the journal, and
answered; what is pulled comes from the snapshot in memory.
"""

from __future__ import annotations

from typing import Final

from clement.policy.mesh.acceptance import FAULTS, Refusal, judge
from clement.policy.mesh.assertion import Assertion
from clement.policy.mesh.exchange import (
    VERSION,
    Entry,
    ExchangeMalformed,
    HelloCommand,
    ProveCommand,
    PullCommand,
    PushCommand,
    parse_command,
)
from clement.policy.mesh.proof import Meeting, Role
from clement.policy.mesh.roster import Peer
from clement.policy.mesh.standing import Fault
from clement.policy.network import Address
from clement.server.mesh_desk import MeshDesk
from clement.smtp import Reply, replies

PATIENCE_OVER_QUOTA: Final = 10
"""Commands answered with 452; whoever goes on after them floods."""

REFUSALS: Final[dict[Refusal, Reply]] = {
    Refusal.MALFORMED: replies.MESH_ASSERTION_MALFORMED,
    Refusal.VERSION: replies.MESH_VERSION_UNKNOWN,
    Refusal.SIGNATURE: replies.MESH_SIGNATURE_WRONG,
    Refusal.OWN: replies.MESH_OK,
}
"""What is said of an assertion that is not taken; in all other cases that it is not taken, and why."""


class MeshSession:
    """The exchange of one SMTP session, made when its client's address is that of a peer.

    certificate: the hash of the one that the listener shows (`proof.certificate_hash`).
    """

    __slots__ = (
        "_address",
        "_certificate",
        "_commands",
        "_desk",
        "_entries",
        "_faults",
        "_meeting",
        "_over_quota",
        "_peer",
        "_waiting",
    )

    def __init__(self, desk: MeshDesk, address: Address, certificate: str) -> None:
        self._desk = desk
        self._address = address
        self._certificate = certificate
        self._meeting: Meeting | None = None
        self._peer: Peer | None = None
        self._commands = self._entries = self._faults = self._over_quota = 0
        self._waiting: Reply | None = None
        """Said to an entry that may come again, and to all behind it: none of them may come before."""

    def answer(self, argument: bytes) -> Reply:
        """What is said to one command. Never raises for anything that a client may send."""
        try:
            command = parse_command(argument)
        except ExchangeMalformed:
            return replies.ARGUMENT_INVALID
        match command:
            case HelloCommand():
                return self._hello(command)
            case ProveCommand():
                return self._prove(command)
            case PullCommand() | PushCommand():
                if self._peer is None:
                    return replies.MESH_UNPROVEN
                self._commands += 1
                if self._commands > self._peer.quotas.commands_per_session:
                    return self._flooded(self._peer)
                if not self._desk.spend(self._peer):
                    return self._over(self._peer)
                if isinstance(command, PullCommand):
                    return self._pull(self._peer, command)
                return self._push(self._peer, command.entry)

    def end(self) -> None:
        """The connection is gone."""
        if self._peer is not None:
            self._desk.leave(self._peer)
            self._peer = None

    # --- Who is there -----------------------------------------------------------------------------------

    def _hello(self, command: HelloCommand) -> Reply:
        """The same answer whoever it is: who is a peer shows only in the answer to the proof."""
        if self._meeting is not None:
            return replies.MESH_SEQUENCE
        if command.version != VERSION:
            return replies.MESH_VERSION_UNKNOWN
        desk = self._desk
        self._meeting = Meeting(
            command.key, desk.roster.own_id, command.nonce, desk.nonce(), self._certificate
        )
        return replies.MESH_OK.with_text(self._meeting.server_nonce)

    def _prove(self, command: ProveCommand) -> Reply:
        meeting = self._meeting
        if meeting is None or self._peer is not None:
            return replies.MESH_SEQUENCE
        peer = self._desk.roster.caller(meeting.client, self._address)
        if peer is None or not peer.key.verifies(command.signature, meeting.signed_octets(Role.CLIENT)):
            return replies.MESH_PROOF_WRONG
        if not self._desk.enter(peer):
            return replies.MESH_FLOOD
        self._peer = peer
        proof = self._desk.key.sign(meeting.signed_octets(Role.SERVER))
        return replies.MESH_PROVEN.with_text(f"{proof} {self._desk.log.have.get(peer.id, 0)}")

    # --- What is said -----------------------------------------------------------------------------------

    def _pull(self, peer: Peer, command: PullCommand) -> Reply:
        return replies.MESH_OK.with_text(*self._desk.log.page(peer.id, command.after).lines())

    def _push(self, peer: Peer, entry: Entry) -> Reply:
        if self._entries >= peer.quotas.per_session:
            return self._over(peer)
        if self._waiting is not None:
            return self._waiting
        self._entries += 1
        judged = judge(entry, peer, self._desk.roster, self._desk.now_s())
        if isinstance(judged, Assertion):
            kept = self._desk.record(peer, entry.position, entry.hops, assertion=entry.text)
            return replies.MESH_OK if kept else self._later(replies.LOCAL_ERROR)
        if judged is Refusal.FUTURE:
            return self._later(replies.MESH_NOT_YET)
        self._desk.record(peer, entry.position, entry.hops, refusal=judged)
        if judged in FAULTS:
            self._faults += 1
            if self._faults > peer.quotas.faults_per_session:
                return self._flooded(peer)
        return REFUSALS.get(judged) or replies.MESH_ASSERTION_REFUSED.with_text(f"Not taken: {judged}")

    def _over(self, peer: Peer) -> Reply:
        """A quota is spent; whoever is told so and goes on floods."""
        self._over_quota += 1
        return self._flooded(peer) if self._over_quota > PATIENCE_OVER_QUOTA else replies.MESH_QUOTA

    def _later(self, reply: Reply) -> Reply:
        self._waiting = reply
        return reply

    def _flooded(self, peer: Peer) -> Reply:
        self._desk.record(peer, 0, 0, refusal=Fault.FLOODED)
        return replies.MESH_FLOOD


def told(reply: Reply) -> Reply:
    """A reply as it stands in the transcript: a page of assertions is told by its last line."""
    return (
        reply if len(reply.text) == 1 else reply.with_text(f"<{len(reply.text) - 1} entries>", reply.text[-1])
    )
