import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const unit = readFileSync(join(import.meta.dirname, 'linux/perch.service'), 'utf8');

test('systemd starts Perch again within a second, however often it has done so', () => {
  expect(unit).toMatch(/^RestartSec=500ms$/m);
  // It counts restarts since somebody started the service, and never forgets one.
  expect(unit).not.toMatch(/^Restart(Steps|MaxDelaySec)=/m);
});
