// exp and the activations on whole vectors.
#pragma once
#include "../model.h"

namespace {

constexpr float kLog2E = 1.44269504f;

// 2^t. |t| up to 126, the range of a float's exponent; larger values are cut to it.
template <class V>
typename V::Float exp2(typename V::Float t) {
  t = V::minimum(V::maximum(t, V::all(-126)), V::all(126));
  const typename V::Float whole = V::round(t);
  const typename V::Float f = V::subtract(t, whole);  // from -0.5 to 0.5
  // Taylor's series of 2^f: ln(2)^k / k!. The next term is below 1.2e-7, the last place of a float.
  typename V::Float p = V::all(1.54035304e-4f);
  p = V::multiply_add(p, f, V::all(1.33335581e-3f));
  p = V::multiply_add(p, f, V::all(9.61812911e-3f));
  p = V::multiply_add(p, f, V::all(5.55041087e-2f));
  p = V::multiply_add(p, f, V::all(2.40226507e-1f));
  p = V::multiply_add(p, f, V::all(6.93147181e-1f));
  p = V::multiply_add(p, f, V::all(1));
  return V::scale_by_power(p, whole);
}

// 1 / (1 + exp(-factor · x)).
template <class V>
typename V::Float sigmoid(typename V::Float x, float factor) {
  const typename V::Float e = exp2<V>(V::multiply(x, V::all(-factor * kLog2E)));
  return V::reciprocal(V::add(V::all(1), e));
}

// 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))), as x · sigmoid(2·√(2/π)·(x + 0.044715·x³)).
template <class V>
typename V::Float gelu_tanh(typename V::Float x) {
  const typename V::Float cubic = V::multiply_add(V::multiply(x, x), V::all(0.044715f), V::all(1));
  return V::multiply(x, sigmoid<V>(V::multiply(x, cubic), 1.5957691216f));
}

// 0.5·x·(1 + erf(x / √2)); erf with an error of 1.5e-7.
// Source: Abramowitz & Stegun, Handbook of Mathematical Functions, 7.1.26 (after C. Hastings).
template <class V>
typename V::Float gelu_erf(typename V::Float x) {
  using F = typename V::Float;
  const F z = V::multiply(V::absolute(x), V::all(0.70710678f));
  const F t = V::reciprocal(V::multiply_add(z, V::all(0.3275911f), V::all(1)));
  F series = V::all(1.061405429f);
  series = V::multiply_add(series, t, V::all(-1.453152027f));
  series = V::multiply_add(series, t, V::all(1.421413741f));
  series = V::multiply_add(series, t, V::all(-0.284496736f));
  series = V::multiply_add(series, t, V::all(0.254829592f));
  series = V::multiply(series, t);
  const F e = exp2<V>(V::multiply(V::multiply(z, z), V::all(-kLog2E)));
  const F erf = V::copy_sign(V::subtract(V::all(1), V::multiply(series, e)), x);
  const F half = V::multiply(x, V::all(0.5f));
  return V::multiply_add(half, erf, half);
}

// Apply an activation to `count` values, a multiple of the lanes; each maps 0 to 0, so padding stays 0.
template <class V>
void activate(Activation kind, float* x, int count) {
  const auto apply = [&](auto function) {
    for (int i = 0; i < count; i += V::lanes) V::store(x + i, function(V::load(x + i)));
  };
  using F = typename V::Float;
  switch (kind) {
    case Activation::gelu_tanh:
      return apply([](F v) { return gelu_tanh<V>(v); });
    case Activation::gelu_erf:
      return apply([](F v) { return gelu_erf<V>(v); });
    case Activation::quick_gelu:
      return apply([](F v) { return V::multiply(v, sigmoid<V>(v, 1.702f)); });
    case Activation::relu:
      return apply([](F v) { return V::maximum(v, V::zero()); });
    case Activation::silu:
      return apply([](F v) { return V::multiply(v, sigmoid<V>(v, 1)); });
    case Activation::tanh:
      return apply([](F v) {
        return V::subtract(V::multiply(V::all(2), sigmoid<V>(v, 2)), V::all(1));
      });
    case Activation::identity:
      return;
  }
}

}  // namespace
