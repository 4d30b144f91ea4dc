"""What is attached: told by first octets, by name, and by looking into archives and documents.

`examine` is the way in. Nothing here writes a file, starts a program or hands hostile octets to a parser in
C; of the standard library only the decompressors are used, with a bound on what they may give.
"""
