import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { describeWith } from '../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../peers/programs/process.ts';

const BUILD = join(import.meta.dirname, '../../packaging/build.ts');
/** Next to other suites it gets a part of one processor. */
const PATIENCE_MS = 800_000;

/** In `.ci/run` packing Node takes some seconds, else a minute: each is enough to be interrupted. */
const PACKING = process.env['PERCH_RELEASE'] === undefined ? [] : ['--quick'];

/** Programs whose working folder this is. */
const pidsOf = (folder: string): number[] =>
  spawnSync('pgrep', ['-f', folder], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean).map(Number);

describeWith(['dpkg-deb'], 'the making of packages', () => {
  test('a killed build leaves no truncated package; the next one cleans up after it, and leaves nothing when interrupted', {
    timeout: PATIENCE_MS,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'perch-packages-'));
    const [out, temporary] = [join(folder, 'out'), join(folder, 'tmp')];
    mkdirSync(temporary);
    let making: RunningProcess | undefined;
    const endAll = () => {
      making?.child.kill('SIGKILL');
      for (const pid of pidsOf(folder)) {
        spawnSync('kill', ['-KILL', String(pid)]);
      }
    };
    onTestFinished(() => {
      endAll();
      rmSync(folder, { recursive: true });
    });
    /** Resolves when Node is being packed. */
    const begin = async () => {
      making = startProcess(process.execPath, [BUILD, '--out', out, ...PACKING], { TMPDIR: temporary });
      await making.waitFor(/^packing Node for \w+: /m);
      await vi.waitUntil(
        () =>
          execFileSync('find', [folder, '-name', 'perch-node_*.deb', '-size', '+0'], { encoding: 'utf8' }).length > 0,
        { timeout: PATIENCE_MS, interval: 50 },
      );
      return making;
    };
    const whole = () => readdirSync(out).filter((name) => !name.startsWith('.'));

    const killed = await begin();
    endAll();
    await killed.exited;
    expect(whole()).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
    expect(readdirSync(out)).toHaveLength(1);

    const interrupted = await begin();
    interrupted.child.kill('SIGINT');
    await interrupted.exited;
    expect(interrupted.child.signalCode).toBe('SIGINT');
    expect(readdirSync(out)).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
    expect(pidsOf(folder)).toEqual([]);
  });
});
