"""Facts for people: summaries and comparison tables."""

from irgen import report

ATTENTION = {
    "kind": "self-attention", "heads": 32, "kv_heads": 8, "head_dim": 128, "variant": "gqa", "mask": "sliding-window",
    "window": 4096, "axis": "sequence", "position": "rope", "bias": True, "memory": None,
}  # fmt: skip
RECORD = {
    "source": "a|b",
    "frontend": "onnx",
    "family": "decoder-only",
    "parameters": {"total": 7_241_732_096, "active": 7_241_732_096, "embedding": 1},
    "inputs": [{"name": "input_ids", "dtype": "int64", "shape": ["batch", "seq"]}],
    "outputs": [{"name": "logits", "dtype": "float32", "shape": ["batch", "seq", 32000]}],
    "embeddings": [{"kind": "token", "size": 32000, "width": 4096}],
    "stacks": [
        {
            "name": "decoder",
            "role": "decoder",
            "layers": 4,
            "width": 4096,
            "blocks": [
                {
                    "count": 4,
                    "at": [0, 1, 2, 5],
                    "residual": "pre-norm",
                    "norm": "rmsnorm",
                    "sublayers": [
                        ATTENTION,
                        {"kind": "feed-forward", "hidden": 14336, "activation": "silu", "gated": True},
                        {"kind": "unknown", "ops": {"matmul": 2}},
                    ],
                }
            ],
        }
    ],
    "links": [],
    "head": {"kind": "lm", "width": 32000, "tied": False},
}


def test_a_summary_says_everything_in_words():
    text = report.summary(RECORD)
    assert "decoder-only, 7.24 B parameters (7,241,732,096)" in text
    assert "self-attention: heads 32/8 × 128, sliding-window 4096, rope, gqa, bias" in text
    assert "feed-forward: 14336 silu, gated" in text
    assert "unknown: 2 matmul" in text
    assert "layers 0–2, 5" in text


def test_blocks_and_flags_are_worded_for_a_reader():
    rnn = {"kind": "rnn", "hidden": 8, "variant": "lstm", "bidirectional": False}
    one = {"count": 1, "at": [0], "residual": "none", "norm": "none", "sublayers": [rnn]}
    other = {**one, "at": [1], "norm": "layernorm", "sublayers": [{**rnn, "bidirectional": True, "pad_left": 0}]}
    stack = {"name": "rnn", "role": "encoder", "layers": 1, "width": 8, "blocks": [one]}
    text = report.summary({**RECORD, "stacks": [stack, {**stack, "layers": 2, "blocks": [one, other]}]})
    assert " 1 layer without residual\n" in text
    assert " 1 layer without residual and with layernorm (layer 1)\n" in text
    assert " rnn: hidden 8, variant lstm\n" in text
    assert " rnn: hidden 8, variant lstm, bidirectional, pad left 0\n" in text


def test_slots_and_the_layers_that_a_decoder_reads_are_told():
    plain = {"kind": "cross-attention", "heads": 8, "kv_heads": 8, "head_dim": 64, "mask": "bidirectional"}
    assert "memory from encoder, layers 0–2" in report.words({**plain, "memory": "encoder", "memory_layers": [0, 1, 2]})
    assert "40 memory slots" in report.words({**plain, "kind": "self-attention", "memory_slots": 40})
    assert "1 memory slot" in report.words({**plain, "kind": "self-attention", "memory_slots": 1})
    assert "slot" not in report.words(plain)


def test_a_markdown_table_has_one_row_a_model_and_escapes_bars():
    head, rule, first, second = report.markdown([RECORD, RECORD]).splitlines()
    assert head.startswith("| model | architecture | direction |")
    assert set(rule) <= set("| -")
    assert first == second
    assert "a\\|b" in first
    assert "| unidirectional |" in first


def test_a_text_table_has_one_column_a_model():
    lines = report.table([RECORD, RECORD]).splitlines()
    assert [line.split()[0] for line in lines] == list(report.COLUMNS)


def test_counts_read_like_those_in_papers():
    assert [report.amount(n) for n in (124_439_808, 46_702_792_704, 2_768_345_600, 512, None)] == [
        "124.4 M", "46.7 B", "2.77 B", "512", "–",
    ]  # fmt: skip


def test_regular_steps_are_told_by_their_beginning_and_end():
    assert report.spans([0, 2, 4, 6, 8]) == "0, 2, … 8"
    assert report.spans([7]) == "7"
