import { expect, test } from 'vitest';
import { random } from '../../../../../test/support/base/random.ts';
import { RecordCipher } from './record-cipher.ts';

const ours = { key: Buffer.alloc(16, 1), nonce: Buffer.from('01020304', 'hex') };
const theirs = { key: Buffer.alloc(16, 2), nonce: Buffer.from('05060708', 'hex') };
const [here, there] = [new RecordCipher(ours, theirs), new RecordCipher(theirs, ours)];

test('each end decrypts records of the other end only', () => {
  const record = here.seal(21, 7, Uint8Array.of(1, 0));
  expect([record[0], record.readUInt16BE(3), record.readUIntBE(5, 6)]).toEqual([21, 1, 7]);
  expect(there.open(record)?.toString('hex')).toBe('0100');
  expect(here.open(record)).toBeUndefined();
});

test('a changed or cut record is not read, wherever it was changed', () => {
  const next = random(6);
  for (let i = 0; i < 1_000; i += 1) {
    const record = here.seal(22, i, Buffer.from('a message of the handshake'));
    const at = Math.floor(next() * record.length);
    // The record's length is checked where records are cut out of datagrams.
    if (at === 11 || at === 12) {
      continue;
    }
    const cut = record.subarray(0, Math.max(13, at));
    record[at] = (record[at] as number) ^ (1 + Math.floor(next() * 255));
    // The number in the header is authenticated; the nonce is taken from the body.
    expect(there.open(next() < 0.8 ? record : cut)).toBeUndefined();
  }
});
