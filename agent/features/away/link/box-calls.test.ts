import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { type LinkPair, openLinkPair } from '../../../../test/features/away/support/link-pair.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { LinkedBoxes, type NewLinkedBox } from '../../../auth/pairing/linked-boxes.ts';
import { type Logger, silentLogger } from '../../../base/log.ts';
import { newKey, privateKeyOf } from '../keys/away-file.ts';
import { ServerInvitations } from '../keys/server-invitations.ts';
import { BoxCalls, MAX_UNPROVEN, MAX_UNPROVEN_OF_ADDRESS } from './box-calls.ts';
import { readLine } from './link-stream.ts';
import { isProven, type LinkFacts, newNonce, prove, readChallenge, readWelcome, writeHello } from './proof.ts';

const BOX = '1a2b3c4d5e6f7a8b';
const SERVER = 'AbCdEfGh-_123456';
const CALLER = { ip: '203.0.113.5', isPrivate: false };
const NEVER = new AbortController().signal;

/** A server that is paired with one box. */
function openServer() {
  const clock = new FakeClock();
  const [box, server] = [newKey(), newKey()];
  const boxLinks = new LinkedBoxes();
  const added: NewLinkedBox[] = [];
  const shown: string[] = [];
  boxLinks.pairings = {
    find: (id) =>
      id === BOX || added.some((one) => one.id === id)
        ? { server: SERVER, privateKey: privateKeyOf(server), key: server.key, boxKey: box.key }
        : undefined,
    add: async (one) => void added.push(one),
    mayAdd: () => {},
    has: () => true,
    showCameras: async (id) => void shown.push(id),
  };
  const invitations = new ServerInvitations(
    { sign: (...words) => createHash('sha256').update(words.join()).digest('base64url') },
    clock,
    silentLogger,
  );
  const lines: object[] = [];
  const info = (context: object, text: string): void => void (text.includes('rejected') && lines.push(context));
  const log = { ...silentLogger, info } as Logger;
  const calls = new BoxCalls({ clock, log, boxLinks, invitations });
  onTestFinished(() => calls.close());
  return { lines, clock, box, server, boxLinks, invitations, calls, added, shown };
}

async function openPair(): Promise<LinkPair> {
  const pair = await openLinkPair();
  onTestFinished(() => pair[Symbol.asyncDispose]());
  return pair;
}

/** What a box says, as the test changes it, and what the server answers. */
async function call(
  { calls, box, server }: Pick<ReturnType<typeof openServer>, 'calls' | 'box' | 'server'>,
  change: (facts: LinkFacts) => { readonly signed?: Partial<LinkFacts>; readonly said?: object } = () => ({}),
) {
  const pair = await openPair();
  const served = calls.serve(pair.server, CALLER);
  const serverNonce = readChallenge(await readLine(pair.box, NEVER));
  const facts = { serverNonce, boxNonce: newNonce(), box: BOX, server: SERVER, boxKey: box.key, serverKey: server.key };
  const { signed, said } = change(facts);
  const proof = prove('box', { ...facts, ...signed }, privateKeyOf(box));
  pair.box.write(writeHello({ box: BOX, server: SERVER, key: box.key, nonce: facts.boxNonce, proof, ...said }));
  return { pair, served, facts, answer: await readLine(pair.box, NEVER) };
}

test('a paired box is let in, and gets the proof of the server', async () => {
  const server = openServer();
  const { answer, facts, served, pair } = await call(server);
  expect(isProven('server', facts, readWelcome(answer))).toBe(true);
  await served;
  expect([server.boxLinks.isConnected(BOX), server.calls.unproven, server.shown]).toEqual([true, 0, []]);
  pair.box.destroy();
  await once(pair.server, 'close');
  expect(server.boxLinks.isConnected(BOX)).toBe(false);
  expect(() => server.boxLinks.open(BOX)).toThrow('has not connected');
});

test('a box that is removed while it is paired is not let in', async () => {
  const server = openServer();
  const { secret, key } = server.invitations.create();
  const pairings = server.boxLinks.pairings as NonNullable<LinkedBoxes['pairings']>;
  pairings.find = () => undefined;
  const { pair, served } = await call(server, () => ({
    signed: { serverKey: key },
    said: { secret, name: 'Shed' },
  }));
  pair.box.resume();
  await Promise.all([served, once(pair.box, 'close')]);
  expect([server.added.length, server.boxLinks.isConnected(BOX)]).toEqual([1, false]);
});

test('a second link of a box replaces its first one, which its network has lost', async () => {
  const server = openServer();
  const first = await call(server);
  await first.served;
  const second = await call(server);
  await second.served;
  await once(first.pair.box, 'close');
  expect(server.boxLinks.isConnected(BOX)).toBe(true);
});

test('an invitation is for one box, which is paired with the key that the invitation names', async () => {
  const server = openServer();
  const { secret, key } = server.invitations.create();
  const ofInvitation = { signed: { serverKey: key }, said: { secret, name: 'Shed' } };
  const joined = await call(server, () => ofInvitation);
  await joined.served;
  expect(isProven('server', { ...joined.facts, serverKey: key }, readWelcome(joined.answer))).toBe(true);
  expect(server.added).toEqual([
    { key, secret: expect.any(String), id: BOX, name: 'Shed', boxKey: server.box.key, server: SERVER },
  ]);
  expect(server.shown).toEqual([BOX]);
  const again = await call(server, () => ofInvitation);
  expect(() => readWelcome(again.answer)).toThrow('was used');
  expect(server.added).toHaveLength(1);
});

test.for([
  ['a proof of an earlier link', () => ({ signed: { serverNonce: newNonce() } }), 'proof of the box is wrong'],
  ['a proof for another server', () => ({ signed: { serverKey: newKey().key } }), 'proof of the box is wrong'],
  ['the id of another box', () => ({ said: { box: '0'.repeat(16) } }), 'not paired'],
  ['another key than that of the pairing', () => ({ said: { key: newKey().key } }), 'not paired'],
  ['the id of another pairing', () => ({ said: { server: 'X'.repeat(16) } }), 'not paired'],
  ['a wrong secret', () => ({ said: { secret: 'x'.repeat(22) } }), 'invitation is wrong'],
  ['no proof', () => ({ said: { proof: '' } }), 'another form'],
] as const)('a box is refused with %s, and its connection ends', async ([, change, why]) => {
  const server = openServer();
  const { answer, pair, served } = await call(server, change);
  expect(() => readWelcome(answer)).toThrow(why);
  await served;
  pair.box.resume();
  await once(pair.box, 'close');
  expect([server.boxLinks.isConnected(BOX), server.calls.unproven, server.added]).toEqual([false, 0, []]);
});

test('requests before the proof end the connection without an answer of HTTP', async () => {
  const server = openServer();
  const pair = await openPair();
  const served = server.calls.serve(pair.server, CALLER);
  readChallenge(await readLine(pair.box, NEVER));
  pair.box.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  expect(await readLine(pair.box, NEVER)).toContain('no JSON');
  await served;
});

test('a line that does not end, and one that is too long, cost no more than a line', async () => {
  const server = openServer();
  const pair = await openPair();
  const served = server.calls.serve(pair.server, CALLER);
  readChallenge(await readLine(pair.box, NEVER));
  const closed = new Promise((resolve) => pair.box.once('close', resolve));
  pair.box.write(Buffer.alloc(1 << 20, 'x'));
  await served;
  pair.box.resume();
  await closed;
  expect(pair.server.receivedBytes).toBeLessThan(300_000);
});

test('a box has ten seconds for its proof', async () => {
  const server = openServer();
  const pair = await openPair();
  const served = server.calls.serve(pair.server, CALLER);
  readChallenge(await readLine(pair.box, NEVER));
  await server.clock.advance(9_999);
  expect(pair.server.destroyed).toBe(false);
  await server.clock.advance(1);
  await served;
  expect(pair.server.destroyed).toBe(true);
});

test('a box that connects again and again is let in ten times a minute, and no other box waits for it', async () => {
  const server = openServer();
  for (let i = 0; i < 10; i += 1) {
    const { served, facts, answer } = await call(server);
    expect(isProven('server', facts, readWelcome(answer))).toBe(true);
    await served;
  }
  const refused = await call(server);
  expect(() => readWelcome(refused.answer)).toThrow(
    expect.objectContaining({ message: expect.stringContaining('10 times'), context: { why: 'often' } }),
  );
  await refused.served;
  expect(server.boxLinks.isConnected(BOX)).toBe(true);
  const { secret, key } = server.invitations.create();
  const said = { secret, box: 'f'.repeat(16) };
  const other = await call(server, () => ({ signed: { serverKey: key, box: said.box }, said }));
  await other.served;
  expect(server.boxLinks.isConnected(said.box)).toBe(true);
  await server.clock.advance(60_000);
  await (await call(server)).served;
  expect(server.boxLinks.isConnected(BOX)).toBe(true);
});

test('strangers that are rejected cost one line of the log a minute', async () => {
  const server = openServer();
  const reject = async (): Promise<void> => (await call(server, () => ({ said: { box: '0'.repeat(16) } }))).served;
  for (let i = 0; i < 5; i += 1) {
    await reject();
  }
  expect(server.lines).toHaveLength(1);
  await server.clock.advance(60_000);
  await reject();
  expect(server.lines).toEqual([expect.objectContaining({ count: 1 }), expect.objectContaining({ count: 5 })]);
});

test('a wrong proof does not use an invitation up', async () => {
  const server = openServer();
  const { secret, key } = server.invitations.create();
  const wrong = await call(server, () => ({ said: { secret } }));
  expect(() => readWelcome(wrong.answer)).toThrow('proof of the box is wrong');
  await wrong.served;
  const right = await call(server, () => ({ signed: { serverKey: key }, said: { secret } }));
  await right.served;
  expect(server.added).toHaveLength(1);
});

/** Boxes that say nothing. @param ips their addresses, in turn */
async function flood({ calls }: Pick<ReturnType<typeof openServer>, 'calls'>, count: number, ips: readonly string[]) {
  const floods: LinkPair[] = [];
  for (let i = 0; i < count; i += 1) {
    const pair = await openPair();
    floods.push(pair);
    void calls.serve(pair.server, { ...CALLER, ip: ips[i % ips.length] as string });
  }
  return floods;
}

const isOpen = ({ server }: LinkPair): boolean => !server.destroyed;

test('strangers behind the address of a box do not lock it out: the oldest of that address gives way', async () => {
  const server = openServer();
  const [elsewhere] = await flood(server, 1, ['198.51.100.9']);
  const floods = await flood(server, MAX_UNPROVEN_OF_ADDRESS, [CALLER.ip]);
  const { served } = await call(server);
  await served;
  expect(server.boxLinks.isConnected(BOX)).toBe(true);
  expect(floods.map(isOpen).indexOf(true)).toBe(1);
  expect(isOpen(elsewhere as LinkPair)).toBe(true);
});

test('of too many strangers those of the address that holds most give way, and not the slow box that came first', async () => {
  const server = openServer();
  const [slow] = await flood(server, 1, ['192.0.2.77']);
  const ips = ['198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4', '198.51.100.5'];
  const floods = await flood(server, MAX_UNPROVEN + 20, ips);
  expect(server.calls.unproven).toBe(MAX_UNPROVEN);
  expect(isOpen(slow as LinkPair)).toBe(true);
  expect(floods.filter(isOpen)).toHaveLength(MAX_UNPROVEN - 1);
  expect(floods.slice(25).every(isOpen)).toBe(true);
});

test('a thousand connections that prove nothing are bounded, and a box still gets in', async () => {
  const server = openServer();
  const floods: LinkPair[] = [];
  const ends: Promise<void>[] = [];
  let most = 0;
  for (let i = 0; i < 1_000; i += 1) {
    const pair = await openPair();
    floods.push(pair);
    ends.push(server.calls.serve(pair.server, { ...CALLER, ip: `198.51.${i >> 8}.${i & 255}` }));
    most = Math.max(most, server.calls.unproven);
  }
  expect(most).toBe(MAX_UNPROVEN);
  expect(floods.filter(({ server: { destroyed } }) => !destroyed)).toHaveLength(MAX_UNPROVEN);
  const { served } = await call(server);
  await served;
  expect(server.boxLinks.isConnected(BOX)).toBe(true);
  server.calls.close();
  await Promise.all(ends);
});
