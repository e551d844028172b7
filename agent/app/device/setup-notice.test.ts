import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { fingerprintLines } from '../../base/fingerprint.ts';
import { silentLogger } from '../../base/log.ts';
import { authorityFingerprint, OwnCertificate } from '../../tls/own-certificate.ts';
import { setupNotice } from './setup-notice.ts';

const NOTICE = { code: 'Q2SD-N8YX', url: 'http://192.168.1.5:8080', claim: 'sudo perch claim' };

test('the setup notice has the fingerprint of /trust, in the same lines', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'perch-notice-'));
  onTestFinished(() => rm(dataDir, { recursive: true }));
  expect(await authorityFingerprint(dataDir)).toBeUndefined();
  const own = new OwnCertificate({ dataDir, clock: new FakeClock(), log: silentLogger });
  await own.file();
  own.close();
  const fingerprint = await authorityFingerprint(dataDir);
  expect(fingerprint).toBe(own.authority()?.fingerprint);
  const text = setupNotice({ ...NOTICE, fingerprint }, true).join('\n');
  expect(text).toContain('For https: http://192.168.1.5:8080/trust must show this fingerprint\n');
  expect(text).toContain(fingerprintLines(fingerprint ?? '').join('\n  '));
});

test('without https there is no fingerprint', () => {
  expect(setupNotice(NOTICE, true).join('\n')).not.toContain('fingerprint');
});

test('outside a terminal the notice has link, code and command, and no QR code or control characters', () => {
  const text = setupNotice(NOTICE, false).join('\n');
  expect(text).toContain('http://192.168.1.5:8080/#/setup/Q2SD-N8YX');
  expect(text).toContain('enter the setup code Q2SD-N8YX');
  expect(text).toContain('Without a browser: sudo perch claim');
  expect(text).toMatch(/^[ -~\n]+$/);
});
