import type { Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { keepPulse } from './box-link.ts';

const PONG = Uint8Array.of(0x8a, 0);

function begin() {
  const clock = new FakeClock();
  const [ours, theirs] = duplexPair();
  const box = { hangs: false, pings: 0, lost: 0 };
  theirs.on('data', () => {
    box.pings += 1;
    if (!box.hangs) {
      theirs.write(PONG);
    }
  });
  keepPulse(ours as Socket, clock, () => {
    box.lost += 1;
  });
  return { clock, box };
}

test('a box that answers is pinged every five seconds and not lost', async () => {
  const { clock, box } = begin();
  for (let ping = 1; ping <= 12; ping += 1) {
    await clock.advance(5_000);
    expect(box).toEqual({ hangs: false, pings: ping, lost: 0 });
  }
});

test('a box without an answer by the next ping is lost', async () => {
  const { clock, box } = begin();
  await clock.advance(5_000);
  box.hangs = true;
  await clock.advance(5_000);
  expect(box).toMatchObject({ pings: 2, lost: 0 });
  await clock.advance(5_000);
  expect(box).toMatchObject({ pings: 2, lost: 1 });
  await clock.advance(60_000);
  expect(box).toMatchObject({ pings: 2, lost: 1 });
});
