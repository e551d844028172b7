import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Suites that wait ten seconds and more, for time limits of Perch or for pictures in real time. */
const WAITING = [
  'agent/app/cameras/adoptions',
  'agent/onvif/discovery/found-cameras',
  'system/updater/debian',
  'test/smoke/page-walk',
  'test/smoke/onvif-device',
  'test/smoke/recorded-streams',
  'test/smoke/protocols',
  'test/browser/page/shell/page-layout',
  'test/browser/page/shell/page-look',
  'test/browser/page/cameras/page-demo',
  'test/browser/page/settings/page-camera-network',
  'test/browser/page/live/page-wall-boxes',
  'test/browser/page/live/page-states',
  'test/browser/page/live/page-away',
  'test/browser/page/settings/page-factor',
  'test/browser/page/settings/page-import',
  'test/browser/players/always-available',
].map((name) => `/${name}.test.ts`);

/** Suites that wait begin first, so that others run meanwhile; then those that took longest, or the largest ones in a fresh clone. */
export class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isWaiting = ({ moduleId }: TestSpecification): boolean => WAITING.some((name) => moduleId.endsWith(name));
    return [...sorted.filter(isWaiting), ...sorted.filter((file) => !isWaiting(file))];
  }
}
