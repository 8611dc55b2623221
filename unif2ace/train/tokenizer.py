"""Training of the image tokenizer on rendered faces, with some photographs for texture.

    python -m unif2ace.train tokenizer --faces DIR --out DIR --preset nano --seconds 3000

Writes DIR/tokenizer (config.json, model.safetensors), DIR/report.json and sample sheets.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from unif2ace.areas import AREA_POINTS
from unif2ace.attributes import VOCABULARY
from unif2ace.config import PRESETS, VQConfig, telling
from unif2ace.train.critic import LEFT_EYE, MOUTH, RIGHT_EYE, PartCritic, critic_loss
from unif2ace.train.folders import written_whole
from unif2ace.train.images import (
    HIDDEN,
    FaceShards,
    random_crops,
    read_photos,
    sheet,
    to_pixels,
)
from unif2ace.train.loop import TrainConfig, TrainResult, run
from unif2ace.train.mirror import twin_points
from unif2ace.train.perceptual import PictureFeatures, feature_distance, weighed
from unif2ace.train.reading import load_reader, reading_distance
from unif2ace.vq import NOT_TOLD, ImageTokenizer, Told

EYES_AND_MOUTH = (LEFT_EYE, RIGHT_EYE, MOUTH)
CRITIC_LEAD = 0.05  # share of the budget
CRITIC_LR_SCALE = 8.0
"""Our choice: a critic starts fresh beside a decoder that knows its work."""
SMALLEST_CROP = 0.6  # of a photograph's side
TELLING_LR_SCALE = 10.0
"""What words add starts at nothing and is moved by a few faces of a batch each; a decoder that they
are added to mostly knows its work."""


@dataclass(frozen=True, kw_only=True)
class TokenizerTrainConfig:
    """What the tokenizer's training needs beyond the loop's own settings.

    photos: None for renders alone; else `photo_share` of each batch are photographs.
    start: folder of a trained tokenizer whose weights to start from; None for fresh ones.
    keeps_codes: train the decoder alone, so that whatever was trained on the codes of `start` stays
        right.
    reader: folder of trained encoders; what their face encoder reads off a picture of a face shall
        be read off its reconstruction too. None leaves that out.
    region_weight: of eyes and mouth against 1 elsewhere.
    pooled_weight: of the squared distance of whole looks, to finish a decoder with: pictures of a
        fresh one are so far off that it would drown all else. FD-ELite0 is measured on features of
        the same network (at another size), so it flatters a tokenizer trained with this weight; the
        distance on the judge's features does not.
    critic_start: share of the budget after which the adversarial term joins. Our choice: 1, which
        leaves it out; in a short run of ours it had not learnt to tell drawn eyes from true ones.
    critic_weight: of the critic's scores. Our choice: at 0.3 their gradient is as large as that of
        the perceptual distance in eyes and mouth.
    spoilt_share: half of the pictures have up to this share of their codes swapped for another
        picture's before they are decoded.
    untold_share: of renders of which a decoder that can be told of a picture is told nothing. Of
        photographs it never is, since nothing is known of them.
    means: file of `means.py`, or None. A share `means_share` of the faces in it are decoded from
        their means, as painted faces will be; these are neither mirrored nor spoilt.
    """

    loop: TrainConfig
    vq: VQConfig
    image_size: int
    faces: Path
    photos: Path | None = None
    start: Path | None = None
    keeps_codes: bool = False
    reader: Path | None = None
    photo_share: float = 0.1
    region_weight: float = 3.0
    perceptual_weight: float = 0.1
    pooled_weight: float = 0.0
    reading_weight: float = 0.3
    critic_weight: float = 0.3
    critic_start: float = 1.0
    spoilt_share: float = 0.3
    untold_share: float = 0.15
    means: Path | None = None
    means_share: float = 0.7
    evaluation_faces: int = 256

    def __post_init__(self) -> None:
        if not 0 <= self.photo_share < 1:
            raise ValueError(f"photo_share must be in [0, 1), got {self.photo_share}")
        if not 0 <= self.spoilt_share <= 1:
            raise ValueError(f"spoilt_share must be in [0, 1], got {self.spoilt_share}")
        if not 0 <= self.untold_share <= 1:
            raise ValueError(f"untold_share must be in [0, 1], got {self.untold_share}")
        if self.means is not None and not self.keeps_codes:
            raise ValueError("means are of codes that must be kept: add keeps_codes")
        if self.keeps_codes and self.start is None:
            raise ValueError("fresh weights have no codes worth keeping: name a tokenizer to start")
        if self.image_size % 16:
            raise ValueError(f"image_size must be a multiple of 16, got {self.image_size}")


def region_weights(
    landmarks: Tensor, size: int, weight: float, parts: Sequence[slice] = EYES_AND_MOUTH
) -> Tensor:
    """(B, 1, size, size): `weight` in a box around each of some parts of a face, 1 elsewhere.

    parts: of the landmarks; each eye and the mouth.
    landmarks: (B, 68, 2) shares of the picture; a face of NaN (not known) weighs 1 everywhere.
    A box is the landmarks' own, grown by a quarter of its width on every side.
    """
    centres = (torch.arange(size, device=landmarks.device) + 0.5) / size
    inside = torch.zeros(len(landmarks), size, size, dtype=torch.bool, device=landmarks.device)
    for part in parts:
        low, high = landmarks[:, part].amin(1), landmarks[:, part].amax(1)  # (B, 2)
        margin = (high - low)[:, :1] / 4
        low, high = low - margin, high + margin
        in_x = (centres >= low[:, :1]) & (centres <= high[:, :1])  # (B, size)
        in_y = (centres >= low[:, 1:]) & (centres <= high[:, 1:])
        inside |= in_y[:, :, None] & in_x[:, None, :]
    return 1 + (weight - 1) * inside[:, None].float()


def draw_spoilt(count: int, num_codes: int, share: float, generator: torch.Generator) -> Tensor:
    """(count, num_codes) bool: which codes to swap, in the first half of the pictures."""
    shares = share * torch.rand(count, 1, generator=generator)
    shares[count // 2 :] = 0
    return torch.rand(count, num_codes, generator=generator) < shares


def told_of(attributes: Tensor, counts: Sequence[int]) -> Tensor:
    """What a decoder is told: value indices (n, A), where `HIDDEN` becomes the last of `counts`.

    Raises: ValueError for another number of attributes than is told.
    """
    if attributes.shape[1] != len(counts):
        raise ValueError(f"faces tell {attributes.shape[1]} attributes, not {len(counts)}")
    return torch.where(attributes == HIDDEN, torch.tensor(counts) - 1, attributes)


class TokenizerObjective(nn.Module):
    """L1 and squared error, perceptual distance, quantiser loss and, if asked for, critics of eyes
    and mouth, as one loss.

    One optimizer serves both sides: the tokenizer sees the critic's weights as constants, the
    critic sees the pictures as constants, so adding the two losses keeps them apart.
    """

    def __init__(self, config: TokenizerTrainConfig) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = ImageTokenizer(config.vq)
        if config.start is not None:
            started = load_tokenizer(config.start)
            # what it is not told yet starts at nothing
            placeless = dataclasses.replace(config.vq, told_places=False)
            deaf = dataclasses.replace(placeless, told_counts=(), told_areas=())
            if started.config not in (config.vq, placeless, deaf):
                raise ValueError(f"{config.start} has other sizes: {started.config}")
            state = self.tokenizer.state_dict() | started.state_dict()  # telling may be new
            self.tokenizer.load_state_dict(state)
        if config.keeps_codes:
            self.tokenizer.encoder.requires_grad_(False)
        self.features = PictureFeatures()
        self.reader = None if config.reader is None else load_reader(config.reader)
        self.critic = PartCritic() if config.critic_start < 1 else None

    def train(self, mode: bool = True) -> TokenizerObjective:
        super().train(mode)
        if self.reader is not None:
            self.reader.eval()  # it measures, and forgets nothing meanwhile
        return self

    def forward(self, batch: dict[str, Tensor], progress: float) -> tuple[Tensor, dict]:
        """batch: as `TokenizerBatches` gives it. progress: 0..1."""
        config, pixels = self.config, to_pixels(batch["pictures"])
        weights = region_weights(batch["landmarks"], pixels.shape[-1], config.region_weight)
        told = None
        if "told" in batch:
            told = Told(words=batch["told"], points=batch["landmarks"][:, AREA_POINTS])
        output = self.tokenizer(pixels, batch["is_spoilt"], batch.get("shown"), told)
        ours = output.reconstruction
        error = ours.float() - pixels
        error = weighed(error.abs() + error.square(), weights)
        with torch.no_grad():
            real = self.features(pixels)
        fake = self.features(ours.to(memory_format=torch.channels_last))
        perceptual = feature_distance(fake.maps, real.maps, weights)
        pooled = (fake.pooled - real.pooled).square().sum(1).mean()
        looks = config.perceptual_weight * perceptual + config.pooled_weight * pooled
        loss = error + looks + output.quantizer_loss
        metrics = {
            "error": error,
            "perceptual": perceptual,
            "pooled": pooled,
            "usage": output.usage,
        }
        # of photographs, and of faces with another's codes, nothing is known
        is_face = ~batch["is_spoilt"].any(1) & batch["landmarks"].isfinite().flatten(1).all(1)
        if self.reader is not None and is_face.any():
            with torch.no_grad():
                told = self.reader(pixels[is_face])
            reading = reading_distance(self.reader(ours[is_face].clamp(-1, 1)), told)
            loss = loss + config.reading_weight * reading
            metrics["reading"] = reading
        # The critic trains a little before it counts, so that its first word is worth hearing.
        is_heard = progress >= config.critic_start - CRITIC_LEAD
        if self.critic is not None and is_heard and is_face.any():
            drawn, landmarks = ours[is_face], batch["landmarks"][is_face]
            frozen = {name: value.detach() for name, value in self.critic.named_parameters()}
            scores = torch.func.functional_call(self.critic, frozen, (drawn, landmarks))
            critic = critic_loss(
                self.critic(pixels[is_face], landmarks), self.critic(drawn.detach(), landmarks)
            )
            weight = config.critic_weight * float(progress >= config.critic_start)
            loss = loss - weight * scores.mean() + critic
            metrics |= {"critic": critic, "fooled": -scores.mean()}
        return loss, metrics


class TokenizerBatches:
    """Random faces, a share of photographs, random mirroring.

    Mirroring is right here, and only here: a tokenizer learns nothing about left and right, unless
    it is told of them.
    Once an epoch the folder is read again, since rendering may still go on; until it is done, a
    resumed run may draw other faces than an uninterrupted one.
    """

    def __init__(self, config: TokenizerTrainConfig, faces: FaceShards) -> None:
        self.config, self.faces = config, faces
        self.photos = None
        if config.photos is not None:
            self.photos = read_photos(config.photos, is_held_out=False)
        num_photos = round(config.photo_share * config.loop.batch_size)
        self.num_photos = num_photos if self.photos is not None else 0
        self.num_faces = config.loop.batch_size - self.num_photos
        self.means: dict[int, np.ndarray] = {}
        if config.means is not None:
            with np.load(config.means) as file:
                self.means = dict(zip(file["seeds"].tolist(), file["latents"], strict=True))
        self._drawn = 0

    def __call__(self, number: int, generator: torch.Generator) -> dict[str, Tensor]:
        """One batch.

        pictures (B, 3, S, S) uint8; landmarks (B, 68, 2), NaN for photographs; is_spoilt
        (B, N) bool, codes to swap before decoding. Photographs come last, so are seldom spoilt.
        With a decoder that is told of pictures: told (B, A), as `told_of` gives it.
        With means: shown (B, C, N), NaN where a picture's own codes are to be decoded.
        """
        self._drawn += self.num_faces
        if self._drawn >= len(self.faces):
            self.faces.refresh()
            self._drawn = 0
        rows = torch.randint(len(self.faces), (self.num_faces,), generator=generator)
        pictures, labels = self.faces.pixels(rows), self.faces.labels(rows)
        landmarks, shown = labels.landmarks, self._shown(labels.seeds, generator)
        if self.num_photos:
            assert self.photos is not None
            rows = torch.randint(len(self.photos), (self.num_photos,), generator=generator)
            crops = random_crops(
                self.photos[rows], self.config.image_size, SMALLEST_CROP, generator
            )
            pictures = torch.cat([pictures, crops])
            unknown = landmarks.new_full((self.num_photos, *landmarks.shape[1:]), torch.nan)
            landmarks = torch.cat([landmarks, unknown])
        told = self._told(labels.attributes, generator)
        is_mirrored = torch.rand(len(pictures), generator=generator) < 0.5
        if told is not None:
            is_mirrored &= (told == NOT_TOLD).all(1)
        if shown is not None:
            shows_own = shown[:, 0, 0].isnan()  # (B,)
            is_mirrored &= shows_own
        pictures = torch.where(is_mirrored[:, None, None, None], pictures.flip(-1), pictures)
        landmarks = torch.where(is_mirrored[:, None, None], twin_points(landmarks), landmarks)
        is_spoilt = draw_spoilt(
            len(pictures),
            (self.config.image_size // self.config.vq.downsample) ** 2,
            self.config.spoilt_share,
            generator,
        )
        batch = {"pictures": pictures, "landmarks": landmarks, "is_spoilt": is_spoilt}
        if told is not None:
            batch["told"] = told
        if shown is None:
            return batch
        return batch | {"is_spoilt": is_spoilt & shows_own[:, None], "shown": shown}

    def _told(self, attributes: Tensor, generator: torch.Generator) -> Tensor | None:
        """(B, A) of faces with these attributes and photographs, a share of them not told."""
        counts = self.config.vq.told_counts
        if not counts:
            return None
        told = told_of(attributes, counts)
        is_untold = torch.rand(len(told), 1, generator=generator) < self.config.untold_share
        unknown = told.new_full((self.num_photos, len(counts)), NOT_TOLD)
        return torch.cat([told.masked_fill(is_untold, NOT_TOLD), unknown])

    def _shown(self, seeds: Tensor, generator: torch.Generator) -> Tensor | None:
        """(B, C, N) means of some of the faces with these seeds, NaN of others and photographs."""
        if not self.means:
            return None
        shape = next(iter(self.means.values())).shape
        shown = torch.full((self.num_faces + self.num_photos, *shape), torch.nan)
        is_drawn = torch.rand(len(seeds), generator=generator) < self.config.means_share
        for i, seed in enumerate(seeds.tolist()):
            if is_drawn[i] and seed in self.means:
                shown[i] = torch.from_numpy(self.means[seed].astype(np.float32))
        return shown


def psnr(ours: Tensor, theirs: Tensor, weights: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio in dB of pictures in [-1, 1], over the positions weighed.

    weights: (B, 1, H, W), None for all alike.
    """
    error = (ours.float() - theirs.float()).square().mean(1, keepdim=True)
    mean = error.mean() if weights is None else weighed(error, weights)
    return float(10 * torch.log10(4 / mean))


@torch.inference_mode()
def reconstructions(
    tokenizer: ImageTokenizer, pixels: Tensor, told: Told | None = None
) -> tuple[Tensor, Tensor]:
    """What comes back of pixels (n, 3, S, S), and the codes (n, N)."""
    codes, pictures = [], []
    for start in range(0, len(pixels), 32):
        rows = slice(start, start + 32)
        part = pixels[rows]
        codes.append(tokenizer.encode(part))
        grid = (part.shape[-2] // 16, part.shape[-1] // 16)
        pictures.append(tokenizer.decode(codes[-1], grid, told and told.rows(rows)))
    return torch.cat(pictures), torch.cat(codes)


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Pictures (n, 3, S, S) uint8 that nothing was trained on, with landmarks (n, 68, 2), NaN where
    not known, and what to tell the decoder of them, None for nothing."""

    pictures: Tensor
    landmarks: Tensor
    told: Told | None = None


def evaluate(
    tokenizer: ImageTokenizer, kinds: Mapping[str, HeldOut]
) -> dict[str, dict[str, float]]:
    """PSNR, PSNR of eyes and mouth, and share of the code book in use, for each kind of picture.

    Landmarks of NaN give no eyes-and-mouth number.
    """
    device = next(tokenizer.parameters()).device
    report = {}
    for name, held in kinds.items():
        pixels = to_pixels(held.pictures.to(device))
        told = held.told and held.told.to(device)
        ours, codes = reconstructions(tokenizer, pixels, told)
        inside = region_weights(held.landmarks.to(device), pixels.shape[-1], 2.0) - 1
        used = codes.unique().numel()
        report[name] = {
            "psnr": psnr(ours, pixels),
            "codes_used": used,
            "codes_used_share": used / tokenizer.codebook_size,
            "positions": codes.numel(),
        }
        if inside.any():
            report[name]["psnr_eyes_and_mouth"] = psnr(ours, pixels, inside)
    return report


def evaluation_pictures(config: TokenizerTrainConfig) -> dict[str, HeldOut]:
    """Held-out renders, the same told if that is learnt, and held-out photographs."""
    kinds = {}
    faces = FaceShards(
        config.faces,
        cache=config.loop.out / "cache",
        size=config.image_size,
        is_held_out=True,
    )
    if len(faces):
        rows = torch.arange(min(config.evaluation_faces, len(faces)))
        labels = faces.labels(rows)
        kinds["renders"] = HeldOut(pictures=faces.pixels(rows), landmarks=labels.landmarks)
        if counts := config.vq.told_counts:
            words = told_of(labels.attributes, counts)
            told = Told(words=words, points=labels.landmarks[:, AREA_POINTS])
            kinds["renders told"] = dataclasses.replace(kinds["renders"], told=told)
    if config.photos is not None:
        photos = read_photos(config.photos, is_held_out=True, size=config.image_size)
        unknown = torch.full((len(photos), 68, 2), torch.nan)
        kinds["photographs"] = HeldOut(pictures=photos, landmarks=unknown)
    return kinds


def train(config: TokenizerTrainConfig) -> TrainResult:
    """Train, evaluate, and write `out/tokenizer` with the averaged weights."""
    out = config.loop.out
    faces = FaceShards(config.faces, cache=out / "cache", size=config.image_size, is_held_out=False)
    if not len(faces):
        raise ValueError(f"no train-*.parquet in {config.faces}; render faces first")
    torch.manual_seed(config.loop.seed)  # the initial weights: torch's layers take no generator
    objective = TokenizerObjective(config).to(memory_format=torch.channels_last)
    held_out = evaluation_pictures(config)

    def on_sample(step: int) -> None:
        report = evaluate(objective.tokenizer, held_out)
        save_tokenizer(objective.tokenizer, out / "tokenizer")
        (out / "report.json").write_text(json.dumps({"step": step, **report}, indent=2) + "\n")
        with (out / "evaluation.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, **report}) + "\n")
        device = next(objective.parameters()).device
        for name, held in held_out.items():
            pixels = to_pixels(held.pictures[:16].to(device))
            told = held.told and held.told.rows(slice(16)).to(device)
            ours, _ = reconstructions(objective.tokenizer, pixels, told)
            sheet([pixels, ours], columns=8).save(
                out / f"sheet-{name.replace(' ', '-')}-{step:06d}.png"
            )

    return run(
        config.loop,
        objective,
        TokenizerBatches(config, faces),
        on_sample=on_sample,
        learning_rate_scale=learning_rate_scale,
    )


def learning_rate_scale(name: str) -> float:
    """A factor on the learning rate of the parameter of this name in `TokenizerObjective`."""
    if name.startswith("critic."):
        return CRITIC_LR_SCALE
    return TELLING_LR_SCALE if ".telling." in name else 1.0


def save_tokenizer(tokenizer: ImageTokenizer, folder: Path) -> None:
    """config.json and model.safetensors; read back by `load_tokenizer`."""
    text = json.dumps(dataclasses.asdict(tokenizer.config), indent=2)
    state = {name: t.detach().cpu().contiguous() for name, t in tokenizer.state_dict().items()}
    with written_whole(folder) as fresh:
        (fresh / "config.json").write_text(text + "\n")
        save_file(state, fresh / "model.safetensors")


def load_tokenizer(folder: Path) -> ImageTokenizer:
    """The tokenizer that `train` wrote, in eval mode."""
    if not (folder / "config.json").is_file():
        raise ValueError(f"{folder} holds no tokenizer; train one with `unif2ace.train tokenizer`")
    values = json.loads((folder / "config.json").read_text())
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    tokenizer = ImageTokenizer(VQConfig(**values))
    tokenizer.load_state_dict(load_file(folder / "model.safetensors"))
    return tokenizer.eval()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--faces", type=Path, required=True, help="folder of rendered shards")
    parser.add_argument("--photos", type=Path, help="folder of photographs 0000.jpg ...")
    parser.add_argument("--start", type=Path, help="folder of a trained tokenizer to go on from")
    parser.add_argument(
        "--keep-codes",
        action="store_true",
        help="train the decoder alone: codes mean what they did",
    )
    parser.add_argument(
        "--told", action="store_true", help="tell the decoder in words what a face shows"
    )
    parser.add_argument("--means", type=Path, help="what painted pictures show: `train means`")
    parser.add_argument("--reader", type=Path, help="folder of encoders that must read it alike")
    parser.add_argument(
        "--reading-weight", type=float, default=0.3, help="of what the reader must read alike"
    )
    parser.add_argument(
        "--pooled-weight",
        type=float,
        default=0.0,
        help="of what pictures look like as a whole, to finish a decoder with",
    )
    parser.add_argument(
        "--critic-start",
        type=float,
        default=1.0,
        help="share of the budget after which a critic counts; 1 for none",
    )
    parser.add_argument("--out", type=Path, required=True, help="run folder; resumed if it exists")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="nano")
    parser.add_argument("--seconds", type=float, help="wall-clock budget over all resumptions")
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--batch-size", type=int, default=32, help="per process")
    parser.add_argument("--learning-rate", type=float, default=6e-4)
    parser.add_argument(
        "--ema-decay", type=float, default=0.999, help="of averaged weights, less in short runs"
    )
    parser.add_argument("--workers", type=int, default=0, help="processes that make batches")
    parser.add_argument("--seed", type=int, default=0)


def main(arguments: argparse.Namespace) -> None:
    preset = PRESETS[arguments.preset]()
    loop = TrainConfig(
        out=arguments.out,
        steps=arguments.steps,
        seconds=arguments.seconds,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        ema_decay=arguments.ema_decay,
        workers=arguments.workers,
        seed=arguments.seed,
    )
    config = TokenizerTrainConfig(
        loop=loop,
        vq=telling(preset.vq, VOCABULARY) if arguments.told else preset.vq,
        image_size=preset.image_size,
        faces=arguments.faces,
        photos=arguments.photos,
        start=arguments.start,
        keeps_codes=arguments.keep_codes,
        reader=arguments.reader,
        reading_weight=arguments.reading_weight,
        pooled_weight=arguments.pooled_weight,
        critic_start=arguments.critic_start,
        means=arguments.means,
    )
    result = train(config)
    print(f"{result.steps} steps in {result.seconds:.0f} s, stopped by {result.stopped_by}")
