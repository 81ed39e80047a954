"""Text to tokens: identifiers into sub-words, everything else into a few lexical classes.

A token's trigrams let an unknown name land near the known ones that it resembles (`getoutput`, `get_output`,
`check_output`); the hashed id tells equal words apart from similar ones.
"""

from __future__ import annotations

from safepickle_dl.core import kinds as kd
from safepickle_dl.core import opcodes as op
from safepickle_dl.core import tokens as tk
from safepickle_dl.core.buffers import Bytes, IntMap, Ints, Octets, find_text, grown, new_ints, new_octets
from safepickle_dl.core.escapes import hex_digit, unescape

MAX_WORD = 40
"""Longer runs of letters and digits are blobs, not words (bytes)."""
MAX_ESCAPED = 16384
"""Text of an escaped literal (STRING, UNICODE) that is decoded; the rest is cut (bytes)."""
MAX_SPAN = 1023
"""Longer texts are not remembered (bytes)."""
MAX_REMEMBERED = 1 << 16
"""Tokens of all remembered texts behind which they are forgotten (count)."""
SHORT_LITERAL = 2048
"""Up to here every printable run of 3 bytes of a literal counts; in longer ones, runs of 12 (bytes)."""
MAX_SITE_TOKENS = 4096
"""Tokens of one call site before it is cut into slices (count)."""

LOWER = 1
UPPER = 2
DIGIT = 3
PUNCTUATION = 4
BLANK = 5
LINE_END = 6
HIGH = 7


def byte_class(byte: int) -> int:
    """Return the lexical class of a byte."""
    if 97 <= byte <= 122:
        return LOWER
    if 65 <= byte <= 90:
        return UPPER
    if 48 <= byte <= 57:
        return DIGIT
    if byte == 10:
        return LINE_END
    if byte == 32 or byte == 9 or byte == 13:
        return BLANK
    if 33 <= byte <= 126:
        return PUNCTUATION
    return HIGH


def log2(value: int, at_most: int) -> int:
    """Return the number of times `value` can be halved before it is below 1, at most `at_most`."""
    n = 0
    while value > 1 and n < at_most:
        value >>= 1
        n += 1
    return n


class Words:
    """Collects the tokens (`tokens`, `n_tokens` of them) of one call site after another.

    Word number `w` of a token has the trigrams `grams[w * N_GRAMS : (w + 1) * N_GRAMS]`.
    """

    def __init__(self) -> None:
        """Start with the words that stand for run lengths only."""
        self.tokens: Ints = new_ints(512)
        self.n_tokens: int = 0
        self.max_tokens: int = MAX_SITE_TOKENS
        self.n_words: int = 1 + tk.N_RUN_LENGTHS
        self.grams: Ints = new_ints(256 * tk.N_GRAMS)
        self.word_of: IntMap = IntMap()
        self.span_of: IntMap = IntMap()
        self.n_spans: int = 0
        self.spans: Ints = new_ints(1024)
        self.scratch: Octets = new_octets(1024)
        self.classes: Ints = new_ints(256)
        for byte in range(256):
            self.classes[byte] = byte_class(byte)
        for length in range(1, 1 + tk.N_RUN_LENGTHS):
            self.grams[length * tk.N_GRAMS] = length

    def add(self, role: int, token: int) -> None:
        """Append a token that is no word, unless it repeats a scalar."""
        n = self.n_tokens
        if n >= len(self.tokens):
            self.grow(n + 1)
        value = role | token << tk.ID_SHIFT
        if tk.SCALAR <= token < tk.DIGITS and n > 0 and self.tokens[n - 1] == value:
            return
        self.tokens[n] = value
        self.n_tokens = n + 1

    def grow(self, size: int) -> None:
        """Make room for `size` tokens."""
        self.tokens = grown(self.tokens, size)

    def add_word(self, role: int, text: Bytes, lo: int, hi: int) -> None:
        """Append the word `text[lo:hi]` (ASCII letters and digits), folded to lower case."""
        digest = 0x811C9DC5  # FNV-1a, twice 32 bits
        second = 0x050C5D1F
        for i in range(lo, hi):
            byte = text[i] | 32
            digest = ((digest ^ byte) * 0x01000193) & 0xFFFFFFFF
            second = ((second ^ byte) * 0x01000193) & 0xFFFFFFFF
        key = digest << 31 ^ second
        word = self.word_of.get(key, 0)
        if word == 0:
            word = self.n_words
            self.n_words += 1
            self.word_of.put(key, word)
            self.write_grams(word, text, lo, hi)
        n = self.n_tokens
        if n >= len(self.tokens):
            self.grow(n + 1)
        token = tk.FIRST_WORD + digest % (tk.N_IDS - tk.FIRST_WORD)
        self.tokens[n] = role | token << tk.ID_SHIFT | word << tk.WORD_SHIFT
        self.n_tokens = n + 1

    def write_grams(self, word: int, text: Bytes, lo: int, hi: int) -> None:
        """Store the trigrams of a new word: of a long one, the first and the last half of N_GRAMS."""
        size = hi - lo
        start = word * tk.N_GRAMS
        self.grams = grown(self.grams, start + tk.N_GRAMS)
        half = tk.N_GRAMS // 2
        for i in range(size):
            slot = i
            if size > tk.N_GRAMS and i >= half:
                slot = i - size + tk.N_GRAMS
                if slot < half:
                    continue
            before = text[lo + i - 1] | 32 if i > 0 else 94  # ^
            after = text[lo + i + 1] | 32 if i + 1 < size else 36  # $
            mixed = (before * 0x10001 + (text[lo + i] | 32) * 0x101 + after) * 0x9E3779B1 & 0xFFFFFFFF
            self.grams[start + slot] = tk.FIRST_GRAM + (mixed >> 7) % (tk.N_GRAM_IDS - tk.FIRST_GRAM)

    def add_text(self, role: int, text: Bytes, lo: int, hi: int) -> None:
        """Append the tokens of `text[lo:hi]`, up to MAX_SITE_TOKENS in all (then a CUT)."""
        classes = self.classes
        i = lo
        last_punctuation = -1
        while i < hi:
            if self.n_tokens >= self.max_tokens:
                self.add(role, tk.CUT)
                return
            kind = classes[text[i]]
            start = i
            if kind <= DIGIT:
                last_punctuation = -1
                i = self._add_alphanumeric(role, text, lo, i, hi)
                continue
            if kind == PUNCTUATION:
                byte = text[i]
                i += 1
                while i < hi and text[i] == byte:
                    i += 1
                if (byte != 95 or i - start > 1) and byte != last_punctuation:  # a single _ only joins words
                    self.add(role, tk.PUNCTUATION + byte)
                last_punctuation = byte if byte != 95 else last_punctuation
                continue
            while i < hi and classes[text[i]] == kind:
                i += 1
            if kind == LINE_END:
                self.add(role, tk.NEWLINE)
            elif kind == HIGH:
                self.add(role, tk.BINARY)

    def forget_spans(self) -> None:
        """Forget what `add_span` remembers: the next spans are of other bytes."""
        self.span_of.clear()
        self.n_spans = 0

    def add_span(self, role: int, data: Bytes, lo: int, hi: int) -> None:
        """Append the tokens of `data[lo:hi]` as `add_text` does, from memory if the span was there before.

        Memoised names and keys come back again and again. A remembered span is its number of tokens, then those.
        """
        if hi - lo > MAX_SPAN:
            self.add_text(role, data, lo, hi)
            return
        key = lo << 10 | (hi - lo)
        known = self.span_of.get(key, -1)
        if known < 0 and self.n_spans > MAX_REMEMBERED:
            self.forget_spans()
        begin = self.n_tokens
        if known < 0:
            self.add_text(role, data, lo, hi)
            size = self.n_tokens - begin
            if self.n_tokens >= self.max_tokens:
                return
            known = self.n_spans
            self.n_spans += 1 + size
            self.spans = grown(self.spans, self.n_spans)
            self.spans[known] = size
            for i in range(size):
                self.spans[known + 1 + i] = self.tokens[begin + i] ^ role
            self.span_of.put(key, known)
            return
        size = self.spans[known]
        if begin + size > self.max_tokens:
            self.add_text(role, data, lo, hi)
            return
        self.tokens = grown(self.tokens, begin + size)
        for i in range(size):
            self.tokens[begin + i] = self.spans[known + 1 + i] | role
        self.n_tokens = begin + size

    def _add_alphanumeric(self, role: int, text: Bytes, lo: int, start: int, hi: int) -> int:
        """Append the words of the run of letters and digits at `start`; return where it ends."""
        classes = self.classes
        end = start
        seen = 0
        only_hex = True
        while end < hi:
            byte = text[end]
            kind = classes[byte]
            if kind > DIGIT and not (end - start > 16 and (byte == 43 or byte == 47 or byte == 61)):  # + / =
                break
            seen |= 1 << kind
            if only_hex and hex_digit(byte) < 0:
                only_hex = False
            end += 1
        if end - start >= MAX_WORD and (only_hex or (seen & 14) == 14):
            self.add(role, tk.HEX if only_hex else tk.BLOB)
            self.add(role, tk.LENGTH + log2(end - start, 31))
            self.add_word(role, text, start, start + 3)  # gAS: a pickle; H4s: gzip; eJ: zlib ...
            return end
        i = start
        while i < end and self.n_tokens < self.max_tokens:
            kind = classes[text[i]]
            begin = i
            i += 1
            if kind > DIGIT:
                self.add(role, tk.PUNCTUATION + text[begin])
                continue
            if kind == DIGIT:
                while i < end and classes[text[i]] == DIGIT:
                    i += 1
                self.add(role, tk.DIGITS + log2(i - begin, 4))
                continue
            if kind == UPPER:
                while i < end and classes[text[i]] == UPPER:
                    i += 1
                if i < end and classes[text[i]] == LOWER and i - begin > 1:
                    i -= 1  # HTTPServer: HTTP, Server
                    self.add_word(role, text, begin, min(i, begin + MAX_WORD))
                    continue
            while i < end and classes[text[i]] == LOWER:
                i += 1
            self.add_word(role, text, begin, min(i, begin + MAX_WORD))
        return i

    def add_literal(self, role: int, data: Bytes, opcode: int, kind: int, lo: int, hi: int) -> None:
        """Append a text or bytes literal: its class, log length, and every part of it that is text."""
        if lo >= hi:
            self.add(role, tk.EMPTY_TEXT)
            return
        self.add(role, tk.TEXT if kind == kd.TEXT else tk.DATA)
        if hi - lo >= 64:
            self.add(role, tk.LENGTH + log2(hi - lo, 31))
        if opcode == op.STRING or opcode == op.UNICODE:
            size = self.unescape(data, opcode, lo, min(hi, lo + MAX_ESCAPED))
            self.add_text(role, self.scratch, 0, size)
            if hi - lo > MAX_ESCAPED:
                self.add(role, tk.CUT)
            return
        shortest = 3 if hi - lo <= SHORT_LITERAL else 12
        while lo < hi and self.n_tokens < self.max_tokens:
            begin = find_text(data, lo, hi, min(shortest, hi - lo))
            if begin < 0:
                begin = hi
            if begin > lo:
                self.add(role, tk.BINARY)
            end = begin
            while end < hi and (32 <= data[end] < 127 or data[end] == 9 or data[end] == 10 or data[end] == 13):
                end += 1
            self.add_span(role, data, begin, end)
            lo = end

    def unescape(self, data: Bytes, opcode: int, lo: int, hi: int) -> int:
        """Decode a STRING or UNICODE into `scratch`; return its length in bytes."""
        if len(self.scratch) < hi - lo:
            self.scratch = new_octets(hi - lo)
        return unescape(data, opcode, lo, hi, self.scratch)
