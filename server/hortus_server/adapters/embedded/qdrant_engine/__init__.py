"""A process over Qdrant's own engine that speaks the subset of Qdrant's REST that Hortus uses.

Started as ``python -m hortus_server.adapters.embedded.qdrant_engine --path DIR --port N``. All other
code talks to it through the unmodified ``qdrant-client``, so that a real Qdrant server can take its
place by changing one address. docs/adr/0005-qdrant-embedded.md says why, and what the subset is.

``errors > wire > protocol > translate|render > store > app > __main__`` is the order of imports.
"""
