"""The attention layer: diffusers' names and values, and backends that really switch."""

import pytest
import torch
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry, attention_backend
from diffusers.models.attention_processor import Attention as LegacyAttention
from tiny_unets import (
    assert_close,
    distance,
    plain_attention,
    randn,
    raw_inputs,
    run,
    tiny_backbone,
    tiny_reference_net,
)

from emo.unets import Attention, KeyValue


def legacy(dim: int, heads: int, context_dim: int | None) -> LegacyAttention:
    return LegacyAttention(dim, cross_attention_dim=context_dim, heads=heads, dim_head=dim // heads, bias=False)


@pytest.mark.parametrize("context_dim", [None, 10])
@pytest.mark.parametrize("heads", [1, 4])
def test_names_and_values_equal_the_legacy_attention(heads, context_dim):
    torch.manual_seed(0)
    theirs, ours = legacy(24, heads, context_dim), Attention(24, heads, context_dim)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict(), strict=True)
    x, context = randn(3, 7, 24, seed=1), None if context_dim is None else randn(3, 5, context_dim, seed=2)
    assert_close(ours(x, context), theirs(x, context), 1e-6)
    assert_close(ours(x, context), plain_attention(ours, x, x if context is None else context), 1e-6)


def test_projected_context_equals_context():
    layer, x, context = Attention(24, 3, 10), randn(3, 7, 24, seed=1), randn(3, 5, 10, seed=2)
    key_value = layer.project(context)
    assert isinstance(key_value, KeyValue)
    assert key_value.key.shape == key_value.value.shape == (3, 5, 3, 8)
    assert torch.equal(layer(x, key_value), layer(x, context))


def test_zero_init_adds_nothing_and_learns():
    layer = Attention(24, 3, zero_init=True)
    output = layer(randn(2, 5, 24, seed=1))
    assert not output.any()
    output.sum().backward()
    assert layer.to_out[0].weight.grad.any()
    assert Attention(24, 3)(randn(2, 5, 24, seed=1)).any()


def count_calls(monkeypatch, name: AttentionBackendName) -> list:
    """Record the calls of one backend's kernel."""
    kernel, calls = _AttentionBackendRegistry._backends[name], []

    def counted(*args, **kwargs):
        calls.append(name)
        return kernel(*args, **kwargs)

    monkeypatch.setitem(_AttentionBackendRegistry._backends, name, counted)
    return calls


LAYERS = 4 * 3 + 7 * 3  # four spatial transformers and seven temporal modules, three attentions each


@pytest.mark.parametrize("name", ["native", "_native_math", "_native_flash", "flex"])
@pytest.mark.filterwarnings("ignore:flex_attention called without")
@pytest.mark.usefixtures("restore_attention_backend")
def test_set_attention_backend_switches_every_layer(monkeypatch, backbone, reference_net, name):
    expected, switched = run(backbone, reference_net, raw_inputs()), tiny_backbone().requires_grad_(False)
    backend = AttentionBackendName(name)
    calls = count_calls(monkeypatch, backend)
    switched.set_attention_backend(name)
    layers = [module for module in switched.modules() if isinstance(module, Attention)]
    assert len(layers) == LAYERS
    assert {layer.processor._attention_backend for layer in layers} == {backend}
    assert not calls
    features = reference_net(*(raw_inputs()[key] for key in ("reference_latents", "motion_latents")))
    from_the_reference_net = len(calls)  # follows diffusers' active backend, which has changed too
    raw = {key: value for key, value in raw_inputs().items() if not key.endswith("latents")}
    output = switched(reference=switched.project_reference(features.reference), motion=features.motion, **raw)
    assert len(calls) - from_the_reference_net == LAYERS
    assert_close(output, expected)


@pytest.mark.usefixtures("restore_attention_backend")
def test_a_networks_own_backend_beats_the_active_one(monkeypatch):
    net = tiny_reference_net()
    calls = count_calls(monkeypatch, AttentionBackendName._NATIVE_MATH)
    net.set_attention_backend("_native_math")
    with attention_backend("native"):
        net(raw_inputs()["reference_latents"])
    assert len(calls) == 4


def test_without_a_choice_the_active_backend_runs(monkeypatch, reference_net):
    calls = count_calls(monkeypatch, AttentionBackendName._NATIVE_MATH)
    reference_net(raw_inputs()["reference_latents"])
    assert calls == []
    with attention_backend("_native_math"):
        reference_net(raw_inputs()["reference_latents"])
    assert len(calls) == 4


def test_layers_do_not_share_a_processor(backbone):
    layers = [module for module in backbone.modules() if isinstance(module, Attention)]
    assert len({id(layer.processor) for layer in layers}) == len(layers)


@pytest.mark.usefixtures("restore_attention_backend")
def test_an_unknown_backend_is_an_error():
    with pytest.raises(ValueError, match="must be one of"):
        tiny_reference_net().set_attention_backend("fastest")


def test_a_head_number_that_does_not_divide_is_an_error():
    with pytest.raises(ValueError, match="3 attention heads do not divide 10 channels"):
        Attention(10, 3)


def test_batch_items_do_not_mix():
    layer, x = Attention(24, 3), randn(2, 5, 24, seed=1)
    changed = x.clone()
    changed[1] += 1
    assert torch.equal(layer(changed)[0], layer(x)[0])
    assert distance(layer(changed)[1], layer(x)[1]) > 1e-5
