"""The random texts of tokenizer_fuzz.py: what splits pieces, what merges them, and what pretends to be something else."""
import glob
import os
import random
import unicodedata

import regex

WORDS = """caf\u00e9 na\u00efve \u0420\u043e\u0441\u0441\u0438\u044f \u543e\u8f29\u306f\u732b\u3067\u3042\u308b \ud55c\uad6d\uc5b4 \u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22
\u0939\u093f\u0928\u094d\u0926\u0940 \u0915\u094d\u0937\u0924\u094d\u0930\u093f\u092f \u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f \u0645\u0640\u0640\u0640\u062d\u0628\u0627 \u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u05e2\u05d1\u05e8\u05d9\u05ea
\u4f60\u597d\u4e16\u754c \u3053\u3093\u306b\u3061\u306f \u30ab\u30bf\u30ab\u30ca \uff76\uff9e \u1112\u1161\u11ab \u0bb5\u0ba3\u0b95\u0bcd\u0b95\u0bae\u0bcd \u1780\u17d2\u1798\u17c2\u179a Ti\u1ebfng Vi\u1ec7t \u0395\u03bb\u03bb\u03ac\u03c2 \u039f\u0394\u039f\u03a3
HelloWorld iPhone XMLHttpRequest snake_case_name kCamelHTTP2Server McDonald's O'Neill rock'n'roll don\u2019t e\u0301 \ufb01 \ufb03 \u2460 \u24b6 \u00bd \u00b2 \u2167 \u0130 \u0131
\u00df \u017f \u1e9e \u03a3 \uff21\uff11 \u2126 \u212a \u01c5 \u02b0 \u00aa \u2581 \u2581\u2581a \u0120a \u010a http://a.b/c?d=e x/y// user@host.org 50% #tag C++ C# $x ... -- :-) \u2026 \u2014 \u201cq\u201d""".split()
SPECIAL = ["<|endoftext|>", "<s>", "</s>", "[CLS]", "[MASK]", "[SEP]", "[UNK]", "<unk>", "<pad>", "<mask>", "<bos>", "<|im_start|>",
           "<|im_end|>", "<|eot_id|>", "<|begin_of_text|>", "<start_of_turn>", "[INST]", "<<SYS>>", "<|assistant|>", "<|end|>", "<0x41>",
           "<0x0A>", "<|fim_prefix|>", "<think>"]
EMOJI = ["\U0001F600", "\u2764\ufe0f", "\u2764", "\U0001F44D\U0001F3FD", "\U0001F468\u200d\U0001F469\u200d\U0001F467", "\U0001F1E9\U0001F1EA", "1\ufe0f\u20e3",
         "\U0001F3F4\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F", "\U0001F9D1\U0001F3FF\u200d\U0001F680", "\U0001F3F3\ufe0f\u200d\U0001F308",
         "\U0001F1E9", "\u200d", "\ufe0f", "\U0001F3FD", "\u2603", "\u00a9\ufe0f"]
SPACES = [" ", "\t", "\n", "\r\n", "\r", "\u00a0", "\u3000", "\u2003", "\u2028", "\u0085", "\v", "\f", "\u1680", "\u202f"]
INVISIBLE = [*map(chr, range(0x20)), "\x7f", "\x80", "\x9f", "\u00ad", "\u200b", "\u200c", "\u200e", "\u200f", "\u202a", "\u202e",
             "\u2060", "\u2066", "\u2069", "\ufeff", "\ufffc", "\ufffd", "\ufffe", "\uffff", "\ue000", "\U000E0001", "\U0010FFFF"]
DIGITS = ["0123456789", "\u0660\u0661\u0662\u0663\u0664", "\u0966\u0967\u0968\u0969", "\uff10\uff11\uff12", "\u2160\u2161\u2162", "\u00b2\u00b3\u00b9",
          "\u00bc\u00bd", "\u09f4\u09f6", "\U0001D7CE\U0001D7CF", "\u4e00\u4e8c\u5341"]
CONTRACTIONS = ["s", "t", "re", "ve", "m", "ll", "d", "\u017f", "em", "n't", "l", "S", "D"]
BLOCKS = [(0x80, 0x24F), (0x250, 0x36F), (0x370, 0x5FF), (0x600, 0x8FF), (0x900, 0xDFF), (0xE00, 0x17FF), (0x1800, 0x1FFF),
          (0x2000, 0x206F), (0x2070, 0x27BF), (0x2800, 0x2FFF), (0x3000, 0x33FF), (0x4E00, 0x9FFF), (0xA000, 0xABFF), (0xAC00, 0xD7FF),
          (0xF900, 0xFFFF), (0x10000, 0x1FFFF), (0x1F000, 0x1FAFF), (0x20000, 0x2A6DF), (0, 0xFFFF), (0, 0x10FFFF)]
CODE = ["if (x != 0) { return -1; }\n", "for i in range(10):\n    print(f\"{i:>3}\")\n", "\t\t}\n\t}\n", "a[i]+=b<<2;//c", "SELECT * FROM t WHERE id='1';",
        "<div class=\"x\">&nbsp;</div>\n", "{\"a\": [1, 2.5e-3, null]}", "#include <a>\r\n\r\n", "```cpp\nint main(){}\n```\n", "  * item\n\n    code\n", "| a | b |\n|---|---|\n",
        "=====", "!!!!!!", "/* --- */", "0xDEADBEEFu", "\\u0041\\n", "x->y::z()"]
NEWER = {}


def is_newer(c):
    """Whether the originals may know a character that our Unicode tables do not: assigned since Python's own tables."""
    if c not in NEWER:
        NEWER[c] = unicodedata.category(c) == "Cn" and not regex.match(r"\p{Cn}", c)
    return NEWER[c]


def settled(text):
    """Whether marks, punctuation and decompositions in `text` are what they were in Unicode 3.2: some tables of the
    originals are that of Unicode 8, others newer than ours."""
    def changed(c):
        old, new = unicodedata.ucd_3_2_0.category(c), unicodedata.category(c)
        return old != new and (old[0] in "MPC" or new[0] in "MPC" or unicodedata.decomposition(c))
    return not any(changed(c) for c in text)


def one_of_each():
    """Texts that show every assigned character (of long alphabets some) between letters, digits and spaces."""
    skipped = [(0x3400, 0x4DB0), (0x4E10, 0x9FE0), (0xAC10, 0xD790), (0xE010, 0xF8F0), (0x17010, 0x187E0), (0x20010, 0xE0000),
               (0xE0200, 0x10FFF0)]
    shown = []
    for code in range(0x110000):
        c = chr(code)
        if 0xD800 <= code < 0xE000 or any(first <= code < last and code % 509 for first, last in skipped) or is_newer(c):
            continue
        shown.append(f"a{c}b {c}'s{c}1{c}{c} B{c}\n")
    return ["".join(shown[i:i + 6]) for i in range(0, len(shown), 6)]


class Texts:
    def __init__(self, data, root, seed):
        self.random = random.Random(seed)
        self.words = []
        for name in (os.path.join(data, "text/botchan.txt"), os.path.join(root, "README.md")):
            if os.path.exists(name):
                with open(name, encoding="utf-8") as file:
                    self.words += file.read().split()
        self.lines = list(CODE)
        for name in sorted(glob.glob(os.path.join(root, "src/text/*.cpp")) + glob.glob(os.path.join(root, "tests/oracle/*.py"))):
            with open(name, encoding="utf-8") as file:
                self.lines += file.readlines()
        self.own = []  # () -> str: tokens and names of the vocabulary that is tried
        self.kinds = [(self.word, 30), (self.character, 22), (self.space, 10), (self.contraction, 6), (self.number, 6),
                      (self.emoji, 5), (self.marks, 4), (self.invisible, 4), (self.special, 5), (self.code, 5), (self.run, 3)]

    def between(self, first, last):
        return self.random.randint(first, last)

    def word(self):
        word = self.random.choice(WORDS if self.random.random() < 0.3 else self.words)
        pick = self.random.random()
        if pick < 0.1:
            word = self.random.choice([str.upper, str.title, str.swapcase, str.lower])(word)
        elif pick < 0.15:
            word = unicodedata.normalize(self.random.choice(["NFD", "NFC", "NFKD", "NFKC"]), word)
        return word + (" " if self.random.random() < 0.7 else "")

    def any_character(self):
        if self.random.random() < 0.35:
            return self.random.choice(" \n\r\t'.,!?/-_()[]{}<>|$#@\"\\:;=+*&^%~`")
        if self.random.random() < 0.4:
            return chr(self.between(0x20, 0x7E))
        code = self.between(*self.random.choice(BLOCKS))
        return "x" if 0xD800 <= code < 0xE000 else chr(code)

    def character(self):
        c = self.any_character()
        return ("x" if is_newer(c) else c) * (self.between(1, 6) if self.random.random() < 0.2 else 1)

    def space(self):
        if self.random.random() < 0.5:
            return self.random.choice([" ", "  ", "\n", "\n\n", "\r\n", "\t", "   \n", " \u3000", "\n   ", " \n \n"])
        if self.random.random() < 0.3:  # a long run, as long as the longest tokens made of spaces and longer
            return self.random.choice(SPACES[:5]) * self.between(1, 200)
        return "".join(self.random.choice(SPACES) for _ in range(self.between(1, 12)))

    def contraction(self):
        marks = "''''''\u2019\u02bc`"
        chain = "".join(self.random.choice(marks) + self.random.choice(CONTRACTIONS) for _ in range(self.between(1, 3)))
        if self.random.random() < 0.4:
            chain = chain.upper()
        return self.random.choice(["I", "we", "dogs", "", " ", "1", "\u00e9", ")", "WE"]) + chain

    def number(self):
        digits = "0123456789" if self.random.random() < 0.7 else self.random.choice(DIGITS)
        number = "".join(self.random.choice(digits) for _ in range(self.between(1, 24)))
        if self.random.random() < 0.4:
            at = self.between(0, len(number))
            number = number[:at] + self.random.choice([".", ",", "'", " ", "e-", "_", ":", "x", "/", "\u066b"]) + number[at:]
        return number

    def emoji(self):
        return "".join(self.random.choice(EMOJI) for _ in range(self.between(1, 4)))

    def marks(self):
        """A letter under combining marks in any order, or conjoining letters."""
        if self.random.random() < 0.2:
            return "".join(chr(self.between(*block)) for block in ((0x1100, 0x1112), (0x1161, 0x1175), (0x11A7, 0x11C2)))
        base = self.random.choice("aeoAE sd\u03b1\u0438\u05d0\u0628\u0915\uac00\u1100\u304b\u0130'1")
        blocks = [(0x300, 0x345), (0x300, 0x345), (0x591, 0x5BD), (0x64B, 0x655), (0x93C, 0x94D), (0x20D0, 0x20DC), (0x3099, 0x309A)]
        return base + "".join(chr(self.between(*self.random.choice(blocks))) for _ in range(self.between(1, 8)))

    def invisible(self):
        return "".join(self.random.choice(INVISIBLE) for _ in range(self.between(1, 3)))

    def special(self):
        """The name of a special token, or something close to it."""
        name = self.random.choice(self.own)() if self.own and self.random.random() < 0.3 else self.random.choice(SPECIAL)
        pick, at = self.random.random(), self.between(0, len(name))
        if pick < 0.4:
            return name
        if pick < 0.5:
            return name[:at]
        if pick < 0.6:
            return name[at:] + name
        if pick < 0.7:
            return name[:at] + self.random.choice([" ", "\n", "|", "<", ">", "\u200b", "\u0301", "_"]) + name[at:]
        if pick < 0.8:
            return self.random.choice([" ", "\n", "  ", "a", "1"]) + name + self.random.choice([" ", "\n", "  ", "a", "1"])
        return self.random.choice([str.upper, str.lower, str.title])(name)

    def code(self):
        line = self.random.choice(self.lines)
        at = self.between(0, len(line))
        return line[at:at + self.between(1, 60)]

    def run(self):
        """One thing many times: where merges overlap."""
        thing = self.random.choice([self.character, self.word, self.emoji, self.number])().strip(" ")[:4]
        return thing * self.between(2, 60 // (len(thing) + 1) + 2)

    def own_part(self):
        return self.random.choice(self.own)()

    def text(self, own=False):
        n_parts = self.between(0, 12) if self.random.random() < 0.98 else self.between(50, 200)
        kinds = self.kinds + ([(self.own_part, 150)] if own and self.own else [])
        parts = self.random.choices([make for make, _ in kinds], [weight for _, weight in kinds], k=n_parts)
        return "".join("".join("x" if is_newer(c) else c for c in make()) for make in parts)

    def strings(self, count):
        return [self.text() for _ in range(count)]

    def strings_of(self, tokens, count):
        """Texts in which tokens of one vocabulary meet: `tokens` is a list of () -> str."""
        self.own = tokens
        made = [self.text(own=True) for _ in range(count)]
        self.own = []
        return made

    def broken_bytes(self):
        """Bytes that are no UTF-8: noise, cut and flipped text, surrogates, overlong forms, what lies beyond U+10FFFF."""
        pick = self.random.random()
        if pick < 0.3:
            return self.random.randbytes(self.between(1, 60))
        text = bytearray(self.text().encode()[:200])
        for _ in range(self.between(1, 4)):
            at = self.between(0, len(text))
            wrong = self.random.choice([b"\xff", b"\xc3", b"\x80", b"\xe2\x82", b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xc0\x80", b"\xe0\x80\xaf",
                                        b"\xf0\x9f\x98", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfe", b"\xf5"])
            if self.random.random() < 0.5:
                text[at:at] = wrong
            else:
                text[at:at + 1] = b""
        return bytes(text)

    def stray_bytes(self):
        """Bytes of which no run is a character."""
        return bytes(self.random.choice([self.between(0x80, 0xBF), self.between(0xF5, 0xFF), 0xC0, 0xC1]) for _ in range(self.between(1, 40)))
