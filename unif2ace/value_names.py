"""What the values of attributes are called in Japanese and Chinese, for reading.

Prompts and questions keep the English values, which is what the model knows.
"""

from __future__ import annotations

from collections.abc import Mapping

# Value, or "attribute: value" where the same word means something else: (Japanese, Chinese)
NAMES: Mapping[str, tuple[str, str]] = {
    # -- any
    "average": ("普通", "一般"),
    "no": ("なし", "无"),
    "none": ("なし", "无"),
    "yes": ("あり", "有"),
    "small": ("小さい", "小"),
    "large": ("大きい", "大"),
    "short": ("短い", "短"),
    "long": ("長い", "长"),
    "narrow": ("狭い", "窄"),
    "wide": ("広い", "宽"),
    "thin": ("細い", "细"),
    "thick": ("太い", "粗"),
    "low": ("低い", "低"),
    "high": ("高い", "高"),
    "open": ("開いている", "张开"),
    "closed": ("閉じている", "闭合"),
    "front": ("正面", "正面"),
    "left": ("左", "左"),
    "right": ("右", "右"),
    "up": ("上", "上"),
    "down": ("下", "下"),
    "level": ("水平", "水平"),
    "relaxed": ("自然", "放松"),
    "neutral": ("自然", "中性"),
    "normal": ("普通", "正常"),
    # -- colors
    "black": ("黒", "黑"),
    "white": ("白", "白"),
    "grey": ("灰色", "灰色"),
    "brown": ("茶色", "棕色"),
    "blond": ("ブロンド", "金色"),
    "red": ("赤", "红"),
    "pink": ("ピンク", "粉红"),
    "blue": ("青", "蓝"),
    "green": ("緑", "绿"),
    "yellow": ("黄", "黄"),
    "dark": ("濃い", "深色"),
    "medium": ("中間", "中等"),
    "light": ("明るい", "浅色"),
    "very light": ("とても明るい", "很浅"),
    "warm": ("暖色", "暖色"),
    "cool": ("寒色", "冷色"),
    # -- who
    "woman": ("女性", "女性"),
    "man": ("男性", "男性"),
    "young": ("若い", "年轻"),
    "middle-aged": ("中年", "中年"),
    "old": ("高齢", "年老"),
    "skin_tone: brown": ("褐色", "棕色"),
    # -- face
    "oval": ("卵形", "椭圆"),
    "round": ("丸い", "圆形"),
    "square": ("四角い", "方形"),
    "face_shape: long": ("面長", "长形"),
    "hollow": ("こけた", "凹陷"),
    "full": ("ふっくら", "丰满"),
    "pointed": ("尖った", "尖"),
    "broad": ("広い", "宽"),
    "slender": ("細い", "纤细"),
    "protruding": ("張り出した", "外张"),
    "rounded": ("丸い", "圆"),
    "bulbous": ("丸く大きい", "圆大"),
    "fine": ("細い", "纤细"),
    "lips: thin": ("薄い", "薄"),
    "mouth_width: wide": ("大きい", "宽"),
    # -- hair
    "hair_color: grey": ("白髪まじり", "灰白"),
    "hair_style: short": ("ショート", "短发"),
    "hair_style: long": ("ロング", "长发"),
    "bald": ("スキンヘッド", "光头"),
    "cropped": ("刈り上げ", "寸头"),
    "side-swept": ("横分け", "侧分"),
    "bob": ("ボブ", "波波头"),
    "ponytail": ("ポニーテール", "马尾"),
    "braid": ("三つ編み", "辫子"),
    "stubble": ("無精ひげ", "胡茬"),
    "moustache": ("口ひげ", "小胡子"),
    "goatee": ("あごひげ", "山羊胡"),
    "full beard": ("顔一面のひげ", "络腮胡"),
    # -- worn
    "rectangular": ("四角い", "方框"),
    "glasses: round": ("丸い", "圆框"),
    "sunglasses": ("サングラス", "太阳镜"),
    "beanie": ("ニット帽", "毛线帽"),
    "headband": ("ヘッドバンド", "发带"),
    # -- expression
    "expression: neutral": ("無表情", "平静"),
    "smiling": ("微笑み", "微笑"),
    "laughing": ("笑い", "大笑"),
    "sad": ("悲しみ", "悲伤"),
    "angry": ("怒り", "愤怒"),
    "surprised": ("驚き", "惊讶"),
    "eyes: open": ("開いている", "睁开"),
    "winking": ("ウインク", "眨一只眼"),
    "squinting": ("細めている", "眯着"),
    "drowsy": ("眠そう", "困倦"),
    "eye_openness: wide": ("見開いた", "睁大"),
    "close-set": ("近い", "较近"),
    "wide-set": ("離れた", "较远"),
    "upturned": ("上がり目", "上扬"),
    "downturned": ("下がり目", "下垂"),
    "raised": ("上がっている", "扬起"),
    "furrowed": ("寄せている", "皱起"),
    "puckered": ("すぼめた", "撅起"),
    "pressed": ("結んだ", "紧抿"),
    "smirking": ("片方だけ上げた", "歪嘴笑"),
    "puffed": ("頬をふくらませた", "鼓腮"),
    "at the camera": ("カメラの方", "看镜头"),
    "upright": ("まっすぐ", "端正"),
}


def value_name(attribute: str, value: str, language: str) -> str:
    """A value in a language of `languages.LANGUAGES`; in English where there is no other name."""
    column = {"ja": 0, "zh": 1}.get(language)
    names = NAMES.get(f"{attribute}: {value}") or NAMES.get(value)
    return value if column is None or names is None else names[column]
