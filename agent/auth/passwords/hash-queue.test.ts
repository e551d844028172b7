import { expect, test, vi } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { parseArgon2 } from './argon2.ts';
import { HashQueue } from './hash-queue.ts';

const HASH = parseArgon2('$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4');
const IP = '192.168.1.9';

/** Only the password `right` is correct; `held` ones wait until `go`. */
function setUp() {
  const clock = new FakeClock();
  const run: string[] = [];
  const held: (() => void)[] = [];
  const checks = new HashQueue(clock, async (text) => {
    run.push(text);
    if (text.startsWith('held')) {
      await new Promise<void>((resolve) => held.push(resolve));
    }
    return text === 'right';
  });
  const ask = (text: string, ip = IP) => checks.check(text, HASH, ip);
  return { clock, run, held, ask };
}

test('a right pair is not verified again for ten minutes', async () => {
  const { clock, run, ask } = setUp();
  expect([await ask('right'), await ask('right')]).toEqual([true, true]);
  expect(run).toEqual(['right']);
  await clock.advance(10 * 60_000);
  await ask('right');
  expect(run).toEqual(['right', 'right']);
});

test('concurrent players share one hash', async () => {
  const { run, ask } = setUp();
  await Promise.all(['right', 'right', 'right'].map((text) => ask(text)));
  expect(run).toEqual(['right']);
});

test('wrong pairs do not evict right ones', async () => {
  const { run, ask } = setUp();
  await ask('right');
  for (let i = 0; i < 200; i += 1) {
    await ask(`wrong ${i}`);
  }
  run.length = 0;
  await ask('right');
  expect(run).toEqual([]);
});

test('one hash runs at a time, an address has at most four waiting, and cached pairs do not wait', async () => {
  const { run, held, ask } = setUp();
  await ask('right');
  const waiting = [0, 1, 2, 3].map((i) => ask(`held ${i}`));
  await expect(ask('held 4')).rejects.toThrow('4 passwords from this address are being checked');
  const others = Array.from({ length: 13 }, (_, i) => ask(`other ${i}`, `10.0.0.${i}`));
  await expect(ask('one more', '10.0.1.1')).rejects.toThrow('waiting');
  expect(await ask('right')).toBe(true);
  expect(run).toEqual(['right', 'held 0']);
  for (const one of waiting) {
    await vi.waitFor(() => expect(held.length).toBeGreaterThan(0));
    held.shift()?.();
    expect(await one).toBe(false);
  }
  expect(await Promise.all(others)).toEqual(Array(13).fill(false));
  // A rejected attempt does not count as wrong.
  run.length = 0;
  expect(await ask('one more', '10.0.1.1')).toBe(false);
  expect(run).toEqual(['one more']);
});
