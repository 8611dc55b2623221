"""What people ask as they talk: about what they want to know, seldom by the attribute's name.

As in `asking`, no template here is told the true value; `{own}` and `{they}` are as there.
"""

from __future__ import annotations

from collections.abc import Mapping

OPEN: Mapping[str, str] = {
    "gender": (
        "who is this, a lady or a gentleman? | boy or girl? | he or she? | what sex would you "
        "say? | male or female, what do you think? | is it a dude or a lady? | which gender am "
        "i looking at? | do i call this person sir or madam?"
    ),
    "age": (
        "which stage of life is {they} at? | still young, or getting on? | is {they} more of a "
        "youngster, a grown-up or a senior? | what generation is {they}? | would you call "
        "{they} young or old? | how far along in life is {they}? | young or old?"
    ),
    "skin_tone": (
        "how pale or dark is {they}? | what complexion has {they} got? | is {own} skin on the "
        "pale side or the dark side? | what would you call {own} skin color? | what color is "
        "{they}, skin-wise? | skin: pale, tan, brown or dark? | how fair is {they}?"
    ),
    "freckles": (
        "how freckly is {they}? | got freckles or no? | how about freckles? | clear skin or "
        "freckly? | what about spots from the sun?"
    ),
    "face_shape": (
        "what outline does {own} face have? | what's {own} face like, round or long or what? | "
        "does {they} have more of a round or a square face? | geometrically, what is this face? "
        "| which shape is it, the face? | how is {own} face built?"
    ),
    "cheeks": (
        "how round are {own} cheeks? | are {own} cheeks sunken or chubby? | how fleshy are the "
        "cheeks? | cheeks: hollow, full or so-so? | how plump is {they} in the cheeks?"
    ),
    "chin": (
        "how pointy is {own} chin? | what does {own} chin look like? | is {own} chin more broad "
        "or pointy? | how's the chin shaped? | how strong is {own} jaw at the chin? | what sort "
        "of chin has {they} got?"
    ),
    "hair_color": (
        "what colour's {own} hair? | is {they} blonde, brunette or what? | dark-haired or "
        "fair-haired? | what color would {own} hairdresser write down? | what shade did nature "
        "give {own} hair? | what would you call that hair colour? | ginger, blond, dark, grey, "
        "which one?"
    ),
    "hair_style": (
        "what did {own} barber do? | how's {own} hair done? | what's the hairdo? | how does "
        "{they} wear it, the hair? | up or down or short, how is {own} hair? | what kind of cut "
        "does {they} have? | how much hair does {they} have? | is {own} hair long or short or "
        "gone? | how's {own} hair arranged?"
    ),
    "brow_thickness": (
        "how bushy are those eyebrows? | how heavy are {own} brows? | are those brows bushy or "
        "plucked? | how dense are {own} eyebrows? | are the brows fat or skinny?"
    ),
    "eye_color": (
        "what colour eyes has {they} got? | which color did {own} eyes turn out? | what color "
        "are {own} peepers? | what color is {own} iris? | eyes: blue, brown or else? | what "
        "tint do the eyes have? | are those eyes blue, green, grey or brown?"
    ),
    "eye_size": (
        "are {own} eyes rather big or tiny? | how large would you say {own} eyes are? | does "
        "{they} have big or little eyes? | how much room do {own} eyes take up? | big eyes, "
        "small eyes, or in between?"
    ),
    "nose_width": (
        "how broad is that nose? | slim nose or broad nose? | is {own} nose thin or broad "
        "across? | how much space does {own} nose take from side to side? | does {they} have a "
        "skinny or a wide nose? | how flared is {own} nose?"
    ),
    "nose_length": (
        "how far down does {own} nose go? | long nose or stubby nose? | what size is {own} nose "
        "from bridge to tip? | is that a long nose or a short one? | how far does {own} nose "
        "reach?"
    ),
    "lips": (
        "how plump are {own} lips? | what are {own} lips like, thick or thin? | does {they} "
        "have big lips? or thin? | how much lip does {they} have? | lips: thin, normal or "
        "plump? | are {own} lips fleshy or narrow?"
    ),
    "ears": (
        "how do {own} ears stand? | do {own} ears lie flat or stand off? | flat ears or "
        "sticking out? | how far do the ears stand away? | are those ears sticking out or close "
        "to {own} head?"
    ),
    "facial_hair": (
        "what grows on {own} chin and lip? | what has {they} got by way of a beard? | shaved or "
        "bearded? | when did {they} last shave, by the look of it? | how's the beard? | what's "
        "on {own} chin, any hair? | how hairy is {own} face?"
    ),
    "lipstick": (
        "what has {they} got on {own} lips? | which shade are {own} lips painted? | what color "
        "are {own} lips done in, if at all? | what's on those lips? | lipstick color? | lips "
        "painted? what color?"
    ),
    "eye_shadow": (
        "how are {own} lids made up? | what about makeup on the lids? | are the eyelids colored "
        "or bare? | what did {they} put on {own} lids, if anything?"
    ),
    "glasses": (
        "what's {they} got in front of {own} eyes? | what kind of specs are those? | which "
        "glasses does {they} wear, round ones? square ones? | shades or reading glasses or "
        "none? | what sits on {own} nose? | how does {they} see, with glasses or without? | "
        "what eyewear is that?"
    ),
    "hat": (
        "what's up there on {own} head? | what kind of cap or band is that? | is {own} head "
        "covered, and by what? | how does {they} keep {own} head warm? | headgear, if any?"
    ),
    "earrings": (
        "ears: bare or with jewelry? | how are {own} ears decorated? | earrings in or bare "
        "ears? | what about jewelry in the ears? | how about the ears, any jewelry in them? | "
        "rings in {own} ears or none?"
    ),
    "clothing_color": (
        "what color is {they} dressed in? | what's the color of that shirt? | how is {they} "
        "dressed, colorwise? | which color did {they} put on today? | what color top is that? | "
        "what color are the clothes? | what's {they} got on, which color?"
    ),
    "expression": (
        "how's {they} feeling? | good mood or bad mood? | what face is {they} making? | is "
        "{they} happy or what? | how does {they} look, emotionally? | cheerful, cross or sad? | "
        "which mood did the picture catch?"
    ),
    "mouth": (
        "what's {own} mouth doing, open? shut? | is {own} mouth shut or agape? | mouth open or "
        "closed? | is the mouth agape or shut? | how does {they} hold {own} mouth, open or "
        "shut?"
    ),
    "eyes": (
        "open eyes or shut eyes? | is {they} squinting or winking or what? | what is going on "
        "with {own} eyes? | are both eyes open or what? | does {they} have {own} eyes shut? or "
        "open? | how are {own} eyes right now?"
    ),
    "brows": (
        "where are {own} eyebrows, up or down? | does {they} frown or raise {own} brows? | "
        "what's happening with the brows? | are the brows up, down or at rest? | how does "
        "{they} move {own} eyebrows?"
    ),
    "gaze": (
        "what direction are {own} eyes pointed? | where do {own} eyes go? | at what or where is "
        "{they} staring? | is {they} looking at me or elsewhere? | which way do the eyes point? "
        "| eye direction? | into the lens, or where is {they} looking?"
    ),
    "head_turn": (
        "is {they} facing us or turned away? | which side does {they} turn {own} face to? | "
        "from the front or from the side, how is {they} seen? | how is {own} head rotated? | "
        "which way did {they} turn? | frontal or turned?"
    ),
    "head_nod": (
        "is {own} chin up or down? | does {they} hold {own} head high or low? | nose up or nose "
        "down? | how high does {they} carry {own} head? | is the head bowed or lifted?"
    ),
    "light": (
        "where's the lamp? | which side of {own} face is bright? | what side is the lamp on? | "
        "the light, which side is it coming from? | where does it shine from? | lit from where?"
    ),
    "light_color": (
        "what tint does the light have? | golden or bluish light? | what would you call the "
        "color of the lighting? | does the light look cold or cozy? | what mood does the "
        "lighting have, warm or cold?"
    ),
    "background": (
        "what's the wall like, color-wise? | which color is around {own} head? | what's back "
        "there, what color? | what color did they paint the wall? | color of whatever is "
        "behind? | what color backdrop did they use?"
    ),
    "forehead": (
        "how tall is {own} forehead? | much forehead or little? | how far up does {own} hair "
        "start? | is that a big forehead or a small one? | how about the forehead, high or low?"
    ),
    "cheekbones": (
        "how do {own} cheekbones sit, high? | how about those cheekbones? | do the cheekbones "
        "stand out or not? | how sharp are {own} cheekbones?"
    ),
    "double_chin": (
        "one chin or two? | what is there beneath {own} chin, a second one or none? | what "
        "hangs under {own} chin? | anything under the chin, like a second one?"
    ),
    "neck": (
        "how thick is {own} neck? | is that a swan's neck or a wrestler's? | what sort of neck "
        "has {they} got? | how strong is {own} neck? | is it a thin neck or a thick one?"
    ),
    "eye_spacing": (
        "how far apart are {own} eyes? | are the eyes near each other or far? | how much room "
        "is between {own} eyes? | eyes close together, or wide apart?"
    ),
    "eye_slant": (
        "which way do the eye corners point? | do the outer corners of {own} eyes go up or "
        "down? | how do {own} eyes tilt? | are {own} eyes slanted, and how?"
    ),
    "eye_openness": (
        "does {they} look sleepy or wide awake? | how wide open are {own} eyes? | eyes wide "
        "open, normal or half shut? | how drowsy is {they}? | how alert does {they} look?"
    ),
    "raised_brow": (
        "is one brow up, and which one? | which brow is up, if any? | does {they} cock an "
        "eyebrow? which one? | one eyebrow higher than the other?"
    ),
    "wink_side": (
        "which eye is winking? | with which eye does {they} wink at us? | which of the two eyes "
        "did {they} close? | which of the eyes is the winking one? | on what side is the wink?"
    ),
    "nose_tip": (
        "how's the end of {own} nose? | is the nose tip fat or fine? | what about the tip of "
        "the nose? | is {own} nose round at the end, or thin?"
    ),
    "mouth_width": (
        "how wide is {own} mouth? | big mouth or small mouth? | how far does {own} mouth "
        "stretch? | is the mouth little or broad?"
    ),
    "mouth_pose": (
        "what is going on with {own} lips, a pout, a smirk? | is {they} pouting or smirking or "
        "what? | how are {own} lips posed? | kissing face, smirk, or just relaxed? | what shape "
        "is {they} making with {own} lips?"
    ),
    "chin_cleft": (
        "dimpled chin or smooth chin? | what about a dent in the chin? | smooth chin or a cleft "
        "one? | what about that dimple in the chin? | is it a cleft chin or a smooth one?"
    ),
    "ear_tips": (
        "elfin ears or ordinary ones? | how do the ears end at their upper rim? | are the ears "
        "pointy above or round? | which kind of ear tips are those?"
    ),
    "head_tilt": (
        "is {own} head straight or leaning over? | which shoulder does {own} head lean to? | "
        "does {they} hold {own} head straight or crooked? | how crooked is {own} head?"
    ),
    "blush": (
        "how rosy are {own} cheeks? | are {own} cheeks pink or not? | is {they} blushing or "
        "pale in the cheeks? | what about rosy cheeks?"
    ),
    "beauty_mark": (
        "where's that mole? | is there a mole somewhere, and where? | does {they} have a "
        "birthmark, where? | any moles, and on what spot? | which side is the mole on?"
    ),
    "scar": (
        "where did {they} get hurt, any scar? | is there an old wound somewhere, and where? | "
        "where's the scar? | any old cuts on {own} face, where? | which place has a scar?"
    ),
    "eyeliner": (
        "bare eyes or lined eyes? | how are the eyes lined, if at all? | kohl or no kohl? | "
        "what about liner? | with or without a line of kohl?"
    ),
    "eye_bags": (
        "how tired does {they} look under the eyes? | what about bags under the eyes? | bags "
        "under the eyes or none? | dark rings below the eyes or none?"
    ),
    "sideburns": (
        "what about hair in front of the ears? | sideburns or none? | mutton chops or nothing? "
        "| how about sideburns, got some?"
    ),
    "eye_shadow_color": (
        "what color are the lids painted? | which shade is on the lids? | what color makeup "
        "above the eyes? | what eyeshadow color is it? | the eye shadow, what color?"
    ),
    "face_mask": (
        "is {they} masked, and in what color? | what's over {own} mouth? | mask on or off? | "
        "what kind of mask is it, which color? | masked or not, and what color is it?"
    ),
    "hat_color": (
        "what colour is that hat? | which color does {own} cap have? | what color did {they} "
        "pick for {own} hat? | what color's the headband or hat?"
    ),
    "frame_color": (
        "what color are those specs? | the glasses, what color are they? | frames: gold, black "
        "or what? | what colour frame has {they} picked? | what color is the rim?"
    ),
    "earring_kind": (
        "hoops, studs or dangly ones? | which type of earring is that? | what style of "
        "earrings? | what sort of rings are in {own} ears? | how are the earrings shaped?"
    ),
    "piercing": (
        "where is {they} pierced? | which part is pierced, if any? | is there a ring in the "
        "nose or lip or brow? | what piercings do we have here?"
    ),
    "light_height": (
        "is the lamp high or low? | does the light come down or up? | lit from over or under? | "
        "is the light over {own} head or under {own} chin?"
    ),
    "background_pattern": (
        "what's printed on the wall? | stripes, dots, checks or nothing behind? | how's the "
        "wall decorated? | what design does the backdrop have? | is the wall plain or "
        "patterned? | what motif is in the background?"
    ),
    "age_years": (
        "how old in numbers? | what would be your guess in years? | twenties, thirties, "
        "forties, more? | which decade of life is it? | give me a number, how old? | how many "
        "years old, about?"
    ),
    "skin_tone_monk": (
        "which number on the monk scale? | monk skin tone number? | on monk's ten steps, which "
        "one is it? | what number of the skin tone scale? | monk scale value?"
    ),
}
"""Per attribute, divided by bars."""

ELSEWHERE = (
    "what's the weather like? | is it raining where {they} is? | what time is it? | what day is "
    "it? | how tall is {they}? | how much does {they} weigh? | what shoe size does {they} have? "
    "| is {they} tall? | what does {they} do for a living? | where does {they} work? | is "
    "{they} a teacher? | can {they} swim? | does {they} play football? | what sports does "
    "{they} like? | what's {own} favourite food? | is {they} hungry? | what did {they} eat "
    "today? | does {they} have a dog? | is there a cat in the picture? | how many fingers does "
    "{they} have? | what is {they} holding? | is {they} holding anything? | what shoes is "
    "{they} wearing? | what pants does {they} wear? | is {they} wearing jeans? | does {they} "
    "wear a ring? | is {they} wearing a watch? | does {they} have a tattoo on {own} arm? | are "
    "{own} hands clean? | is {they} sitting or standing? | who took this photo? | where was "
    "this taken? | what camera was used? | what year is it from? | is {they} married? | does "
    "{they} have children? | how many kids does {they} have? | is {they} single? | what is "
    "{they} thinking about? | what did {they} just say? | what language does {they} speak? | "
    "does {they} have an accent? | how does {own} voice sound? | can {they} sing? | which song "
    "does {they} like? | what music does {they} listen to? | what perfume does {they} wear? | "
    "what does {they} smell like? | what brand is that shirt? | how much did the glasses cost? "
    "| where can i buy that top? | what car does {they} drive? | does {they} smoke? | does "
    "{they} drink coffee? | is {they} a good cook? | is {they} kind? | is {they} nice? | is "
    "{they} funny? | would {they} make a good friend? | tell me a joke | sing me a song | what "
    "is two plus two? | what is the capital of france? | who won the game? | how do i bake "
    "bread? | what's for dinner? | hello | hi there | how are you? | thank you | good morning | "
    "bye | what can you do? | are you a robot? | what's your favourite color? | do you like me? "
    "| asdf | test | help | what? | why? | ok | lol | is that a real photo? | how many people "
    "are in the picture? | is there a tree behind {they}? | what animal is that? | which city "
    "is this? | is {they} at home? | what floor is {they} on? | how fast can {they} run? | when "
    "is {own} birthday? | what star sign is {they}? | is {own} hair real? | does {they} dye "
    "{own} hair? | how often does {they} wash {own} hair? | are {own} teeth real? | does {they} "
    "wear contact lenses? | can {they} see well? | what is {own} blood type? | does {they} "
    "snore? | how well did {they} do at school? | write me a poem | what's the meaning of life?"
)
"""What visitors ask or say that no face tells. Divided by bars."""
