"""What is drawn for one face: body, eyes, hair, brows, shirt and accessories as draw calls.

Keeps the buffers and textures of the pack's meshes; accessories' meshes live for one face.
"""

from __future__ import annotations

from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from unif2ace.attributes import FaceAttributes
from unif2ace.synth import eyes, hair
from unif2ace.synth.accessories import accessory_parts, under_hat
from unif2ace.synth.assets import TexturePack
from unif2ace.synth.geometry import Morpher, turn_eyes
from unif2ace.synth.looks import Looks
from unif2ace.synth.marks import mark_uniforms
from unif2ace.synth.mesh import Floats, Head, Part, vertex_normals
from unif2ace.synth.proxy import Proxy, load_proxy
from unif2ace.synth.shading import Drawable, GpuMesh, Painter
from unif2ace.synth.skin import SkinTextures
from unif2ace.synth.sliders import Shape, stream

_KEPT_PART_TEXTURES = 32
_SHIRT_FLOOR = 4.2  # shirt faces below this height (unmorphed) never show


@dataclass(frozen=True, kw_only=True)
class _Asset:
    """A proxy of the pack with its buffers."""

    proxy: Proxy
    mesh: GpuMesh

    def place(self, head: Head, flatten: float = 1.0) -> Floats:
        """Fit to a head; returns the drawn positions (W, 3).

        A `flatten` below 1 draws heights towards the mesh's own arc: thinner brows.
        """
        positions = self.proxy.fit(head.vertices)
        if flatten < 1:
            x, y = np.abs(positions[:, 0]), positions[:, 1]
            arc = np.polyval(np.polyfit(x, y, 2), x)
            positions[:, 1] = arc + flatten * (y - arc)
        normals = self.proxy.normals(positions)
        drawn = positions[self.proxy.welded]
        self.mesh.place(drawn, normals[self.proxy.welded])
        return drawn


@dataclass(frozen=True, kw_only=True)
class Outfit:
    """Draw calls of one face, and what stands out from the head, for framing."""

    drawables: tuple[Drawable, ...]
    crown: Floats  # (N, 3) points of hair and hat
    passing: tuple[GpuMesh, ...]  # to be released after drawing


class Wardrobe:
    """Makes `Outfit`s. Everything of the pack is loaded on first use and kept."""

    def __init__(self, painter: Painter, pack: TexturePack | None, morpher: Morpher) -> None:
        self._painter, self._pack, self._morpher = painter, pack, morpher
        self._skin = SkinTextures(painter, pack)
        self._assets: dict[str, _Asset] = {}
        self._bodies: dict[str, GpuMesh] = {}
        self._textures: dict[str, moderngl.Texture] = {}
        self._gains: dict[str, float] = {}
        self._tails: dict[str, NDArray[np.bool_]] = {}
        self._part_textures: dict[int, tuple[NDArray[np.uint8], moderngl.Texture]] = {}
        self._white = painter.texture(np.full((1, 1, 4), 255, np.uint8))

    def dress(
        self, attributes: FaceAttributes, head: Head, shape: Shape, looks: Looks, seed: int
    ) -> Outfit:
        """Everything to draw for a face."""
        self._drop_old_textures()  # here, since those of the last face are drawn by now
        drawables = [self._body(attributes, head, looks)]
        parts = accessory_parts(attributes, head, stream(seed, "accessories"), looks.beard)
        crown = [np.zeros((0, 3), np.float32)]
        crown += [part.positions for part in parts if part.name == "hat"]
        if self._pack:
            drawables.append(self._eyes(head, shape, looks))
            if shape.units.get("jawOpen", 0.0) > 0.1:
                drawables += self._mouth(head)
            drawables.append(self._shirt(head, looks))
            drawables += self._brows_and_lashes(head, looks)
            if looks.hair_mesh:
                drawable, points = self._hair(attributes, head, looks, seed)
                crown.append(points)
                drawables.append(drawable)
        else:
            parts = [*parts, *eyes.plain_eyes(head, shape, looks), *eyes.plain_brows(head, looks)]
        passing = []
        for part in parts:
            drawable = self._part(part)
            drawables.append(drawable)
            passing.append(drawable.mesh)
        return Outfit(
            drawables=tuple(drawables), crown=np.concatenate(crown), passing=tuple(passing)
        )

    def _body(self, attributes: FaceAttributes, head: Head, looks: Looks) -> Drawable:
        morpher, key = self._morpher, looks.shirt if self._pack else ""
        if key not in self._bodies:
            quads = morpher.welded_quads
            if self._pack:  # skin below the shirt would poke through it
                hidden = np.zeros(len(head.vertices), bool)
                hidden[self._asset("clothes", looks.shirt, _SHIRT_FLOOR).proxy.hidden_base] = True
                quads = quads[~hidden[morpher.welded[quads]].all(axis=1)]
            faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
            self._bodies[key] = self._painter.mesh(morpher.uv, faces)
        mesh = self._bodies[key]
        mesh.place(head.vertices[morpher.welded], head.normals[morpher.welded])
        return Drawable(
            mesh=mesh,
            program="skin",
            textures=self._skin.textures(looks),
            uniforms=self._skin.uniforms(looks) | mark_uniforms(attributes, head),
            cull=True,
        )

    def _eyes(self, head: Head, shape: Shape, looks: Looks) -> Drawable:
        asset = self._asset("eyes", "high-poly")
        positions = asset.proxy.fit(head.vertices)
        positions = turn_eyes(positions, head, shape.eye_yaw, shape.eye_pitch)
        normals = asset.proxy.normals(positions)
        asset.mesh.place(positions[asset.proxy.welded], normals[asset.proxy.welded])
        return Drawable(
            mesh=asset.mesh,
            program="solid",
            textures={"u_texture": self._iris(looks)},
            uniforms=eyes.uniforms(head, looks.tone),
            casts_shadow=False,
        )

    def _iris(self, looks: Looks) -> moderngl.Texture:
        key = f"{looks.iris} iris"  # its tint is always the same
        if key not in self._textures:
            picture = self._pack.picture(f"eyes/materials/{looks.iris}_eye.png", 512)
            self._textures[key] = self._painter.texture(eyes.tinted(picture, looks.iris_tint))
        return self._textures[key]

    def _mouth(self, head: Head) -> list[Drawable]:
        found = []
        for kind, name, picture, color, lowered in (
            ("teeth", "teeth_base", "teeth/materials/teeth.png", (0.8, 0.78, 0.75), 0.06),
            ("tongue", "tongue01", "tongue/tongue01/tongue01_diffuse.png", (0.4, 0.3, 0.3), 0.12),
        ):
            asset = self._asset(kind, name)
            positions = asset.proxy.fit(head.vertices)
            # Lips of the base mesh cover the upper teeth even when they part.
            positions[:, 1] -= np.where(_is_upper(asset.proxy, head), 0.06, lowered)
            positions -= _withdrawn(positions, head)
            asset.mesh.place(
                positions[asset.proxy.welded], asset.proxy.normals(positions)[asset.proxy.welded]
            )
            found.append(
                Drawable(
                    mesh=asset.mesh,
                    program="solid",
                    textures={"u_texture": self._texture(picture, 512)},
                    uniforms=_solid(color, specular=0.1, gloss=40, wrap=0.3),
                    casts_shadow=False,
                )
            )
        return found

    def _shirt(self, head: Head, looks: Looks) -> Drawable:
        asset = self._asset("clothes", looks.shirt, _SHIRT_FLOOR)
        asset.place(head)
        key = f"clothes/{looks.shirt}/{looks.shirt}_diffuse.png"
        if key not in self._textures:  # the weave only: the label decides the colour
            picture = self._pack.picture(key)
            grey = picture[..., :3].mean(axis=-1)
            solid = grey[picture[..., 3] > 128]
            weave = np.clip(grey / max(float(np.median(solid)), 1.0) * 215, 90, 255)
            cloth = np.repeat(weave[..., None], 4, axis=-1)
            cloth[..., 3] = picture[..., 3]
            self._textures[key] = self._painter.texture(cloth.astype(np.uint8))
        return Drawable(
            mesh=asset.mesh,
            program="solid",
            textures={"u_texture": self._textures[key]},
            uniforms=_solid(looks.clothes, specular=0.02, gloss=12, wrap=0.2),
            cull=True,
        )

    def _hair(
        self, attributes: FaceAttributes, head: Head, looks: Looks, seed: int
    ) -> tuple[Drawable, Floats]:
        name = looks.hair_mesh
        asset = self._asset("hair", name)
        if name not in self._tails:
            unmorphed = asset.proxy.fit(self._morpher.base.vertices)
            self._tails[name] = hair.tail_of(name, asset.proxy, unmorphed)
        positions = asset.proxy.fit(head.vertices)
        tail = self._tails[name]
        tucked = under_hat(attributes, head, stream(seed, "accessories"), positions)
        positions = np.where(tail[:, None], positions, tucked).astype(np.float32)
        positions = hair.arrange(name, positions, tail, head, looks.tail_side)
        normals = asset.proxy.normals(positions)
        points = positions[asset.proxy.welded]
        asset.mesh.place(points, normals[asset.proxy.welded])
        key = f"hair/{name}/{name}_diffuse.png"
        texture = self._texture(key, 1024)
        if key not in self._gains:
            self._gains[key] = 1.0 / hair.mean_brightness(self._pack.picture(key))
        drawable = Drawable(
            mesh=asset.mesh,
            program="hair",
            textures={"u_texture": texture},
            uniforms=_hair(
                looks.hair, gain=self._gains[key], alpha=1.0, fringe=hair.fringe_cut(name, head)
            ),
            shadow_cut=0.5,
            nearer=0.12,  # a high skull reaches through its hair
        )
        return drawable, points

    def _brows_and_lashes(self, head: Head, looks: Looks) -> list[Drawable]:
        found = []
        for kind, name, color, alpha in (
            ("eyebrows", looks.brow_mesh, looks.brow, looks.brow_strength),
            ("eyelashes", "eyelashes01", (0.01, 0.008, 0.007), looks.lash_strength),
        ):
            asset = self._asset(kind, name)
            asset.place(head, flatten=looks.brow_height if kind == "eyebrows" else 1.0)
            key = f"{kind}/{name}"
            if key not in self._textures:  # the shape of the strands only, in white
                picture = self._pack.diffuse(kind, name, 512).copy()
                picture[..., :3] = 255
                self._textures[key] = self._painter.texture(picture)
            found.append(
                Drawable(
                    mesh=asset.mesh,
                    program="hair",
                    textures={"u_texture": self._textures[key]},
                    uniforms=_hair(color, gain=0.0, alpha=alpha),
                    casts_shadow=False,
                )
            )
        return found

    def _part(self, part: Part) -> Drawable:
        mesh = self._painter.mesh(part.uv, part.faces)
        normals = part.normals
        if normals is None:
            normals = vertex_normals(part.positions, part.faces)
        mesh.place(part.positions, normals)
        texture = self._white if part.texture is None else self._part_texture(part.texture)
        if part.mode == "opaque":
            program, uniforms = "solid", _solid(part.color, part.specular, part.gloss, wrap=0.25)
        elif part.mode == "hair":
            program, uniforms = "hair", _hair(part.color, gain=0.0, alpha=part.alpha)
        else:
            program = "glass"
            uniforms = {"u_tint": part.color, "u_alpha": part.alpha}
            uniforms["u_shine"] = (part.specular, part.gloss)
        return Drawable(
            mesh=mesh,
            program=program,
            textures={"u_texture": texture},
            uniforms=uniforms,
            casts_shadow=part.casts_shadow and part.mode != "glass",
            shadow_cut=0.5 if part.texture is not None and part.mode == "hair" else 0.0,
            # Hair is pressed down vertex by vertex, yet its wide faces still cut through a band.
            nearer={"hat": 0.25, "mask": 0.3}.get(part.name, 0.0),
        )

    def _part_texture(self, picture: NDArray[np.uint8]) -> moderngl.Texture:
        """Upload once per array: accessory makers hand out the same arrays again and again."""
        key = id(picture)
        if key in self._part_textures:
            kept = self._part_textures.pop(key)
        else:
            # Keeping the array alive keeps its id from being given to another one.
            kept = picture, self._painter.texture(picture)
        self._part_textures[key] = kept  # last in line to be dropped
        return kept[1]

    def _drop_old_textures(self) -> None:
        while len(self._part_textures) > _KEPT_PART_TEXTURES:
            _, texture = self._part_textures.pop(next(iter(self._part_textures)))
            texture.release()

    def _asset(self, kind: str, name: str, above: float | None = None) -> _Asset:
        key = f"{kind}/{name}"
        if key not in self._assets:
            folder = self._pack.root / kind / name
            proxy = load_proxy(folder, above=above, vertices=self._morpher.base.vertices)
            mesh = self._painter.mesh(proxy.uv, proxy.faces)
            self._assets[key] = _Asset(proxy=proxy, mesh=mesh)
        return self._assets[key]

    def _texture(self, relative: str, max_side: int) -> moderngl.Texture:
        if relative not in self._textures:
            picture = self._pack.picture(relative, max_side)
            self._textures[relative] = self._painter.texture(picture)
        return self._textures[relative]


def _withdrawn(inside: Floats, head: Head) -> Floats:
    """How far tongue and teeth (V, 3) below the lips move back: no dropped jaw lets them out."""
    lip = head.anchors["lower_lip"]
    below = np.clip((lip[1] + 0.03 - inside[:, 1]) / 0.05, 0, 1)
    return (0.3 * below)[:, None] * np.array([0, 0, 1], np.float32)


def _is_upper(proxy: Proxy, head: Head) -> NDArray[np.bool_]:
    """Which vertices (P,) of a proxy hang on the upper teeth."""
    return np.isin(proxy.base_indices[:, 0], head.base.group_vertices("helper-upper-teeth"))


def _solid(color: tuple[float, ...], specular: float, gloss: float, wrap: float) -> dict:
    return {
        "u_tint": tuple(color),
        "u_shine": (specular, gloss),
        "u_wrap": wrap,
        "u_socket": (0.0, 0.0, 0.0, 1.0),
    }


def _hair(
    color: tuple[float, ...],
    gain: float,
    alpha: float,
    fringe: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0),
) -> dict:
    return {
        "u_tint": tuple(color),
        "u_gain": gain,
        "u_alpha": alpha,
        "u_shine": (1.0, 24.0),
        "u_fringe": fringe,
    }
