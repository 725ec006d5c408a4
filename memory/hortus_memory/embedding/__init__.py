"""Texts to vectors: dense models behind one protocol, and sparse word weights."""

import os

# ONNX Runtime reports its use to its maker unless it is told not to before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
