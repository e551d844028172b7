import { encode } from 'dns-packet';
import { expect, test } from 'vitest';
import { MdnsHouse } from '../../test/support/cameras/mdns-house.ts';
import type { MdnsRecord } from './message.ts';
import type { Responder } from './responder.ts';

const namesOf = (...boxes: readonly Responder[]) => boxes.map(({ name }) => name).sort();
const tell = (...answers: MdnsRecord[]) => encode({ type: 'response', id: 0, flags: 1 << 10, answers });
const address = (data: string, ttl = 120): MdnsRecord => ({ name: 'perch.local', type: 'A', ttl, flush: true, data });
const instances = (house: MdnsHouse) => [
  ...new Set(
    house.said.flatMap(({ message }) =>
      (message.answers ?? []).flatMap((one) => (one.type === 'SRV' ? [`${one.name} ${one.data.target}`] : [])),
    ),
  ),
];

test('a second box becomes perch-2.local and Perch (2), and the first keeps its name', async () => {
  const house = new MdnsHouse();
  const first = house.box('192.0.2.5');
  await house.clock.advance(5_000);
  const second = house.box('192.0.2.6');
  await house.clock.advance(5_000);
  expect([first.name, second.name]).toEqual(['perch.local', 'perch-2.local']);
  expect(instances(house)).toEqual(['Perch._http._tcp.local perch.local', 'Perch (2)._http._tcp.local perch-2.local']);

  first.close();
  await house.clock.advance(120_000);
  expect(second.name).toBe('perch-2.local');
});

test.for([1, 2, 3, 4, 5, 6, 7, 8])(
  'boxes that start in the same second get different names, for any random seed (%i)',
  async (seed) => {
    const house = new MdnsHouse(seed);
    const boxes = Array.from({ length: 5 }, (_, i) => house.box(`192.0.2.${i + 5}`));
    await house.clock.advance(30_000);
    expect(namesOf(...boxes)).toEqual([
      'perch-2.local',
      'perch-3.local',
      'perch-4.local',
      'perch-5.local',
      'perch.local',
    ]);
  },
);

test('the later address of two simultaneous probes wins', async () => {
  const house = new MdnsHouse();
  const [low, high] = [
    house.box('192.0.2.5', {}, { random: () => 0 }),
    house.box('192.0.2.200', {}, { random: () => 0 }),
  ];
  await house.clock.advance(10_000);
  expect([low.name, high.name]).toEqual(['perch-2.local', 'perch.local']);
});

test.for([11, 12, 13, 14, 15, 16])(
  'boxes get different names although every third packet is lost (%i)',
  async (seed) => {
    const house = new MdnsHouse(seed);
    house.lossRate = 1 / 3;
    const boxes = [5, 6, 7].map((last) => house.box(`192.0.2.${last}`));
    await house.clock.advance(20_000);
    house.lossRate = 0;
    // A lost claim is discovered when the name is queried.
    for (let i = 0; i < 5; i += 1) {
      house.send('192.0.2.90', 'lan', encode({ type: 'query', questions: [{ name: 'perch.local', type: 'A' }] }));
      house.send('192.0.2.90', 'lan', encode({ type: 'query', questions: [{ name: 'perch-2.local', type: 'A' }] }));
      await house.clock.advance(10_000);
    }
    expect(new Set(namesOf(...boxes)).size).toBe(3);
    expect(namesOf(...boxes)).not.toContain(undefined);
  },
);

test('a query for services and the name together learns at once that the name is taken', async () => {
  const house = new MdnsHouse();
  house.box('192.0.2.5');
  await house.clock.advance(5_000);
  const claim = { ...address('192.0.2.90'), flush: false };
  const said = await house.saidWithin(0, () => {
    house.send('192.0.2.90', 'lan', encode({ type: 'query', questions: [{ name: '_http._tcp.local', type: 'PTR' }] }));
    const questions = [{ name: 'perch.local', type: 'ANY' as 'A' }];
    house.send('192.0.2.90', 'lan', encode({ type: 'query', questions, authorities: [claim] }));
  });
  expect(said.at(-1)).toMatchObject({
    from: '192.0.2.5',
    message: { answers: [{ name: 'perch.local', data: '192.0.2.5' }] },
  });
});

test('two networks that are joined have one box of each name a moment later', async () => {
  const house = new MdnsHouse();
  const here = house.box('192.0.2.5', {}, { links: [{ key: 'here', addresses: ['192.0.2.5'] }] });
  const there = house.box('192.0.2.6', {}, { links: [{ key: 'lan', addresses: ['192.0.2.6'] }] });
  await house.clock.advance(5_000);
  expect(namesOf(here, there)).toEqual(['perch.local', 'perch.local']);

  const joined = house.box('192.0.2.5', {}, { links: [{ key: 'lan', addresses: ['192.0.2.5'] }] });
  here.close();
  await house.clock.advance(10_000);
  expect(namesOf(joined, there)).toEqual(['perch-2.local', 'perch.local']);
});

test('another host that claims the name is queried, and without an answer it does not own it', async () => {
  const house = new MdnsHouse();
  const box = house.box('192.0.2.5');
  await house.clock.advance(5_000);
  const said = await house.saidWithin(5_000, () => house.send('192.0.2.90', 'lan', tell(address('192.0.2.90'))));
  expect(said.filter(({ from, message }) => from === '192.0.2.5' && message.type === 'query')).toHaveLength(3);
  expect(box.name).toBe('perch.local');
});

test('against a host that claims every name, new names are tried slowly from the fifteenth on', async () => {
  const house = new MdnsHouse();
  const numbers: number[] = [];
  const box = house.box('192.0.2.5', {}, { onNumber: (number) => numbers.push(number) });
  for (let i = 0; i < 600; i += 1) {
    const asked = house.said.filter(({ from }) => from === '192.0.2.5').at(-1)?.message;
    const name = asked?.type === 'query' ? asked.questions?.[0]?.name : undefined;
    if (name !== undefined) {
      house.send('192.0.2.90', 'lan', tell({ ...address('192.0.2.90'), name }));
    }
    await house.clock.advance(100);
  }
  expect(box.name).toBeUndefined();
  expect(numbers.length).toBeGreaterThan(14);
  expect(numbers.length).toBeLessThan(30);
});

test('a box in two networks that are one has no quarrel with itself', async () => {
  const house = new MdnsHouse();
  const [wired, wireless] = ['192.0.2.5', '192.0.2.6'];
  const links = [
    { key: 'lan', addresses: [wired] },
    { key: 'wlan', addresses: [wireless] },
  ];
  const box = house.box(wired, {}, { links });
  const other = house.said.length;
  // A message in one of them arrives in the other, from the sender's address.
  for (let heard = other, i = 0; i < 200; i += 1) {
    for (const said of house.said.slice(heard)) {
      for (const key of ['lan', 'wlan']) {
        box.heard(key, said.bytes, { address: said.from, port: 5353, isOwn: true });
      }
    }
    heard = house.said.length;
    await house.clock.advance(100);
  }
  expect(box.name).toBe('perch.local');
  expect(house.said.length).toBeLessThan(12);
});

test('reflected announcements, as of some routers, are not a conflict', async () => {
  const house = new MdnsHouse();
  const box = house.box('192.0.2.5');
  await house.clock.advance(5_000);
  for (const { bytes } of [...house.said]) {
    house.send('192.0.2.1', 'lan', bytes);
  }
  await house.clock.advance(10_000);
  expect(box.name).toBe('perch.local');
});

test('a record with a too short TTL from another host is corrected', async () => {
  const house = new MdnsHouse();
  house.box('192.0.2.5');
  await house.clock.advance(5_000);
  const said = await house.saidWithin(2_000, () => house.send('192.0.2.1', 'lan', tell(address('192.0.2.5', 0))));
  expect(said.filter(({ from }) => from === '192.0.2.5').map(({ message }) => message.answers)).toMatchObject([
    [{ name: 'perch.local', ttl: 120, data: '192.0.2.5' }],
  ]);
});

test('another program of the machine that has the name already answers for it, and the box when that one has left', async () => {
  const house = new MdnsHouse();
  const avahi = tell(address('192.0.2.5'));
  const box = house.box('192.0.2.5');
  const began = house.clock.advance(100);
  house.send('192.0.2.5', 'lan', avahi);
  await began;
  const said = await house.saidWithin(10_000);
  const answers = said.flatMap(({ message }) => (message.type === 'response' ? (message.answers ?? []) : []));
  expect(answers.filter(({ name }) => name === 'perch.local')).toEqual([]);
  expect(answers.filter(({ type }) => type === 'SRV')).not.toEqual([]);
  expect(box.name).toBe('perch.local');

  house.send('192.0.2.5', 'lan', tell(address('192.0.2.5', 0)));
  const later = await house.saidWithin(10_000);
  expect(later.flatMap(({ message }) => message.answers ?? []).map(({ name }) => name)).toContain('perch.local');
});

test('another program of the machine that disappears without a goodbye is noticed within a minute or two', async () => {
  const house = new MdnsHouse();
  const box = house.box('192.0.2.5');
  const began = house.clock.advance(100);
  house.send('192.0.2.5', 'lan', tell(address('192.0.2.5')));
  await began;
  const said = await house.saidWithin(120_000);
  expect(said.flatMap(({ message }) => message.answers ?? []).map(({ name }) => name)).toContain('perch.local');
  expect(box.name).toBe('perch.local');
});

test('two on one machine with different ports get different names', async () => {
  const house = new MdnsHouse();
  const one = house.box('192.0.2.5', { port: 8080 });
  await house.clock.advance(5_000);
  const two = house.box('192.0.2.5', { port: 9080 });
  await house.clock.advance(5_000);
  expect([one.name, two.name]).toEqual(['perch.local', 'perch-2.local']);
  two.close();
  await house.clock.advance(200_000);
  expect(one.name).toBe('perch.local');
});

test('a box that was the second one asks for that name first', async () => {
  const house = new MdnsHouse();
  const box = house.box('192.0.2.5', {}, { number: 2 });
  await house.clock.advance(5_000);
  expect(box.name).toBe('perch-2.local');
});
