import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { Phones, parseWireGuard, type WireGuardState } from './phones.ts';

const PORTS = { http: 80, https: 8_443, media: 8_189 };
const STATE: WireGuardState = { ...PORTS, port: 51_820, address: '10.84.84.1', key: 'BOX=', phones: [] };
const signal = new AbortController().signal;

/** Root's service, as it answers and reports. */
function service({ offers = true, failure = '', reports = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-phones-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const clock = new FakeClock();
  const asked: Record<string, unknown>[] = [];
  let patienceMs = 0;
  const report = (state: WireGuardState) => writeFileSync(join(folder, 'wireguard'), JSON.stringify(state));
  const place = { ports: PORTS };
  const phones = new Phones({
    clock,
    answers: folder,
    folders: [folder],
    ports: () => place.ports,
    host: {
      offers: () => offers,
      ask: async (_task, fields, ms) => {
        const { do: verb, key, name } = fields as { do: string; key: string; name: string };
        asked.push({ ...fields });
        patienceMs = ms;
        if (failure === '' && verb === 'add' && reports) {
          report({ ...STATE, phones: [{ key, name, address: '10.84.84.2', seenS: 0 }] });
        }
        return { ok: failure === '', text: failure };
      },
    },
  });
  return { folder, clock, asked, phones, place, report, patienceMs: () => patienceMs };
}

test("root's service is asked in the forms that it knows, and waited for as long as systemd does", async () => {
  const { asked, phones, report, patienceMs } = service();
  await phones.turn(true, signal);
  report(STATE);
  await phones.add('Ann 📱', 'home.example:51820', signal);
  await phones.remove(phones.state?.phones[0]?.key ?? '', signal);
  await phones.turn(false, signal);
  const key = expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/);
  expect(asked).toEqual([
    { do: 'on', port: 51_820, ...PORTS },
    { do: 'add', key, name: '416e6e20f09f93b1' },
    { do: 'remove', key },
    { do: 'off' },
  ]);
  const unit = join(import.meta.dirname, '../../../packaging/linux/systemd/perch-wireguard.service');
  const limitMs = Number(/^TimeoutStartSec=(\d+)s$/m.exec(readFileSync(unit, 'utf8'))?.[1]) * 1_000;
  expect(patienceMs()).toBeGreaterThan(limitMs);
});

test("a phone's configuration has the key that belongs to the one that root knows, and only the address of the box", async () => {
  const { asked, phones, report } = service();
  report(STATE);
  const text = await phones.add('Ann', 'home.example:51820', signal);
  const [, d = ''] = /^PrivateKey = (.+)$/m.exec(text) ?? [];
  const seed = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), Buffer.from(d, 'base64')]);
  const secret = createPrivateKey({ key: seed, format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(secret).export({ format: 'jwk' });
  expect(Buffer.from(x, 'base64url').toString('base64')).toBe(asked[0]?.['key']);
  expect(text.replace(d, 'KEY')).toBe(
    '[Interface]\nPrivateKey = KEY\nAddress = 10.84.84.2/32\n[Peer]\nPublicKey = BOX=\n' +
      'Endpoint = home.example:51820\nAllowedIPs = 10.84.84.1/32\nPersistentKeepalive = 25\n',
  );
});

test('phones are listed with their names, and when they were seen', () => {
  const { phones, report } = service();
  const phone = { key: 'a', address: '10.84.84.2', name: '416e6e' };
  report({
    ...STATE,
    phones: [
      { ...phone, seenS: 0 },
      { ...phone, seenS: 1_700_000_000 },
    ],
  });
  expect(phones.list.map(({ name, seen }) => [name, seen])).toEqual([
    ['Ann', null],
    ['Ann', '2023-11-14T22:13:20.000Z'],
  ]);
});

test('changed ports of Perch are opened to phones, and nothing is asked while they are the same or it is off', async () => {
  const { clock, asked, phones, place, report } = service();
  await phones.follow(signal);
  report(STATE);
  await clock.advance(10_000);
  await phones.follow(signal);
  expect(asked).toEqual([]);
  place.ports = { ...PORTS, https: 9_443 };
  await phones.follow(signal);
  expect(asked).toEqual([{ do: 'on', port: 51_820, ...PORTS, https: 9_443 }]);
});

test('a refusal is the sentence of the service; an unknown phone is not asked about', async () => {
  const { asked, phones, report } = service({ failure: 'UDP port 51820 is in use' });
  report(STATE);
  await expect(phones.turn(true, signal)).rejects.toMatchObject({
    code: 'badInput',
    message: 'UDP port 51820 is in use',
  });
  await expect(phones.remove('x', signal)).rejects.toMatchObject({ code: 'notFound' });
  expect(asked).toHaveLength(1);
});

test('a phone that is let in without being reported is removed again', async () => {
  const { asked, phones, report } = service({ reports: false });
  report(STATE);
  await expect(phones.add('Ann', 'home.example:51820', signal)).rejects.toMatchObject({ code: 'unavailable' });
  expect(asked.map((one) => [one['do'], one['key']])).toEqual([
    ['add', asked[0]?.['key']],
    ['remove', asked[0]?.['key']],
  ]);
});

test("the state of another Perch's service is not this one's; missing programs are named by their packages", () => {
  const { folder, phones, report } = service({ offers: false });
  report(STATE);
  expect([phones.state, phones.list, phones.missing]).toEqual([undefined, [], ['wireguard-tools', 'nftables']]);
  writeFileSync(join(folder, 'wg'), '');
  expect(phones.missing).toEqual(['nftables']);
});

test('damaged reports are read or none', () => {
  const next = random(51_820);
  const whole = Buffer.from(
    JSON.stringify({ ...STATE, phones: [{ key: 'a', address: '10.84.84.2', name: '416e6e', seenS: 5 }] }),
  );
  for (let i = 0; i < 3_000; i += 1) {
    const state = parseWireGuard(Buffer.from(mutate(whole, next)).toString('latin1'));
    expect(state?.port ?? 0).toBeLessThan(65_536);
  }
  expect(parseWireGuard('{"port":1}')).toBeUndefined();
});
