import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReachState } from '../../../../agent/features/reach/routes.ts';
import { ownerOf } from '../../../peers/agent/agent.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { openVpnHome } from '../support/vpn.ts';

const PORT = 51_820;
const BOX = '10.84.84.1';
const PAGE = `http://${BOX}:8080/`;
/** Another service of the box. */
const SSH = `http://${BOX}:22/`;
const LISTEN = `require('node:http').createServer((_, answer) => answer.end()).listen(Number(process.argv[1]), '0.0.0.0', () => console.log('ready'))`;

describeWith(
  ['namespaces', 'nft', 'miniupnpd', 'wireguard-tools', 'wireguard-go', 'curl'],
  'a phone by WireGuard',
  () => {
    let net: Awaited<ReturnType<typeof openVpnHome>>;
    let headers: Record<string, string> = {};
    const url = () => `http://${net.home.box.ip}:8080`;
    const send = (method: string, path: string, body?: object) =>
      fetch(`${url()}/v3/${path}`, {
        method,
        headers: { ...headers, ...(body && { 'Content-Type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
      });
    const wireguard = async () => ((await (await send('GET', 'reach')).json()) as ReachState).wireguard;

    const forgetAll = async () => {
      for (const { key } of (await wireguard()).phones) {
        await send('POST', 'reach/phones/revoke', { key });
      }
    };

    const turnOn = async () => expect((await send('POST', 'reach/wireguard', { on: true })).status).toBe(200);

    /** A new phone, which reaches Perch. */
    const join = async (name: string) => {
      const endpoint = `${net.home.router.ip}:${PORT}`;
      const answer = await send('POST', 'reach/phones', { name, endpoint });
      const { configuration } = (await answer.json()) as { configuration: string };
      expect(configuration).toContain(`Endpoint = ${endpoint}\nAllowedIPs = ${BOX}/32\n`);
      const phone = await net.startPhone(configuration);
      await expect.poll(() => phone.get(PAGE), { timeout: 30_000 }).toBe(200);
      return phone;
    };

    beforeAll(async () => {
      net = await openVpnHome();
      headers = await ownerOf(url(), net.dataDir);
      // Stands for the box's other services.
      await net.startInBox(process.execPath, '-e', LISTEN, '22').waitFor(/ready/);
    }, 90_000);
    afterAll(() => net[Symbol.asyncDispose]());

    test('it is turned on, with its port in the router, and the key of the box stays with root', {
      timeout: 60_000,
    }, async () => {
      await forgetAll();
      await send('POST', 'reach/wireguard', { on: false });
      expect(await wireguard()).toMatchObject({ supported: true, missing: [], isOn: false, phones: [] });
      expect((await send('POST', 'reach/phones', { name: 'Ann' })).status).toBe(400);
      await turnOn();
      expect(await wireguard()).toMatchObject({ isOn: true, port: PORT, address: BOX });
      await expect.poll(net.home.rules, { timeout: 20_000 }).toEqual([`${PORT} ${net.home.box.ip}:${PORT}`]);
      const { text, mode } = net.keyFile();
      expect(mode).toBe(0o600);
      expect(text).toHaveLength(44);
      expect(net.shown()).not.toContain(text);
    });

    test('a phone with the configuration of the QR code reaches Perch, and nothing else', {
      timeout: 120_000,
    }, async () => {
      await turnOn();
      await forgetAll();
      const phone = await join("Ann's phone 📱");
      await expect.poll(() => phone.get(`https://${BOX}:8443/`), { timeout: 30_000 }).toBe(200);
      await phone.widen();
      const others = [`${BOX}:22`, `${BOX}:8554`, `${net.home.box.ip}:8080`, `${net.home.box.ip}:22`];
      const places = [...others.map((place) => `http://${place}/`), PAGE];
      // The page, at the same time: what is silent is not the tunnel.
      await expect.poll(() => Promise.all(places.map(phone.get)), { timeout: 30_000 }).toEqual([0, 0, 0, 0, 200]);
      const phones = [
        { key: expect.any(String), address: '10.84.84.2', name: "Ann's phone 📱", seen: expect.anything() },
      ];
      await expect.poll(async () => (await wireguard()).phones, { timeout: 30_000 }).toEqual(phones);
    });

    test('without the firewall it would reach more; the firewall comes back by itself, without an interruption', {
      timeout: 150_000,
    }, async () => {
      await turnOn();
      await forgetAll();
      const phone = await join('Cleo');
      const isReached = async () => {
        // The service may have made it again before the phone has asked.
        await net.inBox('nft', 'delete', 'table', 'inet', 'perch_wireguard').catch(() => {});
        return phone.get(SSH);
      };
      await expect.poll(isReached, { timeout: 40_000 }).toBe(200);
      const both = () => Promise.all([SSH, PAGE].map(phone.get));
      await expect.poll(both, { timeout: 40_000 }).toEqual([0, 200]);
      await turnOn();
      await expect.poll(both, { timeout: 30_000 }).toEqual([0, 200]);
    });

    test('a revoked phone is cut off at once, and another one gets a key of its own', {
      timeout: 120_000,
    }, async () => {
      await turnOn();
      await forgetAll();
      const [ann, ben] = [await join('Ann'), await join('Ben')];
      const key = (await wireguard()).phones.find(({ name }) => name === 'Ann')?.key;
      expect((await send('POST', 'reach/phones/revoke', { key })).status).toBe(200);
      expect(await ann.get(PAGE)).toBe(0);
      expect((await wireguard()).phones).toMatchObject([{ name: 'Ben' }]);
      expect((await send('POST', 'reach/phones/revoke', { key })).status).toBe(404);
      await send('POST', 'reach/phones', { name: 'Cleo', endpoint: 'home.example' });
      expect((await wireguard()).phones).toMatchObject([
        { name: 'Ben' },
        { name: 'Cleo', address: '10.84.84.2', seen: null },
      ]);
      // Ann's address is Cleo's now.
      await expect.poll(() => Promise.all([ann.get(PAGE), ben.get(PAGE)]), { timeout: 30_000 }).toEqual([0, 200]);
    });

    test('turned off, the interface, its firewall and the port in the router are gone', {
      timeout: 60_000,
    }, async () => {
      await turnOn();
      await forgetAll();
      await send('POST', 'reach/phones', { name: 'Ben', endpoint: 'home.example' });
      expect((await send('POST', 'reach/wireguard', { on: false })).status).toBe(200);
      expect(await wireguard()).toMatchObject({ isOn: false, phones: [] });
      await expect.poll(net.home.rules, { timeout: 20_000 }).toEqual([]);
      expect(await net.inBox('ip', 'link')).not.toContain('perch-wg');
      expect(await net.inBox('nft', 'list', 'tables')).not.toContain('perch_wireguard');
      // The phones are still known.
      await turnOn();
      expect((await wireguard()).phones).toMatchObject([{ name: 'Ben' }]);
      await send('POST', 'reach/wireguard', { on: false });
    });
  },
);
