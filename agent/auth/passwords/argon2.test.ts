import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { deriveInWorker, parseArgon2, verifyArgon2 } from './argon2.ts';

/** Hashes of "password", from the test vectors of the reference implementation (phc-winner-argon2, test.c). */
const ID = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
const ID_64_MIB = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
const I = '$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8';

test.for([ID, ID_64_MIB, I])('%s matches only its password', async (text) => {
  const hash = parseArgon2(text);
  expect(await verifyArgon2('password', hash)).toBe(true);
  expect(await verifyArgon2('passwore', hash)).toBe(false);
});

test.for([ID, I])('without argon2 in Node a worker thread gives the same result: %s', async (text) => {
  const hash = parseArgon2(text);
  expect(Buffer.from(await deriveInWorker('password', hash))).toEqual(Buffer.from(hash.hash));
});

test.for([
  ['', 'not an argon2 hash'],
  ['$argon2id$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQM', 'not an argon2 hash'],
  ['$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQM', 'argon2d is not for passwords'],
  ['$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQM', 'argon2 version 16, expected 19'],
  ['$argon2id$v=19$m=256,t=2,p=17$c29tZXNhbHQ$nf65EOgLrQM', 'argon2 with 17 lanes (p), the limit is 1 to 16'],
  ['$argon2id$v=19$m=7,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQM', 'argon2 with 7 KiB of memory (m), the limit is 8 to 262144'],
  ['$argon2id$v=19$m=2097152,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQM', 'argon2 with 2097152 KiB of memory'],
  [
    '$argon2id$v=19$m=262144,t=5,p=1$c29tZXNhbHQ$nf65EOgLrQM',
    'argon2 with 5 passes (t), the limit at this memory is 1 to 4',
  ],
  ['$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQM', 'argon2 with 0 passes'],
  ['$argon2id$v=19$m=256,t=2,p=1$c29t*XNhbHQ$nf65EOgLrQM', 'argon2 salt of 7 bytes'],
  ['$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf6', 'argon2 hash of 2 bytes, the limit is 4 to 64'],
] as const)('%s is rejected: %s', ([text, message]) => {
  expect(() => parseArgon2(text)).toThrow(message);
});

test('any text is a hash within the limits or a PerchError', () => {
  const next = random(7);
  for (let i = 0; i < 20_000; i += 1) {
    const text = Buffer.from(mutate(Buffer.from(ID), next)).toString('latin1');
    try {
      const { memoryKib, passes, lanes } = parseArgon2(text);
      expect(memoryKib * passes).toBeLessThanOrEqual(1 << 20);
      expect(lanes).toBeLessThanOrEqual(16);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
