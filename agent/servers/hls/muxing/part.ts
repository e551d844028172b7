import { tableOf, writeFragmentHeader } from '../../../media/mp4/write/fragment.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import { hold, release } from '../../../media/sample/slab.ts';
import type { MediaFile, PartLine } from '../contracts/hls-muxer.ts';
import type { PartMemory } from './part-memory.ts';

/** Added to all times, so that the decode times of a stream with B-frames are never negative. */
const TIME_OFFSET_S = 10;

export interface PartContent {
  readonly name: string;
  readonly type: MediaFile['type'];
  /** Of its `moof`; from 1. */
  readonly sequence: number;
  readonly clockRate: number;
  /** At least one. Their holds go over: the part lets go of them when it has copied them. */
  readonly samples: readonly Sample[];
  readonly endDts: number;
}

/** A fragment in one piece. Whoever makes it holds it. */
export class Part implements MediaFile, PartLine {
  readonly name: string;
  readonly type: MediaFile['type'];
  readonly durationS: number;
  readonly isIndependent: boolean;
  readonly pieces: readonly Uint8Array[];
  readonly #bytes: Uint8Array;

  constructor(content: PartContent, memory: PartMemory) {
    const { samples, endDts, clockRate } = content;
    const first = samples[0] as Sample;
    this.name = content.name;
    this.type = content.type;
    this.durationS = (endDts - first.dts) / clockRate;
    this.isIndependent = first.key;
    const baseTime = first.dts + TIME_OFFSET_S * clockRate;
    const header = writeFragmentHeader(content.sequence, [tableOf({ track: 0, baseTime, samples, endDts })]);
    this.#bytes = memory.take(header.length + sizeOf(samples));
    this.#bytes.set(header);
    let at = header.length;
    for (let i = 0; i < samples.length; i += 1) {
      const { data } = samples[i] as Sample;
      this.#bytes.set(data, at);
      at += data.length;
      release(data);
    }
    this.pieces = [this.#bytes];
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  hold(): void {
    hold(this.#bytes);
  }

  release(): void {
    release(this.#bytes);
  }
}

function sizeOf(samples: readonly Sample[]): number {
  let bytes = 0;
  for (let i = 0; i < samples.length; i += 1) {
    bytes += (samples[i] as Sample).data.length;
  }
  return bytes;
}
