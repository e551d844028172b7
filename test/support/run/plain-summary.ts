import { basename } from 'node:path';
import type { TestError } from 'vitest';
import type { Reporter, TestModule, Vitest } from 'vitest/node';

const SLOWEST = 20;
const MAX_VALUE = 1_000;
const MAX_END_MS = 60_000;

/** The first line of its message, and of those of its causes. */
function oneLine(error: unknown): string {
  const { message, cause } = (error ?? {}) as Partial<Error>;
  const line = String(message ?? error).split('\n', 1)[0] ?? '';
  return cause === undefined ? line : `${line}: ${oneLine(cause)}`;
}

/** Its place, and the value if the message has only its beginning. */
function whatFailed(error: TestError): string {
  const at = error.stacks?.at(-1);
  const { message, actual } = error;
  const value = typeof actual === 'string' && message.includes('…') ? ` (${actual.slice(0, MAX_VALUE)})` : '';
  return `${at ? `${basename(at.file)}:${at.line}: ` : ''}${oneLine(error)}${value.replaceAll('\n', ' ')}`;
}

/**
 * Ends vitest's output with what a reader of its last lines needs: the slowest files, each failure by name, and one plain line that
 * scripts can read: `N passed, N failed, N skipped`.
 */
export default class PlainSummary implements Reporter {
  #isWatching = false;

  onInit({ config }: Vitest): void {
    this.#isWatching = config.watch;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0;
    let skipped = 0;
    const failures = unhandledErrors.map((error) => `${oneLine(error)} (outside of a test)`);
    const slowest = modules
      .map((module) => ({ name: module.relativeModuleId, ms: module.diagnostic().duration }))
      .sort((left, right) => right.ms - left.ms)
      .slice(0, SLOWEST);
    process.stdout.write('\nslowest files:\n');
    process.stdout.write(slowest.map(({ name, ms }) => `  ${(ms / 1000).toFixed(1)} s ${name}\n`).join(''));
    for (const module of modules) {
      // Also of hooks of a group, which leave its tests skipped.
      const ofHooks = [...module.children.allSuites()].flatMap((suite) => suite.errors());
      failures.push(
        ...[...module.errors(), ...ofHooks].map((error) => `${oneLine(error)} (${module.relativeModuleId})`),
      );
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        passed += state === 'passed' ? 1 : 0;
        skipped += state === 'skipped' ? 1 : 0;
        if (state === 'failed') {
          failures.push(`${test.fullName} (${module.relativeModuleId}): ${(errors ?? []).map(whatFailed).join('; ')}`);
        }
      }
    }
    process.stdout.write(['\n', ...failures.map((failure) => `failed: ${failure}\n`)].join(''));
    process.stdout.write(`${passed} passed, ${failures.length} failed, ${skipped} skipped\n`);
    if (this.#isWatching) {
      return;
    }
    // vitest waits without limit for the output of a worker, which a process that a test left behind keeps open.
    setTimeout(() => {
      process.stderr.write(
        `a process that a test started is still running ${MAX_END_MS / 1000} s after the last test\n`,
      );
      process.exit(1);
    }, MAX_END_MS).unref();
  }
}
