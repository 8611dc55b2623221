"""OpenGL drawing of one head at a time, on the GPU or in software (EGL, no window).

Owns the context, programs and buffers. Draws what it is handed; knows no attributes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import moderngl
import numpy as np
from numpy.typing import NDArray

from unif2ace.synth import shaders
from unif2ace.synth.backdrops import GRID, backdrop_picture
from unif2ace.synth.geometry import Pose
from unif2ace.synth.looks import Backdrop, Lights
from unif2ace.synth.mesh import Floats, Ints

SUPERSAMPLING = 2
SHADOW_SIZE = 256
_SHADOW_CENTRE, _SHADOW_RADIUS = np.array([0.0, 7.2, 0.4]), 2.1  # the head with hair fits inside
ProgramName = Literal["skin", "solid", "hair", "glass"]
_UNITS = {"u_texture": 0, "u_shadow_map": 1, "u_age": 2, "u_paint": 3, "u_beard": 4, "u_marks": 5}


@dataclass(eq=False)
class GpuMesh:
    """Static UVs and faces; positions and normals are written anew for each face."""

    num_vertices: int
    uv: moderngl.Buffer
    faces: moderngl.Buffer
    moving: moderngl.Buffer  # interleaved position and normal
    arrays: dict[str, moderngl.VertexArray] = field(default_factory=dict)

    def place(self, positions: Floats, normals: Floats) -> None:
        self.moving.write(np.concatenate([positions, normals], axis=1).astype("f4").tobytes())

    def release(self) -> None:
        for array in self.arrays.values():
            array.release()
        for buffer in (self.uv, self.faces, self.moving):
            buffer.release()


@dataclass(frozen=True, kw_only=True)
class Drawable:
    """One draw call: a mesh, how it is shaded, with which textures (by sampler name)."""

    mesh: GpuMesh
    program: ProgramName
    textures: Mapping[str, moderngl.Texture]
    uniforms: Mapping[str, Any]
    casts_shadow: bool = True
    shadow_cut: float = 0.0
    cull: bool = False
    nearer: float = 0.0  # decimetres: wins over what lies that much in front of it


class Painter:
    """Draws heads of `size` x `size` pixels. One per process: it owns an OpenGL context."""

    def __init__(self, size: int) -> None:
        if not 32 <= size <= 1024:
            raise ValueError(f"size must be in 32..1024 pixels, got {size}")
        # The software rasteriser would start a thread per core; workers are processes already.
        os.environ.setdefault("LP_NUM_THREADS", "0")
        try:
            self.context = moderngl.create_standalone_context(backend="egl")
        except Exception as error:
            raise ValueError(
                f"no OpenGL over EGL here ({error}): install libegl1 and Mesa"
            ) from error
        self.size = size
        gl, side = self.context, size * SUPERSAMPLING
        self._programs = {
            "skin": gl.program(shaders.VERTEX, shaders.SKIN_FRAGMENT),
            "solid": gl.program(shaders.VERTEX, shaders.SOLID_FRAGMENT),
            "hair": gl.program(shaders.VERTEX, shaders.HAIR_FRAGMENT),
            "glass": gl.program(shaders.VERTEX, shaders.GLASS_FRAGMENT),
            "depth": gl.program(shaders.VERTEX, shaders.DEPTH_FRAGMENT),
            "backdrop": gl.program(shaders.SCREEN_VERTEX, shaders.BACKDROP_FRAGMENT),
            "resolve": gl.program(shaders.SCREEN_VERTEX, shaders.RESOLVE_FRAGMENT),
        }
        self._uniforms = {
            name: {
                key: program[key] for key in program if isinstance(program[key], moderngl.Uniform)
            }
            for name, program in self._programs.items()
        }
        for name, uniforms in self._uniforms.items():
            for sampler, unit in _UNITS.items():
                if sampler in uniforms:
                    self._set(name, {sampler: unit})
        self._picture = gl.texture((side, side), 4)
        self._frame = gl.framebuffer([self._picture], gl.depth_texture((side, side)))
        self._backdrop = gl.texture((GRID, GRID), 3, dtype="f2", alignment=1)
        self._backdrop.repeat_x = self._backdrop.repeat_y = False
        self._small = gl.framebuffer([gl.texture((size, size), 4)])
        self._shadow = gl.depth_texture((SHADOW_SIZE, SHADOW_SIZE))
        self._shadow.filter = (moderngl.LINEAR, moderngl.LINEAR)
        self._shadow.compare_func = "<="
        self._shadow_frame = gl.framebuffer(depth_attachment=self._shadow)
        corners = gl.buffer(np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], "f4").tobytes())
        self._screen = {
            name: gl.vertex_array(self._programs[name], [(corners, "2f", "in_corner")])
            for name in ("backdrop", "resolve")
        }

    def mesh(self, uv: Floats, faces: Ints) -> GpuMesh:
        """Buffers for a mesh with uv (V, 2) and triangles (F, 3)."""
        gl = self.context
        return GpuMesh(
            num_vertices=len(uv),
            uv=gl.buffer(uv.astype("f4").tobytes()),
            faces=gl.buffer(faces.astype("i4").tobytes()),
            moving=gl.buffer(reserve=len(uv) * 24, dynamic=True),
        )

    def texture(self, picture: NDArray[np.uint8]) -> moderngl.Texture:
        """Upload (H, W, C) bytes with mip maps; row 0 is the top, as in picture files."""
        height, width, channels = picture.shape
        texture = self.context.texture(
            (width, height), channels, np.ascontiguousarray(picture[::-1]).tobytes(), alignment=1
        )
        texture.build_mipmaps()
        # Blending two mip levels is not to be seen at this size and costs a tenth of a face.
        texture.filter = (moderngl.LINEAR_MIPMAP_NEAREST, moderngl.LINEAR)
        texture.repeat_x = texture.repeat_y = False  # borders must not bleed from the other side
        return texture

    def paint(
        self,
        drawables: Sequence[Drawable],
        *,
        pose: Pose,
        view: Floats,
        eye: Floats,
        lights: Lights,
        backdrop: Backdrop,
    ) -> NDArray[np.uint8]:
        """The finished picture (size, size, 3).

        Hair is drawn twice: a solid core that writes depth, then a blended rim that does not, so
        that nothing shines through at the hairline. Glass comes last.
        """
        light_view = _light_matrix(np.array(lights.key_direction))
        scene = _scene_uniforms(pose, lights, light_view) | {
            "u_view": _bytes(view),
            "u_eye": tuple(eye),
        }
        for name in ("skin", "solid", "hair", "glass"):
            self._set(name, scene)
        self._set("depth", scene | {"u_view": _bytes(light_view)})
        self._draw_shadows([d for d in drawables if d.casts_shadow])

        gl = self.context
        self._frame.use()
        self._frame.clear(depth=1.0)
        gl.disable(moderngl.DEPTH_TEST | moderngl.BLEND | moderngl.CULL_FACE)
        self._draw_backdrop(backdrop)
        gl.enable(moderngl.DEPTH_TEST)
        self._shadow.use(_UNITS["u_shadow_map"])
        # What covers skin comes before it: skin is the dearest to shade, and its pixels that are
        # hidden by then are dropped unshaded.
        hair = [d for d in drawables if d.program == "hair"]
        self._set("hair", {"u_pass": 0.0})
        for program in ("hair", "solid", "skin"):
            for drawable in drawables:
                if drawable.program == program:
                    self._draw(drawable)
        gl.enable(moderngl.BLEND)
        gl.blend_func = moderngl.SRC_ALPHA, moderngl.ONE_MINUS_SRC_ALPHA
        self._frame.depth_mask = False
        self._set("hair", {"u_pass": 1.0})
        for drawable in hair + [d for d in drawables if d.program == "glass"]:
            self._draw(drawable)
        self._frame.depth_mask = True
        gl.disable(moderngl.BLEND | moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        return self._resolve()

    def distances(self, view: Floats) -> Floats:
        """Distance from the camera plane, in decimetres, of what the last picture shows.

        (2 size, 2 size), row 0 at the top; glass and soft rims of hair do not count.
        """
        side = self.size * SUPERSAMPLING
        raw = np.frombuffer(self._frame.depth_attachment.read(alignment=1), np.float32)
        depth = 2 * raw.reshape(side, side)[::-1] - 1
        # Depth is (a d + b) / d with the third row of the projection, see `render.frame`.
        turn = view[3, :3] / np.linalg.norm(view[3, :3])
        a, offset = float(view[2, :3] @ turn), float(view[2, 3])
        b = offset - a * float(view[3, 3])
        return (b / (depth - a)).astype(np.float32)

    def _set(self, program: str, values: Mapping[str, Any]) -> None:
        known = self._uniforms[program]
        for name, value in values.items():
            if uniform := known.get(name):
                if isinstance(value, bytes):
                    uniform.write(value)
                else:
                    uniform.value = value

    def _array(self, mesh: GpuMesh, program: str) -> moderngl.VertexArray:
        if program not in mesh.arrays:
            names = self._programs[program]
            layout = [
                (mesh.moving, "3f 3f", "in_position", "in_normal")
                if "in_normal" in names
                else (mesh.moving, "3f 12x", "in_position"),
            ]
            if "in_uv" in names:
                layout.append((mesh.uv, "2f", "in_uv"))
            mesh.arrays[program] = self.context.vertex_array(names, layout, mesh.faces)
        return mesh.arrays[program]

    def _draw(self, drawable: Drawable) -> None:
        for name, texture in drawable.textures.items():
            texture.use(_UNITS[name])
        self._set(drawable.program, drawable.uniforms)
        self._set(drawable.program, {"u_nearer": drawable.nearer})
        if drawable.cull:
            self.context.enable(moderngl.CULL_FACE)
        else:
            self.context.disable(moderngl.CULL_FACE)
        self._array(drawable.mesh, drawable.program).render()

    def _draw_shadows(self, drawables: Sequence[Drawable]) -> None:
        self._shadow_frame.use()
        self._shadow_frame.clear(depth=1.0)
        self.context.enable(moderngl.DEPTH_TEST)
        self.context.disable(moderngl.BLEND | moderngl.CULL_FACE)
        for drawable in drawables:
            drawable.textures["u_texture"].use(0)
            fringe = drawable.uniforms.get("u_fringe", (0.0, 0.0, 0.0, 0.0))
            self._set("depth", {"u_cut": drawable.shadow_cut, "u_fringe": fringe})
            self._array(drawable.mesh, "depth").render()

    def _draw_backdrop(self, backdrop: Backdrop) -> None:
        self._backdrop.write(backdrop_picture(backdrop).astype("f2").tobytes())
        self._backdrop.use(0)
        self._screen["backdrop"].render(moderngl.TRIANGLE_STRIP)

    def _resolve(self) -> NDArray[np.uint8]:
        self._small.use()
        self._picture.filter = (moderngl.LINEAR, moderngl.LINEAR)
        self._picture.use(0)
        self._screen["resolve"].render(moderngl.TRIANGLE_STRIP)
        raw = np.frombuffer(self._small.read(components=3, alignment=1), np.uint8)
        return raw.reshape(self.size, self.size, 3)[::-1].copy()


def _bytes(matrix: Floats) -> bytes:
    """OpenGL reads matrices column by column."""
    return np.ascontiguousarray(matrix.T.astype("f4")).tobytes()


def _scene_uniforms(pose: Pose, lights: Lights, light_view: Floats) -> dict[str, Any]:
    return {
        "u_head": _bytes(pose.head),
        "u_body": _bytes(pose.body),
        "u_pivot": pose.pivot,
        "u_bend": (pose.low, pose.high, pose.slope),
        "u_light_view": _bytes(light_view),
        "u_key_direction": lights.key_direction,
        "u_key": lights.key,
        "u_fill_direction": lights.fill_direction,
        "u_fill": lights.fill,
        "u_rim_direction": lights.rim_direction,
        "u_rim": lights.rim,
        "u_ambient": lights.ambient,
        "u_softness": lights.softness,
    }


def _light_matrix(direction: NDArray[np.float64]) -> Floats:
    """(4, 4) orthographic view of the head from the key light."""
    side = np.cross([0.0, 1.0, 0.0], direction)
    side /= np.linalg.norm(side)
    up = np.cross(direction, side)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([side, up, -direction]) / _SHADOW_RADIUS
    matrix[:3, 3] = -matrix[:3, :3] @ _SHADOW_CENTRE
    matrix[2] *= 0.8  # shoulders in front of and behind the head stay inside the depth range
    return matrix.astype(np.float32)
