"""Train the transformer on prepared features: painting and answering together.

Needs a whole checkpoint (`assemble`) whose image tokenizer and encoders are trained, and the
features it gave for the faces (`features`).
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import PartialState
from PIL import Image
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from unif2ace.checkpoint import load_model
from unif2ace.model import UniF2aceForConditionalGeneration
from unif2ace.moe import GROUPS, Exploration, Group
from unif2ace.pipeline import UniF2acePipeline
from unif2ace.plan import PlanWords
from unif2ace.train.assemble import SHARD_SIZE
from unif2ace.train.features import FaceFeatures, read_features
from unif2ace.train.folders import written_whole
from unif2ace.train.loop import TrainConfig, TrainResult, run, shuffled_indices
from unif2ace.train.objective import generation_loss, understanding_loss
from unif2ace.train.sequences import (
    GenerationSample,
    UnderstandingSample,
    generation_sample,
    held_out_questions,
    understanding_sample,
)

EXPLORATION_SHARE = 0.6
"""Noise on sequence routing falls to 0 over this share of the run."""

ROUTER_LR_SCALE = 5.0
"""Sequence routers start level and must decide early, so they learn faster."""

SAMPLE_PROMPTS = (
    "a smiling woman with long red hair",
    "old man with a full beard and glasses",
    "young man, dark skin, short black hair, laughing",
    "a surprised woman with blond hair in a bob and red lipstick",
    "bald middle-aged man looking angry",
    "an old woman with grey hair wearing sunglasses",
    "a person",
    "sad young man with freckles and a beanie",
)


@dataclass(frozen=True, kw_only=True)
class TransformerBatch:
    """Faces to paint and faces with questions, None where there are none; the seed of the noise on
    routing."""

    generation: GenerationSample | None
    understanding: UnderstandingSample | None
    seed: int


class TransformerObjective(nn.Module):
    """forward(batch, progress) -> (loss, parts): L = D3Diff + plan + answers + balance.

    reading_weight: of all that is learnt by reading, against painting.
    """

    def __init__(
        self,
        model: UniF2aceForConditionalGeneration,
        exploration: float,
        reading_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.model, self.exploration = model, exploration
        self.reading_weight = reading_weight

    def forward(self, batch: TransformerBatch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        exploration = None
        scale = self.exploration * max(0.0, 1 - progress / EXPLORATION_SHARE)
        if scale > 0:
            exploration = Exploration(scale, torch.Generator().manual_seed(batch.seed))
        losses, parts = [], {}
        if batch.generation is not None:
            painting = generation_loss(self.model, batch.generation, exploration)
            losses, parts = [painting.total], painting.parts
        if batch.understanding is not None:
            reading = understanding_loss(self.model, batch.understanding, exploration)
            losses, parts = [*losses, self.reading_weight * reading.total], parts | reading.parts
        return torch.stack(losses).sum(), parts

    def compile_parts(self) -> None:
        for block in self.model.blocks:
            block.compile_parts()


@dataclass(frozen=True, kw_only=True)
class TransformerOptions:
    """How a step's batch is made up; `TrainConfig.batch_size` counts the faces to paint.

    copies: how often each of those is masked, each time anew.
    is_compiled: fuse the small steps of the layers, for a GPU, without exploration.
    exploration: noise on sequence routing at the start; little when going on from weights whose
        routers have decided.
    reading_weight: of what is learnt by reading against painting, whose score term outweighs it
        else; more of it where reading is what lacks.
    face_weight: how much the codes about the face count in painting, against 1 of all others.
    alone: the group whose experts are trained, on its task alone; what serves the other group stays
        as it is, bit by bit. None trains all.
    held_out: questions that are not trained on, in the words of `sequences.plainly`: those that
        measure must be new.
    """

    understanding_batch_size: int = 8
    questions_per_face: int = 8
    copies: int = 2
    is_compiled: bool = False
    exploration: float = 1.0
    reading_weight: float = 1.0
    face_weight: float = 1.0
    alone: Group | None = None
    held_out: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        sizes = (self.understanding_batch_size, self.questions_per_face, self.copies)
        if min(sizes) < 1 or self.exploration < 0 or self.reading_weight <= 0:
            raise ValueError(f"sizes and weight must be positive, exploration not negative: {self}")
        if self.is_compiled and self.exploration:
            raise ValueError("noise on routing is not compiled: add --exploration 0")


def train(
    checkpoint: Path,
    features: Path,
    config: TrainConfig,
    options: TransformerOptions | None = None,
) -> TrainResult:
    """Train in place of `checkpoint`'s transformer; the result lies in `config.out / "model"`."""
    options = options or TransformerOptions()
    faces = read_features(features)
    model = load_model(checkpoint, None, None, torch.device("cpu"), torch.float32)
    model.freeze_encoders()
    if options.alone is not None:
        train_experts(model, options.alone)
    if options.alone != "generation":
        model.config.hears_denials = True  # from now on
    tokenizer = PreTrainedTokenizerFast.from_pretrained(checkpoint)
    words = PlanWords(tokenizer, model.config.plan_length, model.config.encoders.attributes)
    draw = batch_drawer(faces, tokenizer, words, model, config, options)

    def save() -> None:
        with written_whole(config.out / "model") as fresh:
            model.save_pretrained(fresh, max_shard_size=SHARD_SIZE)
            tokenizer.save_pretrained(fresh)

    def on_sample(step: int) -> None:
        save()
        sample_sheet(model, tokenizer, config.out / f"{step:07d}.png")

    objective = TransformerObjective(model, options.exploration, options.reading_weight)
    if options.is_compiled:
        objective.compile_parts()
    result = run(
        config,
        objective,
        draw,
        on_sample=on_sample,
        learning_rate_scale=lambda name: ROUTER_LR_SCALE if "sequence_moe" in name else 1.0,
    )
    if PartialState().is_main_process:  # shards are whole only now
        save()
    return result


def train_experts(model: UniF2aceForConditionalGeneration, group: Group) -> None:
    """Only the experts of a group take gradients, and the code digits of the head, if it paints."""
    model.requires_grad_(False)
    for block in model.blocks:
        for level in (block.token_moe, block.sequence_moe):
            level[group].requires_grad_(True)
    if group == "generation":
        model.head_digits.requires_grad_(True)


def batch_drawer(
    faces: FaceFeatures,
    tokenizer: PreTrainedTokenizerBase,
    words: PlanWords,
    model: UniF2aceForConditionalGeneration,
    config: TrainConfig,
    options: TransformerOptions,
):
    """A `BatchFn`: every face comes up equally often in painting and in answering, if at all."""
    model_config = model.config

    def draw(step: int, generator: torch.Generator) -> TransformerBatch:
        rng = random.Random(int(torch.randint(2**62, (), generator=generator)))
        painting = reading = None
        if options.alone != "understanding":
            size = config.batch_size
            to_paint = shuffled_indices(len(faces), step * size, size, config.seed)
            painting = generation_sample(
                faces,
                to_paint.tolist(),
                tokenizer,
                model_config,
                words,
                rng=rng,
                generator=generator,
                copies=options.copies,
                face_weight=options.face_weight,
            )
        if options.alone != "generation":
            count = options.understanding_batch_size
            to_read = shuffled_indices(len(faces), step * count, count, config.seed + 1)
            reading = understanding_sample(
                faces,
                to_read.tolist(),
                tokenizer,
                model_config,
                words,
                questions_per_face=options.questions_per_face,
                rng=rng,
                held_out=options.held_out,
            )
        return TransformerBatch(
            generation=painting, understanding=reading, seed=rng.getrandbits(62)
        )

    return draw


def sample_sheet(
    model: UniF2aceForConditionalGeneration, tokenizer: PreTrainedTokenizerBase, path: Path
) -> None:
    """Paint the sample prompts, describe each picture, and write sheet and text side by side."""
    pipe = UniF2acePipeline(model, tokenizer, checkpoint="training")
    size = pipe.image_size
    sheet = Image.new("RGB", (4 * size, -(-len(SAMPLE_PROMPTS) // 4) * size))
    lines = []
    for i, prompt in enumerate(SAMPLE_PROMPTS):
        face = pipe.generate(prompt, seed=i)[0]
        sheet.paste(face.image, (i % 4 * size, i // 4 * size))
        lines.append(f"{prompt}\n  {pipe.describe(face.image)}")
    sheet.save(path)
    path.with_suffix(".txt").write_text("\n".join(lines) + "\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True, help="whole checkpoint to start")
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="run folder; resumed if it exists")
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, help="wall-clock budget over all resumptions")
    parser.add_argument(
        "--batch-size",
        type=int,
        default=24,
        help="faces to paint per process",
    )
    parser.add_argument("--copies", type=int, default=2, help="how often each of them is masked")
    parser.add_argument("--compile", action="store_true", help="fuse the small steps of a layer")
    parser.add_argument("--understanding-batch-size", type=int, default=8)
    parser.add_argument("--questions-per-face", type=int, default=8)
    parser.add_argument("--exploration", type=float, default=1.0, help="noise on routing at first")
    parser.add_argument("--reading-weight", type=float, default=1.0, help="of reading's loss")
    parser.add_argument("--face-weight", type=float, default=1.0, help="of codes about the face")
    parser.add_argument("--alone", choices=GROUPS, help="train the experts of this group alone")
    parser.add_argument(
        "--held-out-questions",
        type=Path,
        nargs="+",
        default=(),
        help="JSON lines of questions never to train on",
    )
    parser.add_argument("--learning-rate", type=float, default=6e-4)
    parser.add_argument("--workers", type=int, default=0, help="processes that make batches")
    parser.add_argument("--seed", type=int, default=0)


def main(arguments: argparse.Namespace) -> None:
    result = train(
        arguments.checkpoint,
        arguments.features,
        TrainConfig(
            out=arguments.out,
            steps=arguments.steps,
            seconds=arguments.seconds,
            batch_size=arguments.batch_size,
            learning_rate=arguments.learning_rate,
            workers=arguments.workers,
            seed=arguments.seed,
        ),
        TransformerOptions(
            understanding_batch_size=arguments.understanding_batch_size,
            questions_per_face=arguments.questions_per_face,
            copies=arguments.copies,
            is_compiled=arguments.compile,
            exploration=arguments.exploration,
            reading_weight=arguments.reading_weight,
            face_weight=arguments.face_weight,
            alone=arguments.alone,
            held_out=frozenset().union(*map(held_out_questions, arguments.held_out_questions)),
        ),
    )
    print(f"{result.steps} steps in {result.seconds:.0f} s, stopped by {result.stopped_by}")
