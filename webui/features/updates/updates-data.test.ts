import { globSync, readFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { UPDATE_REASONS } from '../../../system/update/reasons.ts';
import { checkUpdate, fetchUpdate, installUpdate, MAX_BYTES, updateReason } from './updates-data.ts';
import { en as english } from './words/en.ts';
import { zhCn as chinese } from './words/zh-cn.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test('a whole system arrives over slow Wi-Fi of 4 Mbit/s, too', async () => {
  const limits = vi.spyOn(AbortSignal, 'timeout');
  vi.stubGlobal('fetch', async () => Response.json({}));
  const file = { size: MAX_BYTES } as File;
  await checkUpdate(file);
  await installUpdate(file);
  await fetchUpdate('1.2.0');
  const atLowestRateMs = (MAX_BYTES * 8) / 4_000;
  expect(limits.mock.calls.every(([ms]) => ms >= atLowestRateMs)).toBe(true);
  expect(limits).toHaveBeenCalledTimes(3);
});

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
