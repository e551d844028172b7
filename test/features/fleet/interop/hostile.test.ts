import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import type { User } from '@nats-io/jwt';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { type Logger, silentLogger } from '../../../../agent/base/log.ts';
import type { CommandCall } from '../../../../agent/features/contract.ts';
import { memberOf } from '../../../../agent/features/fleet/bus/credential.ts';
import { openStores } from '../../../../agent/features/fleet/bus/stores.ts';
import { fleetCommand } from '../../../../agent/features/fleet/issue/fleet-command.ts';
import { joinFleet } from '../../../../agent/features/fleet/join.ts';
import { until } from '../../../peers/agent/agent.ts';
import { NATS_AUTHORITY, startNatsServer } from '../../../peers/programs/nats-server.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { KEYS } from '../../../support/harness/loaded-config.ts';
import { BARN, publishStored, startBox, startFleet, storedEvents, withRights, YARD } from '../support/fleet.ts';

const LIMIT = { timeout: 240_000 };
const DENIED = 'Permissions Violation';

const published = (client: NatsConnection, subject: string) =>
  client.request(subject, '{"id":"own"}', { timeout: 20_000 }).then(
    () => 'answered',
    (error: Error) => error.message,
  );

const subscribed = async (client: NatsConnection, subject: string): Promise<string> => {
  const denied = new Promise<string>((resolve) => {
    client.subscribe(subject, { callback: (error) => resolve(error?.message ?? 'a message') });
  });
  return Promise.race([denied, client.flush().then(() => 'allowed')]);
};

/** Deletes all that a stream has, where it allows that. */
const rollup = () => {
  const named = headers();
  named.set('Nats-Rollup', 'all');
  return named;
};

/** A call of `perch fleet` with these words. */
const callOf = (dataDir: string, words: readonly string[], options: Readonly<Record<string, string>> = {}) => {
  const lines: string[] = [];
  const call = {
    ...{ words, dataDir, cwd: dataDir, env: {}, keys: async () => KEYS },
    text: (option: string) => options[option],
    write: (line: string) => void lines.push(line),
  };
  return { call: call as unknown as CommandCall, lines };
};

describeWith(['nats-server'], 'credentials of a fleet', () => {
  test(
    'a stolen credential of a box reaches nothing of another one, and changes nothing that is stored',
    LIMIT,
    async () => {
      await using fleet = await startFleet();
      const server = await fleet.connect(await fleet.issue('server', 'cloud'));
      await openStores(server, silentLogger);
      const thief = await fleet.connect(await fleet.issue('box', YARD));
      for (const subject of [
        ...[
          `fleet.${BARN}.event`,
          `fleet.${BARN}.request.dial`,
          `fleet.${YARD}.request.dial`,
          `fleet.${YARD}.stored`,
          `fleet.${BARN}.stored`,
          `$KV.FLEET.${BARN}.state`,
          `$KV.FLEET.${YARD}.state2`,
          `$KV.FLEET.${YARD}.state.more`,
        ],
        ...['$JS.API.INFO', '$JS.API.STREAM.INFO.FLEET_EVENTS', '$JS.API.STREAM.PURGE.FLEET_EVENTS', '_INBOX.cloud.x'],
        ...['$JS.API.STREAM.MSG.GET.FLEET_EVENTS', '$JS.API.CONSUMER.CREATE.FLEET_EVENTS', '$SYS.REQ.CLAIMS.UPDATE'],
      ]) {
        expect([subject, await published(thief, subject)]).toEqual([subject, expect.stringContaining(DENIED)]);
      }
      for (const subject of [
        ...[
          '>',
          'fleet.>',
          `fleet.${BARN}.>`,
          `fleet.*.event`,
          `fleet.${BARN}.request.>`,
          `fleet.${BARN}.stored`,
          'fleet.*.stored',
          '$KV.FLEET.>',
          `$KV.FLEET.${BARN}.>`,
        ],
        ...['_INBOX.>', `_INBOX.${BARN}.>`, '_INBOX.cloud.>', '$JS.>', '$SYS.>'],
      ]) {
        expect([subject, await subscribed(thief, subject)]).toEqual([subject, expect.stringContaining(DENIED)]);
      }
      await publishStored(thief, YARD, { id: 'own' });
      expect(await subscribed(thief, `fleet.${YARD}.request.>`)).toBe('allowed');
      expect((await storedEvents(server)).map(({ subject }) => subject)).toEqual([`fleet.${YARD}.event`]);
      // A server, too, deletes nothing.
      for (const call of ['STREAM.DELETE', 'STREAM.PURGE', 'STREAM.UPDATE', 'STREAM.MSG.DELETE']) {
        expect(await published(server, `$JS.API.${call}.FLEET_EVENTS`)).toContain(DENIED);
      }
      expect(await published(server, `fleet.${YARD}.event`)).toContain(DENIED);
    },
  );

  test('nothing answers to a subject that a box names for an answer', LIMIT, async () => {
    await using fleet = await startFleet();
    const server = await fleet.connect(await fleet.issue('server', 'cloud'));
    const { states } = await openStores(server, silentLogger);
    const barn = await fleet.connect(await fleet.issue('box', BARN));
    const heard: string[] = [];
    for (const subject of [`fleet.${BARN}.request.>`, `fleet.${BARN}.stored`, `_INBOX.${BARN}.>`]) {
      barn.subscribe(subject, { callback: (_, message) => void heard.push(message.subject) });
    }
    barn.publish(`$KV.FLEET.${BARN}.state`, '{"of":"barn"}');
    await until(async () => (await states.get(`${BARN}.state`)) ?? undefined);
    const thief = await fleet.connect(await fleet.issue('box', YARD));
    const replies = [
      ...[`fleet.${BARN}.event`, `fleet.${BARN}.stored`, `fleet.${BARN}.request.dial`, `_INBOX.${BARN}.x`],
      ...[`$KV.FLEET.${BARN}.state`, '$JS.API.STREAM.PURGE.FLEET_EVENTS', '$JS.API.STREAM.MSG.DELETE.FLEET_EVENTS'],
      ...['$JS.API.STREAM.PURGE.KV_FLEET', '$JS.API.STREAM.MSG.DELETE.KV_FLEET'],
    ];
    for (const [i, reply] of replies.entries()) {
      await publishStored(thief, YARD, { id: `e${i}` }, reply);
      thief.publish(`$KV.FLEET.${YARD}.state`, `{"number":${i}}`, { reply });
    }
    // Rejected ones, too, are answered by nobody.
    thief.publish(`fleet.${YARD}.event`, new Uint8Array(60 << 10), { reply: `fleet.${BARN}.event` });
    thief.publish(`$KV.FLEET.${YARD}.state`, 'x', { headers: rollup(), reply: `fleet.${BARN}.event` });
    thief.publish(`$KV.FLEET.${YARD}.state`, '"last"');
    const stateOf = async (box: string) => (await states.get(`${box}.state`))?.string();
    await until(async () => ((await stateOf(YARD)) === '"last"' ? true : undefined));
    // Whatever came before has had its time when the stream has stored these.
    for (let i = 0; i < 3; i += 1) {
      await publishStored(thief, YARD, { id: 'last' });
    }
    const ids = [...replies.map((_, i) => `e${i}`), 'last', 'last', 'last'];
    expect(await storedEvents(server)).toEqual(ids.map((id) => ({ subject: `fleet.${YARD}.event`, id })));
    expect(await stateOf(BARN)).toBe('{"of":"barn"}');
    expect(heard).toEqual([]);
  });

  test('a box cannot keep events of another one from being stored by using its ids first', LIMIT, async () => {
    await using fleet = await startFleet();
    const server = await fleet.connect(await fleet.issue('server', 'cloud'));
    await openStores(server, silentLogger);
    const thief = await fleet.connect(await fleet.issue('box', YARD));
    for (const id of ['1.1', `${BARN}.1.1`]) {
      const named = headers();
      named.set('Nats-Msg-Id', id);
      named.set('Perch-Event', '1.1');
      thief.publish(`fleet.${YARD}.event`, '{"id":"theirs"}', { headers: named });
    }
    await publishStored(thief, YARD, { id: 'theirs' });
    await using barn = startBox(fleet, await fleet.issue('box', BARN));
    await barn.becomes('connected');
    barn.source.happens('1');
    await until(() => (barn.link.status.queued === 0 ? true : undefined));
    const ofBarn = { subject: `fleet.${BARN}.event`, id: '1' };
    expect((await storedEvents(server)).filter(({ subject }) => subject === ofBarn.subject)).toEqual([ofBarn]);
  });

  test('a flood of one box is limited: its messages, its subscriptions, and what is kept of it', LIMIT, async () => {
    await using fleet = await startFleet();
    const server = await fleet.connect(await fleet.issue('server', 'cloud'));
    const { manager } = await openStores(server, silentLogger);
    const flood = await fleet.connect(await fleet.issue('box', YARD));
    const faults: string[] = [];
    void (async () => {
      for await (const status of flood.status()) {
        faults.push(status.type === 'error' ? status.error.message : status.type);
      }
    })();
    for (let i = 0; i < 40; i += 1) {
      flood.subscribe(`fleet.${YARD}.request.${i}`);
    }
    await until(() => faults.find((text) => /maximum subscriptions/i.test(text)));
    const large = await fleet.connect(await fleet.issue('box', BARN));
    expect(large.info?.max_payload).toBe(256 << 10);
    // A hostile client does not keep to what the server has told it.
    Object.assign(large.info ?? {}, { max_payload: 1 << 20 });
    large.publish(`fleet.${BARN}.event`, new Uint8Array(300 << 10));
    expect(String(await large.closed())).toMatch(/maximum payload/i);
    const { config } = await manager.streams.info('FLEET_EVENTS');
    expect(config).toMatchObject({ max_msgs_per_subject: 50_000, max_msg_size: 17 << 10, discard: 'old' });
    expect(config.max_bytes).toBeGreaterThan(0);
    expect((await manager.streams.info('KV_FLEET')).config.max_bytes).toBeGreaterThan(0);
  });

  test(
    'the owner makes a fleet, issues credentials, and revokes one: its connection ends at once, and the others stay',
    LIMIT,
    async () => {
      using folder = temporaryFolder();
      const run = async (words: readonly string[], options = {}) => {
        const { call, lines } = callOf(folder.path, words, options);
        expect(await fleetCommand(call)).toBe(0);
        return lines.join('');
      };
      writeFileSync(join(folder.path, 'ca.pem'), NATS_AUTHORITY);
      const store = join(folder.path, 'accounts');
      const keys = join(folder.path, 'keys');
      let config = '';
      await using nats = await startNatsServer(async () => {
        mkdirSync(keys);
        await run(['create', 'keys', 'tls://127.0.0.1:1'], { authority: 'ca.pem', hosts: 'a.example:443', store });
        config = readFileSync(join(keys, 'fleet.conf'), 'utf8');
        return config;
      });
      // The fleet was made before the server had its port.
      const file = join(keys, 'fleet-keys.json');
      writeFileSync(file, readFileSync(file, 'utf8').replace('tls://127.0.0.1:1', nats.url), { mode: 0o600 });
      expect(config).not.toMatch(/S[OA][A-Z2-7]{56}/);
      expect(await run(['publish', 'keys'])).toContain('know it from now on');
      await run(['box', 'keys', YARD]);
      await run(['box', 'keys', BARN]);
      await run(['server', 'keys', 'cloud']);
      expect(readdirSync(keys).sort()).toEqual(
        ['fleet.conf', 'fleet-keys.json', `box-${YARD}.json`, `box-${BARN}.json`, 'server-cloud.json'].sort(),
      );
      for (const one of readdirSync(keys).filter((name) => name.endsWith('.json'))) {
        expect([one, statSync(join(keys, one)).mode & 0o777]).toEqual([one, 0o600]);
      }
      const credential = (name: string) => JSON.parse(readFileSync(join(keys, name), 'utf8'));
      expect(credential(`box-${YARD}.json`).list.hosts).toEqual(['a.example:443']);
      expect(await run(['hosts', 'keys'])).toBe('a.example:443\n');
      const changed = await run(['hosts', 'keys', 'a.example:443, b.example:8443']);
      expect(changed).toContain('server-cloud.json is the credential of server.cloud');
      expect(credential('server-cloud.json').list).toMatchObject({
        hosts: ['a.example:443', 'b.example:8443'],
        version: expect.any(Number),
      });
      expect(await run(['hosts', 'keys'])).toBe('a.example:443,b.example:8443\n');
      expect(JSON.stringify(credential('server-cloud.json'))).not.toMatch(/S[OA][A-Z2-7]{56}/);
      expect(memberOf(credential('server-cloud.json').jwt)).toMatchObject({ role: 'server', id: 'cloud' });
      await using yard = startBox({ nats }, credential(`box-${YARD}.json`));
      await using barn = startBox({ nats }, credential(`box-${BARN}.json`));
      await yard.becomes('connected');
      await barn.becomes('connected');
      expect(await run(['revoke', 'keys', YARD])).toContain('know it from now on');
      await yard.becomes('waiting');
      await until(() => (yard.link.status.why === 'login' ? true : undefined));
      expect(yard.link.status.error).toContain('it may be revoked');
      expect(barn.link.status.state).toBe('connected');
      // Also after a restart of the NATS server, which keeps the account.
      await nats.stop('SIGKILL');
      await nats.start();
      await barn.becomes('connected');
      await using late = startBox({ nats }, credential(`box-${YARD}.json`));
      await late.becomes('waiting');
      expect(late.link.status.why).toBe('login');
      // A new credential is good.
      await run(['box', 'keys', YARD]);
      await using again = startBox({ nats }, credential(`box-${YARD}.json`));
      await again.becomes('connected');
    },
  );

  test(
    'perch fleet join keeps the credential for the owner of the data folder alone, and shows no key',
    LIMIT,
    async () => {
      await using fleet = await startFleet();
      using folder = temporaryFolder();
      const text = JSON.stringify(await fleet.issue('box', YARD));
      writeFileSync(join(folder.path, 'given.json'), text);
      const { call, lines } = callOf(folder.path, ['join', 'given.json']);
      expect(await joinFleet(call)).toBe(0);
      expect(lines.join('')).toContain(`box.${YARD} of the fleet`);
      expect(statSync(join(folder.path, 'fleet.json')).mode & 0o777).toBe(0o600);
      for (const wrong of [
        '',
        '{}',
        text.slice(1),
        text.replace('"jwt":"e', '"jwt":"f'),
        text.replace('perch-fleet', 'x'),
      ]) {
        writeFileSync(join(folder.path, 'wrong.json'), wrong);
        const failed = joinFleet(callOf(folder.path, ['join', 'wrong.json']).call);
        await expect(failed).rejects.toMatchObject({
          code: 'badInput',
          message: expect.not.stringMatching(/SU[A-Z2-7]{10}/),
        });
      }
      for (const words of [
        ['box', '.'],
        ['box', '.', 'yard'],
        ['server', '.', 'A b'],
        ['dance', '.', 'x'],
        ['revoke', '.', YARD],
      ]) {
        await expect(fleetCommand(callOf(folder.path, words).call)).rejects.toThrow(
          /needs FOLDER|id of a box|name of a server|does not know|does not exist/,
        );
      }
      for (const hosts of ['r1.example', 'r1.example:443, two words:443', Array(33).fill('r1.example:443').join()]) {
        const { call: wrong } = callOf(folder.path, ['create', '.', 'tls://127.0.0.1:1'], { hosts });
        await expect(fleetCommand(wrong)).rejects.toMatchObject({ code: 'badInput' });
      }
      expect(existsSync(join(folder.path, 'fleet-keys.json'))).toBe(false);
      const hosts = ' r1.example:443, r2.example:443 ,';
      expect(await fleetCommand(callOf(folder.path, ['create', '.', 'tls://127.0.0.1:1'], { hosts }).call)).toBe(0);
      const made = JSON.parse(readFileSync(join(folder.path, 'fleet-keys.json'), 'utf8'));
      expect(made.hosts).toEqual(['r1.example:443', 'r2.example:443']);
    },
  );

  test(
    'what the bus keeps cannot be emptied, also in streams of before once the owner has published',
    LIMIT,
    async () => {
      await using fleet = await startFleet();
      const owner = await fleet.connect(
        await withRights(fleet, await fleet.issue('server', 'owner'), () => ({}) as User),
      );
      const { streams } = await jetstreamManager(owner, { checkAPI: false });
      const server = await fleet.connect(await fleet.issue('server', 'cloud'));
      await openStores(server, silentLogger);
      const box = await fleet.connect(await fleet.issue('box', YARD));
      const emptied = async () => {
        await publishStored(box, YARD, { id: 'a' });
        const { state } = await streams.info('FLEET_EVENTS');
        const calls = [
          () => streams.deleteMessage('FLEET_EVENTS', state.last_seq),
          () => streams.purge('FLEET_EVENTS'),
        ];
        return Promise.all(
          [...calls, () => streams.purge('KV_FLEET')].map((call) => call().then(() => 'done', String)),
        );
      };
      const denied = Array(3).fill(expect.stringContaining('not permitted'));
      expect(await emptied()).toEqual(denied);
      // As versions before have made them.
      for (const name of ['FLEET_EVENTS', 'KV_FLEET']) {
        const { config } = await streams.info(name);
        await streams.delete(name);
        await streams.add({ ...config, deny_purge: false, deny_delete: false });
      }
      const warned: string[] = [];
      const log = {
        ...silentLogger,
        warn: ({ stream }: { stream: string }, text: string) => warned.push(`${stream}: ${text}`),
      };
      await openStores(server, log as unknown as Logger);
      expect(warned).toEqual(
        ['FLEET_EVENTS', 'KV_FLEET'].map((name) => expect.stringMatching(`^${name}: .*perch fleet publish FOLDER`)),
      );
      expect(await emptied()).toEqual(Array(3).fill('done'));
      const file = join(fleet.folder, 'fleet-keys.json');
      writeFileSync(file, readFileSync(file, 'utf8').replace('tls://127.0.0.1', fleet.nats.url), { mode: 0o600 });
      const publish = async () => {
        const { call, lines } = callOf(fleet.folder, ['publish', '.']);
        expect(await fleetCommand(call)).toBe(0);
        return lines.join('');
      };
      const kept = (text: string) =>
        text.match(/No request can empty (FLEET_EVENTS|KV_FLEET) from now on/g)?.length ?? 0;
      expect(kept(await publish())).toBe(2);
      expect(await emptied()).toEqual(denied);
      expect(kept(await publish())).toBe(0);
      warned.length = 0;
      await openStores(server, log as unknown as Logger);
      expect(warned).toEqual([]);
      // All else stays as it was.
      expect((await streams.info('FLEET_EVENTS')).config).toMatchObject({ no_ack: true, max_msgs_per_subject: 50_000 });
    },
  );
});
