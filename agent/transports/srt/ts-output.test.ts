import { expect, test } from 'vitest';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { readTs } from '../../../test/support/media/ts-packets.ts';
import { mjpeg } from '../../../test/support/media/video-tracks.ts';
import type { AudioTrack } from '../../media/sample/track.ts';
import { TsOutput } from './ts-output.ts';

const mp3: AudioTrack = {
  ...{ kind: 'audio', codec: 'mpeg-audio', clockRate: 90_000, version: 1, layer: 3, sampleRate: 44_100, channels: 2 },
};
const sound = (pts: number) => ({ pts, dts: pts, wall: 0, key: true, data: new Uint8Array(100) });

function outputOf(tracks: ConstructorParameters<typeof TsOutput>[0]) {
  const sent: Uint8Array[] = [];
  const state = { isFull: false };
  const output = new TsOutput(
    tracks,
    (bytes, start, end) => void sent.push(bytes.slice(start, end)),
    () => state.isFull,
  );
  return { output, state, sent, order: () => readTs(Buffer.concat(sent)).order };
}

test('a reader begins with tables and a key picture; sound before it is left out', () => {
  const { output, sent, order } = outputOf([mp3, tinyH264]);
  const [key, next] = tinyVideo(2, 10, 10);
  output.onSample(0, sound(0));
  if (key && next) {
    output.onSample(1, next);
    output.onSample(1, key);
    output.onSample(1, { ...next, dts: next.dts + 1 });
  }
  output.onSample(0, sound(10));
  expect(order().slice(0, 2)).toEqual(['pat', 'pmt']);
  expect(order().filter((one) => typeof one === 'number')).toHaveLength(3);
  expect(sent.every(({ length }) => length % 188 === 0)).toBe(true);
});

test('a stream of sound alone begins at once, with tables twice a second', () => {
  const { output, order } = outputOf([mp3]);
  for (let pts = 0; pts < 90_000; pts += 9_000) {
    output.onSample(0, sound(pts));
  }
  expect(order().filter((one) => one === 'pat')).toHaveLength(2);
});

test('a reader that is too slow continues with the next key picture', () => {
  const { output, state, order } = outputOf([tinyH264]);
  const pictures = tinyVideo(6, 10, 3);
  for (const [i, picture] of pictures.entries()) {
    state.isFull = i === 1;
    output.onSample(0, picture);
  }
  expect(order().filter((one) => typeof one === 'number')).toHaveLength(1 + 3);
  expect(output.discarded).toBe(2);
});

test('tracks that MPEG-TS cannot carry are left out; a stream without others is rejected', () => {
  const { output, order } = outputOf([mjpeg, mp3]);
  output.onSample(0, sound(0));
  output.onSample(1, sound(0));
  expect(order().filter((one) => typeof one === 'number')).toHaveLength(1);
  expect(() => outputOf([mjpeg])).toThrow('MPEG-TS can carry no track of the stream: M-JPEG');
});
