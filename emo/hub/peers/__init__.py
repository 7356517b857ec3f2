"""A start from others' published networks of Stable Diffusion 1.5's size: hallo's and EchoMimic's."""

from emo.hub.peers.mapping import Account, account_for, copy_tensors
from emo.hub.peers.rules import PEERS, Peer
from emo.hub.peers.start import Start, start_from

__all__ = ["PEERS", "Account", "Peer", "Start", "account_for", "copy_tensors", "start_from"]
