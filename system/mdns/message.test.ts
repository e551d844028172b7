import { encode, type Question } from 'dns-packet';
import { expect, test } from 'vitest';
import { PerchError } from '../../agent/base/errors.ts';
import { byLength } from '../../test/peers/programs/peers.ts';
import { mutate } from '../../test/support/base/mutate.ts';
import { random } from '../../test/support/base/random.ts';
import { MdnsHouse } from '../../test/support/cameras/mdns-house.ts';
import { bytesOf, readMessage, writeProbe, writeResponse } from './message.ts';
import { compareClaims, heardAs, recordsOf } from './records.ts';

const PUBLISHED = {
  ...{ host: 'perch.local', instance: 'Perch._http._tcp.local', port: 80 },
  addresses: ['192.0.2.5', '2001:db8::5'],
};
const ALL = [...recordsOf(PUBLISHED, 'host'), ...recordsOf(PUBLISHED, 'service')];
const PROBE = writeProbe(['perch.local'], ALL);
const RESPONSE = writeResponse(ALL.slice(0, 2), ALL.slice(2));
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('written messages are read back', () => {
  const { isResponse, answers } = readMessage(RESPONSE);
  expect({ isResponse, answers }).toEqual({ isResponse: true, answers: ALL.slice(0, 2).map(heardAs) });
  const { questions, authorities } = readMessage(PROBE);
  expect(questions).toEqual([{ name: 'perch.local', type: 'ANY', wantsUnicast: false }]);
  expect(authorities.map(({ type }) => type)).toEqual(['A', 'AAAA', 'PTR', 'SRV', 'TXT', 'PTR']);
});

test.for([
  ['the bit for an answer to oneself', '0000 0000 0001 0000 0000 0000  05 7065726368 05 6c6f63616c 00 0001 8001', true],
  ['no such bit', '0000 0000 0001 0000 0000 0000  05 7065726368 05 6c6f63616c 00 0001 0001', false],
] as const)('a question with %s', ([, bytes, wantsUnicast]) => {
  expect(readMessage(hex(bytes)).questions).toEqual([{ name: 'perch.local', type: 'A', wantsUnicast }]);
});

test.for([
  ['eleven bytes', Buffer.alloc(11), '11 bytes'],
  ['more than fits', Buffer.alloc(4_097), '4097 bytes'],
  ['thousands of questions', hex('0000 0000 ffff 0000 0000 0000'), '65535 questions'],
  ['a name that points at itself', hex('0000 0000 0001 0000 0000 0000 c00c 0001 0001'), 'cannot be read'],
  ['a record that is cut', RESPONSE.subarray(0, -3), 'cannot be read'],
  ['another opcode', hex('0000 2800 0000 0000 0000 0000'), 'cannot be read'],
  ['an error as its answer', hex('0000 8403 0000 0000 0000 0000'), 'cannot be read'],
] as const)('rejects %s', ([, bytes, message]) => {
  expect(() => readMessage(Buffer.from(bytes))).toThrow(message);
  expect(() => readMessage(Buffer.from(bytes))).toThrow(PerchError);
});

test('any packet is read or rejected quickly', () => {
  const next = random(7);
  const seeds = [PROBE, RESPONSE, encode({ type: 'query', questions: [{ name: 'a.local', type: 'PTR' }] })];
  for (let i = 0; i < byLength(15_000, 60_000); i += 1) {
    const bytes = Buffer.from(mutate(seeds[i % seeds.length] ?? PROBE, next));
    try {
      for (const record of readMessage(bytes).authorities) {
        bytesOf(record);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});

test('any traffic leaves the box working, with bounded memory', async () => {
  const house = new MdnsHouse(3);
  const box = house.box('192.0.2.5');
  await house.clock.advance(5_000);
  const next = random(11);
  const seeds = [
    ...house.said.map(({ bytes }) => bytes),
    encode({ type: 'query', questions: [{ name: '_http._tcp.local', type: 'PTR' }] }),
  ];
  for (let i = 0; i < 20_000; i += 1) {
    const port = i % 3 === 0 ? 40_000 + (i % 100) : 5353;
    const from = { address: `192.0.2.${50 + (i % 100)}`, port, isOwn: i % 50 === 0 };
    box.heard('lan', Buffer.from(mutate(seeds[i % seeds.length] ?? RESPONSE, next)), from);
    if (i % 100 === 0) {
      await house.clock.advance(500);
    }
  }
  await house.clock.advance(200_000);
  // Each waiting answer, probe and tick has its time in the clock.
  expect(house.clock.sleeping).toBeLessThan(5);
  const name = box.name ?? '';
  expect(name).toMatch(/^perch(-\d+)?\.local$/);
  const question: Question = { name, type: 'A' };
  const said = await house.saidWithin(0, () =>
    house.send('192.0.2.90', 'lan', encode({ type: 'query', questions: [question] })),
  );
  expect(said.at(-1)?.message.answers).toMatchObject([{ type: 'A', data: '192.0.2.5' }]);
});

test('the lexicographically later of two claims wins in any order, and equal claims tie', () => {
  const claim = (...addresses: string[]) => recordsOf({ ...PUBLISHED, addresses }, 'host').map(heardAs);
  expect(compareClaims(claim('192.0.2.5'), claim('192.0.2.6'))).toBeLessThan(0);
  expect(compareClaims(claim('192.0.2.200'), claim('192.0.2.6'))).toBeGreaterThan(0);
  expect(compareClaims(claim('192.0.2.5', '2001:db8::5'), claim('192.0.2.5'))).toBeGreaterThan(0);
  expect(compareClaims(claim('2001:db8::5', '192.0.2.5'), claim('192.0.2.5', '2001:db8::5'))).toBe(0);
});
