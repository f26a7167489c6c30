# SPDX-License-Identifier: Apache-2.0
"""A second decoder of colours, written from docs/rd-profile.md with Python's integers alone."""

from __future__ import annotations

MANTISSAS = [
    *(32768, 34219, 35734, 37316, 38968, 40693, 42495, 44376),
    *(46341, 48393, 50535, 52773, 55109, 57549, 60097, 62757),
]
LOGS = [
    *(0, 1, 2, 2, 3, 4, 4, 5, 5, 6, 7, 7, 8, 8, 9, 9),
    *(10, 10, 11, 11, 11, 12, 12, 13, 13, 14, 14, 14, 15, 15, 15, 16),
]
POWERS = [
    *(1024, 981, 939, 899, 861, 825, 790, 756),
    *(724, 693, 664, 636, 609, 583, 558, 535),
]


def bucket(value, most):
    dropped = 0
    while value >= 4:
        value //= 2
        dropped += 1
    return min(2 * dropped + value, most)


def sign(value):
    return (value > 0) - (value < 0)


def log(value):
    bits = value.bit_length() - 1
    return 16 * bits + LOGS[(value * 32 >> bits) & 31]


def neighbours(i, cells, features):
    """[(row, weight)], best first."""
    near = []
    for j in range(i - 1, max(i - 128, 0) - 1, -1):
        near.append((sum((a - b) ** 2 for a, b in zip(cells[i], cells[j], strict=True)), j))
    near = sorted(near, key=lambda pair: pair[0])[:8]
    scored = []
    for square, j in near:
        score = -log(square + (near[0][0] >> 3) + 1) + (features[j][1] >> 1)
        score -= abs(features[i][1] - features[j][1]) >> 2
        score -= sum(abs(features[i][c] - features[j][c]) for c in (3, 4, 5)) >> 1
        scored.append((score, j))
    scored.sort(key=lambda pair: -pair[0])
    weights = []
    for score, j in scored:
        lost = scored[0][0] - score
        weights.append((j, max(POWERS[lost & 15] >> min(lost >> 4, 30), 1)))
    return weights


def decode_shifts(decoder, rows):
    shifts, before = [], 0
    for row in range(rows):
        if decoder.bit((609 + row % 16, 625, 626), 12, 0):
            move = decoder.signed((627, 628, 629 + 8 + before), 13)
            before = min(max(before + move, -8), 8)
        shifts.append(before)
    return shifts


def decode_dc(decoder, classes, near):
    """Classes of all rows without shifts -> shifts, values."""
    shifts, values = decode_shifts(decoder, len(classes)), []
    for i, shift in enumerate(shifts):
        final = min(max(classes[i] + 8 * shift, -160), 112)
        up = (final >> 4) + 5
        step = MANTISSAS[final & 15] << up if up >= 0 else MANTISSAS[final & 15] >> -up
        level = min(max((final + 160) // 4, 0), 31)
        whole = sum(weight for _, weight in near[i])
        f = g = 0
        row = []
        for channel in range(3):
            guess, spread = 0, 2**22
            if whole:
                guess = sum(weight * values[j][channel] for j, weight in near[i]) // whole
                away = sum(weight * abs(values[j][channel] - guess) for j, weight in near[i])
                spread = 3 * away // whole
            w = bucket(4 * spread // step, 23)
            b = ((7 * channel + bucket(abs(f), 6)) * 7 + bucket(abs(g), 6)) * 3 + sign(f) + 1
            contexts = (24 * channel + w, 72 + b, 513 + 32 * channel + level)
            residual = decoder.signed(contexts, 4 * channel + min(w // 5, 3))
            row.append(min(max(guess + residual * step, -(2**31) + 1), 2**31 - 1))
            g, f = f, residual
        values.append(row)
    return shifts, values


def decode_sh(decoder, classes, near, rest):
    """Classes of all rows with shifts -> symbols[row][place][channel]."""
    symbols, counts = [], []
    for i, step_class in enumerate(classes):
        level = min(max((step_class + 128) // 8, 0), 31)
        whole = sum(weight for _, weight in near[i])
        inverse = (16 << 24) // whole if whole else 0
        symbols.append([[0, 0, 0] for _ in range(rest)])
        counts.append([0, 0, 0])
        for channel in range(3):
            e = [
                inverse * sum(w * abs(symbols[r][j][channel]) for r, w in near[i]) >> 24
                for j in range(rest)
            ]
            s = [
                inverse * sum(w * symbols[r][j][channel] for r, w in near[i]) >> 24
                for j in range(rest)
            ]
            mean = bucket(inverse * sum(w * counts[r][channel] for r, w in near[i]) >> 24, 15)
            total = bucket(sum(min(size, 32) for size in e), 15)
            before = 0
            if channel == 1:
                before = min(counts[i][0], 3)
            if channel == 2:
                before = (counts[i][0] > 0) + 2 * (counts[i][1] > 0)
            contexts = (
                (32 * channel + level) * 4 + before,
                384 + (16 * channel + mean) * 4 + before,
                576 + (16 * channel + total) * 4 + before,
            )
            number = min(decoder.unsigned(contexts, channel), rest)
            counts[i][channel] = number
            places = decode_places(decoder, channel, number, e, symbols[i])
            decode_values(decoder, channel, level, s, symbols[i], places)
    return symbols


def decode_places(decoder, channel, r, e, row):
    places, rest = [], len(row)
    for j in range(rest):
        if r == 0:
            break
        used = 1
        if r < rest - j:
            behind = sum(e[j + 1 :])
            share = 3 if 4 * e[j] < behind else 2
            if e[j] >= behind:
                share = 1 if behind else 0
            luma = int(channel > 0 and row[j][0] != 0)
            contexts = (
                768 + (8 * channel + min(r, 8) - 1) * 16 + rest - j,
                1152 + ((12 * channel + bucket(e[j], 11)) * 4 + min(r, 4) - 1) * 4 + share,
                1728 + ((15 * channel + j) * 12 + bucket(e[j], 11)) * 2 + luma,
            )
            used = decoder.bit(contexts, 3 + channel, 0)
        if used:
            places.append(j)
            r -= 1
    return places


def decode_values(decoder, channel, level, s, row, places):
    last = 0
    for j in places:
        size = bucket(abs(s[j]), 11)
        luma = sign(row[j][0]) + 1 if channel else 1
        contexts = (
            2808 + 24 * channel + (size if s[j] >= 0 else 23 - size),
            2880 + (15 * channel + j) * 3 + sign(s[j]) + 1,
            3015 + 9 * channel + 3 * (sign(s[j]) + 1) + luma,
        )
        negative = decoder.bit(contexts, 6 + channel, 0)
        contexts = (
            3042 + 15 * channel + j,
            3087 + 32 * channel + level,
            3183 + 9 * channel + min(last, 8),
        )
        last = min(decoder.unsigned(contexts, 9 + channel) + 1, 32767)
        row[j][channel] = -last if negative else last
