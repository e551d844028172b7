import { expect, test } from 'vitest';
import { LinkedBoxes, type TrustedFleet } from '../../../auth/pairing/linked-boxes.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import { takeOrders } from './dialing.ts';

const ORDERS = { key: 'x'.repeat(43) };

/** A box on the bus, whose dialer obeys orders of trusted servers. An order is the id of its server. */
function boxOnBus() {
  const links = new LinkedBoxes();
  const trusted = new Map<string, TrustedFleet | undefined>();
  links.dialer = {
    now: { run: 'run-7', timeS: 1_800_000_000 },
    trust: async (server, fleet) => void trusted.set(server, fleet),
    obey: async (server) => {
      if (!trusted.get(server)) {
        throw new PerchError('unauthorized', 'this box does not belong to that fleet', { why: 'unknown' });
      }
    },
  };
  const paired: { id: string }[] = [{ id: 'first' }];
  const deps = { links, servers: { list: () => paired as never }, log: silentLogger };
  let hear: (fault: undefined, message: object) => void = () => expect.fail('it takes no orders');
  const client = {
    subscribe: (_: string, { callback }: { callback: typeof hear }) => {
      hear = callback;
    },
  };
  const connection = { client } as never;
  return {
    ...{ trusted, paired },
    connect: (hosts: string[]) =>
      takeOrders(connection, 'box', { format: 'perch-fleet', jwt: '', seed: '', orders: ORDERS, hosts }, deps),
    ask: (order: string) =>
      new Promise<unknown>((resolve) => {
        const respond = (text: string) => resolve(JSON.parse(text));
        hear(undefined, { data: new Uint8Array(9), string: () => order, respond });
      }),
  };
}

test('a server that was paired after the box had connected is trusted when it asks', async () => {
  const { connect, ask, paired, trusted } = boxOnBus();
  await connect(['r1.example:443']);
  expect([...trusted.keys()]).toEqual(['first']);
  paired.push({ id: 'second' });
  expect(await ask('second')).toEqual({});
  expect(await ask('third')).toEqual({ error: expect.stringContaining('does not belong'), why: 'unknown' });
});

test('a credential without hosts ends the trust in those of a former one', async () => {
  const { connect, trusted } = boxOnBus();
  await connect(['r1.example:443']);
  expect(trusted.get('first')).toBeDefined();
  await connect([]);
  expect(trusted.get('first')).toBeUndefined();
});
