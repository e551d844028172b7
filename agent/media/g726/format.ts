import { type G726Bits, G726Codec } from './codec.ts';

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

/** The codes of this many values fill whole bytes. */
export const G726_GROUP = 8;

/** Encodes one channel to payloads of RTP, RFC 3551 §4.5.4. */
export class G726Encoder {
  readonly #bits: G726Bits;
  readonly #isLowestFirst: boolean;
  readonly #codec: G726Codec;

  constructor(bits: G726Bits, order: CodeOrder) {
    this.#bits = bits;
    this.#isLowestFirst = order === 'lowest first';
    this.#codec = new G726Codec(bits);
  }

  /** @param values 16 bits each; their number is a multiple of `G726_GROUP` */
  encode(values: Int16Array): Uint8Array {
    const bits = this.#bits;
    const bytes = new Uint8Array((values.length * bits) / 8);
    let waiting = 0;
    let count = 0;
    let at = 0;
    for (let i = 0; i < values.length; i += 1) {
      const code = this.#codec.encode(values[i] as number);
      waiting = this.#isLowestFirst ? waiting | (code << count) : (waiting << bits) | code;
      count += bits;
      if (count >= 8) {
        count -= 8;
        bytes[at] = this.#isLowestFirst ? waiting : waiting >> count;
        waiting = this.#isLowestFirst ? waiting >> 8 : waiting & ((1 << count) - 1);
        at += 1;
      }
    }
    return bytes;
  }
}
