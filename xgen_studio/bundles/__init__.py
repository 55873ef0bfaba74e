"""Model bundles: cards, hashes, and how each kind of network is loaded."""

from xgen_studio.bundles.bundle import Bundle, NetworkCard, bundle_card, open_bundle, read_bundle

__all__ = ["Bundle", "NetworkCard", "bundle_card", "open_bundle", "read_bundle"]
