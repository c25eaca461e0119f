// Binary64 sine, cosine, exp, log and pow for rotary angles and frequencies: plain + - * / in a fixed order, so every
// compiler, libm and CPU agrees to the last bit.
#pragma once

namespace hearth::kernels {

/// e^x within 1 ulp for results that are normal numbers; 0 below -745.2, infinity above 709.79.
double recipe_exp64(double x);
/// Natural logarithm within 1 ulp; -infinity at 0, NaN below. Subnormal x counts as 0.
double recipe_log64(double x);
/// base^e for base > 0, within 2 ulp where |e * log(base)| < 700. recipe_pow(b, 0) == 1.
double recipe_pow(double base, double e);
/// sin and cos of x radians, |x| <= 1e7, within 1 ulp; NaN outside.
void recipe_sin_cos(double x, double& s, double& c);

}  // namespace hearth::kernels
