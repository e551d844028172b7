import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../agent/base/clock.ts';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { answersTo } from './answers.ts';
import { findBoxes, portsIn } from './find-boxes.ts';
import { readMessage, writeLegacyResponse } from './message.ts';
import { recordsOf } from './records.ts';

const ID = '1a2b3c4d5e6f7a8b';
const OTHER = '00000000000000aa';
const PUBLISHED = {
  ...{ host: 'perch.local', instance: 'Perch._http._tcp.local', port: 80, addresses: ['192.0.2.5'] },
  box: { id: ID, port: 9443 },
};
const own = [...recordsOf(PUBLISHED, 'host'), ...recordsOf(PUBLISHED, 'service')];
const LINK = { address: '127.0.0.1', isNear: (address: string) => address === '127.0.0.1' };

let responder: Socket | undefined;
afterEach(() => {
  responder?.close();
  responder = undefined;
});

/** A box that answers plain queries by its real records. */
async function respond(heard: string[] = []): Promise<{ readonly address: string; readonly port: number }> {
  const socket = createSocket('udp4');
  responder = socket;
  socket.on('message', (bytes, from) => {
    const { id, questions } = readMessage(bytes);
    heard.push(...questions.map(({ name }) => name));
    const { answers, additionals } = answersTo(questions, own, []);
    if (answers.length > 0) {
      socket.send(writeLegacyResponse({ id, questions }, answers, additionals), from.port, from.address);
    }
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { address: '127.0.0.1', port: socket.address().port };
}

test('a box is found by its id, at the address that answers and its port of https', async () => {
  const heard: string[] = [];
  const to = await respond(heard);
  const many = Array.from({ length: 70 }, (_, i) => i.toString(16).padStart(16, '0'));
  const found = await findBoxes([...many, ID], [LINK], {
    clock: systemClock,
    signal: new AbortController().signal,
    to,
  });
  expect([...found]).toEqual([[ID, ['127.0.0.1:9443']]]);
  // All of them were asked for, twice.
  expect(heard.filter((name) => name === `${ID}._perch._tcp.local`)).toHaveLength(2);
  expect(new Set(heard).size).toBe(71);
});

test('answers from another network, and those of other boxes, are ignored', async () => {
  const options = { clock: systemClock, signal: new AbortController().signal, to: await respond() };
  expect([...(await findBoxes([OTHER], [LINK], options))]).toEqual([]);
  expect([...(await findBoxes([ID], [{ ...LINK, isNear: () => false }], options))]).toEqual([]);
  const gone = await findBoxes([ID], [{ address: '192.0.2.77', isNear: () => true }], options);
  expect([...gone]).toEqual([]);
});

test('a search that is aborted ends at once', async () => {
  const signal = AbortSignal.abort();
  expect(await findBoxes([ID], [LINK], { clock: new FakeClock(), signal, to: await respond() })).toEqual(new Map());
});

test('no bytes of the network throw', () => {
  const questions = [{ name: `${ID}._perch._tcp.local`, type: 'SRV', wantsUnicast: false }];
  const { answers, additionals } = answersTo(questions, own, []);
  const bytes = writeLegacyResponse({ id: 0, questions }, answers, additionals);
  expect(portsIn(bytes)).toEqual([{ name: `${ID}._perch._tcp.local`, port: 9443 }]);
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let round = 0; round < 5_000; round += 1) {
    const mutated = Buffer.from(bytes.subarray(0, random(bytes.length) + 1));
    mutated[random(mutated.length)] = random(256);
    mutated[random(mutated.length)] = random(256);
    for (const { port } of portsIn(mutated)) {
      expect(port).toBeGreaterThan(0);
    }
  }
});
