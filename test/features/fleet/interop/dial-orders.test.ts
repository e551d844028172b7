import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';
import {
  isOrderSigned,
  isPinProven,
  type OrderClaims,
  readDialOrder,
  writeDialOrder,
} from '../../../../agent/auth/pairing/dial-order.ts';
import { LinkedBoxes, type LinkedPairing, type TrustedFleet } from '../../../../agent/auth/pairing/linked-boxes.ts';
import { type Clock, systemClock } from '../../../../agent/base/clock.ts';
import { PerchError } from '../../../../agent/base/errors.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { BoxSide } from '../../../../agent/features/fleet/bus/box-side.ts';
import { openBus } from '../../../../agent/features/fleet/bus/connection.ts';
import { type Credential, memberOf } from '../../../../agent/features/fleet/bus/credential.ts';
import { takeOrders } from '../../../../agent/features/fleet/bus/dialing.ts';
import { LearntHosts } from '../../../../agent/features/fleet/bus/learnt-hosts.ts';
import { ServerSide } from '../../../../agent/features/fleet/bus/server-side.ts';
import { openStores } from '../../../../agent/features/fleet/bus/stores.ts';
import { bucketSubject, eventSubject, stateKey, storedSubject } from '../../../../agent/features/fleet/bus/subjects.ts';
import { Summons } from '../../../../agent/features/fleet/bus/summons.ts';
import { until } from '../../../peers/agent/agent.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import {
  BARN,
  type Fleet,
  publishStored,
  RESPONSES,
  startFleet,
  storedEvents,
  withRights,
  YARD,
} from '../support/fleet.ts';
import { ScriptedSource } from '../support/scripted-source.ts';

const LIMIT = { timeout: 240_000 };
const SERVER = 'AbCdEfGh-_123456';
const NOW = { run: 'run-7', timeS: 1_800_000_000 };
const REPLICA = 'r2.example:443';
const PIN = `key.${'A'.repeat(43)}`;

/** A box on the bus whose dialer notes what it is told. */
async function openBox(fleet: Fleet, check: (claims: OrderClaims) => void = () => {}, given?: Credential) {
  const { folder } = fleet;
  const credential = given ?? (await fleet.issue('box', YARD));
  const links = new LinkedBoxes();
  const trusted: [string, TrustedFleet | undefined][] = [];
  const heard: string[] = [];
  const obeyed: string[] = [];
  links.dialer = {
    now: NOW,
    trust: async (server, given) => void trusted.push([server, given]),
    obey: async (order) => {
      heard.push(order);
      const claims = readDialOrder(order);
      const { run, addr } = claims;
      if (run !== NOW.run) {
        throw new PerchError('unauthorized', 'the order is for another run', { why: 'run' });
      }
      check(claims);
      obeyed.push(addr);
    },
  };
  const servers = { list: () => [{ id: SERVER }] as never };
  mkdirSync(join(folder, 'box'));
  const learnt = new LearntHosts(join(folder, 'box'), silentLogger);
  const onConnected = (...open: Parameters<NonNullable<ConstructorParameters<typeof BoxSide>[0]['onConnected']>>) =>
    takeOrders(open[0], YARD, open[1], { links, servers, learnt, log: silentLogger });
  const options = { box: YARD, source: new ScriptedSource(), folder: join(folder, 'box'), clock: systemClock };
  const side = new BoxSide({ ...options, onConnected, log: silentLogger });
  const connection = await openBus(new URL(fleet.nats.url).host, credential, memberOf(credential.jwt));
  void side.serve(connection, credential);
  onTestFinished(async () => {
    await connection.close();
    side.close();
  });
  return { trusted, heard, obeyed, credential };
}

/** A server on the bus, which has a pairing with the box. */
async function openServer(fleet: Fleet, address = REPLICA, clock: Clock = systemClock, issued?: Credential) {
  const credential = issued ?? (await fleet.issue('server', 'cloud'));
  const links = new LinkedBoxes();
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pairing: LinkedPairing = { server: SERVER, privateKey, key: '', boxKey: '' };
  links.pairings = {
    find: () => pairing,
    has: () => true,
    mayAdd: () => {},
    add: async () => {},
    showCameras: async () => {},
  };
  const more = { clock, log: silentLogger };
  const summons = new Summons({ address: () => address, pin: () => PIN, links, ...more });
  const side = new ServerSide({
    bus: links.bus,
    summons,
    ...more,
  });
  const connection = await openBus(new URL(fleet.nats.url).host, credential, memberOf(credential.jwt));
  void side.serve(connection, credential).catch(() => {});
  onTestFinished(async () => {
    await connection.close();
    side.close();
  });
  const onBus = () => until(() => (links.bus.carrier?.carries(YARD) ? true : undefined));
  return { links, onBus, connection, credential, summons, publicKey };
}

/** What a box answers to what a server sends it as an order. */
const answerTo = (client: NatsConnection, order: string): Promise<unknown> =>
  client
    .request(`fleet.${YARD}.request.dial`, order, {
      ...{ timeout: 20_000, noMux: true },
      reply: `fleet.${YARD}.answer.cloud.${randomBytes(16).toString('base64url')}`,
    })
    .then((message) => message.json());

/** An order that the dialer of `openBox` obeys. */
function anyOrder(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  return writeDialOrder({ ...NOW, box: YARD, server: SERVER, address: REPLICA }, privateKey);
}

/** The credential of a box as versions before have issued it. */
const formerOf = async (fleet: Fleet): Promise<Credential> =>
  withRights(fleet, await fleet.issue('box', YARD), (rights) => ({ ...rights, ...RESPONSES }));

describeWith(['nats-server'], 'orders to dial', () => {
  test(
    'a server that has no connection of a box asks it by the bus: the box says what an order has to name, and obeys the next',
    LIMIT,
    async () => {
      await using fleet = await startFleet(['r1.example:443', REPLICA]);
      const { links, onBus, credential: ofServer } = await openServer(fleet);
      const { trusted, heard, obeyed, credential } = await openBox(fleet);
      await onBus();
      const { orders } = credential;
      expect(orders).toEqual({ key: expect.any(String) });
      expect(ofServer.orders?.secret).toEqual(expect.any(String));
      expect(trusted).toEqual([
        [SERVER, { key: orders?.key, replicas: [{ address: 'r1.example:443' }, { address: REPLICA }] }],
      ]);
      // The box may not hear orders yet when its state is there.
      await until(() => {
        expect(() => links.open(YARD)).toThrow('the box has not connected to this server');
        return obeyed[0];
      });
      expect([heard.length, obeyed]).toEqual([2, [REPLICA]]);
      const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: orders?.key ?? '' }, format: 'jwk' });
      expect(heard.map((order) => isOrderSigned(order, key))).toEqual([true, true]);
      expect(readDialOrder(heard[1] ?? '')).toMatchObject({
        aud: YARD,
        sub: SERVER,
        ...{ run: NOW.run, iat: NOW.timeS },
      });
      // Viewers ask again at once: the box hears nothing of that.
      expect(() => links.open(YARD)).toThrow();
      expect(() => links.open(YARD)).toThrow();
      expect(heard).toHaveLength(2);
    },
  );

  test('a server whose certificate the box does not know vouches for it, and else says what to do', LIMIT, async () => {
    await using fleet = await startFleet([REPLICA]);
    const { links, onBus, summons, publicKey } = await openServer(fleet);
    let takesPin = false;
    const { obeyed } = await openBox(fleet, (claims) => {
      if (!takesPin || claims.pin !== PIN || !isPinProven(claims, publicKey)) {
        throw new PerchError('unauthorized', 'its certificate is not valid', { why: 'certificate' });
      }
    });
    await onBus();
    const said = await until(async () => {
      await links.bus.carrier?.summon(YARD);
      return summons.problems()[0];
    });
    expect(said).toMatchObject({ name: YARD, why: 'certificate', since: expect.any(String) });
    expect(said.text).toMatch(
      /its certificate is not valid: give this server a certificate .* \(NODE_EXTRA_CA_CERTS\)$/,
    );
    takesPin = true;
    await until(async () => {
      await links.bus.carrier?.summon(YARD);
      return obeyed[0];
    });
    expect(summons.problems()).toEqual([]);
  });

  test('a server without replicaAddress says that it lacks it', LIMIT, async () => {
    await using fleet = await startFleet(['r1.example:443', REPLICA]);
    const clock = { ...systemClock };
    const { links, onBus, summons } = await openServer(fleet, '', clock);
    await openBox(fleet);
    await onBus();
    await links.bus.carrier?.summon(YARD);
    expect(summons.problems()).toEqual([]);
    clock.monoMs = () => systemClock.monoMs() + 60_000;
    expect(summons.problems()).toMatchObject([{ why: 'noAddress' }]);
  });

  test('a box connects to a server that was added later, by the list that this server brings', LIMIT, async () => {
    await using fleet = await startFleet(['r1.example:443']);
    const earlier = await fleet.issue('box', YARD);
    await fleet.keys.setHosts(['r1.example:443', REPLICA], Date.now());
    const { links, onBus, connection } = await openServer(fleet);
    // The bucket has to be there before the box says what it has.
    await openStores(connection.client, silentLogger);
    const { trusted, obeyed } = await openBox(fleet, undefined, earlier);
    await onBus();
    expect(trusted.at(-1)?.[1]?.replicas).toEqual([{ address: 'r1.example:443' }]);
    await until(() => {
      expect(() => links.open(YARD)).toThrow('the box has not connected to this server');
      return obeyed[0];
    });
    expect(trusted.at(-1)?.[1]?.replicas).toEqual([{ address: 'r1.example:443' }, { address: REPLICA }]);
  });

  test('an order that is lost with the NATS server of the box is sent again', LIMIT, async () => {
    await using fleet = await startFleet([REPLICA]);
    const { links, onBus } = await openServer(fleet);
    const earlier = await fleet.connect(await fleet.issue('box', YARD));
    // The server is on the bus already, or will be.
    await until(async () => {
      earlier.publish(bucketSubject(stateKey(YARD)), '{}');
      return links.bus.carrier?.carries(YARD) || undefined;
    });
    await onBus();
    await earlier.close();
    const called = links.bus.carrier?.summon(YARD);
    const { obeyed } = await openBox(fleet);
    await called;
    expect(obeyed).toEqual([REPLICA]);
  });

  test('a box cannot have another one, or a server, take what it writes for an order or an answer', LIMIT, async () => {
    await using fleet = await startFleet([REPLICA]);
    const { onBus, connection } = await openServer(fleet);
    const { heard, obeyed } = await openBox(fleet);
    await onBus();
    const thief = await fleet.connect(await fleet.issue('box', '00000000000000b9'));
    const order = () => answerTo(connection.client, 'no order');
    await until(() => order().catch(() => undefined));
    // The confirmation of a stream would go where the sender says, also where it may not publish itself.
    await publishStored(thief, '00000000000000b9', { id: 'x' }, `fleet.${YARD}.request.dial`);
    await publishStored(thief, '00000000000000b9', { id: 'y' });
    // Whatever came before this is known to the box.
    await order();
    expect(obeyed).toEqual([]);
    expect([...new Set(heard)]).toEqual(['no order']);
  });
  test.for(['now', 'before'])(
    'a stolen credential of a server has no box write elsewhere, whose credential is of %s',
    LIMIT,
    async (age) => {
      await using fleet = await startFleet([REPLICA]);
      const thief = await fleet.connect(await fleet.issue('server', 'cloud'));
      const { manager, states } = await openStores(thief, silentLogger);
      const barn = await fleet.connect(await fleet.issue('box', BARN));
      await publishStored(barn, BARN, { id: 'of the barn' });
      barn.publish(bucketSubject(stateKey(BARN)), '"of the barn"');
      await until(async () => (await states.get(stateKey(BARN))) ?? undefined);
      const { obeyed } = await openBox(fleet, undefined, age === 'now' ? undefined : await formerOf(fleet));
      await until(() => answerTo(thief, 'no order').catch(() => undefined));
      const forged: string[] = [];
      thief.subscribe(`fleet.*.answer.cloud.*`, { callback: (_, { subject }) => void forged.push(subject) });
      const before = await storedEvents(thief);
      const api = ['STREAM.PURGE', 'STREAM.DELETE', 'STREAM.MSG.DELETE'].flatMap((call) =>
        ['FLEET_EVENTS', 'KV_FLEET'].map((stream) => `$JS.API.${call}.${stream}`),
      );
      const elsewhere = [
        ...api,
        ...[bucketSubject(stateKey(BARN)), bucketSubject(stateKey(YARD)), eventSubject(BARN), eventSubject(YARD)],
        ...[storedSubject(BARN), `fleet.${BARN}.request.dial`, `fleet.${BARN}.answer.cloud.${'x'.repeat(22)}`],
        ...[`fleet.${YARD}.answer.cloud.x.y`, `fleet.${YARD}.answer.cloud.x`, `_INBOX.${BARN}.x`],
      ];
      for (const reply of elsewhere) {
        thief.publish(`fleet.${YARD}.request.dial`, 'x', { reply });
        thief.publish(`fleet.${YARD}.request.dial`, anyOrder(), { reply });
      }
      thief.publish(`fleet.${YARD}.request.dial`, anyOrder());
      // Whatever came before this is known to the box, and its answers to the streams.
      await answerTo(thief, 'no order');
      await publishStored(barn, BARN, { id: 'last' });
      expect(await storedEvents(thief)).toEqual([...before, { subject: eventSubject(BARN), id: 'last' }]);
      expect((await states.get(stateKey(BARN)))?.string()).toBe('"of the barn"');
      expect((await manager.streams.info('KV_FLEET')).state.messages).toBe(2);
      expect(forged.filter((subject) => subject.includes(BARN))).toEqual([]);
      expect(obeyed).toEqual([]);
    },
  );

  test('a box with a credential of before obeys a server of now, and one of before', LIMIT, async () => {
    await using fleet = await startFleet([REPLICA]);
    const { links, onBus, connection } = await openServer(fleet);
    const { obeyed } = await openBox(fleet, undefined, await formerOf(fleet));
    await onBus();
    await until(async () => {
      await links.bus.carrier?.summon(YARD);
      return obeyed[0];
    });
    const former = await connection.client.request(`fleet.${YARD}.request.dial`, 'no order', { timeout: 20_000 });
    expect(former.json()).toMatchObject({ why: 'form' });
  });

  test('a server takes the answer of a box of before, which answers where the message says', LIMIT, async () => {
    await using fleet = await startFleet([REPLICA]);
    const { links, summons } = await openServer(fleet);
    const box = await fleet.connect(await formerOf(fleet));
    box.subscribe(`fleet.${YARD}.request.dial`, {
      callback: (_, message) => void message.respond('{"error":"not of the fleet","why":"address"}'),
    });
    await until(async () => {
      box.publish(bucketSubject(stateKey(YARD)), '{}');
      return links.bus.carrier?.carries(YARD) || undefined;
    });
    await links.bus.carrier?.summon(YARD);
    expect(summons.problems()).toMatchObject([{ name: YARD, why: 'address' }]);
  });

  test('a server whose credential is older than answers of boxes asks one of before', LIMIT, async () => {
    await using fleet = await startFleet([REPLICA]);
    const issued = await fleet.issue('server', 'cloud');
    const ofBefore = await withRights(fleet, issued, (rights) => ({ ...rights, sub: { allow: ['_INBOX.cloud.>'] } }));
    const { links, onBus } = await openServer(fleet, REPLICA, systemClock, ofBefore);
    const { obeyed } = await openBox(fleet, undefined, await formerOf(fleet));
    await onBus();
    await until(async () => {
      await links.bus.carrier?.summon(YARD);
      return obeyed[0];
    });
  });
});
