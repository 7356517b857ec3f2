"""How words are said, and when their phones are heard."""

import pytest

from emo.articulation.phones import Phone
from emo.articulation.pronunciation import Word, WordRule
from emo.training.articulation.words import GRID


def test_grids_words_are_known_without_any_sentence_that_was_aligned():
    rule, words = WordRule([]), [word for kind in GRID for word in kind]
    said = {word: rule.phones([Word(word, 0.0, 1.0)]) for word in words}
    assert None not in said.values()
    lips = {word for word, phones in said.items() for phone in phones or () if phone.letters in ("p", "b", "m")}
    assert lips == {"bin", "place", "blue", "by", "please", "b", "m", "p"}
    assert rule.phones([Word("grid", 0.0, 1.0)]) is None


def test_phones_fill_their_words_and_aligned_sentences_tell_how_long_they_are():
    words = [Word("by", 0.5, 0.9), Word("sil", 0.9, 1.0)]
    even = [Phone("b", 0.5, 0.7), Phone("aɪ", 0.7, 0.9), Phone("", 0.9, 1.0)]  # noqa: RUF001
    assert [tuple(phone) for phone in WordRule([]).phones(words) or ()] == [
        (letters, pytest.approx(start), pytest.approx(end)) for letters, start, end in even
    ]
    aligned = [Phone("b", 0.0, 0.1), Phone("aɪ", 0.1, 0.4)]  # noqa: RUF001
    heard = WordRule([(aligned, [Word("by", 0.0, 0.4)])]).phones(words)
    assert heard is not None
    assert heard[0].end == pytest.approx(0.6)
