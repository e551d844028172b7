import { expect, test } from 'vitest';
import { DAY_MS } from '../base/time/units.ts';
import { issueAuthority, issueServer } from './issue.ts';
import { NamedCertificates } from './named-certificates.ts';

test('a name has its certificate until it expires, and other hosts have that of the port', async () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const names = { dns: ['cloud.example.org'], ips: [] };
  const validity = { fromMs: nowMs - 80 * DAY_MS, untilMs: nowMs + 10 * DAY_MS };
  const { keyPem: key, certPem: cert } = await issueServer(await issueAuthority(names, validity), names, validity);
  const certificates = new NamedCertificates();
  expect(certificates.secondsLeft('cloud.example.org', nowMs)).toBeUndefined();
  certificates.use({ names: names.dns, key, cert });
  expect(certificates.secondsLeft('Cloud.Example.org', nowMs)).toBe(864_000);
  expect(certificates.secondsLeft('cloud.example.org', nowMs + 11 * DAY_MS)).toBe(0);
  expect(certificates.secondsLeft('box.local', nowMs)).toBeUndefined();
  certificates.use(undefined);
  expect(certificates.secondsLeft('cloud.example.org', nowMs)).toBeUndefined();
});
