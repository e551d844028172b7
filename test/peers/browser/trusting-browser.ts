import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import { CHROMIUM } from '../programs/peers.ts';

/**
 * Chromium with a separate certificate store (NSS), like a user's. Every name leads to this machine, as at home. The whole browser in
 * every length: only it warns of certificates and installs pages.
 * @param home its folder; created
 * @param trusted file of an authority that its user has imported
 */
export async function startBrowserAt(home: string, trusted?: string): Promise<Browser> {
  makeStore(home, trusted);
  return chromium.launch(optionsAt(home));
}

/** The same with a profile on disk: only there does Chromium offer to install pages. */
export async function startProfileAt(home: string, trusted?: string): Promise<BrowserContext> {
  makeStore(home, trusted);
  const { args, ...options } = optionsAt(home);
  // It would wait for half a minute of use.
  const more = { args: [...args, '--bypass-app-banner-engagement-checks'], locale: 'en-GB' };
  return chromium.launchPersistentContext(join(home, 'profile'), { ...options, ...more });
}

function makeStore(home: string, trusted: string | undefined): void {
  const database = join(home, '.pki/nssdb');
  mkdirSync(database, { recursive: true });
  // The location in newer versions.
  mkdirSync(join(home, '.local/share'), { recursive: true });
  symlinkSync(join(home, '.pki'), join(home, '.local/share/pki'));
  execFileSync('certutil', ['-N', '-d', `sql:${database}`, '--empty-password']);
  if (trusted !== undefined) {
    execFileSync('certutil', ['-A', '-d', `sql:${database}`, '-n', 'perch', '-t', 'C,,', '-i', trusted]);
  }
}

const optionsAt = (home: string) => ({
  executablePath: CHROMIUM,
  env: { ...process.env, HOME: home },
  args: [
    ...['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP * 127.0.0.1'],
    ...['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  ],
});
