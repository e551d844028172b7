import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../base/log.ts';
import { issueAuthority, issueServer } from '../../tls/issue.ts';
import { ACME_FILE, AcmeFile, type StoredAcme } from './acme-file.ts';

const pem = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

async function stored(): Promise<StoredAcme> {
  const names = { dns: ['a.example.org'], ips: [] };
  const validity = { fromMs: Date.UTC(2026, 0), untilMs: Date.UTC(2027, 0) };
  const { keyPem: key, certPem: cert } = await issueServer(await issueAuthority(names, validity), names, validity);
  return { accountKey: pem(), certificate: { directory: 'https://a.example/', names: names.dns, key, cert } };
}

function place() {
  const folder = mkdtempSync(join(tmpdir(), 'perch-acme-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const lines: string[] = [];
  const file = new AcmeFile(
    folder,
    createLogger('warn', (line) => lines.push(line)),
  );
  return { folder, lines, file };
}

test('account and certificate are readable by their owner only', async () => {
  const { folder, file } = place();
  expect(await file.load()).toBeUndefined();
  const value = await stored();
  await file.save(value);
  expect(statSync(join(folder, ACME_FILE)).mode & 0o777).toBe(0o600);
  expect(await file.load()).toEqual(value);
});

const DAMAGED: readonly (readonly [string, () => string | Promise<string>])[] = [
  ['no JSON', () => '{'],
  ['an account without a key', () => JSON.stringify({ accountKey: 'x' })],
  [
    'a key of another certificate',
    async () => {
      const value = await stored();
      return JSON.stringify({ ...value, certificate: { ...value.certificate, key: pem() } });
    },
  ],
];

test.for(DAMAGED)('a file with %s is renamed', async ([, text]) => {
  const { folder, file, lines } = place();
  writeFileSync(join(folder, ACME_FILE), await text());
  expect(await file.load()).toBeUndefined();
  expect(readdirSync(folder)).toEqual([`${ACME_FILE}.damaged`]);
  expect(lines.length).toBe(1);
});
