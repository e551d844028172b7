import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { BoxAnswer } from '../../../../agent/features/boxes/routes.ts';
import { startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { freePort } from '../../../support/base/free-port.ts';

interface Listed<T> {
  readonly items: readonly T[];
}

/** The server dials the box, or the box the server. @returns when the server shows the camera */
const PAIRINGS = {
  'by https': async (server: Agent, box: Agent) => {
    const terms = { cameras: ['gate'] };
    const { invitation } = await asOwner<Invited>(box, 'POST', '/v3/pairedservers/invitations', terms);
    await asOwner(server, 'POST', '/v3/boxes', { invitation });
  },
  'by the link that it has opened': async (server: Agent, box: Agent) => {
    const { invitation } = await asOwner<Invited>(server, 'POST', '/v3/away/invitations', {});
    await asOwner(box, 'POST', '/v3/away/servers', { invitation, cameras: ['gate'] });
  },
};
interface Invited {
  readonly invitation: string;
}

/** Removes the boxes of a server, and what shows their cameras. */
async function forgetBoxes(server: Agent): Promise<void> {
  for (const { id } of (await asOwner<Listed<BoxAnswer>>(server, 'GET', '/v3/boxes/list')).items) {
    await asOwner(server, 'DELETE', `/v3/boxes/${id}`);
  }
  const { items } = await asOwner<Listed<{ readonly name: string; readonly source: string }>>(
    server,
    'GET',
    '/v3/config/paths/list',
  );
  for (const { name } of items.filter(({ source }) => source.startsWith('perch:'))) {
    await asOwner(server, 'DELETE', `/v3/config/paths/delete/${name}`);
  }
}

async function start(config: string): Promise<Agent> {
  const port = await freePort();
  return startAgent({ isOwned: true, config, listen: () => ({ tlsAddress: `127.0.0.1:${port}` }) });
}

describeWith([], 'the camera of a box', () => {
  let server: Agent;
  beforeAll(async () => {
    server = await start('perch: own\npaths: {hall: {}}\n');
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  afterEach(() => forgetBoxes(server));

  test.for(Object.entries(PAIRINGS))(
    'is moved and switched %s, while its owner permits that',
    {
      timeout: 120_000,
    },
    async ([, pair]) => {
      await using camera = await startOnvifCamera({ quirks: { relays: { out: {} } } });
      camera.ptz.goTo({ x: 0.5, y: 0.25, zoom: 0.125 });
      camera.ptz.setPreset('Gate');
      camera.ptz.goTo({ x: 0, y: 0, zoom: 0 });
      const path = (name: string) => `  ${name}: {source: 'rtsp://127.0.0.1:1/x', camera: {onvif: '${camera.url}'}}\n`;
      const config = `perch: own\npaths:\n${path('gate')}${path('stable')}`;
      await using box = await start(config);
      await pair(server, box);
      const { id } = await until(async () => {
        const { items } = await asOwner<Listed<BoxAnswer>>(server, 'GET', '/v3/boxes/list');
        return items.find(({ state, cameras }) => state === 'connected' && cameras[0]?.here === 'gate');
      });
      const send = async (what: string, body?: object, name = 'gate') => {
        const response = await fetch(`${server.url}/v3/cameras/${what}/${name}`, {
          method: body ? 'POST' : 'GET',
          headers: { ...server.headers, ...(body && { 'Content-Type': 'application/json' }) },
          ...(body && { body: JSON.stringify(body) }),
        });
        return { ...((await response.json()) as Record<string, unknown>), code: response.status };
      };

      const refused = { code: 503, error: expect.stringContaining("does not let the server move 'gate'") };
      expect(await send('ptz/move', { pan: 1 })).toMatchObject(refused);
      expect(await send('outputs/list')).toMatchObject({
        code: 503,
        error: expect.stringContaining("does not let the server switch outputs of 'gate'"),
      });
      expect(camera.operations).not.toContain('ContinuousMove');

      const [paired] = (await asOwner<Listed<{ readonly id: string }>>(box, 'GET', '/v3/pairedservers/list')).items;
      expect(paired).toMatchObject({ turn: false, switch: false });
      const grant = (rights: object) => asOwner(box, 'PATCH', `/v3/pairedservers/${paired?.id}`, rights);
      await grant({ turn: true, switch: true });
      expect(await send('ptz/get')).toMatchObject({ code: 200, hasPanTilt: true, hasZoom: true });
      expect(await send('ptz/move', { pan: 0.5, tilt: -0.5 })).toMatchObject({ code: 200 });
      expect(camera.ptz.velocity).toMatchObject({ x: 0.5, y: -0.5 });
      expect(await send('ptz/stop', {})).toMatchObject({ code: 200 });
      expect(camera.ptz.moving).toBe(false);
      const { items } = (await send('ptz/presets')) as unknown as Listed<{ readonly token: string }>;
      expect(items).toMatchObject([{ name: 'Gate' }]);
      expect(await send('ptz/goto', { token: items[0]?.token })).toMatchObject({ code: 200 });
      expect(camera.ptz.position).toEqual({ x: 0.5, y: 0.25, zoom: 0.125 });
      expect(await send('ptz/position')).toMatchObject({ pan: 0.5, tilt: 0.25, zoom: 0.125 });
      expect(await send('ptz/goto', { token: 'none' })).toMatchObject({ code: 404, error: expect.any(String) });
      const outputs = (await send('outputs/list')) as unknown as Listed<{ readonly id: string }>;
      expect(await send('outputs/set', { id: outputs.items[0]?.id, isOn: true })).toMatchObject({ code: 200 });
      expect(camera.state.outputs.isActive('out')).toBe(true);
      // Its owner alone saves positions.
      expect(await send('ptz/presets', { name: 'Mine' })).toMatchObject({ code: 404 });
      expect(camera.ptz.presets.size).toBe(1);

      // The server asks once a minute, and when an owner adds cameras; the page of a path has the rights.
      await asOwner(server, 'PATCH', `/v3/boxes/${id}`, { cameras: 'all' });
      expect(await asOwner(server, 'GET', '/v3/paths/get/gate')).toMatchObject({ box: { turn: true, switch: true } });
      await grant({ turn: false });
      expect(await send('ptz/move', { pan: 1 })).toMatchObject(refused);
      expect(camera.ptz.moving).toBe(false);
      await grant({ turn: true, cameras: ['stable'] });
      expect(await send('ptz/home', {})).toMatchObject(refused);
      await asOwner(box, 'DELETE', `/v3/pairedservers/${paired?.id}`);
      expect(await send('ptz/home', {})).toMatchObject({ code: 503 });
      expect(camera.operations).not.toContain('GotoHomePosition');
    },
  );

  test.for(Object.entries(PAIRINGS))(
    'has settings that the owner of the box permits, changed %s',
    {
      timeout: 120_000,
    },
    async ([, pair]) => {
      const config = "perch: own\npaths:\n  gate: {}\n  stable: {}\n  '~^yard': {}\n";
      await using box = await start(config);
      await pair(server, box);
      await until(async () => {
        const { items } = await asOwner<Listed<BoxAnswer>>(server, 'GET', '/v3/boxes/list');
        return items.find(({ state, cameras }) => state === 'connected' && cameras[0]?.here === 'gate');
      });
      const settings = (path: string, body?: object) =>
        asOwner(server, body ? 'PATCH' : 'GET', `/v3/boxes/settings/${path}`, body);
      await expect(settings('gate')).rejects.toThrow(/503 .*does not let the server change settings of 'gate'/);
      const [paired] = (await asOwner<Listed<{ readonly id: string }>>(box, 'GET', '/v3/pairedservers/list')).items;
      expect(paired).toMatchObject({ settings: false });
      const grant = (rights: object) => asOwner(box, 'PATCH', `/v3/pairedservers/${paired?.id}`, rights);
      await grant({ settings: true });

      const before = await settings('gate');
      expect(before).toMatchObject({
        record: false,
        recordDeleteAfter: '30d',
        audio: true,
        motionSource: 'camera',
        objects: [],
      });
      expect(Object.keys(before as object)).not.toContain('source');
      const wanted = {
        ...{ record: 'motion', recordDeleteAfter: '60d', motionSource: 'stream', motionSensitivity: 70 },
        ...{ motionZones: ['Drive: 0.1,0.2 0.5,0.2 0.5,0.9'], objects: ['person'] },
      };
      await settings('gate', wanted);
      expect(await settings('gate')).toMatchObject(wanted);
      const there = () => asOwner(box, 'GET', '/v3/config/paths/get/gate');
      expect(await there()).toMatchObject(wanted);
      // In the words of the box, as for its owner.
      await expect(settings('gate', { motionSensitivity: 700 })).rejects.toThrow(/400 .*motionSensitivity/);
      await expect(settings('gate', { recordDeleteAfter: 'soon' })).rejects.toThrow(/400 .*recordDeleteAfter/);
      for (const wrong of [{ source: 'rtsp://10.0.0.1/x' }, { runOnReady: 'id' }, { recordPath: '/tmp/%path' }, {}]) {
        await expect(settings('gate', wrong)).rejects.toThrow(/ 400 /);
      }
      // A server of another version, or a hostile one, sends them to the box, which rejects them as well.
      const { items: boxes } = await asOwner<Listed<BoxAnswer>>(server, 'GET', '/v3/boxes/list');
      await asOwner(server, 'POST', '/v3/config/paths/add/other', {
        source: `perch://${boxes[0]?.id}/stable`,
        sourceOnDemand: true,
      });
      await asOwner(server, 'POST', '/v3/config/paths/add/yard', {
        source: `perch://${boxes[0]?.id}/~%5Eyard`,
        sourceOnDemand: true,
      });
      await expect(settings('other')).rejects.toThrow(/503 .*change settings of 'stable'/);
      await expect(settings('yard')).rejects.toThrow(/ (?:400|503) /);
      await grant({ cameras: 'all' });
      expect(await settings('other')).toMatchObject({ record: false });
      await expect(settings('yard', { record: true })).rejects.toThrow(/ (?:400|404) /);
      expect(await there()).toMatchObject(wanted);

      const viewer = await fetch(`${server.url}/v3/boxes/settings/gate`);
      expect(viewer.status).toBe(401);
      await grant({ settings: false });
      await expect(settings('gate', { record: false })).rejects.toThrow(/503 .*does not let the server/);
      expect(await there()).toMatchObject(wanted);
    },
  );
});
