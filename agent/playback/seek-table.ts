import type { FileHandle } from 'node:fs/promises';
import { PerchError } from '../base/errors.ts';
import type { Mp4Fragment } from '../media/mp4/read.ts';
import { MFRO_BYTES, mfraSize, parseMfra } from '../media/mp4/read-mfra.ts';
import type { FileInit } from '../record/fragment-walk.ts';

const MAX_MFRA_BYTES = 16 << 20;
const MAX_FILES = 256;

/** Fragments of one file that a player can start at, in order. */
export interface SeekPoints {
  /** Seconds as the file counts them. */
  readonly seconds: number[];
  /** Where the `moof` is. */
  readonly offsets: number[];
  /** All of the file is covered. */
  isComplete: boolean;
}

/** Where to begin reading in a file: from its own index, or from what earlier walks through it have shown. Bounded. */
export class SeekTable {
  readonly #files = new Map<string, SeekPoints>();

  /** @param identity of the file and what is in it */
  async pointsOf(identity: string, handle: FileHandle, init: FileInit, sizeBytes: number): Promise<SeekPoints> {
    let points = this.#files.get(identity);
    if (points) {
      this.#files.delete(identity);
    } else {
      points = (await readIndex(handle, init, sizeBytes)) ?? { seconds: [], offsets: [], isComplete: false };
    }
    this.#files.set(identity, points);
    const oldest = this.#files.keys().next().value;
    if (this.#files.size > MAX_FILES && oldest !== undefined) {
      this.#files.delete(oldest);
    }
    return points;
  }
}

/** The offset to begin at so that nothing from `seconds` on is missed: one point earlier than the last before it, for sound may lie ahead of pictures. */
export function offsetFor(points: SeekPoints, seconds: number): number | undefined {
  let low = 0;
  let high = points.seconds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points.seconds[middle] as number) <= seconds) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return points.offsets[low - 2];
}

/** Notes a fragment that was passed, when pictures (or, without any, sound) can start in it. */
export function notePoint(points: SeekPoints, fragment: Mp4Fragment, offset: number, lead: LeadTrack): void {
  if (points.isComplete || offset <= (points.offsets.at(-1) ?? -1)) {
    return;
  }
  for (const run of fragment.runs) {
    if (run.trackId !== lead.id) {
      continue;
    }
    let time = run.baseTime;
    for (let i = 0; i < run.count; i += 1) {
      if (run.isSync(i)) {
        points.seconds.push(time / lead.timescale);
        points.offsets.push(offset);
        return;
      }
      time += run.durations[i] as number;
    }
  }
}

export interface LeadTrack {
  readonly id: number;
  readonly timescale: number;
}

export function leadOf(init: FileInit): LeadTrack {
  const lead = init.tracks.find((track) => track.kind === 'video') ?? init.tracks[0];
  return { id: lead?.id ?? 0, timescale: lead?.timescale || 1 };
}

/** The `mfra` at the end of a finished file; undefined when it has none that can be used. */
async function readIndex(handle: FileHandle, init: FileInit, sizeBytes: number): Promise<SeekPoints | undefined> {
  const tail = new Uint8Array(MFRO_BYTES);
  await handle.read(tail, 0, MFRO_BYTES, Math.max(0, sizeBytes - MFRO_BYTES));
  const indexBytes = mfraSize(tail);
  if (indexBytes === undefined || indexBytes > MAX_MFRA_BYTES || indexBytes > sizeBytes) {
    return undefined;
  }
  const bytes = new Uint8Array(indexBytes);
  await handle.read(bytes, 0, indexBytes, sizeBytes - indexBytes);
  try {
    const lead = leadOf(init);
    const list = parseMfra(bytes).find((track) => track.trackId === lead.id);
    const isUsable = list?.moofOffsets.every((offset) => offset >= init.sizeBytes && offset < sizeBytes);
    if (!list || !isUsable || list.times.length === 0) {
      return undefined;
    }
    const seconds = list.times.map((time) => time / lead.timescale);
    return { seconds, offsets: [...list.moofOffsets], isComplete: true };
  } catch (error) {
    if (error instanceof PerchError) {
      return undefined;
    }
    throw error;
  }
}
