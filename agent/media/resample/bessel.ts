/** Modified Bessel function of the first kind and order zero, by its power series: what Kaiser's windows are made of. */
export function bessel(x: number): number {
  let term = 1;
  let sum = 1;
  for (let i = 1; term > sum * 1e-18; i += 1) {
    term *= (x / (2 * i)) ** 2;
    sum += term;
  }
  return sum;
}
