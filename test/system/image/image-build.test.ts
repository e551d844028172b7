import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { runProcess } from '../../peers/programs/process.ts';

const BUILD = join(import.meta.dirname, '../../../packaging/image/build.ts');
/** Entry by which the kernel starts programs for arm64. */
const ENTRY = '/proc/sys/fs/binfmt_misc/qemu-aarch64';
const PATIENCE_MS = 1_800_000;

test.for([
  [
    'while its packages are made',
    'SIGTERM',
    "building Perch's packages",
    (folder: string) => globSync(join(folder, 'perch-image-*/*')).length > 0,
  ],
  ['while programs for arm64 run', 'SIGINT', "installing Perch's packages", () => existsSync(ENTRY)],
] as const)(
  'the making of the image is interrupted %s, and leaves nothing behind',
  {
    timeout: PATIENCE_MS,
  },
  async ([, signal, step, isReached]) => {
    const before = existsSync(ENTRY);
    const folder = mkdtempSync(join(tmpdir(), 'perch-image-'));
    const out = join(folder, 'out');
    mkdirSync(out);
    const parameters = [BUILD, '--quick', '--out', out];
    const child = spawn(process.execPath, parameters, { env: { ...process.env, TMPDIR: folder }, stdio: 'pipe' });
    const closed = once(child, 'close');
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
    }
    try {
      const reached = vi.waitUntil(() => said.includes(step) && isReached(folder), {
        timeout: PATIENCE_MS,
        interval: 20,
      });
      const ended = closed.then(() => Promise.reject(new Error(`the making ended before it was interrupted: ${said}`)));
      ended.catch(() => {});
      await Promise.race([reached, ended]);
      child.kill(signal);
      expect(await closed).toEqual([null, signal]);
      expect(readdirSync(folder)).toEqual(['out']);
      expect(readdirSync(out)).toEqual([]);
      expect(existsSync(ENTRY)).toBe(before);
      expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(folder);
      expect((await runProcess('pgrep', ['-f', folder])).output.trim()).toBe('');
    } finally {
      child.kill();
      rmSync(folder, { recursive: true });
    }
  },
);
