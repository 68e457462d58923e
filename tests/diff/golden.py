"""The published systems as they were recognised at full size, kept so that diffs of them need no trace."""

from functools import cache
from pathlib import Path

from irgen.ir.architecture import Architecture
from irgen.ir.record import typed

HERE = Path(__file__).parent

PAIRS = (
    ("gpt2", "llama"), ("llama", "mixtral"), ("mixtral", "gpt-oss-20b"), ("bert", "roberta"), ("bert", "distilbert"),
    ("t5", "bart"), ("vit", "swin"), ("mamba", "recurrentgemma"), ("resnet50", "mobilenet-v2"),
)  # fmt: skip

SYSTEMS = tuple(dict.fromkeys(name for pair in PAIRS for name in pair))


@cache
def system(name: str) -> Architecture:
    """What recognition found in a system at its published size."""
    import json

    return typed(Architecture, json.loads((HERE / "systems" / f"{name}.json").read_text()), name)
