import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { AGENT, type Agent, OWNER_PASSWORD, startAgent, until } from '../../peers/agent/agent.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { freePorts } from '../../support/base/free-port.ts';
import { setupCodeOf } from '../../support/base/setup-code.ts';

const PASSWORD = 'a kingfisher on a perch';
const WRONG = 'AAAA-AAAA';

const lan = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

/** The address of a request, and the host that it names. */
interface Target {
  readonly at: string;
  readonly port: number;
  /** Value of the header `Host`; default: the address. */
  readonly host?: string;
}

/** `fetch` does not allow another `Host`. */
function ask(
  target: Target,
  method: string,
  path: string,
  body?: object | Buffer,
  more: object = {},
): Promise<{ status: number; text: string }> {
  const host = target.host ?? `${target.at}:${target.port}`;
  const type = Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json';
  const headers = { host, ...(body && { 'content-type': type }), ...more };
  return new Promise((resolve, reject) => {
    const asked = request({ host: target.at, port: target.port, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on('error', reject).end(Buffer.isBuffer(body) ? body : body && JSON.stringify(body));
  });
}

const OWN = 'perch: own\napi: yes\n';
const HOOK = { source: 'publisher', runOnInit: 'true' };
const withCode = (code: string) => ({ 'perch-setup-code': code });

/** The backup and the ports of a box with an owner. */
let old: { readonly backup: Buffer; readonly ports: Agent['ports'] };
const backUp = async () => {
  await using owned = await startAgent({ config: OWN, isOwned: true });
  const answer = await fetch(`${owned.url}/v3/backup`, {
    method: 'POST',
    headers: { ...owned.headers, 'Content-Type': 'application/json' },
    body: JSON.stringify({ password: OWNER_PASSWORD }),
  });
  return { backup: Buffer.from(await answer.arrayBuffer()), ports: owned.ports };
};

/** Every request that would take the box over: each must be rejected and change nothing. */
async function cannotBeTaken(target: Target, dataDir: string): Promise<void> {
  const tries: readonly [string, string, object?][] = [
    ['POST', '/v3/claim', { password: PASSWORD }],
    ['POST', '/v3/claim', { password: PASSWORD, setupCode: '' }],
    ['POST', '/v3/claim', { password: PASSWORD, setupCode: WRONG }],
    ['POST', '/v3/session', { password: PASSWORD }],
    ['POST', '/v3/users', { name: 'eve', password: PASSWORD }],
    ['POST', '/v3/config/paths/add/evil', HOOK],
    ['PATCH', '/v3/config/global/patch', { logLevel: 'debug' }],
    ['GET', '/v3/config/file'],
    ['GET', '/v3/paths/list'],
    ['GET', '/v3/backup'],
    ['GET', '/v3/log'],
  ];
  const isRejected = async ([method, path, body]: (typeof tries)[number]) => {
    const { status } = await ask(target, method, path, body);
    expect([400, 401], `${method} ${path} by ${target.host ?? target.at}: ${status}`).toContain(status);
  };
  const isWrong = async () =>
    expect(await ask(target, 'POST', '/v3/restore', old.backup, withCode(WRONG))).toMatchObject({
      status: 401,
      text: expect.stringContaining('wrong setup code'),
    });
  // At once: the reply to each wrong code is late.
  const noCode = ['/v3/restore', '/v3/restore/check'].map((path) => expectNoCode(target, path));
  await Promise.all([...tries.map(isRejected), ...noCode, isWrong()]);
  // With the correct code the same request is valid.
  const right = withCode(setupCodeOf({ dataDir }));
  expect((await ask(target, 'POST', '/v3/restore/check', old.backup, right)).status).toBe(200);
  const { text } = await ask(target, 'GET', '/v3/session');
  expect(JSON.parse(text)).toMatchObject({ claimed: false, loggedIn: false, mayLook: false });
  const health = await ask(target, 'GET', '/health');
  // A busy machine may hold it up.
  expect(JSON.parse(health.text)).toEqual({ status: expect.stringMatching(/^(?:ok|stuck)$/), claimed: false });
  expect(existsSync(join(dataDir, 'users.json'))).toBe(false);
}

const expectNoCode = async (target: Target, path: string) =>
  expect(await ask(target, 'POST', path, old.backup), path).toMatchObject({
    status: 400,
    text: expect.stringContaining('setup code is needed'),
  });

/** Forwards bytes like a NAT gateway, a container's port forwarding or `ssh -L`: the peer is the gateway. */
async function startGateway(port: number): Promise<number> {
  const server = createServer((from) => {
    const to = connect(port, '127.0.0.1');
    from.pipe(to).pipe(from);
    from.on('error', () => to.destroy());
    to.on('error', () => from.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** nginx without `proxy_set_header`: no forwarded header, and Perch's address as `Host`. */
async function startPlainNginx(perchPort: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-plain-nginx-'));
  const [port = 0] = await freePorts(1);
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (one) => `${one}_temp_path ${folder}/${one};`,
  );
  const server = `server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${perchPort}; } }`;
  writeFileSync(
    join(folder, 'nginx.conf'),
    `user root; daemon off; pid ${folder}/pid; error_log stderr; worker_processes 1; events {}\nhttp { access_log off; ${places.join(' ')} ${server} }`,
  );
  const running = startProcess('/usr/sbin/nginx', ['-e', 'stderr', '-c', join(folder, 'nginx.conf')]);
  onTestFinished(async () => {
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await until(() =>
    ask({ at: '127.0.0.1', port }, 'GET', '/health').then(
      () => true,
      () => undefined,
    ),
  );
  return port;
}

const perch = (words: readonly string[], input = '') => {
  const running = startProcess(process.execPath, [...AGENT, ...words]);
  running.child.stdin.end(input);
  return running.exited.then((code) => ({ code, output: running.output() }));
};

let agent: Agent;
/** With a file for MediaMTX. */
let free: Agent;
const start = async () => {
  [agent, free] = await Promise.all([
    startAgent({ host: '0.0.0.0', config: OWN }),
    startAgent({ host: '0.0.0.0', config: 'api: yes\npaths:\n  all_others:\n' }),
  ]);
};
const stop = () => Promise.all([agent?.[Symbol.asyncDispose](), free?.[Symbol.asyncDispose]()]);
beforeAll(async () => {
  old = await backUp();
  await start();
});
// Another try finds boxes without an owner, whose attempts are not used up.
beforeEach(({ onTestFailed }) => onTestFailed(() => stop().then(start)));
afterAll(stop);

test.runIf(lan)('a machine of the home network that names an address cannot claim a new box', async () => {
  await cannotBeTaken({ at: lan ?? '', port: agent.ports.main }, agent.dataDir);
});

test.runIf(lan)('a machine of the home network that names localhost cannot claim it', async () => {
  await cannotBeTaken({ at: lan ?? '', port: agent.ports.main, host: 'localhost' }, agent.dataDir);
});

test('a page that has rebound its name cannot claim it', async () => {
  await cannotBeTaken({ at: '127.0.0.1', port: agent.ports.main, host: 'rebound.example' }, agent.dataDir);
});

test('a program on the machine itself cannot claim it over HTTP', async () => {
  await cannotBeTaken({ at: '127.0.0.1', port: agent.ports.main, host: 'localhost' }, agent.dataDir);
  const { status } = await ask({ at: '127.0.0.1', port: agent.ports.api }, 'POST', '/v3/config/paths/add/evil', HOOK);
  expect(status).toBe(401);
});

test('a client of a NAT gateway cannot claim it', async () => {
  const port = await startGateway(agent.ports.main);
  for (const host of ['localhost', '192.0.2.1', 'perch.local']) {
    const target = { at: lan ?? '127.0.0.1', port, host };
    const { status } = await ask(target, 'POST', '/v3/claim', { password: PASSWORD });
    expect(status).toBe(400);
    expect((await ask(target, 'POST', '/v3/config/paths/add/evil', HOOK)).status).toBe(401);
    await expectNoCode(target, '/v3/restore');
  }
});

describeWith(['nginx'], 'nginx with its default headers', () => {
  test('prevents a claim', async () => {
    const port = await startPlainNginx(agent.ports.main);
    await cannotBeTaken({ at: '127.0.0.1', port, host: 'cams.example' }, agent.dataDir);
    const right = { password: PASSWORD, setupCode: setupCodeOf(agent) };
    // From here on the box has an owner.
    expect((await ask({ at: '127.0.0.1', port, host: 'cams.example' }, 'POST', '/v3/claim', right)).status).toBe(200);
  });

  test('lets no client change a box with a file for MediaMTX', async () => {
    for (const perchPort of [free.ports.main, free.ports.api]) {
      const port = await startPlainNginx(perchPort);
      for (const host of ['cams.example', 'localhost', '192.0.2.1']) {
        const target = { at: '127.0.0.1', port, host };
        expect((await ask(target, 'POST', '/v3/config/paths/add/evil', HOOK)).status).toBe(401);
        expect((await ask(target, 'GET', '/v3/config/global/get')).status).toBe(401);
      }
      const here = { at: '127.0.0.1', port: perchPort };
      expect((await ask(here, 'GET', '/v3/config/global/get')).status).toBe(200);
    }
  });
});

test('with a file for MediaMTX a gateway on this machine lets no client in that names its address', async () => {
  for (const perchPort of [free.ports.main, free.ports.api]) {
    const port = await startGateway(perchPort);
    const target = { at: lan ?? '127.0.0.1', port, host: `${lan ?? '192.0.2.1'}:${port}` };
    expect((await ask(target, 'POST', '/v3/config/paths/add/evil', HOOK)).status).toBe(401);
  }
});

test.runIf(lan)('with a file for MediaMTX the network cannot claim it, and other machines change nothing', async () => {
  const code = JSON.parse(readFileSync(join(free.dataDir, 'setup.json'), 'utf8')).code;
  // At once: the reply to each is late.
  const isRejected = async (target: Target, setupCode: string | undefined) => {
    const claim = { password: PASSWORD, ...(setupCode && { setupCode }) };
    const { status, text } = await ask(target, 'POST', '/v3/claim', claim);
    expect([status, text]).toEqual([401, expect.stringContaining('perch claim')]);
    const restored = await ask(target, 'POST', '/v3/restore', old.backup, setupCode ? withCode(setupCode) : {});
    expect(restored).toMatchObject({ status: 401, text: expect.stringContaining('perch claim') });
  };
  for (const target of [
    { at: lan ?? '', port: free.ports.main },
    { at: '127.0.0.1', port: free.ports.main, host: 'localhost' },
  ]) {
    await Promise.all([undefined, WRONG, code].map((setupCode) => isRejected(target, setupCode)));
    expect(JSON.parse((await ask(target, 'GET', '/v3/session')).text)).toMatchObject({
      claimed: false,
      mayClaim: false,
    });
    expect((await ask(target, 'GET', '/v3/config/file')).status).toBe(401);
  }
  for (const port of [free.ports.main, free.ports.api]) {
    for (const host of [undefined, 'localhost']) {
      const target = { at: lan ?? '', port, ...(host === undefined ? {} : { host }) };
      expect((await ask(target, 'POST', '/v3/config/paths/add/evil', HOOK)).status).toBe(401);
      expect((await ask(target, 'GET', '/v3/config/global/get')).status).toBe(401);
    }
  }
  // As in MediaMTX: programs on this machine may use the API.
  const here = { at: '127.0.0.1', port: free.ports.api };
  expect((await ask(here, 'POST', '/v3/config/paths/add/mine', { source: 'publisher' })).status).toBe(200);
  expect(await perch(['claim', '--data', free.dataDir], `${PASSWORD}\n`)).toMatchObject({ code: 0 });
  expect((await ask(here, 'GET', '/v3/paths/list')).status).toBe(200);
  const logIn = await ask({ at: lan ?? '', port: free.ports.main }, 'POST', '/v3/session', { password: PASSWORD });
  expect(logIn.status).toBe(200);
});

test('the setup code allows a restore from a backup, whose owner then owns the box', async () => {
  await using fresh = await startAgent({ config: OWN, ports: old.ports, env: { PERCH_RESTART_CODE: '85' } });
  const here = { at: '127.0.0.1', port: fresh.ports.main };
  await expectNoCode(here, '/v3/restore');
  const right = withCode(setupCodeOf(fresh));
  expect((await ask(here, 'POST', '/v3/restore', old.backup, right)).status).toBe(200);
  expect(await fresh.process.exited).toBe(85);
  await using _again = await startAgent({ config: OWN, dataDir: fresh.dataDir, ports: old.ports });
  expect((await ask(here, 'POST', '/v3/session', { password: OWNER_PASSWORD })).status).toBe(200);
  expect((await ask(here, 'POST', '/v3/restore/check', old.backup, right)).status).toBe(401);
});

test('a lost users.json makes a new code, and the old one is invalid', async () => {
  const first = await startAgent({ config: 'perch: own\n' });
  onTestFinished(() => first[Symbol.asyncDispose]());
  const old = setupCodeOf(first);
  const here = { at: '127.0.0.1', port: first.ports.main };
  expect((await ask(here, 'POST', '/v3/claim', { password: PASSWORD, setupCode: old })).status).toBe(200);
  await first.process.stop('SIGINT');
  rmSync(join(first.dataDir, 'users.json'));
  await using again = await startAgent({ config: 'perch: own\n', dataDir: first.dataDir, ports: first.ports });
  expect(setupCodeOf(again)).not.toBe(old);
  expect((await ask(here, 'POST', '/v3/claim', { password: PASSWORD, setupCode: old })).status).toBe(401);
  await cannotBeTaken(here, again.dataDir);
});

describeWith(['script'], 'perch claim at a terminal', () => {
  test('without a running Perch asks twice and does not echo the input', async () => {
    const dataDir = join(mkdtempSync(join(tmpdir(), 'perch-claim-')), 'data');
    onTestFinished(() => rmSync(join(dataDir, '..'), { recursive: true }));
    const command = [process.execPath, ...AGENT, 'claim', '--data', dataDir].map((word) => `'${word}'`).join(' ');
    const terminal = startProcess('/usr/bin/script', ['--quiet', '--return', '--command', command, '/dev/null']);
    await terminal.waitFor(/New password: /);
    terminal.child.stdin.write(`${PASSWORD}\r`);
    await terminal.waitFor(/Repeat the password: /);
    terminal.child.stdin.write(`${PASSWORD}\r`);
    expect(await terminal.exited).toBe(0);
    expect(terminal.output()).toContain('Password set');
    expect(terminal.output()).not.toContain(PASSWORD);
    await using box = await startAgent({ config: 'perch: own\n', dataDir });
    const here = { at: '127.0.0.1', port: box.ports.main };
    expect((await ask(here, 'POST', '/v3/session', { password: PASSWORD })).status).toBe(200);
  });

  test('a terminal that starts Perch shows the link, the QR code and the setup code', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'perch-terminal-'));
    writeFileSync(
      join(folder, 'perch.yml'),
      'perch: own\naddress: 127.0.0.1:0\nhls: no\nrtsp: no\nwebrtc: no\napi: no\nplayback: no\nmetrics: no\nmdns: no\n',
    );
    const words = [process.execPath, ...AGENT, '--data', join(folder, 'data'), join(folder, 'perch.yml')];
    const command = words.map((word) => `'${word}'`).join(' ');
    const terminal = startProcess('/usr/bin/script', [
      '--quiet',
      '--return',
      '--command',
      `exec ${command}`,
      '/dev/null',
    ]);
    onTestFinished(async () => {
      await terminal.stop('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    });
    const [, url = '', code] = await terminal.waitFor(/(http:\S+)\/#\/setup\/(\S{4}-\S{4})/);
    expect(code).toBe(setupCodeOf({ dataDir: join(folder, 'data') }));
    expect(terminal.output()).toContain(`Perch is at ${url}/`);
    expect(terminal.output()).toContain('\u2588\u2580');
    terminal.child.stdin.write('\x03');
    await terminal.exited;
  });
});
