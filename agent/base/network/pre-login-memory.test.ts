import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { random } from '../../../test/support/base/random.ts';
import { PreLoginMemory } from './pre-login-memory.ts';

function memoryOf(limitBytes: number) {
  const lines: unknown[] = [];
  const clock = new FakeClock();
  const memory = new PreLoginMemory(clock, { warn: (facts: unknown) => void lines.push(facts) } as never, limitBytes);
  const closed: string[] = [];
  const open = (name: string, ip: string, bytes: number) => {
    const share = memory.open(ip, () => closed.push(name));
    share.hold(bytes);
    return share;
  };
  return { memory, clock, lines, closed, open };
}

test('the oldest clients of the address with the most are closed, and no others', () => {
  const { memory, closed, open, lines } = memoryOf(100);
  open('honest', '192.0.2.1', 30);
  open('first', '192.0.2.9', 25);
  open('second', '192.0.2.9', 25);
  open('third', '192.0.2.9', 25);
  expect([closed, memory.bytes]).toEqual([['first'], 80]);
  open('another', '192.0.2.2', 40);
  expect([closed, memory.bytes]).toEqual([['first', 'second'], 95]);
  expect(lines).toEqual([{ address: '192.0.2.9', closed: 1, limitBytes: 100 }]);
});

test('a client of a new address is accepted, although many others hold as much', () => {
  const { closed, open } = memoryOf(100);
  for (let i = 0; i < 10; i += 1) {
    open(`stranger ${i}`, `198.51.100.${i}`, 10);
  }
  open('honest', '192.0.2.1', 10);
  expect(closed).toEqual(['stranger 0']);
});

test('an accepted, closed or departed client holds no place, whatever it sends later', () => {
  const { memory, closed, open } = memoryOf(100);
  const shares = [open('a', '192.0.2.1', 60), open('b', '192.0.2.2', 30), open('c', '192.0.2.1', 20)];
  expect(closed).toEqual(['a']);
  for (const share of shares) {
    share.end();
    share.hold(1_000);
    share.end();
  }
  expect([closed, memory.bytes]).toEqual([['a'], 0]);
});

test('a client that alone exceeds the limit is closed', () => {
  const { memory, closed, open } = memoryOf(100);
  open('large', '192.0.2.1', 101);
  expect([closed, memory.bytes]).toEqual([['large'], 0]);
});

test('a flood is logged once a minute, with how many were closed', async () => {
  const { clock, lines, open } = memoryOf(100);
  for (let i = 0; i < 50; i += 1) {
    open(`${i}`, '192.0.2.1', 50);
  }
  expect(lines).toHaveLength(1);
  await clock.advance(60_000);
  open('later', '192.0.2.1', 50);
  expect(lines).toEqual([expect.objectContaining({ closed: 1 }), expect.objectContaining({ closed: 48 })]);
});

test('clients never exceed their limits, and leave no resources', () => {
  const { memory, open } = memoryOf(10_000);
  const next = random(7);
  const shares: ReturnType<typeof open>[] = [];
  for (let i = 0; i < 5_000; i += 1) {
    if (next() < 0.3 || shares.length === 0) {
      shares.push(open('', `192.0.2.${Math.floor(next() * 20)}`, Math.floor(next() * 2_000)));
    } else if (next() < 0.7) {
      shares[Math.floor(next() * shares.length)]?.hold(Math.floor(next() * 3_000));
    } else {
      shares.splice(Math.floor(next() * shares.length), 1)[0]?.end();
    }
    expect(memory.bytes).toBeLessThanOrEqual(10_000);
    expect(memory.bytes).toBeGreaterThanOrEqual(0);
  }
  for (const share of shares) {
    share.end();
  }
  expect(memory.bytes).toBe(0);
});
