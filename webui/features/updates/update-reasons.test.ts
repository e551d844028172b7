import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { UPDATE_REASONS } from '../../../system/update/reasons.ts';
import { updateReason } from './update-reasons.ts';
import { en as english } from './words/en.ts';
import { zhCn as chinese } from './words/zh-cn.ts';

test.for(UPDATE_REASONS)('%s has a text of its own in both languages', (why) => {
  for (const t of [english, chinese]) {
    const others = UPDATE_REASONS.filter((one) => one !== why).map((one) => updateReason(one, t));
    expect(updateReason(why, t)).toMatch(/[.。]$/);
    expect(others).not.toContain(updateReason(why, t));
  }
});

/** Sources that decide on updates, in the agent and in root's part. */
const SOURCES = globSync(['system/update/*.ts', 'system/updater/*.ts', 'agent/features/updates/updates.ts']).filter(
  (file) => !file.endsWith('.test.ts'),
);

test('no part of an update has another reason', () => {
  const given = SOURCES.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\bwhy: '(\w+)'/g)].map(([, why]) => why),
  );
  expect(given.length).toBeGreaterThan(1);
  expect(given.filter((why) => !UPDATE_REASONS.some((one) => one === why))).toEqual([]);
});
