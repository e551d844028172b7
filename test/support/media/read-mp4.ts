import { fourccText } from '../../../agent/media/mp4/box/boxes.ts';
import { type BoxLocation, boxAt, childrenOf, viewOf } from '../../../agent/media/mp4/box/walk.ts';
import { parseInit } from '../../../agent/media/mp4/read/read.ts';

/** A sample as a player finds it. */
export interface PlainSample {
  /** Ticks of the track from the start of the presentation: edit list and all. */
  readonly decodeTime: number;
  readonly shownTime: number;
  readonly duration: number;
  readonly isSync: boolean;
  readonly data: Buffer;
}

/** The tracks of a plain MP4 file by id, read sample by sample from its tables. */
export function readPlainMp4(bytes: Buffer): ReadonlyMap<number, readonly PlainSample[]> {
  const view = viewOf(bytes);
  const tracks = new Map<number, readonly PlainSample[]>();
  const init = parseInit(bytes);
  const tops: BoxLocation[] = [];
  for (let at = 0; at < bytes.length; ) {
    const top = boxAt(view, at, bytes.length) as BoxLocation;
    tops.push(top);
    at = top.end;
  }
  const moov = tops.find(({ type }) => fourccText(type) === 'moov') as BoxLocation;
  const traks = childrenOf(view, moov).filter(({ type }) => fourccText(type) === 'trak');
  for (const [i, trak] of traks.entries()) {
    const track = init?.tracks[i];
    tracks.set(track?.id ?? 0, readTrack(bytes, view, trak, track?.timescale ?? 1));
  }
  return tracks;
}

function readTrack(bytes: Buffer, view: DataView, trak: BoxLocation, timescale: number): PlainSample[] {
  const within = (parent: BoxLocation, name: string) =>
    childrenOf(view, parent).find(({ type }) => fourccText(type) === name);
  const stbl = ['mdia', 'minf', 'stbl'].reduce((box, name) => within(box, name) as BoxLocation, trak);
  const table = (name: string) => {
    const place = within(stbl, name);
    return place && bytes.subarray(place.bodyStart + 4, place.end);
  };
  const durations = expand(table('stts') as Buffer);
  const offsets = table('ctts') && expand(table('ctts') as Buffer);
  const stsz = table('stsz') as Buffer;
  const stss = table('stss');
  const syncs = stss && new Set(words(stss, 4));
  const places = placesOf(table('stsc') as Buffer, table('stco'), table('co64'), stsz);
  const edts = within(trak, 'edts');
  const { delay, mediaTime } = edts
    ? editOf(view, within(edts, 'elst') as BoxLocation, timescale)
    : { delay: 0, mediaTime: 0 };
  let time = delay - mediaTime;
  return places.map((place, i) => {
    const duration = durations[i] as number;
    const sizeBytes = sizeAt(stsz, i);
    const sample = {
      decodeTime: time,
      shownTime: time + (offsets ? (offsets[i] as number) | 0 : 0),
      duration,
      isSync: !syncs || syncs.has(i + 1),
      data: bytes.subarray(place, place + sizeBytes),
    };
    time += duration;
    return sample;
  });
}

/** Size of a sample: `stsz` has one for all samples, or one for each. */
const sizeAt = (stsz: Buffer, sample: number): number => stsz.readUInt32BE(0) || stsz.readUInt32BE(8 + sample * 4);

const words = (bytes: Buffer, from: number): number[] =>
  Array.from({ length: (bytes.length - from) >> 2 }, (_, i) => bytes.readUInt32BE(from + i * 4));

/** Expands pairs of count and value. */
function expand(table: Buffer): number[] {
  const pairs = words(table, 4);
  return pairs.flatMap((count, i) => (i % 2 === 0 ? Array<number>(count).fill(pairs[i + 1] as number) : []));
}

function placesOf(stsc: Buffer, stco: Buffer | undefined, co64: Buffer | undefined, stsz: Buffer): number[] {
  const chunks = co64
    ? Array.from({ length: co64.readUInt32BE(0) }, (_, i) => Number(co64.readBigUInt64BE(4 + i * 8)))
    : words(stco as Buffer, 4);
  const entries = words(stsc, 4);
  const places: number[] = [];
  let count = 0;
  for (const [i, chunk] of chunks.entries()) {
    const entry = entries.findIndex((first, k) => k % 3 === 0 && first === i + 1);
    count = entry >= 0 ? (entries[entry + 1] as number) : count;
    let at = chunk;
    for (let k = 0; k < count; k += 1) {
      places.push(at);
      at += sizeAt(stsz, places.length - 1);
    }
  }
  return places;
}

/** An empty edit first, or none, and then one that plays: as in Perch's own files. */
function editOf(view: DataView, elst: BoxLocation, timescale: number): { delay: number; mediaTime: number } {
  const count = view.getUint32(elst.bodyStart + 4);
  const at = elst.bodyStart + 8 + (count - 1) * 20;
  const waitTicks = count === 2 ? Number(view.getBigUint64(elst.bodyStart + 8)) : 0;
  return { delay: Math.round((waitTicks * timescale) / 90_000), mediaTime: Number(view.getBigInt64(at + 8)) };
}
