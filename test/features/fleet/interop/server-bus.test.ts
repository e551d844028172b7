import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { expect, onTestFinished, test } from 'vitest';
import { NOT_CARRIED } from '../../../../agent/auth/pairing/box-bus.ts';
import { LinkedBoxes } from '../../../../agent/auth/pairing/linked-boxes.ts';
import { type Clock, systemClock } from '../../../../agent/base/clock.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { BusLink } from '../../../../agent/features/fleet/bus/bus-link.ts';
import { openBus } from '../../../../agent/features/fleet/bus/connection.ts';
import { memberOf } from '../../../../agent/features/fleet/bus/credential.ts';
import { CREDENTIAL_FILE } from '../../../../agent/features/fleet/bus/credential-file.ts';
import { ServerSide } from '../../../../agent/features/fleet/bus/server-side.ts';
import { EVENT_STREAM, requestSubject } from '../../../../agent/features/fleet/bus/subjects.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { FakeClock } from '../../../support/base/fake-clock.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { BARN, type Fleet, startBox, startFleet, YARD } from '../support/fleet.ts';

const LIMIT = { timeout: 240_000 };

interface Listed {
  readonly items: readonly { readonly id: string; readonly path: string; readonly end: string | null }[];
}

/** What a server has of the bus, without the rest of it. */
async function openSide(fleet: Fleet, clock: Clock) {
  const credential = await fleet.issue('server', 'cloud');
  const { bus } = new LinkedBoxes();
  const summons = {
    ask: async (current: () => Promise<unknown>) => void summoned.push(await current()),
    forget: (box: string) => void forgotten.push(box),
  };
  const summoned: unknown[] = [];
  const forgotten: string[] = [];
  const side = new ServerSide({ bus, summons: summons as never, clock, log: silentLogger });
  const connect = async () => {
    const connection = await openBus(new URL(fleet.nats.url).host, credential, memberOf(credential.jwt));
    void side.serve(connection, credential).catch(() => {});
    onTestFinished(() => connection.close());
    return connection;
  };
  onTestFinished(() => side.close());
  return { side, summoned, forgotten, connect, connection: await connect() };
}

describeWith(['nats-server'], 'a server on the bus of a fleet', () => {
  test(
    'events of boxes are those of its cameras, once each, also across kill -9 of the server and an outage of the bus',
    LIMIT,
    async () => {
      await using fleet = await startFleet();
      using folder = temporaryFolder();
      writeFileSync(join(folder.path, CREDENTIAL_FILE), JSON.stringify(await fleet.issue('server', 'cloud')));
      const paths = `paths:\n  yard/gate: {source: 'perch://${YARD}/gate', sourceOnDemand: yes}\n`;
      const config = `natsURL: ${fleet.nats.url}\n${paths}  barn/door: {source: 'perch://${BARN}/door', sourceOnDemand: yes}\n`;
      const start = (former?: Agent) =>
        startAgent({
          config,
          dataDir: folder.path,
          isOwned: former === undefined,
          ...(former && { ports: former.ports }),
        });
      await using first = await start();
      const { headers } = first;
      const listed = async (agent: Agent) => {
        const answer = await fetch(`${agent.url}/v3/events/list?to=2100-01-01T00:00:00Z`, { headers });
        const text = await answer.text();
        expect([answer.status, text]).toEqual([200, expect.any(String)]);
        const { items } = JSON.parse(text) as Listed;
        return items.map(({ id, path, end }) => `${path} ${id} ${end === null ? 'ongoing' : 'over'}`).sort();
      };
      const lists = (agent: Agent, ids: readonly string[]) =>
        until(async () => ((await listed(agent)).length >= ids.length ? true : undefined));
      await using yard = startBox(fleet, await fleet.issue('box', YARD));
      await yard.becomes('connected');
      // Another box names a camera that is not its own.
      await using barn = startBox(fleet, await fleet.issue('box', BARN));
      await barn.becomes('connected');
      barn.source.happens('not mine');
      await until(() => (barn.link.status.queued === 0 ? true : undefined));
      yard.source.happens('a', false);
      await until(async () => ((await listed(first)).includes('yard/gate a ongoing') ? true : undefined));
      yard.source.happens('a');
      yard.source.happens('b');
      await until(async () => ((await listed(first)).includes('yard/gate b over') ? true : undefined));
      await first.process.stop('SIGKILL');
      yard.source.happens('c');
      await fleet.nats.stop('SIGKILL');
      yard.source.happens('d');
      await using second = await start(first);
      await fleet.nats.start();
      yard.source.happens('e');
      await lists(second, ['a', 'b', 'c', 'd', 'e']);
      expect(await listed(second)).toEqual(['a', 'b', 'c', 'd', 'e'].map((id) => `yard/gate ${id} over`));
    },
  );

  test('an event that could not be stored comes again, and the past is read beside what happens', LIMIT, async () => {
    await using fleet = await startFleet();
    const { side } = await openSide(fleet, systemClock);
    await using yard = startBox(fleet, await fleet.issue('box', YARD));
    await until(() => (side.carries(YARD) ? true : undefined));
    const idOf = (event: unknown) => (event as { readonly id: string }).id;
    const taken: string[] = [];
    const end = side.follow(YARD, undefined, async (event) => {
      taken.push(idOf(event));
      if (taken.length === 2) {
        throw new Error('the disk is full');
      }
    });
    for (const id of ['a', 'b', 'c']) {
      yard.source.happens(id);
    }
    await until(() => (taken.length === 4 ? true : undefined));
    expect(taken).toEqual(['a', 'b', 'b', 'c']);
    const past: string[] = [];
    const takePast = async (event: unknown) => void past.push(idOf(event));
    const ended = Promise.withResolvers<void>();
    const endPast = side.past(YARD, undefined, takePast, () => {});
    await until(() => (past.length === 3 ? true : undefined));
    yard.source.happens('d');
    await until(() => (taken.includes('d') ? true : undefined));
    expect(past).toEqual(['a', 'b', 'c']);
    // Of a box that has never published there is none.
    const endEmpty = side.past(BARN, undefined, takePast, ended.resolve);
    await ended.promise;
    await Promise.all([end(), endPast(), endEmpty()]);
    expect(past).toEqual(['a', 'b', 'c']);
  });

  test(
    'one consumer brings the events of all boxes, and one that waits for the disk delays no other',
    LIMIT,
    async () => {
      await using fleet = await startFleet();
      const { side, connection } = await openSide(fleet, systemClock);
      await using yard = startBox(fleet, await fleet.issue('box', YARD));
      await using barn = startBox(fleet, await fleet.issue('box', BARN));
      await until(() => (side.carries(YARD) && side.carries(BARN) ? true : undefined));
      const idOf = (event: unknown) => (event as { readonly id: string }).id;
      const disk = Promise.withResolvers<void>();
      const [slow, quick]: [string[], string[]] = [[], []];
      const ends = [
        // A mark of a stream that was made anew since.
        side.follow(YARD, 'former.7', async (event) => {
          slow.push(idOf(event));
          await disk.promise;
        }),
        side.follow(BARN, undefined, async (event) => void quick.push(idOf(event))),
      ];
      const ids = Array.from({ length: 250 }, (_, i) => `e${i}`);
      for (const id of ids) {
        yard.source.happens(id);
      }
      await until(() => (yard.link.status.queued === 0 ? true : undefined));
      barn.source.happens('b');
      await until(() => (quick.length > 0 ? true : undefined));
      expect(slow).toEqual(['e0']);
      disk.resolve();
      await until(() => (slow.length >= ids.length ? true : undefined));
      yard.source.happens('now');
      await until(() => (slow.includes('now') ? true : undefined));
      expect([slow, quick]).toEqual([[...ids, 'now'], ['b']]);
      const { consumers } = await jetstreamManager(connection.client, { checkAPI: false });
      await until(async () => ((await consumers.list(EVENT_STREAM).next()).length === 1 ? true : undefined));
      await Promise.all(ends.map((end) => end()));
    },
  );

  test('a server tries a bus that is away every few seconds, a box more and more seldom', LIMIT, async () => {
    await using fleet = await startFleet();
    await fleet.nats.stop();
    const longestOf = async (role: 'box' | 'server', id: string) => {
      using folder = temporaryFolder();
      writeFileSync(join(folder.path, CREDENTIAL_FILE), JSON.stringify(await fleet.issue(role, id)));
      const pauses: number[] = [];
      const sleep = async (ms: number) => void pauses.push(ms);
      const clock: Clock = { ...systemClock, sleep };
      const none = () => undefined as never;
      const options = {
        box: YARD,
        folder: folder.path,
        clock,
        log: silentLogger,
        url: fleet.nats.url,
        random: () => 0.5,
      };
      const link = new BusLink({ ...options, boxSide: none, serverSide: none });
      await until(() => (pauses.length > 8 ? true : undefined));
      await link.close();
      return Math.max(...pauses);
    };
    expect([await longestOf('server', 'cloud'), await longestOf('box', YARD)]).toEqual([5_000, 30_000]);
  });

  test('boxes are forgotten when the bus has been away for as long as their state is kept', LIMIT, async () => {
    await using fleet = await startFleet();
    const clock = new FakeClock();
    const { side, forgotten, connection } = await openSide(fleet, clock);
    await using yard = startBox(fleet, await fleet.issue('box', YARD));
    await yard.becomes('connected');
    await until(() => (side.carries(YARD) ? true : undefined));
    await clock.advance(70_000);
    await fleet.nats.stop();
    await connection.ended;
    await clock.advance(80_000);
    expect([side.carries(YARD), forgotten]).toEqual([true, []]);
    await clock.advance(20_000);
    expect([side.carries(YARD), forgotten]).toEqual([false, [YARD]]);
  });

  test('what is asked while the server changes to another NATS server waits for it', LIMIT, async () => {
    await using fleet = await startFleet();
    const { side, summoned, connect, connection } = await openSide(fleet, systemClock);
    await using yard = startBox(fleet, await fleet.issue('box', YARD));
    await until(() => (side.carries(YARD) ? true : undefined));
    await yard.link.close();
    // It has subscribed, and answers nothing.
    const box = await fleet.connect(await fleet.issue('box', YARD));
    box.subscribe(requestSubject(YARD, 'http'));
    await box.flush();
    const never = new AbortController().signal;
    const asked = side.ask(YARD, new Uint8Array(1), never);
    await Promise.all([connection.close(), expect(asked).rejects.toMatchObject({ context: { why: NOT_CARRIED } })]);
    const waiting = side.summon(YARD);
    const second = await connect();
    await waiting;
    expect(summoned).toEqual([expect.objectContaining({ connection: second })]);
  });

  test('a server that is told no more of the bus connects to it anew', LIMIT, async () => {
    await using fleet = await startFleet();
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, CREDENTIAL_FILE), JSON.stringify(await fleet.issue('server', 'cloud')));
    let served = 0;
    const serve = async () => {
      served += 1;
    };
    const options = { box: YARD, folder: folder.path, clock: systemClock, log: silentLogger, url: fleet.nats.url };
    const boxSide = () => expect.fail('this is a server');
    const link = new BusLink({ ...options, boxSide, serverSide: () => ({ serve }) as never });
    await until(() => (served > 1 ? true : undefined));
    await link.close();
  });
});
