import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { AGENT, type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { runProcess, startProcess } from '../peers/programs/process.ts';
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

/** A browser, as far as cookies go. */
class Person {
  readonly #agent: Agent;
  readonly #cookies = new Map<string, string>();

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  async ask(method: 'GET' | 'POST' | 'DELETE', url: string, body?: object): Promise<Response> {
    const response = await fetch(`${this.#agent.url}${url}`, {
      method,
      headers: {
        cookie: [...this.#cookies].map((pair) => pair.join('=')).join('; '),
        ...(method === 'GET' ? {} : { origin: this.#agent.url }),
        ...(body && { 'Content-Type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    for (const text of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(text) ?? [];
      this.#cookies.set(name, value);
    }
    return response;
  }

  async status(...request: Parameters<Person['ask']>): Promise<number> {
    const response = await this.ask(...request);
    await response.body?.cancel();
    return response.status;
  }
}

/** Reads all bytes until the stream ends. */
async function readToEnd(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  while (!(await reader.read()).done) {}
}

test('perch claim next to a running Perch takes effect at once and lasts; the setup code is on standard output alone', async () => {
  const logFile = join(mkdtempSync(join(tmpdir(), 'perch-log-')), 'perch.log');
  onTestFinished(() => rmSync(join(logFile, '..'), { recursive: true }));
  const running = await startAgent({ config: `perch: own\nlogDestinations: [stdout, file]\nlogFile: ${logFile}\n` });
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
  expect(running.process.output()).toContain(`${running.url}/#/setup/${code}\n`);
  expect(running.process.output()).toContain(` claim --data ${running.dataDir}\n`);
  expect(readFileSync(logFile, 'utf8')).not.toContain(code);
  await running.process.stop('SIGINT');
  await using again = await startAgent({ config: 'perch: own\n', dataDir: running.dataDir, ports: running.ports });
  expect((await post(again, 'session', { password: PASSWORD })).status).toBe(200);
});

test('a guest loses the stream when the owner revokes the link, and the owner does not', async () => {
  await using agent = await startAgent();
  const [owner, guest] = [new Person(agent), new Person(agent)];
  expect(await owner.status('POST', '/v3/claim', { password: PASSWORD, setupCode: setupCodeOf(agent) })).toBe(200);
  const link = { paths: ['demo'], until: new Date(Date.now() + 3_600_000).toISOString() };
  const made = (await (await owner.ask('POST', '/v3/guests', link)).json()) as { id: string; token: string };
  expect(await guest.status('POST', '/v3/guest', { token: made.token })).toBe(200);
  const watch = (person: Person) =>
    until(async () => {
      const response = await person.ask('GET', '/hls/demo/live.mp4');
      const reader = response.ok ? response.body?.getReader() : undefined;
      return (await reader?.read())?.value === undefined ? undefined : reader;
    });
  const [ofGuest, ofOwner] = [await watch(guest), await watch(owner)];
  expect(await owner.status('DELETE', `/v3/guests/${made.id}`)).toBe(200);
  await readToEnd(ofGuest).catch(() => {});
  expect(await guest.status('GET', '/hls/demo/live.mp4')).toBe(401);
  expect((await ofOwner.read()).done).toBe(false);
  await ofOwner.cancel();
});

test('a forgotten password is reset on the box, after Perch has ended; sessions end, viewers and links stay', async () => {
  const reset = (dataDir: string) => runProcess(process.execPath, [...AGENT, 'reset-password', '--data', dataDir]);
  await using first = await startAgent();
  const owner = new Person(first);
  await owner.ask('POST', '/v3/claim', { password: PASSWORD, setupCode: setupCodeOf(first) });
  await owner.ask('POST', '/v3/users', { name: 'eve', password: 'a red kite' });
  const link = { paths: 'all', until: new Date(Date.now() + 3_600_000).toISOString() };
  const { token } = (await (await owner.ask('POST', '/v3/guests', link)).json()) as { token: string };
  expect(await reset(first.dataDir)).toMatchObject({
    code: 1,
    output: expect.stringContaining('is in use by another Perch'),
  });
  await first.process.stop('SIGINT');
  expect(await reset(first.dataDir)).toMatchObject({
    code: 0,
    output: expect.stringContaining('Password and second factor removed'),
  });

  await using again = await startAgent({ dataDir: first.dataDir, ports: first.ports });
  const session = (await (await owner.ask('GET', '/v3/session')).json()) as object;
  expect(session).toMatchObject({ claimed: false, loggedIn: false });
  const eve = new Person(again);
  expect(await eve.status('POST', '/v3/session', { user: 'eve', password: 'a red kite' })).toBe(400);
  expect(await owner.status('POST', '/v3/claim', { password: 'another bird', setupCode: setupCodeOf(again) })).toBe(
    200,
  );
  expect(await owner.status('GET', '/v3/users')).toBe(200);
  expect(await eve.status('POST', '/v3/session', { user: 'eve', password: 'a red kite' })).toBe(200);
  expect(await new Person(again).status('POST', '/v3/guest', { token })).toBe(200);
});
