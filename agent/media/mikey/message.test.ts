import { expect, test } from 'vitest';
import { hex } from '../../../test/support/media/units.ts';
import { type MikeyMessage, parseMikey, writeMikey } from './message.ts';

const KEY = '9091783dfce8ddcd443a53508b64509f';
const SALT = '35bd8a86bc4d8b7637a502493daf';
const HEAD = '01 00 05 00 e69d51f8 01 00 00 30685760 00000000';
const TIME = '0b 00 ebfe6f2db1c13fd0';
const RANDOM = '0a 10 c2dde443a84930a5757a7ed9c3a417fb';
const POLICY = '01 00 00 0015 000101 010110 020101 03010a 070101 080101 0a0101';
const KEMAC = `00 00 0022 00 20 001e ${KEY}${SALT} 00`;
const ours: MikeyMessage = {
  bundleId: 0xe69d51f8,
  streams: [{ ssrc: 0x30685760, rollOverCounter: 0 }],
  ntpTime: 0xebfe6f2db1c13fd0n,
  random: hex('c2dde443a84930a5757a7ed9c3a417fb'),
  key: hex(KEY),
  salt: hex(SALT),
  mki: hex(''),
};
const plain = (message: MikeyMessage) => ({
  ...message,
  ...Object.fromEntries(
    (['random', 'key', 'salt', 'mki'] as const).map((name) => [name, Buffer.from(message[name]).toString('hex')]),
  ),
});

test("GStreamer's message is read: its time, key, salt and stream", () => {
  expect(plain(parseMikey(hex(`${HEAD} ${TIME} ${RANDOM} ${POLICY} ${KEMAC}`)))).toEqual(plain(ours));
});

test('a key with its salt apart, an identifier and further payloads are read', () => {
  const withSalt = `00 00 0029 00 31 0010 ${KEY} 000e ${SALT} 04 01020304 00`;
  const id = '05 00 0003 612e62';
  const text = `01 00 06 00 e69d51f8 00 00 ${id} ${TIME} ${RANDOM} ${POLICY} ${withSalt}`;
  expect(plain(parseMikey(hex(text)))).toMatchObject({ key: plain(ours).key, salt: plain(ours).salt, mki: '01020304' });
});

test.for([
  ['one stream', ours],
  ['two streams after a wrap', { ...ours, streams: [ours.streams[0], { ssrc: 1, rollOverCounter: 2 ** 32 - 1 }] }],
  ['a master key identifier', { ...ours, mki: hex('0a0b0c0d') }],
] as const)('%s: written and read again', ([, message]) => {
  expect(plain(parseMikey(writeMikey(message as MikeyMessage)))).toEqual(plain(message as MikeyMessage));
});

test.for([
  ['nothing', '', 'ends at byte 0'],
  ['another version', `02${HEAD.slice(2)} ${TIME} ${RANDOM} ${POLICY} ${KEMAC}`, 'MIKEY version 2'],
  ['a public key message', `01 02 ${HEAD.slice(6)}`, 'message type 2'],
  ['no key', `${HEAD} 00 00 ebfe6f2db1c13fd0`, 'without a key'],
  ['AES with 256 bits', `${HEAD} ${TIME} ${RANDOM} ${POLICY.replace('010110', '010120')} ${KEMAC}`, 'key length 32'],
  ['a short tag', `${HEAD} ${TIME} ${RANDOM} ${POLICY.replace('03010a', '030104')} ${KEMAC}`, 'key length 4'],
  ['no encryption', `${HEAD} ${TIME} ${RANDOM} ${POLICY.replace('070101', '070100')} ${KEMAC}`, 'SRTP encryption 0'],
  ['a short key', `${HEAD} ${TIME} ${RANDOM} ${POLICY} 00 00 0014 00 20 0010 ${KEY} 00`, '0 of salt'],
  ['an encrypted key', `${HEAD} ${TIME} ${RANDOM} ${POLICY} 00 01${KEMAC.slice(5)}`, 'encryption or MAC'],
  ['another payload', `${HEAD.replace('01 00 05', '01 00 03')} ${TIME}`, 'payload 3'],
] as const)('%s is rejected', ([, bytes, message]) => {
  expect(() => parseMikey(hex(bytes))).toThrow(message);
});
