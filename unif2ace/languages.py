"""The page in English, Japanese and Chinese. The English text is the key, as in gettext.

Prompts, questions and answers stay English: the model knows nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

LANGUAGES: Mapping[str, str] = {"en": "English", "ja": "日本語", "zh": "中文"}

# English: (Japanese, Chinese). "{}" is filled in after translation, or found again by `retold`.
TABLE: Mapping[str, tuple[str, str]] = {
    # -- frame
    "# Paint a face with words. Ask a face questions.\nOne small AI model does both. "
    "It paints invented people and identifies nobody.": (
        "# 言葉で顔を描く。顔に質問する。\nどちらも一つの小さな AI モデルが行います。"
        "描くのは架空の人物だけで、個人の特定はしません。",
        "# 用文字画脸，向脸提问。\n一个小型 AI 模型同时完成两件事。只画虚构的人，不识别任何人。",
    ),
    "Language": ("言語", "语言"),
    "Understand": ("理解", "理解"),
    "Generate": ("生成", "生成"),
    "Routing": ("経路", "路由"),
    "Verify": ("確認", "验证"),
    "About": ("説明", "关于"),
    "Stop": ("停止", "停止"),
    # -- understand
    "A picture with a face": ("顔が写った画像", "含有人脸的图片"),
    "Or press an invented face: the AI answers at once": (
        "または架空の顔を押すと、AI がすぐに答えます",
        "或点一张虚构的脸，AI 会立刻回答",
    ),
    "You talk to an AI. Your picture is used to answer you only, deleted within 15 minutes, "
    "never used for training. Nobody is identified.": (
        "相手は AI です。画像は回答のためだけに使われ、15 分以内に削除され、"
        "学習には使われません。個人の特定はしません。",
        "您在与 AI 对话。图片只用于回答，15 分钟内删除，绝不用于训练。不识别任何人。",
    ),
    "Your question": ("質問", "您的问题"),
    "Write in English. Left and right are as you see them.": (
        "英語で書いてください。左右は画像を見る人から見た向きです。",
        "请用英语书写。左右以看图者的方向为准。",
    ),
    "Or pick a question": ("または質問を選ぶ", "或选一个问题"),
    "Did you mean:": ("こちらの質問でしたか:", "您是想问："),
    "Describe this face in full detail.": ("この顔を細部まで描写する", "尽可能详细地描述这张脸"),
    "Ask": ("質問する", "提问"),
    "Describe": ("描写する", "描述"),
    "List everything": ("すべて調べる", "列出全部"),
    "Answer": ("回答", "回答"),
    "The answer appears here, in English.": (
        "ここに英語の回答が表示されます。",
        "英文回答会显示在这里。",
    ),
    "What the AI sees": ("AI に見えているもの", "AI 看到的画面"),
    "This is what the AI sees.": ("これが AI に見えている部分です。", "这是 AI 看到的部分。"),
    "{} faces were found. The largest one is used.": (
        "顔が {} つ見つかりました。最も大きい顔を使います。",
        "找到 {} 张脸，使用其中最大的一张。",
    ),
    "Understood as a question about: {}": (
        "次についての質問と理解しました：{}",
        "理解为关于以下内容的问题：{}",
    ),
    "Link to this question": ("この質問へのリンク", "此问题的链接"),
    "Face": ("顔", "脸"),
    "Hair": ("髪", "头发"),
    "Eyes": ("目", "眼睛"),
    "Nose and mouth": ("鼻と口", "鼻与嘴"),
    "Ears and clothes": ("耳と服", "耳与衣服"),
    "Pose": ("姿勢", "姿态"),
    "Light": ("光", "光线"),
    "not visible": ("見えない", "看不到"),
    "Download as": ("保存形式", "下载为"),
    # -- generate
    "Describe a face": ("顔を説明する", "描述一张脸"),
    "Or press one of these: it is painted at once": (
        "または例を押すと、すぐに描きます",
        "或点一个例子，立刻开始画",
    ),
    "Or pick what you want to see": ("または特徴を選ぶ", "或挑选想要的特征"),
    "Settings": ("設定", "设置"),
    "Pictures": ("枚数", "图片数量"),
    "The AI checks each one and shows the best first.": (
        "AI が一枚ずつ確かめ、最もよい一枚を先に示します。",
        "AI 会检查每一张，把最好的排在最前。",
    ),
    "A new face each time": ("毎回新しい顔", "每次都是新的脸"),
    "Seed": ("シード", "种子"),
    "The same seed, words and settings give the same face on the same kind of machine.": (
        "シード、言葉、設定、機器の種類が同じなら、同じ顔になります。",
        "种子、文字、设置和设备类型都相同时，得到的脸也相同。",
    ),
    "Steps": ("ステップ数", "步数"),
    "More steps take longer; beyond 8 they hardly improve a face.": (
        "ステップが多いほど時間がかかります。8 を超えるとほとんど変わりません。",
        "步数越多越慢；超过 8 步几乎没有差别。",
    ),
    "Follow the words": ("言葉への忠実さ", "遵循文字的程度"),
    "1 follows them loosely; higher is stricter.": (
        "1 はゆるく、大きいほど厳密です。",
        "1 较宽松，越大越严格。",
    ),
    "The painted face": ("描かれた顔", "画出的脸"),
    "All pictures, the best first": ("すべての画像（よい順）", "全部图片（最好的在前）"),
    "fits {} %": ("一致 {} %", "符合 {} %"),
    "Part": ("部分", "部位"),
    "Change this part": ("この部分を描き直す", "重画此部位"),
    "Change the words first, for example the hair; the rest of the picture stays.": (
        "先に説明文の髪などを変えてください。画像の残りはそのままです。",
        "请先修改文字，例如头发；图片的其余部分保持不变。",
    ),
    "Changed: {}": ("変更：{}", "已修改：{}"),
    "Only faces that were painted here can be changed here.": (
        "変更できるのは、ここで描かれた顔だけです。",
        "这里只能修改在此画出的脸。",
    ),
    "Ask about this face": ("この顔に質問する", "就这张脸提问"),
    "Press Generate. While it paints, the pieces that are still open show here.": (
        "「生成」を押してください。描いている間、まだ空いている部分がここに見えます。",
        "请按“生成”。作画时，这里显示还空着的小块。",
    ),
    "Step {} of {}: {} of {} pieces still open": (
        "ステップ {} / {}：残り {} / {} 個",
        "第 {} / {} 步：还剩 {} / {} 块",
    ),
    "Step {} of {}: all pieces painted": (
        "ステップ {} / {}：すべて描きました",
        "第 {} / {} 步：全部画完",
    ),
    "still open": ("未定", "未画"),
    "painted": ("描画済み", "已画"),
    "{} steps · guidance {}": ("{} ステップ · 忠実さ {}", "{} 步 · 遵循 {}"),
    "Link that paints this again": ("もう一度描くリンク", "重新画出此图的链接"),
    "Asked for, and how surely the AI sees it": (
        "頼んだことと、AI にどれほど確かに見えるか",
        "您的要求，以及 AI 有多确定看到了它",
    ),
    "What your words left open, the AI chose itself": (
        "言葉で決まらなかったことは、AI がこう決めました",
        "您没有说明的部分，由 AI 自行决定",
    ),
    "seen": ("見える", "看到"),
    "perhaps": ("おそらく", "也许"),
    "not seen": ("見えない", "没看到"),
    "The words name nothing that could be checked in the picture.": (
        "画像で確かめられる言葉がありません。",
        "文字中没有可在图中检查的内容。",
    ),
    "### Painted in this visit": ("### 今回描いたもの", "### 本次画过的"),
    "They stay in this page until you leave it; the server deletes its copies within 15 minutes.": (
        "このページを離れるまで残ります。サーバー上のコピーは 15 分以内に削除されます。",
        "保留到您离开此页面；服务器上的副本会在 15 分钟内删除。",
    ),
    # -- routing
    "For researchers: inside every layer, each piece of the picture is sent to a few of many "
    "experts. Here is where each one goes.": (
        "研究者向け：各層で、画像の断片は多くのエキスパートのうち数個に送られます。"
        "ここでは、それぞれの行き先を示します。",
        "面向研究者：在每一层，图片的每个小块都会送往众多专家中的几个。这里显示各自的去向。",
    ),
    "Prompt": ("説明文", "描述"),
    "Left empty, the picture is read; with words, it is painted.": (
        "空なら画像を読むとき、言葉があれば描くときの経路です。",
        "留空则为读图，填写文字则为作画。",
    ),
    "Show the experts": ("エキスパートを表示", "显示专家"),
    "Experts by layer": ("層ごとのエキスパート", "各层的专家"),
    "Color and number are the strongest of the experts that each piece is given to. The line "
    "above each layer names the two experts for the whole face, with their weights: semantic and "
    "face mix in what an image and a face encoder see, noise mixes in noise, copy changes "
    "nothing, zero leaves out.": (
        "色と番号は、各断片が送られたエキスパートのうち最も強いものです。各層の上の行は、"
        "顔全体を担う二つのエキスパートとその重みです。semantic と face は画像と顔の"
        "エンコーダーが見たものを、noise はノイズを混ぜ、copy は何も変えず、zero は除きます。",
        "颜色和数字表示每个小块所送往的最强专家。每层上方的一行是负责整张脸的两个专家及其权重："
        "semantic 和 face 混入图像编码器和人脸编码器所见，noise 混入噪声，copy 不作改变，"
        "zero 则略去。",
    ),
    # -- verify
    "Was this picture painted here?": ("この画像はここで描かれましたか", "这张图片是在这里画的吗"),
    "Every painted picture carries two marks: a label in the file and an invisible pattern. "
    "Choose a file, best as it was downloaded.": (
        "描かれた画像には、ファイル内のラベルと見えない模様の二つの印があります。"
        "ダウンロードしたままのファイルを選んでください。",
        "每张画都带有两个标记：文件中的标签和不可见的图案。请选择文件，最好是原始下载的。",
    ),
    "The answer appears here.": ("ここに結果が表示されます。", "结果会显示在这里。"),
    "✓ Painted by this AI": ("✓ この AI が描きました", "✓ 由此 AI 所画"),
    "No mark of this AI was found": (
        "この AI の印は見つかりませんでした",
        "没有找到此 AI 的标记",
    ),
    "The file says it is from here, but the invisible mark is missing": (
        "ファイルはここで描かれたと示していますが、見えない印がありません",
        "文件自称出自此处，但没有不可见标记",
    ),
    "Made by an AI, says the file, but no mark of this one was found": (
        "ファイルは AI による画像と示していますが、この AI の印はありません",
        "文件自称由 AI 制作，但没有此 AI 的标记",
    ),
    "Invisible mark: found": ("見えない印：あり", "不可见标记：有"),
    "Invisible mark: not found": ("見えない印：なし", "不可见标记：无"),
    "strength {:.1f}; pictures from elsewhere lie between -4 and 4": (
        "強さ {:.1f}。ほかの画像は -4 から 4 の間です",
        "强度 {:.1f}；其他图片在 -4 到 4 之间",
    ),
    "Label in the file: AI-made picture": (
        "ファイルのラベル：AI による画像",
        "文件标签：AI 生成的图片",
    ),
    "Label in the file: none": ("ファイルのラベル：なし", "文件标签：无"),
    "That proves little: marks are lost when a picture is cropped or heavily changed.": (
        "これだけでは何とも言えません。切り抜きや大きな加工で印は失われます。",
        "这说明不了什么：裁剪或大幅修改后标记会丢失。",
    ),
    "Settings in the file": ("ファイル内の設定", "文件中的设置"),
    "Guidance": ("忠実さ", "遵循"),
    "Checkpoint": ("チェックポイント", "检查点"),
    "Region": ("部分", "部位"),
    # -- what can be seen of a face, and its parts
    "Gender": ("性別", "性别"),
    "Age": ("年齢", "年龄"),
    "Skin tone": ("肌の色", "肤色"),
    "Skin": ("肌", "皮肤"),
    "Freckles": ("そばかす", "雀斑"),
    "Face shape": ("顔の形", "脸型"),
    "Cheeks": ("頬", "脸颊"),
    "Chin": ("あご", "下巴"),
    "Hair color": ("髪の色", "发色"),
    "Hair style": ("髪型", "发型"),
    "Brows": ("眉", "眉毛"),
    "Brow thickness": ("眉の太さ", "眉毛粗细"),
    "Eye color": ("目の色", "眼睛颜色"),
    "Eye size": ("目の大きさ", "眼睛大小"),
    "Eye shadow": ("アイシャドウ", "眼影"),
    "Nose": ("鼻", "鼻子"),
    "Nose width": ("鼻の幅", "鼻宽"),
    "Nose length": ("鼻の長さ", "鼻长"),
    "Mouth": ("口", "嘴"),
    "Lips": ("唇", "嘴唇"),
    "Lipstick": ("口紅", "口红"),
    "Ears": ("耳", "耳朵"),
    "Earrings": ("耳飾り", "耳环"),
    "Facial hair": ("ひげ", "胡须"),
    "Glasses": ("眼鏡", "眼镜"),
    "Hat": ("帽子", "帽子"),
    "Clothing color": ("服の色", "衣服颜色"),
    "Expression": ("表情", "表情"),
    "Gaze": ("視線", "视线"),
    "Head turn": ("顔の左右の向き", "转头"),
    "Head nod": ("顔の上下の向き", "抬头或低头"),
    "Light color": ("光の色", "光的颜色"),
    "Background": ("背景", "背景"),
    "Forehead": ("額の高さ", "额头高度"),
    "Cheekbones": ("頬骨", "颧骨"),
    "Double chin": ("二重あご", "双下巴"),
    "Neck": ("首の太さ", "脖子粗细"),
    "Eye spacing": ("目の間隔", "眼距"),
    "Eye slant": ("目尻の傾き", "眼角倾斜"),
    "Eye openness": ("目の見開き", "睁眼程度"),
    "Raised brow": ("片眉上げ", "单侧挑眉"),
    "Wink side": ("ウインクの側", "眨眼的一侧"),
    "Nose tip": ("鼻先", "鼻尖"),
    "Mouth width": ("口の幅", "嘴宽"),
    "Mouth pose": ("唇のしぐさ", "嘴唇动作"),
    "Chin cleft": ("割れあご", "下巴凹痕"),
    "Ear tips": ("耳の先", "耳尖"),
    "Head tilt": ("首の傾き", "歪头"),
    "Head": ("頭", "头部"),
    "Face mask": ("マスク", "口罩"),
    "Hat color": ("帽子の色", "帽子颜色"),
    "Frame color": ("眼鏡の色", "镜框颜色"),
    "Earring kind": ("耳飾りの形", "耳环款式"),
    "Piercing": ("顔のピアス", "面部穿孔"),
    "Light height": ("光の高さ", "光的高低"),
    "Background pattern": ("背景の模様", "背景图案"),
    "Decade of age": ("年代", "年龄段"),
    "Monk skin tone": ("モンク肌色スケール", "蒙克肤色等级"),
    "Blush": ("頬の赤み", "脸颊泛红"),
    "Beauty mark": ("ほくろ", "痣"),
    "Scar": ("傷あと", "疤痕"),
    "Eyeliner": ("アイライン", "眼线"),
    "Eye bags": ("目の下のくま", "眼袋"),
    "Sideburns": ("もみあげ", "鬓角"),
    "Eye shadow color": ("アイシャドウの色", "眼影颜色"),
    # -- about
    "Measured": ("測定値", "测量数据"),
    "All that was measured": ("測定値のすべて（英語）", "全部测量数据（英文）"),
    "Details of unseen rendered faces read right": (
        "初めて見る CG の顔の特徴を正しく読めた割合",
        "正确读出未见过的渲染人脸特征的比例",
    ),
    "The same, for women and men apart": ("同じ割合（女性・男性別）", "同上，女性与男性分别统计"),
    "The same, for each skin tone: worst and best": (
        "同じ割合（肌の色別、最低と最高）",
        "同上，按肤色：最低与最高",
    ),
    "The same, for each age group: worst and best": (
        "同じ割合（年齢層別、最低と最高）",
        "同上，按年龄段：最低与最高",
    ),
    "Yes or no about unseen portraits right (guessing: 50 %)": (
        "初めて見る肖像への「はい・いいえ」の正答率（当て推量なら 50 %）",
        "对未见过的肖像回答是或否的正确率（随机猜测为 50 %）",
    ),
    "Women and men in these portraits taken for what they are": (
        "その肖像の女性・男性を正しく見分けた割合",
        "这些肖像中女性、男性被正确认出的比例",
    ),
    "Asked details that an independent judge sees in painted faces": (
        "頼んだ特徴が描いた顔にあると独立した判定器が認めた割合",
        "独立评判模型在画出的脸上看到所要求特征的比例",
    ),
    "The same judge on real renders: the most there can be": (
        "同じ判定器が本物の CG で認める割合（上限）",
        "同一评判模型在真实渲染图上的比例（上限）",
    ),
    "Painted pictures that show one clear face": (
        "描いた画像に一つのはっきりした顔がある割合",
        "画出的图片中只有一张清晰人脸的比例",
    ),
    "Seconds to paint a face, on two processor cores": (
        "顔を描く秒数（CPU 2 コア）",
        "画一张脸的秒数（两个 CPU 核心）",
    ),
    "Seconds to describe a face": ("顔を描写する秒数", "描述一张脸的秒数"),
    "Size of the model; it needs no graphics card": (
        "モデルの大きさ（GPU は不要）",
        "模型大小（不需要显卡）",
    ),
    # -- what may go wrong
    "Not possible": ("できません", "无法完成"),
    "There is no picture yet. Please choose one first.": (
        "画像がありません。先に選んでください。",
        "还没有图片，请先选择一张。",
    ),
    "The picture is no longer here: pictures are deleted soon. Please choose it again.": (
        "画像はもうありません。画像はまもなく削除されます。もう一度選んでください。",
        "图片已不在：图片会很快删除。请重新选择。",
    ),
    "This link was made with another version of the AI, so the result may differ.": (
        "このリンクは別のバージョンの AI で作られたため、結果が異なることがあります。",
        "此链接由另一版本的 AI 生成，结果可能不同。",
    ),
    "No face was found. Please choose a picture that shows one face from the front, "
    "well lit and not too small.": (
        "顔が見つかりません。正面を向き、明るく、小さすぎない顔の画像を選んでください。",
        "没有找到人脸。请选择正面、光线充足、不太小的人脸图片。",
    ),
    "The prompt is empty: describe a face, for example 'an old man'.": (
        "説明文が空です。「an old man」のように顔を説明してください。",
        "描述为空：请描述一张脸，例如 “an old man”。",
    ),
    "The question is empty: ask something about the face.": (
        "質問が空です。顔について質問してください。",
        "问题为空：请就这张脸提问。",
    ),
    "The AI has no answer to that. Please ask in other words.": (
        "答えられません。別の言葉で質問してください。",
        "AI 答不上来，请换个说法。",
    ),
    "Sexual pictures are not painted here. Please describe a face.": (
        "性的な画像は描きません。顔を説明してください。",
        "这里不画色情图片。请描述一张脸。",
    ),
    "Young people are not painted in such a context here. Please describe a face.": (
        "そのような文脈で若い人は描きません。顔を説明してください。",
        "这里不在此类情境中画年轻人。请描述一张脸。",
    ),
    "Only invented people are painted here. Please describe a face instead of naming a person.": (
        "描くのは架空の人物だけです。名前ではなく顔を説明してください。",
        "这里只画虚构的人。请描述一张脸，而不是写人名。",
    ),
    "The AI reads only English. Please write in English, or pick from the buttons.": (
        "AI が読めるのは英語だけです。英語で書くか、ボタンから選んでください。",
        "AI 只读英语。请用英语书写，或点按钮选择。",
    ),
    "This AI does not say who somebody is. "
    "It describes what can be seen: hair, eyes, expression.": (
        "この AI は誰であるかを答えません。髪、目、表情など、見えるものだけを述べます。",
        "此 AI 不说某人是谁，只描述看得到的：头发、眼睛、表情。",
    ),
    "This AI does not guess origin, belief, orientation, health or character from a face. "
    "It describes what can be seen: hair, eyes, expression.": (
        "この AI は顔から出自、信条、指向、健康、性格を推測しません。"
        "髪、目、表情など、見えるものだけを述べます。",
        "此 AI 不从脸上推测出身、信仰、取向、健康或性格，只描述看得到的：头发、眼睛、表情。",
    ),
    "{} visitors are waiting already. Please try again in a minute.": (
        "すでに {} 人が待っています。しばらくしてからもう一度お試しください。",
        "已有 {} 位访客在等候，请过一分钟再试。",
    ),
    "The prompt has {} characters, at most {} are allowed: shorten it.": (
        "説明文は {} 文字です。{} 文字までに短くしてください。",
        "描述有 {} 个字符，最多 {} 个，请缩短。",
    ),
    "The question has {} characters, at most {} are allowed: shorten it.": (
        "質問は {} 文字です。{} 文字までに短くしてください。",
        "问题有 {} 个字符，最多 {} 个，请缩短。",
    ),
    "{} must be between {} and {}, got {}.": (
        "「{}」は {} から {} の間でなければなりません。入力は {} です。",
        "“{}”必须在 {} 和 {} 之间，输入的是 {}。",
    ),
    "seed must be at most {} for {} pictures, got {}.": (
        "シードは {} 以下でなければなりません（{} 枚を描くとき）。入力は {} です。",
        "种子最大为 {}（画 {} 张时），输入的是 {}。",
    ),
    "The text holds half a character. Please type it again.": (
        "文字が途中で切れています。もう一度入力してください。",
        "文字中有残缺的字符，请重新输入。",
    ),
    "unknown region {}; known: {}": ("部分 {} は知られていません。選べるもの：{}",
                                     "未知的部位 {}；可选：{}"),
    "the picture shows no {} to paint anew": (
        "画像には描き直す部分（{}）が見えません。",
        "图片中看不到可重画的部位（{}）。",
    ),
    "The picture is damaged or incomplete. Please save it again as JPEG or PNG.": (
        "画像が壊れているか、不完全です。JPEG か PNG で保存し直してください。",
        "图片已损坏或不完整，请重新保存为 JPEG 或 PNG。",
    ),
    "The file is empty. Please choose a picture.": (
        "ファイルが空です。画像を選んでください。",
        "文件是空的，请选择一张图片。",
    ),
    "This file is not a picture that can be read. Please choose {}.": (
        "このファイルは画像として読めません。{} を選んでください。",
        "此文件不是可读取的图片，请选择 {}。",
    ),
    "The picture is too large; up to {} megapixels are fine.": (
        "画像が大きすぎます。{} メガピクセルまでにしてください。",
        "图片太大，最多 {} 百万像素。",
    ),
    "The file has {} MB; up to {} MB are fine.": (
        "ファイルは {} MB です。{} MB までにしてください。",
        "文件有 {} MB，最多 {} MB。",
    ),
    "The picture has {} x {} pixels ({} megapixels); up to {} megapixels are fine.": (
        "画像は {} x {} ピクセル（{} メガピクセル）です。{} メガピクセルまでにしてください。",
        "图片为 {} x {} 像素（{} 百万像素），最多 {} 百万像素。",
    ),
    "The picture has {} x {} pixels; each side must have {} or more for a face to be seen.": (
        "画像は {} x {} ピクセルです。顔が見えるには、各辺に {} ピクセル以上が必要です。",
        "图片为 {} x {} 像素；要看清人脸，每边至少需要 {} 像素。",
    ),
    "Fewer steps and pictures need less of it; signing in to Hugging Face gives more.": (
        "ステップと枚数を減らすと少なくて済みます。Hugging Face にログインすると増えます。",
        "减少步数和图片可少用；登录 Hugging Face 可获得更多。",
    ),
    # -- the drawing of how it works
    "A picture becomes tokens through the image tokenizer and features through two encoders, words "
    "become tokens through the text tokenizer; one transformer with two groups of experts gives "
    "the answer word by word, held against what it sees in the face, or first a plan of the face "
    "and then the painted tokens step by step, which the decoder turns into a face.": (
        "画像は画像トークナイザーでトークンに、二つのエンコーダーで特徴になり、言葉は文章"
        "トークナイザーでトークンになります。"
        "二組のエキスパートをもつ一つの Transformer が、顔に見える"
        "ものと照らし合わせた答えを一語ずつ、または顔の計画に続いて断片を少しずつ出し、デコーダーがそれを顔にします。",
        "图片经图像分词器变为词元，经两个编码器变为特征；文字经文本分词器变为词元。"
        "一个带有两组专家的 Transformer 逐词给出与所见人脸核对过的回答，或先定下人脸的计划，"
        "再一步步画出词元，由解码器变成人脸。",
    ),
    "picture": ("画像", "图片"),
    "words": ("言葉", "文字"),
    "image tokenizer": ("画像トークナイザー", "图像分词器"),
    "two encoders": ("二つのエンコーダー", "两个编码器"),
    "text tokenizer": ("文章トークナイザー", "文本分词器"),
    "one transformer": ("一つの Transformer", "一个 Transformer"),
    "words and picture together": ("言葉と画像をいっしょに", "文字与图片一起"),
    "attention": ("アテンション", "注意力"),
    "experts per token": ("トークンごとのエキスパート", "逐词元的专家"),
    "experts per sequence": ("系列ごとのエキスパート", "逐序列的专家"),
    "some look, some paint": ("見る係と描く係", "有的看，有的画"),
    "answer: word by word,": ("答え：一語ずつ、", "回答：逐词给出，"),
    "held against the face": ("顔と照らし合わせて", "并与人脸核对"),
    "face: a plan first, then": ("顔：まず計画、次に", "人脸：先定计划，再从"),
    "the surest pieces": ("確かな断片から順に", "最有把握的小块画起"),
    "repeat until no piece is open": ("すべて埋まるまで繰り返す", "重复直到全部填满"),
    # -- the faces to try
    "Red hair": ("赤い髪", "红头发"),
    "Grey beard": ("灰色のひげ", "灰白胡子"),
    "Laughing": ("大笑い", "大笑"),
    "Black bob": ("黒いボブ", "黑色波波头"),
    "Sunglasses": ("サングラス", "太阳镜"),
}  # fmt: skip


def say(text: str, language: str) -> str:
    """`text` in a language of LANGUAGES; in English where there is no translation."""
    column = {"ja": 0, "zh": 1}.get(language)
    return text if column is None or text not in TABLE else TABLE[text][column]


def retold(message: str, language: str) -> str:
    """A message whose places are filled in already, such as that of an error, in a language."""
    if message in TABLE:
        return say(message, language)
    for english, pattern in _patterns():
        if found := pattern.fullmatch(message):
            values = [*(_value(value, language) for value in found.groups()), ""]
            between = _PLACE.split(say(english, language))
            return "".join(words + value for words, value in zip(between, values, strict=True))
    return message


_PLACE = re.compile(r"\{[^}]*\}")


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Each English text with places, and what finds their values; the longest first."""
    texts = sorted((text for text in TABLE if _PLACE.search(text)), key=len, reverse=True)
    return [
        (text, re.compile("(.+?)".join(map(re.escape, _PLACE.split(text))), re.DOTALL))
        for text in texts
    ]


def _value(value: str, language: str) -> str:
    """The name of a setting or a part as the page calls it; other values as they are."""
    names = {"num_images": "Pictures", "guidance": "Follow the words"}
    name = names.get(value, value.capitalize())
    return say(name, language) if language != "en" and name in TABLE else value


def translations() -> dict[str, dict[str, str]]:
    """{language: {English: text}} of the texts that need no filling in."""
    plain = [text for text in TABLE if "{" not in text]
    return {language: {text: say(text, language) for text in plain} for language in LANGUAGES}


def preferred(accept_language: str) -> str:
    """The first known language of an Accept-Language header, else English."""
    for entry in accept_language.lower().split(","):
        language = entry.split(";")[0].strip().split("-")[0]
        if language in LANGUAGES:
            return language
    return "en"
