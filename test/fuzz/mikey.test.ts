import { expect, test } from 'vitest';
import { PerchError } from '../../agent/base/errors.ts';
import { parseKeyAttribute, parseKeyMgmt, writeKeyAttribute, writeKeyMgmt } from '../../agent/media/mikey/key-mgmt.ts';
import { type MikeyMessage, parseMikey, writeMikey } from '../../agent/media/mikey/message.ts';
import { byLength } from '../peers/programs/peers.ts';
import { mutate } from '../support/base/mutate.ts';
import { random } from '../support/base/random.ts';

const MESSAGE: MikeyMessage = {
  bundleId: 4711,
  streams: [
    { ssrc: 1, rollOverCounter: 0 },
    { ssrc: 2, rollOverCounter: 9 },
  ],
  ntpTime: 0xebfe6f2db1c13fd0n,
  random: new Uint8Array(16).fill(3),
  key: new Uint8Array(16).fill(1),
  salt: new Uint8Array(14).fill(2),
  mki: Uint8Array.of(1, 2, 3, 4),
};
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);

test.for([
  ['messages', writeMikey(MESSAGE), parseMikey, 500],
  ['attributes', bytesOf(writeKeyAttribute(MESSAGE)), (bytes: Uint8Array) => parseKeyAttribute(textOf(bytes)), 50],
  ['headers', bytesOf(writeKeyMgmt('rtsps://b/a', MESSAGE)), (bytes: Uint8Array) => parseKeyMgmt(textOf(bytes)), 50],
] as const)('damaged %s of MIKEY give a whole key, or are rejected', ([, seed, parse, least]) => {
  const next = random(1);
  const outcome = { read: 0, refused: 0 };
  for (let i = 0; i < byLength(5_000, 200_000); i += 1) {
    const bytes = mutate(seed, next);
    try {
      const { key, salt, mki, streams } = parse(bytes);
      expect([key.length, salt.length, mki.length <= 128, streams.length <= 255]).toEqual([16, 14, true, true]);
      outcome.read += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
      expect((error as Error).message.length).toBeLessThan(300);
      outcome.refused += 1;
    }
  }
  expect(outcome.read).toBeGreaterThan(least);
  expect(outcome.refused).toBeGreaterThan(500);
});
