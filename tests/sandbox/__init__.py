"""Everything around the three functions, on loopback addresses: Okta, Identity Center and AWS, with the real binaries in it."""

from sandbox.sandbox import Sandbox

__all__ = ["Sandbox"]
