"""The canonical operators: the one vocabulary that every front-end lowers to and every pass and pattern reads.

A front-end emits these operators and nothing else. What it cannot say in them it emits as `opaque` with the
original name. Scalars are 0-d `const` nodes. Axes are non-negative wherever the rank is known.
"""
# ruff: noqa: E501 - a table with one row a line

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Op:
    """One operator: its ports in order (`?` optional, `*` any number), its attributes, and what it computes."""

    name: str
    ports: tuple[str, ...]
    attrs: tuple[str, ...]
    kind: str
    says: str


def _table(kind: str, rows: str) -> list[Op]:
    """Read rows of the form `name | ports | attrs | meaning`."""
    table: list[Op] = []
    for row in rows.strip().splitlines():
        name, ports, attrs, says = (cell.strip() for cell in row.split("|", 3))
        table.append(Op(name, tuple(ports.split()), tuple(attrs.split()), kind, says))
    return table


_LEAVES = """
input  |  |  | what the caller gives; its name is provenance
param  |  |  | a learned tensor, known by its identity and type; it has no value
const  |  |  | a fixed tensor with its value (buffers, tables, literals); value None: absent
arange |  | start step | start + step * i for i below the size of its type
full   |  | value | one value everywhere
random |  | law | drawn anew at each run (`uniform`, `normal`, …)
"""

_UNARY = """
neg | x | | −x
abs | x | | |x|
sign | x | | −1, 0, 1
exp | x | | e^x
expm1 | x | | e^x − 1
log | x | | natural logarithm
log1p | x | | log(1 + x)
sqrt | x | | square root
rsqrt | x | | 1 / √x
reciprocal | x | | 1 / x
sin | x | | sine
cos | x | | cosine
tan | x | | tangent
asin | x | | arc sine
acos | x | | arc cosine
atan | x | | arc tangent
sinh | x | | hyperbolic sine
cosh | x | | hyperbolic cosine
tanh | x | | hyperbolic tangent
erf | x | | error function
sigmoid | x | | 1 / (1 + e^−x)
relu | x | | max(x, 0)
gelu | x | | x Φ(x), Φ by erf
gelu_tanh | x | | x Φ(x), Φ by the tanh polynomial
quick_gelu | x | | x σ(1.702 x)
silu | x | | x σ(x)
relu2 | x | | max(x, 0)²
softplus | x | beta | log(1 + e^(βx)) / β
mish | x | | x tanh(softplus x)
elu | x | alpha | x, or α (e^x − 1) below 0
selu | x | | scaled elu with its fixed constants
leaky_relu | x | slope | x, or slope·x below 0
hard_sigmoid | x | | clip(x/6 + 1/2, 0, 1)
hard_swish | x | | x hard_sigmoid(x)
softsign | x | | x / (1 + |x|)
log_sigmoid | x | | log σ(x)
clip | x | min max | bounded below and above; None: unbounded
floor | x | | largest integer not above
ceil | x | | smallest integer not below
round | x | | nearest integer, ties to even
trunc | x | | integer part
not | x | | logical not
bit_not | x | | bitwise not
isnan | x | | is not a number
isinf | x | | is infinite
cast | x | | to the element type of its own type
real | x | | real part
imag | x | | imaginary part
conj | x | | complex conjugate
stop_gradient | x | | the identity, through which no gradient flows (detach)
"""

_BINARY = """
add | a b | | a + b, broadcast
sub | a b | | a − b
mul | a b | | a · b
div | a b | | true quotient
floor_div | a b | | quotient rounded down
trunc_div | a b | | quotient rounded towards zero (integers in ONNX and C)
mod | a b | | remainder with the sign of b
fmod | a b | | remainder with the sign of a
pow | a b | | a^b
atan2 | a b | | angle of (b, a)
maximum | a b | | the larger
minimum | a b | | the smaller
eq | a b | | a = b
ne | a b | | a ≠ b
lt | a b | | a < b
le | a b | | a ≤ b
gt | a b | | a > b
ge | a b | | a ≥ b
and | a b | | logical and
or | a b | | logical or
xor | a b | | logical exclusive or
bit_and | a b | | bitwise and
bit_or | a b | | bitwise or
bit_xor | a b | | bitwise exclusive or
shift_left | a b | | a · 2^b
shift_right | a b | | a / 2^b rounded down
where | cond a b | | a where cond, else b
prelu | x slope | | x, or slope·x below 0, slope learned and broadcastable
polar | r angle | | r e^(i·angle)
complex | re im | | re + i·im
"""

_REDUCE = """
reduce_sum | x | axes keepdims | sum over axes
reduce_mean | x | axes keepdims | mean over axes
reduce_max | x | axes keepdims | largest
reduce_min | x | axes keepdims | smallest
reduce_prod | x | axes keepdims | product
reduce_any | x | axes keepdims | logical or
reduce_all | x | axes keepdims | logical and
reduce_var | x | axes keepdims correction | variance; divisor n − correction
reduce_std | x | axes keepdims correction | its root
reduce_l1 | x | axes keepdims | sum of magnitudes
reduce_l2 | x | axes keepdims | root of the sum of squares
logsumexp | x | axes keepdims | log of the sum of exponentials
argmax | x | axis keepdims | where the largest stands
argmin | x | axis keepdims | where the smallest stands
cumsum | x | axis reverse exclusive | running sum
cumprod | x | axis | running product
cummax | x | axis | running maximum
logcumsumexp | x | axis | log of the running sum of exponentials
"""

_MOVES = """
reshape | x | | same elements in the shape of its own type (view, flatten, squeeze, unsqueeze)
transpose | x | perm | axes permuted
expand | x | | broadcast to the shape of its own type
slice | x | axis start stop step | one axis, start and stop inside the axis; step −1 flips (then stop may be −1)
concat | xs* | axis | one after another
pad | x | pads mode value? | pads = ((low, high), …) one pair an axis, not negative; mode constant, reflect, replicate, circular
tile | x | repeats | repeated along each axis
roll | x | shifts axes | cyclic shift
tril | x | diagonal | lower triangle of the last two axes
triu | x | diagonal | upper triangle
window | x | axis size step | sliding windows; a new last axis of `size`
diagonal | x | offset axis1 axis2 | diagonal as a new last axis
view_as_complex | x | | last axis of two to complex
view_as_real | x | | complex to a last axis of two
write | old update | starts stops steps | old with update put into the box start:stop:step, one triple an axis (in-place slices)
pick | x | index | one result of an operator with several
"""

_INDEX = """
gather | x index | axis | entries along one axis at an index of any rank (ONNX Gather, index_select)
gather_elements | x index | axis | element by element (torch.gather)
gather_nd | x indices* | axes | advanced indexing: index tensors broadcast together, one for each of `axes`; their result stands at the first axis if `axes` are adjacent, else in front
scatter_nd | x update indices* | axes reduce | x with update put (reduce none) or added (add, mul, max, min) there; index_put, index_add
scatter_elements | x index update | axis reduce | element by element
masked_scatter | x mask source | | elements of source, in order, where mask holds
masked_select | x mask | | elements where mask holds, in order
nonzero | x | | positions of what is not zero, one row each [n, rank]
one_hot | x | depth | indicator vectors on a new last axis
topk | x | k axis largest | values and indices of the k largest; two results
sort | x | axis descending | values and indices; two results
bincount | x | size | how often each integer occurs
searchsorted | sorted x | right | where x would be inserted
unique | x | | distinct values, sorted
embedding | table index | | rows of a learned or fixed table
"""

_CONTRACT = """
matmul | a b | | matrix product with numpy's broadcasting
einsum | xs* | equation | sum of products, letters as in numpy, no ellipsis
solve_triangular | a b | upper unit | x with a x = b, `a` read as triangular (`unit`: with ones on its diagonal)
linear | x weight bias? | layout | x · W over the last axis; layout `oi` [out, in] or `io` [in, out]
grouped_linear | x weight offsets bias? | layout | rows of x in consecutive groups, each with its own matrix of weight [g, …]
conv | x weight bias? | stride dilation pads groups | convolution; x [n, c, …], weight [out, in/groups, …]; pads ((low, high), …) of the spatial axes
conv_transposed | x weight bias? | stride dilation pads groups output_padding | its transpose; weight [in, out/groups, …]
"""

_COMPOUND = """
softmax | x | axis | e^x / Σ e^x
log_softmax | x | axis | its logarithm
layer_norm | x scale? shift? | axes eps correction? outside? | (x − mean) / √(var + ε) · scale + shift; correction 1: variance with divisor n − 1; outside: √var + ε
rms_norm | x scale? | axes eps outside? | x / √(mean x² + ε) · scale; outside: √(mean x²) + ε
l2_norm | x | axes eps inside? | x / max(‖x‖, ε); inside: x / √(‖x‖² + ε)
group_norm | x scale? shift? | groups eps | layer norm over groups of channels (axis 1) and all of space; groups = channels: instance norm
response_norm | x | size alpha beta eps | x / (ε + α/n Σ x²)^β over an odd number n (`size`) of neighbouring channels (axis 1)
batch_norm | x scale shift mean var | eps | by fixed statistics, one channel (axis 1) each
max_pool | x | kernel stride pads dilation | largest in each window
avg_pool | x | kernel stride pads count_pad | mean of each window
adaptive_pool | x | mode | `avg` or `max`, to the sizes of its own type
resize | x | mode | interpolated to the sizes of its own type (nearest, linear, cubic; `_corners`, `_exact`, `_antialias` behind it say which)
grid_sample | x grid | mode | values at real positions
fft | x | kind axes | discrete Fourier transform (fft, ifft, rfft, irfft, …)
rnn | x params* | variant hidden layers bidirectional batch_first states | results: sequence, last hidden (, last cell); variant lstm, gru, tanh, relu; the last `states` inputs are initial states
scan | states* scanned* captured* | states scanned axes | body(states, slices, captured) → states, outputs; results: last states, stacked outputs
loop | count? cond? states* captured* | states | body(i, cond, states, captured) → cond, states, outputs
cond | test captured* | | one of two bodies; `body` is the taken one
attention | q k v extras* | | softmax(q kᵀ …) v; the body computes it and has the probabilities as second output
rotary | x cos sin | interleaved | pairs of the last axis rotated
opaque | xs* | name | an operator that the vocabulary does not have
"""

OPS: dict[str, Op] = {
    op.name: op
    for kind, rows in (
        ("leaf", _LEAVES), ("unary", _UNARY), ("binary", _BINARY), ("reduce", _REDUCE), ("move", _MOVES),
        ("index", _INDEX), ("contract", _CONTRACT), ("compound", _COMPOUND),
    )
    for op in _table(kind, rows)
}  # fmt: skip

UNARY = frozenset(op.name for op in OPS.values() if op.kind == "unary")
BINARY = frozenset(op.name for op in OPS.values() if op.kind == "binary")
ELEMENTWISE = UNARY | BINARY
REDUCTIONS = frozenset(op.name for op in OPS.values() if op.kind == "reduce")
MOVES = frozenset(op.name for op in OPS.values() if op.kind == "move")
LEAVES = frozenset(op.name for op in OPS.values() if op.kind == "leaf")
CONTRACTIONS = frozenset(op.name for op in OPS.values() if op.kind == "contract")
COMMUTATIVE = frozenset({"add", "mul", "maximum", "minimum", "eq", "ne", "and", "or", "xor", "bit_and", "bit_or"})
MULTI = frozenset({"topk", "sort", "rnn", "scan", "loop", "cond", "opaque"})
"""Operators whose type is a tuple, read through `pick` only (an `opaque` or `cond` may also have one result)."""
