import { PerchError } from '../../../base/errors.ts';
import { fourcc } from '../box/boxes.ts';
import { bodyOfFirst, boxAt, childrenOf, uint64, viewOf } from '../box/walk.ts';
import type { Mp4Track } from './read-track.ts';
import { SampleList } from './sample-list.ts';

/** The boxes of a track that `Mp4Track` does not have: views. */
interface TrackTables {
  readonly trackId: number;
  /** The boxes of `stbl`. */
  readonly stbl: Uint8Array;
  /** The body of `elst`; empty: none. */
  readonly edits: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** @param moov the whole box, which `parseInit` has taken */
export function tablesOf(moov: Uint8Array, { id: trackId }: Pick<Mp4Track, 'id'>): TrackTables {
  const view = viewOf(moov);
  const top = boxAt(view, 0, moov.length);
  for (const trak of top ? childrenOf(view, top) : []) {
    const body = moov.subarray(trak.bodyStart, trak.end);
    const tkhd = trak.type === fourcc('trak') ? bodyOfFirst(body, fourcc('tkhd'), 24) : undefined;
    if (tkhd && viewOf(tkhd).getUint32(tkhd[0] === 1 ? 20 : 12) === trackId) {
      return { trackId, stbl: inside(body, 'mdia', 'minf', 'stbl'), edits: inside(body, 'edts', 'elst') };
    }
  }
  return { trackId, stbl: NOTHING, edits: NOTHING };
}

const inside = (boxes: Uint8Array, ...names: readonly string[]): Uint8Array =>
  names.reduce((found, name) => bodyOfFirst(found, fourcc(name), 0) ?? NOTHING, boxes);

/** A table after version, flags and the number of its entries. */
interface Table {
  readonly view: DataView;
  readonly count: number;
}

const ENTRIES_AT = 8;

/**
 * The samples of a track in a file without fragments: ISO/IEC 14496-12 §8.6.1 (times), §8.6.2 (key samples), §8.7 (sizes, places).
 * @throws PerchError badInput, unsupported
 */
export function readSampleTable({ trackId, stbl: boxes }: TrackTables): SampleList {
  const list = new SampleList();
  const sizes = sizesOf(trackId, boxes);
  const short = tableOf(boxes, 'stco', 4);
  const chunks = short ?? tableOf(boxes, 'co64', 8);
  const chunkBytes = short ? 4 : 8;
  const times = new RunReader(tableOf(boxes, 'stts', 8));
  const offsets = new RunReader(tableOf(boxes, 'ctts', 8));
  const keys = new KeyReader(tableOf(boxes, 'stss', 4));
  const perChunk = new ChunkReader(tableOf(boxes, 'stsc', 12), trackId);
  let time = 0;
  for (let chunk = 0; chunk < (chunks?.count ?? 0) && list.count < sizes.count; chunk += 1) {
    const at = ENTRIES_AT + chunk * chunkBytes;
    const { view } = chunks as Table;
    let offset = chunkBytes === 4 ? view.getUint32(at) : uint64(view, at);
    for (let left = perChunk.next(chunk + 1); left > 0 && list.count < sizes.count; left -= 1) {
      const size = sizes.at(list.count);
      list.add(offset, size, time, offsets.next() | 0, keys.isKey(list.count + 1));
      offset += size;
      time += times.next();
    }
  }
  if (list.count < sizes.count) {
    throw new PerchError('badInput', `MP4 track ${trackId} has ${sizes.count} samples, but chunks for ${list.count}`);
  }
  list.endTicks = time;
  return list;
}

function tableOf(boxes: Uint8Array, name: string, entryBytes: number): Table | undefined {
  const body = bodyOfFirst(boxes, fourcc(name), ENTRIES_AT);
  if (!body) {
    return undefined;
  }
  const view = viewOf(body);
  const count = view.getUint32(4);
  if (count > (body.length - ENTRIES_AT) / entryBytes) {
    throw new PerchError('badInput', `MP4 box '${name}' of ${body.length} bytes is too short for ${count} entries`);
  }
  return { view, count };
}

/** Sample sizes, §8.7.3.2: one size for all samples, or a table. */
function sizesOf(trackId: number, stbl: Uint8Array): { readonly count: number; at(i: number): number } {
  const body = bodyOfFirst(stbl, fourcc('stsz'), 12);
  if (!body) {
    throw new PerchError('unsupported', `MP4 track ${trackId} has no 'stsz'`);
  }
  const view = viewOf(body);
  const size = view.getUint32(4);
  const count = view.getUint32(8);
  if (size === 0 && count > (body.length - 12) / 4) {
    throw new PerchError('badInput', `MP4 box 'stsz' of ${body.length} bytes is too short for ${count} entries`);
  }
  return { count, at: (i) => (size === 0 ? view.getUint32(12 + 4 * i) : size) };
}

/** Runs of samples with the same value: `stts`, `ctts`. */
class RunReader {
  readonly #table: Table | undefined;
  #entry = 0;
  #left = 0;
  #value = 0;

  constructor(table: Table | undefined) {
    this.#table = table;
  }

  /** Value of the next sample; after the end of the table, the last value. */
  next(): number {
    const { view, count } = this.#table ?? { count: 0 };
    while (view && this.#left === 0 && this.#entry < count) {
      const at = ENTRIES_AT + 8 * this.#entry;
      this.#left = view.getUint32(at);
      this.#value = view.getUint32(at + 4);
      this.#entry += 1;
    }
    this.#left = Math.max(0, this.#left - 1);
    return this.#value;
  }
}

/** `stss`; without it all samples are key samples. */
class KeyReader {
  readonly #table: Table | undefined;
  #entry = 0;

  constructor(table: Table | undefined) {
    this.#table = table;
  }

  /** @param number from 1, ascending */
  isKey(number: number): boolean {
    if (!this.#table) {
      return true;
    }
    const { view, count } = this.#table;
    while (this.#entry < count && view.getUint32(ENTRIES_AT + 4 * this.#entry) < number) {
      this.#entry += 1;
    }
    return this.#entry < count && view.getUint32(ENTRIES_AT + 4 * this.#entry) === number;
  }
}

/** `stsc`: samples of each chunk. */
class ChunkReader {
  readonly #table: Table | undefined;
  readonly #trackId: number;
  #entry = 0;
  #samples = 0;

  constructor(table: Table | undefined, trackId: number) {
    this.#table = table;
    this.#trackId = trackId;
  }

  /** @param chunk from 1, ascending */
  next(chunk: number): number {
    const { view, count } = this.#table ?? { count: 0 };
    while (view && this.#entry < count && view.getUint32(ENTRIES_AT + 12 * this.#entry) <= chunk) {
      const at = ENTRIES_AT + 12 * this.#entry;
      this.#samples = view.getUint32(at + 4);
      const description = view.getUint32(at + 8);
      if (description !== 1) {
        const message = `MP4 track ${this.#trackId} changes its format in the middle (description ${description})`;
        throw new PerchError('unsupported', message);
      }
      this.#entry += 1;
    }
    return this.#samples;
  }
}

/** What an edit list presents of a track, in ticks of the track: §8.6.6. */
export interface EditedSpan {
  /** Empty presentation before it, from the start of the movie. */
  readonly emptyTicks: number;
  /** Media time at which presentation begins. */
  readonly startTicks: number;
  /** Undefined: to the end. */
  readonly lengthTicks: number | undefined;
}

/** The span that an edit list presents; of several edits, the first one with media counts. */
export function editedSpan({ edits }: TrackTables, timescale: number, movieTimescale: number): EditedSpan {
  const whole = { emptyTicks: 0, startTicks: 0, lengthTicks: undefined };
  if (edits.length < ENTRIES_AT || movieTimescale === 0) {
    return whole;
  }
  const view = viewOf(edits);
  const is64 = view.getUint8(0) === 1;
  const entryBytes = is64 ? 20 : 12;
  const count = Math.min(view.getUint32(4), Math.floor((edits.length - ENTRIES_AT) / entryBytes));
  let emptyTicks = 0;
  for (let i = 0; i < count; i += 1) {
    const at = ENTRIES_AT + entryBytes * i;
    const length = ((is64 ? uint64(view, at) : view.getUint32(at)) * timescale) / movieTimescale;
    const startTicks = is64 ? Number(view.getBigInt64(at + 8)) : view.getInt32(at + 4);
    if (startTicks >= 0) {
      // ffmpeg writes a length of 0 into fragmented files: to the end.
      return { emptyTicks, startTicks, lengthTicks: length > 0 ? length : undefined };
    }
    emptyTicks += length;
  }
  return whole;
}
