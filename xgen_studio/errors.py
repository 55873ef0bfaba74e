"""What can go wrong for a user, each with the exit code of the command-line contract.

A message is one line that says what is wrong, where, and what to do about it.
"""

from __future__ import annotations


class XGenError(Exception):
    """Base of every error that is the user's to mend; `exit_code` is what the terminal returns."""

    exit_code = 1


class CallError(XGenError):
    """The call itself is wrong: an unknown model, a sampler that does not exist."""

    exit_code = 2


class InputError(XGenError):
    """A file or array cannot be used: which one, what is wrong with it, what to do."""

    exit_code = 3


class DeviceError(XGenError):
    """The device is missing or out of memory."""

    exit_code = 4


class Cancelled(XGenError):
    """The user stopped the job; what was finished is kept."""

    exit_code = 130
