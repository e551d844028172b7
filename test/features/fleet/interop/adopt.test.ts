import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { explain, PerchError } from '../../../../agent/base/errors.ts';
import type { CommandCall } from '../../../../agent/features/contract.ts';
import { adoptServer } from '../../../../agent/features/fleet/adopt.ts';
import { CREDENTIAL_FILE } from '../../../../agent/features/fleet/bus/credential-file.ts';
import { holdDataFolder } from '../../../../system/data-folder.ts';
import { AGENT, type Agent, freeAgentPorts, startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner, startBox } from '../../../peers/agent/paired-boxes.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { type Postgresql, startPostgresql } from '../../../peers/programs/postgresql.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import { freePort } from '../../../support/base/free-port.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { KEYS } from '../../../support/harness/loaded-config.ts';
import { type Fleet, startFleet } from '../support/fleet.ts';
import { linkedBoxes } from '../support/replicas.ts';

const LIMIT = { timeout: 240_000 };
const CONFIG = 'perch: own\n# mine\n';

async function userOf(agent: Agent, headers: Readonly<Record<string, string>>): Promise<unknown> {
  const answer = await fetch(`${agent.url}/v3/session`, { headers });
  return ((await answer.json()) as { readonly user: unknown }).user;
}

async function faultsOf(agent: Agent, headers: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const answer = await fetch(`${agent.url}/v3/problems/list`, { headers });
  const { items } = (await answer.json()) as {
    readonly items: readonly { readonly kind: string; readonly text: string }[];
  };
  return items.filter(({ kind }) => kind === 'fleet').map(({ text }) => text);
}

/** Paths and ids of the events of boxes. */
async function eventsOf(agent: Agent, headers: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const answer = await fetch(`${agent.url}/v3/events/list?to=2100-01-01T00:00:00Z`, { headers });
  const { items } = (await answer.json()) as {
    readonly items: readonly { readonly path: string; readonly id: string }[];
  };
  return items.map(({ path, id }) => `${path} ${id}`);
}

/** A box that connects to this server has an event, which the server has, too. */
async function pairBoxWithEvent(server: Agent, box: Agent): Promise<void> {
  const { invitation } = await asOwner<{ readonly invitation: string }>(server, 'POST', '/v3/away/invitations', {});
  await asOwner(box, 'POST', '/v3/away/servers', { invitation });
  await until(async () => ((await linkedBoxes(server)).length === 1 ? true : undefined));
  await asOwner(box, 'POST', '/v3/events', { path: 'gate', type: 'motion', id: 'before' });
  await until(async () => ((await eventsOf(server, server.headers)).includes('gate before') ? true : undefined));
}

describeWith(['postgresql', 'nats-server'], 'perch fleet adopt', () => {
  let postgresql: Postgresql;
  let fleet: Fleet;
  beforeAll(async () => {
    [postgresql, fleet] = await Promise.all([startPostgresql(), startFleet()]);
  }, LIMIT.timeout);
  afterAll(async () => {
    await fleet?.[Symbol.asyncDispose]();
    await postgresql?.[Symbol.asyncDispose]();
  });

  /** A data folder with people of a server, its configuration, and its credential. */
  async function makeServer(key = 'this server') {
    const folder = temporaryFolder();
    onTestFinished(() => folder[Symbol.dispose]());
    const put = (name: string, value: unknown) => writeFileSync(join(folder.path, name), JSON.stringify(value));
    put('users.json', { users: ['ada'] });
    put('secret.json', { key });
    put('layouts.json', { groups: [] });
    put('one.json', await fleet.issue('server', 'one'));
    const config = join(folder.path, 'perch.yml');
    writeFileSync(config, CONFIG);
    return { folder: folder.path, put, config: () => readFileSync(config, 'utf8') };
  }

  interface Run {
    readonly folder: string;
    readonly url: string;
    readonly natsURL?: string;
    readonly credential?: string;
    /** It is killed when it has said this. */
    readonly until?: string;
  }

  /** Runs the command. @returns what it says, its failure last */
  async function adopt({
    folder,
    url,
    natsURL = fleet.nats.url,
    credential = 'one.json',
    until: last,
  }: Run): Promise<string> {
    let said = '';
    const options: Record<string, string> = { database: url, nats: natsURL, replica: 'one.example.org:443' };
    const call = {
      ...{ words: ['adopt', credential, 'perch.yml'], dataDir: folder, cwd: folder, env: {}, file: undefined },
      text: (option: string) => options[option],
      keys: async () => KEYS,
      hold: (hint: string) => {
        try {
          return holdDataFolder(folder);
        } catch (cause) {
          throw new PerchError('unavailable', hint, {}, cause);
        }
      },
      write: (text: string) => {
        said += text;
        if (last !== undefined && text.includes(last)) {
          throw new Error('killed');
        }
      },
    };
    const code = await adoptServer(call as unknown as CommandCall).catch((error: unknown) => explain(error));
    return said + (code === 0 ? '' : code);
  }

  const usersIn = async (name: string): Promise<string> =>
    (await postgresql.sql("SELECT value FROM perch_documents WHERE name = 'users.json'", name)).trim();

  test(
    'a server goes on as one of a fleet: its people, their sessions, boxes and events, and a second server',
    LIMIT,
    async () => {
      const { url } = await postgresql.database();
      using folder = temporaryFolder();
      const dataDir = folder.path;
      const [file, credential, database] = [join(dataDir, 'test.yml'), join(dataDir, 'one.json'), join(dataDir, 'url')];
      writeFileSync(credential, JSON.stringify(await fleet.issue('server', 'one')));
      writeFileSync(database, `${url}\n`);
      const perch = (...words: readonly string[]) =>
        runProcess(process.execPath, [...AGENT, 'fleet', 'adopt', credential, ...words, '--data', dataDir, file]);
      const named = ['--database', database, '--nats', fleet.nats.url, '--replica', '127.0.0.1:443'];
      let owner: Readonly<Record<string, string>>;
      await using box = await startBox(['gate'], []);
      const [ports, tls] = [await freeAgentPorts(), await freePort()];
      const places = { dataDir, ports, listen: () => ({ tlsAddress: `127.0.0.1:${tls}` }) };
      {
        await using home = await startAgent({ ...places, isOwned: true, config: 'perch: own\n' });
        owner = home.headers;
        await pairBoxWithEvent(home, box);
        const early = await perch(...named);
        expect(early).toMatchObject({ code: 1, output: expect.stringContaining('no data has changed: stop Perch') });
        expect(early.output).toContain('answers, and has nothing of another server');
        expect(readFileSync(file, 'utf8')).not.toContain('databaseURL');
      }
      const adopted = await perch(...named);
      expect(adopted).toMatchObject({
        code: 0,
        output: expect.stringContaining('Wrote databaseURL, natsURL, replicaAddress.'),
      });
      const config = readFileSync(file, 'utf8');
      expect(config).toContain('replicaAddress: 127.0.0.1:443');
      const again = await perch();
      expect(again).toMatchObject({ code: 0, output: expect.stringContaining('The configuration had all keys') });
      {
        await using home = await startAgent({
          ...places,
          config: config.replaceAll(/^.*[aA]ddress: '.*\n|^mdns.*\n/gm, ''),
        });
        await using other = await startAgent({ env: { PERCH_DATABASEURL: url } });
        expect(await userOf(home, owner)).toBe('owner');
        expect(await userOf(other, owner)).toBe('owner');
        await until(async () => ((await faultsOf(home, owner)).length === 0 ? true : undefined));
        await until(async () =>
          (await linkedBoxes({ url: home.url, headers: owner })).length === 1 ? true : undefined,
        );
        await until(async () => ((await eventsOf(other, owner)).includes('gate before') ? true : undefined));
        // What is revoked now is not in the files.
        await fetch(`${other.url}/v3/session`, { method: 'DELETE', headers: owner });
        await until(async () => ((await userOf(home, owner)) === null ? true : undefined));
      }
      const later = await perch();
      expect(later).toMatchObject({
        code: 0,
        output: expect.stringContaining('were changed there: the files are older'),
      });
      await using home = await startAgent({ env: { PERCH_DATABASEURL: url } });
      expect(await userOf(home, owner)).toBeNull();
    },
  );

  test.for(['answers, and has', 'lets server.one in', 'Imported', 'Saved the credential'])(
    'killed at "%s" it leaves the server as it was, and the next run takes what has changed since',
    LIMIT,
    async (last) => {
      const { name, url } = await postgresql.database();
      const { folder, put, config } = await makeServer();
      expect(await adopt({ folder, url, until: last })).toMatch(/killed$/);
      expect(config()).toBe(CONFIG);
      // Perch starts with its files, and a person is added.
      put('users.json', { users: ['ada', 'bob'] });
      expect(await adopt({ folder, url })).toMatch(/from its next start on\.\n$/);
      expect(await usersIn(name)).toBe('{"users":["ada","bob"]}');
      expect(config()).toMatch(/^perch: own\n# mine\n/);
      expect(config()).toContain(`natsURL: ${fleet.nats.url}`);
      expect(existsSync(join(folder, CREDENTIAL_FILE))).toBe(true);
    },
  );

  test(
    'the file that gets the password of the database is closed to others, and a stricter mode stays',
    LIMIT,
    async () => {
      for (const [before, after] of [
        [0o644, 0o600],
        [0o640, 0o640],
        [0o660, 0o660],
      ] as const) {
        const { url } = await postgresql.database();
        const { folder } = await makeServer();
        const file = join(folder, 'perch.yml');
        chmodSync(file, before);
        const said = await adopt({ folder, url });
        expect(said).toMatch(/from its next start on\.\n$/);
        expect([said.includes('its mode is 0600 from now on'), statSync(file).mode & 0o777]).toEqual([
          before === 0o644,
          after,
        ]);
      }
    },
  );

  test('what other servers have changed since an interrupted run is not overwritten', LIMIT, async () => {
    const { name, url } = await postgresql.database();
    const { folder, put, config } = await makeServer();
    await adopt({ folder, url, until: 'Imported' });
    await postgresql.sql(`UPDATE perch_documents SET value = '{"users":["eve"]}' WHERE name = 'users.json'`, name);
    put('users.json', { users: ['ada', 'bob'] });
    expect(await adopt({ folder, url })).toContain('was changed since: empty it, or set databaseURL');
    expect([await usersIn(name), config()]).toEqual(['{"users":["eve"]}', CONFIG]);
  });

  test(
    'nothing is written for a database of others, a bus that rejects it, a credential of a box, and an address to which none connects',
    LIMIT,
    async () => {
      const { url } = await postgresql.database();
      const first = await makeServer();
      await adopt({ folder: first.folder, url });
      const { folder, put, config } = await makeServer('another server');
      expect(await adopt({ folder, url })).toContain('has the people of another server: nothing was changed');

      const empty = await postgresql.database();
      await using strangers = await startFleet(['two.example.org:443']);
      const unknown = await adopt({ folder, url: empty.url, natsURL: strangers.nats.url });
      expect(unknown).toContain('rejects the credential of this Perch');
      put('box.json', await fleet.issue('box', '00000000000000b1'));
      expect(await adopt({ folder, url: empty.url, credential: 'box.json' })).toMatch(
        /^this is the credential of box 0+b1/,
      );
      put('listed.json', await strangers.issue('server', 'one'));
      expect(await adopt({ folder, url: empty.url, credential: 'listed.json' })).toContain(
        'boxes connect to two.example.org:443, and not to one.example.org:443: name one of them',
      );
      expect(await adopt({ folder, url: empty.url, natsURL: '' })).toContain('no natsURL: name it with --nats');
      expect([await usersIn(empty.name), config()]).toEqual(['', CONFIG]);
      expect(existsSync(join(folder, CREDENTIAL_FILE))).toBe(false);
    },
  );
});
