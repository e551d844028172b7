import type { G726Bits } from './codec.ts';

/** RFC 3551 §4.5.4: the first code has the lowest bits of its byte; with `AAL2-` before the name, the highest. */
export type CodeOrder = 'lowest first' | 'highest first';

export interface G726Format {
  readonly bits: G726Bits;
  readonly order: CodeOrder;
}

/** By encoding name of RTP. */
export const G726_FORMATS: Readonly<Record<string, G726Format>> = Object.fromEntries(
  ([2, 3, 4, 5] as const).flatMap((bits) => [
    [`G726-${8 * bits}`, { bits, order: 'lowest first' }],
    [`AAL2-G726-${8 * bits}`, { bits, order: 'highest first' }],
  ]),
);
