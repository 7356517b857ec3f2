"""Sentences as tokens of CLIP's kind: a small tokenizer of one's own, and ids for a text encoder."""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from torch import Tensor
from transformers import CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"
LAST = "</w>"  # of a word, in CLIP's alphabet
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789',.?!-"
LONGEST = 40  # tokens of a small tokenizer


def small_tokenizer(sentences: Iterable[str]) -> CLIPTokenizer:
    """A tokenizer whose words are those of sentences; others come in pieces of these, or in letters."""
    vocabulary = {START: 0, END: 1}
    merges: dict[tuple[str, str], None] = {}
    for letter in ALPHABET:
        vocabulary[letter] = len(vocabulary)
        vocabulary[letter + LAST] = len(vocabulary)
    letters = set(ALPHABET)
    for word in sorted({word for sentence in sentences for word in sentence.lower().replace(",", " ").split()}):
        if len(word) > 1 and letters.issuperset(word):
            pieces = [*word[:-1], word[-1] + LAST]
            for before, piece in zip(accumulate(pieces), pieces[1:], strict=False):
                merges[before, piece] = None
                vocabulary.setdefault(before + piece, len(vocabulary))
    pairs: Any = list(merges)  # which transformers takes, and does not say so
    return CLIPTokenizer(vocab=vocabulary, merges=pairs, model_max_length=LONGEST)


def sentence_ids(tokenizer: CLIPTokenizer, sentences: Sequence[str]) -> Tensor:
    """Ids (B, L) of sentences, padded to the longest that the tokenizer takes, and cut there."""
    longest = tokenizer.model_max_length
    found = tokenizer(list(sentences), padding="max_length", max_length=longest, truncation=True, return_tensors="pt")
    return found["input_ids"]  # pyright: ignore[reportReturnType]
