import { expect, test } from 'vitest';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { TAG } from '../../media/flv/codes.ts';
import type { Sample } from '../../media/sample/sample.ts';
import { FILE_FRAMING } from '../../servers/rtmp/flv-server.ts';
import { Stream } from '../../stream/stream.ts';
import { FlvPackets } from './packets.ts';

/** FLV specification §E.4.1. */
function tagsOf(bytes: Buffer): (readonly [type: number, ms: number, isConfiguration: boolean])[] {
  const tags: (readonly [number, number, boolean])[] = [];
  for (let at = 0; at + 11 <= bytes.length; ) {
    const isConfiguration = bytes[at] === TAG.video && bytes[at + 12] === 0;
    tags.push([bytes.readUInt8(at), bytes.readUIntBE(at + 4, 3), isConfiguration]);
    at += 11 + bytes.readUIntBE(at + 1, 3) + 4;
  }
  return tags;
}

function viewer() {
  const tags: (readonly [number, number, boolean])[] = [];
  return {
    tags,
    onHeaders: (bytes: Buffer) => void tags.push(...tagsOf(bytes)),
    onChunk: (chunk: Buffer) => {
      tags.push(...tagsOf(chunk));
      return false;
    },
    onEnd: () => {},
  };
}

const packetsOf = (stream: Stream) => FlvPackets.of(stream, FILE_FRAMING, { fourCcs: [], hasMultitrack: false });
const isConfiguration = ([, , is]: readonly [number, number, boolean]): boolean => is;

test('a viewer that waits for a key picture gets the configuration of that one', () => {
  const stream = new Stream([tinyH264]);
  const waiting = viewer();
  packetsOf(stream).join(waiting);
  stream.setTrack(0, { ...tinyH264, width: 96 });
  stream.write(0, tinyVideo(1, 25, 1)[0] as Sample);
  expect(waiting.tags.filter(isConfiguration)).toHaveLength(2);
  expect(waiting.tags.at(-1)).toEqual([TAG.video, 0, false]);
});

test('a configuration within the stream has the time of its place', () => {
  const stream = new Stream([tinyH264]);
  const one = viewer();
  packetsOf(stream).join(one);
  const [key, next] = tinyVideo(10, 25, 5, 900_000).filter((_, i) => i % 5 === 0) as [Sample, Sample];
  stream.write(0, key);
  stream.setTrack(0, { ...tinyH264, width: 96 });
  stream.write(0, next);
  const times = one.tags.map(([, ms]) => ms);
  expect(one.tags.filter(isConfiguration).map(([, ms]) => ms)).toEqual([0, 10_000]);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});
