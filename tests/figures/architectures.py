"""Architectures written by hand from published figures, as recognition would give them."""

from __future__ import annotations

from irgen.ir.architecture import Architecture, Block, Embedding, Head, Link, Part, Port, Stack


def attention(heads, dim, *, kv=None, mask="causal", form=None, **facts):
    kv = kv or heads
    variant = "mha" if kv == heads else "mqa" if kv == 1 else "gqa"
    base = {
        "heads": heads,
        "kv_heads": kv,
        "head_dim": dim,
        "variant": variant,
        "mask": mask,
        "window": None,
        "axis": "sequence",
        "position": "none",
        "bias": True,
        "qk_norm": False,
        "sinks": False,
        "gated": False,
        "memory": None,
    }
    return Part("self-attention", {**base, **facts}, form=form, parameters=4 * heads * dim * heads * dim)


def cross(heads, dim, memory, *, form=None, **facts):
    part = attention(heads, dim, mask="bidirectional", form=form, memory=memory, **facts)
    part.kind = "cross-attention"
    return part


def ffn(hidden, activation="gelu", *, gated=False, form=None):
    return Part("feed-forward", {"hidden": hidden, "activation": activation, "gated": gated}, form=form)


def norm(kind="layernorm"):
    return Part("norm", {"norm": kind})


def ids(name="input_ids"):
    return Port(name, "int64", ("batch", "seq"))


def gpt2() -> Architecture:
    block = Block(list(range(12)), "pre-norm", "layernorm", [attention(12, 64), ffn(3072, "gelu-tanh")], 7_087_872)
    return Architecture(
        "decoder-only",
        124_439_808,
        124_439_808,
        39_383_808,
        [ids()],
        [Port("logits", "float32", ("batch", "seq", 50257))],
        [Embedding("token", 50257, 768, 0), Embedding("learned-position", 1024, 768)],
        [Stack("decoder", "decoder", 768, [block], ["embedding:0", "embedding:1"], after=[norm()])],
        [],
        Head("lm", 50257, True, "decoder"),
    )


def logits(size):
    return [Port("logits", "float32", ("batch", "seq", size))]


def model(family, total, embeddings, stacks, *, head, links=(), inputs=None, outputs=None, active=None):
    return Architecture(
        family,
        total,
        total if active is None else active,
        0,
        inputs or [ids()],
        outputs or logits(head.width or 8),
        list(embeddings),
        list(stacks),
        list(links),
        head,
    )


def token(size, width, at=0):
    return Embedding("token", size, width, at)


def repeat(count, form, kind, sublayers, start=0):
    return Block(list(range(start, start + count)), form, kind, sublayers)


def distilgpt2():
    found = gpt2()
    found.stacks[0].blocks[0].at = list(range(6))
    found.total = found.active = 81_912_576
    return found


def bert(layers=12, total=109_514_298, segments=2, vocabulary=30522):
    block = repeat(layers, "post-norm", "layernorm", [attention(12, 64, mask="bidirectional"), ffn(3072)])
    embeddings = [token(vocabulary, 768), Embedding("learned-position", 512, 768)]
    if segments:
        embeddings.append(Embedding("segment", segments, 768, 1))
    head = Head(
        "lm",
        vocabulary,
        True,
        "encoder",
        [
            Part("linear", {"in": 768, "out": 768, "bias": True, "activation": "gelu"}),
            norm(),
        ],
    )
    reads = [f"embedding:{i}" for i in range(len(embeddings))]
    stack = Stack("encoder", "encoder", 768, [block], reads, before=[norm()])
    return model("encoder-only", total, embeddings, [stack], head=head, inputs=[ids(), ids("token_type_ids")])


def distilbert():
    return bert(6, 66_985_530, 0)


def roberta():
    return bert(12, 124_697_433, 1, 50265)


def llama():
    block = repeat(
        32, "pre-norm", "rmsnorm", [attention(32, 128, position="rope", bias=False), ffn(11008, "silu", gated=True)]
    )
    stack = Stack("decoder", "decoder", 4096, [block], ["embedding:0"], after=[norm("rmsnorm")])
    return model("decoder-only", 6_738_415_616, [token(32000, 4096)], [stack], head=Head("lm", 32000, False, "decoder"))


def gemma():
    block = repeat(
        18,
        "pre-norm",
        "rmsnorm",
        [attention(8, 256, kv=1, position="rope", bias=False), ffn(16384, "gelu-tanh", gated=True)],
    )
    stack = Stack("decoder", "decoder", 2048, [block], ["embedding:0"], after=[norm("rmsnorm")])
    return model(
        "decoder-only", 2_506_172_416, [token(256000, 2048)], [stack], head=Head("lm", 256000, True, "decoder")
    )


def starcoder2():
    block = repeat(
        40,
        "pre-norm",
        "layernorm",
        [attention(48, 128, kv=4, mask="sliding-window", window=4096, position="rope"), ffn(24576, "gelu-tanh")],
    )
    stack = Stack("decoder", "decoder", 6144, [block], ["embedding:0"], after=[norm()])
    return model(
        "decoder-only", 15_957_889_024, [token(49152, 6144)], [stack], head=Head("lm", 49152, False, "decoder")
    )


def vit():
    block = repeat(12, "pre-norm", "layernorm", [attention(12, 64, mask="bidirectional"), ffn(3072)])
    embeddings = [Embedding("patch", 196, 768, 0, facts={"kernel": [16, 16]}), Embedding("learned-position", 197, 768)]
    stack = Stack("encoder", "encoder", 768, [block], ["embedding:0", "embedding:1"], after=[norm()])
    return model(
        "encoder-only",
        86_567_656,
        embeddings,
        [stack],
        head=Head("classification", 1000, False, "encoder"),
        inputs=[Port("pixel_values", "float32", ("batch", 3, 224, 224))],
        outputs=[Port("logits", "float32", ("batch", 1000))],
    )


def encoder_decoder(
    layers,
    width,
    heads,
    hidden,
    act,
    form,
    kind,
    total,
    vocabulary,
    *,
    position,
    after,
    embeddings,
    reads,
    before=(),
    activation_gated=False,
):
    dim = width // heads
    inner = repeat(
        layers,
        form,
        kind,
        [
            attention(heads, dim, mask="bidirectional", position=position, bias=False),
            ffn(hidden, act, gated=activation_gated),
        ],
    )
    outer = repeat(
        layers,
        form,
        kind,
        [
            attention(heads, dim, position=position, bias=False),
            cross(heads, dim, "encoder", bias=False),
            ffn(hidden, act, gated=activation_gated),
        ],
    )
    stacks = [
        Stack("encoder", "encoder", width, [inner], reads[0], before=list(before), after=list(after)),
        Stack("decoder", "decoder", width, [outer], reads[1], before=list(before), after=list(after)),
    ]
    return model(
        "encoder-decoder",
        total,
        embeddings,
        stacks,
        links=[Link("encoder", "decoder", "cross-attention")],
        head=Head("lm", vocabulary, True, "decoder"),
        inputs=[ids(), ids("decoder_input_ids")],
    )


def t5():
    return encoder_decoder(
        12,
        768,
        12,
        3072,
        "relu",
        "pre-norm",
        "rmsnorm",
        222_903_552,
        32128,
        position="relative-bias",
        after=[norm("rmsnorm")],
        embeddings=[token(32128, 768)],
        reads=[["embedding:0"], ["embedding:0"]],
    )


def bart():
    return encoder_decoder(
        12,
        1024,
        16,
        4096,
        "gelu",
        "post-norm",
        "layernorm",
        406_291_456,
        50265,
        position="none",
        after=[],
        embeddings=[
            token(50265, 1024),
            Embedding("learned-position", 1026, 1024),
            token(50265, 1024, 1),
            Embedding("learned-position", 1026, 1024),
        ],
        reads=[["embedding:0", "embedding:1"], ["embedding:2", "embedding:3"]],
        before=[norm()],
    )


def transformer():
    return encoder_decoder(
        6,
        512,
        8,
        2048,
        "relu",
        "post-norm",
        "layernorm",
        63_082_000,
        37000,
        position="none",
        after=[],
        embeddings=[token(37000, 512), Embedding("sinusoidal-position", None, 512)],
        reads=[["embedding:0", "embedding:1"], ["embedding:0", "embedding:1"]],
    )


def mixture(experts, top, hidden, shared=0, **more):
    facts = {
        "experts": experts,
        "top_k": top,
        "scoring": "softmax",
        "normalized": True,
        "shared_experts": shared,
        "hidden": hidden,
        "activation": "silu",
        "gated": True,
    }
    return Part("moe", {**facts, **more})


def mixtral():
    block = repeat(
        32, "pre-norm", "rmsnorm", [attention(32, 128, kv=8, position="rope", bias=False), mixture(8, 2, 14336)]
    )
    stack = Stack("decoder", "decoder", 4096, [block], ["embedding:0"], after=[norm("rmsnorm")])
    return model(
        "decoder-only",
        46_702_792_704,
        [token(32000, 4096)],
        [stack],
        active=12_879_925_248,
        head=Head("lm", 32000, False, "decoder"),
    )


def gpt_oss():
    def block(at, mask, window):
        return Block(
            at,
            "pre-norm",
            "rmsnorm",
            [attention(64, 64, kv=8, mask=mask, window=window, position="rope", sinks=True), mixture(32, 4, 2880)],
        )

    blocks = [block(list(range(0, 24, 2)), "sliding-window", 128), block(list(range(1, 24, 2)), "causal", None)]
    stack = Stack("decoder", "decoder", 2880, blocks, ["embedding:0"], after=[norm("rmsnorm")])
    return model(
        "decoder-only",
        20_914_757_184,
        [token(201088, 2880)],
        [stack],
        active=3_608_000_000,
        head=Head("lm", 201088, False, "decoder"),
    )


def deepseek():
    latent = {"variant": "mla", "position": "rope", "bias": False}
    blocks = [
        repeat(3, "pre-norm", "rmsnorm", [attention(128, 192, **latent), ffn(18432, "silu", gated=True)]),
        repeat(
            58, "pre-norm", "rmsnorm", [attention(128, 192, **latent), mixture(256, 8, 2048, 1, scoring="sigmoid")], 3
        ),
    ]
    stack = Stack("decoder", "decoder", 7168, blocks, ["embedding:0"], after=[norm("rmsnorm")])
    return model(
        "decoder-only",
        671_026_419_200,
        [token(129280, 7168)],
        [stack],
        active=37_550_000_000,
        head=Head("lm", 129280, False, "decoder"),
    )


def mamba():
    part = Part("selective-scan", {"state": 16, "inner": 5120, "conv_kernel": 4, "variant": "s6"})
    block = repeat(64, "pre-norm", "rmsnorm", [part])
    stack = Stack("decoder", "decoder", 2560, [block], ["embedding:0"], after=[norm("rmsnorm")])
    return model("decoder-only", 2_768_345_600, [token(50280, 2560)], [stack], head=Head("lm", 50280, True, "decoder"))


def recurrentgemma():
    scan = Part("linear-recurrence", {"inner": 2560, "conv_kernel": 4, "variant": "rg-lru"})
    local = attention(10, 256, kv=1, mask="sliding-window", window=2048, position="rope", bias=False)
    mlp = ffn(7680, "gelu-tanh", gated=True)
    at = [i for i in range(26) if i % 3 != 2]
    blocks = [
        Block(at, "pre-norm", "rmsnorm", [scan, mlp]),
        Block([i for i in range(26) if i % 3 == 2], "pre-norm", "rmsnorm", [local, mlp]),
    ]
    stack = Stack("decoder", "decoder", 2560, blocks, ["embedding:0"], after=[norm("rmsnorm")])
    return model(
        "decoder-only", 2_682_862_080, [token(256000, 2560)], [stack], head=Head("lm", 256000, True, "decoder")
    )


def falcon():
    block = repeat(32, "parallel", "layernorm", [attention(71, 64, kv=1, position="rope", bias=False), ffn(18176)])
    stack = Stack("decoder", "decoder", 4544, [block], ["embedding:0"], after=[norm()])
    return model("decoder-only", 6_921_720_704, [token(65024, 4544)], [stack], head=Head("lm", 65024, True, "decoder"))


def gemma2():
    def block(at, mask, window):
        return Block(
            at,
            "sandwich",
            "rmsnorm",
            [attention(16, 256, kv=8, mask=mask, window=window, position="rope"), ffn(14336, "gelu-tanh", gated=True)],
        )

    blocks = [block(list(range(0, 42, 2)), "sliding-window", 4096), block(list(range(1, 42, 2)), "causal", None)]
    stack = Stack("decoder", "decoder", 3584, blocks, ["embedding:0"], after=[norm("rmsnorm")])
    return model(
        "decoder-only", 9_241_705_984, [token(256000, 3584)], [stack], head=Head("lm", 256000, True, "decoder")
    )


def conv(channels, kernel=(3, 3), stride=1, variant="plain", act="relu"):
    return Part(
        "convolution",
        {
            "kernel": list(kernel),
            "stride": stride,
            "channels": channels,
            "groups": 1,
            "variant": variant,
            "activation": act,
        },
    )


def picture(size=224):
    return [Port("pixel_values", "float32", ("batch", 3, size, size))]


def swin():
    stacks = []
    for i, (depth, heads) in enumerate(zip((2, 2, 18, 2), (4, 8, 16, 32), strict=True)):
        width = 128 * 2**i

        def block(at, mask, heads=heads, width=width):
            return Block(
                at,
                "pre-norm",
                "layernorm",
                [attention(heads, 32, mask=mask, window=7, position="relative-bias"), ffn(4 * width)],
            )

        blocks = [block(list(range(0, depth, 2)), "local-window"), block(list(range(1, depth, 2)), "shifted-window")]
        if i == 3:
            blocks = [block([0, 1], "bidirectional")]
        before = [Part("patch-merging", {"width": width})] if i else []
        stacks.append(Stack(f"stage{i + 1}", "stage", width, blocks, [f"stage{i}"] if i else ["embedding:0"], before))
    stacks[-1].after = [norm(), Part("pooling", {"width": 1024})]
    return model(
        "encoder-only",
        87_768_224,
        [Embedding("patch", 3136, 128, 0, facts={"kernel": [4, 4]})],
        stacks,
        head=Head("classification", 1000, False, "stage4"),
        inputs=picture(),
        outputs=[Port("logits", "float32", ("batch", 1000))],
    )


def segformer():
    stacks, links = [], []
    rows = zip((3, 6, 40, 3), (64, 128, 320, 512), (1, 2, 5, 8), (8, 4, 2, 1), strict=True)
    for i, (depth, width, heads, reduction) in enumerate(rows):
        block = repeat(
            depth,
            "pre-norm",
            "layernorm",
            [attention(heads, 64, mask="bidirectional", kv_reduction=reduction), ffn(4 * width)],
        )
        before = [conv([64, 64, 128, 320][i : i + 1][0], (3, 3), 2, act=None), norm()] if i else []
        stacks.append(
            Stack(f"stage{i + 1}", "stage", width, [block], [f"stage{i}"] if i else ["embedding:0"], before, [norm()])
        )
        links.append(Link(f"stage{i + 1}", "head", "feature-pyramid"))
    return model(
        "encoder-only",
        84_598_000,
        [Embedding("patch", 65536, 64, 0, facts={"kernel": [7, 7]})],
        stacks,
        head=Head(
            "segmentation",
            19,
            False,
            "stage4",
            [Part("concat", {"width": 3072}), Part("linear", {"in": 3072, "out": 768, "activation": "relu"})],
        ),
        links=links,
        inputs=picture(1024),
        outputs=[Port("logits", "float32", ("batch", 19, 256, 256))],
    )


def resnet50():
    stacks = []
    for i, (depth, width) in enumerate(zip((3, 4, 6, 3), (256, 512, 1024, 2048), strict=True)):
        first = Block([0], "none", "batchnorm", [conv(width, (3, 3), 2 if i else 1, "bottleneck")])
        first.residual = "post-norm"
        rest = Block(list(range(1, depth)), "post-norm", "batchnorm", [conv(width, (3, 3), 1, "bottleneck")])
        for block in (first, rest):
            block.sublayers[0].form = "residual"
        before = [] if i else [conv(64, (7, 7), 2), Part("pooling", {"kernel": 3, "stride": 2})]
        stacks.append(
            Stack(f"stage{i + 1}", "stage", width, [first, rest], [f"stage{i}"] if i else ["input:0"], before)
        )
    stacks[-1].after = [Part("pooling", {"width": 2048})]
    return model(
        "convolutional",
        25_557_032,
        [],
        stacks,
        head=Head("classification", 1000, False, "stage4"),
        inputs=picture(),
        outputs=[Port("logits", "float32", ("batch", 1000))],
    )


def vgg16():
    blocks, at = [], 0
    for channels, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            blocks.append(Block([at], "none", "none", [conv(channels)]))
            at += 1
        blocks.append(Block([at], "none", "none", [Part("pooling", {"width": channels})]))
        at += 1
    stack = Stack("features", "tower", 512, blocks, ["input:0"])
    head = Head(
        "classification",
        1000,
        False,
        "features",
        [
            Part("linear", {"in": 25088, "out": 4096, "activation": "relu"}),
            Part("linear", {"in": 4096, "out": 4096, "activation": "relu"}),
        ],
    )
    return model("convolutional", 138_357_544, [], [stack], head=head, inputs=picture())


def idefics2():
    vision = repeat(27, "pre-norm", "layernorm", [attention(16, 72, mask="bidirectional"), ffn(4304, "gelu-tanh")])
    resample = repeat(
        3,
        "pre-norm",
        "rmsnorm",
        [cross(16, 96, "vision", kv=4, bias=False, queries="learned"), ffn(16384, "silu", gated=True)],
    )
    text = repeat(
        32,
        "pre-norm",
        "rmsnorm",
        [
            attention(32, 128, kv=8, mask="sliding-window", window=4096, position="rope", bias=False),
            ffn(14336, "silu", gated=True),
        ],
    )
    stacks = [
        Stack(
            "vision",
            "encoder",
            1152,
            [vision],
            ["embedding:0", "embedding:1"],
            after=[norm(), Part("feed-forward", {"hidden": 14336, "activation": "silu", "gated": True})],
        ),
        Stack("resampler", "resampler", 4096, [resample], ["embedding:2"], after=[norm("rmsnorm")]),
        Stack(
            "decoder",
            "decoder",
            4096,
            [text],
            ["embedding:3", "resampler"],
            before=[Part("scatter", {"width": 4096})],
            after=[norm("rmsnorm")],
        ),
    ]
    embeddings = [
        Embedding("patch", 4900, 1152, 0, facts={"kernel": [14, 14]}),
        Embedding("learned-position", 4900, 1152),
        Embedding("latents", 64, 4096),
        token(32003, 4096, 1),
    ]
    links = [Link("vision", "resampler", "cross-attention"), Link("resampler", "decoder", "interleave")]
    return model(
        "composite",
        8_402_768_112,
        embeddings,
        stacks,
        links=links,
        head=Head("lm", 32003, False, "decoder"),
        inputs=[*picture(980), ids()],
    )


def musicgen():
    text = repeat(
        12,
        "pre-norm",
        "rmsnorm",
        [attention(12, 64, mask="bidirectional", position="relative-bias"), ffn(3072, "relu")],
    )
    main = repeat(
        24, "pre-norm", "layernorm", [attention(16, 64, bias=False), cross(16, 64, "encoder", bias=False), ffn(4096)]
    )
    codec = [
        Block([0], "none", "none", [conv(1024, (7,), 1)]),
        Block(
            [1],
            "none",
            "none",
            [Part("rnn", {"hidden": 1024, "variant": "lstm", "bidirectional": False}, form="residual")],
        ),
        *(
            Block([2 + i], "none", "none", [conv(c, (k,), s)])
            for i, (c, k, s) in enumerate(((512, 16, 8), (256, 10, 5), (128, 8, 4), (64, 8, 4), (1, 7, 1)))
        ),
    ]
    stacks = [
        Stack(
            "encoder",
            "encoder",
            768,
            [text],
            ["embedding:0"],
            after=[norm("rmsnorm"), Part("linear", {"in": 768, "out": 1024})],
        ),
        Stack("decoder", "decoder", 1024, [main], [f"embedding:{i}" for i in range(1, 6)], after=[norm()]),
        Stack("codec", "codec", 1024, codec, ["decoder"], before=[Part("quantizer", {"width": 128})]),
    ]
    embeddings = [
        token(32128, 768),
        *(Embedding("codebook", 2049, 1024, 1) for _ in range(4)),
        Embedding("sinusoidal-position", None, 1024),
    ]
    return model(
        "composite",
        590_000_000,
        embeddings,
        stacks,
        links=[Link("encoder", "decoder", "cross-attention")],
        head=Head("none", None, None, "codec"),
        inputs=[ids(), Port("codes", "int64", ("batch", 4, "seq"))],
        outputs=[Port("audio", "float32", ("batch", 1, "time"))],
    )


def layoutlmv3():
    found = bert(12, 125_330_000, 1, 50265)
    found.embeddings += [
        Embedding("bbox", 1024, 128, 2),
        Embedding("bbox", 1024, 128, 2),
        Embedding("bbox", 1024, 128, 2),
        Embedding("bbox", 1024, 128, 2),
        Embedding("patch", 196, 768, 3, facts={"kernel": [16, 16]}),
    ]
    found.inputs += [Port("bbox", "int64", ("batch", "seq", 4)), *picture()]
    found.stacks[0].reads = [f"embedding:{i}" for i in range(len(found.embeddings))]
    for part in found.stacks[0].blocks[0].sublayers[:1]:
        part.facts["position"] = "relative-bias"
    found.head = Head("none", None, None, "encoder")
    return found


def timesformer():
    block = repeat(
        12,
        "pre-norm",
        "layernorm",
        [
            attention(12, 64, mask="bidirectional", axis="time"),
            attention(12, 64, mask="bidirectional", axis="space"),
            ffn(3072),
        ],
    )
    embeddings = [
        Embedding("patch", 196, 768, 0, facts={"kernel": [16, 16]}),
        Embedding("learned-position", 197, 768),
        Embedding("learned-position", 8, 768),
    ]
    stack = Stack("encoder", "encoder", 768, [block], [f"embedding:{i}" for i in range(3)], after=[norm()])
    return model(
        "encoder-only",
        121_570_000,
        embeddings,
        [stack],
        head=Head("classification", 400, False, "encoder"),
        inputs=[Port("pixel_values", "float32", ("batch", 8, 3, 224, 224))],
    )


def decision_transformer():
    block = repeat(3, "pre-norm", "layernorm", [attention(1, 128), ffn(512, "relu")])
    embeddings = [
        Embedding("linear", 1, 128, 0),
        Embedding("linear", 11, 128, 1),
        Embedding("linear", 3, 128, 2),
        Embedding("learned-position", 4096, 128, 3),
    ]
    stack = Stack(
        "decoder",
        "decoder",
        128,
        [block],
        [f"embedding:{i}" for i in range(4)],
        before=[Part("interleave", {"width": 128}), norm()],
        after=[norm()],
    )
    inputs = [
        Port(n, "float32", ("batch", "seq", k)) for n, k in (("returns_to_go", 1), ("states", 11), ("actions", 3))
    ] + [ids("timesteps")]
    return model(
        "decoder-only",
        1_254_000,
        embeddings,
        [stack],
        head=Head("regression", 3, False, "decoder"),
        inputs=inputs,
        links=[Link("states", "decoder", "interleave")],
    )


def imagebind():
    stacks, embeddings, inputs = [], [], []
    for i, (name, width, layers) in enumerate(
        (
            ("vision", 1280, 32),
            ("text", 1024, 24),
            ("audio", 768, 12),
            ("depth", 384, 12),
            ("thermal", 768, 12),
            ("imu", 512, 6),
        )
    ):
        block = repeat(
            layers,
            "pre-norm",
            "layernorm",
            [attention(width // 64, 64, mask="causal" if name == "text" else "bidirectional"), ffn(4 * width)],
        )
        kind = "token" if name == "text" else "patch"
        embeddings.append(Embedding(kind, 256, width, i, facts={} if name == "text" else {"kernel": [16, 16]}))
        inputs.append(Port(name, "float32", ("batch", 3, 224, 224)))
        stacks.append(
            Stack(
                name,
                "tower",
                width,
                [block],
                [f"embedding:{i}"],
                after=[norm(), Part("linear", {"in": width, "out": 1024})],
            )
        )
    return model("composite", 1_200_000_000, embeddings, stacks, head=Head("pooling", 1024, None, None), inputs=inputs)


def vilbert():
    def stream(heads, dim, other, count):
        return Block(
            list(range(count)),
            "post-norm",
            "layernorm",
            [
                cross(heads, dim, other),
                ffn(heads * dim * 4),
                attention(heads, dim, mask="bidirectional"),
                ffn(heads * dim * 4),
            ],
        )

    stacks = [
        Stack("vision", "encoder", 1024, [stream(8, 128, "text", 6)], ["embedding:0"]),
        Stack("text", "encoder", 768, [stream(12, 64, "vision", 6)], ["embedding:1", "embedding:2"]),
    ]
    embeddings = [Embedding("linear", 2048, 1024, 0), token(30522, 768, 1), Embedding("learned-position", 512, 768)]
    return model(
        "composite",
        250_000_000,
        embeddings,
        stacks,
        head=Head("classification", 2, False, "text"),
        links=[Link("vision", "text", "cross-attention"), Link("text", "vision", "cross-attention")],
        inputs=[Port("regions", "float32", ("batch", 36, 2048)), ids()],
    )


def lstm():
    blocks = [Block([0, 1], "none", "none", [Part("rnn", {"hidden": 650, "variant": "lstm", "bidirectional": False})])]
    stack = Stack("recurrent", "tower", 650, blocks, ["embedding:0"])
    return model("recurrent", 20_000_000, [token(10000, 650)], [stack], head=Head("lm", 10000, True, "recurrent"))


def unknown():
    part = Part("unknown", {"ops": {"matmul": 3, "add": 2, "fft": 1, "sigmoid": 4}})
    blocks = [Block(list(range(4)), "pre-norm", "layernorm", [part, ffn(1024)])]
    stack = Stack("tower", "tower", 256, blocks, ["input:0"], before=[Part("unknown", {"ops": {"fft": 2}})])
    found = model("other", 5_000_000, [], [stack], head=Head("none", None, None))
    found.unknown = {"scatter": 3, "roll": 2}
    return found


def word2vec():
    return model("embedding", 6_000_000, [token(10000, 300)], [], head=Head("lm", 10000, False))


ALL = {
    name: made
    for name, made in list(globals().items())
    if callable(made)
    and getattr(made, "__module__", "") == __name__
    and name
    not in {
        "attention",
        "cross",
        "ffn",
        "norm",
        "ids",
        "logits",
        "model",
        "token",
        "repeat",
        "encoder_decoder",
        "mixture",
        "conv",
        "picture",
    }
}
"""Every architecture of this file by name."""
