// Sixteen lanes as a plain array: the vocabulary of portable/ for the baseline, and the definition of what each word
// of it means in the other instruction sets.

struct Lanes {
  float v[16];
};
struct Mask {
  bool v[16];
};

HEARTH_INLINE Lanes set(float x) {
  Lanes r;
  for (float& lane : r.v) lane = x;
  return r;
}

HEARTH_INLINE Lanes load(const float* p) {
  Lanes r;
  for (int l = 0; l < 16; ++l) r.v[l] = p[l];
  return r;
}
/// The first n < 16 lanes from memory, zero in the rest.
HEARTH_INLINE Lanes load_part(const float* p, std::size_t n) {
  Lanes r = set(0.0f);
  for (std::size_t l = 0; l < n; ++l) r.v[l] = p[l];
  return r;
}
HEARTH_INLINE void store(float* p, const Lanes& x) {
  for (int l = 0; l < 16; ++l) p[l] = x.v[l];
}
HEARTH_INLINE void store_part(float* p, const Lanes& x, std::size_t n) {
  for (std::size_t l = 0; l < n; ++l) p[l] = x.v[l];
}

HEARTH_INLINE Lanes operator+(const Lanes& a, const Lanes& b) {
  Lanes r;
  for (int l = 0; l < 16; ++l) r.v[l] = a.v[l] + b.v[l];
  return r;
}
HEARTH_INLINE Lanes operator-(const Lanes& a, const Lanes& b) {
  Lanes r;
  for (int l = 0; l < 16; ++l) r.v[l] = a.v[l] - b.v[l];
  return r;
}
HEARTH_INLINE Lanes operator*(const Lanes& a, const Lanes& b) {
  Lanes r;
  for (int l = 0; l < 16; ++l) r.v[l] = a.v[l] * b.v[l];
  return r;
}
HEARTH_INLINE Lanes operator/(const Lanes& a, const Lanes& b) {
  Lanes r;
  for (int l = 0; l < 16; ++l) r.v[l] = a.v[l] / b.v[l];
  return r;
}
/// a * b + c with one rounding.
HEARTH_INLINE Lanes fma(const Lanes& a, const Lanes& b, const Lanes& c) {
  Lanes r;
  for (int l = 0; l < 16; ++l) r.v[l] = __builtin_fmaf(a.v[l], b.v[l], c.v[l]);
  return r;
}

HEARTH_INLINE Lanes abs(const Lanes& x) {
  Lanes r;
  for (int l = 0; l < 16; ++l) r.v[l] = __builtin_fabsf(x.v[l]);
  return r;
}
HEARTH_INLINE Lanes negate(const Lanes& x) {
  Lanes r;
  for (int l = 0; l < 16; ++l) r.v[l] = -x.v[l];
  return r;
}
/// A magnitude that is not negative, with the sign bit of `sign`.
HEARTH_INLINE Lanes with_sign(const Lanes& magnitude, const Lanes& sign) {
  Lanes r;
  for (int l = 0; l < 16; ++l) r.v[l] = __builtin_copysignf(magnitude.v[l], sign.v[l]);
  return r;
}
/// x * 2^n for an integer n and a result that is a normal number; NaN where x is NaN. t = n + 1.5 * 2^23 has n in its
/// low bits, ready to be added to the exponent of x.
HEARTH_INLINE Lanes times_power_of_two(const Lanes& x, const Lanes&, const Lanes& t) {
  Lanes r;
  for (int l = 0; l < 16; ++l) {
    const std::uint32_t bits =
        __builtin_bit_cast(std::uint32_t, x.v[l]) + (__builtin_bit_cast(std::uint32_t, t.v[l]) << 23);
    r.v[l] = x.v[l] == x.v[l] ? __builtin_bit_cast(float, bits) : x.v[l];
  }
  return r;
}

/// a > b, false where either is NaN.
HEARTH_INLINE Mask gt(const Lanes& a, const Lanes& b) {
  Mask r;
  for (int l = 0; l < 16; ++l) r.v[l] = a.v[l] > b.v[l];
  return r;
}
HEARTH_INLINE Mask is_nan(const Lanes& x) {
  Mask r;
  for (int l = 0; l < 16; ++l) r.v[l] = x.v[l] != x.v[l];
  return r;
}
/// Lanes begin <= l < end.
HEARTH_INLINE Mask lane_range(std::size_t begin, std::size_t end) {
  Mask r;
  for (std::size_t l = 0; l < 16; ++l) r.v[l] = begin <= l && l < end;
  return r;
}
HEARTH_INLINE Lanes select(const Mask& mask, const Lanes& yes, const Lanes& no) {
  Lanes r;
  for (int l = 0; l < 16; ++l) r.v[l] = mask.v[l] ? yes.v[l] : no.v[l];
  return r;
}
/// x > m ? x : m, so a NaN in x leaves m.
HEARTH_INLINE Lanes larger(const Lanes& x, const Lanes& m) {
  return select(gt(x, m), x, m);
}
HEARTH_INLINE Mask equal(const Lanes& a, const Lanes& b) {
  Mask r;
  for (int l = 0; l < 16; ++l) r.v[l] = a.v[l] == b.v[l];
  return r;
}
HEARTH_INLINE bool any(const Mask& mask) {
  bool any = false;
  for (const bool lane : mask.v) any = any || lane;
  return any;
}

/// The recipe's tree: lanes l and l + 8, then l and l + 4, l + 2, l + 1.
HEARTH_INLINE float sum_lanes(Lanes x) {
  for (int half = 8; half >= 1; half /= 2) {
    for (int l = 0; l < half; ++l) x.v[l] = x.v[l] + x.v[l + half];
  }
  return x.v[0];
}
/// The same tree of x[l + half] > x[l] ? x[l + half] : x[l].
HEARTH_INLINE float max_lanes(Lanes x) {
  for (int half = 8; half >= 1; half /= 2) {
    for (int l = 0; l < half; ++l) x.v[l] = x.v[l + half] > x.v[l] ? x.v[l + half] : x.v[l];
  }
  return x.v[0];
}
HEARTH_INLINE float first_lane(const Lanes& x) {
  return x.v[0];
}
