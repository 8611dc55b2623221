"""What the Space declines to paint or to answer, decided from the words before any model time.

Knows no model and no widget. The lists are short, plain and English (a few question words of other
languages); they keep honest visitors from surprises and are no wall against a determined one. The
model's own limits are the stronger guard: it has only ever seen rendered, invented adults.
"""

from __future__ import annotations

import re
import unicodedata

from unif2ace.lexing import known_words

SEXUAL = "Sexual pictures are not painted here. Please describe a face."
MINOR = "Young people are not painted in such a context here. Please describe a face."
REAL_PERSON = (
    "Only invented people are painted here. Please describe a face instead of naming a person."
)
IDENTITY = (
    "This AI does not say who somebody is. It describes what can be seen: hair, eyes, expression."
)
SENSITIVE = (
    "This AI does not guess origin, belief, orientation, health or character from a face. "
    "It describes what can be seen: hair, eyes, expression."
)
ENGLISH = "The AI reads only English. Please write in English, or pick from the buttons."

_SEXUAL = (
    r"naked(?! eyes?)|nsfw|porn\w*|sexy|sexual\w*|sexuali[sz]ed|erotic\w*|lingerie|topless"
    r"|undress\w*|nipples?"
    r"|breasts?|genital\w*|penis\w*|vagina\w*|orgasm\w*|fetish\w*|bdsm|hentai|onlyfans|seductive\w*"
    r"|bare[- ]chested|(?:without|no|wearing nothing but) (?:any )?(?:clothes|clothing)|striptease"
    r"|(?:have|having|for|oral|anal) sex|sex (?:act|scene|tape|toy|doll|worker)s?|nudes?|nudity"
)
_SEXUAL_ELSEWHERE = ("裸", "ヌード", "エロ", "セクシー", "色情", "性感", "누드", "голая", "голый")
# "nude lipstick" is a colour, and so are baby blue, hot pink and rich brown
_SHADES = (
    r"\bnude[- ](?:(?:colou?red|matte|glossy|pink|beige|brown) )*"
    r"(?:lip\w*|make-?up|shade|tone|colou?r|gloss|eye ?shadow|blush)"
    r"|\bbaby[- ](?:blue|pink)\b|\bhot[- ]pink\b|\brich (?:brown|black|red|dark)(?= (?:hair|eye)|$)"
)
_MINOR = (
    r"child\w*|kids?|toddlers?|bab(?:y|ies)|infants?|minors?|under-?age\w*|pre-?teens?|teen\w*"
    r"|school ?(?:girl|boy|kid)s?|lolita?|shota|little (?:girl|boy)s?|young (?:girl|boy)s?"
    r"|(?:[1-9]|1[0-7])[- ]?(?:(?:years?|yrs?)[- ]old|y/?o)|aged? (?:of )?(?:[1-9]|1[0-7])(?!\d)"
    r"|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven)"
    r"teen)[- ]years?[- ]old"
)
_SUGGESTIVE = r"bikinis?|swim ?(?:suit|wear)s?|underwear|panties|bra|hot|kiss\w*|flirt\w*|alluring"

_LIKENESS = (
    r"celebrit\w*|famous|movie stars?|pop ?stars?|deep ?fakes?|look-?alikes?|doppelg\w+"
    r"|real (?:person|people|politician|actor|actress)|impersonat\w*"
)
_WELL_KNOWN = (
    "taylor swift|beyonc[eé]|rihanna|kim kardashian|kanye west|lady gaga|justin bieber"
    "|billie eilish|ariana grande|madonna|michael jackson|elvis presley|freddie mercury|david bowie"
    "|brad pitt|angelina jolie|tom cruise|tom hanks|leonardo dicaprio|scarlett johansson"
    "|emma watson|keanu reeves|johnny depp|will smith|george clooney|jennifer lawrence"
    "|jennifer aniston|marilyn monroe|audrey hepburn|morgan freeman|denzel washington|zendaya"
    "|shah rukh khan|jackie chan|bruce lee|oprah winfrey|joe rogan|mrbeast|greta thunberg"
    "|(?:donald |melania )?trump|(?:barack |michelle )?obama|joe biden|kamala harris"
    "|(?:vladimir )?putin|(?:volodymyr )?zelensk\\w+|xi jinping|kim jong[- ]?un|narendra modi"
    "|emmanuel macron|angela merkel|(?:benjamin )?netanyahu|(?:recep )?erdo[gğ]an|boris johnson"
    "|margaret thatcher|winston churchill|nelson mandela|mahatma gandhi|abraham lincoln|mao zedong"
    "|(?:adolf )?hitler|(?:joseph )?stalin|albert einstein|elon musk|mark zuckerberg|jeff bezos"
    "|bill gates|steve jobs|sam altman|queen elizabeth|king charles|prince (?:william|harry)"
    "|princess diana|kate middleton|meghan markle|pope francis|dalai lama|(?:lionel )?messi"
    "|cristiano ronaldo|neymar|lebron james|michael jordan|serena williams|roger federer"
)
# Capitalised pairs that are no names
_NOT_NAMES_TEXT = """
a an the this that is are was has have with and or of in on at by for from to please paint draw show
make create generate portrait photo picture image face close studio young old middle aged man woman
person lady gentleman guy girl boy male female adult people he she they his her their hair eyes eye
nose mouth lips skin beard smile smiling happy sad angry surprised blond blonde brown black red grey
gray white green blue dark light long short curly straight round square asian african american
european indian chinese japanese korean latin latino latina hispanic native east south north west
middle eastern western northern southern caucasian arab new does do what which where how can could
would tell describe soft warm cool cheerful joyful friendly serious calm elderly bearded bald pretty
beautiful handsome mother father grandmother grandfather grandma grandpa granny mom dad mum wear
wears irish french russian german italian spanish british english scottish greek turkish swedish
norwegian danish dutch polish ukrainian brazilian mexican canadian australian egyptian nigerian
kenyan ethiopian moroccan persian israeli vietnamese thai filipino indonesian pakistani portuguese
hong kong york angeles africa america korea zealand britain kingdom states scale officer doctor
nurse teacher engineer chef police soldier pilot farmer student scientist artist musician
firefighter lawyer
"""
_NOT_NAMES = frozenset(_NOT_NAMES_TEXT.split())
# Words of faces that are surnames too
_SURNAMES = frozenset({"king", "prince", "rose", "ruby", "amber", "head", "locks", "rage", "merry"})
_NAME_PAIR = re.compile(
    r"\b([A-Z][a-zà-öø-ÿ]+)(?:\s+(?:de|da|di|del|la|le|van|von|bin|al|[A-Z]\.))*"
    r"\s+((?:Mc|Mac|O'|O’|D'|Di|De|Le|La)?[A-Z][a-zà-öø-ÿ]+)\b"
)

_WHO = r"(?:person|people|man|men|woman|women|girl|boy|guy|lady|individual)"
_PEOPLE = rf"(?:{_WHO}|face|model)"
_IDENTITY = (
    r"\w+'s names?|(?<!someone )(?<!somebody )(?<!person )(?<!man )(?<!woman )(?<!lady )(?<!girl )"
    r"(?<!boy )(?<!guy )(?<!people )(?<!one )who(?:'s|s|m|se)?"
    r"|(?:his|her|their|its|whose|what|full|first|last|real) names?"
    rf"|names? of (?:the|this|that)(?: {_PEOPLE}|$)"
    r"|(?:is|are) (?:he|she|they|it) (?:called|named)|name (?:him|her|them|this|that)"
    rf"|identi(?:fy|ty)(?: of)? (?:him|her|them|the|this|that)(?: {_PEOPLE})?$"
    rf"|identify(?: (?:him|her|them|someone|somebody|{_PEOPLE})|$)"
    rf"|recogni[sz]e (?:him|her|them|(?:the|this|that) {_PEOPLE}|(?:this|that)$)"
    rf"|(?:do you|have you) (?:know|seen|met) (?:him|her|them|(?:this|that) {_PEOPLE})"
    r"|celebrit\w*|famous|actor|actress|politician|influencer|instagram|facebook|linkedin"
    r"|(?:live|lives|address|phone number|social media)"
)
_IDENTITY_ELSEWHERE = ("谁", "誰", "叫什么", "名字", "名前", "누구", "이름", "кто это")
_IDENTITY_EUROPEAN = (
    r"wer ist|wie hei(?:ß|ss)t|qui est|comment s'appelle|qui[eé]n es|c[oó]mo se llama|chi [eè]|"
    r"come si chiama|quem [eé]"
)
_ORIGINS = (
    r"(?:black|white|asian|african|european|american|indian|chinese|japanese|korean|arab\w*|latin[oax]"
    r"|french|italian|german|spanish|british|english|irish|russian|polish|turkish|greek|brazilian"
    r"|hispanic|caucasian|mexican|jewish|native|middle eastern)"
)
_SENSITIVE = (
    r"ethnic\w*|racial\w*|race|national\w*|citizen\w*|immigrant\w*|ancest\w*|descent|heritage"
    r"|(?:which|what|home) country|country of|religio\w*|muslim|christian|jew(?:ish)?"
    r"|hindu|buddhist|atheist|gay|lesbian|bisexual|queer|trans(?:gender|sexual)?|(?:homo|hetero)sexual\w*"
    r"|sexual\w*|(?:his|her|their) orientation|health\w*|ill(?!-)|illness"
    r"|sick\w*|diseas\w*|disab\w*|autis\w*|syndrome"
    r"|pregnan\w*|depress\w*|mental\w*|diagnos\w*|politic\w*|republican|democrat|vot\w+"
    r"|criminal\w*|crimes?|terrorist\w*|trustworth\w*|trusted|honest\w*|liar|intelligen\w*|smart|iq"
    r"|personality|(?:his|her|their|good|bad|of) character|character traits?|rich|income|salary"
    r"|(?<!light )(?<!lighting )(?<!quality )poor(?! (?:light|quality))"
    rf"|(?:he|she|they|{_WHO}) (?:comes?|is|are|was) from"
    rf"|where(?:'s| is| are) (?:he|she|they|(?:the|this|that) {_WHO}) from"
    rf"|(?:(?:is|are) (?:he|she|(?:the|this|that) {_WHO})|^are they) (?:an? )?{_ORIGINS}"
    r"(?![ -](?:hair|eye|background|hat|shirt|light))"
    rf"|(?:is|are) (?:it|they) (?:an? )?{_ORIGINS} {_WHO}|{_ORIGINS} or {_ORIGINS}(?: {_PEOPLE})$"
)


def refuse_prompt(prompt: str) -> str | None:
    """Why this prompt is not painted, in words for the visitor; None if it may be."""
    words = _normal(prompt)
    without_shades = re.sub(_SHADES, " ", words)
    is_sexual = _has(_SEXUAL + r"|nude", without_shades) or _any(_SEXUAL_ELSEWHERE, words)
    is_suggestive = is_sexual or _has(_SUGGESTIVE, without_shades)
    if _has(_MINOR, without_shades) and is_suggestive:
        return MINOR
    if is_sexual:
        return SEXUAL
    if _has(_LIKENESS, words) or _names_somebody(prompt):
        return REAL_PERSON
    return None if _can_be_read(prompt) else ENGLISH


def refuse_question(question: str) -> str | None:
    """Why this question about a picture is not answered, in words; None if it may be."""
    words = _normal(question)
    without_shades = re.sub(_SHADES, " ", words)
    if _has(_SENSITIVE, without_shades):
        return SENSITIVE
    if _has(_SEXUAL + r"|nude", without_shades) or _any(_SEXUAL_ELSEWHERE, words):
        return SEXUAL
    if (
        _has(_IDENTITY, words)
        or _has(_IDENTITY_EUROPEAN, words)
        or _any(_IDENTITY_ELSEWHERE, words)
        or _names_somebody(question)
    ):
        return IDENTITY
    return None if _can_be_read(question) else ENGLISH


def _normal(text: str) -> str:
    """Lower case, one space between words, typographic quotes and look-alike forms undone."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return re.sub(r"\s+", " ", text).strip(" ?!.")


def _has(pattern: str, words: str) -> bool:
    return re.search(rf"(?<!\w)(?:{pattern})(?!\w)", words) is not None


def _any(parts: tuple[str, ...], words: str) -> bool:
    return any(part in words for part in parts)


def _can_be_read(text: str) -> bool:
    """Whether some of its letters, if there are any, are of the English alphabet."""
    letters = [letter for letter in unicodedata.normalize("NFKC", text) if letter.isalpha()]
    return not letters or any(letter.isascii() for letter in letters)


def _names_somebody(text: str) -> bool:
    """A well-known name, or two capitalised words in a text that is not all in title case."""
    if _has(_WELL_KNOWN, _normal(text)):
        return True
    words = [word for word in re.findall(r"[^\W\d_]+", text) if len(word) > 3]
    if len(words) > 3 and all(word[0].isupper() for word in words):
        return False
    return any(
        not {first, last} & _NOT_NAMES
        and (last in _SURNAMES or last not in known_words())  # "Hoop Earrings" is nobody
        for first, last in ((a.lower(), b.lower()) for a, b in _NAME_PAIR.findall(text))
    )
