import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unif2ace.config import (
    PRESETS,
    SPECIAL_TOKENS,
    EncoderConfig,
    MoEConfig,
    TokenLayout,
    UniF2aceConfig,
    VQConfig,
    nano,
)

SIZES = st.integers(1, 5000)


@given(SIZES, SIZES, st.integers(0, 20))
def test_ids_of_text_special_image_and_mask_partition_the_vocabulary(text, codes, special):
    layout = TokenLayout(text_vocab_size=text, codebook_size=codes, num_special_tokens=special)
    ids = [
        *range(text),
        *range(text, text + special),
        *range(layout.image_start, layout.image_start + codes),
        layout.mask_token_id,
    ]
    assert ids == list(range(layout.vocab_size))
    assert layout.image_start + layout.mask_code == layout.mask_token_id


def test_special_ids_follow_the_text_ids():
    layout = nano().layout
    ids = [layout.special_id(token) for token in SPECIAL_TOKENS]
    assert ids == list(range(layout.text_vocab_size, layout.image_start))


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_survive_json(preset, tmp_path):
    config = PRESETS[preset]()
    config.save_pretrained(tmp_path)
    loaded = UniF2aceConfig.from_pretrained(tmp_path)
    assert json.loads(loaded.to_json_string()) == json.loads(config.to_json_string())
    assert (loaded.vq, loaded.encoders, loaded.moe) == (config.vq, config.encoders, config.moe)


def test_paper_has_the_id_space_of_its_ancestor():
    layout = PRESETS["paper"]().layout
    assert (layout.vocab_size, layout.mask_token_id, layout.image_start) == (58498, 58497, 50305)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nano(image_size=100), "got 100"),
        (lambda: nano(hidden_size=100), "100"),
        (lambda: nano(condition_dropout=1.0), "got 1.0"),
        (lambda: nano(schedule="sine"), "'sine'"),
        (lambda: nano(moe={"experts_per_token": 9}), "got 9"),
        (lambda: nano(moe={"num_expert": 4}), "unknown MoEConfig fields: num_expert"),
        (lambda: VQConfig(quantizer="vq"), "'vq'"),
        (lambda: VQConfig(stem_patch=3), "got 3"),
        (lambda: MoEConfig(resampler_dim=10, resampler_heads=4), "10"),
        (lambda: EncoderConfig(face_size=100), "got 100"),
        (lambda: TokenLayout(text_vocab_size=0, codebook_size=4), "empty"),
    ],
)
def test_impossible_sizes_raise_with_the_value(build, message):
    with pytest.raises(ValueError, match=message):
        build()
