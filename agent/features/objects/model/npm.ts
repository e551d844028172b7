import { spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { systemClock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';

/** Without them npm waits for minutes until it says that the network is missing. */
const FEW_RETRIES = ['--fetch-retries', '2', '--fetch-retry-mintimeout', '1000', '--fetch-retry-maxtimeout', '5000'];

/**
 * Downloads a package by `npm pack`, with the registry, proxy and login of npm's settings. No script of the package runs, and what npm
 * caches is in that folder.
 * @param folder empty @param downloaded called with bytes so far, now and then
 * @returns the archive, whose integrity is not checked
 * @throws PerchError unavailable without npm or network
 */
export async function packFromNpm(
  spec: string,
  folder: string,
  downloaded: (bytes: number) => void,
  signal: AbortSignal,
): Promise<string> {
  const options = ['--ignore-scripts', '--json', '--cache', join(folder, 'cache'), '--pack-destination', folder];
  const stopTelling = systemClock.every(500, () => void sizeOf(folder).then(downloaded));
  try {
    const output = await runNpm(['pack', spec, ...options, ...FEW_RETRIES], folder, signal);
    signal.throwIfAborted();
    const failure = failureIn(output.text);
    const names = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    const [name] = names;
    if (output.code !== 0 || names.length !== 1 || name === undefined) {
      throw new PerchError('unavailable', `npm cannot download ${spec}: ${failure ?? `it ended with ${output.code}`}`);
    }
    return join(folder, name);
  } finally {
    stopTelling();
  }
}

async function runNpm(
  parameters: readonly string[],
  cwd: string,
  signal: AbortSignal,
): Promise<{ readonly code: number | null; readonly text: string }> {
  signal.throwIfAborted();
  // In its own process group: npm may be a script that starts Node.
  const npm = spawn('npm', parameters, { cwd, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  const stop = (): void => {
    if (npm.pid !== undefined && npm.exitCode === null && npm.signalCode === null) {
      process.kill(-npm.pid, 'SIGKILL');
    }
  };
  signal.addEventListener('abort', stop);
  try {
    const over = new Promise<number | null>((resolve, reject) => {
      npm.once('error', reject);
      npm.once('close', resolve);
    });
    const [code, output] = await Promise.all([over, text(npm.stdout)]);
    return { code, text: output.slice(0, 1 << 20) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new PerchError(
        'unavailable',
        'npm is not installed, which downloads it: install the package perch-objects, or set updateAddress',
        {},
        error,
      );
    }
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** npm's own summary of its failure: `{"error": {"code": "ENOTFOUND", "summary": "…"}}`. */
function failureIn(output: string): string | undefined {
  try {
    const { error } = JSON.parse(output) as { error?: { code?: unknown; summary?: unknown } };
    return error && `${String(error.code)}: ${String(error.summary).trim().slice(0, 300)}`;
  } catch {
    return undefined;
  }
}

/** Bytes of all files in the folder. */
async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  const sizes = files.map(({ parentPath, name }) =>
    stat(join(parentPath, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
