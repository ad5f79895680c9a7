"""The version of this Parley, as it was installed."""

from importlib.metadata import version

VERSION = version("parley")
