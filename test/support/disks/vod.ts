import { createHash, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { silentLogger } from '../../../agent/base/log.ts';
import { HiddenRanges } from '../../../agent/playback/index/hidden-ranges.ts';
import { TableCache } from '../../../agent/playback/read/table-cache.ts';
import { parseResourceUri, RecordedPeriods, type RowOfRecording } from '../../../agent/playback/vod/recorded-period.ts';
import { RecordedStreams } from '../../../agent/playback/vod/recorded-streams.ts';
import { FragmentWalk, readInit } from '../../../agent/record/file/fragment-walk.ts';

/** Streams made of the given recordings of a path `cam`, which replace an index. @param wallMs the current time */
export function openStreams(rows: readonly RowOfRecording[], wallMs: () => number = Date.now): RecordedStreams {
  const tables = new TableCache(() => true);
  const recordings = {
    hidden: new HiddenRanges(),
    between: async (_: string, _fromUs: number, toUs: number) => rows.filter(({ startUs }) => startUs <= toUs),
    named: async (_: string, nameUs: number) => rows.filter((row) => row.nameUs === nameUs),
  };
  const periods = new RecordedPeriods(recordings, tables, silentLogger);
  return new RecordedStreams(periods, tables, wallMs);
}

/** A segment of a playlist. */
export interface ListedSegment {
  readonly seconds: number;
  readonly uri: string;
  readonly start: number;
  readonly end: number;
  /** Value of EXT-X-MAP: URI and size of the header. */
  readonly map: string;
  readonly isDiscontinuity: boolean;
  readonly programDateTime: string | undefined;
}

export function readPlaylist(text: string): { readonly tags: Map<string, string>; readonly segments: ListedSegment[] } {
  const tags = new Map<string, string>();
  const segments: ListedSegment[] = [];
  let [map, seconds, range] = ['', 0, [0, 0]];
  let isDiscontinuity = false;
  let programDateTime: string | undefined;
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = /^#([A-Z0-9-]+):?(.*)$/.exec(line) ?? [];
    if (name === 'EXT-X-MAP') {
      map = value;
    } else if (name === 'EXTINF') {
      seconds = Number.parseFloat(value);
    } else if (name === 'EXT-X-BYTERANGE') {
      const [length = 0, start = 0] = value.split('@').map(Number);
      range = [start, start + length];
    } else if (name === 'EXT-X-DISCONTINUITY') {
      isDiscontinuity = true;
    } else if (name === 'EXT-X-PROGRAM-DATE-TIME') {
      programDateTime = value;
    } else if (name !== '') {
      tags.set(name, value);
    } else if (line !== '') {
      segments.push({
        seconds,
        uri: line,
        start: range[0] ?? 0,
        end: range[1] ?? 0,
        map,
        isDiscontinuity,
        programDateTime,
      });
      isDiscontinuity = false;
      programDateTime = undefined;
    }
  }
  return { tags, segments };
}

/** A whole resource of a playlist. */
export async function resourceBytes(streams: RecordedStreams, uri: string): Promise<Buffer> {
  const address = parseResourceUri(uri);
  if (!address) {
    throw new Error(`${uri} is no address of a recording`);
  }
  const { resource } = await streams.resource('cam', address);
  return buffer(resource.read(0, resource.sizeBytes));
}

export interface ReadSample {
  readonly trackId: number;
  /** Decode time in ticks. */
  readonly time: number;
  readonly duration: number;
  readonly compositionOffset: number;
  readonly isSync: boolean;
  /** A hash of its bytes. */
  readonly data: string;
}

export const hashOf = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex').slice(0, 12);

/** Every sample of a fragmented file, as a player reads it. */
export async function readSamples(folder: string, bytes: Uint8Array): Promise<ReadSample[]> {
  const file = join(folder, `read-${randomUUID()}`);
  writeFileSync(file, bytes);
  const handle = await open(file);
  try {
    const init = await readInit(handle, bytes.length);
    const walk = new FragmentWalk(handle, init, bytes.length);
    const samples: ReadSample[] = [];
    for (let placed = await walk.next(); placed; placed = await walk.next()) {
      for (const run of placed.fragment.runs) {
        let [time, at] = [run.baseTime, placed.offset + run.dataOffset];
        for (let i = 0; i < run.count; i += 1) {
          const [size, duration] = [run.sizes[i] ?? 0, run.durations[i] ?? 0];
          const data = hashOf(bytes.subarray(at, at + size));
          const compositionOffset = run.compositionOffsets?.[i] ?? 0;
          samples.push({ trackId: run.trackId, time, duration, compositionOffset, isSync: run.isSync(i), data });
          time += duration;
          at += size;
        }
      }
    }
    return samples;
  } finally {
    await handle.close();
  }
}
