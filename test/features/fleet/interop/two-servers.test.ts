import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { AGENT, type Agent, freeAgentPorts, OWNER_PASSWORD, startAgent, until } from '../../../peers/agent/agent.ts';
import { startGstCamera } from '../../../peers/cameras/camera.ts';
import { describeWith, inLong } from '../../../peers/programs/peers.ts';
import { type Postgresql, startPostgresql } from '../../../peers/programs/postgresql.ts';
import { runProcess, startProcess } from '../../../peers/programs/process.ts';

const LIMIT = { timeout: 120_000 };
const ANNA = { name: 'anna', cameras: 'all', live: true, recordings: true, talk: false };
const OWN = 'perch: own\npaths: {gate: {}}\n';
const ANNAS_PASSWORD = 'a heron in the reeds';
const VIDEO =
  '( videotestsrc is-live=1 ! video/x-raw,width=320,height=240,framerate=10/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96 )';

const jsonHeaders = (headers: Readonly<Record<string, string>>) => ({ ...headers, 'Content-Type': 'application/json' });

const send = (agent: Agent, method: string, path: string, headers: Readonly<Record<string, string>>, body?: object) =>
  fetch(`${agent.url}${path}`, {
    method,
    headers: body ? jsonHeaders(headers) : headers,
    ...(body && { body: JSON.stringify(body) }),
  });

const logIn = (agent: Agent, user: string, password: string) =>
  send(agent, 'POST', '/v3/session', { 'sec-fetch-site': 'same-origin' }, { user, password });

async function userOf(agent: Agent, headers: Readonly<Record<string, string>>): Promise<string | null> {
  const answer = (await (await send(agent, 'GET', '/v3/session', headers)).json()) as { readonly user: string | null };
  return answer.user;
}

const cookieOf = (answer: Response) => ({
  cookie: answer.headers.getSetCookie()[0]?.split(';')[0] ?? '',
  'sec-fetch-site': 'same-origin',
});

describeWith(['postgresql'], 'two servers with one database', () => {
  let postgresql: Postgresql;
  beforeAll(async () => {
    postgresql = await startPostgresql();
  });
  afterAll(() => postgresql[Symbol.asyncDispose]());

  test('sessions and people of one are those of the other, also after the database was killed', LIMIT, async () => {
    const { url } = await postgresql.database();
    const env = { PERCH_DATABASEURL: url };
    await using one = await startAgent({ own: OWN, env, isOwned: true });
    await using other = await startAgent({ own: OWN, env });
    const owner = one.headers;
    // At once: a load balancer may send the next request to the other server.
    expect(await userOf(other, owner)).toBe('owner');
    const added = await send(one, 'POST', '/v3/users', owner, { ...ANNA, password: ANNAS_PASSWORD });
    expect([added.status, await added.text()]).toEqual([200, expect.any(String)]);
    const anna = await until(async () => {
      const answer = await logIn(other, 'anna', ANNAS_PASSWORD);
      return answer.ok ? cookieOf(answer) : undefined;
    });
    expect(await userOf(one, anna)).toBe('anna');

    await postgresql.kill();
    await until(async () =>
      (await (await logIn(one, 'anna', ANNAS_PASSWORD)).text()).includes('database does not answer') ? true : undefined,
    );
    const refused = await logIn(one, 'owner', OWNER_PASSWORD);
    expect([refused.status, await refused.text()]).toEqual([
      503,
      expect.stringContaining('"nobody can log in now: the database does not answer"'),
    ]);
    expect(await userOf(one, anna)).toBe('anna');
    const problems = await one.json<{ readonly items: readonly { readonly kind: string; readonly why: string }[] }>(
      '/v3/problems/list',
    );
    expect(problems.items).toContainEqual(expect.objectContaining({ kind: 'fleet', why: 'away' }));
    const removal = await send(one, 'DELETE', '/v3/users/anna', owner);
    expect([removal.status, await removal.text()]).toEqual([
      503,
      expect.stringContaining('it is revoked on this server'),
    ]);
    expect(await userOf(one, anna)).toBeNull();

    await postgresql.start();
    await until(async () => ((await logIn(one, 'owner', OWNER_PASSWORD)).ok ? true : undefined));
    await until(async () => ((await userOf(other, anna)) === null ? true : undefined));
    expect(existsSync(join(one.dataDir, 'users.json'))).toBe(false);
  });

  inLong(() =>
    test('who watches does so for two minutes after the database has gone', { timeout: 300_000 }, async () => {
      const { url } = await postgresql.database();
      await using camera = await startGstCamera({ '/gate': VIDEO });
      const config = `perch: own\npaths: {gate: {source: '${camera.url('/gate')}', rtspTransport: tcp}}`;
      await using one = await startAgent({ config, env: { PERCH_DATABASEURL: url }, isOwned: true });
      const watch = () => send(one, 'GET', '/hls/gate/live.mp4', one.headers);
      const live = await until(async () => {
        const answer = await watch();
        return answer.ok ? answer : undefined;
      });
      const reader = (live.body as ReadableStream<Uint8Array>).getReader();
      await reader.read();
      await postgresql.kill();
      const goneMs = performance.now();
      let pictureMs = goneMs;
      for (let { done } = await reader.read(); !done; { done } = await reader.read().catch(() => ({ done: true }))) {
        pictureMs = performance.now();
      }
      const [wentOnMs, endedMs] = [pictureMs - goneMs, performance.now() - goneMs];
      expect([wentOnMs > 110_000, endedMs < 140_000]).toEqual([true, true]);
      expect((await watch()).status).toBe(503);
      await postgresql.start();
      await until(async () => ((await watch()).ok ? true : undefined));
    }),
  );

  test('what is revoked while the database is away holds after kill -9 of the server', LIMIT, async () => {
    const { url } = await postgresql.database();
    const folder = mkdtempSync(join(tmpdir(), 'perch-fleet-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const server = { own: OWN, env: { PERCH_DATABASEURL: url }, dataDir: folder, ports: await freeAgentPorts() };
    await using one = await startAgent({ ...server, isOwned: true });
    await using other = await startAgent({ own: OWN, env: server.env });
    const owner = one.headers;
    const add = async <T>(path: string, body: object): Promise<T> => {
      const answer = await send(one, 'POST', path, owner, body);
      expect([path, answer.status]).toEqual([path, 200]);
      return (await answer.json()) as T;
    };
    await add('/v3/users', { ...ANNA, password: ANNAS_PASSWORD });
    await add('/v3/users', { ...ANNA, name: 'bert', password: ANNAS_PASSWORD });
    const link = await add<{ readonly id: string; readonly token: string }>('/v3/guests', {
      paths: 'all',
      until: new Date(Date.now() + 3_600_000).toISOString(),
    });
    const openLink = (agent: Agent) =>
      send(agent, 'POST', '/v3/guest', { 'sec-fetch-site': 'same-origin' }, { token: link.token });
    await until(async () => ((await openLink(other)).ok ? true : undefined));
    const [anna, bert, lost] = [
      cookieOf(await logIn(one, 'anna', ANNAS_PASSWORD)),
      cookieOf(await logIn(one, 'bert', ANNAS_PASSWORD)),
      cookieOf(await logIn(one, 'owner', OWNER_PASSWORD)),
    ];
    const users = (agent: Agent) => Promise.all([anna, bert, lost].map((headers) => userOf(agent, headers)));
    await until(async () => ((await users(other)).join() === 'anna,bert,owner' ? true : undefined));
    const itemsOf = async <T>(agent: Agent, path: string, headers: typeof owner) =>
      ((await (await send(agent, 'GET', path, headers)).json()) as { readonly items: readonly T[] }).items;
    const sessions = await itemsOf<{ readonly id: string; readonly current: boolean }>(one, '/v3/sessions', lost);

    await postgresql.kill();
    const revoke = async (method: string, path: string, body?: object) => {
      const answer = await send(one, method, path, owner, body);
      expect([path, answer.status]).toEqual([path, 503]);
    };
    await revoke('DELETE', '/v3/users/anna');
    await revoke('PATCH', '/v3/users/bert', { cameras: [] });
    await revoke('DELETE', `/v3/sessions/${sessions.find(({ current }) => current)?.id}`);
    await revoke('DELETE', `/v3/guests/${link.id}`);
    expect(await userOf(one, bert)).toBeNull();
    await one.process.stop('SIGKILL');
    await postgresql.start();

    await using again = await startAgent(server);
    // Who has other rights has none until they are saved, and stays logged in.
    const [removed, , ended] = await users(again);
    expect([removed, ended]).toEqual([null, null]);
    await until(async () => ((await users(again)).join() === ',bert,' ? true : undefined));
    expect((await openLink(again)).status).toBe(401);
    expect(await itemsOf(again, '/v3/users', owner)).toMatchObject([{ role: 'owner' }, { name: 'bert', cameras: [] }]);
    await until(async () => ((await users(other)).join() === ',bert,' ? true : undefined));
    expect(await itemsOf(other, '/v3/users', owner)).toMatchObject([{ role: 'owner' }, { name: 'bert', cameras: [] }]);
    await until(async () => ((await openLink(other)).status === 401 ? true : undefined));
    expect(readdirSync(folder).filter((name) => name.startsWith('unsaved-'))).toEqual([]);
  });

  test(
    'perch database import takes people, mode and push key of files along, once, and export gives them back',
    LIMIT,
    async () => {
      const { url } = await postgresql.database();
      const folder = mkdtempSync(join(tmpdir(), 'perch-fleet-'));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      const [dataDir, other] = [join(folder, 'one'), join(folder, 'other')];
      const env = { PERCH_DATABASEURL: url };
      const perch = (...words: string[]) => {
        const file = join(folder, 'perch.yml');
        writeFileSync(file, `perch: own\ndatabaseURL: ${url}\n`);
        return runProcess(process.execPath, [...AGENT, ...words, file]);
      };
      let owner: Readonly<Record<string, string>>;
      const facts = async (agent: Agent) => {
        const json = async (path: string) => (await (await send(agent, 'GET', path, owner)).json()) as object;
        return { ...(await json('/v3/mode')), ...(await json('/v3/notifications')) };
      };
      let before: object;
      {
        await using home = await startAgent({ own: OWN, dataDir, isOwned: true });
        owner = home.headers;
        expect((await send(home, 'POST', '/v3/mode', owner, { mode: 'away', hold: true })).status).toBe(200);
        before = await facts(home);
        expect(before).toMatchObject({ mode: 'away', publicKey: expect.any(String) });
      }
      await expect(startAgent({ dataDir, env })).rejects.toThrow('run perch database import');
      const imported = await perch('database', 'import', '--data', dataDir);
      expect(imported).toMatchObject({ code: 0, output: expect.stringContaining('Imported users.json') });
      {
        await using server = await startAgent({ own: OWN, dataDir: other, env });
        expect(await userOf(server, owner)).toBe('owner');
        expect(await facts(server)).toEqual(before);
      }
      const again = await perch('database', 'import', '--data', dataDir);
      expect(again).toMatchObject({ code: 1, output: expect.stringContaining('nothing was imported') });
      const exported = await perch('database', 'export', '--data', other);
      expect(exported).toMatchObject({ code: 0, output: expect.stringContaining('users.json') });
      const back = await perch('database', 'export', '--data', other);
      expect(back).toMatchObject({ code: 1, output: expect.stringContaining('nothing was exported') });
      await using home = await startAgent({ dataDir: other });
      expect(await userOf(home, owner)).toBe('owner');
      expect(await facts(home)).toEqual(before);
    },
  );

  test('perch claim and perch reset-password use the database', LIMIT, async () => {
    const { url } = await postgresql.database();
    const env = { PERCH_DATABASEURL: url };
    await using one = await startAgent({ own: OWN, env });
    const folder = mkdtempSync(join(tmpdir(), 'perch-fleet-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'perch.yml');
    writeFileSync(file, `perch: own\ndatabaseURL: ${url}\n`);
    const claiming = startProcess(process.execPath, [...AGENT, 'claim', '--data', one.dataDir, file]);
    claiming.child.stdin.end(`${OWNER_PASSWORD}\n`);
    expect([await claiming.exited, claiming.output()]).toEqual([0, expect.stringContaining('Password set')]);
    const session = await logIn(one, 'owner', OWNER_PASSWORD);
    expect(session.status).toBe(200);
    const reset = await runProcess(process.execPath, [
      ...AGENT,
      'reset-password',
      '--data',
      join(folder, 'data'),
      file,
    ]);
    expect(reset.output).toContain('does not exist');
    await using other = await startAgent({ own: OWN, env });
    await other.process.stop('SIGINT');
    const done = await runProcess(process.execPath, [...AGENT, 'reset-password', '--data', other.dataDir, file]);
    expect(done).toMatchObject({ code: 0, output: expect.stringContaining('all users logged out') });
    await until(async () => ((await userOf(one, cookieOf(session))) === null ? true : undefined));

    // The one that runs has a setup code of its own now.
    const [, code = ''] = await one.process.waitFor(/enter the setup code (\S+)[\s\S]*enter the setup code \S+/);
    const link = await runProcess(process.execPath, [...AGENT, 'claim', '--link', '--data', one.dataDir, file]);
    const { setupCode } = /#\/setup\/(?<setupCode>\S+)/.exec(link.output)?.groups ?? {};
    const claim = (word: string) =>
      send(
        one,
        'POST',
        '/v3/claim',
        { 'sec-fetch-site': 'same-origin' },
        { password: OWNER_PASSWORD, setupCode: word },
      );
    expect((await claim(code)).status).toBe(401);
    expect((await claim(setupCode ?? '')).status).toBe(200);
    expect(
      await runProcess(process.execPath, [...AGENT, 'reset-password', '--data', other.dataDir, file]),
    ).toMatchObject({ code: 0 });
    await one.process.waitFor(/(enter the setup code[\s\S]*){3}/);
    const again = startProcess(process.execPath, [...AGENT, 'claim', '--data', one.dataDir, file]);
    again.child.stdin.end(`${OWNER_PASSWORD}\n`);
    expect([await again.exited, again.output()]).toEqual([0, expect.stringContaining('Password set')]);
    expect((await logIn(one, 'owner', OWNER_PASSWORD)).status).toBe(200);
  });

  test('perch claim and perch reset-password without FILE.yml use what Perch was started with', LIMIT, async () => {
    const { url } = await postgresql.database();
    const perch = async (words: readonly string[], env: NodeJS.ProcessEnv = {}) => {
      const started = startProcess(process.execPath, [...AGENT, ...words], env);
      started.child.stdin.end(`${OWNER_PASSWORD}\n`);
      return [await started.exited, started.output()];
    };
    await using named = await startAgent({ config: `${OWN}databaseURL: ${url}\n` });
    expect(await perch(['claim', '--data', named.dataDir])).toEqual([0, expect.stringContaining('Password set')]);
    expect((await logIn(named, 'owner', OWNER_PASSWORD)).status).toBe(200);
    await named.process.stop('SIGINT');
    const reset = ['reset-password', '--data', named.dataDir];
    expect(await perch(reset)).toEqual([0, expect.stringContaining('all users logged out')]);
    expect(await perch(['claim', '--data', named.dataDir])).toEqual([0, expect.stringContaining('Password set')]);
    // A start of the last configuration, which does not name the database, reads files.
    const file = join(named.dataDir, 'test.yml');
    writeFileSync(file, 'perch: own\n');
    const refusal =
      /^Perch: people are in database '\w+' at \S+, and with \S+test\.yml this command would use files: run this/;
    expect(await perch(reset)).toEqual([1, expect.stringMatching(refusal)]);
    expect(await perch([...reset, file])).toEqual([1, expect.stringMatching(refusal)]);
    writeFileSync(file, 'paths: [');
    expect(await perch(reset)).toEqual([1, expect.stringContaining('test.yml')]);
    expect(existsSync(join(named.dataDir, 'users.json'))).toBe(false);
  });

  test('they refuse to work on files while only the environment of Perch names the database', LIMIT, async () => {
    const { url } = await postgresql.database();
    const perch = async (env: NodeJS.ProcessEnv) => {
      const words = [...AGENT, 'claim', '--data', server.dataDir];
      const claiming = startProcess(process.execPath, words, env);
      claiming.child.stdin.end(`${OWNER_PASSWORD}\n`);
      return [await claiming.exited, claiming.output()];
    };
    await using server = await startAgent({ env: { PERCH_DATABASEURL: url } });
    expect(await perch({})).toEqual([1, expect.stringContaining('PERCH_DATABASEURL')]);
    const { url: another } = await postgresql.database();
    expect(await perch({ PERCH_DATABASEURL: another })).toEqual([1, expect.stringContaining('FILE.yml of Perch')]);
    expect(await perch({ PERCH_DATABASEURL: url })).toEqual([0, expect.stringContaining('Password set')]);
    expect(existsSync(join(server.dataDir, 'users.json'))).toBe(false);
  });
});
