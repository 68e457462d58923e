"""A configuration asked by meaning: vocabulary, image, sound, wherever its family keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

_TEXT_FIRST = (
    "text_config",
    "thinker_config",
    "llm_config",
    "language_config",
    "decoder",
    "text_encoder",
    "generator",
    "encoder",
)
_VISION_FIRST = (
    "vision_config",
    "image_config",
    "vision_encoder_config",
    "backbone_config",
    "encoder",
    "visual",
    "vq_config",
)
_AUDIO_FIRST = ("audio_config", "encoder_config", "speech_config", "audio_encoder", "encoder")
_SPECIAL = (
    "image_token_id",
    "image_token_index",
    "video_token_id",
    "video_token_index",
    "audio_token_id",
    "audio_token_index",
    "eos_token_id",
    "bos_token_id",
    "pad_token_id",
    "vision_start_token_id",
    "vision_end_token_id",
    "image_start_token_id",
    "image_end_token_id",
    "boi_token_id",
    "eoi_token_id",
    "boi_token_index",
    "eoi_token_index",
    "sep_token_id",
    "cls_token_id",
    "mask_token_id",
    "video_start_token_id",
    "video_end_token_id",
    "audio_start_token_id",
    "audio_end_token_id",
    "decoder_start_token_id",
)


class Settings:
    """A configuration read by what is asked of it: its own fields first, then those of its parts.

    `sizes` collects sizes of axes that a rule had to fix; `names` are the inputs of the guess at hand.
    """

    def __init__(self, config: Any) -> None:
        self.config = config
        self.names: frozenset[str] = frozenset()
        self.sizes: dict[str, tuple[int, int]] = {}

    def _parts(self, first: tuple[str, ...]) -> Iterator[Any]:
        yield self.config
        pending = [self.config]
        while pending:
            config = pending.pop(0)
            fields = cast("dict[str, Any]", vars(config) if hasattr(config, "__dict__") else {})
            names = [name for name, value in fields.items() if hasattr(value, "to_dict")]
            for name in sorted(names, key=lambda n: first.index(n) if n in first else len(first)):
                pending.append(fields[name])
                yield fields[name]

    def get(self, *names: str, default: Any = None, first: tuple[str, ...] = _TEXT_FIRST) -> Any:
        """The first field of these names that is set, in the configuration or one of its parts."""
        if self.config is None:
            return default
        for part in self._parts(first):
            for name in names:
                value: Any = getattr(part, name, None)
                if value is not None:
                    return value
        return default

    def number(self, *names: str, default: int) -> int:
        """A whole number of these names; of a list its first."""
        return _whole(self.get(*names), default)

    def vision(self, *names: str, default: Any = None) -> Any:
        """A field, those of the vision part before those of others."""
        parts: list[Any] = [getattr(self.config, name, None) for name in _VISION_FIRST]
        part = next((p for p in parts if p is not None), None)
        for name in names:
            if part is not None and getattr(part, name, None) is not None:
                return getattr(part, name)
        return self.get(*names, default=default, first=_VISION_FIRST)

    def vision_number(self, *names: str, default: int) -> int:
        """A whole number of the vision part."""
        return _whole(self.vision(*names), default)

    def audio(self, *names: str, default: Any = None) -> Any:
        """A field, those of the audio part before those of others."""
        return self.get(*names, default=default, first=_AUDIO_FIRST)

    def audio_number(self, *names: str, default: int) -> int:
        """A whole number of the audio part."""
        return _whole(self.audio(*names), default)

    @property
    def vocabulary(self) -> int:
        """How many token ids there are."""
        size = self.get("vocab_size", "n_vocab", "input_vocab_size", "text_vocab_size", default=100)
        if isinstance(size, dict):
            size = next(iter(cast("dict[str, Any]", size).values()))
        return max(2, _whole(size, 100))

    @property
    def low_high(self) -> tuple[int, int]:
        """The range of plain token ids: above padding, start and end, below the special ones at the top."""
        size = self.vocabulary
        special = [v for n in _SPECIAL if isinstance(v := self.get(n), int) and size // 2 <= v < size]
        high = min([size, *special])
        return min(5, high - 1), high


def side_of(value: Any, default: int = 224) -> tuple[int, int]:
    """Height and width of an image setting given as a number, a pair, or a mapping."""
    if isinstance(value, dict):
        named = cast("dict[str, Any]", value)
        return _whole(named.get("height"), default), _whole(named.get("width"), default)
    if isinstance(value, (list, tuple)) and value:
        pair = [_whole(v, default) for v in cast("list[Any]", value)]
        return (pair[-2], pair[-1]) if len(pair) > 1 else (pair[0], pair[0])
    side = _whole(value, default)
    return side, side


def _whole(value: Any, default: int) -> int:
    if isinstance(value, (list, tuple)) and value:
        value = cast("list[Any]", value)[0]
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default
