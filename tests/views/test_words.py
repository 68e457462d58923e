"""Words: every text of a Korean figure comes from the table."""

import re

from irgen.renderers.svg import render
from irgen.views.overview import VIEW
from irgen.views.words import KOREAN, Words
from tests.figures.architectures import ALL
from tests.figures.checker import read

KEPT = re.compile(
    r"[A-Z]{1,3}|RoPE|GELU|ReLU|SiLU|SwiGLU|GeGLU|tanh|LSTM|RG|LRU|Conv|Conv1d|Linear|d_?\w*|model|ff|inner|top|softmax|mask|"
    r"bias|stage\d|x|y|h|t|a|b|i|g|r|w|z|k|d|n|in|BN|quick|ALiBi|KV|Q|K|V|MLP|GQA|MQA|SSD|conv|s|Ā|B̄|y|giEi|time"
)


def test_placeholders_are_the_same_in_both_languages():
    for english, korean in KOREAN.items():
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", korean)), english


def test_values_are_put_in():
    assert Words("ko")("{n} heads", n=12) == "헤드 12개"
    assert Words("en")("{n} heads", n=12) == "12 heads"


def test_no_english_word_is_left_in_a_korean_figure():
    for name in (
        "gpt2",
        "t5",
        "mixtral",
        "gpt_oss",
        "mamba",
        "recurrentgemma",
        "swin",
        "musicgen",
        "deepseek",
        "timesformer",
    ):
        figure = read(render(VIEW(ALL[name](), title="0", lang="ko")))
        for text in figure.words:
            if "=" in text.shown or "−" in text.shown:
                continue
            left = [word for word in re.findall(r"[A-Za-z]{2,}", text.shown) if not KEPT.fullmatch(word)]
            assert not left, (name, text.shown)
