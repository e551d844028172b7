import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { configOf } from '../../../test/support/harness/servers/path-table-of.ts';
import { silentLogger } from '../../base/log.ts';
import type { Config } from '../../config/load/load.ts';
import type { Host } from '../contract.ts';
import { reach } from './feature.ts';
import { letsAnyoneIn, plainPorts, Reach } from './reach.ts';

const ALL = [{ action: 'read', path: '' }] as const;
type Access = Parameters<typeof letsAnyoneIn>[0];
const FILE: Access = {
  isOwn: false,
  authMethod: 'internal',
  authInternalUsers: [],
  authHTTPExclude: [],
  authJWTExclude: [],
};
const anyone = (ips: string[], permissions: Access['authInternalUsers'][number]['permissions'] = [...ALL]) => ({
  authInternalUsers: [{ user: 'any', pass: '', ips, permissions }],
});

test.for<readonly [string, Partial<Access>, boolean]>([
  ['without users', {}, false],
  ['in which anyone may watch', anyone([]), true],
  ['in which anyone at home may watch: the router may forward with its own address', anyone(['192.168.1.0/24']), true],
  ['in which programs of this box may watch', anyone(['127.0.0.1/32', '::1/128']), false],
  ['in which anyone may read metrics', anyone([], [{ action: 'metrics', path: '' }]), false],
  ["of Perch's own setup, which ignores public users", { ...anyone([]), isOwn: true }, false],
  ['with users', { authInternalUsers: [{ user: 'ann', pass: 'x', ips: [], permissions: [...ALL] }] }, false],
  ['that does not ask its server', { authMethod: 'http', authHTTPExclude: [{ action: 'read', path: '' }] }, true],
  ['that asks its server', { authMethod: 'http', authHTTPExclude: [{ action: 'metrics', path: '' }] }, false],
  ['that wants no token', { authMethod: 'jwt', authJWTExclude: [{ action: 'playback', path: '' }] }, true],
])('a configuration %s', ([, settings, isPublic]) => {
  expect(letsAnyoneIn({ ...FILE, ...settings })).toBe(isPublic);
});

function box({ hasOwner = true, tlsAddress = ':8443', isOpen = true } = {}) {
  const config = { ...configOf(''), isOwn: true, tlsAddress, portMapping: true } as unknown as Config;
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  return new Reach({
    clock: new FakeClock(),
    log: silentLogger,
    dataDir: '/nowhere',
    hostAnswers: '/nowhere',
    signal: stop.signal,
    config: () => config,
    https: () => (isOpen ? { port: 8_443 } : undefined),
    accounts: { people: { users: { owner: hasOwner ? 'owner' : undefined }, key: { sign: () => 'x'.repeat(43) } } },
  } as unknown as ConstructorParameters<typeof Reach>[0]);
}

test('no port is opened without an owner, without https, or where https is for programs of this box', () => {
  expect(box().state()).toMatchObject({ isOn: true, obstacle: null, httpsPort: 8_443, url: null, test: null });
  expect(box({ hasOwner: false }).state().obstacle).toBe('noOwner');
  expect(box({ isOpen: false }).state().obstacle).toBe('noHttps');
  expect(box({ tlsAddress: '127.0.0.1:8443' }).state()).toMatchObject({ obstacle: 'noHttps', httpsPort: null });
});

test('ports without encryption are named by their keys', () => {
  const plain = plainPorts(configOf(''));
  expect(plain.get(8_554)).toBe('rtspAddress');
  expect([...plain.values()]).not.toContain('tlsAddress');
  expect([...plain.values()]).not.toContain('webrtcLocalTCPAddress');
});

test('its routes are for the owner, on the main port only', () => {
  const host = { clock: new FakeClock(), log: silentLogger, accounts: {}, dataDir: '/nowhere' };
  const routes = { listener: 'main', right: 'admin', mount: expect.any(Function) };
  expect(reach.open(host as unknown as Host).routes).toEqual([routes]);
});
