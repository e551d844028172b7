import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReachState } from '../../../../agent/features/reach/routes.ts';
import { AGENT, ownerOf } from '../../../peers/agent/agent.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import type { RunningProcess } from '../../../peers/programs/process.ts';
import { BOX6, OUTSIDE, openHome } from '../support/home.ts';

const HTTPS = 8_443;
const ROUTER = join(import.meta.dirname, '../../../../agent/features/reach/router');

describeWith(['namespaces', 'nft', 'miniupnpd'], 'a box behind a router with miniupnpd', () => {
  let home: Awaited<ReturnType<typeof openHome>>;
  let dataDir: string;
  let perch: RunningProcess;
  let headers: Record<string, string> = {};
  const url = () => `http://${home.box.ip}:8080`;

  async function ask<T = ReachState>(method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(`${url()}/v3/${path}`, {
      method,
      headers: { ...headers, ...(body && { 'Content-Type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    expect(answer.ok, `${path}: ${answer.status}`).toBe(true);
    const text = await answer.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
  const state = () => ask('GET', 'reach');
  const turn = (portMapping: boolean) => ask<unknown>('PATCH', 'config/global/patch', { portMapping });
  const mapping = async () => (await state()).mappings[0];
  const isOpenBy = (patienceMs: number) =>
    expect.poll(async () => (await mapping())?.state, { timeout: patienceMs }).toBe('open');
  const start = async () => {
    perch = home.startInBox([process.execPath, ...AGENT, '--data', dataDir], {
      PERCH_ADDRESS: ':8080',
      PERCH_TLSADDRESS: `:${HTTPS}`,
    });
    await perch.waitFor(/Also in this network/);
  };

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'perch-reach-'));
    home = await openHome();
    await home.restart();
    await start();
  }, 90_000);
  afterAll(async () => {
    await home[Symbol.asyncDispose]();
    rmSync(dataDir, { recursive: true, force: true });
  });

  test('before it has an owner no port is opened', async () => {
    expect((await fetch(`${url()}/v3/reach`)).status).toBe(401);
    headers = await ownerOf(url(), dataDir);
    expect(await state()).toMatchObject({ isOn: false, obstacle: null, httpsPort: HTTPS, mappings: [], test: null });
  });

  test('the test says what the router can do, and opens nothing', async () => {
    const { test: found } = await ask('POST', 'reach/test');
    expect(found).toMatchObject({
      router: home.box.hostIp,
      own: home.box.ip,
      protocols: ['pcp', 'natPmp', 'upnp'],
      outside: OUTSIDE,
      verdict: 'public',
      forwarded: [],
      ipv6: [BOX6],
      ipv6Firewall: 'asked',
    });
    expect(await home.isOpen(HTTPS, BOX6)).toBe(false);
    expect(await home.rules()).toEqual([]);
    expect(await home.isOpen(HTTPS)).toBe(false);
  });

  test('each of the two protocols of port 5351 maps a port and removes it', { timeout: 60_000 }, async () => {
    for (const [name, port] of [
      ['NatPmpClient', 9_001],
      ['PcpClient', 9_002],
    ] as const) {
      const { own, gateway } = { own: home.box.ip, gateway: home.box.hostIp };
      const begin = `import { ${name} } from '${ROUTER}/port-control-client.ts';
        import { systemClock } from '${ROUTER}/../../../base/clock.ts';
        const nonceOf = () => Buffer.alloc(12, 7);
        const client = new ${name}({ clock: systemClock, own: '${own}', gateway: '${gateway}', nonceOf });
        const wanted = { name: 'https', transport: 'tcp', port: ${port} };
        const { signal } = new AbortController();`;
      const inBox = (text: string) => home.inBox(process.execPath, '--input-type=module', '-e', begin + text);
      expect(await inBox('console.log(JSON.stringify(await client.check(signal)));')).toContain(OUTSIDE);
      await inBox(`await client.map(wanted, ${port}, 3600, signal);`);
      expect(await home.rules(), name).toEqual([`${port} ${own}:${port}`]);
      await inBox(`await client.unmap(wanted, ${port}, signal);`);
      expect(await home.rules(), name).toEqual([]);
    }
  });

  test('an IPv6 port that was renewed is closed, which this router refuses', { timeout: 60_000 }, async () => {
    const script = `import { PcpClient } from '${ROUTER}/port-control-client.ts';
      import { readDefaultRoute6 } from '${ROUTER}/default-route.ts';
      import { systemClock } from '${ROUTER}/../../../base/clock.ts';
      const { own, gateway } = await readDefaultRoute6();
      const client = new PcpClient({ clock: systemClock, own, gateway, nonceOf: () => Buffer.alloc(12, 7) });
      const { signal } = new AbortController();
      for (const way of process.argv[1].split(' ')) {
        await client[way]({ name: 'https', transport: 'tcp', port: 9_003 }, 9_003, ...(way === 'map' ? [3600] : []), signal);
      }`;
    const inBox = (ways: string) => home.inBox(process.execPath, '--input-type=module', '-e', script, ways);
    await inBox('map map');
    expect(await home.pinholes()).toEqual([9_003]);
    await inBox('unmap');
    await expect.poll(home.pinholes, { timeout: 30_000 }).toEqual([]);
  });

  test('switched on, the internet reaches the https port alone; switched off, nothing', {
    timeout: 60_000,
  }, async () => {
    await turn(true);
    await isOpenBy(15_000);
    expect(await state()).toMatchObject({ isOn: true, url: `https://${OUTSIDE}:${HTTPS}` });
    expect(await home.rules()).toEqual([`${HTTPS} ${home.box.ip}:${HTTPS}`]);
    expect(await home.isOpen(HTTPS)).toBe(true);
    await expect.poll(async () => (await state()).urlIpv6, { timeout: 15_000 }).toBe(`https://[${BOX6}]:${HTTPS}`);
    expect(await home.isOpen(HTTPS, BOX6)).toBe(true);
    expect((await ask('POST', 'reach/test')).test?.forwarded).toMatchObject([
      { transport: 'tcp', port: HTTPS, outsidePort: HTTPS, key: null },
    ]);
    await turn(false);
    await expect.poll(home.rules, { timeout: 10_000 }).toEqual([]);
    expect(await home.isOpen(HTTPS)).toBe(false);
    await expect.poll(() => home.isOpen(HTTPS, BOX6), { timeout: 30_000 }).toBe(false);
  });

  test('after a restart of the router the port is open again within a minute', { timeout: 120_000 }, async () => {
    await turn(true);
    await isOpenBy(15_000);
    await home.restart();
    expect(await home.rules()).toEqual([]);
    // Perch looks each minute, and after a test.
    await ask('POST', 'reach/test');
    await expect.poll(home.rules, { timeout: 90_000 }).toEqual([`${HTTPS} ${home.box.ip}:${HTTPS}`]);
  });

  test('killed and started again, it has the port; stopped, the port is closed', { timeout: 90_000 }, async () => {
    await perch.stop('SIGKILL');
    expect(await home.rules()).toHaveLength(1);
    await start();
    await isOpenBy(20_000);
    expect(await home.rules()).toEqual([`${HTTPS} ${home.box.ip}:${HTTPS}`]);
    await perch.stop('SIGTERM');
    expect(await home.rules()).toEqual([]);
    await start();
    await turn(false);
  });

  test('by UPnP alone, where another device has the port, another one is opened', { timeout: 90_000 }, async () => {
    await home.restart({ natPmp: false });
    const other = home.box.ip.replace(/\d+$/, '77');
    await home.inBox('ip', 'addr', 'replace', `${other}/24`, 'dev', home.box.farInterface);
    const from = async (address: string) => {
      const net = home.box.ip.replace(/\d+$/, '0/24');
      await home.inBox('ip', 'route', 'replace', net, 'dev', home.box.farInterface, 'src', address);
    };
    const map = `import { UpnpClient } from '${ROUTER}/upnp-client.ts';
      import { findGateway } from '${ROUTER}/ssdp.ts';
      import { systemClock } from '${ROUTER}/../../../base/clock.ts';
      const route = { interface: 'x', gateway: '${home.box.hostIp}', own: '${other}' };
      const { signal } = new AbortController();
      const upnp = await UpnpClient.open(await findGateway({ ...route, clock: systemClock }, signal), route, signal);
      await upnp.map({ name: 'https', transport: 'tcp', port: ${HTTPS} }, ${HTTPS}, 3600, signal);`;
    await from(other);
    await home.inBox(process.execPath, '--input-type=module', '-e', map);
    await from(home.box.ip);
    expect(await home.rules()).toEqual([`${HTTPS} ${other}:${HTTPS}`]);
    expect((await ask('POST', 'reach/test')).test).toMatchObject({
      protocols: ['upnp'],
      outside: OUTSIDE,
      ipv6Firewall: 'on',
    });
    await turn(true);
    await isOpenBy(20_000);
    const { outsidePort = 0 } = (await mapping()) ?? {};
    expect(outsidePort).toBeGreaterThanOrEqual(49_152);
    expect(await home.rules()).toContain(`${outsidePort} ${home.box.ip}:${HTTPS}`);
    expect(await home.isOpen(outsidePort ?? 0)).toBe(true);
    await turn(false);
    await expect.poll(home.rules, { timeout: 30_000 }).toEqual([`${HTTPS} ${other}:${HTTPS}`]);
  });

  test('behind carrier NAT the test says so', { timeout: 60_000 }, async () => {
    await home.joinCarrier('100.64.9.2');
    await home.restart({ outside: '' });
    expect((await ask('POST', 'reach/test')).test).toMatchObject({ outside: '100.64.9.2', verdict: 'carrier' });
    await turn(true);
    await expect.poll(async () => (await mapping())?.state, { timeout: 20_000 }).toBe('failed');
    await turn(false);
  });

  test('a router that opens no ports is named', { timeout: 60_000 }, async () => {
    await home.stop();
    expect((await ask('POST', 'reach/test')).test).toMatchObject({
      protocols: [],
      verdict: 'unknown',
      forwarded: null,
    });
    await turn(true);
    await expect.poll(async () => (await mapping())?.why, { timeout: 20_000 }).toBe('noProtocol');
    await turn(false);
  });
});
