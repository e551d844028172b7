import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { silentLogger } from '../../base/log.ts';
import { DAY_MS } from '../../base/time/units.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import { issueAuthority, issueServer } from '../../tls/issue.ts';
import { NamedCertificates } from '../../tls/named-certificates.ts';
import { Acme } from './acme.ts';
import { AcmeFile } from './acme-file.ts';
import { ACME } from './keys.ts';

test('a certificate that has expired stays in use, but is not valid', async () => {
  using folder = temporaryFolder();
  const clock = new FakeClock();
  const config = good("acmeDomains: [cloud.example.org]\nacmeAddress: ''\n");
  const names = { dns: ['cloud.example.org'], ips: [] };
  const validity = { fromMs: clock.wallMs() - 80 * DAY_MS, untilMs: clock.wallMs() + DAY_MS };
  const { keyPem: key, certPem: cert } = await issueServer(await issueAuthority(names, validity), names, validity);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await new AcmeFile(folder.path, silentLogger).save({
    accountKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: { directory: settingsIn(config, ACME).acmeURL, names: names.dns, key, cert },
  });
  const certificates = new NamedCertificates();
  const acme = new Acme({
    ...{ dataDir: folder.path, clock, log: silentLogger, config: () => config, certificates, https: () => undefined },
    // Without a known time the authority is not asked.
    recordings: { isClockTrusted: false },
  });
  const stop = await acme.component().start(config);
  expect(acme.state).toMatchObject({ state: 'valid', until: '2026-01-02T00:00:00.000Z' });
  clock.stepWall(2 * DAY_MS);
  expect(acme.state).toMatchObject({ state: 'waiting', until: '2026-01-02T00:00:00.000Z' });
  expect(certificates.has('cloud.example.org')).toBe(true);
  await stop('end');
});
