import { encode, type Question } from 'dns-packet';
import { expect, test } from 'vitest';
import { MdnsHouse, type Said } from '../../test/support/cameras/mdns-house.ts';
import type { MdnsRecord } from './message.ts';

const PHONE = '192.0.2.90';
const BOX = '192.0.2.5';

const ask = (name: string, type: string, more: Partial<Parameters<typeof encode>[0]> = {}) =>
  encode({ type: 'query', id: 0, questions: [{ name, type: type as Question['type'] }], ...more });
/** With the bit that asks for an answer to oneself. */
function askAlone(name: string, type: string): Buffer {
  const bytes = ask(name, type);
  bytes.writeUInt16BE(0x8001, bytes.length - 2);
  return bytes;
}
const address = (name: string, data: string, ttl = 120): MdnsRecord => ({ name, type: 'A', ttl, flush: true, data });
const answersOf = (said: readonly Said[]) =>
  said.flatMap(({ message }) => (message.type === 'response' ? (message.answers ?? []) : [])) as MdnsRecord[];
const shown = (records: readonly MdnsRecord[]) => records.map(({ name, type }) => `${type} ${name}`);

/** A box that has its name, and silence. */
async function settled(house = new MdnsHouse()) {
  const box = house.box(BOX);
  await house.clock.advance(10_000);
  return { house, box };
}

test('a box probes three times, 250 ms apart, announces itself twice, and is silent then', async () => {
  const house = new MdnsHouse();
  const box = house.box(BOX);
  expect(box.name).toBeUndefined();
  const said = await house.saidWithin(120_000);

  const probes = said.filter(({ message }) => message.type === 'query');
  const first = probes[0]?.atMs ?? 0;
  expect(first).toBeLessThan(250);
  expect(probes.map(({ atMs }) => Math.round(atMs - first))).toEqual([0, 250, 500]);
  expect(probes[0]?.message.authorities).toMatchObject([
    { name: 'perch.local', type: 'A', data: BOX, flush: false },
    { name: 'Perch._http._tcp.local', type: 'SRV', data: { port: 80, target: 'perch.local' } },
    { name: 'Perch._http._tcp.local', type: 'TXT' },
  ]);
  const announcements = said.filter(({ message }) => message.type === 'response');
  expect(announcements.map(({ atMs }) => Math.round(atMs - first))).toEqual([750, 1_750]);
  expect(announcements[0]?.message).toMatchObject({
    flag_aa: true,
    answers: [
      { name: 'perch.local', type: 'A', ttl: 120, flush: true, data: BOX },
      { name: '_http._tcp.local', type: 'PTR', ttl: 4500, flush: false, data: 'Perch._http._tcp.local' },
      { name: 'Perch._http._tcp.local', type: 'SRV', ttl: 120, flush: true },
      { name: 'Perch._http._tcp.local', type: 'TXT', ttl: 4500, flush: true },
      { name: '_services._dns-sd._udp.local', type: 'PTR', flush: false, data: '_http._tcp.local' },
    ],
  });
  expect(said).toHaveLength(5);
  expect(box.name).toBe('perch.local');
});

test('a query for the name is answered with the address at once, in any letter case', async () => {
  const { house } = await settled();
  house.send(PHONE, 'lan', ask('PERCH.Local', 'A'));
  const said = await house.saidWithin(0);
  expect(answersOf(said.slice(-1))).toMatchObject([{ name: 'perch.local', type: 'A', data: BOX }]);
  expect(said.at(-1)?.to).toBeUndefined();
});

test('a query for a missing address family is answered with the existing one, without a wait', async () => {
  const { house } = await settled();
  house.send(PHONE, 'lan', ask('perch.local', 'AAAA'));
  expect(answersOf(await house.saidWithin(0))).toMatchObject([
    { name: 'perch.local', type: 'NSEC', data: { nextDomain: 'perch.local', rrtypes: ['A'] } },
  ]);
});

test('a query for web pages is answered with box, port and address together, after a random delay', async () => {
  const { house } = await settled();
  const askedMs = house.clock.monoMs();
  house.send(PHONE, 'lan', ask('_http._tcp.local', 'PTR'));
  const [answer, ...more] = (await house.saidWithin(1_000)).filter(({ from }) => from === BOX);
  expect(more).toEqual([]);
  expect((answer?.atMs ?? 0) - askedMs).toBeGreaterThanOrEqual(20);
  expect((answer?.atMs ?? 0) - askedMs).toBeLessThanOrEqual(120);
  expect(shown(answer?.message.answers as MdnsRecord[])).toEqual(['PTR _http._tcp.local']);
  expect(shown(answer?.message.additionals as MdnsRecord[]).sort()).toEqual([
    'A perch.local',
    'SRV Perch._http._tcp.local',
    'TXT Perch._http._tcp.local',
  ]);
});

test('queries for other names are not answered, and known answers are not repeated', async () => {
  const { house } = await settled();
  house.send(PHONE, 'lan', ask('printer.local', 'A'));
  house.send(PHONE, 'lan', ask('_ipp._tcp.local', 'PTR'));
  house.send(PHONE, 'lan', ask('perch.local', 'A', { answers: [address('perch.local', BOX, 60)] }));
  const said = await house.saidWithin(5_000);
  expect(said.filter(({ from }) => from === BOX)).toEqual([]);

  house.send(PHONE, 'lan', ask('perch.local', 'A', { answers: [address('perch.local', BOX, 59)] }));
  expect(answersOf(await house.saidWithin(0))).toHaveLength(1);
});

test('known answers may be in a second packet', async () => {
  const { house } = await settled();
  const known = address('perch.local', BOX);
  house.send(PHONE, 'lan', ask('perch.local', 'A', { flags: 1 << 9 }));
  house.send(PHONE, 'lan', encode({ type: 'query', id: 0, answers: [known] }));
  const said = await house.saidWithin(1_000);
  expect(said.filter(({ from }) => from === BOX)).toEqual([]);
});

test('a record is said once a second to all, however many ask', async () => {
  const { house } = await settled();
  const before = house.said.length;
  for (let i = 0; i < 50; i += 1) {
    house.send(`192.0.2.${100 + i}`, 'lan', ask('perch.local', 'A'));
    await house.clock.advance(100);
  }
  const answers = house.said.slice(before).filter(({ from }) => from === BOX);
  expect(answers.length).toBeGreaterThanOrEqual(4);
  expect(answers.length).toBeLessThanOrEqual(5);
});

test('a unicast question gets a unicast answer if the record was multicast recently, else a multicast one', async () => {
  const { house } = await settled();
  house.send(PHONE, 'lan', askAlone('perch.local', 'A'));
  const soon = await house.saidWithin(0);
  expect(soon.at(-1)).toMatchObject({ from: BOX, to: { address: PHONE, port: 5353 } });
  await house.clock.advance(31_000);
  house.send(PHONE, 'lan', askAlone('perch.local', 'A'));
  const later = await house.saidWithin(0);
  expect(later.at(-1)).toMatchObject({ from: BOX, to: undefined });
});

test('a query from another port gets a legacy unicast response: its id, its question, a short TTL', async () => {
  const { house } = await settled();
  house.send(PHONE, 'lan', ask('perch.local', 'A', { id: 4711 }), undefined, 40_000);
  expect((await house.saidWithin(0)).at(-1)).toMatchObject({
    to: { address: PHONE, port: 40_000 },
    message: {
      id: 4711,
      questions: [{ name: 'perch.local', type: 'A' }],
      answers: [{ name: 'perch.local', type: 'A', ttl: 10, flush: false, data: BOX }],
    },
  });
});

test('two concurrent legacy queries get two answers, each with its id', async () => {
  const { house } = await settled();
  const said = await house.saidWithin(1_000, () => {
    house.send(PHONE, 'lan', ask('_http._tcp.local', 'PTR', { id: 1 }), undefined, 40_000);
    house.send(PHONE, 'lan', ask('perch.local', 'A', { id: 2 }), undefined, 40_000);
  });
  expect(said.filter(({ from }) => from === BOX).map(({ message }) => message.id)).toEqual([1, 2]);
});

test('a query from port 0 is not answered', async () => {
  const { house } = await settled();
  const said = await house.saidWithin(1_000, () => house.send(PHONE, 'lan', ask('perch.local', 'A'), undefined, 0));
  expect(said.filter(({ from }) => from === BOX)).toEqual([]);
});

test('a flood of questions gets at most 50 unicast answers a second', async () => {
  const { house } = await settled();
  const before = house.said.length;
  for (let i = 0; i < 1_000; i += 1) {
    house.send(PHONE, 'lan', ask('perch.local', 'A', { id: i }), undefined, 1_024 + i);
  }
  await house.clock.advance(0);
  expect(house.said.slice(before).filter(({ from }) => from === BOX)).toHaveLength(50);
});

test('a box that ends says so of all that is its own, once', async () => {
  const { house, box } = await settled();
  const said = await house.saidWithin(60_000, () => box.close());
  expect(answersOf(said).map(({ name, ttl }) => `${name} ${ttl}`)).toEqual([
    'perch.local 0',
    '_http._tcp.local 0',
    'Perch._http._tcp.local 0',
    'Perch._http._tcp.local 0',
  ]);
});

test('another address is said at once, twice, under the same name', async () => {
  const { house, box } = await settled();
  const now = ['192.0.2.6', '2001:db8::6'];
  const said = await house.saidWithin(5_000, () => box.setLinks([{ key: 'lan', addresses: now }], now));
  const addresses = answersOf(said).filter(({ name }) => name === 'perch.local');
  expect(addresses.map(({ type, data }) => `${type} ${data}`)).toEqual([
    ...['A 192.0.2.6', 'AAAA 2001:db8::6'],
    ...['A 192.0.2.6', 'AAAA 2001:db8::6'],
  ]);
  expect(box.name).toBe('perch.local');
});

test('a removed network loses the name, and gets it back on return', async () => {
  const { house, box } = await settled();
  box.setLinks([], []);
  expect(box.name).toBeUndefined();
  expect(await house.saidWithin(10_000)).toEqual([]);
  box.setLinks([{ key: 'lan', addresses: [BOX] }], [BOX]);
  await house.clock.advance(5_000);
  expect(box.name).toBe('perch.local');
});
