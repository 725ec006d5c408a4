"""Word vectors: terms, weights, stability."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hortus_memory.embedding.sparse import encode_document, encode_query, split_terms


def test_words_are_stemmed_and_stop_words_left_out():
    assert split_terms("The parsers were parsing an invoice") == ["parser", "pars", "invoic"]


def test_identifiers_count_whole_and_by_parts():
    assert split_terms("ERR-4012 in foo_bar") == ["err-4012", "err", "4012", "foo_bar", "foo", "bar"]


def test_apostrophe_makes_no_compound():
    assert "agent's" not in split_terms("the agent's log")


def test_width_and_case_do_not_matter():
    assert split_terms("\N{FULLWIDTH LATIN CAPITAL LETTER A}BC Straße") == split_terms("abc straße")


def test_indices_are_stable_across_processes():
    # Stored in collections: a change here means SPARSE_ENCODER_ID must change.
    assert encode_query("invoice").indices == (3617303967,)


def test_query_weighs_each_distinct_term_once():
    assert encode_query("log log server").values == (1.0, 1.0)


def test_term_frequency_saturates():
    once, many = encode_document("log"), encode_document(" ".join(["log"] * 50))
    assert once.values[0] < many.values[0] < 2.2


def test_long_texts_weigh_each_term_less():
    short = encode_document("needle")
    long = encode_document("needle " + " ".join(f"straw{number}" for number in range(500)))
    assert long.values[0] < short.values[0]


@pytest.mark.parametrize("text", ["", "  ", "the of and", "!?", "\x00"])
def test_text_without_terms_has_an_empty_vector(text):
    assert encode_document(text).indices == ()


@given(st.text(max_size=300))
def test_any_text_gives_distinct_u32_indices_and_positive_weights(text):
    vector = encode_document(text)
    assert len(set(vector.indices)) == len(vector.indices) == len(vector.values)
    assert all(0 <= index < 2**32 for index in vector.indices)
    assert all(value > 0 for value in vector.values)
