import { generateKeyPairSync } from 'node:crypto';
import { encodeUser } from '@nats-io/jwt';
import { nkeys } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { LinkedBoxes, type LinkedPairing } from '../../../auth/pairing/linked-boxes.ts';
import { type Logger, silentLogger } from '../../../base/log.ts';
import { Summons } from './summons.ts';

const YARD = '00000000000000b1';
const BARN = '00000000000000b2';

const JWT = await encodeUser('server.cloud', nkeys.createUser(), nkeys.createAccount(), {});

/** A server on a bus whose boxes all give the same answer. */
function openServer({
  address = 'r2.example:443',
  hosts = ['r1.example:443', 'r2.example:443'],
  isOfBefore = false,
} = {}) {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { x: key, d: secret } = privateKey.export({ format: 'jwk' });
  const links = new LinkedBoxes();
  const paired = new Set([YARD, BARN]);
  let found = 0;
  const pairing: LinkedPairing = { server: 'AbCdEfGh-_123456', privateKey, key: '', boxKey: '' };
  links.pairings = {
    find: (box) => {
      found += 1;
      return paired.has(box) ? pairing : undefined;
    },
    mayAdd: () => {},
    has: (box) => paired.has(box),
    add: async () => {},
    showCameras: async () => {},
  };
  const clock = new FakeClock();
  const warned: object[] = [];
  const log = { ...silentLogger, warn: (context: object) => void warned.push(context) } as Logger;
  const summons = new Summons({ address: () => address, pin: () => undefined, links, clock, log });
  let answer: object = {};
  let awayUntilMs = 0;
  const request = async () => {
    if (clock.monoMs() < awayUntilMs) {
      throw new Error('no responders');
    }
    return { data: new TextEncoder().encode(JSON.stringify(answer)) };
  };
  const client = { request };
  const named = isOfBefore ? { hosts } : { list: { hosts, version: 1, signature: '' } };
  const bus = async () =>
    ({ connection: { client }, credential: { jwt: JWT, orders: { key, secret }, ...named } }) as never;
  return {
    ...{ links, paired, clock, warned, summons },
    found: () => found,
    loseBoxes: (ms: number) => {
      awayUntilMs = clock.monoMs() + ms;
    },
    ask: (box: string, given: object = {}) => {
      answer = given;
      return summons.ask(bus, box);
    },
    connect: (box: string) => links.connected(box, { open: () => expect.fail('no streams'), close: () => {} }),
  };
}

const REFUSED = { error: 'its certificate is not valid', why: 'form' };

test('the list of what is wrong, and the fault of a box, need no keys of pairings', async () => {
  const { summons, paired, ask, found } = openServer();
  await ask(YARD, REFUSED);
  await ask(BARN, REFUSED);
  const before = found();
  expect(summons.problems()).toMatchObject([
    { name: YARD, why: 'form' },
    { name: BARN, why: 'form' },
  ]);
  expect(summons.fault(YARD)).toBe(summons.problems()[0]?.text);
  expect(summons.fault('00000000000000b3')).toBeUndefined();
  paired.delete(BARN);
  expect(summons.problems()).toMatchObject([{ name: YARD }]);
  expect(found()).toBe(before);
});

test('a box that is back on the bus after eight seconds still gets the order', async () => {
  const { summons, clock, ask, loseBoxes } = openServer();
  loseBoxes(8_000);
  const asked = ask(YARD, REFUSED);
  await clock.advance(8_000);
  await clock.advance(1_000);
  await asked;
  expect(summons.fault(YARD)).toContain(REFUSED.error);
});

test('a fault is over when the box connects by itself, also after that connection has ended', async () => {
  const { summons, ask, connect } = openServer();
  await ask(YARD, REFUSED);
  connect(YARD)();
  expect([summons.problems(), summons.fault(YARD)]).toEqual([[], undefined]);
});

test('a fault is over when the box is no longer on the bus', async () => {
  const { summons, ask } = openServer();
  await ask(YARD, REFUSED);
  summons.forget(YARD);
  expect([summons.problems(), summons.fault(YARD)]).toEqual([[], undefined]);
});

test.for([
  ['', false],
  [', and with a credential of before,', true],
] as const)(
  'a server without replicaAddress%s is one problem, once boxes have had time to come back',
  async ([, isOfBefore]) => {
    const { summons, clock, warned, ask, connect } = openServer({ address: '', isOfBefore });
    const askBoth = async () => {
      await ask(YARD);
      await ask(BARN);
    };
    await askBoth();
    await clock.advance(45_000);
    await askBoth();
    expect([summons.problems(), warned]).toEqual([[], []]);
    const end = connect(BARN);
    await clock.advance(15_000);
    await askBoth();
    await clock.advance(10_000);
    await askBoth();
    const text =
      'replicaAddress is not set, and 1 box does not connect to this server: set it to the address at which boxes reach this server';
    expect(summons.problems()).toEqual([{ why: 'noAddress', text, since: '2026-01-01T00:00:00.000Z' }]);
    expect(warned).toEqual([{ cause: text }]);
    connect(YARD);
    end();
    expect(summons.problems()).toEqual([]);
  },
);

test('the only server of a fleet needs no replicaAddress', async () => {
  const { summons, clock, warned, ask } = openServer({ address: '', hosts: ['r1.example:443'] });
  await ask(YARD);
  await clock.advance(100_000);
  await ask(YARD);
  expect([summons.problems(), warned]).toEqual([[], []]);
});

test.for([
  [
    'is told what the owner can do',
    { error: 'the order names another address', why: 'address' },
    'the order names another address: perch fleet hosts FOLDER with all servers, then perch fleet join on this one',
  ],
  ['gives no advice for a reason that objects have', { error: 'no', why: 'constructor' }, 'no'],
  ['has no control characters', { error: 'a\u001b[31mb\r\nc' }, 'a [31mb c'],
] as const)('the reason of a box %s', async ([, answer, shown]) => {
  const { summons, ask } = openServer();
  await ask(YARD, answer);
  expect(summons.fault(YARD)).toBe(`box ${YARD} does not connect to this server: ${shown}`);
});
