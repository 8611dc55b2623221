"""GLSL programs of the renderer. All face colour is decided here from uniform weights.

Textures are uploaded once; a face changes uniforms only, so nothing is repainted per face.
Lighting is linear RGB; the fragment shaders write sRGB.
"""

VERTEX = """
#version 330
in vec3 in_position;
in vec3 in_normal;
in vec2 in_uv;
uniform mat3 u_head;
uniform mat3 u_body;
uniform vec3 u_pivot;
uniform vec3 u_bend;      // low, high, slope: see geometry.Pose
uniform mat4 u_view;
uniform mat4 u_light_view;
uniform vec3 u_eye;
uniform float u_nearer;   // decimetres by which the part wins over what is drawn at its place
out vec3 v_position;
out vec3 v_normal;
out vec2 v_uv;
out vec3 v_shadow;
out vec3 v_rest;
void main() {
    float height = in_position.y + u_bend.z * (in_position.z - u_pivot.z);
    float weight = smoothstep(u_bend.x, u_bend.y, height);
    vec3 centred = in_position - u_pivot;
    v_position = mix(u_body * centred, u_head * centred, weight) + u_pivot;
    v_normal = mix(u_body * in_normal, u_head * in_normal, weight);
    v_uv = in_uv;
    v_rest = in_position;
    vec4 light = u_light_view * vec4(v_position, 1.0);
    v_shadow = light.xyz * 0.5 + 0.5;
    gl_Position = u_view * vec4(v_position, 1.0);
    vec4 nearer = u_view * vec4(v_position + u_nearer * normalize(u_eye - v_position), 1.0);
    gl_Position.z = nearer.z / nearer.w * gl_Position.w;
}
"""

_FRINGE = """
uniform vec4 u_fringe;      // height, slope, half width, depth: hair in front of the face
                                // below this line is cut off; half width 0 cuts nothing
float fringe_left(vec3 texel) {
    float line = u_fringe.x + u_fringe.y * v_rest.x;
    line += 0.15 * (dot(texel, vec3(0.33)) - 0.3);
    float aside = smoothstep(u_fringe.z, u_fringe.z - 0.06, abs(v_rest.x))
                  * smoothstep(u_fringe.w, u_fringe.w + 0.08, v_rest.z);
    return 1.0 - aside * smoothstep(line + 0.03, line - 0.03, v_rest.y);
}
"""

DEPTH_FRAGMENT = (
    """
#version 330
in vec2 v_uv;
in vec3 v_rest;
uniform sampler2D u_texture;
uniform float u_cut;      // alpha below which a texel casts no shadow; 0 for solid parts
void main() {
    if (u_cut <= 0.0) return;
    vec4 texel = texture(u_texture, v_uv);
    if (texel.a * fringe_left(texel.rgb) < u_cut) discard;
}
"""
).replace("void main", _FRINGE + "void main", 1)

_LIGHTING = """
#version 330
in vec3 v_position;
in vec3 v_normal;
in vec2 v_uv;
in vec3 v_shadow;
in vec3 v_rest;
uniform vec3 u_eye;
uniform vec3 u_key_direction;
uniform vec3 u_key;
uniform vec3 u_fill_direction;
uniform vec3 u_fill;
uniform vec3 u_rim_direction;
uniform vec3 u_rim;
uniform vec3 u_ambient;
uniform sampler2DShadow u_shadow_map;
uniform float u_softness;       // of shadows: reach of the samples, as a share of the map
out vec4 f_color;

float shadow(float bias) {
    vec3 p = vec3(v_shadow.xy, v_shadow.z - bias);
    float r = u_softness;
    float lit = texture(u_shadow_map, p + vec3(r, 0.4 * r, 0.0));
    lit += texture(u_shadow_map, p + vec3(-0.4 * r, r, 0.0));
    lit += texture(u_shadow_map, p + vec3(-r, -0.4 * r, 0.0));
    lit += texture(u_shadow_map, p + vec3(0.4 * r, -r, 0.0));
    return 0.25 * lit;
}
vec3 to_linear(vec3 c) { return c * (c * (c * 0.305306011 + 0.682171111) + 0.012522878); }
vec3 to_srgb(vec3 c) {
    // Soft shoulder above 0.7 keeps highlights on light skin from clipping flat.
    vec3 over = max(c - 0.7, 0.0);
    c = min(c, 0.7) + 0.3 * over / (over + 0.3);
    // The sRGB curve by square roots (I. Taylor's fit, chilliant.com): powers are dear in software.
    c = max(c, 0.0);
    vec3 half_power = sqrt(c), quarter = sqrt(half_power), eighth = sqrt(quarter);
    c = 0.662002687 * half_power + 0.684122060 * quarter - 0.323583601 * eighth - 0.0225411470 * c;
    return clamp(c, 0.0, 1.0);
}
float wrapped(float cosine, float wrap) { return max((cosine + wrap) / (1.0 + wrap), 0.0); }
vec3 ambient_light(vec3 n) { return u_ambient * mix(0.55, 1.0, 0.5 + 0.5 * n.y); }
float highlight(vec3 n, vec3 view, vec3 light, float gloss) {
    return pow(max(dot(n, normalize(view + light)), 0.0), gloss) * step(0.0, dot(n, light));
}
"""

SKIN_FRAGMENT = (
    _LIGHTING
    + """
uniform sampler2D u_texture;
uniform sampler2D u_age;        // signed log detail of old skin and of folds (0.5 = none), spots,
                                // and how open to the sky the skin lies
uniform sampler2D u_paint;      // lips, eye shadow, blush, freckles
uniform sampler2D u_beard;      // full beard, goatee, moustache, stubble
uniform vec3 u_skin_median;
uniform vec3 u_tone_median;
uniform float u_tone_gamma;
uniform vec3 u_ageing;          // strengths of detail, folds, spots
uniform float u_smooth;         // mip levels by which pores and blemishes are blurred
uniform float u_lip_red;        // blood of bare lips
uniform float u_lid_shade;      // of bare upper lids
uniform vec4 u_lipstick;        // linear colour, strength
uniform vec4 u_eye_shadow;
uniform float u_blush;
uniform float u_freckles;
uniform vec4 u_beard_weights;
uniform vec3 u_hair;
uniform sampler2D u_marks;      // eyeliner, bags under the eyes, sideburns
uniform vec3 u_mark_weights;
uniform vec4 u_spot;            // centre at rest, radius
uniform vec4 u_scar_from;       // one end at rest, half width
uniform vec3 u_scar_to;
void main() {
    vec3 base = texture(u_texture, v_uv, u_smooth).rgb;
    vec3 color = u_tone_median * pow(max(base, 0.004) / u_skin_median, vec3(u_tone_gamma));
    vec4 age = texture(u_age, v_uv);
    float detail = 1.4 * dot(age.rg - 0.50196, u_ageing.xy);
    color *= exp(clamp(detail, -0.7, 0.1) * vec3(0.8, 1.0, 1.05));
    vec3 lin = to_linear(clamp(color, 0.0, 1.0));
    vec4 paint = texture(u_paint, v_uv);
    lin *= mix(vec3(1.0), vec3(1.04, 0.72, 0.74), paint.b * u_blush);
    lin *= mix(vec3(1.0), vec3(0.46, 0.28, 0.19), min(paint.a * u_freckles, 1.0));
    lin *= mix(vec3(1.0), vec3(0.60, 0.46, 0.38), age.b * u_ageing.z);
    lin *= mix(vec3(1.0), vec3(1.12, 0.60, 0.64), paint.r * u_lip_red);
    lin *= mix(vec3(1.0), vec3(0.50, 0.41, 0.40), paint.g * u_lid_shade);
    float light_share = dot(lin, vec3(0.3, 0.6, 0.1));
    float relief = clamp(light_share / max(dot(to_linear(u_tone_median), vec3(.3,.6,.1)), 0.01),
                         0.5, 1.5);
    lin = mix(lin, u_lipstick.rgb * relief, paint.r * u_lipstick.a);
    lin = mix(lin, u_eye_shadow.rgb * relief, paint.g * u_eye_shadow.a);
    vec3 marks = texture(u_marks, v_uv).rgb * u_mark_weights;
    lin *= mix(vec3(1.0), vec3(0.4, 0.27, 0.33), marks.g);
    lin = mix(lin, vec3(0.006, 0.005, 0.006), marks.r);
    lin = mix(lin, 0.6 * u_hair, marks.b);
    if (u_spot.w > 0.0) {
        float spot = smoothstep(u_spot.w, 0.6 * u_spot.w, distance(v_rest, u_spot.xyz));
        lin *= mix(vec3(1.0), vec3(0.13, 0.07, 0.05), spot);
    }
    if (u_scar_from.w > 0.0) {
        vec3 along = u_scar_to - u_scar_from.xyz;
        float part = clamp(dot(v_rest - u_scar_from.xyz, along) / dot(along, along), 0.0, 1.0);
        float off = distance(v_rest, u_scar_from.xyz + part * along);
        float width = u_scar_from.w * (0.35 + 2.6 * part * (1.0 - part));
        float edge = smoothstep(1.7 * width, 0.9 * width, off);
        float core = smoothstep(0.9 * width, 0.4 * width, off);
        lin *= mix(vec3(1.0), vec3(0.62, 0.36, 0.36), edge * (1.0 - core));
        lin = mix(lin, lin * vec3(1.35, 1.0, 0.98) + vec3(0.06, 0.025, 0.025), core);
    }
    float beard = min(dot(texture(u_beard, v_uv), u_beard_weights), 0.92);  // skin shines through
    lin = mix(lin, u_hair, beard);
    // Mouth cavity and eye sockets of the atlas lie inside the head: the sky does not reach them.
    float inside = step(v_uv.y, 0.15) * step(0.74, v_uv.x) * step(v_uv.x, 0.95);
    inside = max(inside, step(v_uv.x, 0.17) * step(0.5, v_uv.y) * step(v_uv.y, 0.66));
    float open_air = 1.0 - 0.8 * inside;

    vec3 n = normalize(v_normal);
    vec3 view = normalize(u_eye - v_position);
    float lit = shadow(0.012);
    float cosine = dot(n, u_key_direction);
    // Light that scatters below the skin comes back red around the terminator.
    vec3 key = vec3(wrapped(cosine, 0.42), wrapped(cosine, 0.26), wrapped(cosine, 0.2));
    key *= mix(vec3(0.16, 0.07, 0.06), vec3(1.0), lit);
    vec3 light = u_key * key / 3.14159 * 1.25;
    // Little of the room's light finds its way into a hollow; what does has bounced off red skin.
    vec3 open = mix(vec3(age.a), vec3(1.0), vec3(0.15, 0.0, 0.0));
    light *= mix(vec3(1.0), open, 0.35);
    light += (u_fill * wrapped(dot(n, u_fill_direction), 0.35) + ambient_light(n)) * open;
    float fresnel = pow(1.0 - max(dot(n, view), 0.0), 4.0);
    float rim = max(dot(n, u_rim_direction), 0.0);
    light += u_rim * rim * 0.8;
    // Lipids shine alike on all skin, yet on dark skin the eye takes the same shine for plastic.
    float oily = mix(0.45, 1.0, smoothstep(0.05, 0.35, dot(to_linear(u_tone_median),
                                                         vec3(0.3, 0.6, 0.1))));
    vec3 shine = oily * u_key * lit * (0.045 * highlight(n, view, u_key_direction, 18.0)
                               + 0.05 * highlight(n, view, u_key_direction, 60.0));
    shine *= 1.0 - 0.6 * beard + 1.2 * paint.r * u_lipstick.a;
    shine += (u_rim * rim * 0.15 + u_ambient * 0.12) * fresnel;
    f_color = vec4(to_srgb((lin * light + shine) * open_air), 1.0);
}
"""
)

SOLID_FRAGMENT = (
    _LIGHTING
    + """
uniform sampler2D u_texture;
uniform vec3 u_tint;
uniform vec2 u_shine;           // specular strength, exponent
uniform float u_wrap;
uniform vec4 u_socket;          // height of the eyes, darkening above it; 0 for other parts
void main() {
    vec4 texel = texture(u_texture, v_uv);
    if (texel.a < 0.3) discard;
    vec3 lin = to_linear(texel.rgb) * u_tint;
    vec3 n = normalize(v_normal);
    vec3 view = normalize(u_eye - v_position);
    if (dot(n, view) < 0.0) n = -n;
    float lit = shadow(0.015);
    float cosine = dot(n, u_key_direction);
    vec3 light = u_key * wrapped(cosine, u_wrap) * mix(0.12, 1.0, lit) / 3.14159 * 1.25;
    light += u_fill * wrapped(dot(n, u_fill_direction), u_wrap) + ambient_light(n);
    light += u_rim * max(dot(n, u_rim_direction), 0.0) * 0.6;
    // The upper lid shades the eyeball.
    light *= 1.0 - u_socket.y * smoothstep(u_socket.z, u_socket.w, v_rest.y - u_socket.x);
    vec3 shine = u_shine.x * (u_key * mix(0.4, 1.0, lit) * highlight(n, view, u_key_direction,
                 u_shine.y) + 0.5 * u_fill * highlight(n, view, u_fill_direction, u_shine.y));
    f_color = vec4(to_srgb(lin * light + shine), 1.0);
}
"""
)

HAIR_FRAGMENT = (
    _LIGHTING
    + """
uniform sampler2D u_texture;
uniform vec3 u_tint;
uniform float u_gain;           // > 0: texture is brightness only, divided by its mean; 0: colour
uniform float u_alpha;
uniform float u_pass;           // 0: solid core, 1: soft rim
uniform vec2 u_shine;
void main() {
    vec4 texel = texture(u_texture, v_uv);
    float alpha = min(texel.a * u_alpha, 1.0);
    float strand = dot(texel.rgb, vec3(0.3, 0.5, 0.2));
    alpha *= fringe_left(texel.rgb);
    if (u_pass < 0.5 ? alpha < 0.55 : (alpha >= 0.55 || alpha < 0.03)) discard;
    float brightness = pow(strand, 1.32) * u_gain;
    // Drawn highlights are far above the mean in some styles; they must not read as skin.
    brightness = max(brightness < 1.0 ? brightness : 1.0 + 0.4 * (brightness - 1.0), 0.45);
    vec3 lin = u_gain > 0.0 ? u_tint * min(brightness, 1.8) : to_linear(texel.rgb) * u_tint;
    vec3 n = normalize(v_normal);
    vec3 view = normalize(u_eye - v_position);
    if (dot(n, view) < 0.0) n = -n;
    float lit = mix(0.3, 1.0, shadow(0.03));
    vec3 light = u_key * wrapped(dot(n, u_key_direction), 0.35) * lit / 3.14159 * 1.25;
    light += u_fill * wrapped(dot(n, u_fill_direction), 0.5) + ambient_light(n);
    float rim = max(dot(n, u_rim_direction), 0.0);
    light += u_rim * rim;
    // Strands scatter the highlight: it follows the brightness of the drawn strands.
    float strands = u_gain > 0.0 ? min(brightness, 2.0) : 1.0;
    float shine = highlight(n, view, u_key_direction, u_shine.y) * lit;
    vec3 gloss = u_shine.x * strands * (u_key * shine * 0.12 + u_rim * rim * 0.05)
                 * (0.35 + 2.0 * u_tint);
    f_color = vec4(to_srgb(lin * light + gloss), u_pass < 0.5 ? 1.0 : alpha);
}
"""
).replace("void main", _FRINGE + "void main", 1)

GLASS_FRAGMENT = (
    _LIGHTING
    + """
uniform sampler2D u_texture;
uniform vec3 u_tint;
uniform float u_alpha;
uniform vec2 u_shine;
void main() {
    vec4 texel = texture(u_texture, v_uv);
    vec3 n = normalize(v_normal);
    vec3 view = normalize(u_eye - v_position);
    if (dot(n, view) < 0.0) n = -n;
    vec3 lin = to_linear(texel.rgb) * u_tint;
    vec3 light = u_key * wrapped(dot(n, u_key_direction), 0.3) / 3.14159 + u_fill + u_ambient;
    float shine = u_shine.x * (highlight(n, view, u_key_direction, u_shine.y)
                  + 0.3 * pow(1.0 - max(dot(n, view), 0.0), 3.0));
    float alpha = clamp(texel.a * u_alpha + shine, 0.0, 1.0);
    vec3 color = to_srgb(lin * light + u_key * shine);
    f_color = vec4(color, alpha);
}
"""
)

SCREEN_VERTEX = """
#version 330
in vec2 in_corner;
out vec2 v_screen;
void main() {
    v_screen = in_corner * 0.5 + 0.5;
    gl_Position = vec4(in_corner, 0.0, 1.0);
}
"""

BACKDROP_FRAGMENT = """
#version 330
in vec2 v_screen;
uniform sampler2D u_picture;
out vec4 f_color;
void main() { f_color = vec4(texture(u_picture, v_screen).rgb, 1.0); }
"""

RESOLVE_FRAGMENT = """
#version 330
in vec2 v_screen;
uniform sampler2D u_picture;    // twice the size: a linear sample in the middle averages 2 x 2
out vec4 f_color;
void main() { f_color = vec4(texture(u_picture, v_screen).rgb, 1.0); }
"""
