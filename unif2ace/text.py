"""The text tokenizer: byte-level BPE, so that any Unicode text survives the round trip.

Text ids are 0..vocab_size-1; the special tokens follow, in the order that `TokenLayout` expects.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from unif2ace.config import SPECIAL_TOKENS

_NUM_BYTES = 256


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """A tokenizer with exactly `vocab_size` text ids, and one id for each special token.

    Text that looks like a special token ("<|pad|>") is encoded as ordinary text; special ids are
    placed by the sequence layouts alone.

    Raises ValueError when `vocab_size` cannot hold all bytes, or when the texts are too few to
    find that many pieces.
    """
    if vocab_size < _NUM_BYTES:
        raise ValueError(f"vocab_size must be at least {_NUM_BYTES}, got {vocab_size}")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() != vocab_size:
        raise ValueError(
            f"the texts give only {tokenizer.get_vocab_size()} pieces, not {vocab_size}; "
            "train on more texts or ask for a smaller vocabulary"
        )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|pad|>",
        bos_token="<|bos|>",
        eos_token="<|eos|>",
        split_special_tokens=True,
    )
