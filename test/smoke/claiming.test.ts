import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { AGENT, type Agent, startAgent } from '../peers/agent/agent.ts';
import { startProcess } from '../peers/programs/process.ts';
import { setupCodeOf } from '../support/base/setup-code.ts';

const PASSWORD = 'a kingfisher on a perch';

const post = (agent: Agent, path: string, body: object) =>
  fetch(`${agent.url}/v3/${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

/** Runs a command of Perch. @param input what is typed */
const perch = (words: readonly string[], input = '') => {
  const running = startProcess(process.execPath, [...AGENT, ...words]);
  running.child.stdin.end(input);
  return running.exited.then((code) => ({ code, output: running.output() }));
};

test('perch claim next to a running Perch takes effect at once and lasts; the setup code is in no output', async () => {
  const running = await startAgent({ config: 'perch: own\n' });
  onTestFinished(() => running[Symbol.asyncDispose]());
  const code = setupCodeOf(running);
  expect(statSync(join(running.dataDir, 'setup.json')).mode & 0o777).toBe(0o600);
  const link = await perch(['claim', '--link', '--data', running.dataDir]);
  expect(link.output).toContain(`${running.url}/#/setup/${code}`);
  expect(await perch(['claim', '--data', running.dataDir], 'short\n')).toMatchObject({
    code: 1,
    output: expect.stringContaining('at least 8 are needed'),
  });
  expect(await perch(['claim', '--data', running.dataDir], `${PASSWORD}\n`)).toMatchObject({ code: 0 });
  expect((await post(running, 'session', { password: PASSWORD })).status).toBe(200);
  expect((await post(running, 'claim', { password: 'another bird', setupCode: code })).status).toBe(400);
  expect(await perch(['claim', '--data', running.dataDir], 'another bird\n')).toMatchObject({
    code: 1,
    output: expect.stringContaining('already has an owner'),
  });
  expect((await perch(['claim', '--link', '--data', running.dataDir])).code).toBe(1);
  expect(running.process.output()).toContain('box has no owner yet');
  expect(running.process.output().replaceAll('-', '')).not.toContain(code.replace('-', ''));
  await running.process.stop('SIGINT');
  await using again = await startAgent({ config: 'perch: own\n', dataDir: running.dataDir, ports: running.ports });
  expect((await post(again, 'session', { password: PASSWORD })).status).toBe(200);
});
