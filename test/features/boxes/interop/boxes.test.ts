import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json as readJson } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readServers } from '../../../../agent/auth/pairing/paired-servers.ts';
import { systemClock } from '../../../../agent/base/clock.ts';
import { BoxClient } from '../../../../agent/features/boxes/client/box-client.ts';
import { boxPrivateKey, readBoxes } from '../../../../agent/features/boxes/client/box-file.ts';
import type { BoxAnswer } from '../../../../agent/features/boxes/routes.ts';
import { type Agent, type AgentOptions, freeAgentPorts, startAgent, until } from '../../../peers/agent/agent.ts';
import { deviceOf, rtspUrlOf } from '../../../peers/agent/device-passwords.ts';
import { pairBox } from '../../../peers/agent/paired-boxes.ts';
import { clip, smallClip } from '../../../peers/cameras/camera.ts';
import { publishClip } from '../../../peers/clients/publisher.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../../../peers/programs/process.ts';
import { freePort } from '../../../support/base/free-port.ts';

interface Session {
  readonly user: string;
  readonly path: string;
  readonly state: string;
}

/** A request of the owner's page. */
async function ask<T>(agent: Agent, method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(`${agent.url}${path}`, {
    method,
    headers: { ...agent.headers, ...(body && { 'Content-Type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  expect([path, response.status, response.status === 200 ? '' : text]).toEqual([path, 200, '']);
  return JSON.parse(text) as T;
}

const readersOf = async (box: Agent): Promise<readonly Session[]> =>
  (await ask<{ readonly items: readonly Session[] }>(box, 'GET', '/v3/rtspsessions/list')).items.filter(({ user }) =>
    user.startsWith('server:'),
  );

const boxesOf = async (server: Agent): Promise<readonly BoxAnswer[]> =>
  (await ask<{ readonly items: readonly BoxAnswer[] }>(server, 'GET', '/v3/boxes/list')).items;

const stateOf = (server: Agent, state: BoxAnswer['state']): Promise<BoxAnswer> =>
  until(async () => {
    const [box] = await boxesOf(server);
    return box?.state === state ? box : undefined;
  });

describeWith(['ffmpeg'], 'two boxes', () => {
  const folders = [mkdtempSync(join(tmpdir(), 'perch-box-')), mkdtempSync(join(tmpdir(), 'perch-server-'))] as const;
  const programs: RunningProcess[] = [];
  let tlsPort: number;
  let camera: Agent;
  let publisher: AsyncDisposable;
  let box: Agent;
  let server: Agent;
  let player: string;

  const boxOptions = (ports: Agent['ports'], tls: number): AgentOptions => ({
    dataDir: folders[0],
    isOwned: true,
    ports,
    listen: () => ({ tlsAddress: `127.0.0.1:${tls}` }),
  });

  const play = (path: string): RunningProcess => {
    const url = player.replace('/PATH', `/${path}`);
    const said = ['-nostdin', '-v', 'error', '-rtsp_transport', 'tcp', '-progress', 'pipe:1', '-i', url];
    const running = startProcess('ffmpeg', [...said, '-c', 'copy', '-f', 'null', '-']);
    programs.push(running);
    return running;
  };

  /** Also after a first try of the last test. */
  const paired = async (): Promise<void> => {
    const [known] = await boxesOf(server);
    if (known?.state !== 'connected') {
      await (known && ask(server, 'DELETE', `/v3/boxes/${known.id}`));
      await pairBox(server, box);
    }
  };

  const playing = (one: RunningProcess): Promise<RunningProcess> => one.waitFor(/frame=\s*[1-9]\d/).then(() => one);

  beforeAll(async () => {
    const file = await clip('boxes.mkv', ['-i', await smallClip(4), '-c', 'copy']);
    camera = await startAgent({ config: 'api: yes\npaths:\n  stage:\n' });
    publisher = await publishClip(camera, 'stage', file, { isEndless: true });
    tlsPort = await freePort();
    box = await startAgent(boxOptions(await freeAgentPorts(), tlsPort));
    server = await startAgent({ isOwned: true, dataDir: folders[1] });
    for (const name of ['garden', 'cellar']) {
      await ask(box, 'POST', `/v3/config/paths/add/${name}`, {
        source: camera.rtspUrl('stage'),
        rtspTransport: 'tcp',
        camera: { name: `The ${name}` },
      });
    }
    const device = await deviceOf(server, 'player', { paths: 'all' });
    player = rtspUrlOf(server, device, 'PATH');
  });

  afterAll(async () => {
    for (const program of programs) {
      await program.stop('SIGKILL');
    }
    for (const one of [server, box, publisher, camera]) {
      await one?.[Symbol.asyncDispose]();
    }
    for (const folder of folders) {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('a server shows the chosen cameras of a box, whose stream is read once however many look', async () => {
    const { invitation } = await ask<{ readonly invitation: string }>(box, 'POST', '/v3/pairedservers/invitations', {
      cameras: ['garden'],
      recordings: false,
    });
    const paired = await ask<BoxAnswer>(server, 'POST', '/v3/boxes', { invitation });
    expect(paired.cameras).toEqual([{ path: 'garden', name: 'The garden', codecs: expect.any(Array), here: 'garden' }]);
    expect(statSync(join(folders[1], 'boxes.json')).mode & 0o777).toBe(0o600);
    const path = await ask<object>(server, 'GET', '/v3/config/paths/get/garden');
    expect(path).toMatchObject({ source: `perch://${paired.id}/garden`, sourceOnDemand: true });
    await Promise.all([play('garden'), play('garden'), play('garden')].map(playing));
    expect(await readersOf(box)).toMatchObject([{ path: 'garden', state: 'read' }]);
    const { source, tracks } = await ask<{ readonly source: object; readonly tracks: readonly string[] }>(
      server,
      'GET',
      '/v3/paths/get/garden',
    );
    expect(source).toMatchObject({ type: 'perchSource' });
    expect(tracks).toContain('H264');
    const used = await fetch(`${server.url}/v3/boxes`, {
      method: 'POST',
      headers: { ...server.headers, 'Content-Type': 'application/json' },
      body: JSON.stringify({ invitation }),
    });
    expect([used.status, await used.json()]).toMatchObject([400, { error: expect.stringContaining('was used') }]);
  });

  test('the key of a server opens its cameras and nothing else', async () => {
    const [stored] = readBoxes(JSON.parse(readFileSync(join(folders[1], 'boxes.json'), 'utf8'))) ?? [];
    if (!stored) {
      throw new Error('there is no box');
    }
    const servers = readServers(JSON.parse(readFileSync(join(folders[0], 'servers.json'), 'utf8')));
    expect([stored.namesBox, servers?.servers[0]?.namesBox]).toEqual([true, true]);
    const { pin, server: id, addresses } = stored;
    const client = new BoxClient({
      pin,
      identity: { id, key: boxPrivateKey(stored), box: stored.id, namesBox: stored.namesBox },
      clock: systemClock,
    });
    await client.connect(addresses);
    const statusOf = async (method: string, path: string, query = ''): Promise<number> => {
      const { status, body } = await client.request(method, path, { query });
      body.resume();
      return status;
    };
    const { paths } = await ask<{ readonly paths: Readonly<Record<string, object>> }>(box, 'GET', '/v3/openapi.json');
    const closed = Object.entries(paths).filter(([, methods]) => 'get' in methods);
    const opened: string[] = [];
    for (const [path] of closed) {
      const status = await statusOf('GET', path.replace('{name}', 'garden').replace(/\{\w+\}/g, 'x'));
      if (status < 400) {
        opened.push(path);
      }
    }
    expect(closed.length).toBeGreaterThan(60);
    // The stream of events and the list of recordings have those of cameras whose recordings it may play.
    expect(opened.filter((path) => !/^\/(?:health|trust)/.test(path)).sort()).toEqual([
      '/v3/events',
      '/v3/pairedservers/recordings',
      '/v3/pairedservers/self',
      '/v3/session',
    ]);
    expect(await statusOf('DELETE', '/v3/config/paths/delete/garden')).toBe(401);
    expect(await statusOf('POST', '/v3/pairedservers/invitations')).toBe(401);
    expect(await statusOf('GET', '/hls/garden/index.m3u8', 'cookieCheck=1')).toBe(200);
    expect(await statusOf('GET', '/hls/cellar/index.m3u8', 'cookieCheck=1')).toBe(401);
    // The invitation has no recordings.
    const { body } = await client.request('GET', '/v3/pairedservers/recordings', {});
    expect(await readJson(body)).toEqual({ cameras: [] });
    expect(await statusOf('GET', '/playback/list', 'path=garden')).toBe(401);
    const other = new BoxClient({ pin: pin.slice(0, -2) + (pin.endsWith('AA') ? 'BB' : 'AA'), clock: systemClock });
    await expect(other.connect(addresses)).rejects.toThrow(/the certificate is not the box's/);
    client.close();
  });

  test('a path of a camera that is not in the pairing says so at once, and is a problem', async () => {
    const [{ id, name }] = (await boxesOf(server)) as [BoxAnswer];
    const source = `perch://${id}/cellar`;
    await ask(server, 'POST', '/v3/config/paths/add/other', { source, sourceOnDemand: true });
    await until(
      async () => (await fetch(`${server.url}/v3/paths/get/other`, { headers: server.headers })).ok || undefined,
    );
    const text = `box '${name}' does not share 'cellar': change the pairing on the box (Settings, People, Servers)`;
    const beganMs = performance.now();
    const answer = await fetch(`${server.url}/hls/other/index.m3u8?cookieCheck=1`, { headers: server.headers });
    expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining(text)]);
    const refused = play('other');
    await refused.exited;
    expect(performance.now() - beganMs).toBeLessThan(8_000);
    const { lastError, lastErrorWhy } = await ask<{ readonly lastError: string; readonly lastErrorWhy: string }>(
      server,
      'GET',
      '/v3/paths/get/other',
    );
    expect([lastError, lastErrorWhy]).toEqual([text, 'notShared']);
    const { items } = await ask<{ readonly items: readonly object[] }>(server, 'GET', '/v3/problems/list');
    expect(items).toContainEqual({ kind: 'box', name: 'other', why: 'notShared', text, since: expect.any(String) });
    await ask(server, 'DELETE', '/v3/config/paths/delete/other');
  });

  test('a camera that the owner does not choose any more ends at once, and one that is added later is offered', async () => {
    const [item] = (
      await ask<{ readonly items: readonly { readonly id: string }[] }>(box, 'GET', '/v3/pairedservers/list')
    ).items;
    expect(item).toMatchObject({ seen: expect.any(String) });
    await ask(box, 'PATCH', `/v3/pairedservers/${item?.id}`, { cameras: ['garden'] });
    await ask(box, 'PATCH', `/v3/pairedservers/${item?.id}`, { cameras: ['cellar'] });
    await until(async () => ((await readersOf(box)).length === 0 ? true : undefined));
    await ask(box, 'PATCH', `/v3/pairedservers/${item?.id}`, { cameras: 'all' });
    const [{ id }] = (await boxesOf(server)) as [BoxAnswer];
    // The server asks once a minute, and when an owner adds cameras.
    await ask(server, 'PATCH', `/v3/boxes/${id}`, { cameras: 'all' });
    const [now] = await boxesOf(server);
    expect(now?.cameras.map(({ path, here }) => [path, here])).toEqual([
      ['garden', 'garden'],
      ['cellar', 'cellar'],
    ]);
    await playing(play('cellar'));
  });

  test('a box that is away shows since when, fails at once, and is found at another address', async () => {
    const { ports } = box;
    await box[Symbol.asyncDispose]();
    const away = await stateOf(server, 'away');
    expect(away.error).not.toBeNull();
    expect(Date.now() - Date.parse(away.since)).toBeLessThan(60_000);
    const beganMs = performance.now();
    const refused = play('cellar');
    await refused.exited;
    expect(performance.now() - beganMs).toBeLessThan(15_000);
    const other = await freePort();
    const { isOwned: _, ...again } = boxOptions(ports, other);
    box = { ...(await startAgent(again)), headers: box.headers };
    await ask(server, 'PATCH', `/v3/boxes/${away.id}`, { addresses: [`127.0.0.1:${other}`] });
    const back = await stateOf(server, 'connected');
    expect(Date.parse(back.since)).toBeGreaterThan(Date.parse(away.since));
    await playing(play('cellar'));
  });

  test('a revoked pairing ends what is playing at once, and the server knows it', async () => {
    await paired();
    await playing(play('cellar'));
    const [item] = (
      await ask<{ readonly items: readonly { readonly id: string }[] }>(box, 'GET', '/v3/pairedservers/list')
    ).items;
    await ask(box, 'DELETE', `/v3/pairedservers/${item?.id}`);
    expect(await readersOf(box)).toEqual([]);
    await stateOf(server, 'refused');
    const [{ id }] = (await boxesOf(server)) as [BoxAnswer];
    await ask(server, 'DELETE', `/v3/boxes/${id}`);
    expect(await boxesOf(server)).toEqual([]);
    const { items } = await ask<{ readonly items: readonly { readonly source: string }[] }>(
      server,
      'GET',
      '/v3/config/paths/list',
    );
    // Without any camera there is the demo camera.
    expect(items.filter(({ source }) => source.startsWith('perch:'))).toEqual([]);
  });
});
