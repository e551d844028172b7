import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { fingerprintLines } from '../../base/fingerprint.ts';
import { silentLogger } from '../../base/log.ts';
import { authorityFingerprint, OwnCertificate } from '../../tls/own-certificate.ts';
import { setupNotice } from './setup-notice.ts';

const NOTICE = { code: 'Q2SD-N8YX', url: 'http://192.168.1.5:8080' };

test('the setup notice has the fingerprint of /trust, in the same lines', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'perch-notice-'));
  onTestFinished(() => rm(dataDir, { recursive: true }));
  expect(await authorityFingerprint(dataDir)).toBeUndefined();
  const own = new OwnCertificate({ dataDir, clock: new FakeClock(), log: silentLogger });
  await own.file();
  own.close();
  const fingerprint = await authorityFingerprint(dataDir);
  expect(fingerprint).toBe(own.authority()?.fingerprint);
  const text = setupNotice({ ...NOTICE, fingerprint }).join('\n');
  expect(text).toContain('For https: http://192.168.1.5:8080/trust must show this fingerprint\n');
  expect(text).toContain(fingerprintLines(fingerprint ?? '').join('\n  '));
});

test('without https there is no fingerprint', () => {
  expect(setupNotice(NOTICE).join('\n')).not.toContain('fingerprint');
});
