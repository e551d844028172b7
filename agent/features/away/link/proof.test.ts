import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { newKey, privateKeyOf } from '../keys/away-file.ts';
import { readAwayInvitation, writeAwayInvitation } from '../keys/invitation.ts';
import {
  isProven,
  type LinkFacts,
  newNonce,
  prove,
  readChallenge,
  readHello,
  readWelcome,
  writeChallenge,
  writeHello,
  writeRefusal,
  writeWelcome,
} from './proof.ts';

const [BOX, SERVER] = [newKey(), newKey()];
const FACTS: LinkFacts = {
  serverNonce: newNonce(),
  boxNonce: newNonce(),
  box: '1a2b3c4d5e6f7a8b',
  server: 'AbCdEfGh-_123456',
  boxKey: BOX.key,
  serverKey: SERVER.key,
};
const HELLO = {
  box: FACTS.box,
  server: FACTS.server,
  key: BOX.key,
  nonce: FACTS.boxNonce,
  proof: prove('box', FACTS, privateKeyOf(BOX)),
};
const INVITATION = {
  addresses: ['cloud.example:443', '[2001:db8::5]:8443'],
  pin: `authority.${'A'.repeat(44)}`,
  key: SERVER.key,
  secret: 'abcdefghijklmnopqrstuv',
  name: 'Häuser & Co',
};

test('each side is proven by its own key, for its role', () => {
  const [ofBox, ofServer] = [prove('box', FACTS, privateKeyOf(BOX)), prove('server', FACTS, privateKeyOf(SERVER))];
  expect([isProven('box', FACTS, ofBox), isProven('server', FACTS, ofServer)]).toEqual([true, true]);
  expect([isProven('server', FACTS, ofBox), isProven('box', FACTS, ofServer)]).toEqual([false, false]);
  // A box that sends back what it got proves nothing.
  expect(isProven('server', { ...FACTS, serverKey: BOX.key }, ofBox)).toBe(false);
});

test.for([
  ['another nonce of the server: the proof was recorded on an earlier link', { serverNonce: newNonce() }],
  ['another nonce of the box', { boxNonce: newNonce() }],
  ['another box', { box: '0a2b3c4d5e6f7a8b' }],
  ['another server: a hostile one passes it on', { server: 'BbCdEfGh-_123456' }],
  ['another key of the server', { serverKey: newKey().key }],
  ['another key of the box', { boxKey: newKey().key }],
  ['a key that is no point of the curve', { boxKey: '_'.repeat(43) }],
] as const)('a proof is not valid for %s', ([, other]) => {
  expect(isProven('box', { ...FACTS, ...other }, HELLO.proof)).toBe(false);
});

test('what one side writes, the other reads', () => {
  expect(readChallenge(writeChallenge(FACTS.serverNonce))).toBe(FACTS.serverNonce);
  const named = { ...HELLO, secret: INVITATION.secret, name: 'Gärtchen "1"' };
  expect(readHello(writeHello(named))).toEqual(named);
  expect(readWelcome(writeWelcome(HELLO.proof))).toBe(HELLO.proof);
  expect(() => readWelcome(writeRefusal('not paired\nany more', 'unknown'))).toThrow(
    expect.objectContaining({
      code: 'unauthorized',
      context: { why: 'unknown' },
      message: 'the server says: not paired any more',
    }),
  );
  expect(readAwayInvitation(writeAwayInvitation(INVITATION))).toEqual(INVITATION);
});

test('another version of the link is named', () => {
  expect(() => readChallenge(JSON.stringify({ perchLink: 2, nonce: FACTS.serverNonce }))).toThrow('version 2');
});

test.for([
  ['', 'no JSON'],
  ['{}', 'another form'],
  ['null', 'another form'],
  [JSON.stringify({ ...HELLO, box: '../../etc/passwd' }), 'another form'],
  [JSON.stringify({ ...HELLO, server: 'AbCdEfGh-_12345\n' }), 'another form'],
  [JSON.stringify({ ...HELLO, proof: [HELLO.proof] }), 'another form'],
  [JSON.stringify({ ...HELLO, name: 'x'.repeat(201) }), 'another form'],
] as const)('a hello is rejected: %s', ([text, why]) => {
  expect(() => readHello(text)).toThrow(why);
});

test.for([
  ['of a box', 'perch://invitation?at=a:1&pin=x&secret=y', 'begins with perch://server?'],
  ['without an address', writeAwayInvitation({ ...INVITATION, addresses: [] }), 'addresses'],
  ['with an address that is none', writeAwayInvitation({ ...INVITATION, addresses: ['cloud.example'] }), 'addresses'],
  ['that is cut', writeAwayInvitation(INVITATION).slice(0, -60), 'incomplete'],
] as const)('an invitation %s is rejected, without its secret in the message', ([, text, why]) => {
  expect(() => readAwayInvitation(text)).toThrow(why);
  expect(() => readAwayInvitation(text)).not.toThrow(INVITATION.secret);
});

test('mutated messages and invitations are read or rejected as expected, and never pass for a proof', () => {
  const next = random(7);
  const mutate = (text: string): string => {
    const bytes = Buffer.from(text);
    for (let i = 0; i <= next() * 4; i += 1) {
      bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    }
    return bytes.toString('utf8', 0, next() < 0.2 ? Math.floor(next() * bytes.length) : undefined);
  };
  const texts = [
    writeHello(HELLO),
    writeChallenge(FACTS.serverNonce),
    writeWelcome(HELLO.proof),
    writeAwayInvitation(INVITATION),
  ];
  const readers = [readHello, readChallenge, readWelcome, readAwayInvitation];
  let read = 0;
  for (let i = 0; i < 4_000; i += 1) {
    const which = i % readers.length;
    const text = mutate(texts[which] as string);
    try {
      const found = readers[which]?.(text);
      read += 1;
      if (which === 0 && JSON.stringify(found) !== JSON.stringify(HELLO)) {
        const { box, server, key: boxKey, nonce: boxNonce, proof } = found as typeof HELLO;
        expect(isProven('box', { ...FACTS, box, server, boxKey, boxNonce }, proof)).toBe(false);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(read).toBeGreaterThan(20);
});
