"""Architectures drawn at random: any number of towers, odd periods, missing facts, hostile names."""

from __future__ import annotations

from hypothesis import strategies as st

from irgen.ir.architecture import Architecture, Block, Embedding, Head, Link, Part, Port, Stack

names = st.one_of(
    st.sampled_from(
        [
            "encoder",
            "x" * 200,
            "<script>alert(1)</script>",
            "a\"b'c&d",
            "\u202eevil\u202c",
            "\u200b",
            "한국어 이름",
            "_{sub}",
            "a\\b^{c}",
            "\x00\x07",
            "🦙" * 30,
            "Z\u0335\u0336\u0337\u0338\u0339algo",
            "العربية",
            "",
        ]
    ),
    st.text(max_size=40),
)
sizes = st.one_of(st.none(), st.integers(1, 12), st.integers(1, 10**6), st.sampled_from([64, 128, 768, 4096, 10**9]))
kinds = st.sampled_from(
    [
        "self-attention",
        "cross-attention",
        "feed-forward",
        "moe",
        "selective-scan",
        "linear-recurrence",
        "rnn",
        "convolution",
        "patch-merging",
        "pooling",
        "quantizer",
        "mixer",
        "fourier",
        "unknown",
        "norm",
        "linear",
        "activation",
        "concat",
        "scatter",
        "made-up-kind",
    ]
)
forms = st.sampled_from([None, "pre-norm", "post-norm", "sandwich", "parallel", "none"])
values = {
    "heads": sizes,
    "kv_heads": sizes,
    "head_dim": sizes,
    "variant": st.sampled_from(
        [
            None,
            "mha",
            "gqa",
            "mqa",
            "mla",
            "s6",
            "ssd",
            "rg-lru",
            "rwkv",
            "lstm",
            "plain",
            "depthwise",
            "bottleneck",
            "inverted-residual",
            "inception",
        ]
    ),
    "mask": st.sampled_from(
        [None, "bidirectional", "causal", "sliding-window", "local-window", "shifted-window", "custom"]
    ),
    "window": st.one_of(sizes, st.just([7, 7])),
    "position": st.sampled_from([None, "rope", "relative-bias", "alibi"]),
    "qk_norm": st.booleans(),
    "sinks": st.booleans(),
    "gated": st.booleans(),
    "hidden": sizes,
    "activation": st.one_of(st.sampled_from([None, "relu", "gelu-tanh", "silu", "weird"]), names),
    "experts": sizes,
    "top_k": sizes,
    "scoring": st.sampled_from([None, "softmax", "sigmoid"]),
    "shared_experts": sizes,
    "state": sizes,
    "inner": sizes,
    "conv_kernel": sizes,
    "kernel": st.one_of(sizes, st.lists(st.integers(1, 11), min_size=1, max_size=3)),
    "stride": st.one_of(sizes, st.just([2, 2])),
    "channels": sizes,
    "width": sizes,
    "bidirectional": st.booleans(),
    "in": sizes,
    "out": sizes,
    "norm": st.sampled_from([None, "layernorm", "rmsnorm", "odd"]),
    "axis": st.sampled_from([None, "time"]),
    "ops": st.dictionaries(names, st.integers(1, 999), max_size=5),
    "memory": st.sampled_from([None, "s0", "s1", "s2", "gone"]),
    "kv_reduction": sizes,
    "transposed": st.booleans(),
}
parts = st.builds(
    Part, kinds, st.fixed_dictionaries({}, optional=values), st.none(), st.sampled_from([0, 10**7]), forms
)


@st.composite
def stacks(draw, number: int, embeddings: int, inputs: int):
    pattern = draw(st.lists(st.integers(0, 5), min_size=1, max_size=7))
    layers = draw(st.sampled_from([1, 2, len(pattern), 3 * len(pattern), 3 * len(pattern) + 1]))
    order = [pattern[at % len(pattern)] for at in range(layers)]
    blocks = [
        Block(
            [at for at, one in enumerate(order) if one == kind],
            draw(st.sampled_from(["pre-norm", "post-norm", "sandwich", "parallel", "none"])),
            draw(st.sampled_from(["layernorm", "rmsnorm", "none"])),
            draw(st.lists(parts, max_size=draw(st.sampled_from([1, 2, 3, 8])))),
        )
        for kind in dict.fromkeys(order)
    ]
    pool = [f"embedding:{i}" for i in range(embeddings)] + [f"input:{i}" for i in range(inputs)]
    pool += [f"s{i}" for i in range(number)] + ["gone", "embedding:99"]
    reads = draw(st.lists(st.sampled_from(pool), max_size=9, unique=draw(st.booleans())))
    if draw(st.booleans()) and number:
        reads = [f"s{number - 1}"]
    role = draw(st.sampled_from(["encoder", "decoder", "stage", "resampler", "head", "codec", "tower"]))
    return Stack(
        f"s{number}",
        role,
        draw(st.sampled_from([1, 64, 768, 123456])),
        blocks,
        reads,
        draw(st.lists(parts, max_size=3)),
        draw(st.lists(parts, max_size=3)),
    )


@st.composite
def architectures(draw, most: int = 10):
    inputs = [
        Port(
            draw(names),
            "float32",
            draw(st.sampled_from([(), ("batch", "seq"), ("batch", 3, 224, 224), ("b" * 50, 1, 2, 3, 4, 5)])),
        )
        for _ in range(draw(st.integers(0, 4)))
    ]
    embeddings = [
        Embedding(
            draw(
                st.sampled_from(
                    [
                        "token",
                        "learned-position",
                        "sinusoidal-position",
                        "segment",
                        "patch",
                        "codebook",
                        "bbox",
                        "linear",
                        "latents",
                        "odd",
                    ]
                )
            ),
            draw(sizes),
            draw(sizes),
            draw(st.sampled_from([None, 0, 1, 7])),
        )
        for _ in range(draw(st.integers(0, 7)))
    ]
    count = draw(st.sampled_from([0, 1, 1, 1, 2, 2, 3, 4, most]))
    found = [draw(stacks(at, len(embeddings), len(inputs))) for at in range(count)]
    if draw(st.booleans()):
        for stack in found:
            stack.role = "stage"
    ends = [f"s{i}" for i in range(count)] + ["gone"]
    links = [
        Link(
            draw(st.sampled_from(ends)),
            draw(st.sampled_from(ends)),
            draw(
                st.sampled_from(
                    ["cross-attention", "fusion-concat", "fusion-add", "interleave", "skip", "feature-pyramid"]
                )
            ),
        )
        for _ in range(draw(st.integers(0, 4)))
    ]
    head = Head(
        draw(st.sampled_from(["lm", "classification", "regression", "pooling", "segmentation", "none"])),
        draw(sizes),
        draw(st.sampled_from([None, True, False])),
        draw(st.sampled_from([None, *ends])),
        draw(st.lists(parts, max_size=3)),
    )
    outputs = [Port(draw(names), "float32", ("batch", draw(st.integers(1, 9)))) for _ in range(draw(st.integers(0, 2)))]
    return Architecture(
        draw(
            st.sampled_from(
                [
                    "decoder-only",
                    "encoder-only",
                    "encoder-decoder",
                    "convolutional",
                    "recurrent",
                    "embedding",
                    "composite",
                    "other",
                ]
            )
        ),
        draw(st.sampled_from([0, 999, 124_439_808, 10**13])),
        draw(st.sampled_from([None, 3, 10**9])),
        0,
        inputs,
        outputs,
        embeddings,
        found,
        links,
        head,
        draw(st.dictionaries(names, st.integers(1, 9), max_size=4)),
    )
