import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const unit = readFileSync(join(import.meta.dirname, 'linux/systemd/perch.service'), 'utf8');

test('systemd starts Perch again within a second, however often it has done so', () => {
  expect(unit).toMatch(/^RestartSec=500ms$/m);
  // systemd counts restarts since the service was started by hand, and never resets the count.
  expect(unit).not.toMatch(/^Restart(Steps|MaxDelaySec)=/m);
});
