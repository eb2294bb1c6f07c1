"""Functions by the names that they have elsewhere.  In: the table of functions.  Out: FOREIGN.

    FOREIGN.renamed["maximum"]     "max": the same arguments
    FOREIGN.replaced["matmul"]     "the matrix product is written `A @ b`"

From NumPy, PyTorch, TensorFlow, Keras, JAX and papers.  What becomes a function of ours is foreign
no more, and nothing leads to a function that is none of ours.
"""

from __future__ import annotations

from celldsl.semantics.builtins.prelude_names import PRELUDE
from celldsl.semantics.builtins.table import FUNCTIONS
from celldsl.syntax.hints.other_names import Foreign

_SAME: dict[str, str] = {
    "abs": "absolute fabs",
    "atan": "arctan",
    "clip": "clamp clip_by_value",
    "clip_gradient": "clip_grad grad_clip gradient_clip clip_gradients",
    "concat": "cat concatenate hstack",
    "conv": "conv1d conv2d Conv1d Conv2d convolve",
    "dot": "inner vdot",
    "dropout": "Dropout",
    "exp": "Exp",
    "expand": "unsqueeze expand_dims",
    "grad": "gradient gradients",
    "hard_sigmoid": "hardsigmoid HardSigmoid",
    "hard_tanh": "hardtanh HardTanh Hardtanh",
    "layer_norm": "layernorm LayerNorm LayerNormalization LN",
    "leaky_relu": "lrelu LeakyReLU leakyrelu",
    "linear": "Dense dense Linear affine fc fully_connected",
    "logsigmoid": "log_sigmoid LogSigmoid",
    "logsumexp": "log_sum_exp reduce_logsumexp",
    "max": "maximum reduce_max amax",
    "mean": "reduce_mean average avg",
    "min": "minimum reduce_min amin",
    "mod": "remainder floormod",
    "normalize": "normalise normalize_l2 l2_normalize l2norm unit_vector",
    "norm": "l2_norm vector_norm",
    "outer": "outer_product",
    "relu": "ReLU Relu rectify",
    "rms_norm": "rmsnorm RMSNorm",
    "roll": "circshift",
    "round": "rint around",
    "scale_gradient": "grad_scale gradient_scale scale_grad GradScale",
    "sigmoid": "logistic sigm expit Sigmoid sigma",
    "sign": "sgn signum",
    "silu": "swish SiLU",
    "softmax": "Softmax",
    "softplus": "Softplus log1pexp",
    "split": "chunk array_split",
    "square": "sqr",
    "step": "heaviside Heaviside",
    "stop_gradient": "detach stopgrad stop_grad",
    "sum": "reduce_sum add_n",
    "tanh": "Tanh tansig",
    "transpose": "permute swapaxes matrix_transpose",
    "where": "select ifelse",
}

_SAID: tuple[tuple[str, str], ...] = (
    ("matmul mm bmm mv MatMul batch_matmul batch_dot", "the matrix product is written `A @ b`"),
    ("multiply mul hadamard elementwise_mul", "a product is written `a * b`"),
    ("add plus", "a sum is written `a + b`"),
    ("subtract sub_", "a difference is written `a - b`"),
    ("divide div true_divide", "a quotient is written `a / b`"),
    ("pow power", "a power is written `a ** b`"),
    ("negative neg", "write `-a`"),
    ("logical_and", "write `a and b`"),
    ("logical_or", "write `a or b`"),
    ("logical_not", "write `not a`"),
    ("greater gt", "write `a > b`"),
    ("less lt", "write `a < b`"),
    ("equal eq", "write `a == b`"),
    ("tensordot contract einop",
     "say which axes meet: `einsum(\"nvk,nk->nv\", S, q)`, `A @ b`, `dot(a, b)`"),
    ("lerp", "write the two gates out: `(1 - g) * a + g * b`"),
    ("addcmul addmm baddbmm", "write the sum and the product out"),
    ("relu6", "write `clip(v, 0, 6)`"),
    ("relu1", "write `clip(v, -1, 1)`"),
    ("celu mish hardswish prelu PReLU glu GLU",
     "define it by its equation: `def f(v) = …`"),
    ("jacobian hessian jvp vjp autograd backward value_and_grad jacrev jacfwd",
     "inside a cell there is `grad(loss, W)`; those for training are Python's: `cell.backward`"),
    ("clip_grad_norm clip_grad_value clip_by_global_norm clip_grad_norm_ clip_grad_value_",
     "those of parameters are clipped in Python; `clip_gradient(v, low, high)` acts on a value"),
    ("gradient_reversal grad_reverse reverse_gradient GradientReversal ReverseLayerF",
     "write `scale_gradient(v, -1)`"),
    ("log_softmax", "write `v - logsumexp(v)`"),
    ("cosine_similarity", "write `dot(a, b) / (norm(a) * norm(b))`"),
    ("stack vstack",
     "give each one more axis: `concat([expand(v, 0), expand(w, 0)], axis=0)`"),
    ("squeeze unstack unbind", "an index drops an axis: `v[0]`"),
    ("view flatten ravel", "write `reshape(v, [N])` with the sizes that it gets"),
    ("tile repeat repeat_interleave broadcast_to expand_as",
     "an axis of size 1 stretches by itself: `expand(v, axis)`"),
    ("zeros_like", "write `zeros([H])`"),
    ("ones_like", "write `ones([H])`"),
    ("full full_like", "write `v * ones([H])`"),
    ("diag", "write `expand(v, 1) * eye(N)`"),
    ("trace", "write `sum(sum(A * eye(N)))`"),
    ("Sigma", "a sum is written `sum(v)`, and over a loop `sum(for k in 0..K: v[k])`"),
    ("Pi prod product", "write `product(for k in 0..N: v[k])`, or `cumprod(v)[N - 1]`"),
    ("var std", "write it out: `mean(square(v - mean(v)))`"),
    ("any all", "comparisons of all elements are written `max(where(c, 1, 0)) > 0`"),
    ("float int cast astype to float32", "all values are real numbers of the cell's dtype"),
    ("shape size len ndim", "sizes are the dims of the cell: `H`"),
    ("clone copy contiguous item numpy cpu cuda requires_grad_ double half",
     "leave it out: a value is a value, and Python has the arrays"),
    ("print Print", "a cell only computes; look at values from Python"),
    ("noise gaussian_noise rand randn random random_normal uniform_ normal_",
     "chance is for initial values and `dropout`: noise comes in as an input"),
    ("batch_norm BatchNorm BatchNorm1d batchnorm BN", "a cell sees one example: there are no batch "
     "statistics; `layer_norm` is over one example"),
    ("group_norm GroupNorm", "write `layer_norm(v, groups=G)`"),
    ("gather take index_select embedding Embedding lookup embedding_lookup",
     "an integer input picks: `input token: int[V]`, `param E: [V, N]`, then `E[token]`"),
    ("onehot oneHot OneHot to_categorical",
     "write `one_hot(token, V)` of an `input token: int[V]`"),
    ("sort argsort topk argmax argmin scatter scatter_add",
     "sorting and gathering are outside the language: do it in Python, and pass what it gives as "
     "an input"),
    ("inv solve inverse cholesky svd qr det", "linear solves are outside the language"),
    ("fft rfft complex real imag", "complex numbers are outside the language: write pairs"),
    ("LSTMCell GRUCell RNNCell LSTM GRU RNN SimpleRNN", "an inner cell is declared and stepped: "
     "`use GRU from \"gru.cell\"`, `sub g = GRU[I, H]`, `y = g(x)`"),
    ("Parameter Variable get_variable add_weight", "declare it: `param W: [H, I]`"),
    ("scan while_loop fori_loop",
     "time is the cell's own; a loop inside a step is `for k in 0..K:`"),
    ("Sequential", "write one equation after the other"),
)  # fmt: skip
_OURS = frozenset({*FUNCTIONS, *PRELUDE})

FOREIGN = Foreign(
    {
        theirs: ours
        for ours, names in _SAME.items()
        if ours in _OURS
        for theirs in names.split()
        if theirs not in _OURS
    },
    {name: said for names, said in _SAID for name in names.split() if name not in _OURS},
    _OURS,
)
