import { expect, test } from 'vitest';
import { openHookHarness } from '../../test/support/harness/hook-harness.ts';

const NOTHING = { running: 0, started: 0, failed: 0, leftOut: 0 };

test('commands are counted by their hook: those that run, those that failed, and all', async () => {
  await using box = openHookHarness();
  const { programs } = box;
  programs.once({ hook: 'runOnRead', text: 'true', variables: {} });
  programs.once({ hook: 'runOnUnread', text: 'sh -c "exit 3"', variables: {} });
  programs.once({ hook: 'runOnInit', text: 'no-such-program', variables: {} });
  const running = programs.keep({ hook: 'runOnReady', text: 'sleep 1000', variables: {} }, false);
  await expect
    .poll(() => programs.tallies.list())
    .toEqual([
      { ...NOTHING, hook: 'runOnRead', started: 1 },
      { ...NOTHING, hook: 'runOnUnread', started: 1, failed: 1 },
      { ...NOTHING, hook: 'runOnInit', started: 1, failed: 1 },
      { ...NOTHING, hook: 'runOnReady', started: 1, running: 1 },
    ]);
  await running.stop();
  // Ended by `stop`, so no failure.
  expect(programs.tallies.of('runOnReady')).toEqual({ ...NOTHING, hook: 'runOnReady', started: 1 });
});
