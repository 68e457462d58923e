"""How wave forms, features of sound and time series look."""

from __future__ import annotations

from irgen.frontends.modality_text import Rule
from irgen.frontends.settings import Settings
from irgen.source import Input, numbers, ones, tokens

FEATURES = (
    "num_mel_bins",
    "n_mels",
    "feature_size",
    "input_feat_size",
    "feature_projection_input_dim",
    "input_dim",
    "n_mel_bins",
    "num_mel",
)


def wave(s: Settings, name: str) -> list[Input]:
    """A wave form (batch, samples) or (batch, 1, samples), or a spectrogram (batch, frames, bins)."""
    bins = s.audio_number("num_mel_bins", "feature_size", "n_mels", default=80)
    spectrum = numbers(name, "batch", s.audio_number("max_length", default=1024), bins)
    s.sizes["long"] = (3840, 5760)  # whole blocks of the codecs that want them
    waves = [
        numbers(name, "batch", "samples"),
        numbers(name, "batch", 1, "samples"),
        numbers(name, "batch", "long"),
        numbers(name, "batch", 1, "long"),
    ]
    return [spectrum, *waves] if s.audio("frequency_stride") else [*waves, spectrum]


def features(s: Settings, name: str) -> list[Input]:
    """Mel features, frames last (with the number of frames the encoder wants) or bins last."""
    bins = s.audio_number(*FEATURES, default=80)
    wide = s.audio_number("feature_projection_input_dim", "input_dim", default=bins)
    positions = s.audio("max_source_positions")
    out: list[Input] = []
    if isinstance(positions, int) and positions <= 3000:
        out.append(numbers(name, "batch", bins, 2 * positions))
    return [
        *out,
        numbers(name, "batch", "frames", wide),
        numbers(name, "batch", bins, "frames"),
        numbers(name, "batch", bins, 200),
        numbers(name, "batch", 200, bins),
        numbers(name, "batch", 200, 128),
        numbers(name, "batch", 1, 1001, bins),
        numbers(name, "batch", 1, 4 * s.audio_number("spec_size", default=256), bins),
    ]


def _past(s: Settings) -> int:
    """The context and the longest lag in front of it."""
    lags: list[int] = s.get("lags_sequence", default=[])
    return s.number("context_length", default=32) + max(lags, default=0)


def past_values(s: Settings, name: str) -> list[Input]:
    """A series (batch, time), or several at once (batch, time, channels)."""
    channels = s.number("num_input_channels", "input_size", default=1)
    flat = numbers(name, "batch", _past(s))
    together = numbers(name, "batch", _past(s), channels)
    return [flat, together] if channels == 1 and s.get("lags_sequence") else [together, flat]


def beside(which: str) -> Rule:
    """What goes with the past or the future of a series: time features, masks, values."""

    def rule(s: Settings, name: str) -> list[Input]:
        length = _past(s) if which == "past" else s.number("prediction_length", default=24)
        if name.endswith("time_features"):
            count = s.number("num_time_features", default=0) + s.number("num_dynamic_real_features", default=0)
            return [numbers(name, "batch", length, count)]
        if name.endswith("mask"):
            return [ones(name, "batch", length, integer=False)]
        return [numbers(name, "batch", length)]

    return rule


def categories(s: Settings, name: str) -> list[Input]:
    """Categories of a whole series, where the model has any."""
    count = s.number("num_static_categorical_features", default=0)
    return [tokens(name, 2, "batch", count, low=0)] if count else []


def statics(s: Settings, name: str) -> list[Input]:
    """Numbers of a whole series, where the model has any."""
    count = s.number("num_static_real_features", default=0)
    return [numbers(name, "batch", count)] if count else []
