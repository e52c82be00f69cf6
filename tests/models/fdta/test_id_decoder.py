"""The ID decoder against stored numbers, and what objects may see."""

from __future__ import annotations

import torch

from models.fdta.id_decoder import IdDecoder, Past, Present, relative_times
from pipeline.contract.spec import count_parameters
from tests.models.fdta.golden import OBSERVATIONS, PRESENT, miniature

VOCABULARY, FRAMES = 6, 5


def decoder(layers: int = 3) -> IdDecoder:
    torch.manual_seed(0)
    network = IdDecoder(8, 2, 16, layers, VOCABULARY, FRAMES).double().eval()
    torch.nn.init.normal_(network.rel_pos_embeds)
    return network


def scene(seed: int = 0, people: int = 3, frames: int = 4) -> tuple[Past, Present]:
    """Everybody in all frames, of which the first four are the past of the others."""
    torch.manual_seed(seed)
    queries = torch.randn(1, frames, people, 8, dtype=torch.float64)
    times = torch.arange(frames)
    past = Past(
        queries.flatten(1, 2),
        torch.tensor([[4, 0, 2]]).repeat(1, frames),
        times.repeat_interleave(people)[None],
        torch.ones(1, frames * people, dtype=torch.bool),
    )
    return past, Present(queries[:, 1:], times[None, 1:], torch.ones(1, frames - 1, people, dtype=torch.bool))


def test_miniature_gives_the_stored_logits() -> None:
    temporal, layers, network = miniature()
    features = layers(temporal(OBSERVATIONS, PRESENT)).transpose(0, 1).reshape(1, 6, 4)
    past = Past(features, torch.tensor([[0, 2] * 3]), torch.tensor([[0, 0, 1, 1, 2, 2]]), PRESENT.T.reshape(1, 6))
    person, channel = torch.meshgrid(torch.arange(3).double(), torch.arange(4).double(), indexing="ij")
    objects = torch.sin(1 + 3 * person + 0.5 * channel)[None, None]
    logits = network(past, Present(objects, torch.tensor([[3]]), torch.ones(1, 1, 3, dtype=torch.bool)))
    expected = [
        [-0.474422, 0.174183, 0.246715, -0.496710],
        [0.456727, -0.046805, -0.395539, 0.563888],
        [-0.455454, 0.175923, 0.225473, -0.470681],
    ]
    torch.testing.assert_close(logits[0, 0], torch.tensor(expected).double(), atol=6e-7, rtol=0)


def test_relative_times_and_what_they_forbid_are_the_stored_ones() -> None:
    ago = relative_times(torch.tensor([[0, 0, 1, 1, 2, 2]]), torch.tensor([[1, 2, 3]]))[0]
    assert ago.tolist() == [[1, 1, 0, 0, -1, -1], [2, 2, 1, 1, 0, 0], [3, 3, 2, 2, 1, 1]]
    assert (ago <= 0).int().tolist() == [[0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0]]


def test_parameters_are_as_many_as_in_the_paper() -> None:
    assert count_parameters(IdDecoder(256, 16, 1024, 6, 50, 30)) == 17_903_936


def test_what_comes_later_alters_no_earlier_answer() -> None:
    network = decoder()
    past, present = scene()
    before = network(past, present)
    later = past.times == 2  # seen by frame 3 alone
    features = torch.where(later[..., None], past.features + 1.0, past.features)
    after = network(past._replace(features=features), present)
    assert torch.equal(before[:, :2], after[:, :2])
    assert not torch.equal(before[:, 2], after[:, 2])


def test_what_is_absent_has_a_weight_of_exactly_zero() -> None:
    network = decoder()
    past, present = scene()
    hidden = past._replace(present=torch.rand(past.present.shape) > 0.4)
    bias = network._bias(0, *network._when(hidden, present), objects=3)
    weights = network.cross_attn_layers[0].weights(torch.randn(1, 9, 16).double(), torch.randn(1, 12, 16).double(), bias)
    allowed = (relative_times(past.times, present.times) > 0) & hidden.present[:, None]
    allowed = allowed.repeat_interleave(3, 1)[:, None].expand_as(weights)
    assert (weights[~allowed] == 0).all()
    assert (weights[allowed] > 0).all()
    other = hidden._replace(features=torch.where(hidden.present[..., None], past.features, 9.0))
    assert torch.equal(network(hidden, present), network(other, present))


def test_objects_that_are_padding_are_not_seen() -> None:
    network = decoder()
    past, present = scene()
    mask = torch.ones_like(present.present)
    mask[..., 2] = False
    other = present._replace(present=mask, features=torch.where(mask[..., None], present.features, 9.0))
    one = network(past, present._replace(present=mask))
    assert torch.equal(one[..., :2, :], network(past, other)[..., :2, :])
    assert not torch.equal(one[..., :2, :], network(past, present)[..., :2, :])


def test_permuting_words_and_their_rows_permutes_the_logits() -> None:
    network = decoder()
    past, present = scene()
    before = network(past, present)
    order = torch.cat([torch.randperm(VOCABULARY), torch.tensor([VOCABULARY])])  # newborn stays
    with torch.no_grad():
        network.word_to_embed.weight.copy_(network.word_to_embed.weight[:, order])
        network.embed_to_word.weight.copy_(network.embed_to_word.weight[order])
    renamed = order.argsort()[past.labels]
    torch.testing.assert_close(network(past._replace(labels=renamed), present), before[..., order], atol=1e-12, rtol=0)


def test_without_a_past_the_answer_is_finite() -> None:
    network = decoder()
    past, present = scene()
    nothing = past._replace(present=torch.zeros_like(past.present))
    assert torch.isfinite(network(nothing, present)).all()
    empty = present._replace(present=torch.zeros_like(present.present))
    assert torch.isfinite(network(nothing, empty)).all()
