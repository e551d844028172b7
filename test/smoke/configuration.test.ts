import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathStatus } from '../../agent/paths/path-status.ts';
import { AGENT, type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { runProcess } from '../peers/programs/process.ts';

const run = (...args: string[]) => runProcess(process.execPath, [...AGENT, ...args]);

/** The address of the demo camera that `agent` runs. */
const demoSource = (agent: Agent): Promise<string> =>
  until(async () => {
    const { items } = await agent.json<{ items: { source: string; name: string }[] }>('/v3/config/paths/list');
    return items.find(({ name }) => name === 'demo')?.source;
  });

/** The demo camera of a Perch that is left alone: what it sends is the source of the others' paths. */
let camera: Agent;
let source: string;
beforeAll(async () => {
  camera = await startAgent({ isOwned: true });
  source = await demoSource(camera);
});
afterAll(() => camera?.[Symbol.asyncDispose]());

const find = (agent: Agent, name: string) => agent.json<PathStatus>(`/v3/paths/get/${name}`).catch(() => undefined);

test('with no configuration the demo camera is found, relayed and recorded, and the folder is held', async () => {
  const demo = await until(async () => {
    const path = await find(camera, 'demo');
    return path?.ready && path.recording?.active ? path : undefined;
  });
  expect(demo).toMatchObject({ title: 'Demo camera', tracks: ['H264', 'G711'], source: { type: 'rtspSource' } });
  expect(await until(() => find(camera, 'demo_sub'))).toMatchObject({ recording: null });
  const second = await run('--data', camera.dataDir);
  expect(second.code).toBe(1);
  expect(second.output).toMatch(/is in use by another Perch \(process \d+\)/);
});

test('a changed file changes its paths; an invalid one is rejected and the previous configuration stays', async () => {
  const config = (rest: string) => `paths:\n  one:\n    source: ${source}\n${rest}`;
  await using agent = await startAgent({ config: config('') });
  const file = join(agent.dataDir, 'test.yml');
  const head = readFileSync(file, 'utf8').replace(config(''), '');
  const one = await until(async () => {
    const path = await find(agent, 'one');
    return path?.ready ? path : undefined;
  });

  writeFileSync(file, head + config(`  two:\n    source: ${source}\n    record: yes\n`));
  await until(async () => ((await find(agent, 'two'))?.recording?.active ? true : undefined));
  expect(await find(agent, 'one')).toMatchObject({ readyTime: one.readyTime });

  writeFileSync(file, head + config(`    record: yes\n  two:\n    source: ${source}\n    record: no\n`));
  await until(async () => ((await find(agent, 'one'))?.recording?.active ? true : undefined));
  expect(await find(agent, 'one')).toMatchObject({ readyTime: one.readyTime });
  expect(await find(agent, 'two')).toMatchObject({ ready: true, recording: null });

  writeFileSync(file, `${head}paths:\n  one:\n    recordSegmentDuration: often\n`);
  await agent.process.waitFor(/recordSegmentDuration.*'often' is not a duration/);
  expect(await find(agent, 'one')).toMatchObject({ ready: true, readyTime: one.readyTime });

  writeFileSync(file, head + config('').replace('one', 'three'));
  agent.process.child.kill('SIGHUP');
  await until(async () => ((await find(agent, 'three'))?.ready ? true : undefined));
  expect(await find(agent, 'one')).toBeUndefined();
});
