import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makePerchIpk } from '../../../packaging/openwrt.ts';
import { signIndex, writeIndex } from '../../../packaging/openwrt-index.ts';
import { describeWith } from '../../peers/programs/peers.ts';

describeWith(['signify'], "OpenBSD's signify, whose form OpenWrt uses", () => {
  test('accepts the signature of the index, and none of a changed one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'perch-feed-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const options = { version: '1.2.3', time: 1_700_000_000, folder, packing: 'quick' } as const;
    await makePerchIpk(new Map([['perch.mjs', Buffer.from('program')]]), options);
    await writeIndex(folder);
    await signIndex(folder, generateKeyPairSync('ed25519').privateKey);
    const verify = () =>
      spawnSync('signify-openbsd', ['-V', '-p', 'perch-opkg.pub', '-x', 'Packages.sig', '-m', 'Packages'], {
        cwd: folder,
        encoding: 'utf8',
      });
    expect(verify()).toMatchObject({ status: 0, stdout: 'Signature Verified\n' });
    writeFileSync(
      join(folder, 'Packages'),
      readFileSync(join(folder, 'Packages'), 'utf8').replace('Version: 1.2.3', 'Version: 1.2.4'),
    );
    expect(verify().status).not.toBe(0);
  });
});
