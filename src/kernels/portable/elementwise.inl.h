// Element-wise kernels, norms and horizontal sums over 16 lanes: included after math.inl.h in each instruction set's
// region and namespace. Every loop ends with one partial step of 0 < n % 16 lanes that reads and writes nothing beyond.

template <Activation f>
HEARTH_INLINE void activate_as(const float* x, std::size_t n, float* out) {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) store(out + i, activation<f>(load(x + i)));
  if (i < n) store_part(out + i, activation<f>(load_part(x + i, n - i)), n - i);
}

template <Activation f>
HEARTH_INLINE void gated_as(const float* gate, const float* up, std::size_t n, float* out) {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) store(out + i, activation<f>(load(gate + i)) * load(up + i));
  if (i < n) store_part(out + i, activation<f>(load_part(gate + i, n - i)) * load_part(up + i, n - i), n - i);
}

#define HEARTH_EVERY_ACTIVATION(call)                                     \
  switch (f) {                                                            \
    case Activation::kSilu: return call(Activation::kSilu);               \
    case Activation::kGelu: return call(Activation::kGelu);               \
    case Activation::kGeluErf: return call(Activation::kGeluErf);         \
    case Activation::kGeluQuick: return call(Activation::kGeluQuick);     \
    case Activation::kRelu: return call(Activation::kRelu);               \
    case Activation::kReluSquared: return call(Activation::kReluSquared); \
    case Activation::kSigmoid: return call(Activation::kSigmoid);         \
    case Activation::kTanh: return call(Activation::kTanh);               \
    case Activation::kExp: return call(Activation::kExp);                 \
    case Activation::kSoftplus: return call(Activation::kSoftplus);       \
  }

void activate(Activation f, const float* x, std::size_t n, float* out) {
#define HEARTH_CALL(name) activate_as<name>(x, n, out)
  HEARTH_EVERY_ACTIVATION(HEARTH_CALL)
#undef HEARTH_CALL
}

void gated(Activation f, const float* gate, const float* up, std::size_t n, float* out){
#define HEARTH_CALL(name) gated_as<name>(gate, up, n, out)
    HEARTH_EVERY_ACTIVATION(HEARTH_CALL)
#undef HEARTH_CALL
}
#undef HEARTH_EVERY_ACTIVATION

HEARTH_INLINE Lanes clamped_unit(Lanes gate, Lanes up, float alpha, float limit) {
  const Lanes top = set(limit), bottom = set(-limit), one = set(1.0f);
  const Lanes g = select(gt(gate, top), top, gate);
  const Lanes u = select(gt(up, top), top, select(gt(bottom, up), bottom, up));
  return (g / (one + exp(set(-alpha) * g))) * (u + one);
}

void gated_clamped(const float* gate, const float* up, float alpha, float limit, std::size_t n, float* out) {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) store(out + i, clamped_unit(load(gate + i), load(up + i), alpha, limit));
  if (i < n) {
    store_part(out + i, clamped_unit(load_part(gate + i, n - i), load_part(up + i, n - i), alpha, limit), n - i);
  }
}

HEARTH_INLINE Lanes capped(Lanes x, Lanes cap) {
  return cap * tanh(x / cap);
}

void soft_cap(const float* x, float cap, std::size_t n, float* out) {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) store(out + i, capped(load(x + i), set(cap)));
  if (i < n) store_part(out + i, capped(load_part(x + i, n - i), set(cap)), n - i);
}

void axpy(float a, const float* x, std::size_t n, float* y) {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) store(y + i, fma(set(a), load(x + i), load(y + i)));
  if (i < n) store_part(y + i, fma(set(a), load_part(x + i, n - i), load_part(y + i, n - i)), n - i);
}

float dot(const float* a, const float* b, std::size_t n) {
  Lanes lane = set(0.0f);
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) lane = fma(load(a + i), load(b + i), lane);
  if (i < n) {
    const Lanes more = fma(load_part(a + i, n - i), load_part(b + i, n - i), lane);
    lane = select(lane_range(0, n - i), more, lane);
  }
  return sum_lanes(lane);
}

HEARTH_INLINE float sum(const float* x, std::size_t n) {
  Lanes lane = set(0.0f);
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) lane = lane + load(x + i);
  if (i < n) lane = select(lane_range(0, n - i), lane + load_part(x + i, n - i), lane);
  return sum_lanes(lane);
}

/// The largest element; NaN never wins; -infinity when there is no other.
HEARTH_INLINE float maximum(const float* x, std::size_t n) {
  Lanes most = set(-__builtin_inff());
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) most = larger(load(x + i), most);
  if (i < n) most = select(lane_range(0, n - i), larger(load_part(x + i, n - i), most), most);
  return max_lanes(most);
}

void rms_norm(const float* x, const float* weight, float eps, std::size_t n, float* out) {
  const float r = 1.0f / __builtin_sqrtf(dot(x, x, n) / static_cast<float>(n) + eps);
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    Lanes y = load(x + i) * set(r);
    if (weight != nullptr) y = y * load(weight + i);
    store(out + i, y);
  }
  if (i < n) {
    Lanes y = load_part(x + i, n - i) * set(r);
    if (weight != nullptr) y = y * load_part(weight + i, n - i);
    store_part(out + i, y, n - i);
  }
}

HEARTH_INLINE float variance(const float* x, float mean, std::size_t n) {
  Lanes lane = set(0.0f);
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const Lanes c = load(x + i) - set(mean);
    lane = fma(c, c, lane);
  }
  if (i < n) {
    const Lanes c = load_part(x + i, n - i) - set(mean);
    lane = select(lane_range(0, n - i), fma(c, c, lane), lane);
  }
  return sum_lanes(lane) / static_cast<float>(n);
}

void layer_norm(const float* x, const float* weight, const float* bias, float eps, std::size_t n, float* out) {
  const float mean = sum(x, n) / static_cast<float>(n);
  const float r = 1.0f / __builtin_sqrtf(variance(x, mean, n) + eps);
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    Lanes y = (load(x + i) - set(mean)) * set(r);
    if (weight != nullptr) y = y * load(weight + i);
    if (bias != nullptr) y = y + load(bias + i);
    store(out + i, y);
  }
  if (i < n) {
    Lanes y = (load_part(x + i, n - i) - set(mean)) * set(r);
    if (weight != nullptr) y = y * load_part(weight + i, n - i);
    if (bias != nullptr) y = y + load_part(bias + i, n - i);
    store_part(out + i, y, n - i);
  }
}

HEARTH_INLINE void scale(const float* x, float by, std::size_t n, float* out) {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) store(out + i, load(x + i) * set(by));
  if (i < n) store_part(out + i, load_part(x + i, n - i) * set(by), n - i);
}

void l2_norm(const float* x, float eps, std::size_t n, float* out) {
  const float length = __builtin_sqrtf(dot(x, x, n));
  scale(x, 1.0f / (eps > length ? eps : length), n, out);  // a NaN length stays NaN
}

void softmax(const float* x, std::size_t n, float* out) {
  const Lanes most = set(maximum(x, n));
  Lanes lane = set(0.0f);
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const Lanes e = exp_nonpositive(load(x + i) - most);
    store(out + i, e);
    lane = lane + e;
  }
  if (i < n) {
    const Lanes e = exp_nonpositive(load_part(x + i, n - i) - most);
    store_part(out + i, e, n - i);
    lane = select(lane_range(0, n - i), lane + e, lane);
  }
  scale(out, 1.0f / sum_lanes(lane), n, out);
}

std::size_t argmax(const float* x, std::size_t n) {
  const float most = maximum(x, n);
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    if (any(equal(load(x + i), set(most)))) break;
  }
  for (; i < n; ++i) {
    if (x[i] == most) return i;
  }
  return 0;  // nothing but NaN
}
