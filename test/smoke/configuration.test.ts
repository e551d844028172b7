import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AGENT, type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { findPath, startDemo } from '../peers/agent/demo-source.ts';
import { runProcess } from '../peers/programs/process.ts';

const run = (...args: string[]) => runProcess(process.execPath, [...AGENT, ...args]);

let camera: Agent;
let source: string;
beforeAll(async () => {
  ({ camera, source } = await startDemo());
});
afterAll(() => camera?.[Symbol.asyncDispose]());

test('with no configuration the demo camera is found, relayed and recorded, and the folder is held', async () => {
  const demo = await until(async () => {
    const path = await findPath(camera, 'demo');
    return path?.ready && path.recording?.active ? path : undefined;
  });
  expect(demo).toMatchObject({ title: 'Demo camera', tracks: ['H264', 'G711'], source: { type: 'rtspSource' } });
  expect(await until(() => findPath(camera, 'demo_sub'))).toMatchObject({ recording: null });
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
    const path = await findPath(agent, 'one');
    return path?.ready ? path : undefined;
  });

  writeFileSync(file, head + config(`  two:\n    source: ${source}\n    record: yes\n`));
  await until(async () => ((await findPath(agent, 'two'))?.recording?.active ? true : undefined));
  expect(await findPath(agent, 'one')).toMatchObject({ readyTime: one.readyTime });

  writeFileSync(file, head + config(`    record: yes\n  two:\n    source: ${source}\n    record: no\n`));
  await until(async () => ((await findPath(agent, 'one'))?.recording?.active ? true : undefined));
  expect(await findPath(agent, 'one')).toMatchObject({ readyTime: one.readyTime });
  expect(await findPath(agent, 'two')).toMatchObject({ ready: true, recording: null });

  writeFileSync(file, `${head}paths:\n  one:\n    recordSegmentDuration: often\n`);
  await agent.process.waitFor(/recordSegmentDuration.*'often' is not a duration/);
  expect(await findPath(agent, 'one')).toMatchObject({ ready: true, readyTime: one.readyTime });

  writeFileSync(file, head + config('').replace('one', 'three'));
  agent.process.child.kill('SIGHUP');
  await until(async () => ((await findPath(agent, 'three'))?.ready ? true : undefined));
  expect(await findPath(agent, 'one')).toBeUndefined();
});
