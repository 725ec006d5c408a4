"""A GGUF file as a folder of safetensors that vLLM reads: `python convert_gguf.py FILE.gguf FOLDER`.

Runs in vLLM's own environment, with `gguf` and `accelerate` added. Weights are unpacked to bfloat16.
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def convert(source: Path, target: Path) -> None:
    """Unpack the weights; without the marks of their packing, or vLLM would look for packed ones."""
    where = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.bfloat16)
    model.hf_quantizer = None
    model.is_quantized = False
    for holder in (model, model.config):
        if hasattr(holder, "quantization_config"):
            del holder.quantization_config
    model.save_pretrained(target, safe_serialization=True)
    AutoTokenizer.from_pretrained(**where).save_pretrained(target)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
