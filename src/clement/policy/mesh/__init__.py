"""What servers that trust each other say of banned servers, and what that is worth here (docs/mesh.md).

Pure: no clock, no network, no database. Read in this order: `key`, `assertion`, `proof`, `exchange`; then
`acceptance` (what is taken), `worth` (what follows from it), `standing` (what a peer's word is worth).
"""
