import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unif2ace.attributes import ATTRIBUTES, FIRST_VOCABULARY, VOCABULARY
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


def test_a_checkpoint_says_what_it_knows_and_a_silent_one_knows_the_first(tmp_path):
    some = FIRST_VOCABULARY[5:2:-1]
    nano(encoders=EncoderConfig(attributes=some)).save_pretrained(tmp_path)
    loaded = UniF2aceConfig.from_pretrained(tmp_path)
    assert loaded.attributes == dict(some) and list(loaded.attributes) == [n for n, _ in some]
    assert loaded.num_told_words == 3
    nano().save_pretrained(tmp_path)
    stored = json.loads((tmp_path / "config.json").read_text())
    assert [name for name, _ in stored["encoders"]["attributes"]] == list(ATTRIBUTES)
    for later in ("attributes", "part_size", "num_parts"):
        del stored["encoders"][later]
    (tmp_path / "config.json").write_text(json.dumps(stored))
    older = UniF2aceConfig.from_pretrained(tmp_path)
    assert older.attributes == dict(FIRST_VOCABULARY)
    assert (older.encoders.part_size, older.encoders.num_parts) == (32, 6)
    stored["encoders"]["attributes"] = [["tail", ["no", "yes"]]]
    (tmp_path / "config.json").write_text(json.dumps(stored))
    with pytest.raises(ValueError, match="unknown attribute 'tail'"):
        UniF2aceConfig.from_pretrained(tmp_path)


def test_the_first_attributes_are_what_shipped_weights_were_trained_on():
    text = json.dumps(FIRST_VOCABULARY)
    assert len(FIRST_VOCABULARY) == 33 and VOCABULARY[:33] == FIRST_VOCABULARY
    assert zlib.crc32(text.encode()) == 883236937


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
        (lambda: nano(num_layers=0), "got 0 and 4"),
        (lambda: nano(num_heads=0), "8 and 0"),
        (lambda: nano(text_vocab_size=0), "text_vocab_size=0"),
        (lambda: nano(score_weight=-0.01), "got -0.01"),
        (lambda: nano(moe={"balance_weight": -1.0}), "-1.0"),
        (lambda: nano(rotary_share=0.02), "got 0.02"),
        (lambda: nano(rotary_share=1.5), "got 1.5"),
        (lambda: VQConfig(quantizer="vq"), "'vq'"),
        (lambda: VQConfig(stem_patch=3), "got 3"),
        (lambda: VQConfig(told_counts=(3,)), "1 things are told, but of 0 areas"),
        (lambda: nano(vq={"told_counts": (3,), "told_areas": (0,)}), r"got \(3,\) and \(0,\)"),
        (lambda: MoEConfig(resampler_dim=10, resampler_heads=4), "10"),
        (lambda: MoEConfig(resampler_heads=0), "resampler_heads=0"),
        (lambda: EncoderConfig(face_size=100), "got 100"),
        (lambda: EncoderConfig(semantic="dino"), "got 'dino'"),
        (lambda: EncoderConfig(part_size=48), "got 48"),
        (lambda: EncoderConfig(num_parts=12), "1..11, got 12"),
        (lambda: EncoderConfig(attributes=(("tail", ("no", "yes")),)), "unknown attribute 'tail'"),
        (lambda: EncoderConfig(attributes=(("hat", ("none", "crown")),)), "'crown' for hat"),
        (lambda: EncoderConfig(attributes=(("hat", ("beanie", "none")),)), "not beanie, none"),
        (lambda: EncoderConfig(attributes=FIRST_VOCABULARY[:1] * 2), "twice: gender, gender"),
        (lambda: TokenLayout(text_vocab_size=0, codebook_size=4), "empty"),
    ],
)
def test_impossible_sizes_raise_with_the_value(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_setting_that_nobody_knows_is_named():
    with pytest.raises(ValueError, match="no setting of this model: hiden_size"):
        nano(hiden_size=256)
