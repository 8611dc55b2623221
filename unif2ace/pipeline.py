"""`UniF2acePipeline`: words to faces, faces to words. The only API that app and users see.

Takes and gives PIL pictures and text; every draw comes from a seed, never from global state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from unif2ace.areas import AREA_POINTS
from unif2ace.attributes import check_value, goes_without_saying
from unif2ace.checkpoint import checkpoint_name, load_model, spend_memory
from unif2ace.encoders import FaceOutput
from unif2ace.inclusion import holds_any
from unif2ace.layers import KeyValues
from unif2ace.model import TransformerOutput, UniF2aceForConditionalGeneration
from unif2ace.moe import SEQUENCE_EXPERTS, Group, Routing
from unif2ace.parsing import (
    ABSENT,
    asks_yes_no,
    is_to_the_point,
    parse_attributes,
    parse_constraints,
    parse_denials,
    parse_yes_no,
)
from unif2ace.plan import Plan, PlanWords, answer_of
from unif2ace.prompting import (
    SequenceBatch,
    Thought,
    Turn,
    encode_request,
    encode_text,
    generation_batch,
    image_batch,
    image_mask,
    prefix_batch,
    prompt_ids,
    question_ids,
    text_batch,
    turns_batch,
    turns_mask,
)
from unif2ace.records import (
    DEFAULT_CHOICE_TEMPERATURE,
    DEFAULT_GUIDANCE,
    DEFAULT_STEERING,
    DEFAULT_STEPS,
    DEFAULT_TEMPERATURE,
    MOST_OTHERS,
    PERHAPS,
    PLAN_TEMPERATURE,
    PULL_LIMIT,
    Answer,
    EditSettings,
    GeneratedFace,
    GenerationSettings,
    GenerationStep,
    Limits,
    PaintingJob,
    Picture,
    Reply,
)
from unif2ace.regions import check_region, region_tokens, surrounded, touched_tokens
from unif2ace.routing import FaceRouting
from unif2ace.sampler import (
    CodeLogitsFn,
    SampleStep,
    generate_plan,
    generate_tokens,
    guided,
    lattices,
    posterior_means,
    sample_steps,
)
from unif2ace.schedule import MaskSchedule
from unif2ace.sentences import IMPLIED, BatchLogitsFn, careful_tokens, settled_tokens
from unif2ace.steering import Frame, Steering, gradient_fn
from unif2ace.vq import Told
from unif2ace.wording import (
    DESCRIBE_QUESTION,
    DETAIL_QUESTION,
    NOT_VISIBLE,
    canonical_question,
)

MAX_SHORT_TOKENS = 64
"""Of an answer about one thing; learnt ones have half of that at most."""
MOST_GAP = 0.035
"""Of a picture's side, between landmarks read in two ways. Our choice: it parts painted faces from
photographs (`heard_in_edits` of `evaluate generation` and `evaluate photographs`)."""
_PART_ENDS = (",", "and", "with", "while")
_ASIDE = "Tell me about the {}."
_SHORT_SENTENCE = 6  # in tokens
_ALWAYS_TOLD = ("hair_color", "hair_style", "eye_color", "expression")


def to_square(image: Image.Image, size: int) -> Image.Image:
    """The centre square of a picture, RGB, resized bicubically to (size, size)."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.convert("RGB").crop((left, top, left + side, top + side))
    if square.size != (size, size):
        square = square.resize((size, size), Image.Resampling.BICUBIC)
    return square


def to_pixels(image: Image.Image, size: int) -> Tensor:
    """The `to_square` of a picture as (1, 3, size, size) float32 in [-1, 1]."""
    array = torch.from_numpy(np.array(to_square(image, size), dtype=np.float32))
    return (array / 127.5 - 1).permute(2, 0, 1)[None]


def to_image(pixels: Tensor) -> Image.Image:
    """(3, H, W) in [-1, 1] to an RGB picture."""
    array = ((pixels.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0)
    return Image.fromarray(array.cpu().numpy())


def _is_striking(name: str, value: str) -> bool:
    """What nobody leaves out who describes a face, and whatever not every face has."""
    return name in _ALWAYS_TOLD or value != ABSENT.get(name, value)


def _generators(seed: int, count: int) -> list[torch.Generator]:
    """Picture i draws from seed + i."""
    return [torch.Generator().manual_seed(seed + i) for i in range(count)]


class UniF2acePipeline:
    """One loaded checkpoint. Thread-safe for reading; calls share nothing but weights."""

    def __init__(
        self,
        model: UniF2aceForConditionalGeneration,
        tokenizer: PreTrainedTokenizerBase,
        *,
        checkpoint: str = "unnamed",
    ) -> None:
        self.model, self.tokenizer, self.checkpoint = model.eval(), tokenizer, checkpoint
        self.config = model.config
        self.schedule = MaskSchedule(model.config.schedule)
        self.limits = Limits()
        self.plan_words = PlanWords(
            tokenizer, model.config.plan_length, model.config.encoders.attributes
        )

    @classmethod
    def from_pretrained(
        cls,
        path_or_repo: str | Path,
        revision: str | None = None,
        quantization: str | None = "nf4",
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> UniF2acePipeline:
        """Load a checkpoint folder or Hub repository.

        Args:
            quantization: "nf4" loads a pre-quantised checkpoint as it lies, or quantises a full
                one; a CPU with memory to spare keeps plain copies beside it to compute with. None
                gives unpacked weights alone from either, and the same pictures.
            device: default CUDA when there is one, else the CPU.
            dtype: of the arithmetic and of what is not NF4; default `default_dtype(device)`.
        Raises: ValueError for an unknown quantization or a checkpoint that is not whole.
        """
        if quantization not in ("nf4", None):
            raise ValueError(f"quantization must be 'nf4' or None, got {quantization!r}")
        device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        model = load_model(path_or_repo, revision, quantization, device, dtype)
        if model.device.type == "cpu":
            spend_memory(model)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(path_or_repo, revision=revision)
        commit = getattr(model.config, "_commit_hash", None)
        name = checkpoint_name(path_or_repo, revision, commit)
        return cls(model, tokenizer, checkpoint=name)

    @property
    def image_size(self) -> int:
        return self.config.image_size

    @property
    def device(self) -> torch.device:
        return self.model.device

    # -- what it knows -------------------------------------------------------------------------

    def check_value(self, name: str, value: str | None = None) -> None:
        """ValueError, naming what is allowed, for what this checkpoint does not know."""
        check_value(name, value, self.config.attributes)

    def asked(self, prompt: str) -> dict[str, str]:
        """The values that a prompt settles, of attributes that this checkpoint knows."""
        known = self.config.attributes
        said = parse_attributes(prompt).items()
        return {name: value for name, value in said if value in known.get(name, ())}

    def constraints(self, prompt: str) -> dict[str, frozenset[str]]:
        """The values that a prompt leaves open, of attributes that this checkpoint knows.

        What it could not paint in any case, no value of its own being left, is passed over.
        """
        known = self.config.attributes
        open_values = {
            name: allowed & set(known.get(name, ()))
            for name, allowed in parse_constraints(prompt).items()
        }
        return {name: allowed for name, allowed in open_values.items() if allowed}

    def wanted(self, prompt: str) -> dict[str, tuple[str, ...]]:
        """The values that `constraints` leaves open, in order: what the prompt settles first."""
        settled = self.asked(prompt)
        return {
            name: tuple(
                sorted(
                    (value for value in self.config.attributes[name] if value in allowed),
                    key=lambda value: value != settled.get(name),
                )
            )
            for name, allowed in self.constraints(prompt).items()
        }

    # -- words to faces ------------------------------------------------------------------------

    def check_prompt(self, prompt: str) -> list[int]:
        """The prompt's token ids; ValueError, in words for a visitor, when it cannot be used."""
        if not prompt or not prompt.strip():
            raise ValueError("The prompt is empty: describe a face, for example 'an old man'.")
        if len(prompt) > self.limits.max_prompt_chars:
            raise ValueError(
                f"The prompt has {len(prompt)} characters, at most "
                f"{self.limits.max_prompt_chars} are allowed: shorten it."
            )
        return prompt_ids(encode_request(self.tokenizer, prompt), self.config)

    def check_settings(
        self,
        *,
        steps: int,
        guidance: float,
        num_images: int,
        seed: int,
        steering: float = DEFAULT_STEERING,
    ) -> None:
        """ValueError, naming setting, value and range, unless all lie within `limits`."""
        given = {
            "steps": steps,
            "guidance": guidance,
            "num_images": num_images,
            "seed": seed,
            "steering": steering,
        }
        for name, value in given.items():
            low, high = getattr(self.limits, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be between {low} and {high}, got {value}.")
        last = self.limits.seed[1] - num_images + 1  # picture i has seed + i
        if seed > last:
            raise ValueError(f"seed must be at most {last} for {num_images} pictures, got {seed}.")

    def generate(
        self,
        prompt: str,
        seed: int | None = None,
        steps: int | None = None,
        guidance: float = DEFAULT_GUIDANCE,
        num_images: int = 1,
        callback: Callable[[GenerationStep], None] | None = None,
        steering: float = DEFAULT_STEERING,
    ) -> list[GeneratedFace]:
        """Paint `num_images` faces; picture i has seed + i. `callback` sees every step.

        steering: how strongly what the face encoder sees in unfinished pictures pulls them to what
            they should show (`steering.Steering`); 0 paints without looking.
        """
        wanted = self._settings(prompt, seed, steps, guidance, num_images, steering)
        return self._painted(self._job(*wanted, num_images), callback)

    def generate_steps(
        self,
        prompt: str,
        seed: int | None = None,
        steps: int | None = None,
        guidance: float = DEFAULT_GUIDANCE,
        num_images: int = 1,
        steering: float = DEFAULT_STEERING,
    ) -> Iterator[GenerationStep]:
        """Like `generate`, step by step. Bad arguments raise before the first step."""
        wanted = self._settings(prompt, seed, steps, guidance, num_images, steering)
        return self._paint(self._job(*wanted, num_images))

    def edit(
        self,
        image: Image.Image,
        mask_or_region: Image.Image | np.ndarray | str,
        prompt: str,
        seed: int | None = None,
        steps: int | None = None,
        guidance: float = DEFAULT_GUIDANCE,
        num_images: int = 1,
        callback: Callable[[GenerationStep], None] | None = None,
        steering: float = DEFAULT_STEERING,
    ) -> list[GeneratedFace]:
        """Paint a part of a face anew, after a prompt that describes the whole face.

        The tokens outside the mask keep the codes that the picture has; what is shown is its centre
        square at `image_size`, there as it was but for a seam (`regions.surrounded`).

        Args:
            mask_or_region: a bool array (grid, grid) of tokens; or a picture of mode "1" or "L",
                laid over `image`, whose bright pixels each mark the token they touch; or the name
                of a region, see `regions.REGIONS`.
        Raises: ValueError as `generate`, and for a mask that marks nothing or has another shape.
        """
        wanted = self._settings(prompt, seed, steps, guidance, num_images, steering)
        job = self._edit_job(image, mask_or_region, *wanted, num_images)
        return self._painted(job, callback)

    def edit_steps(
        self,
        image: Image.Image,
        mask_or_region: Image.Image | np.ndarray | str,
        prompt: str,
        seed: int | None = None,
        steps: int | None = None,
        guidance: float = DEFAULT_GUIDANCE,
        num_images: int = 1,
        steering: float = DEFAULT_STEERING,
    ) -> Iterator[GenerationStep]:
        """Like `edit`, step by step. Bad arguments raise before the first step."""
        wanted = self._settings(prompt, seed, steps, guidance, num_images, steering)
        return self._paint(self._edit_job(image, mask_or_region, *wanted, num_images))

    def _job(self, ids: list[int], settings: GenerationSettings, num_images: int) -> PaintingJob:
        shape = (num_images, self.config.num_image_tokens)
        return PaintingJob(
            codes=torch.full(shape, self.config.layout.mask_code), prompt=ids, settings=settings
        )

    @torch.inference_mode()
    def _edit_job(
        self,
        image: Image.Image,
        mask_or_region: Image.Image | np.ndarray | str,
        ids: list[int],
        settings: GenerationSettings,
        num_images: int,
    ) -> PaintingJob:
        """The picture's codes, masked where to paint, and its own plan as far as the prompt allows.

        What the prompt settles is planned anew, all else stays as the picture shows it.
        """
        if isinstance(mask_or_region, str):
            check_region(mask_or_region)
        pixels = self._pixels(image)
        face = self.model.read_face(pixels)
        landmarks = face.landmarks[0].float().cpu()
        mask = self._token_mask(image, landmarks.numpy(), mask_or_region)
        is_open = torch.from_numpy(mask).flatten()
        picture = self._encoded(pixels, face)
        codes = torch.where(is_open, self.config.layout.mask_code, picture.codes.cpu())  # (1, N)
        region = mask_or_region if isinstance(mask_or_region, str) else "mask"
        shown = [] if is_open.all() else self.read_plan(picture)  # nothing left, nothing kept
        return PaintingJob(
            codes=codes.expand(num_images, -1),
            prompt=ids,
            settings=EditSettings(**vars(settings), region=region),
            shown=shown,
            is_told=not shown or self._is_known_well(shown, landmarks),
            original=None if is_open.all() else to_square(image, self.image_size),
        )

    def _token_mask(
        self,
        image: Image.Image,
        landmarks: np.ndarray,
        mask_or_region: Image.Image | np.ndarray | str,
    ) -> np.ndarray:
        """The tokens (grid, grid) to paint anew; ValueError unless there is one."""
        grid = self.config.grid
        if isinstance(mask_or_region, str):
            mask = region_tokens(mask_or_region, landmarks, grid)
            if not mask.any():
                raise ValueError(f"the picture shows no {mask_or_region} to paint anew")
            return mask
        if isinstance(mask_or_region, Image.Image):
            mask = touched_tokens(mask_or_region, image.size, grid)
        else:
            mask = np.array(mask_or_region)
            if mask.shape != (grid, grid) or mask.dtype != bool:
                raise ValueError(
                    f"the mask must be a bool array of shape ({grid}, {grid}), "
                    f"got {mask.dtype} {mask.shape}"
                )
        if not mask.any():
            raise ValueError("the mask marks nothing to paint anew")
        return mask

    def _settings(
        self,
        prompt: str,
        seed: int | None,
        steps: int | None,
        guidance: float,
        num_images: int,
        steering: float,
    ) -> tuple[list[int], GenerationSettings]:
        """The prompt's ids, and settings with the gaps filled; ValueError unless all are usable."""
        if seed is None:
            seed = self.limits.draw_seed()
        if steps is None:
            steps = DEFAULT_STEPS
        self.check_settings(
            steps=steps, guidance=guidance, num_images=num_images, seed=seed, steering=steering
        )
        return self.check_prompt(prompt), GenerationSettings(
            prompt=prompt,
            seed=seed,
            steps=steps,
            guidance=guidance,
            steering=steering,
            checkpoint=self.checkpoint,
        )

    def _sample(self, job: PaintingJob, plans: Tensor) -> Iterator[SampleStep]:
        """Fill the job's masked codes after the plans (num_images, P) of its pictures."""
        codes, settings = job.codes, job.settings
        prompts = [job.prompt + plan for plan in plans.tolist()]
        return sample_steps(
            self.code_logits_fn(prompts, settings.guidance),
            codes.to(self.device),
            mask_code=self.config.layout.mask_code,
            schedule=self.schedule,
            steps=settings.steps,
            temperature=DEFAULT_TEMPERATURE,
            choice_temperature=DEFAULT_CHOICE_TEMPERATURE,
            generators=_generators(settings.seed, len(codes)),
            values=self.model.code_values(),
            steering=self._steering(settings, self._telling(job, plans)),
        )

    def _steering(self, settings: GenerationSettings, told: Told) -> Steering | None:
        """Towards what the prompt asks for, as far as the face encoder has eyes for it; else None.

        What only the plan says pulls nothing: it tells little that anybody misses, and pulls from
        everywhere at once make faces uneven. The transformer would have to read every look.
        """
        wanted = self.constraints(settings.prompt)
        wished = {
            name: [i for i, value in enumerate(values) if value in wanted[name]]
            for name, values in self.config.encoders.attributes
            if wanted.get(name, frozenset()) & {*values} not in (set(), {*values})
        }
        if settings.steering == 0 or not wished:
            return None

        def read(latents: Tensor, frame: Frame, row: int) -> Mapping[str, Tensor]:
            return self.model.read_latents(latents, frame, told.row(row)).attribute_logits

        return Steering(
            gradient_fn=gradient_fn(read, wished), strength=settings.steering, limit=PULL_LIMIT
        )

    @torch.inference_mode()
    def draw_plans(
        self,
        prompt: Sequence[int],
        generators: Sequence[torch.Generator],
        *,
        constraints: Mapping[str, Set[str]] | None = None,
        shown: Sequence[int] = (),
    ) -> Tensor:
        """Plans (n, P) that follow a prompt's ids, one from each generator.

        Args:
            constraints: the values left open of attributes that the prompt speaks of, see
                `parsing.parse_constraints`; what it says outright is not left to the network.
            shown: words to keep unless `constraints` rule them out: a picture's own plan.
        """
        allowed = self.plan_words.allowed(constraints or {})
        for place, word in enumerate(shown):
            if word in allowed[place]:
                allowed[place] = [word]
        if all(len(ids) == 1 for ids in allowed):  # nothing is left to the network
            words = [word for (word,) in allowed]
            return torch.tensor(words, dtype=torch.long).expand(len(generators), -1)
        cache = KeyValues()
        shift = self.config.max_prompt_tokens - self.config.plan_length - len(prompt)

        def next_logits(words: Tensor, place: int) -> Tensor:
            cache.crop(len(prompt) + place - cache.get_seq_length())
            places = torch.arange(place, place + words.shape[1], device=words.device)
            places = places.expand(len(words), -1)
            return self._next_logits(words, cache, "generation", shift=shift, places=places)

        ids = torch.tensor([list(prompt)], device=self.device)
        first = self._next_logits(ids, cache, "generation", shift=shift)[:, -1]
        cache.batch_repeat_interleave(len(generators))
        return generate_plan(
            next_logits,
            first.expand(len(generators), -1),
            choices=self.plan_words.choices(allowed, PLAN_TEMPERATURE),
            generators=generators,
        ).cpu()

    @torch.inference_mode()
    def read_plan(self, picture: Picture) -> list[int]:
        """The words of the plan that a picture shows: as many as it has image places, up to P."""
        if not self.plan_words.words:
            return []
        return self.plan_words.read(self._look(picture)[0])[0].tolist()

    def _faces(
        self, step: SampleStep, job: PaintingJob, words: Tensor, plans: Sequence[Plan]
    ) -> tuple[GeneratedFace, ...]:
        """The faces that the last step painted, as `posterior_means` shows their codes (n, N).

        One by one: side by side, sums round otherwise than alone, by one level here and there, and
        a seed should give the same bytes in any company. Pulls come from steps side by side, so
        that steered pictures have the same codes in any company, and pixels but for such rounding.
        """
        settings, mask_code = job.settings, self.config.layout.mask_code
        codes, pulls = step.codes, step.pulls
        assert pulls is not None
        is_open = job.codes[0].to(codes.device) == mask_code  # (N,), alike in all
        parts = [part.to(codes.device) for part in lattices(self.config.grid)]
        parts = [part[is_open[part]] for part in parts]
        faces, values, told = [], self.model.code_values(), self._telling(job, words)
        for i, (row, plan) in enumerate(zip(codes, words.tolist(), strict=True)):
            latents = posterior_means(
                self.code_logits_fn([job.prompt + plan], settings.guidance),
                row[None],
                values,
                mask_code=mask_code,
                parts=parts,
                temperature=DEFAULT_TEMPERATURE,
                pulls=pulls[i : i + 1],
            )
            faces.append(
                GeneratedFace(
                    image=self._shown(latents, told.row(i), job),
                    seed=settings.seed + i,
                    codes=tuple(row.tolist()),
                    settings=replace(settings, seed=settings.seed + i),
                    plan=plans[i],
                )
            )
        return tuple(faces)

    @torch.inference_mode()
    def _painted(
        self, job: PaintingJob, callback: Callable[[GenerationStep], None] | None
    ) -> list[GeneratedFace]:
        """The finished faces; previews are decoded only if somebody looks."""
        if callback is None:
            words = self._plans(job)
            (last,) = deque(self._sample(job, words), maxlen=1)
            return list(self._faces(last, job, words, self._decoded(words)))
        for step in self._paint(job):
            callback(step)
        return list(step.faces)

    def _shown(self, latents: Tensor, told: Told, job: PaintingJob) -> Image.Image:
        """The picture of latents (1, N, C), amid what an edit keeps."""
        painted = to_image(self.model.decode_latents(latents, told)[0])
        if job.original is None:
            return painted
        is_open = job.codes[0] == self.config.layout.mask_code
        grid = (self.config.grid, self.config.grid)
        return surrounded(painted, job.original, is_open.view(grid).numpy())

    def _plans(self, job: PaintingJob) -> Tensor:
        """The plan (num_images, P) of each picture; picture i draws from seed + i."""
        return self.draw_plans(
            job.prompt,
            _generators(job.settings.seed, len(job.codes)),
            constraints=self.constraints(job.settings.prompt),
            shown=job.shown,
        )

    def _telling(self, job: PaintingJob, plans: Tensor) -> Told:
        """What the decoder is told of pictures with these plans (n, P)."""
        told = self.plan_words.told(plans).to(self.device)
        return told if job.is_told else replace(told, points=told.points * torch.nan)

    @torch.inference_mode()
    def hears_plan(self, image: Image.Image) -> bool:
        """Whether the decoder hears the plan read off a picture of which a part is painted anew."""
        pixels = self._pixels(image)
        face = self.model.read_face(pixels)
        plan = self.read_plan(self._encoded(pixels, face))
        return self._is_known_well(plan, face.landmarks[0].float().cpu())

    def _is_known_well(self, plan: Sequence[int], landmarks: Tensor) -> bool:
        """Whether the plan read off a picture has the face where its landmarks (68, 2) lie.

        Where it has not, as of most photographs, words would be heard in the wrong places, and the
        picture's own codes know better.
        """
        points = self.plan_words.told(torch.tensor([plan])).points[0]  # (9, 2)
        gaps = (points - landmarks[list(AREA_POINTS)]).norm(dim=-1)
        return bool(gaps.mean() <= MOST_GAP)  # not where a plan has no points: NaN

    def _decoded(self, plans: Tensor) -> list[Plan]:
        return [self.plan_words.decode(plan) for plan in plans.tolist()]

    @torch.inference_mode()
    def _paint(self, job: PaintingJob) -> Iterator[GenerationStep]:
        grid = (self.config.grid, self.config.grid)
        words = self._plans(job)
        plans, told = self._decoded(words), self._telling(job, words).row(0)
        for step in self._sample(job, words):
            is_last = step.step == step.num_steps
            faces = self._faces(step, job, words, plans) if is_last else ()
            is_masked = (step.codes[0] == self.config.layout.mask_code).view(grid)
            assert step.means is not None
            yield GenerationStep(
                preview=faces[0].image if faces else self._shown(step.means[:1], told, job),
                is_masked=is_masked.cpu().numpy(),
                step=step.step,
                num_steps=step.num_steps,
                seed=job.settings.seed,
                plan=plans[0],
                faces=faces,
            )

    def code_logits_fn(
        self, prompts: Sequence[Sequence[int]], guidance: float = 1.0
    ) -> CodeLogitsFn:
        """Logits at places of codes (n, N) for n prompts, with or without plans.

        Text never sees image tokens, so its keys and values are computed once, here. Guidance mixes
        what goes into the head, which is the same as mixing what comes out, since the head is
        affine and the two shares sum to 1; and the head is then asked once. All pictures share one
        empty prompt.
        """
        rows = list(range(len(prompts)))
        if guidance != 1:
            rows += [len(prompts)] * len(prompts)
            prompts = [*prompts, prompt_ids([], self.config)]
        text, cache = text_batch(prompts, self.config), KeyValues()
        self.model(**text.inputs(self.device), group="generation", cache=cache)
        cache.select(rows)
        width = self.config.num_image_tokens + 2
        mask = image_mask(text, width)[rows].to(self.device)
        head = self.model.code_head()

        def hidden_fn(codes: Tensor, places: Tensor) -> Tensor:
            image = image_batch(codes, self.config)
            output = self.model(
                image.token_ids,
                positions=image.positions,
                mask=mask,
                group="generation",
                image_start=image.image_start,
                cache=cache,
            )
            cache.crop(-width)  # the image's keys are of this step only
            every = torch.arange(len(places), device=places.device)[:, None]
            return output.hidden[every, 1 + places]  # behind <soi>

        mixed_fn = hidden_fn if guidance == 1 else guided(hidden_fn, guidance)

        def logits_fn(codes: Tensor, places: Tensor) -> Tensor:
            return self.model.code_logits(mixed_fn(codes, places).to(head[0].dtype), head)

        return logits_fn

    # -- faces to words ------------------------------------------------------------------------

    @torch.inference_mode()
    def encode(self, image: Image.Image) -> Picture:
        """Codes and frozen features of a picture, resized to the model's size."""
        return self._encoded(self._pixels(image))

    def _encoded(self, pixels: Tensor, face: FaceOutput | None = None) -> Picture:
        face = self.model.read_face(pixels) if face is None else face
        return Picture(
            codes=self.model.encode_codes(pixels),
            features=self.model.encode_features(pixels, face),
            read=face.attribute_logits,
        )

    def _pixels(self, image: Image.Image) -> Tensor:
        if not isinstance(image, Image.Image):
            raise ValueError(f"expected a PIL picture, got {type(image).__name__}")
        return to_pixels(image, self.image_size).to(self.device, self.model.dtype)

    def check_question(self, question: str) -> list[int]:
        """The question's ids; ValueError, in words for a visitor, when it cannot be used."""
        if not question or not question.strip():
            raise ValueError("The question is empty: ask something about the face.")
        if len(question) > self.limits.max_question_chars:
            raise ValueError(
                f"The question has {len(question)} characters, at most "
                f"{self.limits.max_question_chars} are allowed: shorten it."
            )
        return question_ids(encode_request(self.tokenizer, question), self.config)

    def answer(
        self, image: Image.Image, question: str, max_new_tokens: int | None = None
    ) -> Answer:
        """The model's answer to one question about one face; None: as long as it can be."""
        (last,) = deque(self.answer_stream(image, question, max_new_tokens), maxlen=1)
        return last

    def answer_stream(
        self, image: Image.Image, question: str, max_new_tokens: int | None = None
    ) -> Iterator[Answer]:
        """The answer so far: what it is about, then after each new token. They come all at once
        where it is about one thing, else sentence by sentence.

        Bad arguments raise before the first.
        """
        ids = self.check_question(question)
        most = self.config.max_answer_tokens if max_new_tokens is None else max_new_tokens

        @torch.inference_mode()
        def stream() -> Iterator[Answer]:
            picture, tokens = self.encode(image), list[int]()
            reply = self.reply(picture, ids)
            said = partial(Answer, topic=reply.topic, others=reply.others)
            yield said(text="", num_tokens=0)
            for token in self._answer_tokens(reply, ids, most):
                tokens.append(token)
                text = self._decode(tokens)
                yield said(text=text, num_tokens=len(tokens))

        return stream()

    def describe(self, image: Image.Image, *, in_full: bool = False) -> str:
        """A careful description of the face in a few sentences, or of all that can be seen."""
        return self.answer(image, DETAIL_QUESTION if in_full else DESCRIBE_QUESTION).text

    def _decode(self, tokens: Sequence[int]) -> str:
        return (
            self.tokenizer.decode(list(tokens), skip_special_tokens=True).strip().removesuffix("�")
        )

    def _look(self, picture: Picture) -> tuple[Tensor, KeyValues]:
        """Text logits (1, N, V) of the picture's places; keys and values of all it is made of."""
        output, cache = self._seen(picture)
        return self._place_logits(output, picture), cache

    def _seen(self, picture: Picture) -> tuple[TransformerOutput, KeyValues]:
        """One pass over the picture, before any word."""
        prefix, cache = prefix_batch(picture.codes, self.config), KeyValues()
        output = self.model(
            **prefix.inputs(self.device),
            group="understanding",
            image_start=prefix.image_start,
            features=picture.features,
            cache=cache,
        )
        return output, cache

    def _place_logits(self, seen: TransformerOutput, picture: Picture) -> Tensor:
        """Text logits (1, N, V) of the picture's places, which end before <eoi>.

        What the face encoder reads is joined to what the places say, see `PlanWords.joined`.
        """
        said = self.model.text_logits(seen.hidden[:, -1 - self.config.num_image_tokens : -1])
        return self.plan_words.joined(said, picture.read)

    def _read(self, batch: SequenceBatch, cache: KeyValues) -> TransformerOutput:
        """One pass over the words of `turns_batch`, after the picture in `cache`."""
        return self.model(
            batch.token_ids.to(self.device),
            positions=batch.positions.to(self.device),
            mask=turns_mask(batch, cache.get_seq_length()).to(self.device),
            group="understanding",
            cache=cache,
            places=None if batch.places is None else batch.places.to(self.device),
        )

    def _told(self, logits: Tensor) -> Tensor:
        """Of the logits of `_look`, the words (1, W) that stand in sight of every question."""
        return self.plan_words.read(logits[:, : self.config.num_told_words])

    def _next_logits(
        self,
        token_ids: Tensor,
        cache: KeyValues,
        group: Group,
        *,
        shift: int = 0,
        places: Tensor | None = None,
        alone_from: int | None = None,
    ) -> Tensor:
        """Logits (B, L, V) behind each of the tokens given (B, L), which follow those in `cache`.

        shift: of the rotary positions, which else count the tokens.
        alone_from: the token at this index among all, cached ones counted, and those behind it see
            nothing before it.
        """
        before, length = cache.get_seq_length(), token_ids.shape[1]
        index = torch.arange(before, before + length, device=self.device)
        mask = None
        if length > 1 or alone_from is not None:
            mask = torch.arange(before + length, device=self.device) <= index[:, None]
            if alone_from is not None:
                mask[max(alone_from - before, 0) :, :alone_from] = False
            mask = mask[None, None]
        output = self.model(
            token_ids,
            positions=(index + shift)[None].expand(len(token_ids), -1),
            mask=mask,
            group=group,
            cache=cache,
            places=places,
        )
        return self.model.text_logits(output.hidden)

    def reply(self, picture: Picture, question: Sequence[int]) -> Reply:
        """How the answer to a question's ids begins, and how it goes on, token by token.

        The question is thought over first (`PlanWords.thoughts`). Keys and values of all that came
        before are kept.
        """
        logits, cache = self._look(picture)
        return self._reply(self._told(logits), cache, question)

    def _another_reply(
        self, reply: Reply, question: Sequence[int], about: str | None = None
    ) -> Reply:
        """`reply` to another question about the picture of one whose cache is not needed any more.

        about: as of `_reply`.
        """
        cache, length = reply.cache, self.config.num_image_tokens + 3  # of the picture
        cache.select([0])
        cache.crop(length - cache.get_seq_length())
        return self._reply(reply.told, cache, question, about)

    def _reply(
        self,
        told: Tensor,
        cache: KeyValues,
        question: Sequence[int],
        about: str | None = None,
    ) -> Reply:
        """`reply` behind the words (1, W) that places say; `cache`, of the picture alone, grows.

        about: the attribute that a question asks for the value of, where that is known; one that
            the picture's places tell of.
        """
        said = told[0].tolist()
        places = torch.full((1, len(said) + len(question)), -1, device=self.device)
        places[0, : len(said)] = torch.arange(len(said), device=self.device)
        ids = torch.cat([told, torch.tensor([list(question)], device=self.device)], dim=1)
        question_start = cache.get_seq_length() + len(said) if said else None
        first = self._next_logits(
            ids, cache, "understanding", places=places, alone_from=question_start
        )
        topic, asked, others, behind = None, frozenset[str](), tuple[str, ...](), first[0, -1]

        def behind_thoughts(*thoughts: Thought, alone_from: int | None = None) -> Tensor:
            ids, places = ([[getattr(t, n) for t in thoughts]] for n in ("word", "place"))
            return self._next_logits(
                torch.tensor(ids, device=self.device),
                cache,
                "understanding",
                places=torch.tensor(places, device=self.device),
                alone_from=alone_from,
            )[0]

        if said:
            topic = about
            if about is None:
                (topic, _), *rest = self.plan_words.guessed_topics(behind, said)
                likely = [name for name, share in rest if name is not None and share >= PERHAPS]
                others = tuple(likely[:MOST_OTHERS])
            (behind,) = behind_thoughts(self.plan_words.topic(topic), alone_from=question_start)
            value = self.plan_words.guessed_value(topic, behind) if about is None else None
            aside, behind = behind_thoughts(*self.plan_words.compared(topic, value, said))
            if topic is not None and about is None:
                asked = self.meant(question, topic, value, aside)

        def next_logits(token_ids: Tensor) -> Tensor:
            return self._next_logits(token_ids, cache, "understanding")[0, -1]

        return Reply(
            topic=topic,
            others=others,
            first_logits=behind,
            next_logits=next_logits,
            cache=cache,
            told=told,
            seen=dict(zip(self.plan_words.names, self.plan_words.said(said), strict=False)),
            asked=asked,
        )

    def meant(
        self, question: Sequence[int], topic: str, value: str | None, logits: Tensor
    ) -> frozenset[str]:
        """The values that a yes to a question's ids hangs on, by text logits (V,) behind the value
        that it seems to ask for; none where it is no such question.

        Our choice: what a plain denial says is not left to the network, nor whether a question that
        names no value wants to know if there is any ("is there hair on his face?").
        """
        if value is None:
            is_presence = topic in ABSENT and asks_yes_no(self._decode(question))
            values = frozenset(self.config.attributes[topic]) - {ABSENT.get(topic)}
            return values if is_presence else frozenset()
        if not self.config.hears_denials:
            return frozenset({value})
        left = parse_denials(self._decode(question)).get(topic, frozenset[str]())
        return left & {*self.config.attributes[topic]} or self.plan_words.meant(
            topic, value, logits
        )

    def _answer_tokens(
        self, reply: Reply, question: Sequence[int], max_new_tokens: int
    ) -> Iterator[int]:
        """Of a reply to a question's ids.

        What the picture's places say is held against it: an answer about one attribute as a whole,
        one about several part by part.
        """
        room = min(max_new_tokens, self._answer_room(question))
        if not reply.seen:
            return self._plain_tokens(reply, room)
        if reply.topic is not None:
            return self._settled_tokens(reply, reply.topic, question, max_new_tokens)
        tokens = careful_tokens(
            self._row_logits_fn(reply),
            reply.first_logits,
            reply.cache,
            statements=lambda tokens: parse_attributes(self._decode(tokens)),
            seen=reply.seen,
            full_stop=self._spelt["."][0],
            comma=self._spelt[","][0],
            conjunction=encode_text(self.tokenizer, "a and")[-1],
            part_ends=[i for word in _PART_ENDS for i in self._spelt.get(word, ())],
            inside_words=self._inside_words,
            eos_token_id=self.config.layout.special_id("<|eos|>"),
            max_new_tokens=room,
            generator=torch.Generator().manual_seed(0),  # an answer can be had again
        )
        if list(question) == self.check_question(DETAIL_QUESTION):
            return self._completed(tokens, reply, max_new_tokens)
        if list(question) == self.check_question(DESCRIBE_QUESTION):
            return self._completed(tokens, reply, max_new_tokens, is_wanted=_is_striking)
        return tokens

    def _completed(
        self,
        tokens: Iterable[int],
        reply: Reply,
        max_new_tokens: int,
        is_wanted: Callable[[str, str], bool] = lambda name, value: True,
    ) -> Iterator[int]:
        """A description, then a sentence about each thing seen that it left out, unless that goes
        without saying.

        Our choice: one by one they are asked about, and the answer is held against what is seen.
        Nothing is said where no draft is a sentence that agrees, or where it would be too long.

        is_wanted: whether an attribute and the value seen of it must not be left out.
        """
        said: list[int] = []
        for token in tokens:
            said.append(token)
            yield token
        text = self._decode(said)
        if not text.endswith("."):  # cut off
            return
        told: set[str] = {*parse_attributes(text), IMPLIED}
        for name, value in reversed([*reply.seen.items()]):  # hoops before that there are earrings
            if value == NOT_VISIBLE or name in told or not is_wanted(name, value):
                continue
            if goes_without_saying(name, value, reply.seen.get(IMPLIED, NOT_VISIBLE)):
                continue
            if len(said) + _SHORT_SENTENCE > max_new_tokens:
                return
            question = self.check_question(_ASIDE.format(name.replace("_", " ")))
            sentence = self._sentence(reply, name, question, told)
            more = encode_text(self.tokenizer, f" {sentence}") if sentence else []
            if len(said) + len(more) <= max_new_tokens:
                told |= parse_attributes(sentence).keys()
                said += more
                yield from more

    def _sentence(self, reply: Reply, name: str, question: Sequence[int], told: Set[str]) -> str:
        """An answer to `_ASIDE` that is a whole sentence and tells what is seen, or nothing.

        One that tells nothing again of what was told, if any draft is such a sentence.
        """

        def is_good(tokens: Sequence[int], known: Set[str]) -> bool:
            text = self._decode(tokens)
            stated = parse_attributes(text)  # without the question: "To the left." tells nothing
            is_sentence = text.endswith(".") and name in stated and parse_yes_no(text) is None
            is_new = stated.keys().isdisjoint(known)
            return is_sentence and is_new and is_to_the_point(name, text, reply.seen)

        for known in (told - {IMPLIED}, frozenset[str]()):
            about = self._another_reply(reply, question, name)
            if tokens := self._settled(about, question, partial(is_good, known=known)):
                return self._decode(tokens)
        return ""

    def _row_logits_fn(self, reply: Reply) -> BatchLogitsFn:
        """Logits behind each row of what follows a reply's beginning."""
        return lambda token_ids: self._next_logits(token_ids, reply.cache, "understanding")[:, -1]

    def _answer_room(self, question: Sequence[int]) -> int:
        return self.config.max_answer_tokens - len(question) - self.config.num_thoughts

    def _plain_tokens(self, reply: Reply, max_new_tokens: int) -> Iterator[int]:
        """The likeliest words, as they come."""
        return generate_tokens(
            reply.next_logits,
            reply.first_logits,
            eos_token_id=self.config.layout.special_id("<|eos|>"),
            max_new_tokens=max_new_tokens,
        )

    def _settled_tokens(
        self,
        reply: Reply,
        topic: str,
        question: Sequence[int],
        max_new_tokens: int,
    ) -> Iterator[int]:
        """An answer about one attribute that tells what is seen of it.

        Where no draft does, the attribute is asked about in the plainest words, and the answer to
        that, which names the value and says neither yes nor no, is taken as it comes.
        """

        def is_good(tokens: Sequence[int]) -> bool:
            return is_to_the_point(topic, self._decode(tokens), reply.seen, asked=reply.asked)

        if max_new_tokens < 1:
            return
        verdict, seen = "", reply.seen[topic]
        if reply.asked and seen != NOT_VISIBLE:  # what was thought settles that
            verdict = "Yes" if holds_any(topic, seen, reply.asked) else "No"
        tokens = self._settled(reply, question, is_good, encode_text(self.tokenizer, verdict))
        if tokens is not None:
            yield from tokens[:max_new_tokens]
            return
        plain = self.check_question(canonical_question(topic))
        room = min(max_new_tokens, self._answer_room(plain))
        yield from self._plain_tokens(self._another_reply(reply, plain), room)

    def _settled(
        self,
        reply: Reply,
        question: Sequence[int],
        is_good: Callable[[Sequence[int]], bool],
        beginning: Sequence[int] = (),
    ) -> tuple[int, ...] | None:
        """The good answer of `settled_tokens` to a question's ids, if there is one."""
        return settled_tokens(
            self._row_logits_fn(reply),
            reply.first_logits,
            reply.cache,
            is_good=is_good,
            inside_words=self._inside_words,
            eos_token_id=self.config.layout.special_id("<|eos|>"),
            max_new_tokens=min(MAX_SHORT_TOKENS, self._answer_room(question)),
            generator=torch.Generator().manual_seed(0),  # an answer can be had again
            beginning=beginning,
        )

    @cached_property
    def _inside_words(self) -> list[int]:
        """Text tokens that go on with a word, or with the first one of a text."""
        ids = range(self.config.text_vocab_size)
        return [i for i in ids if self.tokenizer.decode([i])[:1].isalpha()]

    @cached_property
    def _spelt(self) -> dict[str, list[int]]:
        """Text tokens to the ids that spell them, with or without a space before."""
        spelt: dict[str, list[int]] = {}
        for i in range(self.config.text_vocab_size):
            spelt.setdefault(self.tokenizer.decode([i]).strip(), []).append(i)
        return spelt

    @torch.inference_mode()
    def routing(
        self, image: Image.Image, question: str | None = None, prompt: str | None = None
    ) -> FaceRouting:
        """Which experts of each layer a face is given to.

        With a prompt, as when the last step of painting this face after it; otherwise as when
        reading the face, to answer `question` if there is one. The picture does not see the
        question, so that only changes what is said about the text.
        Raises: ValueError for both a question and a prompt, or an unusable one.
        """
        if question is not None and prompt is not None:
            raise ValueError("routing takes a question or a prompt, not both")
        group: Group = "understanding" if prompt is None else "generation"
        ids: list[int] = []
        if prompt is not None:
            ids = self.check_prompt(prompt)
        elif question is not None:
            ids = self.check_question(question)
        picture, count = self.encode(image), self.config.num_image_tokens
        if prompt is not None:
            (plan,) = self.draw_plans(
                ids, _generators(0, 1), shown=self.read_plan(picture)
            ).tolist()
            ids = ids + plan
            batch = generation_batch([ids], picture.codes.cpu(), self.config)
            start, text = batch.image_start, slice(0, len(ids))
            passes = [
                self.model(**batch.inputs(self.device), group=group, image_start=batch.image_start)
            ]
        else:
            seen, cache = self._seen(picture)
            told = self._told(self._place_logits(seen, picture)).cpu()
            thoughts = self.plan_words.thoughts(None, set(), told[0].tolist())  # read as in `reply`
            turn = Turn(question=ids[1:-1], answer=(), thoughts=thoughts)
            batch = turns_batch([[turn] if ids else []], count, self.config, told)
            ids = [*told[0].tolist(), *ids]
            start, text = 2, slice(count + 3, count + 3 + len(ids))
            passes = [seen, self._read(batch, cache)] if ids else [seen]
        pixels = slice(start, start + count)
        grid = (self.config.grid, self.config.grid)

        def gathered(rows: Iterable[tuple[Routing, ...]], name: str) -> Tensor:
            layers = zip(*rows, strict=True)  # each of them in all passes
            parts = [torch.cat([getattr(part, name) for part in layer]) for layer in layers]
            return torch.stack(parts).cpu()  # (A, tokens, ...)

        by_token = [output.token_routing for output in passes]
        by_sequence = [passes[0].sequence_routing]  # what has the picture
        experts, weights = gathered(by_token, "experts"), gathered(by_token, "weights")
        return FaceRouting(
            group=group,
            num_experts=self.config.moe.num_experts,
            token_experts=experts[:, pixels].unflatten(1, grid).numpy(),
            token_weights=weights[:, pixels].unflatten(1, grid).numpy(),
            sequence_kinds=SEQUENCE_EXPERTS[group],
            sequence_probs=gathered(by_sequence, "probs")[:, 0].numpy(),
            sequence_experts=gathered(by_sequence, "experts")[:, 0].numpy(),
            sequence_weights=gathered(by_sequence, "weights")[:, 0].numpy(),
            text=tuple(self.tokenizer.decode([i]) for i in ids),
            text_experts=experts[:, text].numpy(),
        )

    @torch.inference_mode()
    def attributes(
        self, image: Image.Image, names: Sequence[str] | None = None
    ) -> dict[str, dict[str, float]]:
        """{attribute: {value: probability}}, "not visible" among the values.

        What an image place says of its attribute, with the face encoder's say; where a plan has no
        place for it, the likelihoods of the canonical answers to its canonical question are
        compared.
        """
        known = self.config.attributes
        names = list(known) if names is None else list(names)
        for name in names:
            self.check_value(name)
        logits, cache = self._look(self.encode(image))
        placed = self.plan_words.names[: self.config.num_told_words]
        unplaced = [name for name in names if name not in placed]
        asked = self._asked_scores(logits, cache, unplaced) if unplaced else {}
        table: dict[str, dict[str, float]] = {}
        for name in names:
            if name in asked:
                scores = asked[name]
            else:
                place = placed.index(name)
                scores = logits[0, place, list(self.plan_words.words[place].values())].float()
            values = (*known[name], NOT_VISIBLE)
            table[name] = dict(zip(values, scores.softmax(0).tolist(), strict=True))
        return table

    def _asked_scores(
        self, logits: Tensor, cache: KeyValues, names: Sequence[str]
    ) -> dict[str, Tensor]:
        """Per attribute log p(canonical answer | picture, canonical question), in nats.

        Of each value and of "not visible"; all questions in one pass over shared picture keys.
        """
        known = self.config.attributes
        pairs = [(name, value) for name in names for value in (*known[name], NOT_VISIBLE)]
        nats = self._answer_log_likelihoods(logits, cache, pairs)
        counts = [len(known[name]) + 1 for name in names]
        return dict(zip(names, nats.split(counts), strict=True))

    def _answer_log_likelihoods(
        self, logits: Tensor, cache: KeyValues, pairs: list[tuple[str, str]]
    ) -> Tensor:
        """log p(canonical answer | picture, canonical question) of each pair, in nats. (len,)

        logits, cache: what `_look` gives of the picture; the cache is used up.
        """
        words = self._told(logits).cpu()
        told = words[0].tolist()
        turns = [
            Turn(
                question=encode_request(self.tokenizer, canonical_question(name)),
                answer=encode_text(self.tokenizer, answer_of(name, value)),
                thoughts=self.plan_words.thoughts(name, set(), told),
            )
            for name, value in pairs
        ]
        batch = turns_batch([turns], self.config.num_image_tokens, self.config, words)
        output = self._read(batch, cache)
        assert batch.labels is not None and batch.is_thought is not None
        labels, segments = batch.labels[0].to(self.device), batch.segments[0].to(self.device)
        counted = (labels >= 0) & ~batch.is_thought[0].to(self.device)
        log_probs = self.model.text_logits(output.hidden[0, counted]).float().log_softmax(-1)
        nats = log_probs.gather(-1, labels[counted, None]).squeeze(-1)
        return nats.new_zeros(len(pairs)).index_add(0, segments[counted] - 1, nats).cpu()

    def score(
        self, image: Image.Image, prompt_or_attributes: str | Mapping[str, str | Collection[str]]
    ) -> dict[str, float]:
        """{attribute: probability} that the face shows what was asked for, by the model's own eyes.

        Of an attribute with several values ("glasses" are round, rectangular or dark), that it
        shows one of them. A prompt is read as `wanted` does; one that says nothing of a face gives
        an empty dict. Raises: ValueError for an unknown attribute or value.
        """
        wanted = prompt_or_attributes
        if isinstance(wanted, str):
            wanted = self.wanted(wanted)
        asked = {name: {v} if isinstance(v, str) else set(v) for name, v in wanted.items()}
        for name, values in asked.items():
            for value in sorted(values):
                self.check_value(name, value)
        table = self.attributes(image, list(asked)) if asked else {}
        return {name: sum(table[name][v] for v in values) for name, values in asked.items()}
