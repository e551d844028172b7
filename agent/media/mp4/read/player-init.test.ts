import { expect, test } from 'vitest';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { opusTrack } from '../../../../test/support/disks/recordings.ts';
import { tinyH264 } from '../../../../test/support/media/tiny-h264.ts';
import { h265 } from '../../../../test/support/media/video-tracks.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Track } from '../../sample/track.ts';
import { box, fourcc } from '../box/boxes.ts';
import { writeInit } from '../write/init.ts';
import { playerInit } from './player-init.ts';
import { parseInit } from './read.ts';

/** A finished recording's header: with a length, and the recorder's own box. */
function recorded(tracks: readonly Track[]): Uint8Array {
  const bytes = writeInit(tracks, box('mtxi', [1, 2, 3, 4]));
  new DataView(bytes.buffer).setUint32(parseInit(bytes)?.durationOffset ?? 0, 5_000);
  return bytes;
}

test('a header for players has no length and nothing private, and is as it was otherwise', () => {
  const init = recorded([tinyH264, opusTrack]);
  const copy = init.slice();
  const forPlayers = playerInit(init, [1, 2]);
  const withoutPrivate = writeInit([tinyH264, opusTrack]);
  expect(Buffer.from(forPlayers).toString('hex')).toBe(Buffer.from(withoutPrivate).toString('hex'));
  expect(init).toEqual(copy);
});

test('unwanted tracks are removed, with their defaults', () => {
  const init = playerInit(recorded([tinyH264, opusTrack]), [2]);
  expect(parseInit(init)?.tracks).toMatchObject([{ id: 2, kind: 'audio', codec: 'Opus' }]);
  expect(Buffer.from(init).toString('latin1').match(/trex/g)).toHaveLength(1);
});

test('hev1 becomes hvc1 if the header has the parameter sets, else it stays', () => {
  const init = recorded([h265]);
  const text = Buffer.from(init.buffer);
  const at = text.indexOf('hvc1', text.indexOf('stsd'));
  new DataView(init.buffer).setUint32(at, fourcc('hev1'));
  expect(parseInit(playerInit(init, [1]))?.tracks[0]?.codec).toBe('hvc1');
  init[text.indexOf('hvcC') + 4 + 22] = 0;
  expect(parseInit(playerInit(init, [1]))?.tracks[0]?.codec).toBe('hev1');
});

test('damaged headers give a header or a PerchError', () => {
  const init = recorded([tinyH264, h265, opusTrack]);
  const next = random(11);
  let given = 0;
  for (let i = 0; i < 3_000; i += 1) {
    try {
      expect(playerInit(mutate(init, next), [1, 2, 3]).length).toBeLessThanOrEqual(init.length + 64);
      given += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(given).toBeGreaterThan(0);
});
