import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { EndedSessions } from './ended-sessions.ts';

test('the reason of an end is known for a minute, and not when the peer has ended it itself', async () => {
  const clock = new FakeClock();
  const ended = new EndedSessions(clock);
  ended.remember('a', 'the stream has ended', 'forNow');
  ended.remember('b', 'closed by the viewer', 'byPeer');
  await clock.advance(60_000);
  ended.tick();
  expect(ended.find('a')).toMatchObject({ reason: 'the stream has ended', end: 'forNow' });
  expect(ended.find('b')).toBeUndefined();
  await clock.advance(1);
  expect(ended.find('a')).toBeUndefined();
});

test('the newest five hundred are remembered', () => {
  const ended = new EndedSessions(new FakeClock());
  for (let i = 0; i < 10_000; i += 1) {
    ended.remember(String(i), 'the server is closing', 'forNow');
  }
  expect(ended.find('9499')).toBeUndefined();
  expect(ended.find('9500')).toMatchObject({ reason: 'the server is closing' });
});
