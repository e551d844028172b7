import { createCipheriv } from 'node:crypto';
import { expect, test } from 'vitest';
import { hex } from '../../../test/support/media/units.ts';
import { Encryption, PayloadCipher } from './encryption.ts';
import { deriveKek, parseKeyMaterial, unwrapKeys, wrapKeys, writeKeyMaterial } from './key-material.ts';

const SALT = hex('00112233 44556677 8899aabb ccddeeff');

// RFC 3394 §4.
test.for([
  ['000102030405060708090a0b0c0d0e0f', '1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5'],
  ['000102030405060708090a0b0c0d0e0f1011121314151617', '96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d'],
  [
    '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
    '64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7',
  ],
] as const)('a key is wrapped with %s', ([kek, wrapped]) => {
  const key = hex('00112233445566778899aabbccddeeff');
  expect(Buffer.from(wrapKeys(hex(kek), key)).toString('hex')).toBe(wrapped);
  const material = { keys: 2, keyBytes: 16, salt: SALT, wrapped: hex(wrapped) } as const;
  expect(unwrapKeys(hex(kek), material)).toEqual({ odd: Buffer.from(key) });
  expect(unwrapKeys(hex(kek).fill(1), material)).toBeUndefined();
});

test.for([16, 24, 32] as const)(
  'payloads are encrypted with AES-%i in counter mode, the counter from salt and sequence',
  (keyBytes) => {
    const key = Buffer.alloc(keyBytes, 0x5a);
    const sequence = 0x12345678;
    // §6.1.2: 112 bits of the salt, the sequence number XORed into the last four bytes of them, and a block counter of 16 bits.
    const iv = Buffer.concat([SALT.subarray(0, 14), Buffer.alloc(2)]);
    iv.writeUInt32BE((iv.readUInt32BE(10) ^ sequence) >>> 0, 10);
    const plain = Buffer.alloc(1316, 0x47);
    const expected = createCipheriv(`aes-${8 * keyBytes}-ctr`, key, iv).update(plain);
    const bytes = Buffer.concat([Buffer.alloc(3), plain]);
    const cipher = new PayloadCipher(key, SALT);
    cipher.apply(1, Buffer.alloc(100), 0, 100);
    cipher.apply(sequence, bytes, 3, bytes.length);
    expect(bytes.subarray(3).equals(expected)).toBe(true);
  },
);

test('key material of the Internet-Draft is written and read', async () => {
  const material = { keys: 1, keyBytes: 16, salt: SALT, wrapped: new Uint8Array(24).fill(7) } as const;
  const bytes = writeKeyMaterial(material);
  expect(Buffer.from(bytes).toString('hex')).toBe(
    `12202901 00000000 02000200 00000404 00112233445566778899aabbccddeeff ${'07'.repeat(24)}`.replaceAll(' ', ''),
  );
  expect(parseKeyMaterial(bytes)).toEqual(material);
});

test.for([
  ['too short', (bytes: Buffer) => bytes.subarray(0, 20), 'another form'],
  ['of another signature', (bytes: Buffer) => bytes.fill(0, 1, 2), 'another form'],
  ['for AES-GCM', (bytes: Buffer) => bytes.fill(4, 8, 9), 'SRT cipher 4 with authentication 0, expected AES-CTR'],
  ['without a key', (bytes: Buffer) => bytes.fill(0, 3, 4), 'with keys 0'],
  ['of 20 bytes', (bytes: Buffer) => bytes.fill(5, 15, 16), '20 bytes'],
  ['cut at the end', (bytes: Buffer) => bytes.subarray(0, 50), 'SRT key material of 50 bytes, expected 56'],
] as const)('key material %s is rejected', ([, change, message]) => {
  const bytes = Buffer.from(writeKeyMaterial({ keys: 1, keyBytes: 16, salt: SALT, wrapped: new Uint8Array(24) }));
  expect(() => parseKeyMaterial(change(bytes))).toThrow(message);
});

test('the key of a passphrase is that of libsrt', async () => {
  // PBKDF2 with HMAC-SHA-1, 2048 iterations, the last 8 bytes of the salt.
  const kek = await deriveKek('long enough', SALT, 16);
  expect(kek).toHaveLength(16);
  expect(kek).toEqual(await deriveKek('long enough', hex('ffffffff ffffffff 8899aabb ccddeeff'), 16));
});

test('another passphrase opens nothing', async () => {
  const caller = await Encryption.create('long enough', 32);
  const material = parseKeyMaterial(caller.keyMaterial);
  expect(await Encryption.accept('something else', material)).toBeUndefined();
  expect(await Encryption.accept('long enough', material)).toBeDefined();
});
