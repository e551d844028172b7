import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { RuleItem } from '../../../../agent/features/rules/routes.ts';
import { type OnvifCamera, startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const LIMIT = { timeout: 90_000 };
/** Longer than a busy machine takes to begin what lasts that long: a recording that has not begun by then never does. */
const RULE_S = 12;
const sourceOf = (camera: OnvifCamera) => `{source: '${camera.rtspUrl()}', camera: {onvif: '${camera.url}'}}`;

const listed = async (agent: Agent) =>
  (await agent.json<{ readonly items: readonly RuleItem[] }>('/v3/rules/list')).items;
const post = (agent: Agent, path: string) =>
  fetch(`${agent.url}/v3/${path}`, { method: 'POST', headers: agent.headers });
/** The cameras have their subscribers. */
const isFollowed = (...cameras: OnvifCamera[]) =>
  until(() => cameras.every(({ operations }) => operations.includes('PullMessages')) || undefined);

/** A web server that keeps what it gets. */
async function startHookServer() {
  const bodies: string[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) {
      parts.push(part as Buffer);
    }
    bodies.push(Buffer.concat(parts).toString());
    const redirects: Readonly<Record<string, string>> = { '/moved': '/hook', '/away': 'http://127.0.0.2:9/hook' };
    const location = redirects[request.url ?? ''];
    response.writeHead(location === undefined ? 204 : 307, location === undefined ? {} : { Location: location }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { bodies, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Two cameras: the gate sees motion, the yard has a relay and the preset Barn. */
async function startCameras() {
  const gate = await startOnvifCamera({ address: '127.0.0.61' });
  onTestFinished(() => gate[Symbol.asyncDispose]());
  const yard = await startOnvifCamera({ address: '127.0.0.62', quirks: { relays: { bell: {} } } });
  onTestFinished(() => yard[Symbol.asyncDispose]());
  yard.ptz.goTo({ x: 0.5, y: 0.25, zoom: 0 });
  yard.ptz.setPreset('Barn');
  yard.ptz.goTo({ x: -0.5, y: 0, zoom: 0 });
  return { gate, yard };
}

describeWith(['curl'], 'rules between ONVIF cameras', () => {
  test(
    'motion at one turns another, switches its relay, records it, runs a command and calls a server; all of it ends',
    LIMIT,
    async () => {
      const { gate, yard } = await startCameras();
      const hooks = await startHookServer();
      const ran = join(mkdtempSync(join(tmpdir(), 'perch-rules-')), 'ran.txt');
      onTestFinished(() => rmSync(dirname(ran), { recursive: true, force: true }));
      const relay = 'relay-bell';
      const config = `
rules:
  - name: Gate
    when: {event: motion, path: gate}
    then:
      - {preset: Barn, path: yard, seconds: ${RULE_S}}
      - {output: '${relay}', path: yard, seconds: ${RULE_S}}
      - {record: yes, path: yard, seconds: ${RULE_S}}
      - {run: 'sh -c "echo $PERCH_RULE $MTX_PATH $PERCH_EVENT_TYPE > ${ran}"'}
      - {url: '${hooks.url}/moved'}
      - {url: '${hooks.url}/away'}
paths:
  gate: ${sourceOf(gate)}
  yard: ${sourceOf(yard)}
`;
      await using agent = await startAgent({ config, isOwned: true });
      await isFollowed(gate, yard);
      const isOn = () => yard.state.outputs.isActive('bell');
      expect(isOn()).toBe(false);
      gate.motion(true);
      // Looked for at the same time, while the rule runs.
      await Promise.all([
        until(() => isOn() || undefined),
        until(() => yard.ptz.position.x === 0.5 || undefined),
        until(async () => (await listed(agent))[0]?.runningUntil ?? undefined),
      ]);
      await until(() => globSync(join(agent.dataDir, 'recordings/yard/*.mp4')).length > 0 || undefined);
      await until(() => hooks.bodies.length === 3 || undefined);
      expect(JSON.parse(hooks.bodies[0] ?? '')).toMatchObject({
        ...{ rule: 'Gate', by: 'event' },
        event: { path: 'gate', type: 'motion', source: 'camera', end: null },
      });
      const [first] = await listed(agent);
      expect(first).toMatchObject({ last: { by: 'event', event: { path: 'gate', type: 'motion' } } });
      const away = await until(async () =>
        (await listed(agent))[0]?.last?.results.find(({ problem }) => problem !== null),
      );
      expect(away).toMatchObject({ action: 'url', problem: expect.stringContaining('redirects to another server') });
      await until(() => existsSync(ran) || undefined);
      await until(() => readFileSync(ran, 'utf8') === 'Gate gate motion\n' || undefined);

      await until(() => !isOn() || undefined);
      await until(() => yard.ptz.position.x === -0.5 || undefined);
      await until(async () => (await listed(agent))[0]?.runningUntil === null || undefined);
    },
  );

  test('a camera that is removed while a rule has its relay on switches it off first', LIMIT, async () => {
    const { yard } = await startCameras();
    const config = `
rules: [{name: Bell, then: [{output: relay-bell, path: yard, seconds: 600}]}]
paths: {yard: ${sourceOf(yard)}}
`;
    await using agent = await startAgent({ config, isOwned: true });
    await isFollowed(yard);
    expect((await post(agent, 'rules/run/Bell')).status).toBe(200);
    expect(yard.state.outputs.isActive('bell')).toBe(true);
    const removed = await fetch(`${agent.url}/v3/cameras/forget/yard`, { method: 'DELETE', headers: agent.headers });
    expect(removed.status, await removed.text()).toBe(200);
    expect(yard.state.outputs.isActive('bell')).toBe(false);
  });

  test('a camera on demand is recorded without anybody who watches, and left alone afterwards', LIMIT, async () => {
    const { yard } = await startCameras();
    const config = `
rules: [{name: Yard, then: [{record: yes, path: yard, seconds: ${RULE_S}}]}]
paths: {yard: {source: '${yard.rtspUrl()}', sourceOnDemand: yes, sourceOnDemandCloseAfter: 1s}}
`;
    await using agent = await startAgent({ config, isOwned: true });
    const isRead = async () => (await agent.json<{ readonly ready: boolean }>('/v3/paths/get/yard')).ready;
    expect(await isRead()).toBe(false);
    expect((await post(agent, 'rules/run/Yard')).status).toBe(200);
    await until(() => globSync(join(agent.dataDir, 'recordings/yard/*.mp4')).length > 0 || undefined);
    expect((await listed(agent))[0]?.problems).toEqual([]);
    await until(async () => !(await isRead()) || undefined);
  });

  test(
    'a killed Perch switches off at its next start what a rule has left on, and turns the camera back',
    LIMIT,
    async () => {
      const { yard } = await startCameras();
      const relay = 'relay-bell';
      const config = `
rules:
  - {name: Long, then: [{preset: Barn, path: yard, seconds: 10}, {output: '${relay}', path: yard, seconds: 3600}]}
paths: {yard: ${sourceOf(yard)}}
`;
      const first = await startAgent({ config, isOwned: true });
      await using _first = first;
      await isFollowed(yard);
      expect((await post(first, 'rules/run/Long')).status).toBe(200);
      await until(() => (yard.state.outputs.isActive('bell') && yard.ptz.position.x === 0.5) || undefined);
      expect(JSON.parse(readFileSync(join(first.dataDir, 'rule-outputs.json'), 'utf8'))).toMatchObject({
        on: [{ path: 'yard', output: relay }],
      });
      first.process.child.kill('SIGKILL');
      await first.process.exited;
      expect(yard.state.outputs.isActive('bell')).toBe(true);
      await using _next = await startAgent({ config, dataDir: first.dataDir, ports: first.ports });
      await until(() => !yard.state.outputs.isActive('bell') || undefined);
      await until(() => yard.ptz.position.x === -0.5 || undefined);
    },
  );
});
