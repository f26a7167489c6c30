# SPDX-License-Identifier: Apache-2.0
"""A second decoder, written from docs/entropy-coder.md with Python's integers alone."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext


def squash(logit):
    """2^16 / (1 + e^(-logit / 256)), rounded, within 1..2^16 - 1."""
    with localcontext(Context(prec=60)):
        exact = 65536 / (1 + (Decimal(-logit) / 256).exp())
        return min(max(int(exact.to_integral_value()), 1), 65535)


def stretch(index):
    """256 ln(x / (1 - x)) at x = (index + 1/2) / 4096, rounded."""
    with localcontext(Context(prec=60)):
        odds = Decimal(2 * index + 1) / (8191 - 2 * index)
        return int((256 * odds.ln()).to_integral_value())


SQUASH = {logit: squash(logit) for logit in range(-3071, 3072)}
STRETCH = [stretch(index) for index in range(4096)]


class Decoder:
    """Registers, slots and weights of one stream."""

    def __init__(self, payload, weight=21845):
        self.payload = bytes(payload)
        self.weight = weight
        self.range = 2**32
        self.code = int.from_bytes(self.payload[:4].ljust(4, b"\0"), "big")
        self.position = 4
        self.slots = {}  # (context, node): [probability, count]
        self.weights = {}  # (mixer, node): [of a, of b, of c]

    def receive(self, probability):
        bound = self.range * probability // 65536
        bit = int(self.code < bound)
        if bit:
            self.range = bound
        else:
            self.code -= bound
            self.range -= bound
        while self.range < 2**24:
            byte = self.payload[self.position] if self.position < len(self.payload) else 0
            self.code = self.code * 256 + byte
            self.range *= 256
            self.position += 1
        return bit

    def bit(self, contexts, mixer, node):
        slots = [self.slots.setdefault((context, node), [2**21, 0]) for context in contexts]
        weights = self.weights.setdefault((mixer, node), [self.weight] * 3)
        opinions = [STRETCH[probability // 1024] for probability, _ in slots]
        dot = sum(weight * opinion for weight, opinion in zip(weights, opinions, strict=True))
        probability = SQUASH[min(max((dot + 32768) // 65536, -3071), 3071)]
        bit = self.receive(probability)
        error = 65536 * bit - probability
        for k, opinion in enumerate(opinions):
            moved = weights[k] + (opinion * error + 8192) // 16384
            weights[k] = (moved + 2**31) % 2**32 - 2**31
        for slot in slots:
            rate = 2 * 65536 // (2 * slot[1] + 3)
            slot[0] += (2**22 * bit - slot[0]) * rate // 65536
            slot[1] = min(slot[1] + 1, 255)
        return bit

    def size(self, contexts, mixer):
        for least in range(1, 14):
            if not self.bit(contexts, mixer, 1 + least):
                return least
        exponent = 0
        while exponent < 19 and self.bit(contexts, mixer, 15 + exponent):
            exponent += 1
        mantissa = 1
        for depth in range(exponent):
            if depth == 0:
                bit = self.bit(contexts, mixer, 33 + min(exponent, 12))
            elif depth == 1:
                bit = self.bit(contexts, mixer, 46 + mantissa % 2)
            else:
                bit = self.receive(32768)
            mantissa = 2 * mantissa + bit
        return mantissa + 13

    def unsigned(self, contexts, mixer):
        return self.size(contexts, mixer) if self.bit(contexts, mixer, 0) else 0

    def signed(self, contexts, mixer):
        if not self.bit(contexts, mixer, 0):
            return 0
        negative = self.bit(contexts, mixer, 1)
        size = self.size(contexts, mixer)
        return -size if negative else size

    def complete(self):
        over = self.position - len(self.payload)
        if over != 3:
            return over == 4
        value = self.payload[-1] * 2**24
        return self.code < 2**24 <= value and value + self.range - self.code <= 2**32
