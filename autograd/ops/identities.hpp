// The identities of the library's ops: what each is called, and of what kind it is. Who looks at a recording
// compares these, never names. Internal.
#pragma once

#include <xgrad/autograd/op.hpp>

namespace xgrad::ops {

inline constexpr Op add{"add", OpKind::addition}, subtract{"subtract", OpKind::addition},
    multiply{"multiply", OpKind::scaling}, divide{"divide", OpKind::scaling},
    negate{"negate", OpKind::addition}, scale_shift{"scale_shift", OpKind::addition};

// The elementwise functions have theirs in kernels/functions.hpp. These are compared with.
inline constexpr Op exp{"exp", OpKind::elementwise}, square{"square", OpKind::elementwise},
    tanh{"tanh", OpKind::activation}, sigmoid{"sigmoid", OpKind::activation},
    softplus{"softplus", OpKind::activation};

inline constexpr Op where{"where", OpKind::elementwise}, merge{"merge", OpKind::joining},
    dropout{"dropout", OpKind::elementwise};

inline constexpr Op matmul{"matmul", OpKind::product}, affine{"affine", OpKind::product};

inline constexpr Op reshape{"reshape", OpKind::reshaping}, transpose{"transpose", OpKind::reshaping},
    flip{"flip", OpKind::reshaping}, broadcast_to{"broadcast_to", OpKind::reshaping},
    pad{"pad", OpKind::reshaping};

inline constexpr Op select{"select", OpKind::slicing}, slice{"slice", OpKind::slicing},
    gather{"gather", OpKind::other}, stack{"stack", OpKind::joining}, concat{"concat", OpKind::joining};

inline constexpr Op take{"take", OpKind::lookup}, reset_rows{"reset_rows", OpKind::other},
    scatter_add{"scatter_add", OpKind::other};

inline constexpr Op sum{"sum", OpKind::reduction}, prod{"prod", OpKind::reduction},
    mean{"mean", OpKind::reduction}, variance{"variance", OpKind::reduction}, max{"max", OpKind::reduction},
    min{"min", OpKind::reduction}, logsumexp{"logsumexp", OpKind::reduction}, norm{"norm", OpKind::reduction},
    cumsum{"cumsum", OpKind::other};

inline constexpr Op softmax{"softmax", OpKind::activation}, log_softmax{"log_softmax", OpKind::other},
    layer_norm{"layer_norm", OpKind::other};

inline constexpr Op softmax_cross_entropy{"softmax_cross_entropy", OpKind::loss},
    affine_cross_entropy{"affine_cross_entropy", OpKind::loss}, cross_entropy{"cross_entropy", OpKind::loss};

}  // namespace xgrad::ops
