import { expect, test } from 'vitest';
import type { CardRecording } from '../../../onvif/recordings/card-recordings.ts';
import { type Channel, channelOf, channelsOf } from './channels.ts';

const MINUTE_MS = 60_000;

/** Minutes. */
const recording = (token: string, name: string, from: number, until: number, source = 'profile'): CardRecording => ({
  ...{ token, name, source, fromMs: from * MINUTE_MS, untilMs: until * MINUTE_MS, isRecording: false, tracks: [] },
});
const shown = (all: readonly CardRecording[]) =>
  channelsOf(all).map(({ name, recordings }) => [name, recordings.map(({ token }) => token)]);

test('files of one camera are one channel, oldest first', () => {
  expect(shown([recording('b', 'Yard', 9.9, 20), recording('a', 'Yard', 0, 10)])).toEqual([['Yard', ['a', 'b']]]);
});

test('sources, and names of one source, are channels of their own', () => {
  const all = [
    recording('1', 'Yard', 0, 10, 'one'),
    recording('2', 'Gate', 0, 10, 'two'),
    recording('3', 'Door', 0, 10, 'two'),
  ];
  expect(shown(all).map(([name]) => name)).toEqual(['Door', 'Gate', 'Yard']);
});

test('recordings of the same time are channels, also where a recorder names them alike', () => {
  expect(shown([recording('ch1', 'Camera', 0, 60), recording('ch2', 'Camera', 5, 60)])).toEqual([
    ['Camera ch1', ['ch1']],
    ['Camera ch2', ['ch2']],
  ]);
  expect(shown([recording('x', 'Camera', 0, 60, 'one'), recording('y', 'Camera', 0, 60, 'two')])).toEqual([
    ['Camera x', ['x']],
    ['Camera y', ['y']],
  ]);
});

test('a channel stays the same where recordings overlap otherwise at the next listing', () => {
  const before = [recording('ch1', 'Camera', 0, 10), recording('ch2', 'Camera', 10, 20)];
  const after = [
    recording('ch1', 'Camera', 0, 30),
    recording('ch2', 'Camera', 10, 30),
    recording('ch3', 'Camera', 0, 30),
  ];
  const tokensOf = (channel: Channel | undefined) => channel?.recordings.map(({ token }) => token);
  const key = channelsOf(before)[0]?.key ?? '';
  expect(tokensOf(channelOf(channelsOf(after), key, ['ch1', 'ch2']))).toEqual(['ch1', 'ch2']);
  expect(channelOf(channelsOf(after), key)).toBeUndefined();
  const single = channelsOf(after).find(({ recordings }) => recordings[0]?.token === 'ch2')?.key ?? '';
  expect(channelOf(channelsOf(before), single)).toMatchObject({
    key: single,
    name: 'Camera',
    recordings: [{ token: 'ch2' }],
  });
  expect(channelOf(channelsOf(before), 'token|gone')).toBeUndefined();
});

test('a channel has the same key at each listing', () => {
  const all = [recording('a', 'Yard', 0, 10), recording('b', 'Yard', 10, 20)];
  expect(channelsOf(all)[0]?.key).toBe(channelsOf([...all, recording('c', 'Yard', 20, 30)])[0]?.key);
});
