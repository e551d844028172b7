import { type TrackRun, tableOf, writeFragmentHeader } from '../../../media/mp4/write/fragment.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import { hold, release } from '../../../media/sample/slab.ts';
import type { MediaFile, PartLine } from '../contracts/hls-muxer.ts';
import type { PartMemory } from './part-memory.ts';

interface PartContent {
  readonly name: string;
  readonly type: MediaFile['type'];
  /** `moof` sequence number, from 1. */
  readonly sequence: number;
  readonly clockRate: number;
  /** Its holds pass to the part, which releases the samples after copying. */
  readonly run: TrackRun;
}

/** A fragment, held by its creator. */
export class Part implements MediaFile, PartLine {
  readonly name: string;
  readonly type: MediaFile['type'];
  readonly durationS: number;
  readonly isIndependent: boolean;
  readonly pieces: readonly Buffer[];
  readonly sizeBytes: number;

  constructor(content: PartContent, memory: PartMemory) {
    const { samples, endDts } = content.run;
    const first = samples[0] as Sample;
    this.name = content.name;
    this.type = content.type;
    this.durationS = (endDts - first.dts) / content.clockRate;
    this.isIndependent = first.key;
    const header = writeFragmentHeader(content.sequence, [tableOf(content.run)]);
    this.sizeBytes = header.length + sizeOf(samples);
    memory.begin(this.sizeBytes);
    memory.write(header);
    for (let i = 0; i < samples.length; i += 1) {
      const { data } = samples[i] as Sample;
      memory.write(data);
      release(data);
    }
    this.pieces = memory.take();
  }

  hold(): void {
    this.pieces.forEach(hold);
  }

  release(): void {
    this.pieces.forEach(release);
  }
}

function sizeOf(samples: readonly Sample[]): number {
  let bytes = 0;
  for (let i = 0; i < samples.length; i += 1) {
    bytes += (samples[i] as Sample).data.length;
  }
  return bytes;
}
