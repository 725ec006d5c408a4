"""Texts to vectors: dense models behind one protocol, and sparse word weights."""
