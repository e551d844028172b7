import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { isOrderSigned, isPinProven, readDialOrder, writeDialOrder } from './dial-order.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const KEY = createPublicKey(privateKey);
const ORDER = {
  box: '1a2b3c4d5e6f7a8b',
  server: 'AbCdEfGh-_123456',
  address: 'r2.cloud.example:443',
  run: 'Zm9vYmFyYmF6cXV4eHg',
  timeS: 1_800_000_000,
};
const CLAIMS = {
  ...{ aud: ORDER.box, sub: ORDER.server, addr: ORDER.address, run: ORDER.run },
  ...{ iat: ORDER.timeS, exp: ORDER.timeS + 30, jti: 'A'.repeat(22) },
};

const coded = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url');
/** Signed by the fleet, in a form that its own function does not write. */
function signedAs(header: unknown, claims: unknown): string {
  const text = `${coded(header)}.${coded(claims)}`;
  return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`;
}

test('an order is read as it was written, lasts for 30 s, and no two are the same', () => {
  const [order, other] = [writeDialOrder(ORDER, privateKey), writeDialOrder(ORDER, privateKey)];
  expect(readDialOrder(order)).toEqual({ ...CLAIMS, jti: expect.stringMatching(/^[\w-]{22}$/) });
  expect(readDialOrder(order).jti).not.toBe(readDialOrder(other).jti);
  expect(isOrderSigned(order, KEY)).toBe(true);
  expect(isOrderSigned(order, createPublicKey(generateKeyPairSync('ed25519').privateKey))).toBe(false);
});

test('a pin is proven by the key of the server, for this order alone', () => {
  const server = generateKeyPairSync('ed25519');
  const vouched = { pin: `key.${'A'.repeat(43)}`, key: server.privateKey };
  const claims = readDialOrder(writeDialOrder({ ...ORDER, vouched }, privateKey));
  expect(claims).toMatchObject({ ...CLAIMS, jti: expect.any(String), pin: vouched.pin });
  expect([isPinProven(claims, server.publicKey), isPinProven(claims, KEY)]).toEqual([true, false]);
  for (const other of [{ pin: `key.${'B'.repeat(43)}` }, { addr: 'r3.cloud.example:443' }, { jti: 'A'.repeat(22) }]) {
    expect(isPinProven({ ...claims, ...other }, server.publicKey)).toBe(false);
  }
});

test('an order in this form is read', () => {
  expect(readDialOrder(signedAs({ alg: 'EdDSA', typ: 'perch-dial' }, CLAIMS))).toEqual(CLAIMS);
});

test.for([
  ['another algorithm', { alg: 'none', typ: 'perch-dial' }, CLAIMS],
  ['a token of another use', { alg: 'EdDSA', typ: 'JWT' }, CLAIMS],
  ['a critical extension', { alg: 'EdDSA', typ: 'perch-dial', crit: ['b64'], b64: false }, CLAIMS],
  ['an unknown claim', { alg: 'EdDSA', typ: 'perch-dial' }, { ...CLAIMS, nbf: 1 }],
  ['no nonce', { alg: 'EdDSA', typ: 'perch-dial' }, { ...CLAIMS, jti: undefined }],
  ['several boxes', { alg: 'EdDSA', typ: 'perch-dial' }, { ...CLAIMS, aud: [ORDER.box] }],
  ['a time that is no integer', { alg: 'EdDSA', typ: 'perch-dial' }, { ...CLAIMS, exp: '1800000030' }],
  ['an address without a port', { alg: 'EdDSA', typ: 'perch-dial' }, { ...CLAIMS, addr: 'r2.cloud.example' }],
  ['an address with a path', { alg: 'EdDSA', typ: 'perch-dial' }, { ...CLAIMS, addr: 'r2.cloud.example/x:443' }],
  ['no claims', { alg: 'EdDSA', typ: 'perch-dial' }, null],
] as const)('an order with %s is rejected', ([, header, claims]) => {
  expect(() => readDialOrder(signedAs(header, claims))).toThrow('this is not an order to dial');
});

test('a damaged order is rejected or not signed, and never another error', () => {
  const next = random(7);
  const order = writeDialOrder(ORDER, privateKey);
  for (let i = 0; i < 5_000; i += 1) {
    const damaged = Buffer.from(mutate(Buffer.from(order), next)).toString('latin1');
    try {
      const { jti } = readDialOrder(damaged);
      // Trailing bits of base64url may differ; the nonce then is that of the order.
      expect(damaged === order || !isOrderSigned(damaged, KEY) || jti === readDialOrder(order).jti).toBe(true);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(() => readDialOrder('a.b.'.repeat(1_000_000))).toThrow(PerchError);
});
