"""A scan operator with the step as its body is the same recurrence as the loop that it stands for."""

from __future__ import annotations

from irgen.ir.text import parse
from irgen.passes import normalise
from irgen.patterns import label

SCAN = """
x = input : float32[2, 11, 24]
g = param : float32[24]
n = rms_norm(x, g) {axes=(2), eps=1e-6} : float32[2, 11, 24]
w = param : float32[32, 24]
u = linear(n, w) {layout="oi"} : float32[2, 11, 32]
wa = param : float32[32, 24]
a = linear(n, wa) {layout="oi"} : float32[2, 11, 32]
fade = sigmoid(a) : float32[2, 11, 32]
zero = full {value=0.0} : float32[2, 32]
s = scan(zero, fade, u) {states=1, scanned=2, axes=(1, 1, 1)} : (float32[2, 32], float32[2, 11, 32]) {
  h = input : float32[2, 32]
  f = input : float32[2, 32]
  v = input : float32[2, 32]
  kept = mul(h, f) : float32[2, 32]
  new = add(kept, v) : float32[2, 32]
  return new, new
}
y = pick(s) {index=1} : float32[2, 11, 32]
wo = param : float32[24, 32]
o = linear(y, wo) {layout="oi"} : float32[2, 11, 24]
out = add(x, o) : float32[2, 11, 24]
return out
"""


def test_a_scan_operator_is_a_linear_recurrence():
    regions, found = label(normalise(parse(SCAN)))
    (part,) = found.stacks[0].blocks[0].sublayers
    assert part.kind == "linear-recurrence"
    assert part.facts == {"inner": 32, "conv_kernel": None, "variant": None}
    checks = [e.check for r in regions for layer in r.children for child in layer.children for e in child.evidence]
    assert any("(2, 32)" in check for check in checks)


def test_a_nonlinear_body_is_no_linear_recurrence():
    bent = SCAN.replace(
        "new = add(kept, v) : float32[2, 32]", "sum = add(kept, v) : float32[2, 32]\n  new = tanh(sum) : float32[2, 32]"
    )
    _, found = label(normalise(parse(bent)))
    assert all(p.kind != "linear-recurrence" for b in found.stacks[0].blocks for p in b.sublayers)
