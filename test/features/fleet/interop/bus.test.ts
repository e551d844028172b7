import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import { silentLogger } from '../../../../agent/base/log.ts';
import { BoxSide } from '../../../../agent/features/fleet/bus/box-side.ts';
import { BusLink } from '../../../../agent/features/fleet/bus/bus-link.ts';
import { CREDENTIAL_FILE } from '../../../../agent/features/fleet/bus/credential-file.ts';
import { openStores } from '../../../../agent/features/fleet/bus/stores.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { FakeClock } from '../../../support/base/fake-clock.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { BARN, startBox, startFleet, storedEvents, YARD } from '../support/fleet.ts';
import { ScriptedSource } from '../support/scripted-source.ts';

const LIMIT = { timeout: 240_000 };

describeWith(['nats-server'], 'the bus of a fleet', () => {
  test('events of a box reach the stream once, and its state the bucket', LIMIT, async () => {
    await using fleet = await startFleet();
    const server = await fleet.connect(await fleet.issue('server', 'cloud'));
    const { states } = await openStores(server, silentLogger);
    await using box = startBox(fleet, await fleet.issue('box', YARD));
    await box.becomes('connected');
    box.source.happens('a', false);
    box.source.happens('a');
    box.source.happens('b');
    await until(() => (box.link.status.queued === 0 ? true : undefined));
    const subject = `fleet.${YARD}.event`;
    expect(await storedEvents(server)).toEqual(['a', 'a', 'b'].map((id) => ({ subject, id })));
    const state = await until(async () => (await states.get(`${YARD}.state`)) ?? undefined);
    expect(state.json()).toMatchObject({ version: '1.2.3', cameras: [{ path: 'gate', ready: true }] });
    box.source.change([{ path: 'gate', name: 'Gate', ready: false, recording: false }]);
    const isReady = async () => (await states.get(`${YARD}.state`))?.string().includes('"ready":true');
    await until(async () => ((await isReady()) === false ? true : undefined));
  });

  test('a box on the bus takes another credential within seconds', LIMIT, async () => {
    await using fleet = await startFleet();
    const [first, second] = [await fleet.issue('box', YARD), await fleet.issue('box', YARD)];
    await using box = startBox(fleet, first);
    await until(() => box.jwts[0]);
    const file = join(box.folder, CREDENTIAL_FILE);
    writeFileSync(file, JSON.stringify(second));
    await until(() => box.jwts[1]);
    expect(box.jwts).toEqual([first.jwt, second.jwt]);
    await box.becomes('connected');
  });

  test('a stream whose confirmations a box could send elsewhere is not used', LIMIT, async () => {
    await using fleet = await startFleet();
    const server = await fleet.connect(await fleet.issue('server', 'cloud'));
    const { streams } = await jetstreamManager(server, { checkAPI: false });
    await streams.add({ name: 'FLEET_EVENTS', subjects: ['fleet.*.event'] });
    await expect(openStores(server, silentLogger)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('nats stream rm FLEET_EVENTS'),
    });
  });

  test('kill -9 of the NATS server and of the box: no event is lost, and they are in order', LIMIT, async () => {
    await using fleet = await startFleet();
    await openStores(await fleet.connect(await fleet.issue('server', 'cloud')), silentLogger);
    using folder = temporaryFolder();
    const config = `natsURL: ${fleet.nats.url}\npaths:\n  gate: {}\n`;
    const start = (former?: Agent) =>
      startAgent({
        config,
        dataDir: folder.path,
        isOwned: former === undefined,
        ...(former && { ports: former.ports }),
      });
    const credential = JSON.stringify(await fleet.issue('box', YARD));
    writeFileSync(join(folder.path, 'servers.json'), JSON.stringify({ box: YARD, servers: [], revoked: [] }));
    writeFileSync(join(folder.path, CREDENTIAL_FILE), credential);
    const told: string[] = [];
    const tell = async (agent: Agent, headers: Agent['headers'], count: number) => {
      for (let i = 0; i < count; i += 1) {
        const id = `event-${told.length}`;
        const body = JSON.stringify({ id, path: 'gate', type: 'motion' });
        const options = { method: 'POST', headers: { ...headers, 'Content-Type': 'application/json' }, body };
        const answer = await fetch(`${agent.url}/v3/events`, options);
        expect([id, answer.status, await answer.text()]).toEqual([id, 200, expect.any(String)]);
        told.push(id);
      }
    };
    await using first = await start();
    const { headers } = first;
    await tell(first, headers, 5);
    await fleet.nats.stop('SIGKILL');
    await tell(first, headers, 5);
    await first.process.stop('SIGKILL');
    await using second = await start(first);
    await tell(second, headers, 5);
    await fleet.nats.start();
    await tell(second, headers, 5);
    const server = await fleet.connect(await fleet.issue('server', 'other'));
    // One whose confirmation the kill has cut off comes twice.
    const stored = async () => [...new Set((await storedEvents(server)).map(({ id }) => id))];
    await until(async () => ((await stored()).length >= told.length ? true : undefined));
    expect(await stored()).toEqual(told);
  });

  test(
    'without a credential, with that of another box, and with a server that is away the reason is said',
    LIMIT,
    async () => {
      await using fleet = await startFleet();
      using folder = temporaryFolder();
      const source = new ScriptedSource();
      const clock = new FakeClock();
      const options = { box: YARD, source, folder: folder.path, clock, log: silentLogger };
      let side: BoxSide | undefined;
      const boxSide = () => {
        side ??= new BoxSide(options);
        return side;
      };
      const serverSide = () => {
        throw new Error('this is a box');
      };
      const link = new BusLink({ ...options, url: fleet.nats.url, boxSide, serverSide });
      const says = (text: string) =>
        until(async () => {
          await clock.advance(60_000);
          return link.status.error?.includes(text) ? true : undefined;
        });
      const write = async (box: string) =>
        writeFileSync(join(folder.path, CREDENTIAL_FILE), JSON.stringify(await fleet.issue('box', box)));
      await says('no credential of the fleet: perch fleet join FILE');
      await write(BARN);
      await says(`the credential is that of box ${BARN}, this is box ${YARD}`);
      await fleet.nats.stop();
      await write(YARD);
      await says(`no NATS server answers at ${new URL(fleet.nats.url).host}`);
      // From now on events wait for the bus.
      source.happens('a');
      expect(link.status.queued).toBe(1);
      await link.close();
      side?.close();
    },
  );
});
