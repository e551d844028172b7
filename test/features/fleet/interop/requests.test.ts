import type { RequestListener } from 'node:http';
import type { NatsConnection } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';
import { LinkedBoxes } from '../../../../agent/auth/pairing/linked-boxes.ts';
import { systemClock } from '../../../../agent/base/clock.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { takeRequests } from '../../../../agent/features/fleet/bus/answering.ts';
import { BoxSide } from '../../../../agent/features/fleet/bus/box-side.ts';
import { openBus } from '../../../../agent/features/fleet/bus/connection.ts';
import { type Credential, type Member, memberOf } from '../../../../agent/features/fleet/bus/credential.ts';
import { ServerSide } from '../../../../agent/features/fleet/bus/server-side.ts';
import { until } from '../../../peers/agent/agent.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { BARN, type Fleet, RESPONSES, startFleet, withRights, YARD } from '../support/fleet.ts';
import { ScriptedSource } from '../support/scripted-source.ts';

const LIMIT = { timeout: 240_000 };
const NEVER = new AbortController().signal;
const DENIED = 'Permissions Violation';
const get = (path: string, more = ''): Buffer => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: box\r\n${more}\r\n`);

/** A box on the bus whose routes are the test's. @param route undefined: one that takes no requests */
async function openBox(fleet: Fleet, credential: Credential, route: RequestListener | undefined) {
  const { id: box } = memberOf(credential.jwt);
  const folder = temporaryFolder();
  const deps = { note: () => {}, clock: systemClock, log: silentLogger };
  const connection = await openBus(new URL(fleet.nats.url).host, credential, memberOf(credential.jwt));
  if (route) {
    takeRequests(connection, box, credential, { ...deps, route });
  }
  await connection.client.flush();
  const side = new BoxSide({ ...deps, box, source: new ScriptedSource(), folder: folder.path });
  void side.serve(connection, credential);
  onTestFinished(async () => {
    await connection.close();
    side.close();
    folder[Symbol.dispose]();
  });
  return connection;
}

/** A server on the bus. */
async function openServer(fleet: Fleet, issued?: Credential) {
  const credential = issued ?? (await fleet.issue('server', 'cloud'));
  const { bus } = new LinkedBoxes();
  const more = { clock: systemClock, log: silentLogger };
  const side = new ServerSide({ bus, summons: { ask: async () => {} } as never, ...more });
  const connection = await openBus(new URL(fleet.nats.url).host, credential, memberOf(credential.jwt));
  void side.serve(connection, credential).catch(() => {});
  onTestFinished(async () => {
    side.close();
    await connection.close();
  });
  return { side, client: connection.client, carries: (box: string) => until(() => side.carries(box) || undefined) };
}

/** A credential as versions before requests over the bus have issued it. */
async function formerCredential(fleet: Fleet, role: Member['role'], id: string): Promise<Credential> {
  const issued = await fleet.issue(role, id);
  return withRights(fleet, issued, ({ pub, sub, ...rights }) => {
    const former = (one: typeof pub) => ({
      allow: one?.allow?.filter((subject) => !subject.includes('.answer.')) ?? [],
    });
    return { ...rights, pub: former(pub), sub: former(sub), ...(role === 'box' && RESPONSES) };
  });
}

const denied = (client: NatsConnection, subject: string): Promise<string> => {
  const told = Promise.withResolvers<string>();
  const subscription = client.subscribe(subject, { callback: (error) => told.resolve(error?.message ?? 'a message') });
  return Promise.race([told.promise, client.flush().then(() => 'allowed')]).finally(() => subscription.unsubscribe());
};

describeWith(['nats-server'], 'requests over the bus of a fleet', () => {
  test('a short request gets its answer, a long one of either goes over a connection', LIMIT, async () => {
    await using fleet = await startFleet();
    const { side, carries } = await openServer(fleet);
    const [slow, asked] = [Promise.withResolvers<void>(), [] as string[]];
    await openBox(fleet, await fleet.issue('box', YARD), (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://box');
      asked.push(request.headers.upgrade ?? pathname);
      if (pathname === '/slow') {
        void slow.promise.then(() => response.end());
      } else {
        response.end('x'.repeat(Number(searchParams.get('bytes'))));
      }
    });
    await openBox(fleet, await fleet.issue('box', BARN), undefined);
    await carries(YARD);
    const answerTo = async (request: Buffer) => Buffer.from(await side.ask(YARD, request, NEVER)).toString();
    for (const bytes of [0, 5, 128 << 10, 700_000]) {
      const [head = '', body] = (await answerTo(get(`/a?bytes=${bytes}`))).split('\r\n\r\n');
      expect([head.slice(0, 15), body]).toEqual(['HTTP/1.1 200 OK', 'x'.repeat(bytes)]);
    }
    const notCarried = { context: { why: 'notCarried' } };
    await expect(answerTo(get('/a?bytes=1100000'))).rejects.toMatchObject(notCarried);
    await expect(answerTo(get('/a', `X: ${'x'.repeat(17_000)}\r\n`))).rejects.toMatchObject(notCarried);
    await carries(BARN);
    await expect(side.ask(BARN, get('/a'), NEVER)).rejects.toMatchObject(notCarried);
    await expect(side.ask('00000000000000b9', get('/a'), NEVER)).rejects.toMatchObject(notCarried);
    // No WebSockets, and one request in each message.
    const upgrade =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n';
    expect(await answerTo(get('/a', upgrade))).not.toContain(' 101 ');
    asked.length = 0;
    expect((await answerTo(Buffer.concat([get('/b'), get('/c')]))).match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(asked).toEqual(['/b']);
    // Beyond eight at once further ones wait, and one that its viewer has left makes room.
    const left = new AbortController();
    const waiting = Array.from({ length: 8 }, () => side.ask(YARD, get('/slow'), left.signal).catch(() => 'left'));
    const next = answerTo(get('/a?bytes=1'));
    await until(() => asked.filter((path) => path === '/slow').length === 8 || undefined);
    expect(asked).not.toContain('/a');
    left.abort();
    expect(await Promise.all(waiting)).toEqual(Array(8).fill('left'));
    expect(await next).toMatch(/\r\n\r\nx$/);
    slow.resolve();
  });

  test('a credential that is older than requests over the bus goes on without them', LIMIT, async () => {
    await using fleet = await startFleet();
    const box = await openBox(fleet, await formerCredential(fleet, 'box', YARD), (_, response) => response.end());
    const { side, carries } = await openServer(fleet);
    await carries(YARD);
    await expect(side.ask(YARD, get('/a'), NEVER)).rejects.toMatchObject({ context: { why: 'notCarried' } });
    const former = await openServer(fleet, await formerCredential(fleet, 'server', 'former'));
    await former.carries(YARD);
    await expect(former.side.ask(YARD, get('/a'), NEVER)).rejects.toMatchObject({ context: { why: 'notCarried' } });
    expect([box.client.isClosed(), former.client.isClosed()]).toEqual([false, false]);
  });

  test('a box answers for itself alone, to the server that asks, and no more than an answer has', LIMIT, async () => {
    await using fleet = await startFleet();
    const { side, client, carries } = await openServer(fleet);
    const credential = await fleet.issue('box', YARD);
    const { client: box } = await openBox(fleet, credential, undefined);
    const { client: other } = await openServer(fleet, await fleet.issue('server', 'other'));
    await carries(YARD);
    // Others neither read answers nor give them.
    for (const [one, subject] of [
      [box, `fleet.${YARD}.answer.>`],
      [box, `fleet.${BARN}.answer.>`],
      [box, `fleet.${BARN}.request.http`],
      [other, `fleet.${YARD}.answer.cloud.*`],
      [other, 'fleet.*.answer.>'],
      [other, `fleet.${YARD}.request.>`],
    ] as const) {
      expect([subject, await denied(one, subject)]).toEqual([subject, expect.stringContaining(DENIED)]);
    }
    const faults: string[] = [];
    void (async () => {
      for await (const status of box.status()) {
        faults.push(status.type === 'error' ? status.error.message : status.type);
      }
    })();
    for (const subject of [`fleet.${BARN}.answer.cloud.x`, `fleet.${YARD}.request.http`, `fleet.${YARD}.answer.x`]) {
      box.publish(subject, 'x', { reply: `fleet.${YARD}.answer.cloud.x` });
      await until(() => faults.find((fault) => fault.includes(DENIED) && fault.includes(subject)));
    }
    // A hostile box floods a server that asks nothing, and one that asks.
    const flood = async (subject: string) => {
      for (let i = 0; i < 2_000; i += 1) {
        box.publish(subject, new Uint8Array(1_000));
      }
      await box.flush();
      await client.flush();
    };
    const quiet = () => client.stats().inMsgs;
    const before = quiet();
    await flood(`fleet.${YARD}.answer.cloud.${'x'.repeat(22)}`);
    expect(quiet() - before).toBeLessThan(5);
    const heard: string[] = [];
    box.subscribe(`fleet.${YARD}.request.http`, {
      callback: (_, { reply = '' }) => {
        heard.push(reply);
        void flood(reply);
      },
    });
    await box.flush();
    await expect(side.ask(YARD, get('/a'), NEVER)).rejects.toMatchObject({ code: 'badInput' });
    await flood(heard[0] ?? '');
    expect(quiet() - before).toBeLessThan(20);
    expect(heard[0]).toMatch(new RegExp(`^fleet\\.${YARD}\\.answer\\.cloud\\.[\\w-]{22}$`));
  });

  test(
    'a stolen credential of a server cannot have a box write elsewhere, or be busy with what nobody signed',
    LIMIT,
    async () => {
      await using fleet = await startFleet();
      const { client: thief } = await openServer(fleet);
      let served = 0;
      const { client: box } = await openBox(fleet, await fleet.issue('box', YARD), (_, response) => {
        served += 1;
        response.end();
      });
      const before = box.stats().outMsgs;
      for (const reply of [
        ...[`fleet.${YARD}.event`, `fleet.${BARN}.event`, `$KV.FLEET.${YARD}.state`, '_INBOX.cloud.x'],
        ...[
          `fleet.${BARN}.answer.cloud.${'x'.repeat(22)}`,
          `fleet.${YARD}.answer.cloud.x.y`,
          `fleet.${YARD}.answer.cloud.>`,
        ],
      ]) {
        thief.publish(`fleet.${YARD}.request.http`, get('/a'), { reply });
      }
      thief.publish(`fleet.${YARD}.request.http`, get('/a'));
      await thief.flush();
      await box.flush();
      expect([served, box.stats().outMsgs - before]).toEqual([0, expect.any(Number)]);
      expect(box.stats().outMsgs - before).toBeLessThan(5);
      const beganMs = performance.now();
      for (let i = 0; i < 2_000; i += 1) {
        thief.publish(`fleet.${YARD}.request.http`, get('/a'), {
          reply: `fleet.${YARD}.answer.cloud.${'x'.repeat(22)}`,
        });
      }
      await thief.flush();
      await box.flush();
      expect(served).toBeGreaterThan(0);
      // 200 in a second.
      expect(served).toBeLessThanOrEqual(200 * Math.ceil((performance.now() - beganMs) / 1_000 + 1));
    },
  );
});
