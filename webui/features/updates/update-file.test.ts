import { afterEach, expect, test, vi } from 'vitest';
import { checkUpdate, fetchUpdate, installUpdate, MAX_BYTES } from './update-file.ts';

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
