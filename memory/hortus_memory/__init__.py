"""Memory of agents: episodes kept in a hybrid (dense and sparse) vector index.

Knows neither PostgreSQL nor an HTTP server; the truth of an episode is a row elsewhere, the index is derived
from it and can be rebuilt. Layers: ``adapters > service > ports | ranking | segmentation | embedding > types >
errors``.
"""
