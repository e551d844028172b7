import { sampleEntry } from '../../../agent/media/codecs.ts';
import { box, type Fields, fullBox, text, u16, u32, zeros } from '../../../agent/media/mp4/box/boxes.ts';
import type { Track } from '../../../agent/media/sample/track.ts';

export interface PlainTrack {
  readonly track: Track;
  readonly timescale: number;
  readonly samples: readonly {
    readonly data: Uint8Array;
    readonly isKey: boolean;
    readonly ticks: number;
    /** Presentation minus decode time. */
    readonly offset?: number;
  }[];
  /** Length in milliseconds and media time in ticks (-1: empty) of each edit. */
  readonly edits?: readonly (readonly [lengthMs: number, mediaTime: number])[];
}

const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** An MP4 file without fragments: `ftyp`, `mdat`, `moov`; tracks take turns in chunks of three samples. */
export function plainMp4(tracks: readonly PlainTrack[]): Uint8Array {
  const ftyp = box('ftyp', text('isom'), u32(0), text('isom'));
  const parts: Uint8Array[] = [];
  const places: number[][] = tracks.map(() => []);
  let at = ftyp.length + 8;
  const most = Math.max(...tracks.map(({ samples }) => samples.length));
  for (let first = 0; first < most; first += 3) {
    for (const [i, { samples }] of tracks.entries()) {
      const chunk = samples.slice(first, first + 3);
      if (chunk.length > 0) {
        places[i]?.push(at);
      }
      for (const { data } of chunk) {
        parts.push(data);
        at += data.length;
      }
    }
  }
  const mdat = concat(Uint8Array.from([...u32(at - ftyp.length), ...text('mdat')]), ...parts);
  const mvhd = fullBox('mvhd', 0, 0, zeros(8), u32(1_000), u32(0), zeros(80));
  const traks = tracks.map((track, i) => trak(track, i + 1, places[i] ?? []));
  return concat(ftyp, mdat, box('moov', mvhd, ...traks));
}

function trak({ track, timescale, samples, edits }: PlainTrack, id: number, places: readonly number[]): Uint8Array {
  const list = (edits ?? []).map(([lengthMs, mediaTime]) => [
    ...u32(lengthMs),
    ...u32(mediaTime >>> 0),
    ...u32(0x10000),
  ]);
  const edts = list.length > 0 ? [box('edts', fullBox('elst', 0, 0, u32(list.length), ...list))] : [];
  const tables: Uint8Array[] = [
    fullBox('stsd', 0, 0, u32(1), sampleEntry(track) ?? []),
    fullBox('stts', 0, 0, u32(samples.length), ...samples.map(({ ticks }): Fields => [...u32(1), ...u32(ticks)])),
    fullBox('ctts', 0, 0, u32(samples.length), ...samples.map(({ offset = 0 }) => [...u32(1), ...u32(offset >>> 0)])),
    fullBox('stss', 0, 0, ...keyNumbers(samples.map(({ isKey }) => isKey))),
    fullBox('stsc', 0, 0, ...chunkRuns(samples.length)),
    fullBox('stsz', 0, 0, u32(0), u32(samples.length), ...samples.map(({ data }) => u32(data.length))),
    fullBox('stco', 0, 0, u32(places.length), ...places.map((place) => u32(place))),
  ];
  const handler = track.kind === 'video' ? 'vide' : 'soun';
  const mdia = box(
    'mdia',
    fullBox('mdhd', 0, 0, zeros(8), u32(timescale), u32(0), u16(0x55c4), u16(0)),
    fullBox('hdlr', 0, 0, zeros(4), text(handler), zeros(13)),
    box('minf', box('stbl', ...tables)),
  );
  return box('trak', fullBox('tkhd', 0, 3, zeros(8), u32(id), zeros(68)), ...edts, mdia);
}

function keyNumbers(keys: readonly boolean[]): Fields[] {
  const numbers = keys.flatMap((isKey, i) => (isKey ? [i + 1] : []));
  return [u32(numbers.length), ...numbers.map((number) => u32(number))];
}

/** Three samples in each chunk, the rest in the last one. */
function chunkRuns(samples: number): Fields[] {
  const rest = samples % 3;
  const full = { first: 1, count: 3, is: samples >= 3 };
  const last = { first: Math.floor(samples / 3) + 1, count: rest, is: rest > 0 };
  const runs = [full, last].filter(({ is }) => is);
  return [u32(runs.length), ...runs.map(({ first, count }) => [...u32(first), ...u32(count), ...u32(1)])];
}
