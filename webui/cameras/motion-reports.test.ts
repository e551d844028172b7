import { expect, test } from 'vitest';
import { reportsMotion } from './motion-reports.ts';

const camera = (box: object | null = null) => ({ name: 'gate', main: { box } }) as Parameters<typeof reportsMotion>[0];
const item = (onvif: string | null, hasEvents?: boolean, takesEvents = true) =>
  ({ path: 'gate', onvif, takesEvents, description: hasEvents === undefined ? null : { hasEvents } }) as NonNullable<
    Parameters<typeof reportsMotion>[1]
  >[number];
const ONVIF = 'http://192.168.1.20/onvif/device_service';

test('a camera with ONVIF reports motion if it has events', () => {
  expect(reportsMotion(camera(), [item(ONVIF, true)])).toBe(true);
  expect(reportsMotion(camera(), [item(ONVIF, false)])).toBe(false);
});

test('a camera whose events Perch does not take reports none, also while it was never read', () => {
  expect(reportsMotion(camera(), [item(ONVIF, true, false)])).toBe(false);
  expect(reportsMotion(camera(), [item(ONVIF, undefined, false)])).toBe(false);
});

test('a camera without ONVIF, and a path without a camera, report none', () => {
  expect(reportsMotion(camera(), [item(null)])).toBe(false);
  expect(reportsMotion(camera(), [])).toBe(false);
});

test('of a camera that was never read, one of another box, and before the first answer nothing is known', () => {
  expect(reportsMotion(camera(), [item(ONVIF)])).toBeUndefined();
  expect(reportsMotion(camera({ name: 'barn' }), [])).toBeUndefined();
  expect(reportsMotion(camera(), undefined)).toBeUndefined();
});
