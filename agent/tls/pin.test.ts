import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { certificate } from '../../test/support/cameras/channel-front.ts';
import { issueAuthority, issueServer } from './issue.ts';
import { pinFault, pinOf } from './pin.ts';

const NAMES = { dns: ['perch.local'], ips: ['127.0.0.1'] };
const DAY_MS = 86_400_000;
const VALIDITY = { fromMs: Date.UTC(2026, 0, 1), untilMs: Date.UTC(2026, 0, 1) + 300 * DAY_MS };
const parsed = (pem: string | Uint8Array) => new X509Certificate(pem);

test("the pin of a box's own authority stays when its certificates are renewed", async () => {
  const authority = await issueAuthority(NAMES, VALIDITY, undefined);
  const server = await issueServer(authority, NAMES, VALIDITY);
  const pin = pinOf(server.certPem, authority.certPem);
  expect(pin).toMatch(/^authority\.[\w-]{44}$/);
  const renewed = await issueAuthority(NAMES, VALIDITY, authority);
  const next = await issueServer(renewed, { ...NAMES, ips: ['192.0.2.1'] }, VALIDITY);
  for (const { certPem } of [server, next]) {
    expect(pinFault(parsed(certPem), pin)).toBeUndefined();
  }
  const stranger = await issueServer(await issueAuthority(NAMES, VALIDITY, undefined), NAMES, VALIDITY);
  expect(pinFault(parsed(stranger.certPem), pin)).toMatchObject({ code: 'unauthorized', context: { why: 'pin' } });
  // The authority itself is no server.
  expect(pinFault(undefined, pin)).toMatchObject({ context: { why: 'pin' } });
});

test('a configured certificate is pinned by its key', async () => {
  const { cert } = certificate('camera');
  const authority = await issueAuthority(NAMES, VALIDITY, undefined);
  const pin = pinOf(Buffer.from(cert), authority.certPem);
  expect(pin).toMatch(/^key\.[\w-]{43}$/);
  expect(pinFault(parsed(cert), pin)).toBeUndefined();
  expect(pinFault(parsed(authority.certPem), pin)).toMatchObject({ context: { why: 'pin' } });
});

test.for(['', 'key.', 'authority.', 'authority.AAAA', 'other.x', `authority.${'_'.repeat(44)}`])(
  "the damaged pin '%s' fits no certificate",
  (pin) => {
    expect(pinFault(parsed(certificate('camera').cert), pin)).toMatchObject({ context: { why: 'pin' } });
  },
);
