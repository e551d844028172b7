import { expect, test } from 'vitest';
import { configOf } from '../../../test/support/harness/servers/path-table-of.ts';
import { H264_PPS, H264_SPS } from '../../../test/support/media/tiny-streams.ts';
import { hex } from '../../../test/support/media/units.ts';
import { h264Track } from '../../media/h264/params.ts';
import { Stream } from '../../stream/stream.ts';
import type { TrackMotion } from './detection/track-motion.ts';
import { settingsOf, type Turn, WatchedStream } from './watched-stream.ts';

/** A stream of a picture each second, whose detector finds what the test says. */
function watched() {
  const state = { isMoving: false, isTurning: false, isStill: false, zones: 0b11 };
  const turns: Turn[] = [];
  const motion = {
    isMoving: false,
    get zones() {
      return state.zones;
    },
    add: () => {
      motion.isMoving = state.isMoving;
    },
    restart: () => {
      state.zones = 0b10;
      return !state.isStill;
    },
  };
  const stream = new Stream([h264Track(hex(H264_SPS), [hex(H264_PPS)])], { isOnDemand: false });
  const reader = new WatchedStream({
    ...{ name: 'yard', stream, track: 0, clock: { wallMs: () => 0 } },
    makeDetector: () => motion as unknown as TrackMotion,
    seconds: { at: () => {}, end: () => {}, close: () => {} },
    isWithin: () => true,
    isTurning: () => state.isTurning,
    ended: () => {},
    report: (turn) => turns.push(turn),
    failed: () => '',
  });
  const paths = '  yard: {motionSource: stream, motionZones: ["Drive: 0,0 1,0 1,1", "Lawn: 0,0 1,0 0,1"]}';
  const { settings } = configOf(paths).paths.get('yard') ?? {};
  if (settings) {
    reader.settings = settingsOf(settings);
  }
  let second = 0;
  const film = (news: Partial<typeof state>) => {
    Object.assign(state, news);
    second += 1;
    const data = new Uint8Array(4);
    stream.write(0, { pts: 90_000 * second, dts: 90_000 * second, wall: 1_000 * second, key: true, data });
    return turns.splice(0).map(({ kind, zones }) => `${kind} ${zones.join()}`);
  };
  return { film };
}

test('motion that goes on after the camera was turned is in the zones where it is then', () => {
  const { film } = watched();
  expect(film({ isTurning: true })).toEqual([]);
  expect(film({ isMoving: true })).toEqual([]);
  expect(film({ isTurning: false })).toEqual(['begin Lawn']);
  expect(film({ isMoving: false })).toEqual(['end Lawn']);
  // Other motion is not counted anew.
  expect(film({ zones: 0b11 })).toEqual([]);
  expect(film({ isMoving: true })).toEqual(['begin Drive,Lawn']);
});

test('the rest of the motion of a turn begins no event', () => {
  const { film } = watched();
  film({ isTurning: true, isMoving: true });
  expect(film({ isTurning: false, isStill: true })).toEqual([]);
  expect(film({ isStill: false })).toEqual(['begin Lawn']);
});
