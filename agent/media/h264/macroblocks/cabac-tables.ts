/**
 * Initial values m and n of the contexts, H.264 tables 9-12 to 9-33, without those of fields: 8 signed bytes for each ctxIdx, m and n of
 * I slices and of cabac_init_idc 0 to 2. `[first ctxIdx, base64]`.
 */
const INITIAL: readonly (readonly [number, string])[] = [
  [
    0,
    'FPEU8RTxFPECNgI2AjYCNgNKA0oDSgNKFPEU8RTxFPECNgI2AjYCNgNKA0oDSgNK5H/kf+R/5H/paOlo6WjpaPo1+jX6Nfo1/zb/Nv82/zYH' +
      'MwczBzMHMwAAFyEWGR0QAAAXAiIAGQAAABUAEAAOAAAAAQn+CfYzAAAAMQQp/T4AANt243blYwAABTkCQRoQAADzTvpH/FUAAPVB80/oZgAA' +
      'AT4FNAU5AAAMMQkyBjkAAPxJ/UbvSQAAETIKNg45AAASQBoiFCgAAAkrExYUCgAAHQAoAB0AAAAaQzkCNgAAABBaKSQlKgAACWgaRQxhAADS' +
      'f9N/4H8AAOxo8WXqdQAAAUP8TP5KAADzTvpH/FUAAPVB80/oZgAAAT4FNAU5AAD6VgZF+l0AAO9f81ryWAAA+j0ANPosAAAJLQgrBDcAAP1F' +
      '/kX1WQAA+lH7UvFnAAD1YPZg63QAAAY3AjsTOQAAB0MCSxQ6AAD7Vv1XBFQAAAJY/WQGYAAAADoBOAE/AAD9TP1K+1UAAPZe+lXzagAABTYA' +
      'OwU/AAAERf1RBksAAP1R+Vb9WgAAAFj7X/9lAAD5Q/9CAzcAAPtK/038TwAA/EoBRv5LAAD7UP5W9GEAAPlI+0j5MgAAAToAPQE8ACkAKQAp' +
      'ACkAPwA/AD8APwA/AD8APwA/AD8APwA/AD/3U/dT91P3UwRWBFYEVgRWAGEAYQBhAGH5SPlI+Uj5SA0pDSkNKQ0pAz4DPgM+Az4=',
  ],
  [
    73,
    '73/lftl/3H/zZuRi7lvvWwBS52XvYPJf+UrpQ+ZR51Tra+RS3WLnVuV/7F7oZvRZ4X/wU+lh71vof+pu5Xfhf+5f61voY/JM5X/uZutu7mfr' +
      'cvNd7mbzWuJ/43/cf9t/73v5XABQC1D0c/tZ+1kFTPB6+WD5XgJU9XPzbPxcBU70P/0uACf6N/5E/0EAQQQ98VT/OfFU8lPzaPdd3X/bf/1G' +
      '/Ur+SftP+F33XPRo9Wj2WvhX91v1W+J/6X7hf+J//0oFNgM3AEH6YQY8Bzj+T/lbBjsHNwBI7H8GRQg9/Fz8OP8w/TX6OPtSAEQARANE+Uz8' +
      'RflK+EfqffhY91jzYvld/lXzZ/xW9Vf6TvNb9Fj9Tf9L91n7UvtH+U3yXP1I/D8CNvhM/EP8RAUy9Ff4SPRU/UTpbvBZ+T4BMuhp90X5QQYq' +
      '9k7/Owg9/FHscAVCBTgBP+9jBDn+QvxGsn/8RwFAAEO6f/5HAD0COc5/Ajr+Tv5M0n//SgEyCyP8QvwsBzQEQPtO/0UKIwE9/EcAPgAsCyP4' +
      'SPkzCyYSGQI7/C8BLQwY/zf6KgAuDR35Rv0pBSwNJPpL+jUfEfZd+FkITAEz+Uned/dOBzL+Sf1L9VMcEw0uIBQJNBAhCTEeFgBDDj75ZNR/' +
      '+1rzbAk1ADYBQ/FkAjX7PfFI82UFNQA6+0vzW/49/zz4UPReADj9PetT9lgAOPhD60DwVPM/51TzH/ZW+zzySudA+VP/PvtB417zVwQ5BTQJ' +
      'S+1e+kUCORE/AUYEOQA9+EoASA4n90X7I/tKBDP1Rv4bEjsNRBI3DVv4ZgNA/EcDQfFkAT0AOvlFAF8JPwc9CE38SwcyCSn2QgJIECcSGQM+' +
      '9UsFLAkg/UT9RwQ0BSvsUQ8uCzAJLwAe80X7PAAsAQcAPv87ADP9FwBBADsCLutKFSUWIRMmEELxSAUs/ELpfAk5DisPJhElEDb/TgwqLO4A' +
      'PgA8CSIy3gxICUUAWep/GAALHAQtBCcPCQIoChwAKggZAywKHwciDRIAMSH1Cx0PCQAuNNUIHw0TAiwSDwYlCiUCMxwAByoMEgAvI+oDKAYd' +
      'BCcm5wghFCECPiIADSsPHgYuJ+4NJAQtADYg9AQvAToDNmaiAzcAPgI6AAACOgc9BD848QY8DCYGMyH8CCwLLQY5HQoLLA8nBzUl+w4qCyoG' +
      'NDPjBzANLAY3J/cEOBAtCy003gQ0DCkOJEXGDSUKMQg1Q8EJMR4i/1Is+xM6EioHNyAHCjAKN/1ON+MMLREzDy4gAQBFES4WHwAAFCEAWf9U' +
      'GyQIPxrtGQch5yPuFu8e+SLiIeca7xwDJOQc/R7nHAQm5BgKHOwgACblGwAh6SL/Iu4i8iXlHgYj8DTUIekeBiLyJ+go5CAJIPgTESbvHxMl' +
      '+h8ZIfUaGyMAJB0o8RoeHgoYISn6JRQcEiIPJgEcIhoZHhQpERFGHSkWSR76AUMASxQiGwMFOwJIEx8aFglDCE0bLCXwEB4OIxMQI/wSIBIf' +
      'DyQm+BIjESMPJCb9Fh0VHhUcJQMYHxEtGRUmBRcmFCoeFCoAEisSLR8MIxAUKRsaGxAnFgs/EDYYKg4wCTsHQgBdGyUJQBA4DjgVPP9eC0kP' +
      'OQxE/lkKQxomAmH3bPZ06H/9R/pM6XDoc/oq/izxR+pS+zIALfk99z79NgA0ADUANf4+/UD7QgA7ADr+O/VN8lUBP/xG91DzWf5I/Ev3VPNe' +
      '/0r4UvZX9Vz3W+9m3n/jf/tD903rZetk+xsDGP0n8jn9JwAq+zX0Q/4sADD5PfVHAC4AN/VL9k3wQPo78U3rVfhE+UfvW/BY9k70U+dr6Wj6' +
      'TfVX52/xYvZW4nfkett/9FwBOvVM9lLxN/0d9iz4MPY8/yT2NPg9+j4BJvY5+EL8QQIr9zr5RvRJ+jfwSPJL+EwAOvlF9k/5UABA/EX3U/dY' +
      '/Ur7SvRc7272WvdW7mz1YQBGAkL8T+xU/B33IupF9U8FHwEg8Ev6SQcqCx/+OvxKATsFNAE681b+Ov43807zYP1I/kP3U/Vh/VEASfxR7XX1' +
      'YfhZ82P4TgA6AzTzUfshCAUHBPom/DAKDgoI8z7+NQ4SEQj6Ov0+DRsQE/4780cCKAMl8En2TwA6/z32TPRW/Ub7SfNW81r6T/9G91PyYfhV' +
      '/E72VwAAAAAAAAAA',
  ],
  [
    399,
    'HxUMKBkgFSEfHwszFTETMhkyDjsVNhE973j8T/tV/U7scPlH+lH4Su5y+0X2TfdI9VX3RvlR9kjxXPhC71DuS/JZ9kTuSfRH5kftSfxK9T/x' +
      'UfRF9lP7RvJQ8Eb3R+9LAETxQ/dD8kjyRuw+/z3wQ+g47Ub4Qvg16UTwQvJC8jvoMupBADv3NPVK7D8CO/VEF/MJ/hH2Cf4a8xr3IPMe9ijx' +
      'Ifcq9x/8MfIn+TH7If8sAyn+NQAhBy0GLQNAAx8MLCIxCUQKJRchNi0bQhsfJhNSJDsvORRA/Uv6QvtH90f/F/kjABj5JQEi+Sr/JPgsASv4' +
      'Lf4q9TEANvsw/jT2OP439Dj3OfQ7AD36PPo/+D8BQPs+/EH3QwBE+EL8Q/pE91z4TPlS9k8=',
  ],
];
/** ctxIdxInc of significant_coeff_flag of 8x8 blocks of frames, table 9-43. */
export const SIGNIFICANT_8X8 = Uint8Array.from([
  0, 1, 2, 3, 4, 5, 5, 4, 4, 3, 3, 4, 4, 4, 5, 5, 4, 4, 4, 4, 3, 3, 6, 7, 7, 7, 8, 9, 10, 9, 8, 7, 7, 6, 11, 12, 13, 11,
  6, 7, 8, 9, 14, 10, 9, 8, 6, 11, 12, 13, 11, 6, 9, 14, 10, 9, 11, 12, 13, 11, 14, 10, 12,
]);
/** The same of last_significant_coeff_flag. */
export const LAST_8X8 = Uint8Array.from([
  0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3,
  3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 8, 8, 8,
]);
export const CONTEXTS = 436;
const MODELS = 4;

const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));

const M = new Int8Array(MODELS * CONTEXTS);
const N = new Int8Array(MODELS * CONTEXTS);
for (const [first, base64] of INITIAL) {
  const values = Int8Array.from(bytesOf(base64));
  for (let i = 0; i < values.length; i += 2) {
    const at = ((i >> 1) % MODELS) * CONTEXTS + first + (i >> 3);
    M[at] = values[i] as number;
    N[at] = values[i + 1] as number;
  }
}

/** The states at the start of a slice, §9.3.1.1. @param model 0: I slices, else 1 + cabac_init_idc */
export function resetContexts(states: Uint8Array, model: number, qp: number): void {
  for (let i = 0; i < CONTEXTS; i += 1) {
    const at = model * CONTEXTS + i;
    const value = Math.min(Math.max((((M[at] as number) * qp) >> 4) + (N[at] as number), 1), 126);
    states[i] = value <= 63 ? 2 * (63 - value) : 2 * (value - 64) + 1;
  }
}
