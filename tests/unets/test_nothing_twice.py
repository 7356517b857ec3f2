"""What is left out of the computation changes nothing: the plain path gives the same."""

import pytest
import torch
from diffusers.models.attention import FeedForward as DiffusersFeedForward
from tiny_unets import B, F, H, W, assert_close, backbone_inputs, distance, randn, tiny_backbone, tiny_reference_net

from emo.unets import KeyValue
from emo.unets.feed_forward import FeedForward
from emo.unets.spatial import BackboneTransformer


def repeated(inputs: dict, rows: int) -> dict:
    """The first video's inputs, `rows` times."""
    again = lambda tensor: tensor[:1].expand(rows, *tensor.shape[1:])
    return {
        **{name: again(value) for name, value in inputs.items() if isinstance(value, torch.Tensor)},
        "reference": inputs["reference"].map(lambda pair: KeyValue(*map(again, pair))),
        "motion": inputs["motion"].map(again),
    }


@pytest.mark.parametrize("spatial", [(True, False), (False, True)], ids=["first-site", "later-site"])
@pytest.mark.parametrize("heard", [0, 1, 2, 3])
def test_rows_of_guidance_equal_a_batch_of_videos(spatial, heard):
    """Three rows of one clip, the first `heard` with sound; sample, mask and reference given once for all."""
    config = {"spatial_attention": spatial}
    backbone, reference_net = tiny_backbone(**config).requires_grad_(False), tiny_reference_net(**config)
    batch = repeated(backbone_inputs(backbone, reference_net), 3)
    silent = torch.cat([batch["audio"][:heard], torch.zeros_like(batch["audio"][heard:])])
    expected = backbone(**{**batch, "audio": silent})
    once = {name: batch[name][:1] for name in ("sample", "face_mask_features")}
    reference = batch["reference"].map(lambda pair: KeyValue(pair.key[:1], pair.value[:1]))
    rows = {**batch, **once, "audio": batch["audio"][:heard]}
    assert_close(backbone(**{**rows, "reference": reference}), expected)
    assert_close(backbone(**rows), expected)
    if 0 < heard < 3:
        assert distance(expected[0], expected[-1]) > 1e-3


def test_the_rows_common_beginning_is_computed_once(backbone, inputs):
    rows = repeated(inputs, 2)
    rows["sample"], rows["face_mask_features"] = rows["sample"][:1], rows["face_mask_features"][:1]
    rows["reference"] = rows["reference"].map(lambda pair: KeyValue(pair.key[:1], pair.value[:1]))
    rows["audio"] = rows["audio"][:1]
    seen = []
    first, second = backbone.down_blocks[0].attentions[0], backbone.up_blocks[1].attentions[0]
    layers = [
        layer
        for each in (first, second)
        for layer in (each.transformer_blocks[0].attn1, each.transformer_blocks[0].audio_attn)
    ]
    hooks = [layer.register_forward_hook(lambda _, given, __: seen.append(len(given[0]))) for layer in layers]
    backbone(**rows)
    for hook in hooks:
        hook.remove()
    assert seen == [F, F, 2 * F, F]  # self-attention of one row, then of both; audio-attention of the heard row alone


@pytest.mark.parametrize("name", ["sample", "audio", "reference", "face_mask_features"])
def test_conditions_for_other_rows_are_an_error(backbone, inputs, name):
    rows = repeated(inputs, 3)
    two = repeated(inputs, 2)
    with pytest.raises(ValueError, match="videos and frames"):
        backbone(**{**two, name: rows[name]})


def test_speed_is_ignored_until_its_layers_have_learned():
    fresh, reference_net = tiny_backbone(fill=False).requires_grad_(False), tiny_reference_net()
    inputs = backbone_inputs(fresh, reference_net)
    assert fresh.ignores_speed()
    assert torch.equal(fresh(**inputs), fresh(**{**inputs, "speed": None}))
    last = [module for name, module in fresh.named_modules() if name.endswith("speed_attn")][-1]
    last.to_out[0].bias[0] = 0.5
    assert not fresh.ignores_speed()
    assert not tiny_backbone().ignores_speed()


def test_the_gated_feed_forward_is_that_of_diffusers():
    torch.manual_seed(0)
    theirs, own = DiffusersFeedForward(16, activation_fn="geglu"), FeedForward(16)
    own.load_state_dict(theirs.state_dict())
    x, gradients = randn(B, 7, 16, seed=1).requires_grad_(), []
    for layer in (theirs, own):
        output = layer(x)
        gradients.append(torch.autograd.grad(output.square().sum(), [x, *layer.parameters()]))
    assert torch.equal(own(x), theirs(x))
    for expected, given in zip(*gradients, strict=True):
        assert_close(given, expected)


def test_temporal_layers_read_contiguous_tokens(backbone, inputs):
    """Products of frozen weights with strided tokens are slow on a CPU."""
    one = {**repeated(inputs, 1)}
    module, seen = backbone.down_blocks[0].motion_modules[0], []
    layers = [module.proj_in, module.transformer_blocks[0].attn2.to_q, module.transformer_blocks[0].attn2.to_k]
    hooks = [
        layer.register_forward_hook(lambda _, given, __: seen.append(given[0].is_contiguous())) for layer in layers
    ]
    backbone(**one)
    for hook in hooks:
        hook.remove()
    assert seen == [True] * 3


def test_one_reference_serves_all_videos(backbone):
    block = BackboneTransformer(8, 2, 4, 6).requires_grad_(False)
    x, maps = randn(B * F, 8, H, W, seed=1), randn(1, 7, 8, seed=2)
    alone = block.project_reference(maps)
    both = KeyValue(*(part.expand(B, -1, -1, -1) for part in alone))
    assert_close(block(x, alone, None, B * F), block(x, both, None, B * F))
