import { readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { get, Agent as TlsAgent } from 'node:https';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AcmeState } from '../../../../agent/features/acme/routes.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import { type Pebble, startPebble } from '../../../peers/programs/pebble.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { freePort } from '../../../support/base/free-port.ts';

const NAME = 'cloud.example.org';
const OTHER = 'video.example.org';

/** What a client of this name gets. */
interface Served {
  readonly names: string;
  /** By the root. */
  readonly isTrusted: boolean;
  readonly fingerprint: string;
}

describeWith(['pebble', 'curl'], 'a certificate by ACME from pebble', () => {
  let pebble: Pebble;
  let agent: Agent;
  let tlsPort: number;
  const stack = new AsyncDisposableStack();

  beforeAll(async () => {
    // Of a hundred requests about ten are rejected once. With a third every tenth run has one that is rejected six times, after which the
    // client gives up.
    pebble = stack.use(await startPebble({ PEBBLE_WFE_NONCEREJECT: '10' }));
    tlsPort = await freePort();
    agent = stack.use(await startAgent({ isOwned: true, ...placed(tlsPort) }));
  });
  afterAll(() => stack.disposeAsync());

  const placed = (port: number) => ({
    env: {
      NODE_EXTRA_CA_CERTS: pebble.serverCertificate,
      PERCH_ACMEURL: pebble.directory,
      PERCH_ACMEEMAIL: 'owner@example.org',
    },
    listen: (ports: Agent['ports']) => ({
      tlsAddress: `127.0.0.1:${port}`,
      acmeAddress: `127.0.0.1:${pebble.checkPort}`,
      rtspEncryption: 'optional',
      rtspsAddress: `127.0.0.1:${ports.rtsps}`,
    }),
  });

  const setNames = (...acmeDomains: string[]) => asOwner(agent, 'PATCH', '/v3/config/global/patch', { acmeDomains });
  const state = () => asOwner<AcmeState>(agent, 'GET', '/v3/acme');
  const reaches = (wanted: Partial<AcmeState>) => expect.poll(state).toMatchObject(wanted);

  async function served(servername: string, port = tlsPort): Promise<Served> {
    const root = await pebble.root();
    const { promise, resolve, reject } = Promise.withResolvers<Served>();
    const socket: TLSSocket = connectTls({ host: '127.0.0.1', port, servername, ca: root, rejectUnauthorized: false });
    socket.on('error', reject);
    socket.on('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      const { subjectAltName: names = '', fingerprint256: fingerprint = '' } = certificate ?? {};
      resolve({ names, fingerprint, isTrusted: socket.authorized });
      socket.destroy();
    });
    return promise;
  }

  /** The certificate of `NAME` alone is in use. */
  async function hasAlone(): Promise<void> {
    await setNames(NAME);
    await expect.poll(async () => (await served(NAME)).names).toBe(`DNS:${NAME}`);
    await reaches({ state: 'valid', error: null });
  }

  /** A request to port 80. */
  function atPort80(path: string): Promise<readonly [number | undefined, string | undefined]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly [number | undefined, string | undefined]>();
    const headers = { host: NAME };
    const asked = request({ host: '127.0.0.1', port: pebble.checkPort, path, headers, agent: false }, (answer) => {
      answer.resume();
      resolve([answer.statusCode, answer.headers.location]);
    });
    asked.on('error', reject).end();
    return promise;
  }

  /** The connection's local port and the status of one request on it. */
  function askBy(connections: TlsAgent): Promise<readonly [number | undefined, number | undefined]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly [number | undefined, number | undefined]>();
    const where = { host: '127.0.0.1', port: tlsPort, servername: NAME, path: '/health', rejectUnauthorized: false };
    get({ ...where, agent: connections }, (answer) => {
      const { localPort } = answer.socket;
      answer.resume().on('end', () => resolve([localPort, answer.statusCode]));
    }).on('error', reject);
    return promise;
  }

  test('clients of the name get it on all ports with TLS; others the own one; port 80 redirects them to https', async () => {
    expect(await state()).toMatchObject({ state: 'off', names: [] });
    await setNames(NAME);
    await reaches({ state: 'valid', names: [NAME], error: null });
    expect(await served(NAME)).toMatchObject({ names: `DNS:${NAME}`, isTrusted: true });
    expect(await served(NAME, agent.ports.rtsps)).toMatchObject({ names: `DNS:${NAME}`, isTrusted: true });
    expect(await served('localhost')).toMatchObject({ isTrusted: false });
    expect(await atPort80('/live?a=b')).toEqual([307, `https://${NAME}:${tlsPort}/live?a=b`]);
    expect(await atPort80('/.well-known/acme-challenge/guessed')).toEqual([404, undefined]);
    const file = join(agent.dataDir, 'acme.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { accountKey } = JSON.parse(readFileSync(file, 'utf8'));
    expect(agent.process.output()).not.toContain(accountKey.split('\n')[1]);
    expect(
      (await fetch(`${agent.url}/metrics`, { headers: agent.headers }).then((one) => one.text())).match(
        /^perch_acme_.*$/gm,
      ),
    ).toEqual([expect.stringMatching(/^perch_acme_certificate_end_seconds \d{10}$/), 'perch_acme_failing 0']);
  });

  test('a renewal leaves open connections alone, and new ones get the new certificate', async () => {
    await hasAlone();
    const before = await served(NAME);
    const connections = new TlsAgent({ keepAlive: true });
    const [port] = await askBy(connections);
    await setNames(NAME, OTHER);
    await reaches({ state: 'valid', names: [NAME, OTHER] });
    expect(await askBy(connections)).toEqual([port, 200]);
    connections.destroy();
    const after = await served(NAME);
    expect(after).toMatchObject({ names: expect.stringContaining(`DNS:${OTHER}`), isTrusted: true });
    expect(after.fingerprint).not.toBe(before.fingerprint);
    expect((await served(OTHER)).fingerprint).toBe(after.fingerprint);
  });

  test('a name that leads elsewhere is named with the way out; the old certificate stays in use, and a retry after the repair gets the new one', async () => {
    const lost = 'lost.example.org';
    await pebble.setAddress(lost, '127.0.0.77');
    await hasAlone();
    const before = await served(NAME);
    await setNames(NAME, lost);
    await reaches({ state: 'waiting', why: 'unreachable' });
    const { error, until: end, next } = await state();
    expect(error).toMatch(/^lost\.example\.org: .*127\.0\.0\.77.*port 80 of the name must lead to this machine/);
    expect(Date.parse(next ?? '')).toBeGreaterThan(Date.now());
    expect((await served(NAME)).fingerprint).toBe(before.fingerprint);
    const problems = await asOwner<{ items: readonly { kind: string; text: string }[] }>(
      agent,
      'GET',
      '/v3/problems/list',
    );
    expect(problems.items.find(({ kind }) => kind === 'acme')?.text).toContain(`is valid until ${end}`);
    await pebble.setAddress(lost, '127.0.0.1');
    await asOwner(agent, 'POST', '/v3/acme/retry');
    await reaches({ state: 'valid', error: null });
    expect(await served(lost)).toMatchObject({ isTrusted: true });
  });

  test('an authority that is away is asked again; one that has forgotten the account makes it anew', async () => {
    await hasAlone();
    await pebble.stop();
    await setNames(NAME, OTHER);
    await reaches({ state: 'waiting', why: 'network' });
    expect((await state()).error).toMatch(/^localhost:\d+ cannot be reached \(ECONN\w+\)$/);
    await pebble.start();
    await asOwner(agent, 'POST', '/v3/acme/retry');
    await reaches({ state: 'valid', error: null });
    expect(await served(OTHER)).toMatchObject({ isTrusted: true });
  });

  test('another program at port 80 is named; nothing is asked before it is free', async () => {
    const port = await freePort();
    await using box = await startAgent({
      isOwned: true,
      ...placed(await freePort()),
      listen: () => ({ acmeAddress: `127.0.0.1:${pebble.checkPort}`, tlsAddress: `127.0.0.1:${port}` }),
    });
    await asOwner(box, 'PATCH', '/v3/config/global/patch', { acmeDomains: ['second.example.org'] });
    const now = await until(async () => {
      const found = await asOwner<AcmeState>(box, 'GET', '/v3/acme');
      return found.error === null ? undefined : found;
    });
    expect(now).toMatchObject({ state: 'waiting', why: 'port', until: null, next: null });
    expect(now.error).toMatch(/^port \d+ is taken by .*: stop it or change acmeAddress$/);
    expect(pebble.log()).not.toContain('second.example.org');
  });
});
