"""The fixture of this folder."""

from tests.mesh.sites import mesh

__all__ = ["mesh"]
