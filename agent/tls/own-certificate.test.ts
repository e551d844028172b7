import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { createLogger, silentLogger } from '../base/log.ts';
import { type DeviceNames, namesOf } from './device-names.ts';
import { OwnCertificate } from './own-certificate.ts';

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;

/** A box with a data folder, whose names and clock can be changed. */
async function box(names: DeviceNames = namesOf('perch', ['192.168.1.9', 'fd00::9']), wallMs?: number) {
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-own-'));
  const clock = new FakeClock();
  const lines: string[] = [];
  const now = { names };
  if (wallMs !== undefined) {
    clock.stepWall(wallMs - clock.wallMs());
  }
  const open = async () => {
    const own = new OwnCertificate({
      dataDir,
      clock,
      log: createLogger('info', (line) => lines.push(line)),
      names: () => now.names,
    });
    onTestFinished(() => own.close());
    return { own, file: await own.file() };
  };
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  const { own, file } = await open();
  const served = () => new X509Certificate(readFileSync(file));
  const authority = () => new X509Certificate(own.authority()?.pem ?? '');
  /** The next look, and what it writes. */
  const renewed = async () => {
    const before = served().fingerprint256;
    await clock.advance(10_000);
    await expect.poll(() => served().fingerprint256).not.toBe(before);
    await own.file();
  };
  return { dataDir, clock, lines, now, open, own, file, served, authority, renewed };
}

const isValidAt = (certificate: X509Certificate, ms: number) =>
  certificate.validFromDate.getTime() <= ms && ms < certificate.validToDate.getTime();

/** OpenSSL's verdict on the chain, including name constraints. @param ca the trusted authority */
function verify(dataDir: string, certificate: X509Certificate, ca: X509Certificate, ...more: string[]): string {
  const [leafFile, caFile] = [join(dataDir, 'leaf.crt'), join(dataDir, 'ca.crt')];
  writeFileSync(leafFile, certificate.toString());
  writeFileSync(caFile, ca.toString());
  const args = ['verify', '-x509_strict', '-purpose', 'sslserver', ...more, '-CAfile', caFile, leafFile];
  try {
    return execFileSync('openssl', args, { stdio: 'pipe' }).toString().trim();
  } catch (error) {
    return String((error as { stderr: Buffer }).stderr);
  }
}

test('the certificate is valid for every name and address of the box, by its authority only', async () => {
  const { dataDir, clock, served, authority } = await box();
  const at = ['-attime', String(Math.floor(clock.wallMs() / 1000))];
  for (const name of ['perch', 'perch.local', 'localhost']) {
    expect(verify(dataDir, served(), authority(), ...at, '-verify_hostname', name)).toMatch(/: OK$/);
  }
  for (const ip of ['192.168.1.9', 'fd00::9', '127.0.0.1', '::1']) {
    expect(verify(dataDir, served(), authority(), ...at, '-verify_ip', ip)).toMatch(/: OK$/);
  }
  expect(verify(dataDir, served(), authority(), ...at, '-verify_hostname', 'example.com')).toContain('mismatch');
  expect(served().checkIssued(authority())).toBe(true);
  const lifeMs = served().validToDate.getTime() - served().validFromDate.getTime();
  expect(lifeMs / DAY_MS).toBeLessThanOrEqual(397);
  expect((authority().validToDate.getTime() - clock.wallMs()) / YEAR_MS).toBeGreaterThan(9.9);
});

test('the authority cannot certify names of the internet', async () => {
  const { dataDir, own, clock, authority } = await box();
  const { issueServer } = await import('./issue.ts');
  const keyPem = readFileSync(join(dataDir, 'tls/authority.pem'), 'utf8').split('-----BEGIN CERT')[0] ?? '';
  const stolen = { keyPem: keyPem.trim(), certPem: own.authority()?.pem ?? '' };
  const validity = { fromMs: clock.wallMs() - DAY_MS, untilMs: clock.wallMs() + DAY_MS };
  const forged = await issueServer(stolen, { dns: ['bank.example.com'], ips: [] }, validity);
  const at = ['-attime', String(Math.floor(clock.wallMs() / 1000))];
  expect(verify(dataDir, new X509Certificate(forged.certPem), authority(), ...at)).toContain('permitted subtree');
});

test('key and certificate are readable by their owner only, and survive a restart', async () => {
  const { dataDir, served, own, open, lines } = await box();
  for (const file of ['tls/server.pem', 'tls/authority.pem']) {
    expect(statSync(join(dataDir, file)).mode & 0o777).toBe(0o600);
  }
  expect(statSync(join(dataDir, 'tls')).mode & 0o777).toBe(0o700);
  const before = [served().fingerprint256, own.authority()?.fingerprint];
  const again = await open();
  expect([served().fingerprint256, again.own.authority()?.fingerprint]).toEqual(before);
  expect(lines.filter((line) => line.includes('certificate created')).length).toBe(1);
});

test('the log never shows a key', async () => {
  const { dataDir, lines } = await box();
  const keys = ['tls/server.pem', 'tls/authority.pem'].flatMap((file) =>
    readFileSync(join(dataDir, file), 'utf8').match(/[\w+/=]{40,}/g),
  );
  expect(keys.length).toBeGreaterThan(10);
  expect(keys.filter((key) => lines.some((line) => line.includes(key ?? '')))).toEqual([]);
  expect(lines.join()).not.toContain('PRIVATE');
});

test('a new address causes a new certificate at once, by the same authority; a removed one changes nothing', async () => {
  const { now, renewed, served, authority, clock } = await box();
  const trusted = authority();
  now.names = namesOf('perch', ['192.168.1.9', '192.168.7.7']);
  await renewed();
  expect(served().checkIP('192.168.7.7')).toBe('192.168.7.7');
  expect(served().checkIP('fd00::9'), 'an interface that comes back is still in it').toBeDefined();
  expect(served().verify(trusted.publicKey)).toBe(true);
  const before = served().fingerprint256;
  now.names = namesOf('perch', []);
  await clock.advance(60_000);
  expect(served().fingerprint256).toBe(before);
});

test('a new box name is certified; a warning asks devices to fetch the authority again', async () => {
  const { dataDir, now, renewed, served, authority, clock, lines } = await box();
  const [trusted, at] = [authority(), ['-attime', String(Math.floor(clock.wallMs() / 1000))]];
  now.names = namesOf('attic', []);
  await renewed();
  const verified = verify(dataDir, served(), authority(), ...at, '-verify_hostname', 'attic');
  expect(verified).toMatch(/: OK$/);
  expect(authority().publicKey.equals(trusted.publicKey)).toBe(true);
  expect(lines.join()).toContain('devices should fetch it from /trust again');
});

test('the certificate is renewed four months before its end', async () => {
  const { clock, renewed, served } = await box();
  const end = served().validToDate.getTime();
  const before = served().fingerprint256;
  clock.stepWall(end - 121 * DAY_MS - clock.wallMs());
  await clock.advance(20_000);
  expect(served().fingerprint256).toBe(before);
  clock.stepWall(2 * DAY_MS);
  await renewed();
  expect(served().validToDate.getTime()).toBeGreaterThan(end);
});

test('a certificate created before the clock was set is valid then and later, and replaced when the clock is set', async () => {
  const { clock, served, authority, renewed } = await box(undefined, Date.UTC(1970, 0, 1));
  const realMs = Date.UTC(2026, 10, 21);
  expect([isValidAt(served(), realMs), isValidAt(authority(), realMs)]).toEqual([true, true]);
  const trusted = authority().fingerprint256;
  clock.stepWall(Date.UTC(2029, 5, 1) - clock.wallMs());
  await renewed();
  expect(isValidAt(served(), clock.wallMs())).toBe(true);
  expect(isValidAt(authority(), clock.wallMs())).toBe(true);
  expect(authority().fingerprint256).toBe(trusted);
});

test('a box that starts with its clock at 1970 again keeps its certificate', async () => {
  const { clock, open, served } = await box(undefined, Date.UTC(2028, 1, 1));
  const before = served().fingerprint256;
  clock.stepWall(-clock.wallMs());
  await open();
  await clock.advance(60_000);
  expect(served().fingerprint256).toBe(before);
});

test('a new address while the clock is not set creates a certificate with the last known time', async () => {
  const { clock, now, served, renewed } = await box(undefined, Date.UTC(2028, 1, 1));
  clock.stepWall(-clock.wallMs());
  now.names = namesOf('perch', ['10.1.1.1']);
  await renewed();
  expect(served().checkIP('10.1.1.1')).toBeDefined();
  expect(isValidAt(served(), Date.UTC(2028, 1, 2))).toBe(true);
});

test('a certificate created while the clock was ahead is replaced, and the authority stays trusted', async () => {
  const { clock, served, authority, renewed } = await box(undefined, Date.UTC(2026, 10, 20));
  const trusted = authority();
  clock.stepWall(70 * YEAR_MS);
  await renewed();
  clock.stepWall(-70 * YEAR_MS);
  await renewed();
  expect(isValidAt(served(), clock.wallMs())).toBe(true);
  expect(isValidAt(authority(), clock.wallMs())).toBe(true);
  expect(served().verify(trusted.publicKey)).toBe(true);
});

test('over ten years a client that trusts the authority trusts every certificate', {
  timeout: 60_000,
}, async () => {
  const { clock, served, authority } = await box();
  const trusted = authority();
  for (let month = 0; month < 119; month += 1) {
    clock.stepWall(30.4 * DAY_MS);
    await clock.advance(10_000);
    await expect.poll(() => isValidAt(served(), clock.wallMs() + 89 * DAY_MS)).toBe(true);
    expect(served().verify(trusted.publicKey)).toBe(true);
    expect(isValidAt(trusted, clock.wallMs())).toBe(true);
  }
});

test('damaged files are renamed and replaced', async () => {
  const { dataDir, open, lines } = await box();
  writeFileSync(join(dataDir, 'tls/server.pem'), 'cut off');
  const { file } = await open();
  expect(new X509Certificate(readFileSync(file)).checkHost('perch')).toBe('perch');
  expect(readFileSync(`${file}.damaged`, 'utf8')).toBe('cut off');
  expect(lines.join()).toContain('damaged');
});

test('a damaged file that cannot be renamed is reported by name', async () => {
  const { dataDir, open } = await box();
  const file = join(dataDir, 'tls/authority.pem');
  writeFileSync(file, 'cut off');
  mkdirSync(`${file}.damaged`);
  await expect(open()).rejects.toMatchObject({ code: 'unavailable', message: `cannot rename ${file}` });
});

test('an unwritable folder is reported', async () => {
  const { file: dataDir } = await box();
  const own = new OwnCertificate({ dataDir, clock: new FakeClock(), log: silentLogger });
  await expect(own.file()).rejects.toThrow(`cannot create the folder ${dataDir}/tls`);
});

test('an unexpected failure of a check is logged, and the next check renews', async () => {
  const { clock, lines, now, renewed } = await box();
  const { names } = now;
  Object.defineProperty(now, 'names', {
    get: () => {
      throw new TypeError('uv_interface_addresses');
    },
    configurable: true,
  });
  await clock.advance(30_000);
  expect(lines.filter((line) => line.includes('uv_interface_addresses'))).toHaveLength(1);
  Object.defineProperty(now, 'names', { value: { ...names, ips: [...names.ips, '192.168.1.77'] } });
  await renewed();
});

test.for([
  ['RSA', ['-newkey', 'rsa:2048']],
  ['P-384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384']],
] as const)('an authority with %s is replaced: it cannot sign', async ([, kind]) => {
  const { dataDir, open } = await box();
  const file = join(dataDir, 'tls/authority.pem');
  const made = join(dataDir, 'made');
  const args = ['req', '-x509', ...kind, '-nodes', '-days', '900', '-subj', '/CN=house'];
  execFileSync('openssl', [...args, '-keyout', `${made}.key`, '-out', `${made}.crt`], { stdio: 'pipe' });
  writeFileSync(file, readFileSync(`${made}.key`, 'utf8') + readFileSync(`${made}.crt`, 'utf8'));
  const { own } = await open();
  expect(own.authority()?.name).toContain('Perch');
  expect(readFileSync(`${file}.damaged`, 'utf8')).toContain('PRIVATE KEY');
});
