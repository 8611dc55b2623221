"""The plain words of visitors: what they call each attribute and each of its values. Tables only.

Entries stand between bars; `{own}` is "her", "the" or "this guy's", and `{they}` and `{them}` the
person.
`visitors` makes whole questions of them. Each means one attribute, or one value, and no other.
"""

from __future__ import annotations

from collections.abc import Mapping

TOPICS: Mapping[str, str] = {
    "gender": "{own} gender | {own} sex",
    "age": "{own} age | {own} rough age | {own} age group | {own} approximate age",
    "skin_tone": "{own} skin tone | {own} skin color | {own} complexion | the color of {own} skin",
    "freckles": "any freckles | {own} freckles, if there are any",
    "face_shape": "{own} face shape | the shape of {own} face | {own} facial shape",
    "cheeks": "how full {own} cheeks are | the fullness of {own} cheeks | {own} cheek type",
    "chin": "{own} chin shape | the shape of {own} chin | {own} chin type",
    "hair_color": "{own} hair color | the color of {own} hair | {own} hair colour | "
    "{own} hair tone",
    "hair_style": "{own} hairstyle | {own} haircut | {own} hairdo | {own} hair style | "
    "{own} hair length | the style of {own} hair",
    "brow_thickness": "{own} eyebrow thickness | the thickness of {own} brows | {own} brow size",
    "eye_color": "{own} eye color | the color of {own} eyes | {own} eye colour",
    "eye_size": "{own} eye size | the size of {own} eyes",
    "nose_width": "{own} nose width | the width of {own} nose",
    "nose_length": "{own} nose length | the length of {own} nose",
    "lips": "{own} lip fullness | the thickness of {own} lips | {own} lip shape | {own} lip size",
    "ears": "how {own} ears stand | the way {own} ears sit",
    "facial_hair": "{own} facial hair | {own} beard situation | {own} beard style",
    "lipstick": "{own} lipstick color | {own} lipstick | {own} lip makeup | {own} lip color",
    "eye_shadow": "any eye shadow | {own} eye shadow, if there is any",
    "glasses": "{own} eyewear | {own} type of glasses | {own} glasses, if any | {own} specs",
    "hat": "{own} headwear | {own} hat type | {own} headgear | {own} hat, if any",
    "earrings": "any earrings | {own} earrings, if there are any",
    "clothing_color": "{own} shirt color | {own} top's color | the color of {own} clothes | "
    "{own} clothing color | the color of {own} shirt | {own} outfit color",
    "expression": "{own} expression | {own} mood | {own} emotion | {own} facial expression | "
    "the look on {own} face | {own} feelings",
    "mouth": "whether {own} mouth is open or shut | {own} mouth, open or closed",
    "eyes": "whether {own} eyes are open or shut | the state of {own} eyes",
    "brows": "{own} eyebrow position | what {own} eyebrows do | the position of {own} brows",
    "gaze": "{own} gaze direction | {own} line of sight | the direction of {own} gaze",
    "head_turn": "{own} head direction | the direction {own} face points in",
    "head_nod": "whether {own} head is up or down | the vertical tilt of {own} head",
    "light": "the light direction | the direction of the light | the side the light is on",
    "light_color": "the light color | the warmth of the light | the color of the light | "
    "the lighting tone",
    "background": "the background color | the backdrop color | the wall color | "
    "the color of the wall behind | the color of the background",
    "forehead": "{own} forehead height | the height of {own} forehead | {own} forehead size",
    "cheekbones": "{own} cheekbones | the height of {own} cheekbones",
    "double_chin": "any double chin",
    "neck": "{own} neck | the thickness of {own} neck | {own} neck size",
    "eye_spacing": "{own} eye spacing | the distance between {own} eyes",
    "eye_slant": "{own} eye slant | the slant of {own} eyes | {own} eye tilt",
    "eye_openness": "how wide {own} eyes are open | {own} alertness",
    "raised_brow": "which single brow is up | any single raised eyebrow",
    "wink_side": "the side of {own} wink | {own} winking eye",
    "nose_tip": "{own} nose tip | the tip of {own} nose | the end of {own} nose",
    "mouth_width": "{own} mouth width | the width of {own} mouth | {own} mouth size",
    "mouth_pose": "{own} mouth pose | the pose of {own} lips | what {own} lips are up to",
    "chin_cleft": "any chin dimple | any cleft in {own} chin",
    "ear_tips": "{own} ear tips | the tips of {own} ears | the shape of {own} ear tips",
    "head_tilt": "{own} sideways head tilt | the side {own} head leans to",
    "blush": "any blush | any blush on {own} cheeks",
    "beauty_mark": "any beauty mark | any mole on {own} face | the place of {own} mole",
    "scar": "any scar | any scar on {own} face | the place of {own} scar",
    "eyeliner": "any eyeliner | {own} eyeliner, if there is any",
    "eye_bags": "any eye bags | any dark circles under {own} eyes",
    "sideburns": "any sideburns | {own} sideburns, if there are any",
    "eye_shadow_color": "{own} eye shadow color | the color of {own} eyeshadow | "
    "the shade of {own} eye shadow",
    "face_mask": "{own} face mask, if any | {own} mask color | the color of {own} face mask",
    "hat_color": "{own} hat color | the color of {own} hat | {own} headwear's color | "
    "the color of {own} headgear",
    "frame_color": "{own} frame color | the color of {own} glasses | the color of {own} frames | "
    "{own} glasses' color",
    "earring_kind": "{own} earring type | {own} type of earrings | {own} earring style",
    "piercing": "any piercing | any piercings on {own} face | the place of {own} piercing",
    "light_height": "whether the light is above or below | the height of the light",
    "background_pattern": "the background pattern | the pattern of the wall | the wall's pattern | "
    "the pattern behind",
    "age_years": "{own} age in years | {own} decade | {own} age as a number | {own} age bracket",
    "skin_tone_monk": "{own} monk skin tone | {own} number on the monk scale | "
    "{own} monk scale value",
}
"""Names of an attribute, to follow "tell me"."""

ASKED: Mapping[str, str] = {
    "gender": "what gender:is:{they} | what sex:is:{they}",
    "age": "how old:is:{they} | what age:is:{they} | what age group:is:{they}:in | "
    "how young or old:is:{they} | what stage of life:is:{they}:in",
    "skin_tone": "what color:is:{own} skin | how dark:is:{own} skin | how light:is:{own} skin | "
    "what skin color:has | what complexion:has | how pale:is:{they} | what tone:is:{own} skin",
    "freckles": "how freckled:is:{they} | how freckled:is:{own} face",
    "face_shape": "what shape:is:{own} face | what face shape:has | what shape of face:has | "
    "what kind of face shape:has",
    "cheeks": "how full:are:{own} cheeks | how chubby:are:{own} cheeks | what:are:{own} cheeks:like"
    " | what sort of cheeks:has | how sunken:are:{own} cheeks",
    "chin": "what shape:is:{own} chin | what:is:{own} chin:like | what sort of chin:has | "
    "how pointy:is:{own} chin | how broad:is:{own} chin",
    "hair_color": "what color:is:{own} hair | what color hair:has | what hair color:has | "
    "what shade:is:{own} hair | what colour:is:{own} hair | which colour hair:has",
    "hair_style": "how long:is:{own} hair | what hairstyle:has | what kind of haircut:has | "
    "how:is:{own} hair:done | how:is:{own} hair:styled | how short:is:{own} hair | "
    "what sort of hairdo:has | how:is:{own} hair:worn | what length:is:{own} hair",
    "brow_thickness": "how thick:are:{own} eyebrows | how bushy:are:{own} eyebrows | "
    "how thin:are:{own} brows | how heavy:are:{own} eyebrows | how dense:are:{own} brows",
    "eye_color": "what color:are:{own} eyes | what color eyes:has | what eye color:has | "
    "what colour:are:{own} eyes | which color eyes:has | what shade:are:{own} eyes",
    "eye_size": "how big:are:{own} eyes | how large:are:{own} eyes | what size:are:{own} eyes | "
    "how small:are:{own} eyes | what size eyes:has",
    "nose_width": "how wide:is:{own} nose | how broad:is:{own} nose | how narrow:is:{own} nose | "
    "what width:is:{own} nose",
    "nose_length": "how long:is:{own} nose | how short:is:{own} nose | what length:is:{own} nose",
    "lips": "how full:are:{own} lips | how thick:are:{own} lips | how thin:are:{own} lips | "
    "how big:are:{own} lips | what sort of lips:has | how plump:are:{own} lips",
    "ears": "what:are:{own} ears:like | how far:are:{own} ears:sticking out | "
    "what sort of ears:has | how prominent:are:{own} ears",
    "facial_hair": "what facial hair:has | what kind of beard:has | how much facial hair:has | "
    "what type of facial hair:has | what:is:on {own} chin | what beard style:has | "
    "how bearded:is:{they}",
    "lipstick": "what color lipstick:wears | what lipstick:wears | "
    "what:is:on {own} lips | what shade of lipstick:wears | what color:is:{own} lipstick",
    "eye_shadow": "how made up:are:{own} eyelids",
    "glasses": "what glasses:wears | what kind of glasses:wears | what type of specs:has | "
    "what eyewear:wears | what shape:are:{own} glasses | what:is:in front of {own} eyes | "
    "what style of glasses:wears",
    "hat": "what hat:wears | what:is:on {own} head | what kind of hat:wears | "
    "what headwear:wears | "
    "what sort of headgear:has | what type of cap:wears | what:is:covering {own} head",
    "earrings": "what:is:in {own} ears | what:is:on {own} ears | what ear jewelry:wears",
    "clothing_color": "what color shirt:wears | what color top:wears | what color:is:{own} shirt | "
    "what color clothes:wears | what color:are:{own} clothes | what colour:is:{own} sweater | "
    "what color t-shirt:wears | what colour:is:{own} top",
    "expression": "what expression:has | what mood:is:{they}:in | how:is:{they}:feeling | "
    "what:is:{own} mood | what:is:{own} emotion | what:is:the look on {own} face | "
    "what facial expression:has | how happy:is:{they}",
    "mouth": "what:is:{own} mouth:doing | how open:is:{own} mouth",
    "eyes": "what:are:{own} eyes:doing | how open:are:{own} eyes",
    "brows": "what:are:{own} eyebrows:doing | how:are:{own} brows:held | "
    "where:are:{own} eyebrows | how raised:are:{own} brows",
    "gaze": "where:is:{they}:looking | which way:is:{they}:looking | what:is:{they}:looking at | "
    "what direction:is:{they}:looking in | where:are:{own} eyes:pointing | "
    "where:are:{own} eyes:looking | where:is:{they}:staring",
    "head_turn": "which way:is:{they}:facing | where:is:{they}:facing | "
    "which way:is:{own} head:turned | what direction:is:{own} head:facing | "
    "which side:is:{own} face:turned to | which direction:is:{own} face:pointing",
    "head_nod": "how high:is:{own} head:held | how far up or down:is:{own} head:tilted | "
    "how:is:{own} head:tilted, up or down",
    "light": "where:is:the light:coming from | which side:is:the light:coming from | "
    "what direction:is:the light:coming from | where:is:the light | where:is:the lamp | "
    "what side:is:{own} face:lit from",
    "light_color": "what color:is:the light | how warm:is:the light | how cold:is:the light | "
    "what tone:is:the lighting | what:is:the lighting:like | how warm:is:the lighting",
    "background": "what color:is:the background | what color:is:the wall | what:is:behind {them} | "
    "what color:is:the wall behind {them} | what:is:in the background | "
    "what colour:is:the backdrop | what color:is:the stuff behind {them}",
    "forehead": "how high:is:{own} forehead | how big:is:{own} forehead | "
    "how tall:is:{own} forehead | what sort of forehead:has",
    "cheekbones": "how high:are:{own} cheekbones | what sort of cheekbones:has | "
    "how prominent:are:{own} cheekbones",
    "double_chin": "how many chins:has",
    "neck": "how thick:is:{own} neck | how slim:is:{own} neck | what kind of neck:has | "
    "how wide:is:{own} neck",
    "eye_spacing": "how far apart:are:{own} eyes | how close together:are:{own} eyes | "
    "how widely spaced:are:{own} eyes | how close:are:{own} eyes:to each other",
    "eye_slant": "how slanted:are:{own} eyes | which way:are:{own} eyes:slanted | "
    "what slant:are:{own} eyes:at",
    "eye_openness": "how awake:is:{they} | how sleepy:is:{they} | how wide open:are:{own} eyes | "
    "how drowsy:are:{own} eyes | how tired:are:{own} eyelids",
    "raised_brow": "which eyebrow:is:higher | which brow:is:raised | which eyebrow:is:cocked",
    "wink_side": "which eye:is:winking | which eye:is:{they}:winking with | "
    "what side:is:{they}:winking on | which eye:is:shut in the wink",
    "nose_tip": "what:is:{own} nose tip:like | how round:is:the tip of {own} nose | "
    "what shape:is:the end of {own} nose | how fine:is:{own} nose tip",
    "mouth_width": "how wide:is:{own} mouth | how big:is:{own} mouth | how small:is:{own} mouth | "
    "how broad:is:{own} mouth",
    "mouth_pose": "what:are:{own} lips:doing | what pose:is:{own} mouth:in | "
    "what face:is:{they}:pulling with {own} mouth",
    "chin_cleft": "how dimpled:is:{own} chin",
    "ear_tips": "what shape:are:{own} ear tips | how pointy:are:{own} ears | "
    "how pointed:are:the tips of {own} ears | what kind of ear tips:has",
    "head_tilt": "which side:is:{own} head:leaning to | how upright:is:{own} head | "
    "which shoulder:is:{own} head:tilted towards | which side:is:{own} head:cocked to",
    "blush": "how red:are:{own} cheeks | how flushed:is:{they} | how rosy:are:{own} cheeks",
    "beauty_mark": "where:is:{own} mole | where:is:{own} beauty mark | "
    "where:is:{own} beauty spot | "
    "which side:is:{own} mole:on",
    "scar": "where:is:{own} scar | what scars:has | where:is:{they}:scarred | "
    "which side:is:{own} scar:on",
    "eyeliner": "how lined:are:{own} eyes",
    "eye_bags": "how tired:is:the skin under {own} eyes | how baggy:are:{own} eyes",
    "sideburns": "how long:are:{own} sideburns | how long:are:the hairs in front of {own} ears",
    "eye_shadow_color": "what color eye shadow:wears | what color:is:{own} eyeshadow | "
    "what color:are:{own} eyelids | what shade of eye shadow:wears | "
    "what color:is:{own} eye makeup",
    "face_mask": "what color mask:wears | what color:is:{own} mask | what mask:wears | "
    "what:is:over {own} mouth | what kind of face mask:wears",
    "hat_color": "what color hat:wears | what color:is:{own} hat | what colour:is:{own} cap | "
    "what color:is:{own} headband or hat | what color:is:the thing on {own} head",
    "frame_color": "what color:are:{own} glasses | what color glasses:wears | "
    "what color:are:{own} frames | what colour:are:{own} specs | what color:are:the rims",
    "earring_kind": "what kind of earrings:wears | what earrings:wears | "
    "what type of earrings:has | "
    "what style of earrings:wears | what shape:are:{own} earrings",
    "piercing": "where:is:{own} piercing | what piercings:has | where:is:{they}:pierced | "
    "what facial piercing:has",
    "light_height": "how high:is:the light | what height:is:the light:at | how high up:is:the lamp",
    "background_pattern": "what pattern:is:on the wall | what pattern:is:behind {them} | "
    "what pattern:is:the background | what design:is:in the background | "
    "how patterned:is:the wall",
    "age_years": "how many years old:is:{they} | what decade of life:is:{they}:in | "
    "how old in years:is:{they} | what age in years:is:{they} | which decade:is:{they}:in",
    "skin_tone_monk": "which monk skin tone:has | what number on the monk scale:is:{own} skin | "
    "what monk tone:is:{own} skin",
}
"""Questions for an attribute: question word, then "is" or "are", the subject and what is left; or
"has" or "wears", of the person."""

_COLORS = {
    "hair_color": ("brown", "black", "blond", "red", "grey"),
    "eye_color": ("brown", "blue", "green", "grey"),
    "clothing_color": ("grey", "white", "black", "red", "blue", "green", "yellow"),
    "background": ("grey", "white", "black", "blue", "green", "brown"),
    "eye_shadow_color": ("blue", "purple", "green", "grey"),
    "hat_color": ("grey", "black", "red", "blue", "green", "yellow"),
    "frame_color": ("black", "brown", "silver", "gold", "red", "blue"),
}
_COLOR_CLAIMS = {
    "hair_color": "hair is {c} | has {c} hair | is {c}-haired",
    "eye_color": "eyes are {c} | has {c} eyes | is {c}-eyed",
    "clothing_color": "wears something {c} | shirt is {c} | top is {c} | sweater is {c} | "
    "is dressed in {c} | is wearing {c} | wears {c} clothes | wears a {c} t-shirt | "
    "clothes are {c}",
    "background": "the wall is {c} | the background is {c} | the backdrop is {c} | "
    "the wall behind is {c} | there is a {c} wall behind {own} head | "
    "the color behind {own} head is {c}",
    "eye_shadow_color": "wears {c} eyeshadow | eye shadow is {c} | eyelids are {c} | "
    "has {c} lids | eye makeup is {c}",
    "hat_color": "hat is {c} | wears a {c} hat | cap is {c} | headwear is {c} | "
    "has a {c} thing on {own} head | has something {c} on {own} head",
    "frame_color": "glasses are {c} | wears {c} glasses | frames are {c} | specs are {c} | "
    "has {c} frames | has {c} rims",
}
_SIDES = ("left", "right")
_DECADES = {
    "20s": ("twenties", "20", "29"),
    "30s": ("thirties", "30", "39"),
    "40s": ("forties", "40", "49"),
    "50s": ("fifties", "50", "59"),
    "60s": ("sixties", "60", "69"),
    "70s": ("seventies", "70", "79"),
}

CLAIMS: Mapping[str, Mapping[str, str]] = {
    "gender": {
        "woman": "is a woman | is female | is a lady | is a girl",
        "man": "is a man | is male | is a guy | is a dude",
    },
    "age": {
        "young": "looks young | is youthful | is a young person | is a youngster | is still young",
        "middle-aged": "is middle aged | looks middle-aged | is a middle-aged person | "
        "is in midlife | is in middle age",
        "old": "looks old | looks elderly | is a senior | is an old person | is aged | is elderly",
    },
    "skin_tone": {
        "light": "skin is light | skin is fair | is light-skinned | is fair-skinned",
        "very light": "looks pale | skin is pale | skin is very pale | is very fair-skinned",
        "medium": "looks tanned | skin is tan | skin is olive | is olive-skinned | has a tan",
        "brown": "skin is brown | is brown-skinned | has brown skin",
        "dark": "skin is dark | is dark-skinned | has a dark complexion | skin is very dark",
    },
    "freckles": {
        "no": "is free of freckles | skin is free of freckles",
        "yes": "is freckled | has freckles | looks freckly | face is freckly | there are freckles",
    },
    "face_shape": {
        "oval": "face is oval | face is egg-shaped | has an oval face",
        "round": "face is round | is round-faced | has a round face | face is circular",
        "square": "face is square | has a boxy face | face is squarish | has a square face",
        "long": "face is long | face is elongated | has a long face | face is oblong",
    },
    "cheeks": {
        "average": "cheeks are average | cheeks are normal",
        "hollow": "cheeks are hollow | cheeks are sunken | has gaunt cheeks | is hollow-cheeked",
        "full": "cheeks are full | cheeks are chubby | has plump cheeks | cheeks are puffy | "
        "is chubby-cheeked",
    },
    "chin": {
        "average": "chin is average | chin is normal",
        "pointed": "chin is pointy | chin is pointed | has a sharp chin | chin is sharp",
        "broad": "chin is broad | chin is wide | has a wide chin | chin is square",
    },
    "hair_color": {
        "brown": "is a brunette | has brown locks | hair is chestnut",
        "black": "has jet black hair | hair is pitch black | has black locks",
        "blond": "is blonde | hair is blonde | has blonde hair | is fair-haired | hair is golden",
        "red": "is a redhead | is ginger | has ginger hair | hair is ginger | hair is auburn",
        "grey": "has gray hair | hair is gray | hair is silver | hair is white | has silver hair | "
        "is grey-haired",
    },
    "hair_style": {
        "short": "hair is short | has short hair",
        "bald": "is bald | looks bald | has no hair at all | is hairless | head is bald | "
        "head is shaved | is bald-headed",
        "cropped": "hair is very short | has a buzz cut | has a crew cut | hair is buzzed",
        "side-swept": "hair is swept to the side | hair is combed over to one side | "
        "has side-swept hair | hair is parted at the side",
        "bob": "has a bob | has a bob cut | hair is chin-length | hair is in a bob",
        "ponytail": "has a ponytail | hair is in a ponytail | hair is tied back",
        "braid": "has a braid | hair is braided | hair is in a braid | has a plait",
        "long": "hair is long | has long hair | is long-haired",
    },
    "brow_thickness": {
        "average": "eyebrows are average | eyebrows are of normal thickness",
        "thin": "eyebrows are thin | has thin eyebrows | brows are skinny | has thin brows",
        "thick": "eyebrows are thick | has bushy eyebrows | brows are bushy | brows are thick | "
        "has heavy eyebrows",
    },
    "eye_size": {
        "average": "eyes are average-sized | eyes are of normal size",
        "small": "eyes are small | has small eyes | eyes are tiny | has little eyes",
        "large": "eyes are big | has big eyes | eyes are large | has huge eyes | is big-eyed",
    },
    "nose_width": {
        "average": "nose is of average width | nose is of normal width",
        "narrow": "nose is narrow | has a thin nose | nose is slim | has a narrow nose",
        "wide": "nose is wide | has a broad nose | nose is broad | has a wide nose",
    },
    "nose_length": {
        "average": "nose is of average length | nose is of normal length",
        "short": "nose is short | has a short nose | has a button nose",
        "long": "nose is long | has a long nose",
    },
    "lips": {
        "average": "lips are average | lips are of normal thickness",
        "thin": "lips are thin | has thin lips | is thin-lipped",
        "full": "lips are full | has big lips | lips are thick | lips are plump | has full lips",
    },
    "ears": {
        "average": "ears are close to the head | ears are flat against the head",
        "protruding": "ears are sticking out | has ears that stick out | ears are prominent",
    },
    "facial_hair": {
        "none": "is clean-shaven | is clean shaven | is freshly shaved | looks clean-shaven | "
        "face is clean-shaven",
        "stubble": "has stubble | is stubbly | has a five o'clock shadow",
        "moustache": "has a mustache | has a moustache | there is a mustache on {own} lip",
        "goatee": "has a goatee | has a chin beard",
        "full beard": "has a full beard | has a thick beard | has a bushy beard | is fully bearded",
    },
    "lipstick": {
        "none": "lips are bare | is without lipstick",
        "red": "wears red lipstick | lips are painted red | lipstick is red",
        "pink": "wears pink lipstick | lips are painted pink | lipstick is pink",
        "dark": "wears dark lipstick | lipstick is dark | lips are painted dark",
    },
    "eye_shadow": {"yes": "wears eyeshadow | has eye shadow on | eyelids are made up"},
    "glasses": {
        "round": "wears round glasses | glasses are round | has round specs on",
        "rectangular": "wears rectangular glasses | glasses are rectangular | has square glasses | "
        "wears square glasses | glasses are square",
        "sunglasses": "wears sunglasses | wears shades | has sunglasses on | wears dark glasses | "
        "glasses are dark | has shades on",
    },
    "hat": {
        "none": "is bareheaded | head is bare",
        "beanie": "wears a beanie | has a beanie on | wears a woolly hat | wears a knit cap | "
        "hat is a beanie | wears a winter hat",
        "headband": "wears a headband | has a headband on | wears a hair band | "
        "has a band around {own} head",
    },
    "earrings": {"yes": "wears earrings | has earrings | has earrings in | wears ear jewelry"},
    "expression": {
        "neutral": "looks neutral | expression is neutral | looks serious | is expressionless | "
        "face is neutral | has a blank look",
        "smiling": "is smiling | looks happy | looks cheerful | is grinning | is happy | "
        "has a smile | has a smile on {own} face | looks joyful | looks pleased | is cheerful | "
        "is in a good mood | has a big grin | looks friendly",
        "laughing": "is laughing | is laughing out loud | is giggling | "
        "has a laugh on {own} face | "
        "is cracking up",
        "sad": "looks sad | is unhappy | looks unhappy | looks gloomy | "
        "has a sad face | is frowning with sadness",
        "angry": "looks angry | is mad | looks mad | is furious | looks annoyed | looks cross | "
        "has an angry face | is scowling",
        "surprised": "looks surprised | is shocked | looks shocked | is astonished | "
        "looks startled | has a surprised look | looks amazed",
    },
    "mouth": {
        "closed": "mouth is closed | mouth is shut | lips are closed | has {own} mouth shut",
        "open": "mouth is open | has {own} mouth open | lips are parted | has an open mouth",
    },
    "eyes": {
        "open": "eyes are open | has {own} eyes open | both eyes are open",
        "closed": "eyes are closed | eyes are shut | has {own} eyes closed | has {own} eyes shut | "
        "both eyes are closed",
        "winking": "is winking | has one eye closed | one eye is closed in a wink | "
        "one eye is shut in a wink",
        "squinting": "is squinting | eyes are narrowed | eyes are squinting | "
        "has {own} eyes narrowed",
    },
    "brows": {
        "relaxed": "eyebrows are relaxed | brows are relaxed | brows are at rest",
        "raised": "eyebrows are raised | brows are up | eyebrows are up | brows are lifted | "
        "both eyebrows are raised",
        "furrowed": "eyebrows are furrowed | brows are furrowed | brows are knitted | "
        "eyebrows are drawn together | brows are lowered",
    },
    "gaze": {
        "at the camera": "is looking at the camera | is looking at us | is looking at me | "
        "is looking straight at the camera | eyes are on the camera | is making eye contact | "
        "is staring into the camera",
        **{
            s: f"is looking {s} | is looking to the {s} | eyes are pointing {s} | "
            f"is staring to the {s} | is glancing to the {s}"
            for s in _SIDES
        },
        "up": "is looking up | is looking upwards | eyes are pointing up | is gazing up | "
        "is staring at the ceiling",
        "down": "is looking down | is looking downwards | eyes are pointing down | "
        "is staring at the floor | eyes are lowered",
    },
    "head_turn": {
        "front": "is facing the camera | is facing us | is facing forward | "
        "face is turned to the camera | is facing straight ahead | is seen from the front",
        **{
            s: f"is facing {s} | is facing the {s} side | head is turned {s} | "
            f"head is turned to the {s} | face is turned {s} | face is pointing {s}"
            for s in _SIDES
        },
    },
    "head_nod": {
        "level": "head is level | is holding {own} head level",
        "up": "head is tilted up | head is tilted back | chin is up | has {own} chin up | "
        "is holding {own} head up high | head is raised",
        "down": "head is tilted down | head is lowered | chin is down | has {own} head down | "
        "is hanging {own} head | head is bowed",
    },
    "light": {
        "front": "the light is from the front | the light is coming from the front | "
        "is lit from the front | face is lit from the front | the light is frontal",
        **{
            s: f"the light is coming from the {s} | the light is on the {s} | "
            f"is lit from the {s} | "
            f"face is lit from the {s} | the lamp is on the {s} | the light source is on the {s}"
            for s in _SIDES
        },
    },
    "light_color": {
        "neutral": "the light is neutral | the lighting is neutral | the light is white",
        "warm": "the light is warm | the lighting is warm | the light is golden | "
        "there is warm light | the light is yellowish | the lighting is cozy",
        "cool": "the light is cool | the light is cold | the lighting is cold | "
        "there is cool light | the light is bluish | the lighting is cool",
    },
    "forehead": {
        "average": "forehead is average | forehead is of normal height",
        "low": "forehead is low | has a low forehead | has a small forehead | forehead is short",
        "high": "forehead is high | has a big forehead | has a high forehead | forehead is big",
    },
    "cheekbones": {
        "average": "cheekbones are average | cheekbones are ordinary",
        "high": "cheekbones are high | has high cheekbones | cheekbones are prominent",
    },
    "double_chin": {"yes": "has a double chin | has two chins | is double-chinned"},
    "neck": {
        "average": "neck is average | neck is of normal width",
        "slender": "neck is slender | neck is slim | has a thin neck | neck is thin",
        "thick": "neck is thick | has a thick neck | neck is wide | has a bull neck",
    },
    "eye_spacing": {
        "average": "eyes are averagely spaced | eyes are normally spaced",
        "close-set": "eyes are close together | has close-set eyes | eyes are close-set",
        "wide-set": "eyes are far apart | has wide-set eyes | eyes are wide apart",
    },
    "eye_slant": {
        "level": "eyes are level | eyes are without a slant",
        "upturned": "eyes are upturned | eyes are slanting up | has upturned eyes | has cat eyes",
        "downturned": "eyes are downturned | eyes are slanting down | has downturned eyes | "
        "eyes are drooping at the corners",
    },
    "eye_openness": {
        "normal": "eyes are normally open | eyes are open the usual way",
        "wide": "eyes are wide open | has {own} eyes wide open | is wide-eyed",
        "drowsy": "looks sleepy | looks drowsy | eyes are drowsy | eyes are half shut | "
        "is sleepy | "
        "is heavy-lidded",
    },
    "raised_brow": {
        s: f"{s} eyebrow is raised | only the {s} eyebrow is up | {s} brow is higher | "
        f"is raising just the {s} eyebrow"
        for s in _SIDES
    },
    "wink_side": {
        s: f"is winking with the {s} eye | is winking on the {s} | the {s} eye is winking | "
        f"the {s} eye is the winking one"
        for s in _SIDES
    },
    "nose_tip": {
        "average": "nose tip is average | nose tip is ordinary",
        "bulbous": "nose tip is round | nose tip is bulbous | has a bulbous nose | nose is bulbous",
        "fine": "nose tip is fine | nose tip is delicate | has a fine nose tip",
    },
    "mouth_width": {
        "average": "mouth is of average width | mouth is of normal width",
        "small": "mouth is small | has a small mouth | mouth is narrow | has a little mouth",
        "wide": "mouth is wide | has a wide mouth | has a big mouth | mouth is broad",
    },
    "mouth_pose": {
        "relaxed": "lips are relaxed | mouth is relaxed | lips are at rest",
        "puckered": "is pouting | lips are puckered | is puckering {own} lips | "
        "is making a kissy face | is blowing a kiss",
        "pressed": "lips are pressed together | is pressing {own} lips together | "
        "has {own} lips pressed tight",
        "smirking": "is smirking | has a smirk | has a smirk on {own} face",
        "puffed": "is puffing {own} cheeks | cheeks are puffed up | cheeks are blown up | "
        "is puffing out {own} cheeks",
    },
    "chin_cleft": {
        "yes": "has a cleft chin | has a dimple in {own} chin | chin is cleft | has a butt chin"
    },
    "ear_tips": {
        "rounded": "ear tips are round | ear tips are rounded | has round ear tips",
        "pointed": "ears are pointy | has pointy ears | ear tips are pointed | has elf ears | "
        "ears are pointed",
    },
    "head_tilt": {
        "upright": "head is upright | is holding {own} head upright",
        **{
            s: f"head is leaning {s} | head is leaning to the {s} | head is cocked to the {s} | "
            f"is leaning {{own}} head to the {s}"
            for s in _SIDES
        },
    },
    "blush": {
        "yes": "is blushing | cheeks are rosy | has rosy cheeks | has red cheeks | "
        "cheeks are flushed | looks flushed"
    },
    "beauty_mark": {
        **{
            f"{s} cheek": f"has a mole on the {s} cheek | has a beauty spot on the {s} cheek | "
            f"mole is on the {s} cheek | there is a mole on the {s} cheek"
            for s in _SIDES
        },
        "lip": "has a mole above the lip | has a mole near {own} lip | mole is above the lip | "
        "there is a mole over {own} lip",
    },
    "scar": {
        place: f"has a scar on the {place} | scar is on the {place} | "
        f"there is a scar on the {place} | has a scarred {place}"
        for place in ("left cheek", "right cheek", "forehead")
    },
    "eyeliner": {"yes": "wears eyeliner | has eyeliner on | eyes are lined | wears eye liner"},
    "eye_bags": {
        "yes": "has bags under {own} eyes | has eye bags | has dark circles | "
        "has dark rings under {own} eyes | there are bags under {own} eyes"
    },
    "sideburns": {"yes": "has sideburns | there are sideburns"},
    "face_mask": {
        c: f"wears a {c} mask | mask is {c} | wears a {c} face mask | face mask is {c} | "
        f"has a {c} mask on"
        for c in ("white", "blue", "black")
    },
    "earring_kind": {
        "stud": "wears studs | earrings are studs | has stud earrings",
        "hoop": "wears hoops | earrings are hoops | has hoop earrings | has rings in {own} ears",
        "drop": "wears dangly earrings | earrings are dangling | has drop earrings | "
        "earrings are hanging",
    },
    "piercing": {
        "nose": "has a nose ring | nose is pierced | has a nose piercing | wears a nose ring",
        "lip": "has a lip ring | lip is pierced | has a lip piercing",
        "eyebrow": "has an eyebrow piercing | eyebrow is pierced | has a pierced brow",
    },
    "light_height": {
        "above": "the light is from above | the light is coming from above | "
        "face is lit from above | the lamp is overhead | is lit from above",
        "below": "the light is from below | the light is coming from below | "
        "face is lit from below | the lamp is underneath | is lit from below",
    },
    "background_pattern": {
        "plain": "the wall is plain | the background is plain | the backdrop is plain",
        "striped": "the wall is striped | the background is striped | there are stripes behind | "
        "the background is stripy",
        "checkered": "the wall is checkered | the background is checkered | "
        "there are checks on the wall | the wall is checked",
        "dotted": "the wall is dotted | the background is dotted | there are dots on the wall | "
        "the wall is spotted with dots",
    },
    "age_years": {
        value: f"is in {{own}} {decade} | is {low} to {high} years old | is in the {decade} | "
        f"is {low}-something | is between {low} and {high}"
        for value, (decade, low, high) in _DECADES.items()
    },
    "skin_tone_monk": {
        str(n): f"is tone {n} on the monk scale | monk skin tone is {n} | skin is monk tone {n} | "
        f"skin is number {n} on the monk scale"
        for n in range(1, 11)
    },
}
"""By attribute and value: what says so. "is", "has", "wears" and "looks" are of the person, what
begins with "the" or "there" of the picture, and all else of what is hers."""

COLOR_CLAIMS: Mapping[str, Mapping[str, str]] = {
    name: {v: _COLOR_CLAIMS[name].replace("{c}", "gray" if v == "grey" else v) for v in values}
    for name, values in _COLORS.items()
}
"""As CLAIMS, of the attributes that are colors."""

THINGS: Mapping[str, str] = {
    "glasses": "wears glasses | has glasses on | wears specs | wears spectacles | wears eyewear | "
    "wears any kind of glasses | wears eyeglasses | there are glasses on {own} nose",
    "hat": "wears a hat | has a hat on | wears headwear | has something on {own} head | "
    "there is a hat on {own} head | wears headgear | wears some kind of hat",
    "facial_hair": "has facial hair | has hair on {own} face | has whiskers | "
    "there is facial hair | has some facial hair | there is hair on {own} face",
    "lipstick": "wears lipstick | has lipstick on | lips are painted | wears lip makeup | "
    "there is lipstick on {own} lips",
    "eye_shadow": "wears eye shadow | wears eyeshadow | has eyeshadow on | eyelids are painted | "
    "there is eye shadow on {own} lids",
    "earrings": "wears earrings | has earrings | has earrings in | wears ear rings | "
    "there are earrings in {own} ears | has jewelry in {own} ears",
    "freckles": "has freckles | is freckled | face is freckled | there are freckles | "
    "has freckles on {own} face | is freckly",
    "double_chin": "has a double chin | has a second chin | there is a double chin",
    "raised_brow": "is raising just one eyebrow | is cocking an eyebrow | "
    "one eyebrow is higher than the other | has one brow up",
    "chin_cleft": "has a cleft chin | has a chin dimple | there is a dimple in {own} chin",
    "blush": "is blushing | has rosy cheeks | cheeks are flushed | cheeks are red",
    "beauty_mark": "has a mole | has a beauty mark | has a beauty spot | "
    "there is a mole on {own} face | has a birthmark",
    "scar": "has a scar | has scars | there is a scar on {own} face | face is scarred | is scarred",
    "eyeliner": "wears eyeliner | has eyeliner on | eyes are lined | wears eye liner",
    "eye_bags": "has bags under {own} eyes | has dark circles | has eye bags | "
    "there are dark circles under {own} eyes",
    "sideburns": "has sideburns | there are sideburns",
    "face_mask": "wears a mask | wears a face mask | has a mask on | is masked | "
    "mouth is covered | "
    "face is covered by a mask",
    "piercing": "has a piercing | has a facial piercing | is pierced | has piercings | "
    "there is a piercing on {own} face",
}
"""By attribute: what says that the thing is there, of whichever kind."""

WIDE: Mapping[tuple[str, str], str] = {
    ("facial_hair", "full beard"): "has a beard | is bearded | there is a beard on {own} face | "
    "has any beard | looks bearded",
    ("expression", "smiling"): CLAIMS["expression"]["smiling"],
    ("eyes", "open"): "eyes are open | has {own} eyes open | is keeping {own} eyes open",
}
"""By attribute and value: what says that it, or what it includes, is so."""

ELSEWHERE: Mapping[str, str] = {
    "the person": "what is {own} name | who is {they} | what is {they} called | "
    "where is {they} from | where does {they} live | what does {they} do | "
    "what job does {they} have | is {they} famous | is {they} rich | does {they} speak english | "
    "is {they} single | is {they} an actor | does {they} like pizza | how smart is {they} | "
    "what country is {they} from | what nationality is {they} | what religion does {they} have | "
    "is {they} a student | does {they} have siblings | what is {own} phone number | "
    "do you recognize {them} | is {they} a celebrity | what height is {they} | "
    "what does {they} weigh | where did {they} grow up | what is {own} job | "
    "how much money does {they} make | is {they} in love | who does {they} vote for | "
    "is {they} healthy | what is {they} saying | where is {they} going | "
    "what is {they} wearing on the feet | is {they} trustworthy | is {they} clever | "
    "does {they} have a pet",
    "all else": "what's the weather | what's the weather like today | tell me a story | "
    "write a poem | "
    "write me an email | write some code | what's the news | who made you | who are you | "
    "what are you | what's your name | are you human | how do you work | what's 12 times 7 | "
    "translate this into french | what's the time | what's the date | play some music | "
    "who is the president | recommend a film | give me a recipe | what should i wear today | "
    "how is the traffic | can you draw a cat | where am i | do you love me | how old are you | "
    "good evening | hey there | thanks a lot | cool | nice one | see you later | good bot | "
    "what happened yesterday | how many chairs are there | is it day or night | "
    "is it summer or winter | is there a dog | what's on the table | is there a car | "
    "who else is in the room | what did the photographer say | what book is this from",
}
"""What no face tells: about the person, and about all else."""
