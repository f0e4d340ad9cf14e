"""The version, read by the build and written into everything that is learnt."""

__version__ = "0.1.0.dev0"
