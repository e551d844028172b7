import { expect, test } from 'vitest';
import { parseRoute } from '../../shell/route.ts';
import { featurePages } from './table.ts';

test('a page of a feature below the cameras is in SECTIONS of route.ts, so that its address opens no camera', () => {
  const parts = featurePages('cameras').map(({ part }) => part);
  expect(parts.length).toBeGreaterThan(0);
  const opened = parts.map((part) => parseRoute(`#/settings/cameras/${part}`));
  expect(opened).toEqual(parts.map((part) => ({ page: 'settings', section: 'cameras', part })));
});
