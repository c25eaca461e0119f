// exp, tanh, erf, log(1 + y) and the activations over 16 lanes: included in each instruction set's region and
// namespace, after its lanes.inl.h, so that every set performs the same IEEE operations in the same order.

/// e^x for x <= 0: 0 below -87, exactly 1 at 0, within 1.1 ulp; right up to 88.72 too.
/// x = n ln2 + r, e^r = 1 + r + r^2 q(r), times 2^n (n >= -126: always a normal number).
HEARTH_INLINE Lanes exp_nonpositive(Lanes x) {
  const Lanes magic = set(0x1.8p23f);  // adding it rounds to an integer that stands in the low mantissa bits
  const Lanes t = fma(x, set(0x1.715476p0f), magic);
  const Lanes n = t - magic;
  Lanes r = fma(n, set(-0x1.62e430p-1f), x);
  r = fma(n, set(0x1.05c610p-29f), r);
  Lanes q = set(0x1.6db496p-10f);
  q = fma(q, r, set(0x1.123b92p-7f));
  q = fma(q, r, set(0x1.55545ep-5f));
  q = fma(q, r, set(0x1.55548ep-3f));
  q = fma(q, r, set(0.5f));
  const Lanes y = times_power_of_two(fma(r * r, q, r) + set(1.0f), n, t);
  return select(gt(set(-87.0f), x), set(0.0f), y);
}

/// e^x for all x: infinity above the largest finite result.
HEARTH_INLINE Lanes exp(Lanes x) {
  return select(gt(x, set(0x1.62e42ep6f)), set(__builtin_inff()), exp_nonpositive(x));
}

/// Within 2 ulp. |x| < 0.625: x + x z P(z), z = x^2; else 1 - 2 / (e^2|x| + 1) with the sign of x.
HEARTH_INLINE Lanes tanh(Lanes x) {
  const Lanes z = x * x;
  Lanes p = set(-0x1.78bec8p-8f);
  p = fma(p, z, set(0x1.52de8ep-6f));
  p = fma(p, z, set(-0x1.b85cd2p-5f));
  p = fma(p, z, set(0x1.110852p-3f));
  p = fma(p, z, set(-0x1.55553ap-2f));
  const Lanes near = fma(x * z, p, x);
  const Lanes a = abs(x);
  const Lanes far = set(1.0f) - set(2.0f) / (exp(a + a) + set(1.0f));
  return select(gt(set(0.625f), a), near, with_sign(far, x));
}

/// Within 2 ulp. |x| < 0.95: x + x P(x^2); else 1 - e^-Q(|x|) with the sign of x; 1 from 4 on.
HEARTH_INLINE Lanes erf(Lanes x) {
  const Lanes z = x * x;
  Lanes p = set(0x1.574edap-14f);
  p = fma(p, z, set(-0x1.a88d90p-11f));
  p = fma(p, z, set(0x1.549664p-8f));
  p = fma(p, z, set(-0x1.b80962p-6f));
  p = fma(p, z, set(0x1.ce2dcap-4f));
  p = fma(p, z, set(-0x1.812742p-2f));
  p = fma(p, z, set(0x1.06eba8p-3f));
  const Lanes near = fma(x, p, x);
  Lanes a = abs(x);
  a = select(gt(a, set(4.0f)), set(4.0f), a);
  Lanes q = set(-0x1.0df140p-16f);
  q = fma(q, a, set(0x1.7e12c4p-12f));
  q = fma(q, a, set(-0x1.ed5ea6p-9f));
  q = fma(q, a, set(0x1.86c6bap-6f));
  q = fma(q, a, set(-0x1.b2237ap-4f));
  q = fma(q, a, set(-0x1.457f80p-1f));
  q = fma(q, a, set(-0x1.20d022p0f));
  q = fma(q, a, set(-0x1.1c7c2cp-13f));
  const Lanes far = set(1.0f) - exp_nonpositive(q);
  return select(gt(set(0.95f), a), near, with_sign(far, x));
}

/// log(1 + y) for y in [0, 1]: y + y^2 R(y), within 2 ulp.
HEARTH_INLINE Lanes log1p_unit(Lanes y) {
  Lanes r = set(0x1.0b1646p-9f);
  r = fma(r, y, set(-0x1.bb3218p-7f));
  r = fma(r, y, set(0x1.576dd0p-5f));
  r = fma(r, y, set(-0x1.54e4f8p-4f));
  r = fma(r, y, set(0x1.ffd390p-4f));
  r = fma(r, y, set(-0x1.4ac4e4p-3f));
  r = fma(r, y, set(0x1.97aec6p-3f));
  r = fma(r, y, set(-0x1.ffcd54p-3f));
  r = fma(r, y, set(0x1.55541ap-2f));
  r = fma(r, y, set(-0x1.fffffcp-2f));
  return fma(y * y, r, y);
}

template <Activation f>
HEARTH_INLINE Lanes activation(Lanes x) {
  const Lanes one = set(1.0f), zero = set(0.0f);
  if constexpr (f == Activation::kSilu) {
    return x / (one + exp(negate(x)));
  } else if constexpr (f == Activation::kGelu) {
    const Lanes inner = x * fma(set(0.044715f), x * x, one);
    return (set(0.5f) * x) * (one + tanh(set(0.7978845608f) * inner));
  } else if constexpr (f == Activation::kGeluErf) {
    return (set(0.5f) * x) * (one + erf(x * set(0.70710678118f)));
  } else if constexpr (f == Activation::kGeluQuick) {
    return x / (one + exp(set(-1.702f) * x));
  } else if constexpr (f == Activation::kRelu) {
    return select(gt(zero, x), zero, x);
  } else if constexpr (f == Activation::kReluSquared) {
    const Lanes r = select(gt(zero, x), zero, x);
    return r * r;
  } else if constexpr (f == Activation::kSigmoid) {
    return one / (one + exp(negate(x)));
  } else if constexpr (f == Activation::kTanh) {
    return tanh(x);
  } else if constexpr (f == Activation::kExp) {
    return exp(x);
  } else {
    // softplus: log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)
    return select(gt(zero, x), zero, x) + log1p_unit(exp_nonpositive(negate(abs(x))));
  }
}
