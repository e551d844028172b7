import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AGENT, type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { demoSource, findPath, startDemo } from '../../peers/agent/demo-source.ts';
import { describeWith, PYTHON } from '../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../peers/programs/process.ts';
import { setupCodeOf } from '../../support/base/setup-code.ts';

const run = (...args: string[]) => runProcess(process.execPath, [...AGENT, ...args]);

let camera: Agent;
let source: string;
beforeAll(async () => {
  ({ camera, source } = await startDemo());
});
afterAll(() => camera?.[Symbol.asyncDispose]());

test('an invalid value in one path disables that path with its reason, and the others start', async () => {
  await using agent = await startAgent({
    config: `paths:\n  good:\n    source: ${source}\n  bad:\n    source: ${source}\n    recordSegmentDuration: often\n`,
  });
  await until(async () => ((await findPath(agent, 'good'))?.ready ? true : undefined));
  const bad = await findPath(agent, 'bad');
  expect(bad).toMatchObject({ ready: false, sourceState: 'disabled' });
  expect(bad?.configError).toMatch(/recordSegmentDuration: 'often' is not a duration/);
  expect(agent.process.output()).toMatch(/test\.yml:\d+.*paths\.bad\.recordSegmentDuration/);
});

test('a port in use is one line with the program that holds it and the remedy, and the rest continues', async () => {
  const { dataDir, ports, process: first } = camera;
  const file = join(dataDir, 'taken.yml');
  writeFileSync(
    file,
    `address: 127.0.0.1:${ports.main}\nrtmp: no\nwebrtc: no\nhls: no\nsrt: no\nwebrtcLocalUDPAddress: ''\n`,
  );
  const second = startProcess(process.execPath, [...AGENT, '--data', join(dataDir, 'second'), file]);
  await second.waitFor(/started/);
  const [line = ''] = await second.waitFor(/.*is taken by.*/);
  expect(line).toMatch(new RegExp(`port ${ports.main} is taken by .*process ${first.pid}.*change address`));
  expect(await second.stop('SIGINT')).toBe(0);
});

test('exits cleanly even if the reader of its output has exited first', async () => {
  const agent = await startAgent({ isOwned: true });
  agent.process.child.stdout.destroy();
  writeFileSync(join(agent.dataDir, 'perch.yml'), 'perch: own\nlogLevel: often\n');
  agent.process.child.kill('SIGHUP');
  await until(async () => {
    const { warnings } = await agent.json<{ warnings: { text: string }[] }>('/v3/session');
    return warnings.some(({ text }) => text.includes('often')) || undefined;
  });
  expect(await agent.process.stop('SIGINT')).toBe(0);
  rmSync(agent.dataDir, { recursive: true, force: true });
});

test('check reports the faults of a file with line and key, and exits', async () => {
  const file = join(camera.dataDir, 'check.yml');
  writeFileSync(file, 'logLevel: info\nrecordSyncInterval: soon\npaths:\n  a:\n    sorce: rtsp://x\n');
  const wrong = await run('check', file);
  expect(wrong.code).toBe(1);
  expect(wrong.output).toMatch(/check\.yml:2: recordSyncInterval: 'soon' is not a duration/);
  expect(wrong.output).toMatch(/check\.yml:5: paths\.a\.sorce: .*source/);
  writeFileSync(file, 'paths:\n  a:\n    source: rtsp://127.0.0.1/x\n');
  expect((await run('check', file)).code).toBe(0);
  expect((await run('check', join(camera.dataDir, 'none.yml'))).output).toMatch(/does not exist/);
});

describeWith(['pynacl'], 'an encrypted file', () => {
  test('of another program is read with its key, and only with that', async () => {
    const file = join(camera.dataDir, 'encrypted.yml');
    const script = `
import base64, nacl.secret, sys
box = nacl.secret.SecretBox(b'0123456789abcdef0123456789abcdef')
print(base64.b64encode(box.encrypt(b'logLevel: infoo\\n')).decode())`;
    writeFileSync(file, (await runProcess(PYTHON, ['-c', script])).output);
    const check = (key: string) => startProcess(process.execPath, [...AGENT, 'check', file], { MTX_CONFKEY: key });
    const right = check('0123456789abcdef0123456789abcdef');
    expect(await right.exited).toBe(1);
    expect(right.output()).toContain("encrypted.yml:1: logLevel: 'infoo' is not one of");
    const wrong = check('0123');
    expect(await wrong.exited).toBe(1);
    expect(wrong.output()).toContain('MTX_CONFKEY is not its key');
  });
});

/** The control API's status and error. */
async function change(url: string, method: string, path: string, body: object, headers: Record<string, string> = {}) {
  const answer = await fetch(`${url}/v3/config/${path}`, { method, headers, body: JSON.stringify(body) });
  const { error } = (await answer.json()) as { error?: string };
  return error === undefined ? answer.status : `${answer.status} ${error}`;
}

test("the control API changes a running box: recording begins, readers stay, and a restart of the client's own port is answered", async () => {
  await using agent = await startAgent({ config: `api: yes\npaths:\n  one: # mine\n    source: ${source}\n` });
  const api = `http://127.0.0.1:${agent.ports.api}`;
  const one = await until(async () => {
    const path = await findPath(agent, 'one');
    return path?.ready ? path : undefined;
  });
  expect(await change(api, 'PATCH', 'paths/patch/one', { record: true })).toBe(200);
  await until(async () => ((await findPath(agent, 'one'))?.recording?.active ? true : undefined));
  expect(await findPath(agent, 'one')).toMatchObject({ ready: true, readyTime: one.readyTime });
  expect(await change(api, 'PATCH', 'paths/patch/one', { foo: 1 })).toBe('400 json: unknown field "foo"');

  for (const [url, origin] of [
    [api, 'http://a.example'],
    [agent.url, 'http://b.example'],
  ] as const) {
    expect(await change(url, 'PATCH', 'global/patch', { apiAllowOrigins: [origin] })).toBe(200);
    await until(async () => {
      const answer = await fetch(`${url}/v3/info`, { headers: { origin } }).catch(() => undefined);
      return answer?.headers.get('access-control-allow-origin') === origin || undefined;
    });
  }
  expect(await findPath(agent, 'one')).toMatchObject({ ready: true, readyTime: one.readyTime });
  expect(readFileSync(join(agent.dataDir, 'test.yml'), 'utf8')).toContain('  one: # mine\n');
  expect(agent.process.output()).toMatch(/\[one\] configuration changed change="recording switched on"/);
});

test("in Perch's own setup a machine may configure cameras, and only the owner the programs that run", async () => {
  const machine = 'authInternalUsers:\n  - user: robot\n    pass: r2d2\n    permissions: [{action: api}]\n';
  await using agent = await startAgent({ config: `perch: own\n${machine}paths:\n  one:\n` });
  const password = 'a kingfisher on a perch';
  const headers = { 'content-type': 'application/json', origin: agent.url };
  const claimed = await fetch(`${agent.url}/v3/claim`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ password, setupCode: setupCodeOf(agent) }),
  });
  const { user } = (await claimed.json()) as { user?: string };
  const basic = (name: string, secret: string) => ({ authorization: `Basic ${btoa(`${name}:${secret}`)}` });
  const robot = basic('robot', 'r2d2');
  expect(await change(agent.url, 'PATCH', 'paths/patch/one', { maxReaders: 2 })).toMatch(/^401 /);
  expect(await change(agent.url, 'PATCH', 'paths/patch/one', { maxReaders: 2 }, robot)).toBe(200);
  expect(await change(agent.url, 'PATCH', 'paths/patch/one', { runOnReady: 'true' }, robot)).toMatch(
    /^400 .*only the owner/,
  );
  const owner = basic(user ?? 'owner', password);
  expect(await change(agent.url, 'PATCH', 'paths/patch/one', { runOnReady: 'true' }, owner)).toBe(200);
  expect(await change(agent.url, 'PATCH', 'paths/patch/one', { source: 'ffmpeg://-i x' }, owner)).toMatch(
    /^400 .*only the file itself/,
  );
  expect(await change(agent.url, 'PATCH', 'global/patch', { perch: 'other' }, owner)).toBe(
    '400 json: unknown field "perch"',
  );
});

test('a changed logLevel reaches existing paths', async () => {
  await using leaving = await startAgent({ isOwned: true });
  const from = await demoSource(leaving);
  await using agent = await startAgent({ config: `logLevel: error\npaths:\n  one:\n    source: ${from}\n` });
  await until(async () => ((await findPath(agent, 'one'))?.ready ? true : undefined));
  expect(agent.process.output()).not.toContain('[one]');
  expect(await change(agent.url, 'PATCH', 'global/patch', { logLevel: 'info' })).toBe(200);
  await leaving.process.stop('SIGINT');
  await agent.process.waitFor(/\[one\] no picture from the camera/);
});

test("adding the first camera writes Perch's own file, and removes the demo camera with its recordings", async () => {
  await using agent = await startAgent({ isOwned: true });
  const recorded = async () => {
    const { items } = await agent.json<{ items: { name: string }[] }>('/v3/recordings/list');
    return items.map(({ name }) => name);
  };
  await until(() => findPath(agent, 'demo'));
  await until(async () => ((await recorded()).includes('demo') ? true : undefined));
  expect(
    await change(
      agent.url,
      'PATCH',
      'paths/patch/demo',
      { record: false },
      { ...agent.headers, 'content-type': 'application/json' },
    ),
  ).toBe('404 path not found');
  expect(
    await change(
      agent.url,
      'POST',
      'paths/add/front',
      { source, name: 'front' },
      { ...agent.headers, 'content-type': 'application/json' },
    ),
  ).toBe(200);
  // A change is read back at once, before the components have applied it.
  expect(await agent.json('/v3/config/paths/list')).toMatchObject({ items: [{ name: 'front', source }] });
  expect(readFileSync(join(agent.dataDir, 'perch.yml'), 'utf8')).toBe(
    `perch: own\npaths:\n  front:\n    source: ${source}\n`,
  );
  await until(async () => ((await findPath(agent, 'front'))?.ready ? true : undefined));
  await until(async () => ((await findPath(agent, 'demo')) === undefined ? true : undefined));
  await until(async () => ((await recorded()).includes('demo') ? undefined : true));
});
