import type { Depacketizer, RtpFormat, UnitSink } from '../payload/depacketizer.ts';
import { SampleBasedDepacketizer } from '../payload/sample-based.ts';
import { type G726Bits, G726Codec } from './codec.ts';
import { type CodeOrder, G726_FORMATS } from './format.ts';

const CLOCK_HZ = 8_000;
const PCM_BYTES = 2;

type Create = (format: RtpFormat, sink: UnitSink) => Depacketizer | undefined;

const create =
  (bits: G726Bits, order: CodeOrder): Create =>
  ({ clockRate, channels }, sink) => {
    if (clockRate !== CLOCK_HZ || channels > 1) {
      return undefined;
    }
    sink.onTrack({ kind: 'audio', codec: 'lpcm', clockRate, bitDepth: 16, channels: 1 });
    return new G726Depacketizer(bits, order, sink);
  };

/** By encoding name. Decoded to 16 bits: players of G.726 are rare. Undefined: another clock, or several channels. */
export const G726_DEPACKETIZERS: Readonly<Record<string, Create>> = Object.fromEntries(
  Object.entries(G726_FORMATS).map(([name, { bits, order }]) => [name, create(bits, order)]),
);

class G726Depacketizer implements Depacketizer {
  readonly #bits: G726Bits;
  readonly #isLowestFirst: boolean;
  readonly #codec: G726Codec;
  /** A longer packet is cut. */
  readonly #pcm = Buffer.alloc(8_192 * PCM_BYTES);
  readonly #output: SampleBasedDepacketizer;

  constructor(bits: G726Bits, order: CodeOrder, sink: UnitSink) {
    this.#bits = bits;
    this.#isLowestFirst = order === 'lowest first';
    this.#codec = new G726Codec(bits);
    this.#output = new SampleBasedDepacketizer({ bytes: PCM_BYTES, ticks: 1 }, sink);
  }

  push(chunk: Uint8Array, start: number, end: number, ticks: number): void {
    const bits = this.#bits;
    const mask = (1 << bits) - 1;
    const pcm = this.#pcm;
    let waiting = 0;
    let count = 0;
    let length = 0;
    for (let at = start; at < end; at += 1) {
      const byte = chunk[at] as number;
      waiting = this.#isLowestFirst ? waiting | (byte << count) : (waiting << 8) | byte;
      count += 8;
      while (count >= bits && length < pcm.length) {
        count -= bits;
        const code = this.#isLowestFirst ? waiting & mask : (waiting >> count) & mask;
        waiting = this.#isLowestFirst ? waiting >> bits : waiting & ((1 << count) - 1);
        length = pcm.writeInt16BE(this.#codec.decode(code), length);
      }
    }
    this.#output.push(pcm, 0, length, ticks);
  }
}
