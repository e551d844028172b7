import { basename } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

/** Ends vitest's output with one plain line that scripts can read: `N passed, N failed, N skipped`. */
export default class PlainSummary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    for (const module of modules) {
      failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        passed += state === 'passed' ? 1 : 0;
        failed += state === 'failed' ? 1 : 0;
        skipped += state === 'skipped' ? 1 : 0;
        const tries = 1 + (test.diagnostic()?.retryCount ?? 0);
        if (state === 'passed' && tries > 1) {
          process.stdout.write(`\nonly at try ${tries}: ${test.fullName} (${module.relativeModuleId})\n`);
          // The error of the first try shows whether the machine was busy or a fault is intermittent.
          for (const { message, stacks } of errors ?? []) {
            const at = stacks?.at(-1);
            process.stdout.write(`  ${at ? `${basename(at.file)}:${at.line}: ` : ''}${message}\n`);
          }
        }
      }
    }
    process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  }
}
