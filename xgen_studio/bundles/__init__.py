"""Model bundles: cards, hashes, and how each kind of network is loaded."""

from xgen_studio.bundles.bundle import Bundle, open_bundle, read_bundle
from xgen_studio.bundles.card import NetworkCard, bundle_card

__all__ = ["Bundle", "NetworkCard", "bundle_card", "open_bundle", "read_bundle"]
