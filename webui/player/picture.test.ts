import { signal } from '@preact/signals';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MAX_BRIDGE_MS, updatePlayback, watchBridge } from './picture.tsx';
import type { PlayerView } from './player.ts';

function fakePlayer(phase: PlayerView['phase']) {
  const view = signal<PlayerView>({ phase, passed: [] });
  const to = (next: PlayerView['phase']) => {
    view.value = { phase: next, passed: [] };
  };
  return { view, to, start: vi.fn(() => to('starting')), stop: vi.fn(() => to('stopped')) };
}

test('a transferred player continues until it is known to be invisible', () => {
  const player = fakePlayer('playing');
  updatePlayback(player, true, undefined);
  expect([player.start, player.stop].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
  updatePlayback(player, true, false);
  expect(player.view.value.phase).toBe('stopped');
});

test.for([true, false, undefined])('a hidden page stops it, visible before or not: %s', (isSeen) => {
  const player = fakePlayer('playing');
  updatePlayback(player, false, isSeen);
  expect(player.view.value.phase).toBe('stopped');
});

test('nothing starts before it is known to be visible', () => {
  const player = fakePlayer('stopped');
  updatePlayback(player, true, undefined);
  expect(player.start).not.toHaveBeenCalled();
  updatePlayback(player, true, true);
  expect(player.view.value.phase).toBe('starting');
});

test('a player that waits for its slot is stopped as well', () => {
  const player = fakePlayer('stopped');
  updatePlayback(player, true, false);
  expect(player.stop).toHaveBeenCalledOnce();
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function bridged() {
  const [bridge, own] = [fakePlayer('playing'), fakePlayer('stopped')];
  const onOver = vi.fn();
  return { bridge, own, onOver, stop: watchBridge(bridge, own, onOver) };
}

test.for([
  ['the other plays', 'own', 'playing'],
  ['the other cannot be played', 'own', 'unplayable'],
  ['it cannot be played itself', 'bridge', 'unplayable'],
  ['it was stopped, because it is not visible', 'bridge', 'stopped'],
] as const)('a bridge ends when %s', ([, which, phase]) => {
  const { onOver, stop, ...players } = bridged();
  players.own.start();
  expect(onOver).not.toHaveBeenCalled();
  players[which].to(phase);
  expect(onOver).toHaveBeenCalled();
  stop();
});

test('a bridge to nothing ends after some seconds, and a removed one ends nothing', () => {
  const { onOver } = bridged();
  const other = bridged();
  other.stop();
  vi.advanceTimersByTime(MAX_BRIDGE_MS - 1);
  expect(onOver).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  other.own.to('playing');
  expect([onOver, other.onOver].map(({ mock }) => mock.calls.length)).toEqual([1, 0]);
});
