import { expect, test } from 'vitest';
import { Gate, hashPassword, verifyPassword } from './password-hash.ts';

test('a password is verified against its hash, another is not', async () => {
  const stored = await hashPassword('correct horse');
  expect(await verifyPassword('correct horse', stored)).toBe(true);
  expect(await verifyPassword('correct horsf', stored)).toBe(false);
});

test('the same password typed as composed and as combining letters is the same', async () => {
  expect(await verifyPassword('Kamera-Gru\u0308n', await hashPassword('Kamera-Gr\u00fcn'))).toBe(true);
});

test('parameters are read from the stored hash (RFC 7914 §12, third vector cut to our length)', async () => {
  const salt = Buffer.from('NaCl').toString('base64');
  const hash = Buffer.from('fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162', 'hex').toString(
    'base64',
  );
  expect(await verifyPassword('password', { scheme: 'scrypt', n: 1024, r: 8, p: 16, salt, hash })).toBe(true);
});

test('a gate lets as many run as it says, queues as many as it says and refuses the rest', async () => {
  const gate = new Gate(2, 3);
  let running = 0;
  let most = 0;
  const ends: (() => void)[] = [];
  const work = async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => ends.push(resolve));
    running -= 1;
  };
  const all = Array.from({ length: 5 }, () => gate.run(work));
  await expect(gate.run(work)).rejects.toThrow('3 log-ins are waiting already');
  for (let done = 0; done < 5; done += 1) {
    await expect.poll(() => ends.length).toBeGreaterThan(0);
    ends.shift()?.();
    await Promise.race(all.slice(done));
  }
  await Promise.all(all);
  expect(most).toBe(2);
  const again = gate.run(async () => 'free again');
  expect(await again).toBe('free again');
});

test('work that fails gives its place back', async () => {
  const gate = new Gate(1, 1);
  await expect(gate.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await gate.run(async () => 1)).toBe(1);
});
