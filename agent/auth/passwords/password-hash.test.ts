import { scryptSync } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeHashesCheap } from '../../../test/support/base/cheap-hashes.ts';
import { hashPassword, verifyPassword } from './password-hash.ts';

beforeAll(() => makeHashesCheap(false));
afterAll(() => makeHashesCheap());

test('a hash costs 16 MiB and five passes, and is reproduced from its parameters', async () => {
  const { n, r, p, salt, hash } = await hashPassword('correct horse');
  expect([n, r, p]).toEqual([16_384, 8, 5]);
  const own = scryptSync('correct horse', Buffer.from(salt, 'base64'), 32, { N: n, r, p, maxmem: 64 << 20 });
  expect(hash).toBe(own.toString('base64'));
});

test('a password matches its hash, and another does not', async () => {
  const stored = await hashPassword('correct horse');
  expect(await verifyPassword('correct horse', stored)).toBe(true);
  expect(await verifyPassword('correct horsf', stored)).toBe(false);
});

test('the same password typed as composed and as combining letters is the same', async () => {
  expect(await verifyPassword('Kamera-Gru\u0308n', await hashPassword('Kamera-Gr\u00fcn'))).toBe(true);
});

test('parameters are read from the stored hash (RFC 7914 §12, third vector truncated)', async () => {
  const salt = Buffer.from('NaCl').toString('base64');
  const hash = Buffer.from('fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162', 'hex').toString(
    'base64',
  );
  expect(await verifyPassword('password', { scheme: 'scrypt', n: 1024, r: 8, p: 16, salt, hash })).toBe(true);
});
