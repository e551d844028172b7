import { randomBytes } from 'node:crypto';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { BoxAnswer } from '../../../../agent/features/boxes/routes.ts';
import { CREDENTIAL_FILE } from '../../../../agent/features/fleet/bus/credential-file.ts';
import { startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { freePorts } from '../../../support/base/free-port.ts';
import { recordClock } from '../../../support/disks/recorded-clock.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { startFleet } from '../support/fleet.ts';

interface Boxes {
  readonly items: readonly BoxAnswer[];
}
interface Calls {
  readonly items: readonly { readonly replicas: readonly string[] }[];
}

/** Header fields of a request that begin the signature. */
const parsed = (request: string) => ({
  headers: Object.fromEntries(
    [...request.matchAll(/^(perch-run|perch-box|signature-input|signature): (.*?)\r?$/gim)].map(
      ([, name = '', value = '']) => [name, value],
    ),
  ),
});

describeWith(['nats-server'], 'several servers of a fleet', () => {
  test('a box that was paired with one server answers another one by NATS, and connects to it for video', {
    timeout: 240_000,
  }, async () => {
    const [first = 0, second = 0] = await freePorts(2);
    await using fleet = await startFleet([`127.0.0.1:${second}`]);
    using former = temporaryFolder();
    using later = temporaryFolder();
    const tls = (port: number) => () => ({ tlsAddress: `127.0.0.1:${port}` });
    await using server = await startAgent({
      isOwned: true,
      config: 'perch: own\n',
      dataDir: former.path,
      listen: tls(first),
    });
    await using camera = await startOnvifCamera();
    const ofCamera = `{source: 'rtsp://127.0.0.1:1/x', camera: {onvif: '${camera.url}'}}`;
    const config = `perch: own\npaths:\n  gate: ${ofCamera}\n`;
    await using box = await startAgent({ isOwned: true, config, listen: () => ({ tlsAddress: '' }) });
    const startMs = Date.now() - 600_000;
    await recordClock(join(box.dataDir, 'recordings'), 'gate', startMs, 4);
    const { invitation } = await asOwner<{ readonly invitation: string }>(server, 'POST', '/v3/away/invitations', {});
    await asOwner(box, 'POST', '/v3/away/servers', { invitation, cameras: 'all', turn: true, settings: true });
    const paired = await until(async () => {
      const { items } = await asOwner<Boxes>(server, 'GET', '/v3/boxes/list');
      return items.find(({ state }) => state === 'connected');
    });
    await server.process.stop('SIGINT');

    const ofBox = await fleet.issue('box', paired.id);
    writeFileSync(join(box.dataDir, CREDENTIAL_FILE), JSON.stringify(ofBox));
    await asOwner(box, 'PATCH', '/v3/config/global/patch', { natsURL: fleet.nats.url });
    // As with one database: the pairing is that of both servers.
    cpSync(former.path, later.path, { recursive: true });
    writeFileSync(join(later.path, CREDENTIAL_FILE), JSON.stringify(await fleet.issue('server', 'second')));
    const bus = `natsURL: ${fleet.nats.url}\nreplicaAddress: 127.0.0.1:${second}\n`;
    const paths = `paths:\n  gate: {source: 'perch://${paired.id}/gate', sourceOnDemand: yes}\n`;
    await using replica = await startAgent({
      config: `perch: own\n${bus}${paths}`,
      dataDir: later.path,
      listen: tls(second),
    });
    const other = { ...replica, headers: server.headers };
    const here = await until(async () => {
      const { items } = await asOwner<Boxes>(other, 'GET', '/v3/boxes/list');
      return items.find(({ state }) => state === 'connected');
    });
    expect(here).toMatchObject({ id: paired.id, linked: true });

    // What a program sees that has stolen the credential of the box.
    const stolen = await fleet.connect(ofBox);
    const seen: { readonly data: Uint8Array; readonly reply: string }[] = [];
    stolen.subscribe(`fleet.${paired.id}.request.http`, {
      callback: (_, { data, reply = '' }) => void seen.push({ data: Uint8Array.from(data), reply }),
    });
    await stolen.flush();
    const replicas = async () => (await asOwner<Calls>(box, 'GET', '/v3/away/servers/list')).items[0]?.replicas;
    const from = new Date(startMs).toISOString();
    const times = `from=${from}&to=${new Date(startMs + 60_000).toISOString()}`;
    const ours = await asOwner<object>(other, 'GET', `/v3/timeline/gate?${times}`);
    expect(ours).toEqual({ ...(await asOwner<object>(box, 'GET', `/v3/timeline/gate?${times}`)), protected: [] });
    const spans = await asOwner<readonly object[]>(other, 'GET', '/playback/list?path=gate');
    expect(spans).toHaveLength(1);
    const still = `/playback/gate/picture.jpg?time=${new Date(startMs + 2_000).toISOString()}`;
    const picture = await fetch(`${replica.url}${still}`, { headers: other.headers });
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
    const move = (pan: number) => asOwner(other, 'POST', '/v3/cameras/ptz/move/gate', { pan });
    await move(0.5);
    expect(camera.ptz.velocity.x).toBe(0.5);
    await asOwner(other, 'POST', '/v3/cameras/ptz/stop/gate');
    expect(camera.ptz.moving).toBe(false);
    await asOwner(other, 'PATCH', '/v3/boxes/settings/gate', { recordDeleteAfter: '60d' });
    const changed = { recordDeleteAfter: '60d' };
    expect(await asOwner(other, 'GET', '/v3/boxes/settings/gate')).toMatchObject(changed);
    expect(await asOwner(box, 'GET', '/v3/config/paths/get/gate')).toMatchObject(changed);
    const { items: servers } = await asOwner<{ readonly items: readonly { readonly id: string }[] }>(
      box,
      'GET',
      '/v3/pairedservers/list',
    );
    await asOwner(box, 'PATCH', `/v3/pairedservers/${servers[0]?.id}`, { turn: false });
    await expect(move(0.5)).rejects.toThrow(/503 .*does not let the server move 'gate'/);
    expect([await replicas(), camera.ptz.moving]).toEqual([[], false]);

    // It can repeat none of them, neither on the bus nor at the box's own port, and nobody asks without a signature.
    const server2 = await fleet.connect(await fleet.issue('server', 'thief'));
    const repeated = async (request: Uint8Array) => {
      const reply = `fleet.${paired.id}.answer.thief.${randomBytes(16).toString('base64url')}`;
      const [answer] = await Promise.all([
        new Promise<string>((resolve) => {
          server2.subscribe(reply, { max: 1, callback: (_, message) => resolve(message.string()) });
          server2.publish(`fleet.${paired.id}.request.http`, request, { reply });
        }),
      ]);
      return answer.slice(0, 12) + (/"why":"\w+"/.exec(answer)?.[0] ?? '');
    };
    const signed = seen.find(({ data }) => Buffer.from(data).toString().includes('/v3/timeline/gate?'));
    const text = Buffer.from(signed?.data ?? []).toString();
    expect(await repeated(Buffer.from(text))).toBe('HTTP/1.1 401"why":"replayed"');
    expect(await repeated(Buffer.from(text.replace('/gate?', '/yard?')))).toBe('HTTP/1.1 401"why":"signature"');
    expect(await repeated(Buffer.from('GET /v3/info HTTP/1.1\r\nHost: box\r\n\r\n'))).toMatch(/^HTTP\/1\.1 401/);
    const { headers } = parsed(text);
    const atPort = await fetch(`${box.url}/v3/pairedservers/self`, { headers });
    expect([atPort.status, await atPort.text()]).toEqual([401, expect.stringContaining('for another box')]);

    // Video needs a connection, which the box makes as it is ordered to.
    const film = await fetch(`${replica.url}/playback/get?path=gate&start=${from}&duration=2`, {
      headers: other.headers,
    });
    expect([film.status, (await film.arrayBuffer()).byteLength > 1_000]).toEqual([200, true]);
    expect(await replicas()).toEqual([`127.0.0.1:${second}`]);
  });
});
